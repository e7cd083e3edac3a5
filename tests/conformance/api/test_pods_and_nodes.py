"""What the API asks of pods, and of the objects that they read, before any node runs them."""

from typing import Any

import pytest

from . import samples
from .clients import Api, eventually, status_of

READERS = pytest.mark.parametrize("plural", ["configmaps", "secrets"])


@READERS
def test_a_key_needs_a_name(api: Api, plural: str) -> None:
    answer = api.post(api.path(plural), {"metadata": {"name": "x"}, "data": {"": "dmFsdWU="}})
    assert status_of(answer) == (422, "Invalid")
    assert api.get(api.path(plural, "x")).code == 404


@READERS
def test_what_is_immutable_stays(api: Api, plural: str) -> None:
    """Data may change until it is said that they may not; that cannot be taken back."""
    path = api.path(plural, "x")
    api.make(plural, "x", data={"a": "MQ=="})
    api.patch(path, {"data": {"a": "Mg=="}}, expect=200)
    api.patch(path, {"immutable": True}, expect=200)
    for change in ({"data": {"a": "Mw=="}}, {"data": {"b": "MQ=="}}, {"immutable": False}):
        assert status_of(api.patch(path, change)) == (422, "Invalid")
    found = api.patch(path, {"metadata": {"labels": {"a": "b"}}}, expect=200).json
    assert (found["data"], found["immutable"]) == ({"a": "Mg=="}, True)
    assert api.delete(path).code == 200


def test_names_of_kernel_settings(api: Api) -> None:
    """One that can be and two that cannot: the pod is refused, and both are named."""
    names = ("foo-", "kernel.shmmax", "bar..")
    sysctls = [{"name": name, "value": "1"} for name in names]
    body = samples.pod("p", securityContext={"sysctls": sysctls})
    answer = api.post(api.path("pods"), body, expect=422)
    where = "spec.securityContext.sysctls[{}].name"
    assert [field for _, field in answer.causes] == [where.format(0), where.format(2)]


def test_labels_and_status_of_a_pod(api: Api) -> None:
    """Found by labels old and new; its status is patched and replaced by itself."""
    api.post(api.path("pods"), samples.pod("p", labels={"time": "one"}), expect=201)
    path, status = api.path("pods", "p"), api.path("pods", "p", "status")

    def found(time: str) -> list[str]:
        listed = api.get(api.path("pods"), labelSelector=f"time={time}").json["items"]
        return [one["metadata"]["name"] for one in listed]

    assert found("one") == ["p"]
    pod = api.get(path).json
    pod["metadata"]["labels"]["time"] = "two"
    eventually(lambda: api.put(path, {**pod, "metadata": fresh(api, path, pod)}).code == 200)
    assert (found("one"), found("two")) == ([], ["p"])
    # A condition of our own: nobody else writes that one.
    mine = {"type": "Tested", "status": "False", "lastProbeTime": None}
    api.patch(status, {"status": {"conditions": [mine]}}, "strategic", expect=200)
    assert state_of(api, path) == "False"

    def replaced() -> bool:
        newest = api.get(status).json
        for one in newest["status"]["conditions"]:
            if one["type"] == "Tested":
                one["status"] = "True"
        return api.put(status, newest).code == 200

    eventually(replaced)
    assert state_of(api, path) == "True"
    api.patch(status, {"status": {"message": "by hand", "reason": "Tested"}}, expect=200)
    told = api.get(path).json["status"]
    assert (told["message"], told["reason"]) == ("by hand", "Tested")


def fresh(api: Api, path: str, pod: Any) -> Any:
    """Its metadata, with the version that the server has now."""
    version = api.get(path).json["metadata"]["resourceVersion"]
    return {**pod["metadata"], "resourceVersion": version}


def state_of(api: Api, path: str) -> str:
    conditions = api.get(path).json["status"]["conditions"]
    return next(str(one["status"]) for one in conditions if one["type"] == "Tested")


def test_the_quality_of_service_of_a_pod(api: Api) -> None:
    amounts = {"cpu": "100m", "memory": "100Mi"}
    for name, resources, quality in [
        ("equal", {"requests": amounts, "limits": amounts}, "Guaranteed"),
        ("less", {"requests": amounts}, "Burstable"),
        ("none", {}, "BestEffort"),
    ]:
        main = {"name": "a", "image": "registry.example/app:1", "resources": resources}
        made = api.post(api.path("pods"), samples.pod(name, containers=[main]), expect=201).json
        assert made["status"]["qosClass"] == quality


def test_a_runtime_class_must_be_there(root: Api, api: Api, unique: str) -> None:
    body = samples.pod("p", runtimeClassName=unique)
    assert status_of(api.post(api.path("pods"), body)) == (403, "Forbidden")
    classes = "/apis/node.k8s.io/v1/runtimeclasses"
    overhead = {"podFixed": {"cpu": "10m"}}
    made = {"metadata": {"name": unique}, "handler": "none", "overhead": overhead}
    root.post(classes, made, expect=201)
    found = eventually(lambda: (one := api.post(api.path("pods"), body)).code == 201 and one)
    assert found.json["spec"]["overhead"] == {"cpu": "10m"}
    root.delete(f"{classes}/{unique}")
    again = samples.pod("again", runtimeClassName=unique)
    eventually(lambda: api.post(api.path("pods"), again, dryRun="All").code == 403)


def test_a_pod_with_a_volume_of_a_driver(api: Api) -> None:
    source = {"driver": "csi.example.com", "volumeAttributes": {"size": "1Gi"}}
    volumes = [{"name": "v", "csi": source}]
    api.post(api.path("pods"), samples.pod("p", labels={"a": "b"}, volumes=volumes), expect=201)
    path = api.path("pods", "p")
    found = next(one for one in api.get(path).json["spec"]["volumes"] if one["name"] == "v")
    assert found["csi"]["driver"] == "csi.example.com"
    assert len(api.get(api.path("pods"), labelSelector="a=b").json["items"]) == 1
    patched = api.patch(path, {"metadata": {"labels": {"a": "c"}}}, expect=200).json
    assert patched["metadata"]["labels"]["a"] == "c"
    assert api.delete(path).code == 200
    eventually(lambda: api.get(path).code == 404)


HOT, HOTTER = (
    {"key": f"conformance/{name}", "value": "yes", "effect": "NoExecute"}
    for name in ("hot", "hotter")
)


def bearing(taint: dict[str, str], seconds: int | None = None) -> dict[str, Any]:
    """A toleration: for so long, or for ever."""
    until = {} if seconds is None else {"tolerationSeconds": seconds}
    return {"key": taint["key"], "operator": "Exists", "effect": "NoExecute", **until}


def put_on(api: Api, node: str, **tolerations: list[Any]) -> None:
    """Pods on that node, by name."""
    for name, wanted in tolerations.items():
        body = samples.pod(name, node=node, tolerations=wanted)
        api.post(api.path("pods"), body, expect=201)


def taint(root: Api, node: str, *taints: Any) -> None:
    root.patch(f"/api/v1/nodes/{node}", {"spec": {"taints": list(taints)}}, expect=200)


def going(api: Api, name: str) -> bool:
    answer = api.get(api.path("pods", name))
    return answer.code == 404 or "deletionTimestamp" in answer.json["metadata"]


def test_taints_drive_pods_away_when_their_patience_is_over(root: Api, api: Api, node: str) -> None:
    put_on(api, node, none=[], short=[bearing(HOT, 1)], long=[bearing(HOT, 600)])
    taint(root, node, HOT)
    eventually(lambda: going(api, "none"))
    eventually(lambda: going(api, "short"))
    assert not going(api, "long")


def test_a_taint_that_is_taken_back_in_time_does_nothing(root: Api, api: Api, node: str) -> None:
    """When the patience of one with another taint is over, that of the first would be too."""
    put_on(
        api, node,
        spared=[bearing(HOT, 5), bearing(HOTTER)],
        later=[bearing(HOT), bearing(HOTTER, 6)],
    )  # fmt: skip
    taint(root, node, HOT, HOTTER)
    taint(root, node, HOTTER)
    eventually(lambda: going(api, "later"))
    assert not going(api, "spared")


def test_keys_of_labels_are_written_into_selectors(api: Api) -> None:
    """What they mean for the pod at its birth; a selector that is not there means nobody."""
    keys = {"matchLabelKeys": ["rev", "none"], "labelSelector": {"matchLabels": {"app": "x"}}}
    spread = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **keys}
    near = {"topologyKey": "zone", **keys, "mismatchLabelKeys": ["tenant"]}
    everyone = {"topologyKey": "zone", "namespaceSelector": {}}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    affinity = {
        "podAffinity": {required: [near, everyone]},
        "podAntiAffinity": {preferred: [{"weight": 1, "podAffinityTerm": near}]},
    }
    labels = {"app": "x", "rev": "7", "tenant": "acme"}
    pod = samples.pod("p", labels=labels, affinity=affinity, topologySpreadConstraints=[spread])
    made = api.post(api.path("pods"), pod, expect=201).json["spec"]
    same = {"key": "rev", "operator": "In", "values": ["7"]}
    other = {"key": "tenant", "operator": "NotIn", "values": ["acme"]}
    labelled = {"matchLabels": {"app": "x"}, "matchExpressions": [same]}
    apart = {**labelled, "matchExpressions": [same, other]}
    assert made["topologySpreadConstraints"][0]["labelSelector"] == labelled
    first, second = made["affinity"]["podAffinity"][required]
    assert first["labelSelector"] == apart
    assert "labelSelector" not in second
    (wish,) = made["affinity"]["podAntiAffinity"][preferred]
    assert wish["podAffinityTerm"]["labelSelector"] == apart


def test_a_selector_may_not_name_the_key_itself(api: Api) -> None:
    spread = {
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "matchLabelKeys": ["app"], "labelSelector": {"matchLabels": {"app": "x"}},
    }  # fmt: skip
    pod = samples.pod("p", labels={"app": "x"}, topologySpreadConstraints=[spread])
    answer = api.post(api.path("pods"), pod)
    assert answer.code == 422
    assert "exists in both matchLabelKeys and labelSelector" in answer.message
    del pod["metadata"]["labels"]["app"]
    assert api.post(api.path("pods"), pod).code == 201, "it has no such label to be told by"
