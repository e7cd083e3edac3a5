"""What controllers do with workloads, as far as it shows without a node: scale, adopt, release,
report. The pods wait for ever; which of them run is no matter here."""

from typing import Any

import pytest

from . import samples
from .clients import Answer, Api, eventually, status_of

JsonObject = dict[str, Any]
SCALED = ("deployments", "replicasets", "replicationcontrollers", "statefulsets")


def workload(plural: str, replicas: int = 1) -> JsonObject:
    """Its spec; pods bear `app: web`."""
    made = samples.deployment("web", replicas=replicas)["spec"]
    if plural == "replicationcontrollers":
        made["selector"] = {"app": "web"}
    if plural == "statefulsets":
        made |= {"serviceName": "web", "podManagementPolicy": "Parallel"}
    if plural == "jobs":
        made = {
            "parallelism": replicas,
            "completions": 5,
            "template": {**made["template"], "metadata": {"labels": {"app": "web"}}},
        }
        made["template"]["spec"]["restartPolicy"] = "Never"
    return {"spec": made}


def pods(api: Api, selector: str = "app=web") -> list[JsonObject]:
    items = api.get(api.path("pods"), labelSelector=selector).json["items"]
    return [one for one in items if "deletionTimestamp" not in one["metadata"]]


def owners(pod: JsonObject) -> list[str]:
    return [one["kind"] for one in pod["metadata"].get("ownerReferences", ())]


@pytest.mark.parametrize("plural", SCALED)
def test_a_scale_is_read_updated_and_patched(api: Api, plural: str) -> None:
    api.make(plural, "web", **workload(plural))
    eventually(lambda: len(pods(api)) == 1)
    path = api.path(plural, "web", "scale")
    scale = api.get(path).json
    assert (scale["apiVersion"], scale["kind"]) == ("autoscaling/v1", "Scale")
    assert scale["spec"]["replicas"] == 1
    eventually(lambda: api.get(path).json["status"] == {"replicas": 1, "selector": "app=web"})

    def put() -> bool:
        newest = api.get(path).json
        newest["spec"]["replicas"] = 2
        answer: Answer = api.put(path, newest)
        return answer.code == 200 and answer.json["spec"]["replicas"] == 2

    eventually(put)
    assert api.get(path).json["spec"]["replicas"] == 2
    eventually(lambda: len(pods(api)) == 2)
    patched = api.patch(path, {"spec": {"replicas": 4}}, expect=200).json
    assert patched["spec"]["replicas"] == 4
    assert api.get(api.path(plural, "web")).json["spec"]["replicas"] == 4
    eventually(lambda: len(pods(api)) == 4)


@pytest.mark.parametrize(
    ("plural", "kind"),
    [("replicasets", "ReplicaSet"), ("replicationcontrollers", "ReplicationController")],
)
def test_pods_are_adopted_and_let_go(api: Api, plural: str, kind: str) -> None:
    api.post(api.path("pods"), samples.pod("loner", labels={"app": "web"}), expect=201)
    loner = api.path("pods", "loner")
    api.make(plural, "web", **workload(plural))
    eventually(lambda: owners(api.get(loner).json) == [kind])
    assert len(pods(api)) == 1, "it counts"
    api.patch(loner, {"metadata": {"labels": {"app": "other"}}}, expect=200)
    eventually(lambda: owners(api.get(loner).json) == [])
    eventually(lambda: len(pods(api)) == 1)


def test_a_job_takes_its_orphans_back(api: Api) -> None:
    api.make("jobs", "work", **workload("jobs", replicas=2))
    eventually(lambda: len(pods(api)) == 2)
    path = api.path("pods", pods(api)[0]["metadata"]["name"])
    api.patch(path, {"metadata": {"ownerReferences": None}}, expect=200)
    eventually(lambda: owners(api.get(path).json) == ["Job"])
    labels = dict.fromkeys(api.get(path).json["metadata"]["labels"])
    api.patch(path, {"metadata": {"labels": labels}}, expect=200)
    eventually(lambda: owners(api.get(path).json) == [])


@pytest.mark.parametrize("plural", ["replicationcontrollers", "replicasets"])
def test_a_quota_that_is_exceeded_is_told_and_forgotten(api: Api, plural: str) -> None:
    quota = {"spec": {"hard": {"pods": "2"}}}
    api.make("resourcequotas", "few", **quota)
    path = api.path("resourcequotas", "few")
    eventually(lambda: api.get(path).json["status"]["hard"] == {"pods": "2"})
    made = api.make(plural, "web", **workload(plural, replicas=3))
    path = api.path(plural, "web")

    def failure() -> list[JsonObject]:
        conditions = api.get(path).json["status"].get("conditions", ())
        return [one for one in conditions if one["type"] == "ReplicaFailure"]

    (told,) = eventually(failure)
    assert (told["status"], told["reason"]) == ("True", "FailedCreate")
    assert "exceeded quota: few" in told["message"]
    assert len(pods(api)) == made["spec"]["replicas"] - 1
    api.patch(path, {"spec": {"replicas": 2}}, expect=200)
    eventually(lambda: not failure())


def test_a_budget_opens_when_it_is_changed(api: Api, node: str) -> None:
    """First nobody may go, then one, whatever else the object is made to say."""
    for name in "ab":
        pod = samples.pod(name, node=node, labels={"app": "web"})
        api.post(api.path("pods"), pod, expect=201)
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        api.patch(api.path("pods", name, "status"), {"status": ready}, expect=200)
    selector = {"matchLabels": {"app": "web"}}
    api.make("poddisruptionbudgets", "b", spec={"minAvailable": 2, "selector": selector})
    path = api.path("poddisruptionbudgets", "b")

    def counts() -> list[int]:
        status = api.get(path).json["status"]
        names = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
        return [status[name] for name in names]

    def evict() -> Answer:
        body = {"metadata": {"name": "a"}, "deleteOptions": {"gracePeriodSeconds": 0}}
        return api.post(api.path("pods", "a", "eviction"), body)

    eventually(lambda: counts() == [0, 2, 2, 2])
    refused = evict()
    assert status_of(refused) == (429, "TooManyRequests")
    assert refused.json["details"]["causes"][0]["reason"] == "DisruptionBudget"
    api.patch(path, {"spec": {"minAvailable": 1}}, expect=200)
    eventually(lambda: counts() == [1, 2, 1, 2])
    assert evict().code == 201
    eventually(lambda: counts() == [0, 1, 1, 1])


def test_a_suspended_job_says_so_and_makes_nothing(api: Api) -> None:
    api.make("jobs", "still", spec={**workload("jobs")["spec"], "suspend": True})
    path = api.path("jobs", "still")
    suspended = {"type": "Suspended", "status": "True", "reason": "JobSuspended"}
    eventually(lambda: suspended.items() <= api.get(path).json["status"]["conditions"][0].items())
    assert pods(api) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"description": "eight"}, 200),
        ({"value": 8}, 422),
        ({"preemptionPolicy": "Never"}, 422),
    ],
)
@pytest.mark.parametrize("verb", ["patch", "put"])
def test_what_of_a_priority_may_change(
    root: Api, unique: str, cleanup: Any, verb: str, change: JsonObject, code: int
) -> None:
    collection = "/apis/scheduling.k8s.io/v1/priorityclasses"
    body = {"metadata": {"name": unique}, "value": 7, "preemptionPolicy": "PreemptLowerPriority"}
    made = root.post(collection, body, expect=201).json
    path = f"{collection}/{unique}"
    cleanup(path)
    answer = root.put(path, {**made, **change}) if verb == "put" else root.patch(path, change)
    assert answer.code == code, answer.raw
    found = root.get(path).json
    assert (found["value"], found["preemptionPolicy"]) == (7, "PreemptLowerPriority")
    assert found.get("description") == (change.get("description") if code == 200 else None)


def demanding(api: Api, name: str, **resources: JsonObject) -> Answer:
    """A pod with these resources, as far as it is admitted."""
    container = {"name": "app", "image": "registry.example/app:1", "resources": resources}
    return api.post(api.path("pods"), samples.pod(name, containers=[container]))


def test_a_range_fills_in_what_pods_leave_out(api: Api) -> None:
    amounts = ("cpu", "memory", "ephemeral-storage")
    default = dict(zip(amounts, ("500m", "500Mi", "500Gi"), strict=True))
    request = dict(zip(amounts, ("100m", "200Mi", "200Gi"), strict=True))
    least = dict(zip(amounts, ("50m", "100Mi", "100Gi"), strict=True))
    most = dict(zip(amounts, ("500m", "500Mi", "500Gi"), strict=True))
    item = {"type": "Container", "min": least, "max": most, "default": default}
    api.make("limitranges", "l", spec={"limits": [{**item, "defaultRequest": request}]})

    def given(name: str, **resources: JsonObject) -> JsonObject:
        made = eventually(
            lambda: (one := demanding(api, name, **resources)).code == 201 and one.json
        )
        return dict(made["spec"]["containers"][0]["resources"])

    assert given("bare") == {"requests": request, "limits": default}
    partly = given("partly", requests={"cpu": "300m", "memory": "100Mi"}, limits={"cpu": "300m"})
    assert partly["requests"] == {**request, "cpu": "300m", "memory": "100Mi"}
    assert partly["limits"] == {**default, "cpu": "300m"}

    def bounded(name: str, cpu: str) -> Answer:
        return demanding(api, name, requests={"cpu": cpu}, limits={"cpu": cpu})

    for name, amount in (("small", "10m"), ("large", "600m")):
        answer = bounded(name, cpu=amount)
        assert status_of(answer) == (403, "Forbidden")
        assert "cpu usage per Container is" in answer.message
    changed = {**item, "min": {**least, "cpu": "9m"}, "defaultRequest": request}
    path = api.path("limitranges", "l")
    api.patch(path, {"spec": {"limits": [changed]}}, expect=200)
    eventually(lambda: bounded("small", cpu="10m").code == 201)
    assert bounded("large", cpu="600m").code == 403
    assert api.delete(path).code == 200
    eventually(lambda: bounded("large", cpu="600m").code == 201)


def test_a_collection_of_ranges_is_of_one_namespace(
    root: Api, api: Api, unique: str, cleanup: Any
) -> None:
    second = f"{unique}-second"
    root.post("/api/v1/namespaces", {"metadata": {"name": second}}, expect=201)
    cleanup(f"/api/v1/namespaces/{second}")
    other = root.within(second)
    labels = {"labels": {"of": unique}}
    spec = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
    for one in (api, other):
        one.make("limitranges", "l", metadata=labels, spec=spec)
    everywhere = {"labelSelector": f"of={unique}"}
    assert len(root.get("/api/v1/limitranges", **everywhere).json["items"]) == 2
    changed = {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}
    patched = api.patch(api.path("limitranges", "l"), {"spec": changed}, expect=200).json
    assert patched["spec"]["limits"][0]["max"] == {"cpu": "2"}
    assert api.delete(api.path("limitranges"), **everywhere).code == 200
    eventually(lambda: len(root.get("/api/v1/limitranges", **everywhere).json["items"]) == 1)
    assert other.get(other.path("limitranges", "l")).code == 200
