"""The roles and bindings that exist from the start, as objects.

Names and meaning are Kubernetes', so that manifests and habits carry over. A plain module, not
YAML: it is read at every start, and parsing YAML would take longer than starting the server.
Neighbours: `controller_roles` (roles of the control loops), whoever fills a new
store (creates what is missing). Nothing here decides.
"""

from collections.abc import Iterable, Iterator

from apimachinery import wire
from apiserver.access import controller_roles as controllers
from apiserver.access.role_rules import READ, WRITE, paths, rule

BOOTSTRAP_LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
AUTOUPDATE = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
RBAC = "rbac.authorization.k8s.io"
API_VERSION = f"{RBAC}/v1"
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"

_DISCOVERY = (
    "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
    "/readyz", "/version", "/version/",
)  # fmt: skip
_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")

_VIEWED = (
    rule(
        READ,
        "",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
        "replicationcontrollers replicationcontrollers/scale serviceaccounts services "
        "services/status bindings events limitranges namespaces/status pods/log pods/status "
        "replicationcontrollers/status resourcequotas resourcequotas/status namespaces",
    ),
    rule(READ, "discovery.k8s.io", "endpointslices"),
    rule(
        READ,
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale "
        "deployments/status replicasets replicasets/scale replicasets/status statefulsets "
        "statefulsets/scale statefulsets/status",
    ),
    rule(READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    rule(READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    rule(READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    rule(READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    rule(READ, "offers.bireme.dev", "executors frameworks tasks"),
)

_EDITED = (
    rule(READ, "", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    rule("impersonate", "", "serviceaccounts"),
    rule(
        WRITE,
        "",
        "pods pods/attach pods/exec pods/portforward pods/proxy configmaps events "
        "persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets "
        "serviceaccounts services services/proxy",
    ),
    rule("create", "", "pods/eviction serviceaccounts/token"),
    rule(
        WRITE,
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets "
        "replicasets/scale statefulsets statefulsets/scale",
    ),
    rule(WRITE, "autoscaling", "horizontalpodautoscalers"),
    rule(WRITE, "batch", "cronjobs jobs"),
    rule(WRITE, "policy", "poddisruptionbudgets"),
    rule(WRITE, "networking.k8s.io", "ingresses networkpolicies"),
    rule(f"{READ} {WRITE}", "coordination.k8s.io", "leases"),
)

_ADMINISTERED = (
    rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    rule(f"{READ} {WRITE}", RBAC, "rolebindings roles"),
)

_SELF_REVIEWS = (
    rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
    rule("create", "authentication.k8s.io", "selfsubjectreviews"),
)

_BOOTSTRAPPER = (
    rule("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
)

_NODE = (
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews"),
    rule(READ, "", "services"),
    rule("create get list watch", "", "nodes"),
    rule("patch update", "", "nodes/status"),
    rule("create patch update", "", "events"),
    rule("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
    rule("create delete get patch update", "coordination.k8s.io", "leases"),
    rule(READ, "node.k8s.io", "runtimeclasses"),
)

_PROXIER = (
    rule("list watch", "", "endpoints services"),
    rule(READ, "", "nodes"),
    rule("create patch update", " events.k8s.io", "events"),
    rule("list watch", "discovery.k8s.io", "endpointslices"),
    rule("list watch", "networking.k8s.io", "servicecidrs"),
)

_CSR = "certificates.k8s.io"
_SIGNERS = "certificatesigningrequests"

_ROLES: dict[str, tuple[wire.JsonObject, ...]] = {
    "cluster-admin": (rule("*", "*", "*"), paths("*", "*")),
    "system:discovery": (paths("get", *_DISCOVERY),),
    "system:public-info-viewer": (paths("get", *_PUBLIC),),
    "system:monitoring": (
        paths("get", "/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis",
              "/readyz", "/readyz/*"),
    ),
    "system:basic-user": _SELF_REVIEWS,
    "system:heapster": (
        rule(READ, "", "events namespaces nodes pods"),
        rule(READ, "apps", "deployments"),
    ),
    "system:auth-delegator": (
        rule("create", "authentication.k8s.io", "tokenreviews"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    ),
    "system:service-account-issuer-discovery": (
        paths("get", "/.well-known/openid-configuration", "/.well-known/openid-configuration/",
              "/openid/v1/jwks", "/openid/v1/jwks/"),
    ),
    "system:node": _NODE,
    "system:node-bootstrapper": _BOOTSTRAPPER,
    "system:node-proxier": _PROXIER,
    "system:node-problem-detector": (
        rule("get", "", "nodes"),
        rule("patch", "", "nodes/status"),
        rule("create patch update", " events.k8s.io", "events"),
    ),
    "system:kubelet-api-admin": (
        rule("get list watch", "", "nodes"),
        rule("proxy", "", "nodes"),
        rule("*", "", "nodes/log nodes/metrics nodes/proxy nodes/stats"),
    ),
    "system:persistent-volume-provisioner": (
        rule("create delete get list watch", "", "persistentvolumes"),
        rule("get list update watch", "", "persistentvolumeclaims"),
        rule(READ, "storage.k8s.io", "storageclasses"),
        rule("watch", "", "events"),
        rule("create patch update", " events.k8s.io", "events"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": (
        rule("create", _CSR, f"{_SIGNERS}/nodeclient"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": (
        rule("create", _CSR, f"{_SIGNERS}/selfnodeclient"),
    ),
    "system:certificates.k8s.io:kubelet-serving-approver": (
        rule("approve", _CSR, "signers", "kubernetes.io/kubelet-serving"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-approver": (
        rule("approve", _CSR, "signers", "kubernetes.io/kube-apiserver-client"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver": (
        rule("approve", _CSR, "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
    ),
    "system:bireme:node-network": (
        # What the network of a node follows, whatever runs there: where addresses are and which
        # policies select whom. In Kubernetes the proxy and the network plugin have it.
        rule(READ, "", "endpoints namespaces nodes pods services"),
        rule(READ, "discovery.k8s.io", "endpointslices"),
        rule(READ, "networking.k8s.io", "networkpolicies servicecidrs"),
    ),
    "system:bireme:framework": (
        # What the principal of a framework needs, whatever its role. That its tasks become pods
        # under its own name is granted by `system:bireme:tasks` in its namespace.
        rule("use", "offers.bireme.dev", "roles taskusers"),
        rule("create delete update", "offers.bireme.dev", "reservations volumes"),
    ),
    "system:bireme:tasks": (rule("create get", "", "pods"),),
    "system:bireme:operator": (
        rule("get list watch update delete", "offers.bireme.dev", "frameworks"),
        rule("get list watch update", "offers.bireme.dev", "roles"),
        rule("get list watch", "offers.bireme.dev", "executors offers tasks"),
        rule("create delete update", "offers.bireme.dev", "reservations volumes"),
        rule("get update", "offers.bireme.dev", "logging maintenance"),
    ),
}  # fmt: skip

_AGGREGATED: dict[str, tuple[tuple[wire.JsonObject, ...], str]] = {
    # Name → rules, and the role (if any) that takes them over.
    "view": (_VIEWED, "edit"),
    "edit": ((*_EDITED, *_VIEWED), "admin"),
    "admin": ((*_ADMINISTERED, *_EDITED, *_VIEWED), ""),
}

_GROUP_BINDINGS: dict[str, tuple[str, ...]] = {
    "cluster-admin": ("system:masters",),
    "system:discovery": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
    "system:monitoring": ("system:monitoring",),
    "system:basic-user": ("system:authenticated",),
    "system:service-account-issuer-discovery": ("system:serviceaccounts",),
}

_USER_BINDINGS: dict[str, str] = {
    "system:kube-scheduler": "system:kube-scheduler",
    "system:kube-controller-manager": "system:kube-controller-manager",
    "system:node-proxier": "system:kube-proxy",
}

_NODE_BINDINGS: dict[str, tuple[str, str]] = {
    "system:bireme:node-network": ("system:bireme:node-network", "system:nodes"),
    # Who joins with a bootstrap token may ask for a node's certificate, and gets it.
    "bireme:kubelet-bootstrap": ("system:node-bootstrapper", "system:bootstrappers"),
    "bireme:node-autoapprove-bootstrap": (
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        "system:bootstrappers",
    ),
    "bireme:node-autoapprove-certificate-rotation": (
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        "system:nodes",
    ),
}


def objects() -> Iterator[wire.JsonObject]:
    """Every role and binding of a new cluster, roles before the bindings that name them."""
    for name, rules in {**_ROLES, **controllers.ROLES}.items():
        yield _cluster_role(name, rules)
    for name, (rules, taken_by) in _AGGREGATED.items():
        yield _aggregated_role(name, rules, taken_by)
    for name, groups in _GROUP_BINDINGS.items():
        yield _binding(name, name, [_subject("Group", group) for group in groups])
    for name, user in _USER_BINDINGS.items():
        yield _binding(name, name, [_subject("User", user)])
    for name, (role, group) in _NODE_BINDINGS.items():
        yield _binding(name, role, [_subject("Group", group)])
    for name in controllers.CONTROLLERS:
        account = {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}
        yield _binding(f"system:controller:{name}", f"system:controller:{name}", [account])
    yield from _namespaced()


def _namespaced() -> Iterator[wire.JsonObject]:
    """Roles inside kube-system."""
    reader = "extension-apiserver-authentication-reader"
    yield _role(
        "kube-system", reader, [rule(READ, "", "configmaps", "extension-apiserver-authentication")]
    )


def _metadata(name: str) -> wire.JsonObject:
    return {"name": name, "labels": dict(BOOTSTRAP_LABEL), "annotations": dict(AUTOUPDATE)}


def _cluster_role(name: str, rules: Iterable[wire.JsonObject]) -> wire.JsonObject:
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterRole",
        "metadata": _metadata(name),
        "rules": [dict(one) for one in rules],
    }


def _aggregated_role(name: str, rules: Iterable[wire.JsonObject], taken_by: str) -> wire.JsonObject:
    """A role that also takes over the rules of roles labelled for it (those of CRDs)."""
    role = _cluster_role(name, rules)
    if taken_by:
        role["metadata"]["labels"][AGGREGATE + taken_by] = "true"
    selector = {"matchLabels": {AGGREGATE + name: "true"}}
    return {**role, "aggregationRule": {"clusterRoleSelectors": [selector]}}


def _role(namespace: str, name: str, rules: list[wire.JsonObject]) -> wire.JsonObject:
    return {
        "apiVersion": API_VERSION,
        "kind": "Role",
        "metadata": {**_metadata(name), "namespace": namespace},
        "rules": rules,
    }


def _binding(name: str, role: str, subjects: list[wire.JsonObject]) -> wire.JsonObject:
    return {
        "apiVersion": API_VERSION,
        "kind": "ClusterRoleBinding",
        "metadata": _metadata(name),
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    }


def _subject(kind: str, name: str) -> wire.JsonObject:
    return {"apiGroup": RBAC, "kind": kind, "name": name}
