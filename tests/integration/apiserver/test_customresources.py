"""Custom resources in the server: definitions make rows, versions, names, deletion, stale objects."""

import asyncio
from typing import Any

import pytest

from apiserver.server import ApiServer
from apiserver.stores import open_store

from .conftest import Api

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GADGETS = "/apis/example.com/v1/namespaces/default/gadgets"
GADGET = f"{GADGETS}/a"


def schema(**spec: Any) -> dict[str, Any]:
    properties = {
        "spec": {"type": "object", "properties": spec or {"size": {"type": "integer"}}},
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    }
    return {"openAPIV3Schema": {"type": "object", "properties": properties}}


def version(name: str = "v1", **more: Any) -> dict[str, Any]:
    return {"name": name, "served": True, "storage": True, "schema": schema(), **more}


def definition(*versions: dict[str, Any], **names: Any) -> dict[str, Any]:
    plural = names.setdefault("plural", "gadgets")
    names.setdefault("kind", "Gadget")
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": names,
            "versions": list(versions) or [version()],
        },
    }


def gadget(name: str = "a", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec}


def conditions(obj: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in obj["status"]["conditions"]}


async def change(api: Api, **spec: Any) -> dict[str, Any]:
    """Change the definition of gadgets."""
    answer = await api.patch(f"{CRDS}/gadgets.example.com", {"spec": spec})
    assert answer.status == 200, answer.raw
    return answer.json


async def gone(api: Api, path: str) -> None:
    """Wait until a path answers 404; the server's own tasks need a few turns of the loop."""
    async with asyncio.timeout(30):
        while (await api.get(path)).status != 404:
            await asyncio.sleep(0.01)


# --- definitions ---------------------------------------------------------------------------------


async def test_a_definition_is_established_by_its_own_write(api: Api) -> None:
    made = await api.made(CRDS, definition(shortNames=["gd"]))
    assert conditions(made) == {"NamesAccepted": "True", "Established": "True"}
    assert made["status"]["acceptedNames"] == {
        "plural": "gadgets",
        "singular": "gadget",
        "kind": "Gadget",
        "listKind": "GadgetList",
        "shortNames": ["gd"],
    }
    assert made["status"]["storedVersions"] == ["v1"]
    assert (await api.get(GADGETS)).json["kind"] == "GadgetList"


async def test_discovery_and_openapi_follow_at_once(api: Api) -> None:
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    before = await api.get("/apis", aggregated)
    assert "example.com" not in before.raw.decode()
    await api.made(CRDS, definition())
    after = await api.get("/apis", aggregated)
    assert before.headers["ETag"] != after.headers["ETag"]
    group = next(one for one in after.json["items"] if one["metadata"]["name"] == "example.com")
    assert group["versions"][0]["resources"][0]["responseKind"]["kind"] == "Gadget"
    document = (await api.get("/openapi/v3/apis/example.com/v1")).json
    assert "com.example.v1.Gadget" in document["components"]["schemas"]
    assert "apis/example.com/v1" in (await api.get("/openapi/v3")).json["paths"]
    listed = document["paths"]["/apis/example.com/v1/gadgets"]["get"]["responses"]["200"]
    assert list(listed["content"]) == ["application/json", "application/yaml"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"name": "x.example.com"}}, 'must be spec.names.plural+"."+spec.group'),
        ({"scope": "Here"}, 'spec.scope: Unsupported value: "Here"'),
        (
            {"versions": []},
            "spec.versions: Invalid value: []: must have exactly one version marked as storage",
        ),
        (
            {"versions": [version(schema=None)]},
            "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required",
        ),
        (
            {"versions": [version(), version("v2")]},
            "must have exactly one version marked as storage version",
        ),
        (
            {"versions": [version(schema=schema(a={}))]},
            (
                "properties[spec].properties[a].type: Required value: must not be empty for specified "
                "object fields"
            ),
        ),
        (
            {
                "versions": [
                    version(
                        additionalPrinterColumns=[{"name": "x", "type": "text", "jsonPath": "["}]
                    )
                ]
            },
            (
                'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,'
                "date,integer,number,string"
            ),
        ),
    ],
)
async def test_what_is_no_definition(api: Api, change: dict[str, Any], message: str) -> None:
    obj = definition()
    obj["metadata"].update(change.get("metadata", {}))
    obj["spec"].update({key: value for key, value in change.items() if key != "metadata"})
    answer = await api.post(CRDS, obj)
    assert answer.status == 422
    assert message in answer.message


async def test_a_taken_name_waits_until_it_is_free(api: Api) -> None:
    await api.made(CRDS, definition(shortNames=["gd"]))
    other = await api.made(CRDS, definition(plural="gizmos", kind="Gadget", shortNames=["gz"]))
    assert conditions(other) == {"NamesAccepted": "False", "Established": "False"}
    assert other["status"]["conditions"][0]["message"] == '"gadget" is already in use'
    assert (await api.get("/apis/example.com/v1/gizmos")).status == 404
    await api.delete(f"{CRDS}/gadgets.example.com")
    async with asyncio.timeout(30):
        while (await api.get("/apis/example.com/v1/gizmos")).status == 404:
            await asyncio.sleep(0.01)
    found = (await api.get(f"{CRDS}/gizmos.example.com")).json
    assert conditions(found)["Established"] == "True"


async def test_definitions_survive_a_restart(tmp_path: Any) -> None:
    store = f"sqlite:{tmp_path / 'state.db'}"
    server = ApiServer(open_store(store))
    await server.start()
    api = Api(server)
    await api.made(CRDS, definition())
    await api.made(GADGETS, gadget(size=1))
    await server.stop()
    server = ApiServer(open_store(store))
    await server.start()
    assert (await Api(server).get(GADGET)).json["spec"] == {"size": 1}
    await server.stop()


# --- objects -------------------------------------------------------------------------------------


async def test_unknown_fields_by_field_validation(api: Api) -> None:
    await api.made(CRDS, definition())
    warned = await api.post(GADGETS, gadget(size=1, other=1))
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.other\\""'
    assert warned.json["spec"] == {"size": 1}
    ignored = await api.post(GADGETS, gadget("b", other=1), fieldValidation="Ignore")
    assert "Warning" not in ignored.headers
    strict = await api.post(GADGETS, gadget("c", other=1), fieldValidation="Strict")
    assert strict.status == 400
    assert strict.message == (
        'Gadget in version "v1" cannot be handled as a Gadget: strict decoding error: unknown '
        'field "spec.other"'
    )


async def test_an_invalid_object(api: Api) -> None:
    await api.made(CRDS, definition())
    answer = await api.post(GADGETS, gadget(size="big"))
    assert answer.status == 422
    assert answer.message == (
        'Gadget.example.com "a" is invalid: spec.size: Invalid value: "string": spec.size in body '
        'must be of type integer: "string"'
    )


async def test_an_update_names_the_version_it_replaces(api: Api) -> None:
    await api.made(CRDS, definition())
    made = await api.made(GADGETS, gadget(size=1))
    assert (await api.put(GADGET, gadget(size=2))).status == 422
    made["spec"]["size"] = 2
    assert (await api.put(GADGET, made)).json["spec"] == {"size": 2}


async def test_generation_without_a_status_subresource_counts_all(api: Api) -> None:
    await api.made(CRDS, definition())
    await api.made(GADGETS, gadget(size=1))
    changed = await api.patch(GADGET, {"status": {"phase": "x"}})
    assert changed.json["metadata"]["generation"] == 2
    labelled = await api.patch(GADGET, {"metadata": {"labels": {"a": "b"}}})
    assert labelled.json["metadata"]["generation"] == 2


async def test_the_status_subresource_is_a_door_of_its_own(api: Api) -> None:
    await api.made(CRDS, definition(version(subresources={"status": {}})))
    made = await api.made(GADGETS, {**gadget(size=1), "status": {"phase": "x"}})
    assert "status" not in made
    through_main = await api.patch(GADGET, {"status": {"phase": "x"}})
    assert "status" not in through_main.json
    change = {"status": {"phase": "y"}, "spec": {"size": 2}, "metadata": {"labels": {"a": "b"}}}
    found = (await api.patch(f"{GADGET}/status", change)).json
    assert (found["status"], found["spec"]) == ({"phase": "y"}, {"size": 1})
    assert "labels" not in found["metadata"]
    assert found["metadata"]["generation"] == 1


async def test_strategic_merge_is_refused(api: Api) -> None:
    await api.made(CRDS, definition())
    await api.made(GADGETS, gadget(size=1))
    assert (await api.patch(GADGET, {"spec": {"size": 2}}, "strategic")).status == 415


async def test_what_was_valid_once_may_stay(api: Api) -> None:
    await api.made(CRDS, definition())
    await api.made(GADGETS, gadget(size=1))
    await change(api, versions=[version(schema=schema(size={"type": "integer", "minimum": 5}))])
    assert (await api.patch(GADGET, {"metadata": {"labels": {"a": "b"}}})).status == 200
    assert (await api.patch(GADGET, {"spec": {"size": 2}})).status == 422


# --- versions ------------------------------------------------------------------------------------


async def test_versions_differ_in_their_name_only(api: Api) -> None:
    await api.made(
        CRDS,
        definition(version("v1"), version("v2", storage=False), version("v1beta1", storage=False)),
    )
    listed = (await api.get("/apis/example.com")).json
    assert [one["version"] for one in listed["versions"]] == ["v2", "v1", "v1beta1"]
    other = GADGETS.replace("v1", "v2")
    made = await api.made(other, gadget(size=1))
    assert made["apiVersion"] == "example.com/v2"
    assert (await api.get(GADGET)).json == {**made, "apiVersion": "example.com/v1"}
    items = (await api.get(other)).json["items"]
    assert items == [made]
    patched = await api.patch(f"{other}/a", {"spec": {"size": 2}})
    assert patched.json["apiVersion"] == "example.com/v2"


async def test_watches_show_the_version_they_asked_for(api: Api) -> None:
    await api.made(CRDS, definition(version("v1"), version("v2", storage=False)))
    await api.made(GADGETS, gadget(size=1))
    async for event in api.watch("/apis/example.com/v2/gadgets", resourceVersion="0"):
        assert event["object"]["apiVersion"] == "example.com/v2"
        break


async def test_a_new_storage_version_reads_what_the_old_one_stored(api: Api) -> None:
    await api.made(CRDS, definition(version("v1"), version("v2", storage=False)))
    await api.made(GADGETS, gadget(size=1))
    changed = await change(api, versions=[version("v1", storage=False), version("v2")])
    assert changed["status"]["storedVersions"] == ["v1", "v2"]
    assert (await api.get(GADGET)).json["apiVersion"] == "example.com/v1"
    listed = (await api.get(GADGETS.replace("v1", "v2"))).json
    assert [one["apiVersion"] for one in listed["items"]] == ["example.com/v2"]


async def test_a_stored_version_need_not_be_served(api: Api) -> None:
    await api.made(CRDS, definition(version("v1", served=False), version("v2", storage=False)))
    made = await api.made(GADGETS.replace("v1", "v2"), gadget(size=1))
    assert made["apiVersion"] == "example.com/v2"
    await gone(api, GADGETS)


async def test_a_new_schema_shows_in_objects_that_are_older(api: Api) -> None:
    await api.made(CRDS, definition())
    await api.made(GADGETS, gadget(size=1))
    color = {"type": "string", "default": "red"}
    await change(api, versions=[version(schema=schema(color=color))])
    assert (await api.get(GADGET)).json["spec"] == {"color": "red"}
    assert (await api.get(GADGETS)).json["items"][0]["spec"] == {"color": "red"}


async def test_a_deprecated_version_warns(api: Api) -> None:
    await api.made(CRDS, definition(version(deprecated=True)))
    answer = await api.get(GADGETS)
    assert answer.headers["Warning"] == '299 - "example.com/v1 Gadget is deprecated"'


# --- the end -------------------------------------------------------------------------------------


async def test_a_definition_takes_its_objects_along(api: Api) -> None:
    await api.made(CRDS, definition())
    for name in ("a", "b"):
        await api.made(GADGETS, gadget(name, size=1))
    deleted = await api.delete(f"{CRDS}/gadgets.example.com")
    assert conditions(deleted.json)["Terminating"] == "True"
    await gone(api, f"{CRDS}/gadgets.example.com")
    await gone(api, GADGETS)
    await api.made(CRDS, definition())
    assert (await api.get(GADGETS)).json["items"] == []


async def test_objects_with_finalizers_are_waited_for(api: Api) -> None:
    await api.made(CRDS, definition())
    held = gadget(size=1)
    held["metadata"]["finalizers"] = ["example.com/held"]
    await api.made(GADGETS, held)
    await api.delete(f"{CRDS}/gadgets.example.com")
    async with asyncio.timeout(30):
        while "deletionTimestamp" not in (await api.get(GADGET)).json["metadata"]:
            await asyncio.sleep(0.01)
    refused = await api.post(GADGETS, gadget("b"))
    assert refused.status == 405
    assert refused.message == ("create not allowed while custom resource definition is terminating")
    await api.patch(GADGET, {"metadata": {"finalizers": None}})
    await gone(api, f"{CRDS}/gadgets.example.com")


async def test_field_selectors_reach_objects_from_before(api: Api) -> None:
    await api.made(CRDS, definition())
    await api.made(GADGETS, gadget(size=1))
    await api.made(GADGETS, gadget("b", size=2))
    assert (await api.get(GADGETS, fieldSelector="spec.size=1")).status == 400
    await change(api, versions=[version(selectableFields=[{"jsonPath": ".spec.size"}])])
    found = (await api.get(GADGETS, fieldSelector="spec.size=1")).json["items"]
    assert [one["metadata"]["name"] for one in found] == ["a"]
    async for event in api.watch(GADGETS, resourceVersion="0", fieldSelector="spec.size=2"):
        assert event["object"]["metadata"]["name"] == "b"
        break


@pytest.mark.parametrize(
    ("second", "field", "said"),
    [
        ({"deprecationWarning": "x"}, "deprecationWarning",
         'Invalid value: "x": can only be set for deprecated versions'),
        ({"deprecated": True, "deprecationWarning": ""}, "deprecationWarning",
         'Invalid value: "": must not be an empty string'),
        ({"deprecated": True, "deprecationWarning": "a\n"}, "deprecationWarning",
         ('Invalid value: "a\\n": must only contain printable UTF-8 characters; non-printable '
         "character found at index 1")),
        ({"additionalPrinterColumns": [{"name": "a", "type": "x", "jsonPath": ".a"}]},
         "additionalPrinterColumns[0].type",
         'Invalid value: "x": must be one of boolean,date,integer,number,string'),
        ({"subresources": {"scale": {"specReplicasPath": ".x", "statusReplicasPath": ".status.y"}}},
         "subresources.scale.specReplicasPath",
         'Invalid value: ".x": should be a json path under .spec'),
        ({"schema": {"openAPIV3Schema": {"type": "string"}}}, "schema.openAPIV3Schema.type",
         'Invalid value: "string": must be object at the root'),
        ({"schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-validations": [
            {"rule": "1"}]}}}, "schema.openAPIV3Schema.x-kubernetes-validations[0].rule",
         ('Invalid value: {"Rule":"1","Message":"","MessageExpression":"","Reason":null,'
          '"FieldPath":"","OptionalOldSelf":null}: compilation failed: '
          "cel expression must evaluate to a bool")),
    ],
)  # fmt: skip
async def test_what_is_wrong_names_its_version(
    api: Api, second: dict[str, Any], field: str, said: str
) -> None:
    made = definition(version("v1"), version("v2", storage=False, **second))
    refused = await api.post(CRDS, made)
    (cause,) = refused.json["details"]["causes"]
    assert (cause["field"], cause["message"]) == (f"spec.versions[1].{field}", said)
