"""Rules about the metadata of every object: names, labels, annotations, owners, what may change.

Neighbours: `apimachinery.validation` calls these for each kind; `apimachinery.names` has the forms
of names.
"""

from collections.abc import Callable
from functools import lru_cache

from apimachinery import names, status
from apimachinery.resource import Resource
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_ANNOTATIONS = 256 * 1024
"""Bytes of all annotations of an object together."""

STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
_EXTENDING = ("apiextensions.k8s.io", "apiregistration.k8s.io", "offers.bireme.dev")

_LABEL_NAMES = frozenset(("Namespace", "StatefulSet"))
_SEGMENT_NAMES = frozenset(
    (
        "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Framework", "Task",
        "APIService", "IPAddress", "CertificateSigningRequest",
    )
)  # fmt: skip

_IMMUTABLE = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def name_check(resource: Resource) -> Callable[[str], list[str]]:
    """What the names of this kind may look like."""
    if resource.kind in _LABEL_NAMES:
        return names.dns1123_label
    if resource.kind == "Service" and not resource.group:
        return names.dns1035_label
    if resource.kind in _SEGMENT_NAMES:
        return names.path_segment
    return names.dns1123_subdomain


def create(resource: Resource, obj: JsonObject) -> Errors:
    """Metadata of a new object; generateName has been expanded already."""
    meta = obj.get("metadata") or {}
    name, check = meta.get("name", ""), name_check(resource)
    errors: Errors = []
    base = meta.get("generateName", "")
    if base:
        errors += _prefix(base, check)
    if not name:
        detail = "name or generateName is required"
        errors.append(status.required("metadata.name", detail))
    else:
        errors += (status.invalid_value("metadata.name", name, problem) for problem in check(name))
    errors += _namespace(resource, meta.get("namespace", "")) + _common(meta)
    if meta.get("finalizers") and _is_own(resource):
        errors += _known_finalizers(meta["finalizers"])
    return errors


def _is_own(resource: Resource) -> bool:
    """Kubernetes' own kinds; those that extend it, and ours, are freer."""
    return resource.custom is None and resource.group not in _EXTENDING


def _known_finalizers(finalizers: list[str]) -> Errors:
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        status.invalid_value(f"metadata.finalizers[{index}]", one, detail)
        for index, one in enumerate(finalizers)
        if "/" not in one and one not in STANDARD_FINALIZERS
    ]


def _prefix(base: str, check: Callable[[str], list[str]]) -> Errors:
    """The base is judged as if a letter stood for its trailing dash."""
    shown = f"{base[:-1]}a" if base.endswith("-") and len(base) > 1 else base
    path = "metadata.generateName"
    return [status.invalid_value(path, base, problem) for problem in check(shown)]


def _namespace(resource: Resource, namespace: str) -> Errors:
    path = "metadata.namespace"
    if not resource.namespaced:
        if namespace:
            return [status.forbidden_field(path, "not allowed on this type")]
        return []
    if not namespace:
        return [status.required(path)]
    return [
        status.invalid_value(path, namespace, problem) for problem in _label_problems(namespace)
    ]


@lru_cache(maxsize=common.REMEMBERED)
def _label_problems(value: str) -> tuple[str, ...]:
    return tuple(names.dns1123_label(value))


@lru_cache(maxsize=common.REMEMBERED)
def _key_problems(value: str) -> tuple[str, ...]:
    return tuple(names.qualified_name(value))


def _common(meta: JsonObject) -> Errors:
    """What holds on create and on update."""
    errors = common.labels(meta.get("labels"), "metadata.labels")
    annotations = meta.get("annotations")
    if annotations:
        errors += annotation_errors(annotations, "metadata.annotations")
    if meta.get("ownerReferences"):
        errors += _owners(meta["ownerReferences"])
    if meta.get("finalizers"):
        errors += _finalizers(meta["finalizers"])
    errors += common.non_negative(meta.get("generation"), "metadata.generation")
    return errors


def annotation_errors(annotations: dict[str, str], path: str) -> Errors:
    errors: Errors = []
    size = 0
    for key, value in annotations.items():
        size += len(key) + len(value)
        errors += (
            status.invalid_value(path, key, problem) for problem in _key_problems(key.lower())
        )
    if size > MAX_ANNOTATIONS // 4:  # cheap bound first: a character has at most four bytes
        size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        if size > MAX_ANNOTATIONS:
            errors.append(status.too_long(path, MAX_ANNOTATIONS))
    return errors


def _owners(references: list[JsonObject]) -> Errors:
    errors: Errors = []
    controller = ""
    for index, one in enumerate(references):
        path = f"metadata.ownerReferences[{index}]"
        version = one.get("apiVersion", "").rpartition("/")[2]
        if not version:
            detail = "version must not be empty"
            errors.append(status.invalid_value(f"{path}.apiVersion", "", detail))
        errors += (
            status.invalid_value(f"{path}.{key}", "", "must not be empty")
            for key in ("kind", "name", "uid")
            if not one.get(key)
        )
        if one.get("controller"):
            if controller:
                detail = (
                    'Only one reference can have Controller set to true. Found "true" in '
                    f"references for {controller} and {one.get('kind')}/{one.get('name')}"
                )
                errors.append(status.invalid_value("metadata.ownerReferences", references, detail))
            controller = f"{one.get('kind')}/{one.get('name')}"
    return errors


def _finalizers(finalizers: list[str]) -> Errors:
    path = "metadata.finalizers"
    errors = [
        status.invalid_value(path, one, problem)
        for one in finalizers
        for problem in _key_problems(one)
    ]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizers foregroundDeletion and orphan cannot both be set"
        errors.append(status.invalid_value(path, finalizers, detail))
    return errors


def update(new: JsonObject, old: JsonObject) -> Errors:
    """What may change in metadata, and what must hold of the new one."""
    meta, before = new.get("metadata") or {}, old.get("metadata") or {}
    errors: Errors = []
    for key in _IMMUTABLE:
        if meta.get(key) != before.get(key):
            value = meta.get(key, "")
            errors.append(status.invalid_value(f"metadata.{key}", value, common.IMMUTABLE))
    if meta.get("generation", 0) < before.get("generation", 0):
        value = meta.get("generation", 0)
        detail = "must not be decremented"
        errors.append(status.invalid_value("metadata.generation", value, detail))
    if before.get("deletionTimestamp"):
        added = [
            one
            for one in meta.get("finalizers") or ()
            if one not in (before.get("finalizers") or ())
        ]
        if added:
            shown = ", ".join(status.quote(one) for one in added)
            detail = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{shown}}}"
            )
            errors.append(status.forbidden_field("metadata.finalizers", detail))
    return errors + _common(meta)
