"""The paths of OpenAPI documents: which requests a resource answers, with which parameters.

kubectl looks here for the `fieldValidation` and `dryRun` parameters of PATCH before it leaves
validation to the server. Neighbours: `documents`, `apimachinery.scheme`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apimachinery.resource import Resource, Subresource
from apimachinery.wire import JsonObject

_TEXT = {"type": "string", "uniqueItems": True}
_NUMBER = {"type": "integer", "uniqueItems": True}
_FLAG = {"type": "boolean", "uniqueItems": True}

PARAMETERS: dict[str, tuple[JsonObject, str]] = {
    "allowWatchBookmarks": (_FLAG, "Ask for events that only carry a newer revision."),
    "continue": (_TEXT, "The token of the last page: go on after it."),
    "dryRun": (_TEXT, "All: go through every check and change nothing."),
    "fieldManager": (_TEXT, "The name under which changed fields are owned."),
    "fieldSelector": (_TEXT, "Only objects whose fields match, such as spec.nodeName=n1."),
    "fieldValidation": (_TEXT, "Unknown fields: Ignore, Warn (the default) or Strict."),
    "force": (_FLAG, "Take fields over from other managers (apply only)."),
    "gracePeriodSeconds": (_NUMBER, "Seconds until the object is gone; 0 is at once."),
    "labelSelector": (_TEXT, "Only objects whose labels match, such as app=web,tier!=db."),
    "limit": (_NUMBER, "At most so many objects in one answer."),
    "pretty": (_TEXT, "Any value but false: indented output."),
    "propagationPolicy": (_TEXT, "What becomes of dependents: Orphan, Background, Foreground."),
    "resourceVersion": (_TEXT, "The revision that the answer must have reached."),
    "resourceVersionMatch": (_TEXT, "How to read it: Exact or NotOlderThan."),
    "sendInitialEvents": (_FLAG, "Begin a watch with the objects that exist, then a bookmark."),
    "timeoutSeconds": (_NUMBER, "End the request after so long, whatever happens."),
    "watch": (_FLAG, "Stream changes instead of listing."),
}

LISTING = (
    "pretty",
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
WRITING = ("pretty", "dryRun", "fieldManager", "fieldValidation")
PATCHING = (*WRITING, "force")
DELETING = ("pretty", "dryRun", "gracePeriodSeconds", "propagationPolicy")

STRATEGIC_PATCH = "application/strategic-merge-patch+json"
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    STRATEGIC_PATCH,
    "application/apply-patch+yaml",
)
ANSWER_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
CUSTOM_TYPES = ("application/json", "application/yaml")
WATCH_TYPES = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")

_METHODS = {
    "get": "get",
    "list": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
_ACTIONS = {"create": "post", "update": "put"}
_SENTENCES = {
    "get": "read one {kind}",
    "list": "list or watch objects of kind {kind}",
    "create": "create a {kind}",
    "update": "replace one {kind}",
    "patch": "change part of one {kind}",
    "delete": "delete one {kind}",
    "deletecollection": "delete all selected objects of kind {kind}",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb on one path, before it is spelled for one version of OpenAPI."""

    verb: str
    kind: tuple[str, str, str]
    """Group, version and kind that go in and come out."""
    name: str
    """Makes the operationId together with the verb."""
    query: Sequence[str] = ()
    body: str = ""
    """"object", "patch", "options" or nothing."""
    answer: str = "object"
    """"object", "list", "status" or "deleted"."""

    @property
    def method(self) -> str:
        return _METHODS[self.verb]

    @property
    def action(self) -> str:
        return _ACTIONS.get(self.verb, self.verb)

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.verb].format(kind=self.kind[2])


@dataclass(frozen=True, slots=True)
class PathItem:
    """One path with its operations."""

    path: str
    variables: tuple[str, ...]
    operations: list[Operation] = field(default_factory=list)


def items(resource: Resource) -> list[PathItem]:
    """All paths of a resource."""
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    variables = ("namespace",) if resource.namespaced else ()
    stem = ("Namespaced" if resource.namespaced else "") + resource.kind
    made = [PathItem(f"{root}{scope}/{resource.plural}", variables)]
    for verb in ("list", "create", "deletecollection"):
        if verb in resource.verbs:
            made[0].operations.append(_operation(verb, resource.gvk, stem))
    one = PathItem(f"{root}{scope}/{resource.plural}/{{name}}", (*variables, "name"))
    for verb in ("get", "update", "patch", "delete"):
        if verb in resource.verbs:
            one.operations.append(_operation(verb, resource.gvk, stem))
    if one.operations:
        made.append(one)
    made += (_subresource(one, stem, resource, sub) for sub in resource.subresources)
    if resource.namespaced and "list" in resource.verbs:
        everywhere = PathItem(f"{root}/{resource.plural}", ())
        name = f"{resource.kind}ForAllNamespaces"
        everywhere.operations.append(_operation("list", resource.gvk, name))
        made.append(everywhere)
    return made


def _subresource(one: PathItem, stem: str, resource: Resource, sub: Subresource) -> PathItem:
    item = PathItem(f"{one.path}/{sub.name}", (*one.variables[:-1], "name"))
    version = sub.version or resource.version
    group = sub.group if sub.version else resource.group
    kind = (group, version, sub.kind)
    for verb in ("get", "create", "update", "patch", "delete"):
        if verb in sub.verbs:
            name = f"{stem}{sub.name.capitalize()}"
            item.operations.append(_operation(verb, kind, name))
    return item


def _operation(verb: str, kind: tuple[str, str, str], name: str) -> Operation:
    if verb == "list":
        return Operation(verb, kind, name, LISTING, answer="list")
    if verb == "get":
        return Operation(verb, kind, name, ("pretty",))
    if verb == "patch":
        return Operation(verb, kind, name, PATCHING, body="patch")
    if verb == "delete":
        return Operation(verb, kind, name, DELETING, body="options", answer="deleted")
    if verb == "deletecollection":
        query = (*DELETING, *(one for one in LISTING if one not in ("pretty", "watch")))
        return Operation(verb, kind, name, query, body="options", answer="status")
    return Operation(verb, kind, name, WRITING, body="object")


def query_parameters(names: Sequence[str]) -> list[tuple[str, Mapping[str, object], str]]:
    """Name, schema and description of each query parameter."""
    return [(name, *PARAMETERS[name]) for name in names]
