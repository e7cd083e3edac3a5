"""What can be done with every kind: one table of kinds, and each verb that their paths have.

Kubernetes' conformance cases ask this of a dozen kinds, each in words of its own. Kinds whose
controllers work on what is made here (pods, claims, workloads) have tests of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from .clients import Answer, Api, eventually
from .test_kubectl_admin import signing_request

JsonObject = dict[str, Any]
CONDITION = {
    "type": "ConformanceTested", "status": "False", "reason": "Tested", "message": "by hand",
    "lastTransitionTime": "2020-01-01T00:00:00Z",
}  # fmt: skip
TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "registry.example/app:1"}]}}
JOB = {"spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}}
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}
SUBJECT = {"kind": "User", "user": {"name": "jane"}}
READS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "namespaces": ["*"]}


@dataclass(frozen=True)
class Kind:
    """How one of a kind is made, and what of it can be changed afterwards."""

    group: str
    plural: str
    content: JsonObject
    change: JsonObject = field(default_factory=dict)
    """A merge patch beside the one of metadata."""
    status: JsonObject = field(default_factory=dict)
    """What its status can be made to say."""
    cluster: bool = False

    def __str__(self) -> str:
        return self.plural

    def paths(self, namespace: str) -> tuple[str, str]:
        """Of the version, and of the collection."""
        base = f"/apis/{self.group}" if "/" in self.group else f"/api/{self.group}"
        return base, f"{base}/{'' if self.cluster else f'namespaces/{namespace}/'}{self.plural}"


def spec(**content: Any) -> JsonObject:
    return {"spec": content}


def _workload(node: JsonObject | None = None, **more: Any) -> JsonObject:
    pod = {**TEMPLATE["spec"], "nodeSelector": node or {}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod}
    return spec(selector={"matchLabels": {"a": "b"}}, template=template, **more)


def _level() -> JsonObject:
    queuing = {"queues": 4, "handSize": 2, "queueLengthLimit": 10}
    response = {"type": "Queue", "queuing": queuing}
    return spec(type="Limited", limited={"nominalConcurrencyShares": 2, "limitResponse": response})


def _schema() -> JsonObject:
    rules = [{"subjects": [SUBJECT], "resourceRules": [READS]}]
    return spec(
        matchingPrecedence=9000, priorityLevelConfiguration={"name": "global-default"}, rules=rules
    )


def _policy() -> JsonObject:
    return spec(
        matchConstraints={"resourceRules": [RULE]}, validations=[{"expression": "true"}],
        failurePolicy="Ignore",
    )  # fmt: skip


def _rule(service: str) -> JsonObject:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {"defaultBackend": backend}


def _request() -> JsonObject:
    made, _ = signing_request("x")
    return {"spec": {**made["spec"], "signerName": "conformance.example/signer"}}


FLOW = "flowcontrol.apiserver.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
KINDS = [
    Kind("v1", "configmaps", {"data": {"a": "1"}}, {"data": {"a": "2"}}),
    Kind("v1", "secrets", {"data": {"a": "MQ=="}}, {"data": {"a": "Mg=="}}),
    Kind("v1", "serviceaccounts", {}, {"automountServiceAccountToken": False}),
    Kind("v1", "podtemplates", {"template": TEMPLATE},
         {"template": {"metadata": {"labels": {"a": "b"}}}}),
    Kind("v1", "limitranges", spec(limits=[{"type": "Pod", "max": {"cpu": "2"}}]),
         spec(limits=[{"type": "Pod", "max": {"cpu": "3"}}])),
    Kind("v1", "resourcequotas", spec(hard={"pods": "5"}), spec(hard={"pods": "6"})),
    Kind("v1", "endpoints", {"subsets": []},
         {"subsets": [{"addresses": [{"ip": "192.0.2.1"}]}]}),
    Kind("v1", "services", spec(ports=[{"port": 80}], selector={"a": "b"}),
         spec(selector={"a": "c"}), {"conditions": [CONDITION]}),
    Kind("v1", "replicationcontrollers",
         spec(replicas=0, selector={"a": "b"},
              template={"metadata": {"labels": {"a": "b"}}, **TEMPLATE}),
         spec(minReadySeconds=5), {"conditions": [CONDITION]}),
    Kind("apps/v1", "replicasets", _workload(replicas=0), spec(minReadySeconds=5),
         {"conditions": [CONDITION]}),
    Kind("apps/v1", "deployments", _workload(replicas=0), spec(minReadySeconds=5),
         {"conditions": [CONDITION]}),
    Kind("apps/v1", "statefulsets", _workload(replicas=0, serviceName="x"),
         spec(minReadySeconds=5), {"conditions": [CONDITION]}),
    Kind("apps/v1", "daemonsets", _workload({"conformance/none": "here"}),
         spec(minReadySeconds=5), {"conditions": [CONDITION]}),
    Kind("apps/v1", "controllerrevisions", {"revision": 1, "data": {"a": "b"}}, {"revision": 2}),
    Kind("batch/v1", "jobs", spec(suspend=True, **JOB["spec"]), spec(parallelism=2),
         {"conditions": [CONDITION]}),
    Kind("batch/v1", "cronjobs", spec(schedule="0 0 1 1 *", suspend=True, jobTemplate=JOB),
         spec(schedule="0 0 2 1 *"), {"lastScheduleTime": "2020-01-01T00:00:00Z"}),
    Kind("coordination.k8s.io/v1", "leases", spec(holderIdentity="a"), spec(holderIdentity="b")),
    Kind("discovery.k8s.io/v1", "endpointslices",
         {"addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": []},
         {"endpoints": [{"addresses": ["192.0.2.2"]}]}),
    Kind("networking.k8s.io/v1", "ingresses", spec(**_rule("a")), spec(**_rule("b")),
         {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
    Kind("networking.k8s.io/v1", "ingressclasses", spec(controller="example.com/a"),
         spec(parameters={"apiGroup": "example.com", "kind": "P", "name": "p"}), cluster=True),
    Kind("networking.k8s.io/v1", "networkpolicies", spec(podSelector={}, policyTypes=["Ingress"]),
         spec(policyTypes=["Ingress", "Egress"])),
    Kind("networking.k8s.io/v1", "ipaddresses",
         spec(parentRef={"resource": "services", "name": "x", "namespace": "x"}), cluster=True),
    Kind("networking.k8s.io/v1", "servicecidrs", spec(cidrs=["192.0.2.0/24"]), {},
         {"conditions": [CONDITION]}, cluster=True),
    Kind("policy/v1", "poddisruptionbudgets",
         spec(minAvailable=1, selector={"matchLabels": {"a": "b"}}), spec(minAvailable=2)),
    Kind("node.k8s.io/v1", "runtimeclasses", {"handler": "none"},
         {"scheduling": {"nodeSelector": {"a": "b"}}}, cluster=True),
    Kind("scheduling.k8s.io/v1", "priorityclasses", {"value": 7}, {"description": "seven"},
         cluster=True),
    Kind("storage.k8s.io/v1", "storageclasses", {"provisioner": "example.com/none"},
         {"allowVolumeExpansion": True}, cluster=True),
    Kind("v1", "nodes", spec(unschedulable=True), spec(podCIDR="192.0.2.0/24"),
         {"conditions": [CONDITION]}, cluster=True),
    Kind("v1", "persistentvolumes",
         spec(capacity={"storage": "1Gi"}, accessModes=["ReadWriteOnce"], storageClassName="one",
              csi={"driver": "example.com", "volumeHandle": "x"}),
         spec(persistentVolumeReclaimPolicy="Delete"),
         {"reason": "Tested", "message": "by hand"}, cluster=True),
    Kind("v1", "persistentvolumeclaims",
         spec(accessModes=["ReadWriteOnce"], storageClassName="two",
              resources={"requests": {"storage": "1Gi"}}), {}, {"conditions": [CONDITION]}),
    Kind("storage.k8s.io/v1", "csinodes", spec(drivers=[]), cluster=True),
    Kind("storage.k8s.io/v1", "csidrivers", spec(attachRequired=True), spec(podInfoOnMount=True),
         cluster=True),
    Kind("storage.k8s.io/v1", "volumeattachments",
         spec(attacher="example.com", nodeName="none", source={"persistentVolumeName": "none"}),
         {}, {"attached": True}, cluster=True),
    Kind("storage.k8s.io/v1", "csistoragecapacities",
         {"storageClassName": "none", "capacity": "1Gi"}, {"capacity": "2Gi"}),
    Kind("storage.k8s.io/v1", "volumeattributesclasses",
         {"driverName": "example.com", "parameters": {"a": "b"}}, cluster=True),
    Kind("rbac.authorization.k8s.io/v1", "roles", {"rules": []},
         {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    Kind("certificates.k8s.io/v1", "certificatesigningrequests", _request(), {},
         {"conditions": [CONDITION]}, cluster=True),
    Kind(FLOW, "flowschemas", _schema(), spec(matchingPrecedence=9001),
         {"conditions": [CONDITION]}, cluster=True),
    Kind(FLOW, "prioritylevelconfigurations", _level(),
         spec(limited={"nominalConcurrencyShares": 4}), {"conditions": [CONDITION]}, cluster=True),
    Kind(ADMISSION, "validatingadmissionpolicies", _policy(),
         spec(validations=[{"expression": "1 == 1"}]), {"conditions": [CONDITION]}, cluster=True),
    Kind(ADMISSION, "validatingadmissionpolicybindings",
         spec(policyName="none", validationActions=["Deny"]), spec(validationActions=["Warn"]),
         cluster=True),
    Kind(ADMISSION, "validatingwebhookconfigurations", {"webhooks": []}, cluster=True),
    Kind(ADMISSION, "mutatingwebhookconfigurations", {"webhooks": []}, cluster=True),
]  # fmt: skip


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def collection(kind: Kind, namespace: str, unique: str, cleanup: Callable[[str], Any]) -> str:
    """Its path; what a test has left there with its label goes afterwards."""
    path = kind.paths(namespace)[1]
    cleanup(f"{path}?labelSelector=conformance%3D{unique}")
    return path


@pytest.fixture
def create(root: Api, kind: Kind, collection: str, unique: str) -> Callable[[str], JsonObject]:
    """Make one that bears the test's label."""

    def make(suffix: str) -> JsonObject:
        name = f"{unique}-{suffix}"
        if kind.plural == "ipaddresses":  # the address is the name
            name = f"198.51.100.{int(unique[-2:], 16)}" if suffix == "a" else f"2001:db8::{suffix}"
        metadata = {"name": name, "labels": {"conformance": unique}}
        return root.post(collection, {"metadata": metadata, **kind.content}, expect=201).json

    return make


def covers(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there, beside whatever else."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(covers(found.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list) and wanted and "type" in wanted[0]:
        return isinstance(found, list) and all(any(covers(f, w) for f in found) for w in wanted)
    return bool(found == wanted)


def test_discovery_tells_the_verbs(root: Api, kind: Kind, namespace: str) -> None:
    version, _ = kind.paths(namespace)
    known = {one["name"]: one for one in root.get(version).json["resources"]}
    verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
    assert set(known[kind.plural]["verbs"]) == verbs
    assert known[kind.plural]["namespaced"] is not kind.cluster
    if kind.status:
        assert {"get", "patch", "update"} <= set(known[f"{kind.plural}/status"]["verbs"])
    if "/" in kind.group:
        group, _, number = kind.group.partition("/")
        versions = root.get(f"/apis/{group}").json["versions"]
        assert number in [one["version"] for one in versions]
        assert group in [one["name"] for one in root.get("/apis").json["groups"]]


def test_create_get_list_and_watch(
    root: Api, kind: Kind, collection: str, create: Callable[[str], JsonObject], unique: str
) -> None:
    made = create("a")
    path = f"{collection}/{made['metadata']['name']}"
    assert covers(root.get(path).json["metadata"], {"uid": made["metadata"]["uid"]})
    others = {create(suffix)["metadata"]["uid"] for suffix in "bc"}
    selector = {"labelSelector": f"conformance={unique}"}
    everywhere = f"{kind.paths('x')[0]}/{kind.plural}"
    for place in (collection, everywhere):
        found = root.get(place, **selector).json
        uids = {one["metadata"]["uid"] for one in found["items"]}
        assert uids == {made["metadata"]["uid"], *others}
    start = found["metadata"]["resourceVersion"]
    with root.watch(everywhere, resourceVersion=start, **selector) as events:
        root.patch(path, {"metadata": {"annotations": {"seen": "yes"}}}, expect=200)
        assert _told_of(events, made) == "MODIFIED"
        root.delete(path)
        while _told_of(events, made) != "DELETED":
            pass


def _told_of(events: Any, made: JsonObject) -> str:
    """Of the next event about an object; controllers may work on the others meanwhile."""
    while True:
        told, obj = events.next()
        if obj["metadata"]["uid"] == made["metadata"]["uid"]:
            return str(told)


def test_patch_and_update(
    root: Api, kind: Kind, collection: str, create: Callable[[str], JsonObject]
) -> None:
    path = f"{collection}/{create('a')['metadata']['name']}"
    change = {"metadata": {"annotations": {"patched": "yes"}}, **kind.change}
    assert covers(root.patch(path, change, expect=200).json, change)
    found = root.get(path).json
    assert covers(found, change)

    def put() -> Answer | None:
        newest = root.get(path).json
        newest["metadata"]["annotations"]["updated"] = "yes"
        answer = root.put(path, newest)
        return answer if answer.code == 200 else None

    updated = eventually(put).json
    assert covers(updated["metadata"]["annotations"], {"patched": "yes", "updated": "yes"})
    assert covers(root.get(path).json, change)


@pytest.mark.parametrize("kind", [one for one in KINDS if one.status], ids=str, indirect=True)
def test_the_status_is_read_patched_and_updated(
    root: Api, kind: Kind, collection: str, create: Callable[[str], JsonObject]
) -> None:
    path = f"{collection}/{create('a')['metadata']['name']}/status"
    assert root.get(path).json["metadata"]["uid"]
    wanted = {"metadata": {"annotations": {"patched": "yes"}}, "status": kind.status}
    assert covers(root.patch(path, wanted, expect=200).json["status"], kind.status)

    def put() -> bool:
        newest = root.get(path).json
        newest["metadata"].setdefault("annotations", {})["updated"] = "yes"
        newest["status"] = {**newest.get("status", {}), **kind.status}
        answer = root.put(path, newest)
        return answer.code == 200 and covers(answer.json["status"], kind.status)

    eventually(put)
    assert covers(root.get(path.removesuffix("/status")).json["status"], kind.status)


def test_delete_one_and_a_collection(
    root: Api, collection: str, create: Callable[[str], JsonObject], unique: str
) -> None:
    path, *_ = [f"{collection}/{create(suffix)['metadata']['name']}" for suffix in "abc"]
    assert root.delete(path).code == 200
    eventually(lambda: root.get(path).code == 404)
    selector = {"labelSelector": f"conformance={unique}"}
    assert len(root.get(collection, **selector).json["items"]) == 2
    assert root.delete(collection, labelSelector="conformance=somebody-else").code == 200
    assert len(root.get(collection, **selector).json["items"]) == 2
    assert root.delete(collection, **selector).code == 200
    eventually(lambda: not root.get(collection, **selector).json["items"])
