"""Workloads whose containers really run, held against the cases of sig-apps and sig-scheduling."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.batch import Batch, a_batch, container, expect, is_ready
from tests.e2e.conftest import Cluster, eventually

SPACE = "workloads"
WAIT = "trap 'exit 0' TERM; sleep 3600 & wait"
MARKED = f"mark=/shared/$JOB_COMPLETION_INDEX; [ -e $mark ] && exit 0; touch $mark; {WAIT}"
"""The first that runs leaves a mark and waits; the second finds it and is done."""
MARK = {
    "exec": {"command": ["sh", "-c", "[ -e /shared/$JOB_COMPLETION_INDEX ]"]},
    "periodSeconds": 1,
    "timeoutSeconds": 5,
}
UNIT = "example.com/unit"
"""A resource of which one node has a few: what it is worth to whom shows without filling nodes."""


def job(
    batch: Batch, name: str, script: str, template: Any = None, restart: str = "Never", **spec: Any
) -> None:
    pod = {"restartPolicy": restart, "containers": [container(script)], **(template or {})}
    batch.api.make("jobs", name, spec={"template": {"spec": pod}, **spec})


def indexed(
    completions: int, parallelism: int = 2, script: str = "exit 0", **spec: Any
) -> tuple[str, dict[str, Any]]:
    """A script, and the rest of a spec."""
    counts = {"completions": completions, "parallelism": parallelism}
    return script, {"completionMode": "Indexed", **counts, **spec}


ODD_FAIL = "exit $((JOB_COMPLETION_INDEX % 2))"
FAIL_INDEX = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}}
INDEXED = {
    "all-succeed": indexed(2, successPolicy={"rules": [{"succeededCount": 2}]}),
    "index-suffices": indexed(
        5, script=ODD_FAIL, successPolicy={"rules": [{"succeededIndexes": "0"}]}
    ),
    "one-suffices": indexed(
        5,
        script=ODD_FAIL,
        backoffLimit=2**31 - 1,
        successPolicy={"rules": [{"succeededCount": 1}]},
    ),
    "each-is-tried": indexed(4, script=ODD_FAIL, backoffLimitPerIndex=1),
    "too-many-fail": indexed(4, 1, script="exit 1", backoffLimitPerIndex=0, maxFailedIndexes=0),
    "index-fails": indexed(
        2, script=ODD_FAIL, backoffLimitPerIndex=1, podFailurePolicy={"rules": [FAIL_INDEX]}
    ),
}


@pytest.fixture(scope="module")
def batch(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """All Jobs at once."""
    folder = tmp_path_factory.mktemp("workloads")
    with a_batch(cluster, SPACE, folder) as batch:
        shared = {"name": "shared", "emptyDir": {}}
        mount = {"name": "shared", "mountPath": "/shared"}
        once = "[ -e /shared/seen ] && exit 0; touch /shared/seen; exit 1"
        flaky = {"volumes": [shared], "containers": [container(once, volumeMounts=[mount])]}
        job(batch, "flaky", "", flaky, "OnFailure", completions=3, parallelism=2)
        indexed = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
        job(batch, "indexed", "echo $JOB_COMPLETION_INDEX $(hostname)", **indexed)
        fatal = {"containerName": "main", "operator": "In", "values": [42]}
        policy = {"rules": [{"action": "FailJob", "onExitCodes": fatal}]}
        job(batch, "fatal", "exit 42", backoffLimit=5, podFailurePolicy=policy)
        lasting = {
            "volumes": [{"name": "shared", "hostPath": {"path": str(folder)}}],
            "containers": [container(MARKED, volumeMounts=[mount], readinessProbe=MARK)],
        }
        ignored = [{"type": "DisruptionTarget", "status": "True"}]
        policy = {"rules": [{"action": "Ignore", "onPodConditions": ignored}]}
        spec = {"completionMode": "Indexed", "completions": 2, "parallelism": 2}
        job(batch, "evicted", "", lasting, backoffLimit=0, podFailurePolicy=policy, **spec)
        for name, (script, spec) in INDEXED.items():
            job(batch, name, script, **spec)
        yield batch


def pods(batch: Batch, selector: str) -> list[Any]:
    found = expect(batch.api.get(batch.api.path("pods"), labelSelector=selector)).json["items"]
    return [one for one in found if "deletionTimestamp" not in one["metadata"]]


def ended(batch: Batch, name: str) -> tuple[Any, Any]:
    """The status of a job and the condition that ended it."""

    def look() -> tuple[Any, Any] | None:
        status = expect(batch.api.get(batch.api.path("jobs", name))).json["status"]
        for one in status.get("conditions", ()):
            if one["type"] in ("Complete", "Failed") and one["status"] == "True":
                return status, one
        return None

    found: tuple[Any, Any] = eventually(look, within=90)
    return found


def test_a_job_whose_containers_fail_once_is_completed(batch: Batch) -> None:
    status, condition = ended(batch, "flaky")
    assert (condition["type"], status["succeeded"], status.get("failed", 0)) == ("Complete", 3, 0)
    found = pods(batch, "job-name=flaky")
    assert [one["status"]["containerStatuses"][0]["restartCount"] for one in found] == [1, 1, 1]


def test_pods_of_an_indexed_job_know_their_number(batch: Batch) -> None:
    status, condition = ended(batch, "indexed")
    assert (condition["type"], status["completedIndexes"]) == ("Complete", "0-2")
    numbers = set()
    for pod in pods(batch, "job-name=indexed"):
        number = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
        assert pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] == number
        assert batch.log(pod["metadata"]["name"]) == f"{number} indexed-{number}\n"
        numbers.add(number)
    assert numbers == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("name", "end", "reason", "completed", "failed", "counts"),
    [
        ("all-succeed", "Complete", "SuccessPolicy", "0,1", None, (2, 0)),
        ("index-suffices", "Complete", "SuccessPolicy", "0", None, (1, None)),
        ("one-suffices", "Complete", "SuccessPolicy", "0", None, (1, None)),
        ("each-is-tried", "Failed", "FailedIndexes", "0,2", "1,3", (2, 4)),
        ("too-many-fail", "Failed", "MaxFailedIndexesExceeded", None, "0", (0, 1)),
        ("index-fails", "Failed", "FailedIndexes", "0", "1", (1, 1)),
    ],
)
def test_indexes_decide_how_a_job_ends(
    batch: Batch,
    name: str,
    end: str,
    reason: str,
    completed: str | None,
    failed: str | None,
    counts: tuple[int, int | None],
) -> None:
    status, condition = ended(batch, name)
    assert (condition["type"], condition["reason"]) == (end, reason)
    assert (status.get("completedIndexes") or None, status.get("failedIndexes")) == (
        completed,
        failed,
    )
    assert status.get("succeeded", 0) == counts[0]
    assert counts[1] is None or status.get("failed", 0) == counts[1]
    assert not any(status.get(one) for one in ("active", "ready", "terminating"))
    target = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[end]
    (before,) = [one for one in status["conditions"] if one["type"] == target]
    assert (before["status"], before["reason"]) == ("True", reason)


def test_an_exit_code_may_end_the_job_at_once(batch: Batch) -> None:
    status, condition = ended(batch, "fatal")
    assert (condition["type"], condition["reason"]) == ("Failed", "PodFailurePolicy")
    assert "exit code 42 matching FailJob rule at index 0" in condition["message"]
    assert status["failed"] == 1


def test_evictions_may_count_as_no_failures(batch: Batch) -> None:
    def marked() -> list[str]:
        found = pods(batch, "job-name=evicted")
        return [one["metadata"]["name"] for one in found if is_ready(one["status"])]

    for name in eventually(lambda: len(marked()) == 2 and marked()):
        path = batch.api.path("pods", name, "eviction")
        assert batch.api.post(path, {"metadata": {"name": name}}).code == 201
    status, condition = ended(batch, "evicted")
    assert (condition["type"], status["succeeded"]) == ("Complete", 2)


@pytest.mark.parametrize("plural", ["replicasets", "replicationcontrollers"])
def test_each_replica_answers(batch: Batch, plural: str) -> None:
    labels = {"app": plural}
    serve = f"mkdir /www; hostname > /www/index.html; httpd -p 8080 -h /www; {WAIT}"
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 5}
    spec = {"containers": [container(serve, readinessProbe=probe)]}
    selector = {"matchLabels": labels} if plural == "replicasets" else labels
    template = {"metadata": {"labels": labels}, "spec": spec}
    batch.api.make(
        plural, "serving", spec={"replicas": 2, "selector": selector, "template": template}
    )
    path = batch.api.path(plural, "serving")
    eventually(lambda: expect(batch.api.get(path)).json["status"].get("readyReplicas") == 2)
    names = [one["metadata"]["name"] for one in pods(batch, f"app={plural}")]
    for name in names:
        answer = batch.api.get(batch.api.path("pods", f"{name}:8080", "proxy/"), "*/*")
        assert answer.raw.decode().strip() == name


def test_more_important_replicas_displace_the_least(batch: Batch, cluster: Cluster) -> None:
    """Of six units one set wants two for each of two replicas: the two least important give way."""
    root, api = batch.root, batch.api
    node = "/api/v1/nodes/node-1"
    kind = "/apis/scheduling.k8s.io/v1/priorityclasses"
    amounts = {"capacity": {UNIT: "6"}, "allocatable": {UNIT: "6"}}
    expect(root.patch(f"{node}/status", {"status": amounts}))
    sets = {
        "first": (1, 3, "1"),
        "second": (2, 1, "1"),
        "third": (3, 1, "2"),
        "fourth": (4, 2, "2"),
    }
    for name, (value, *_) in sets.items():
        root.post(kind, {"metadata": {"name": name}, "value": value}, expect=201)

    def bound(name: str) -> int:
        return sum("nodeName" in one["spec"] for one in pods(batch, f"app={name}"))

    try:
        for name, (_, replicas, units) in sets.items():
            wants = {"limits": {UNIT: units}}
            pod = {
                "priorityClassName": name,
                "terminationGracePeriodSeconds": 1,
                "containers": [container(WAIT, resources=wants)],
            }
            labels = {"app": name}
            template = {"metadata": {"labels": labels}, "spec": pod}
            spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
            api.make("replicasets", name, spec=spec)
            eventually(lambda n=name, r=replicas: bound(n) == r)
        counts = {name: bound(name) for name in sets}
        assert counts == {"first": 0, "second": 0, "third": 1, "fourth": 2}
        waiting = {name: len(pods(batch, f"app={name}")) for name in ("first", "second")}
        assert waiting == {"first": 3, "second": 1}, "they are made anew, and wait"
    finally:
        for name in sets:
            api.delete(api.path("replicasets", name))
            root.delete(f"{kind}/{name}")
        root.patch(f"{node}/status", {"status": {key: {UNIT: None} for key in amounts}})
