"""Judge whether an object may be stored: Kubernetes' rules, in Kubernetes' words; pure.

One module per group of kinds; each returns `status.FieldError` values and never raises. Objects
are structurally sound (`apimachinery.decode`) and defaulted (`apimachinery.defaults`). Kinds
without rules of their own get the rules about metadata. Modules are imported when first needed.
"""

import importlib
from collections.abc import Callable
from functools import cache
from typing import cast

from apimachinery.resource import Resource
from apimachinery.status import FieldError
from apimachinery.validation import metadata
from apimachinery.wire import JsonObject

Create = Callable[[JsonObject], list[FieldError]]
Update = Callable[[JsonObject, JsonObject], list[FieldError]]

_RULES: dict[tuple[str, str], tuple[str, str, str]] = {
    # (group, kind): module, create, update; no update means that create's rules are all.
    ("", "Pod"): ("pods", "create", "pod_update:update"),
    ("", "PodTemplate"): ("pods", "pod_template", ""),
    ("", "Service"): ("services", "create", "update"),
    ("", "Endpoints"): ("endpoints", "endpoints", ""),
    ("discovery.k8s.io", "EndpointSlice"): ("endpoints", "endpoint_slice", "endpoint_slice_update"),
    ("", "ReplicationController"): ("workloads", "replication_controller", ""),
    ("apps", "ReplicaSet"): ("workloads", "replica_set", "replica_set_update"),
    ("apps", "Deployment"): ("workloads", "deployment", "deployment_update"),
    ("apps", "DaemonSet"): ("workloads", "daemon_set", "daemon_set_update"),
    ("apps", "StatefulSet"): ("workloads", "stateful_set", "stateful_set_update"),
    ("apps", "ControllerRevision"): ("workloads", "revision", "revision_update"),
    ("batch", "Job"): ("jobs", "job", "job_update"),
    ("batch", "CronJob"): ("jobs", "cron_job", "cron_job_update"),
    ("", "ConfigMap"): ("core", "config_map", "config_map_update"),
    ("", "Secret"): ("core", "secret", "secret_update"),
    ("", "Node"): ("core", "node", "node_update"),
    ("", "Namespace"): ("core", "namespace", "namespace_update"),
    ("", "ResourceQuota"): ("amounts", "resource_quota", "quota_update"),
    ("", "LimitRange"): ("amounts", "limit_range", ""),
    ("", "Event"): ("events", "event", ""),
    ("coordination.k8s.io", "Lease"): ("core", "lease", ""),
    ("", "PersistentVolumeClaim"): ("claims", "claim", "claim_update"),
    ("", "PersistentVolume"): ("storage", "volume", "volume_update"),
    ("storage.k8s.io", "StorageClass"): ("storage", "storage_class", "storage_class_update"),
    ("storage.k8s.io", "VolumeAttributesClass"): (
        "storage",
        "attributes_class",
        "attributes_class_update",
    ),
    ("storage.k8s.io", "CSIDriver"): ("csi", "driver", "driver_update"),
    ("storage.k8s.io", "CSINode"): ("csi", "node", "node_update"),
    ("storage.k8s.io", "CSIStorageCapacity"): ("csi", "capacity", "capacity_update"),
    ("storage.k8s.io", "VolumeAttachment"): ("csi", "attachment", "attachment_update"),
    ("rbac.authorization.k8s.io", "Role"): ("cluster", "role", ""),
    ("rbac.authorization.k8s.io", "ClusterRole"): ("cluster", "cluster_role", ""),
    ("rbac.authorization.k8s.io", "RoleBinding"): (
        "cluster",
        "role_binding",
        "role_binding_update",
    ),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (
        "cluster",
        "cluster_role_binding",
        "cluster_role_binding_update",
    ),
    ("networking.k8s.io", "Ingress"): ("networking", "ingress", "ingress_update"),
    ("networking.k8s.io", "IngressClass"): (
        "networking",
        "ingress_class",
        "ingress_class_update",
    ),
    ("networking.k8s.io", "ServiceCIDR"): ("addresses", "service_range", "service_range_update"),
    ("networking.k8s.io", "IPAddress"): ("addresses", "address", "address_update"),
    ("networking.k8s.io", "NetworkPolicy"): ("networking", "network_policy", ""),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): ("flowcontrol", "schema", ""),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): ("flowcontrol", "level", ""),
    ("policy", "PodDisruptionBudget"): ("scaling", "disruption_budget", ""),
    ("autoscaling", "HorizontalPodAutoscaler"): ("scaling", "autoscaler", "autoscaler_update"),
    ("scheduling.k8s.io", "PriorityClass"): ("cluster", "priority_class", "priority_class_update"),
    ("node.k8s.io", "RuntimeClass"): ("cluster", "runtime_class", "runtime_class_update"),
    ("certificates.k8s.io", "CertificateSigningRequest"): ("cluster", "signing_request", ""),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (
        "definitions",
        "definition",
        "definition_update",
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): (
        "webhooks",
        "configuration",
        "",
    ),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): (
        "webhooks",
        "configuration",
        "",
    ),
    ("apiregistration.k8s.io", "APIService"): ("apiservices", "api_service", ""),
}

_STATUS_RULES: dict[tuple[str, str], tuple[str, str]] = {
    # (group, kind): module, rule about a write to the status
    ("", "Namespace"): ("core", "namespace_status"),
    ("", "PersistentVolumeClaim"): ("claims", "claim_status"),
    ("", "ReplicationController"): ("statuses", "replica_set"),
    ("", "ResourceQuota"): ("amounts", "quota_status"),
    ("", "Service"): ("statuses", "service"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("definitions", "definition_status"),
    ("apps", "DaemonSet"): ("statuses", "daemon_set"),
    ("apps", "Deployment"): ("statuses", "deployment"),
    ("apps", "ReplicaSet"): ("statuses", "replica_set"),
    ("apps", "StatefulSet"): ("statuses", "stateful_set"),
    ("autoscaling", "HorizontalPodAutoscaler"): ("statuses", "autoscaler"),
    ("batch", "Job"): ("job_status", "update"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): ("flowcontrol", "conditions"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): ("flowcontrol", "conditions"),
    ("networking.k8s.io", "Ingress"): ("statuses", "ingress"),
    ("policy", "PodDisruptionBudget"): ("statuses", "disruption_budget"),
    ("storage.k8s.io", "VolumeAttachment"): ("csi", "attachment_update"),
}


def validate_create(resource: Resource, obj: JsonObject) -> list[FieldError]:
    """Everything that is wrong with a new object."""
    errors = metadata.create(resource, obj)
    if resource.custom is not None:
        return errors + resource.custom.validate(obj, None)
    create, _ = _rules(resource.group, resource.kind)
    return errors + create(obj) if create is not None else errors


def validate_update(resource: Resource, new: JsonObject, old: JsonObject) -> list[FieldError]:
    """Everything that is wrong with replacing `old` by `new`, immutable fields included."""
    errors = metadata.update(new, old)
    if resource.custom is not None:
        return errors + resource.custom.validate(new, old)
    create, update = _rules(resource.group, resource.kind)
    if update is not None:
        return errors + update(new, old)
    return errors + create(new) if create is not None else errors


def validate_status_update(
    resource: Resource, new: JsonObject, old: JsonObject
) -> list[FieldError]:
    """Everything that is wrong with a write to the status subresource.

    Structure has been checked already; a status has few rules of its own.
    """
    errors = metadata.update(new, old)
    if resource.custom is not None:
        return errors + resource.custom.validate(new, old)
    found = _STATUS_RULES.get((resource.group, resource.kind))
    if found is not None:
        errors += cast(Update, _load(*found))(new, old)
    return errors


@cache  # one entry for each kind
def _rules(group: str, kind: str) -> tuple[Create | None, Update | None]:
    found = _RULES.get((group, kind))
    if found is None:
        return None, None
    module, create, update = found
    return cast(Create, _load(module, create)), cast("Update | None", _load(module, update))


def _load(module: str, name: str) -> Callable[..., list[FieldError]] | None:
    """A rule by name; "module:name" where it lives in another one than the kind's other rule."""
    if not name:
        return None
    other, _, short = name.rpartition(":")
    loaded = importlib.import_module(f"{__name__}.{other or module}")
    return cast(Callable[..., list[FieldError]], getattr(loaded, short))
