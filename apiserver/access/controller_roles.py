"""Roles of the control plane's own loops: scheduler, controller manager, each controller.

They run inside the API server's process by default and are authorized like everybody else. Names
and rules are Kubernetes', with "patch" wherever Kubernetes' controllers send a whole object again.
Neighbours: `default_roles` (makes objects of them), `controllers.manager` (who acts as whom).
"""

from apimachinery import wire
from apiserver.access.role_rules import READ, WRITE, rule

_EVENTS = rule("create patch update", " events.k8s.io", "events")
_PODS = rule("create delete get list patch update watch", "", "pods")
_LEADER = rule("create get list update patch watch", "coordination.k8s.io", "leases")
_REVISIONS = rule("create delete get list patch update watch", "apps", "controllerrevisions")

CONTROLLERS: dict[str, tuple[wire.JsonObject, ...]] = {
    "certificate-controller": (
        rule("delete get list watch", "certificates.k8s.io", "certificatesigningrequests"),
        rule(
            "patch update",
            "certificates.k8s.io",
            "certificatesigningrequests/approval certificatesigningrequests/status",
        ),
        rule("approve sign", "certificates.k8s.io", "signers"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    ),
    "clusterrole-aggregation-controller": (
        rule("escalate get list patch update watch", "rbac.authorization.k8s.io", "clusterroles"),
    ),
    "cronjob-controller": (
        rule("get list patch update watch", "batch", "cronjobs"),
        rule("create delete get list patch update watch", "batch", "jobs"),
        rule("patch update", "batch", "cronjobs/finalizers cronjobs/status"),
        rule("delete list", "", "pods"),
    ),
    "daemon-set-controller": (
        rule(READ, "apps", "daemonsets"),
        rule("patch update", "apps", "daemonsets/finalizers daemonsets/status"),
        rule("list watch", "", "nodes"),
        rule("create", "", "pods/binding"),
        _PODS,
        _REVISIONS,
    ),
    "deployment-controller": (
        rule("get list patch update watch", "apps", "deployments"),
        rule("patch update", "apps", "deployments/finalizers deployments/status"),
        rule("create delete get list patch update watch", "apps", "replicasets"),
        rule("get list update watch", "", "pods"),
    ),
    "disruption-controller": (
        rule(READ, "apps", "deployments replicasets statefulsets"),
        rule(READ, "", "pods replicationcontrollers"),
        rule(READ, "policy", "poddisruptionbudgets"),
        rule("patch update", "policy", "poddisruptionbudgets/status"),
        rule("patch update", "", "pods/status"),
        rule("get", "*", "*/scale"),
    ),
    "endpointslice-controller": (
        rule(READ, "", "nodes pods services"),
        rule("update", "", "services/finalizers"),
        rule("create delete get list update watch", "discovery.k8s.io", "endpointslices"),
    ),
    "endpoint-controller": (
        rule(READ, "", "pods services"),
        rule("create delete get list update watch", "", "endpoints"),
    ),
    "generic-garbage-collector": (rule("delete get list patch update watch", "*", "*"),),
    "ephemeral-volume-controller": (
        rule("get list watch", "", "pods"),
        rule("update", "", "pods/finalizers"),
        rule("create get list watch", "", "persistentvolumeclaims"),
    ),
    "horizontal-pod-autoscaler": (
        rule(READ, "autoscaling", "horizontalpodautoscalers"),
        rule("patch update", "autoscaling", "horizontalpodautoscalers/status"),
        rule("get patch update", "*", "*/scale"),
        rule("list", "", "pods"),
        rule("list", "metrics.k8s.io", "pods"),
        rule("get list", "custom.metrics.k8s.io external.metrics.k8s.io", "*"),
    ),
    "job-controller": (
        # "delete": the same loop removes jobs whose time to live is over.
        rule("delete get list patch update watch", "batch", "jobs"),
        rule("patch update", "batch", "jobs/finalizers jobs/status"),
        _PODS,
    ),
    "namespace-controller": (
        rule("delete get list watch", "", "namespaces"),
        rule("patch update", "", "namespaces/finalize namespaces/status"),
        rule("delete deletecollection get list", "*", "*"),
    ),
    "node-controller": (
        rule("delete get list patch update watch", "", "nodes"),
        rule("patch update", "", "nodes/status pods/status"),
        rule("delete get list watch", "", "pods"),
        rule(READ, "coordination.k8s.io", "leases"),
    ),
    "persistent-volume-binder": (
        rule("create delete get list patch update watch", "", "persistentvolumes"),
        rule("get list patch update watch", "", "persistentvolumeclaims"),
        rule("patch update", "", "persistentvolumeclaims/status persistentvolumes/status"),
        rule("create get list watch", "storage.k8s.io", "storageclasses"),
        rule(READ, "", "nodes pods"),
        # Directories on nodes' disks are removed by their agents.
        rule("delete", "", "nodes/proxy"),
    ),
    "pod-garbage-collector": (
        rule("delete list watch", "", "pods"),
        rule("get list", "", "nodes"),
        rule("patch", "", "pods/status"),
    ),
    "pv-protection-controller": (rule("get list patch update watch", "", "persistentvolumes"),),
    "pvc-protection-controller": (
        rule("get list patch update watch", "", "persistentvolumeclaims"),
        rule(READ, "", "pods"),
    ),
    "replicaset-controller": (
        rule("get list patch update watch", "apps", "replicasets"),
        rule("patch update", "apps", "replicasets/finalizers replicasets/status"),
        _PODS,
    ),
    "replication-controller": (
        rule("get list patch update watch", "", "replicationcontrollers"),
        rule("patch update", "", "replicationcontrollers/finalizers replicationcontrollers/status"),
        _PODS,
    ),
    "resourcequota-controller": (
        rule("list watch", "*", "*"),
        rule("update", "", "resourcequotas/status"),
    ),
    "root-ca-cert-publisher": (rule("create get patch update", "", "configmaps"),),
    "service-account-controller": (rule("create get patch", "", "serviceaccounts"),),
    "service-controller": (
        rule(READ, "", "nodes pods services"),
        rule("patch update", "", "services/status"),
    ),
    "service-cidrs-controller": (
        rule("get list patch update watch", "networking.k8s.io", "servicecidrs"),
        rule("patch update", "networking.k8s.io", "servicecidrs/finalizers servicecidrs/status"),
        rule("create delete get list watch", "networking.k8s.io", "ipaddresses"),
        rule(READ, "", "services"),
    ),
    "statefulset-controller": (
        rule(READ, "apps", "statefulsets"),
        rule("patch update", "apps", "statefulsets/finalizers statefulsets/status"),
        rule("create get list patch update watch", "", "persistentvolumeclaims"),
        _PODS,
        _REVISIONS,
    ),
    "ttl-after-finished-controller": (rule("delete get list watch", "batch", "jobs"),),
}

_SCHEDULER = (
    _EVENTS,
    _LEADER,
    rule(READ, "", "nodes namespaces persistentvolumeclaims persistentvolumes"),
    rule("delete get list watch", "", "pods"),
    rule("create", "", "bindings pods/binding"),
    rule("patch update", "", "pods/status"),
    # Frameworks' tasks run as pods, in a namespace of theirs.
    rule("create", "", "namespaces pods"),
    rule(READ, "", "replicationcontrollers services"),
    rule(READ, "apps", "replicasets statefulsets"),
    rule(READ, "policy", "poddisruptionbudgets"),
    rule(READ, "storage.k8s.io", "csidrivers csinodes csistoragecapacities storageclasses"),
    rule(READ, "scheduling.k8s.io", "priorityclasses"),
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    # The offer master shares the scheduler's process and identity.
    rule(f"{READ} {WRITE}", "offers.bireme.dev", "*"),
    rule("use", "offers.bireme.dev", "hosttasks"),
    # Pods of frameworks that brought credentials are made in their principals' names, and nothing
    # else is done in anybody's.
    rule("impersonate:user-info", "authentication.k8s.io", "users"),
    rule("impersonate:user-info", "authentication.k8s.io", "groups", "offers:principals"),
    rule("impersonate-on:user-info:create", "", "namespaces pods"),
    rule("impersonate-on:user-info:create", "authorization.k8s.io", "selfsubjectrulesreviews"),
    # Reservations and what operators plan stand in annotations of nodes; drains empty them.
    rule("delete patch", "", "nodes"),
    rule("create", "", "pods/eviction"),
    rule(READ, "", "resourcequotas"),
)

_MANAGER = (
    _EVENTS,
    _LEADER,
    rule("create", "", "secrets serviceaccounts serviceaccounts/token"),
    rule("delete", "", "secrets"),
    rule("get", "", "configmaps namespaces secrets serviceaccounts"),
    rule("patch update", "", "secrets serviceaccounts"),
    rule("list watch", "*", "*"),
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
)

ROLES: dict[str, tuple[wire.JsonObject, ...]] = {
    "system:kube-scheduler": _SCHEDULER,
    # Apart from the API server all loops have one credential: it may do what each of them may.
    "system:kube-controller-manager": (
        *_MANAGER,
        *(granted for rules in CONTROLLERS.values() for granted in rules),
    ),
    **{f"system:controller:{name}": (*rules, _EVENTS) for name, rules in CONTROLLERS.items()},
}
