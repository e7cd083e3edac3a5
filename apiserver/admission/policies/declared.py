"""The variables that expressions of policies and webhooks have, with their types; pure.

Neighbours: `checks` looks at expressions with them, `asking` gives the values.
"""

from collections.abc import Mapping

from apiserver.expressions.questions import Declared, Fields

_KIND = Fields(
    "kubernetes.GroupVersionKind", {"group": "string", "version": "string", "kind": "string"}
)
_RESOURCE = Fields(
    "kubernetes.GroupVersionResource",
    {"group": "string", "version": "string", "resource": "string"},
)
_USER = Fields(
    "kubernetes.UserInfo",
    {
        "username": "string",
        "uid": "string",
        "groups": "list(string)",
        "extra": "map(string, list(string))",
    },
)
REQUEST = Fields(
    "kubernetes.AdmissionRequest",
    {
        "kind": _KIND,
        "resource": _RESOURCE,
        "subResource": "string",
        "requestKind": _KIND,
        "requestResource": _RESOURCE,
        "requestSubResource": "string",
        "name": "string",
        "namespace": "string",
        "operation": "string",
        "userInfo": _USER,
        "dryRun": "bool",
        "options": "dyn",
    },
)
_METADATA = Fields(
    "kubernetes.NamespaceMetadata",
    {
        "name": "string",
        "generateName": "string",
        "namespace": "string",
        "labels": "map(string, string)",
        "annotations": "map(string, string)",
        "UID": "string",
        "uid": "string",
        "creationTimestamp": "dyn",
        "deletionGracePeriodSeconds": "int",
        "deletionTimestamp": "dyn",
        "generation": "int",
        "resourceVersion": "string",
        "finalizers": "list(string)",
    },
)
NAMESPACE = Fields(
    "kubernetes.Namespace",
    {
        "metadata": _METADATA,
        "spec": Fields("kubernetes.NamespaceSpec", {"finalizers": "list(string)"}),
        "status": Fields("kubernetes.NamespaceStatus", {"phase": "string"}),
    },
)
_PERMISSIONS: Mapping[str, Declared] = {
    "authorizer": "kubernetes.authorization.Authorizer",
    "authorizer.requestResource": "kubernetes.authorization.ResourceCheck",
}


def variables(
    *,
    params: bool = False,
    namespace: bool = True,
    mutating: bool = False,
    obj: Declared = "dyn",
) -> dict[str, Declared]:
    """What an expression may name; `obj` is the type of the object, where one is known."""
    found: dict[str, Declared] = {
        "object": obj,
        "oldObject": obj,
        "request": REQUEST,
        **_PERMISSIONS,
    }
    if namespace:
        found["namespaceObject"] = NAMESPACE
    if params:
        found["params"] = "dyn"
    if mutating:
        found["Object"] = Fields("Object", {})
        found["JSONPatch"] = PATCH
    return found


PATCH = Fields("JSONPatch", {"op": "string", "path": "string", "from": "string", "value": "dyn"})
