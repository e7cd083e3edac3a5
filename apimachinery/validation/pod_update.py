"""What may change in a pod after it was created: images, and little else.

The subresources `binding`, `ephemeralcontainers` and `resize` have rules of their own in the
registry. Neighbour: `apimachinery.validation.pods`.
"""

from typing import Any

from apimachinery import status
from apimachinery.validation import pods
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

_MUTABLE_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)
MAX_SHOWN = 10
"""Changed fields that the refusal lists."""


def update(new: JsonObject, old: JsonObject) -> Errors:
    """An ordinary update."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if after == before:
        return []
    errors = _counts(after, before)
    if errors:
        return errors
    errors = pods.spec_errors(after, "spec") if _sound(before) else []
    errors += _deadline(after, before) + _tolerations(after, before) + _gates(after, before)
    if _frozen(after, before) != _frozen(before, before):
        changed = "\n".join(_changes(_frozen(before, before), _frozen(after, before), "spec"))
        errors.append(status.forbidden_field("spec", f"{_MUTABLE_TEXT}\n{changed}"))
    return errors


def _sound(before: JsonObject) -> bool:
    """A pod that rules of today would refuse may still be updated (its finalizers removed)."""
    return not pods.spec_errors(before, "spec")


def _counts(after: JsonObject, before: JsonObject) -> Errors:
    for key in ("containers", "initContainers"):
        if len(after.get(key) or ()) != len(before.get(key) or ()):
            detail = "pod updates may not add or remove containers"
            return [status.forbidden_field(f"spec.{key}", detail)]
    return []


def _deadline(after: JsonObject, before: JsonObject) -> Errors:
    new, old = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    path = "spec.activeDeadlineSeconds"
    if new is None:
        if old is None:
            return []
        detail = "must not update from a positive integer to nil value"
        return [status.invalid_value(path, new, detail)]
    if old is not None and old < new:
        detail = "must be less than or equal to previous value"
        return [status.invalid_value(path, new, detail)]
    return []


def _tolerations(after: JsonObject, before: JsonObject) -> Errors:
    """Old ones stay (their seconds may change); new ones may be added."""
    kept = [_bare(one) for one in after.get("tolerations") or ()]
    if all(_bare(one) in kept for one in before.get("tolerations") or ()):
        return []
    detail = "existing toleration can not be modified except its tolerationSeconds"
    return [status.forbidden_field("spec.tolerations", detail)]


def _bare(toleration: JsonObject) -> JsonObject:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _gates(after: JsonObject, before: JsonObject) -> Errors:
    """Gates may be removed, never added."""
    old = before.get("schedulingGates") or ()
    if all(one in old for one in after.get("schedulingGates") or ()):
        return []
    detail = "only deletion is allowed, but found new scheduling gate"
    return [status.forbidden_field("spec.schedulingGates", detail)]


def _frozen(spec: JsonObject, before: JsonObject) -> JsonObject:
    """The part of a specification that must stay as it is."""
    loose = {"activeDeadlineSeconds", "tolerations", "schedulingGates"}
    if (before.get("terminationGracePeriodSeconds") or 0) < 0:
        loose.add("terminationGracePeriodSeconds")
    if before.get("schedulingGates"):
        loose |= {"nodeSelector", "affinity"}
    kept = {key: value for key, value in spec.items() if key not in loose}
    for key in ("containers", "initContainers"):
        if key in kept:
            kept[key] = [{**one, "image": ""} for one in kept[key]]
    return kept


def _changes(old: Any, new: Any, path: str) -> list[str]:
    """Paths that differ, with both values, for people."""
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[str] = []
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                found += _changes(old.get(key), new.get(key), f"{path}.{key}")
        return found[:MAX_SHOWN]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        found = []
        for index, (was, now) in enumerate(zip(old, new, strict=True)):
            if was != now:
                found += _changes(was, now, f"{path}[{index}]")
        return found[:MAX_SHOWN]
    return [f"  {path}: {old!r} → {new!r}"]
