"""Server-side apply as a whole server answers it: what is refused in which words, and scales."""

from typing import Any

import pytest

DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/d"
SCALE = f"{DEPLOYMENT}/scale"


def deployment(*containers: Any, **more: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": list(containers or ({"name": "c", "image": "x"},)), **more},
    }
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def scale(replicas: int, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "d", **metadata},
        "spec": {"replicas": replicas},
    }


IN = ".spec.template.spec"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (deployment({"name": "c", "imag": "x"}),
         f'{IN}.containers[name="c"].imag: field not declared in schema'),
        (deployment({"name": "c", "ports": [{"containerPort": 80, "x": 1}]}),
         (f'{IN}.containers[name="c"].ports[containerPort=80,protocol="TCP"].x: '
         "field not declared in schema")),
        # A list that is one value has no keys: its items are counted.
        (deployment(tolerations=[{"ky": "x"}]),
         f"{IN}.tolerations[0].ky: field not declared in schema"),
        (deployment({"name": "c"}, {"name": "c"}),
         f'{IN}.containers: duplicate entries for key [name="c"]'),
        (deployment({"image": "x"}),
         (f'{IN}.containers: element 0: associative list with keys has an element that omits key '
         'field "name" (and doesn\'t have default value)')),
        ({**deployment(), "metadata": {"name": "d", "finalizers": ["a.b/c", "a.b/c"]}},
         '.metadata.finalizers: duplicate entries for key [="a.b/c"]'),
        (deployment({"name": "c", "a": 1}, {"name": "c"}),
         (f'errors:\n  {IN}.containers[name="c"].a: field not declared in schema\n'
         f'  {IN}.containers: duplicate entries for key [name="c"]')),
    ],
)  # fmt: skip
async def test_what_nobody_can_own_is_named_by_its_keys(api, wanted, told):
    answer = await api.patch(DEPLOYMENT, wanted, "apply", fieldManager="m")
    assert (answer.status, answer.message) == (
        400,
        f"failed to create typed patch object (/d; apps/v1, Kind=Deployment): {told}",
    )


async def test_a_scale_is_applied(api):
    await api.patch(DEPLOYMENT, deployment(), "apply", fieldManager="owner")
    answer = await api.patch(SCALE, scale(3), "apply", fieldManager="scaler")
    assert (answer.status, answer.json["spec"]) == (200, {"replicas": 3})
    found = (await api.get(DEPLOYMENT)).json
    assert found["spec"]["replicas"] == 3
    (entry,) = [one for one in found["metadata"]["managedFields"] if one["manager"] == "scaler"]
    entry.pop("time")
    assert entry == {
        "manager": "scaler", "operation": "Apply", "apiVersion": "apps/v1", "subresource": "scale",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }  # fmt: skip
    again = await api.patch(SCALE, scale(3), "apply", fieldManager="scaler")
    assert again.json["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


async def test_replicas_that_another_owns_are_a_conflict(api):
    wanted = deployment()
    wanted["spec"]["replicas"] = 1
    await api.patch(DEPLOYMENT, wanted, "apply", fieldManager="owner")
    refused = await api.patch(SCALE, scale(3), "apply", fieldManager="scaler")
    assert (refused.status, refused.message) == (
        409,
        'Apply failed with 1 conflict: conflict with "owner": .spec.replicas',
    )
    forced = await api.patch(SCALE, scale(3), "apply", fieldManager="scaler", force="true")
    assert (forced.status, forced.json["spec"]["replicas"]) == (200, 3)
    wanted["spec"]["replicas"] = 2
    back = await api.patch(DEPLOYMENT, wanted, "apply", fieldManager="owner")
    assert back.message == (
        'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale": '
        ".spec.replicas"
    )


@pytest.mark.parametrize(
    ("wanted", "query", "code"),
    [
        (scale(-1), {"fieldManager": "m"}, 422),
        (scale(1) | {"metadata": {"name": "other"}}, {"fieldManager": "m"}, 400),
        (scale(1, resourceVersion="1"), {"fieldManager": "m"}, 409),
        (deployment(), {"fieldManager": "m"}, 400),
        (scale(1), {}, 422),
    ],
)
async def test_scales_that_cannot_be_applied(api, wanted, query, code):
    await api.patch(DEPLOYMENT, deployment(), "apply", fieldManager="owner")
    before = (await api.get(DEPLOYMENT)).json
    answer = await api.patch(SCALE, wanted, "apply", **query)
    assert answer.status == code, answer.raw
    assert (await api.get(DEPLOYMENT)).json == before


async def test_the_scale_of_a_custom_resource_is_applied(api):
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
            "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
        },
    }
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    version = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "subresources": {"scale": paths},
    }  # fmt: skip
    definition = {
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "versions": [version],
            "names": {"plural": "things", "kind": "Thing"},
        },
    }  # fmt: skip
    await api.made("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    things = "/apis/example.com/v1/namespaces/default/things"
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "d"}}
    await api.made(things, {**thing, "spec": {"size": 1}})
    answer = await api.patch(f"{things}/d/scale", scale(4), "apply", fieldManager="s", force="true")
    assert answer.status == 200, answer.raw
    found = (await api.get(f"{things}/d")).json
    assert found["spec"] == {"size": 4}
    owners = {one["manager"]: one["fieldsV1"] for one in found["metadata"]["managedFields"]}
    assert owners["s"] == {"f:spec": {"f:size": {}}}
