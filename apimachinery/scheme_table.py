"""The built-in rows of the scheme: what Kubernetes 1.36 serves at v1, and the offer kinds.

Order is discovery order (groups by priority, then resources by name). The facts (verbs, short
names, categories, subresources) are those that a real server publishes. `apimachinery.scheme`
makes the registry from these rows; `docs/checklists/new-kind.md` tells how to add one.
"""

from typing import Any

from apimachinery.resource import READ_VERBS, Resource, Subresource

TYPES = "apimachinery.types"
CREATE = ("create",)
WRITE_STATUS = ("get", "patch", "update")
PROXY_VERBS = ("create", "delete", "get", "patch", "update")

ALL = ("all",)
EXTENSIONS = ("api-extensions",)


def _rows(
    group: str, version: str, module: str, *rows: tuple[str, str, dict[str, Any]]
) -> tuple[Resource, ...]:
    """Rows of one group version; a module name given in a row overrides the group's."""
    made = []
    for kind, plural, options in rows:
        values = dict(options)
        where = values.pop("module", module)
        made.append(
            Resource(
                group=group,
                version=version,
                kind=kind,
                plural=plural,
                model=f"{TYPES}.{where}:{kind}",
                **{"singular": kind.lower(), "namespaced": True, **values},
            )
        )
    return tuple(made)


def _status(kind: str) -> Subresource:
    return Subresource("status", kind, WRITE_STATUS)


SCALE = Subresource("scale", "Scale", WRITE_STATUS, "autoscaling", "v1")


def _sub(kind: str, *more: Subresource, scale: bool = False) -> tuple[Subresource, ...]:
    """`status`, `scale` if wanted, and others, sorted by name as discovery prints them."""
    found = [_status(kind), *more, *([SCALE] if scale else [])]
    return tuple(sorted(found, key=lambda one: one.name))


CORE = _rows(
    "",
    "v1",
    "core_pod",
    ("Binding", "bindings", {"verbs": CREATE}),
    (
        "ComponentStatus",
        "componentstatuses",
        {
            "module": "core_namespace",
            "namespaced": False,
            "verbs": ("get", "list"),
            "short_names": ("cs",),
            "deprecation": "v1 ComponentStatus is deprecated in v1.19+",
        },
    ),
    ("ConfigMap", "configmaps", {"module": "core_config", "short_names": ("cm",)}),
    (
        "Endpoints",
        "endpoints",
        {
            "module": "core_service",
            "short_names": ("ep",),
            "deprecation": (
                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
            ),
        },
    ),
    ("Event", "events", {"module": "core_event", "short_names": ("ev",)}),
    ("LimitRange", "limitranges", {"module": "core_namespace", "short_names": ("limits",)}),
    (
        "Namespace",
        "namespaces",
        {
            "module": "core_namespace",
            "namespaced": False,
            "short_names": ("ns",),
            "verbs": ("create", "delete", "get", "list", "patch", "update", "watch"),
            "subresources": _sub("Namespace", Subresource("finalize", "Namespace", ("update",))),
        },
    ),
    (
        "Node",
        "nodes",
        {
            "module": "core_node",
            "namespaced": False,
            "short_names": ("no",),
            "subresources": _sub("Node", Subresource("proxy", "NodeProxyOptions", PROXY_VERBS)),
        },
    ),
    (
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        {
            "module": "core_claim",
            "short_names": ("pvc",),
            "subresources": _sub("PersistentVolumeClaim"),
        },
    ),
    (
        "PersistentVolume",
        "persistentvolumes",
        {
            "module": "core_persistent",
            "namespaced": False,
            "short_names": ("pv",),
            "subresources": _sub("PersistentVolume"),
        },
    ),
    (
        "Pod",
        "pods",
        {
            "short_names": ("po",),
            "categories": ALL,
            "subresources": _sub(
                "Pod",
                Subresource("attach", "PodAttachOptions", ("create", "get")),
                Subresource("binding", "Binding", CREATE),
                Subresource("ephemeralcontainers", "Pod", WRITE_STATUS),
                Subresource("eviction", "Eviction", CREATE, "policy", "v1"),
                Subresource("exec", "PodExecOptions", ("create", "get")),
                Subresource("log", "Pod", ("get",)),
                Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
                Subresource("proxy", "PodProxyOptions", PROXY_VERBS),
                Subresource("resize", "Pod", WRITE_STATUS),
            ),
        },
    ),
    ("PodTemplate", "podtemplates", {}),
    (
        "ReplicationController",
        "replicationcontrollers",
        {
            "module": "core_replication",
            "short_names": ("rc",),
            "categories": ALL,
            "subresources": _sub("ReplicationController", scale=True),
        },
    ),
    (
        "ResourceQuota",
        "resourcequotas",
        {
            "module": "core_namespace",
            "short_names": ("quota",),
            "subresources": _sub("ResourceQuota"),
        },
    ),
    ("Secret", "secrets", {"module": "core_config"}),
    (
        "ServiceAccount",
        "serviceaccounts",
        {
            "module": "core_config",
            "short_names": ("sa",),
            "subresources": (
                Subresource("token", "TokenRequest", CREATE, "authentication.k8s.io", "v1"),
            ),
        },
    ),
    (
        "Service",
        "services",
        {
            "module": "core_service",
            "short_names": ("svc",),
            "categories": ALL,
            "subresources": _sub(
                "Service", Subresource("proxy", "ServiceProxyOptions", PROXY_VERBS)
            ),
        },
    ),
)

APIREGISTRATION = _rows(
    "apiregistration.k8s.io",
    "v1",
    "apiregistration",
    (
        "APIService",
        "apiservices",
        {"namespaced": False, "categories": EXTENSIONS, "subresources": _sub("APIService")},
    ),
)

APPS = _rows(
    "apps",
    "v1",
    "apps",
    ("ControllerRevision", "controllerrevisions", {}),
    (
        "DaemonSet",
        "daemonsets",
        {"short_names": ("ds",), "categories": ALL, "subresources": _sub("DaemonSet")},
    ),
    (
        "Deployment",
        "deployments",
        {
            "short_names": ("deploy",),
            "categories": ALL,
            "subresources": _sub("Deployment", scale=True),
        },
    ),
    (
        "ReplicaSet",
        "replicasets",
        {"short_names": ("rs",), "categories": ALL, "subresources": _sub("ReplicaSet", scale=True)},
    ),
    (
        "StatefulSet",
        "statefulsets",
        {
            "short_names": ("sts",),
            "categories": ALL,
            "subresources": _sub("StatefulSet", scale=True),
        },
    ),
)

EVENTS = _rows(
    "events.k8s.io",
    "v1",
    "events",
    ("Event", "events", {"short_names": ("ev",), "stored_as": ("", "v1", "events")}),
)

AUTHENTICATION = _rows(
    "authentication.k8s.io",
    "v1",
    "authentication",
    ("SelfSubjectReview", "selfsubjectreviews", {"namespaced": False, "verbs": CREATE}),
    ("TokenReview", "tokenreviews", {"namespaced": False, "verbs": CREATE}),
)

AUTHORIZATION = _rows(
    "authorization.k8s.io",
    "v1",
    "authorization",
    ("LocalSubjectAccessReview", "localsubjectaccessreviews", {"verbs": CREATE}),
    (
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        {"namespaced": False, "verbs": CREATE},
    ),
    ("SelfSubjectRulesReview", "selfsubjectrulesreviews", {"namespaced": False, "verbs": CREATE}),
    ("SubjectAccessReview", "subjectaccessreviews", {"namespaced": False, "verbs": CREATE}),
)

AUTOSCALING_V2 = _rows(
    "autoscaling",
    "v2",
    "autoscaling_v2",
    (
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        {
            "short_names": ("hpa",),
            "categories": ALL,
            "subresources": _sub("HorizontalPodAutoscaler"),
        },
    ),
)

AUTOSCALING_V1 = _rows(
    "autoscaling",
    "v1",
    "autoscaling_v1",
    (
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        {
            "short_names": ("hpa",),
            "categories": ALL,
            "subresources": _sub("HorizontalPodAutoscaler"),
            "stored_as": ("autoscaling", "v2", "horizontalpodautoscalers"),
        },
    ),
)

BATCH = _rows(
    "batch",
    "v1",
    "batch",
    (
        "CronJob",
        "cronjobs",
        {"short_names": ("cj",), "categories": ALL, "subresources": _sub("CronJob")},
    ),
    ("Job", "jobs", {"categories": ALL, "subresources": _sub("Job")}),
)

CERTIFICATES = _rows(
    "certificates.k8s.io",
    "v1",
    "certificates",
    (
        "CertificateSigningRequest",
        "certificatesigningrequests",
        {
            "namespaced": False,
            "short_names": ("csr",),
            "subresources": _sub(
                "CertificateSigningRequest",
                Subresource("approval", "CertificateSigningRequest", WRITE_STATUS),
            ),
        },
    ),
)

NETWORKING = _rows(
    "networking.k8s.io",
    "v1",
    "networking",
    ("IngressClass", "ingressclasses", {"namespaced": False}),
    ("Ingress", "ingresses", {"short_names": ("ing",), "subresources": _sub("Ingress")}),
    ("IPAddress", "ipaddresses", {"namespaced": False, "short_names": ("ip",)}),
    ("NetworkPolicy", "networkpolicies", {"short_names": ("netpol",)}),
    ("ServiceCIDR", "servicecidrs", {"namespaced": False, "subresources": _sub("ServiceCIDR")}),
)

POLICY = _rows(
    "policy",
    "v1",
    "policy",
    (
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        {"short_names": ("pdb",), "subresources": _sub("PodDisruptionBudget")},
    ),
)

RBAC = _rows(
    "rbac.authorization.k8s.io",
    "v1",
    "rbac",
    ("ClusterRoleBinding", "clusterrolebindings", {"namespaced": False}),
    ("ClusterRole", "clusterroles", {"namespaced": False}),
    ("RoleBinding", "rolebindings", {}),
    ("Role", "roles", {}),
)

STORAGE = _rows(
    "storage.k8s.io",
    "v1",
    "storage",
    ("CSIDriver", "csidrivers", {"namespaced": False}),
    ("CSINode", "csinodes", {"namespaced": False}),
    ("CSIStorageCapacity", "csistoragecapacities", {}),
    ("StorageClass", "storageclasses", {"namespaced": False, "short_names": ("sc",)}),
    (
        "VolumeAttachment",
        "volumeattachments",
        {"namespaced": False, "subresources": _sub("VolumeAttachment")},
    ),
    (
        "VolumeAttributesClass",
        "volumeattributesclasses",
        {"namespaced": False, "short_names": ("vac",)},
    ),
)

_EXTENDS = {"namespaced": False, "categories": EXTENSIONS}

ADMISSIONREGISTRATION = _rows(
    "admissionregistration.k8s.io",
    "v1",
    "admissionregistration",
    ("MutatingAdmissionPolicy", "mutatingadmissionpolicies", {**_EXTENDS}),
    ("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", {**_EXTENDS}),
    ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", {**_EXTENDS}),
    (
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        {**_EXTENDS, "subresources": _sub("ValidatingAdmissionPolicy")},
    ),
    ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", {**_EXTENDS}),
    ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", {**_EXTENDS}),
)

APIEXTENSIONS = _rows(
    "apiextensions.k8s.io",
    "v1",
    "apiextensions",
    (
        "CustomResourceDefinition",
        "customresourcedefinitions",
        {
            **_EXTENDS,
            "short_names": ("crd", "crds"),
            "subresources": _sub("CustomResourceDefinition"),
        },
    ),
)

SCHEDULING = _rows(
    "scheduling.k8s.io",
    "v1",
    "scheduling",
    ("PriorityClass", "priorityclasses", {"namespaced": False, "short_names": ("pc",)}),
)

COORDINATION = _rows("coordination.k8s.io", "v1", "coordination", ("Lease", "leases", {}))

NODE = _rows("node.k8s.io", "v1", "node", ("RuntimeClass", "runtimeclasses", {"namespaced": False}))

DISCOVERY = _rows("discovery.k8s.io", "v1", "discovery", ("EndpointSlice", "endpointslices", {}))

FLOWCONTROL = _rows(
    "flowcontrol.apiserver.k8s.io",
    "v1",
    "flowcontrol",
    ("FlowSchema", "flowschemas", {"namespaced": False, "subresources": _sub("FlowSchema")}),
    (
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        {"namespaced": False, "subresources": _sub("PriorityLevelConfiguration")},
    ),
)

METRICS = _rows(
    "metrics.k8s.io",
    "v1beta1",
    "metrics",
    ("NodeMetrics", "nodes", {"namespaced": False, "verbs": ("get", "list"), "singular": ""}),
    ("PodMetrics", "pods", {"verbs": ("get", "list"), "singular": ""}),
)

OFFERS = _rows(
    "offers.bireme.dev",
    "v1",
    "offers",
    (
        "Framework",
        "frameworks",
        {"namespaced": False, "short_names": ("fw",), "subresources": _sub("Framework")},
    ),
    ("Executor", "executors", {"subresources": _sub("Executor")}),
    ("Offer", "offers", {"namespaced": False, "verbs": READ_VERBS}),
    (
        "Role",
        "roles",
        {"namespaced": False, "short_names": ("shares",), "subresources": _sub("Role")},
    ),
    ("Task", "tasks", {"subresources": _sub("Task")}),
)

ROWS: tuple[Resource, ...] = (
    *CORE,
    *APIREGISTRATION,
    *APPS,
    *EVENTS,
    *AUTHENTICATION,
    *AUTHORIZATION,
    *AUTOSCALING_V2,
    *AUTOSCALING_V1,
    *BATCH,
    *CERTIFICATES,
    *NETWORKING,
    *POLICY,
    *RBAC,
    *STORAGE,
    *ADMISSIONREGISTRATION,
    *APIEXTENSIONS,
    *SCHEDULING,
    *COORDINATION,
    *NODE,
    *DISCOVERY,
    *FLOWCONTROL,
    *METRICS,
    *OFFERS,
)

_META_KINDS = {
    kind: f"{TYPES}.meta_options:{kind}"
    for kind in (
        "APIGroup",
        "APIGroupList",
        "APIResourceList",
        "APIVersions",
        "CreateOptions",
        "DeleteOptions",
        "GetOptions",
        "ListOptions",
        "PatchOptions",
        "Status",
        "UpdateOptions",
        "WatchEvent",
    )
}

EXTRA_KINDS: dict[tuple[str, str, str], str] = {
    # Every group version knows the meta kinds: an empty group and version mean "any".
    **{("", "", kind): path for kind, path in _META_KINDS.items()},
    ("meta.k8s.io", "v1", "Table"): f"{TYPES}.meta_table:Table",
    **{
        ("meta.k8s.io", version, "PartialObjectMetadata"): (
            f"{TYPES}.meta_options:PartialObjectMetadata"
        )
        for version in ("v1", "v1beta1")
    },
    ("", "v1", "NodeProxyOptions"): f"{TYPES}.core_node:NodeProxyOptions",
    ("", "v1", "PodAttachOptions"): f"{TYPES}.core_pod:PodAttachOptions",
    ("", "v1", "PodExecOptions"): f"{TYPES}.core_pod:PodExecOptions",
    ("", "v1", "PodLogOptions"): f"{TYPES}.core_pod:PodLogOptions",
    ("", "v1", "PodPortForwardOptions"): f"{TYPES}.core_pod:PodPortForwardOptions",
    ("", "v1", "PodProxyOptions"): f"{TYPES}.core_pod:PodProxyOptions",
    ("", "v1", "RangeAllocation"): f"{TYPES}.core_namespace:RangeAllocation",
    ("", "v1", "SerializedReference"): f"{TYPES}.core_reference:SerializedReference",
    ("", "v1", "ServiceProxyOptions"): f"{TYPES}.core_service:ServiceProxyOptions",
    ("authentication.k8s.io", "v1", "TokenRequest"): f"{TYPES}.authentication:TokenRequest",
    ("autoscaling", "v1", "Scale"): f"{TYPES}.autoscaling_v1:Scale",
    ("policy", "v1", "Eviction"): f"{TYPES}.policy:Eviction",
    # No served version, yet Kubernetes still takes evictions of it: old drains, Java's clients.
    ("policy", "v1beta1", "Eviction"): f"{TYPES}.policy:Eviction",
    ("apiextensions.k8s.io", "v1", "ConversionReview"): f"{TYPES}.apiextensions:ConversionReview",
}
"""Kinds that are no resources: what subresources take, and options."""
