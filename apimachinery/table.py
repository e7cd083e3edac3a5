"""Server-side printing: the `Table` that `kubectl get` asks for.

`printer(group, kind)` names the columns and turns an object into `Cells`; cells are computed
once per state of an object and give their text or JSON for any `now`, so that a cache of them
costs nothing but the ages on each read. `row`, `table` make objects; `row_json`, `table_json`
put ready bytes together for big lists. Neighbours: the API server's list, get and watch
handlers; `apimachinery.tables` holds the kinds. Nothing here reads a clock.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import orjson

from apimachinery.tables import access, core, network, offers, pods, storage, workloads
from apimachinery.tables.base import Cells, Column, Printer, human_duration
from apimachinery.wire import JsonObject

__all__ = [
    "GENERIC",
    "Cells",
    "Column",
    "IncludeObject",
    "Printer",
    "human_duration",
    "partial_metadata",
    "printer",
    "row",
    "row_json",
    "table",
    "table_json",
]

API_VERSION = "meta.k8s.io/v1"
GENERIC = core.GENERIC


class IncludeObject(StrEnum):
    """The query parameter `includeObject`: what a row carries beside its cells."""

    NONE = "None"
    METADATA = "Metadata"
    OBJECT = "Object"


_ADMISSION = "admissionregistration.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_FLOW = "flowcontrol.apiserver.k8s.io"
_OFFERS = "offers.bireme.dev"

_PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Pod"): pods.POD,
    ("", "Node"): core.NODE,
    ("", "Namespace"): core.NAMESPACE,
    ("", "ConfigMap"): core.CONFIG_MAP,
    ("", "Secret"): core.SECRET,
    ("", "ServiceAccount"): core.SERVICE_ACCOUNT,
    ("", "Event"): core.EVENT,
    ("events.k8s.io", "Event"): core.EVENT,
    ("", "ResourceQuota"): core.QUOTA,
    ("", "LimitRange"): core.CREATED_AT,
    ("", "ComponentStatus"): core.COMPONENT_STATUS,
    ("", "Service"): network.SERVICE,
    ("", "Endpoints"): network.ENDPOINTS,
    ("", "PodTemplate"): workloads.POD_TEMPLATE,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLER,
    ("", "PersistentVolume"): storage.VOLUME,
    ("", "PersistentVolumeClaim"): storage.CLAIM,
    ("apps", "Deployment"): workloads.DEPLOYMENT,
    ("apps", "ReplicaSet"): workloads.REPLICA_SET,
    ("apps", "StatefulSet"): workloads.STATEFUL_SET,
    ("apps", "DaemonSet"): workloads.DAEMON_SET,
    ("apps", "ControllerRevision"): workloads.CONTROLLER_REVISION,
    ("batch", "Job"): workloads.JOB,
    ("batch", "CronJob"): workloads.CRON_JOB,
    ("autoscaling", "HorizontalPodAutoscaler"): workloads.AUTOSCALER,
    ("autoscaling", "Scale"): access.SCALE,
    ("policy", "PodDisruptionBudget"): workloads.BUDGET,
    ("discovery.k8s.io", "EndpointSlice"): network.ENDPOINT_SLICE,
    ("networking.k8s.io", "Ingress"): network.INGRESS,
    ("networking.k8s.io", "IngressClass"): network.INGRESS_CLASS,
    ("networking.k8s.io", "NetworkPolicy"): network.NETWORK_POLICY,
    ("networking.k8s.io", "ServiceCIDR"): network.SERVICE_CIDR,
    ("networking.k8s.io", "IPAddress"): network.IP_ADDRESS,
    ("storage.k8s.io", "StorageClass"): storage.STORAGE_CLASS,
    ("storage.k8s.io", "CSIDriver"): storage.CSI_DRIVER,
    ("storage.k8s.io", "CSINode"): storage.CSI_NODE,
    ("storage.k8s.io", "CSIStorageCapacity"): storage.CSI_CAPACITY,
    ("storage.k8s.io", "VolumeAttachment"): storage.ATTACHMENT,
    ("storage.k8s.io", "VolumeAttributesClass"): storage.ATTRIBUTES_CLASS,
    (_RBAC, "Role"): core.CREATED_AT,
    (_RBAC, "ClusterRole"): core.CREATED_AT,
    (_RBAC, "RoleBinding"): access.ROLE_BINDING,
    (_RBAC, "ClusterRoleBinding"): access.ROLE_BINDING,
    ("scheduling.k8s.io", "PriorityClass"): access.PRIORITY_CLASS,
    ("certificates.k8s.io", "CertificateSigningRequest"): access.SIGNING_REQUEST,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): core.CREATED_AT,
    ("apiregistration.k8s.io", "APIService"): access.API_SERVICE,
    ("coordination.k8s.io", "Lease"): access.LEASE,
    ("node.k8s.io", "RuntimeClass"): access.RUNTIME_CLASS,
    (_ADMISSION, "MutatingWebhookConfiguration"): access.WEBHOOKS,
    (_ADMISSION, "ValidatingWebhookConfiguration"): access.WEBHOOKS,
    (_ADMISSION, "MutatingAdmissionPolicy"): access.MUTATING_POLICY,
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): access.POLICY_BINDING,
    (_ADMISSION, "ValidatingAdmissionPolicy"): access.POLICY,
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): access.POLICY_BINDING,
    (_FLOW, "FlowSchema"): access.FLOW_SCHEMA,
    (_FLOW, "PriorityLevelConfiguration"): access.PRIORITY_LEVEL,
    (_OFFERS, "Framework"): offers.FRAMEWORK,
    (_OFFERS, "Role"): offers.ROLE,
    (_OFFERS, "Executor"): offers.EXECUTOR,
    (_OFFERS, "Task"): offers.TASK,
    (_OFFERS, "Offer"): offers.OFFER,
}


def printer(group: str, kind: str) -> Printer:
    """The kind's printer; name and age for kinds that have none."""
    return _PRINTERS.get((group, kind), GENERIC)


def partial_metadata(obj: JsonObject) -> JsonObject:
    """What a row carries by default: the object's metadata alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": API_VERSION,
        "metadata": obj.get("metadata") or {},
    }


def row(
    cells: Cells, now: float, obj: JsonObject, include: IncludeObject = IncludeObject.METADATA
) -> JsonObject:
    out: JsonObject = {"cells": cells.fill(now)}
    if cells.conditions:
        out["conditions"] = cells.conditions
    match include:
        case IncludeObject.METADATA:
            out["object"] = partial_metadata(obj)
        case IncludeObject.OBJECT:
            out["object"] = obj
        case IncludeObject.NONE:
            out["object"] = None
    return out


def table(
    kind_printer: Printer,
    rows: list[JsonObject],
    metadata: JsonObject,
    *,
    with_columns: bool = True,
) -> JsonObject:
    """A Table; a watch sends the columns with its first event only."""
    return {
        "kind": "Table",
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "columnDefinitions": _columns(kind_printer) if with_columns else None,
        "rows": rows,
    }


def _columns(kind_printer: Printer) -> list[Any]:
    return [column.to_json() for column in kind_printer.columns]


def row_json(cells: Cells, now: float, obj: bytes = b"") -> bytes:
    """One row; `obj` is the JSON of what it carries, empty for nothing."""
    said = b',"conditions":' + orjson.dumps(cells.conditions) if cells.conditions else b""
    return b"".join((b'{"cells":', cells.json(now), said, b',"object":', obj or b"null", b"}"))


def table_json(
    kind_printer: Printer,
    rows: Iterable[bytes],
    metadata: JsonObject,
    *,
    with_columns: bool = True,
) -> bytes:
    """A Table from rows that are JSON already."""
    head, tail = table_ends(kind_printer, metadata, with_columns=with_columns)
    return head + b",".join(rows) + tail


def table_ends(
    kind_printer: Printer, metadata: JsonObject, *, with_columns: bool = True
) -> tuple[bytes, bytes]:
    """What comes before a Table's rows and what after them, as JSON."""
    whole = orjson.dumps(table(kind_printer, [], metadata, with_columns=with_columns))
    return whole[:-2], whole[-2:]
