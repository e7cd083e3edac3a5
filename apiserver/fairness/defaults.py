"""The flow schemas and priority levels that every cluster has. Data only; names are Kubernetes'.

Neighbours: `schemas` reads them, `keeper` stores them where they are missing.
"""

from apimachinery.validation import flowcontrol
from apimachinery.wire import JsonObject

AUTO = {"apf.kubernetes.io/autoupdate-spec": "true"}


def _fixed(name: str, specs: dict[str, JsonObject]) -> JsonObject:
    """One that nobody may change."""
    return {"metadata": {"name": name, "annotations": AUTO}, "spec": specs[name]}


def _level(
    name: str, shares: int, lendable: int, queues: int = 0, hand: int = 0, length: int = 50
) -> JsonObject:
    response: JsonObject = {"type": "Reject"}
    if queues:
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": length}
        response = {"type": "Queue", "queuing": queuing}
    limited = {
        "nominalConcurrencyShares": shares,
        "lendablePercent": lendable,
        "limitResponse": response,
    }
    return {
        "metadata": {"name": name, "annotations": AUTO},
        "spec": {"type": "Limited", "limited": limited},
    }


LEVELS: tuple[JsonObject, ...] = (
    _fixed("exempt", flowcontrol.FIXED_LEVELS),
    _fixed("catch-all", flowcontrol.FIXED_LEVELS),
    _level("system", 30, 33, 64, 6),
    _level("node-high", 40, 25, 64, 6),
    _level("leader-election", 10, 0, 16, 4),
    _level("workload-high", 40, 50, 128, 6),
    _level("workload-low", 100, 90, 128, 6),
    _level("global-default", 20, 50, 128, 6),
)

_ALL: JsonObject = {
    "verbs": ["*"],
    "apiGroups": ["*"],
    "resources": ["*"],
    "namespaces": ["*"],
    "clusterScope": True,
}
_PATHS: JsonObject = {"verbs": ["*"], "nonResourceURLs": ["*"]}


def _groups(*names: str) -> list[JsonObject]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[JsonObject]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _account(namespace: str, name: str) -> JsonObject:
    return {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": name}}


def _resources(verbs: str, group: str, names: str, *namespaces: str) -> JsonObject:
    rule: JsonObject = {
        "verbs": verbs.split(),
        "apiGroups": [group],
        "resources": names.split(),
        "namespaces": list(namespaces or ("*",)),
    }
    return rule if namespaces else rule | {"clusterScope": True}


def _schema(
    name: str,
    level: str,
    precedence: int,
    subjects: list[JsonObject],
    resources: tuple[JsonObject, ...] = (_ALL,),
    paths: tuple[JsonObject, ...] = (_PATHS,),
    by: str = "ByUser",
) -> JsonObject:
    rule: JsonObject = {"subjects": subjects}
    if resources:
        rule["resourceRules"] = list(resources)
    if paths:
        rule["nonResourceRules"] = list(paths)
    spec: JsonObject = {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "rules": [rule],
    }
    if by:
        spec["distinguisherMethod"] = {"type": by}
    return {"metadata": {"name": name, "annotations": AUTO}, "spec": spec}


_LEASES = _resources("get create update", "coordination.k8s.io", "leases")
_SCHEDULER, _MANAGER = "system:kube-scheduler", "system:kube-controller-manager"

SCHEMAS: tuple[JsonObject, ...] = (
    _fixed("exempt", flowcontrol.FIXED_SCHEMAS),
    _schema(
        "probes",
        "exempt",
        2,
        _groups("system:unauthenticated", "system:authenticated"),
        (),
        ({"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]},),
        by="",
    ),
    _schema(
        "system-leader-election",
        "leader-election",
        100,
        [*_users(_MANAGER, _SCHEDULER), _account("kube-system", "*")],
        (_LEASES,),
        (),
    ),
    _schema(
        "endpoint-controller",
        "workload-high",
        150,
        [
            *_users(_MANAGER),
            _account("kube-system", "endpoint-controller"),
            _account("kube-system", "endpointslicemirroring-controller"),
        ],
        (_resources("get create update", "", "endpoints"),),
        (),
    ),
    _schema(
        "workload-leader-election",
        "leader-election",
        200,
        [_account("kube-system", "*")],
        (_LEASES,),
        (),
    ),
    _schema(
        "system-node-high",
        "node-high",
        400,
        _groups("system:nodes"),
        (
            _resources("*", "", "nodes nodes/status"),
            _resources("*", "coordination.k8s.io", "leases"),
        ),
        (),
    ),
    _schema("system-nodes", "system", 500, _groups("system:nodes")),
    _schema("kube-controller-manager", "workload-high", 800, _users(_MANAGER), by="ByNamespace"),
    _schema("kube-scheduler", "workload-high", 800, _users(_SCHEDULER), by="ByNamespace"),
    _schema(
        "kube-system-service-accounts",
        "workload-high",
        900,
        [_account("kube-system", "*")],
        by="ByNamespace",
    ),
    _schema("service-accounts", "workload-low", 9000, _groups("system:serviceaccounts")),
    _schema(
        "global-default",
        "global-default",
        9900,
        _groups("system:unauthenticated", "system:authenticated"),
    ),
    _fixed("catch-all", flowcontrol.FIXED_SCHEMAS),
)
