"""Defaults of cluster furniture: storage, networking, RBAC, autoscaling, flow control, tokens."""

from apimachinery.wire import JsonObject

RBAC_GROUP = "rbac.authorization.k8s.io"
CPU_PERCENT = 80
"""What an autoscaler without metrics keeps the processor use at."""


def storage_class(obj: JsonObject) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def csi_driver(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("attachRequired", True)
    for key in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        spec.setdefault(key, False)
    spec.setdefault("fsGroupPolicy", "ReadWriteOnceWithFSType")
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def priority_class(obj: JsonObject) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def ingress_class(obj: JsonObject) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


def network_policy(obj: JsonObject) -> None:
    """Ingress is always meant, egress where rules for it are given."""
    spec = obj.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]:
        for port in rule.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def binding(obj: JsonObject) -> None:
    """The API groups of the role and of users and groups; service accounts have none."""
    role = obj.get("roleRef")
    if role is not None and not role.get("apiGroup"):
        role["apiGroup"] = RBAC_GROUP
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group") and not subject.get("apiGroup"):
            subject["apiGroup"] = RBAC_GROUP


def autoscaler_v1(obj: JsonObject) -> None:
    obj.setdefault("spec", {}).setdefault("minReplicas", 1)


def autoscaler(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        up = behavior.setdefault("scaleUp", {})
        up.setdefault("stabilizationWindowSeconds", 0)
        _scaling(up, {"type": "Pods", "value": 4, "periodSeconds": 15})
        _scaling(behavior.setdefault("scaleDown", {}))


def _scaling(rules: JsonObject, *policies: JsonObject) -> None:
    rules.setdefault("selectPolicy", "Max")
    if not rules.get("policies"):
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        rules["policies"] = [*policies, percent]


def token_request(obj: JsonObject) -> None:
    obj.setdefault("spec", {}).setdefault("expirationSeconds", 3600)


def flow_schema(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def priority_level(obj: JsonObject) -> None:
    spec = obj.setdefault("spec", {})
    exempt, limited = spec.get("exempt"), spec.get("limited")
    if spec.get("type") == "Exempt":
        exempt = spec.setdefault("exempt", {})
    if exempt is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if limited is None:
        return
    limited.setdefault("nominalConcurrencyShares", 30)
    limited.setdefault("lendablePercent", 0)
    response = limited.get("limitResponse") or {}
    if response.get("type") == "Queue":
        queuing = response.setdefault("queuing", {})
        queuing.setdefault("queues", 64)
        queuing.setdefault("handSize", 8)
        queuing.setdefault("queueLengthLimit", 50)


FLOW = "flowcontrol.apiserver.k8s.io"

FILLERS = {
    ("storage.k8s.io", "v1", "StorageClass"): storage_class,
    ("storage.k8s.io", "v1", "CSIDriver"): csi_driver,
    ("scheduling.k8s.io", "v1", "PriorityClass"): priority_class,
    ("networking.k8s.io", "v1", "IngressClass"): ingress_class,
    ("networking.k8s.io", "v1", "NetworkPolicy"): network_policy,
    (RBAC_GROUP, "v1", "RoleBinding"): binding,
    (RBAC_GROUP, "v1", "ClusterRoleBinding"): binding,
    ("autoscaling", "v1", "HorizontalPodAutoscaler"): autoscaler_v1,
    ("autoscaling", "v2", "HorizontalPodAutoscaler"): autoscaler,
    ("authentication.k8s.io", "v1", "TokenRequest"): token_request,
    (FLOW, "v1", "FlowSchema"): flow_schema,
    (FLOW, "v1", "PriorityLevelConfiguration"): priority_level,
}
