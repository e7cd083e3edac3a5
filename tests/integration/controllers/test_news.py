"""What controllers tell in Events: Kubernetes' types, reasons and messages, which people search for."""

import time
from typing import Any

import pytest

from apimachinery import meta, scheme

pytestmark = pytest.mark.looptime(start=time.monotonic)
News = set[tuple[str, str, str]]


async def news(cluster: Any, name: str) -> News:
    """Type, reason and message of all Events about an object."""
    await cluster.settle()
    events = (await cluster.client.list(scheme.EVENTS, "default"))["items"]
    about = [one for one in events if one["involvedObject"]["name"] == name]
    return {(one["type"], one["reason"], one["message"]) for one in about}


async def report(cluster: Any, pod: str, **state: Any) -> None:
    change = {"status": state}
    await cluster.client.patch(scheme.PODS, pod, change, "default", subresource="status")
    await cluster.settle()


def workload(make: Any, kind: str, name: str, **spec: Any) -> dict[str, Any]:
    made = make.deployment(1, name, **spec) | {"kind": kind}
    if kind == "DaemonSet":
        made["spec"].pop("replicas")
    if kind == "StatefulSet":
        made["spec"]["serviceName"] = name
    return made


async def test_a_statefulset_tells_of_each_pod_and_claim(cluster, nodes, make) -> None:
    claim = {"metadata": {"name": "data"}}
    claim["spec"] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    body = workload(make, "StatefulSet", "db", volumeClaimTemplates=[claim])
    await cluster.client.create(scheme.STATEFULSETS, body)
    await cluster.settle()
    await report(cluster, "db-0", phase="Failed")
    await report(cluster, "db-0", phase="Succeeded")
    await cluster.client.patch(scheme.STATEFULSETS, "db", {"spec": {"replicas": 0}}, "default")
    made, of = "SuccessfulCreate", "in StatefulSet db"
    assert await news(cluster, "db") == {
        ("Normal", made, f"create Claim data-db-0 Pod db-0 {of} success"),
        ("Normal", made, f"create Pod db-0 {of} successful"),
        ("Warning", "RecreatingFailedPod", "StatefulSet default/db is recreating failed Pod db-0"),
        (
            "Normal",
            "RecreatingTerminatedPod",
            "StatefulSet default/db is recreating terminated Pod db-0",
        ),
        ("Normal", "SuccessfulDelete", f"delete Pod db-0 {of} successful"),
    }


async def test_a_daemonset_tells_of_pods_that_end(cluster, nodes, make) -> None:
    nodes.names = ["n1"]
    await cluster.add_node("n1")
    await cluster.client.create(scheme.DAEMONSETS, workload(make, "DaemonSet", "agent"))
    expected: News = set()
    for phase, kind, kind_of in (("Failed", "Warning", "kill"), ("Succeeded", "Normal", "delete")):
        (pod,) = await cluster.pods_are(1)
        await cluster.settle()
        name = meta.name(pod)
        await report(cluster, name, phase=phase)
        text = (
            f"Found {phase.lower()} daemon pod default/{name} on node n1, will try to {kind_of} it"
        )
        expected |= {
            ("Normal", "SuccessfulCreate", f"Created pod: {name}"),
            (kind, f"{phase}DaemonPod", text),
            ("Normal", "SuccessfulDelete", f"Deleted pod: {name}"),
        }
    assert expected < await news(cluster, "agent")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ReplicaSet", "Error creating: {}"),
        ("DaemonSet", "Error creating: {}"),
        ("StatefulSet", "create Pod web-0 in StatefulSet web failed error: {}"),
        ("Job", "Error creating: {}"),
    ],
)
async def test_pods_that_are_refused_are_told_of(cluster, make, kind, text) -> None:
    await cluster.add_node("n1")
    template = make.template(app="web")
    template["spec"]["serviceAccountName"] = "nobody"
    body = workload(make, kind, "web", template=template)
    if kind == "Job":
        template["spec"]["restartPolicy"] = "Never"
        body = {
            "apiVersion": "batch/v1",
            "metadata": body["metadata"],
            "spec": {"template": template},
        }
    plural = {"Job": scheme.JOBS, "DaemonSet": scheme.DAEMONSETS}
    plural |= {"ReplicaSet": scheme.REPLICASETS, "StatefulSet": scheme.STATEFULSETS}
    await cluster.client.create(plural[kind], body)
    why = 'error looking up service account default/nobody: serviceaccount "nobody" not found'
    told = [one for one in await news(cluster, "web") if one[:2] == ("Warning", "FailedCreate")]
    assert told
    prefix, _, suffix = text.partition("{}")
    for _, _, message in told:
        assert message.startswith(prefix)
        assert message.endswith(why + suffix)


async def test_a_job_tells_how_it_goes(cluster, make) -> None:
    spec = {"template": {"spec": {**make.template()["spec"], "restartPolicy": "Never"}}}
    metadata = {"name": "work", "namespace": "default"}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
    await cluster.client.create(scheme.JOBS, body)
    names = [meta.name(pod) for pod in await cluster.pods_are(1)]
    for suspend in (True, False):
        change = {"spec": {"suspend": suspend}}
        await cluster.client.patch(scheme.JOBS, "work", change, "default")
        await cluster.settle()
    names += [meta.name(pod) for pod in await cluster.pods_are(1)]
    await report(cluster, names[1], phase="Succeeded")
    assert await news(cluster, "work") == {
        ("Normal", "SuccessfulCreate", f"Created pod: {names[0]}"),
        ("Normal", "SuccessfulDelete", f"Deleted pod: {names[0]}"),
        ("Normal", "Suspended", "Job suspended"),
        ("Normal", "Resumed", "Job resumed"),
        ("Normal", "SuccessfulCreate", f"Created pod: {names[1]}"),
        ("Normal", "Completed", "Job completed"),
    }


async def test_a_budget_tells_of_what_is_odd(cluster, nodes, make) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    body = {"metadata": {"name": "b", "namespace": "default"}, "spec": spec}
    await cluster.client.create(scheme.PODDISRUPTIONBUDGETS, body)
    for name in nodes.names:
        await cluster.add_node(name)
    assert await news(cluster, "b") == {("Normal", "NoPods", "No matching pods found")}
    pod = make.template() | {"apiVersion": "v1", "kind": "Pod"}
    pod["metadata"] |= {"name": "kept", "namespace": "default"}
    await cluster.client.create(scheme.PODS, pod)
    await cluster.settle()
    evicted = {"status": {"disruptedPods": {"kept": meta.format_time(cluster.time.now())}}}
    await cluster.client.patch(
        scheme.PODDISRUPTIONBUDGETS, "b", evicted, "default", subresource="status"
    )
    await cluster.settle(130)
    text = "Pod was expected by PDB default/b to be deleted but it wasn't"
    assert ("Warning", "NotDeleted", text) in await news(cluster, "kept")


async def test_an_autoscaler_tells_what_it_could_not_measure(cluster, nodes, make) -> None:
    await cluster.client.create(scheme.DEPLOYMENTS, make.deployment(2))
    target = {"type": "Utilization", "averageUtilization": 50}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 6,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    metadata = {"name": "scaler", "namespace": "default"}
    body = {"metadata": metadata, "spec": spec}
    await cluster.client.create(scheme.HORIZONTALPODAUTOSCALERS, body)
    told = {reason: (kind, text) for kind, reason, text in await news(cluster, "scaler")}
    kind, cause = told["FailedGetResourceMetric"]
    assert cause.startswith(
        "failed to get cpu utilization: unable to get metrics for resource cpu: "
    )
    text = "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric"
    assert told["FailedComputeMetricsReplicas"] == ("Warning", f"{text} value: {cause}")
    found = await cluster.client.get(scheme.HORIZONTALPODAUTOSCALERS, "scaler", "default")
    condition = meta.get_condition(found["status"]["conditions"], "ScalingActive")
    assert (kind, condition["reason"]) == ("Warning", "FailedGetResourceMetric")
    assert condition["message"] == f"the HPA was unable to compute the replica count: {cause}"
