"""What may change in a pod after it was created: images, and little else.

The subresources `binding`, `ephemeralcontainers` and `resize` have rules of their own in the
registry. Neighbour: `apimachinery.validation.pods`.
"""

from typing import Any

from apimachinery import status
from apimachinery.validation import changes, common, containers, pods
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

_MUTABLE_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)"
)
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def update(new: JsonObject, old: JsonObject) -> Errors:
    """An ordinary update."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if after == before:
        return []
    errors = _counts(after, before)
    if errors:
        return errors
    errors = pods.spec_errors(after, "spec") if _sound(before) else []
    for key in ("containers", "initContainers"):
        errors += containers.padded_images(after.get(key) or (), f"spec.{key}")
    errors += _deadline(after, before) + _tolerations(after, before) + _gates(after, before)
    errors += _placing(after, before)
    if _frozen(after, before) != _frozen(before, before):
        changed = "\n".join(changes.lines(_frozen(before, before), _frozen(after, before), "spec"))
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
    outside = common.in_range(new, path, 0, pods.MAX_SECONDS)
    if outside:
        return outside
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
    old = {one.get("name") for one in before.get("schedulingGates") or ()}
    return [
        status.forbidden_field(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{one.get('name')}'",
        )
        for index, one in enumerate(after.get("schedulingGates") or ())
        if one.get("name") not in old
    ]


def _placing(after: JsonObject, before: JsonObject) -> Errors:
    """As long as gates hold a pod, where it may go can be narrowed."""
    if not before.get("schedulingGates"):
        return []
    errors: Errors = []
    chosen = after.get("nodeSelector") or {}
    if not chosen.items() >= (before.get("nodeSelector") or {}).items():
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(status.invalid_value("spec.nodeSelector", chosen, detail))
    old, new = _terms(before), _terms(after)
    path = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    shown = _node_affinity(after)
    if old and len(old) != len(new):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [*errors, status.invalid_value(path, shown, detail)]
    for index, term in enumerate(old):
        if not _only_added(new[index], term):
            detail = "only additions are allowed (no mutations or deletions)"
            errors.append(status.invalid_value(f"{path}[{index}]", shown, detail))
    return errors


def _node_affinity(spec: JsonObject) -> Any:
    return (spec.get("affinity") or {}).get("nodeAffinity")


def _terms(spec: JsonObject) -> list[JsonObject]:
    needed = (_node_affinity(spec) or {}).get(_REQUIRED) or {}
    return needed.get("nodeSelectorTerms") or []


def _only_added(new: JsonObject, old: JsonObject) -> bool:
    """Whether a term demands all that it did, and in the same order."""
    if not old.get("matchExpressions") and not old.get("matchFields"):
        return new == old  # an empty term matches nothing, and shall go on so
    return all(
        (new.get(key) or [])[: len(old.get(key) or [])] == (old.get(key) or [])
        for key in ("matchExpressions", "matchFields")
    )


def _frozen(spec: JsonObject, before: JsonObject) -> JsonObject:
    """The part of a specification that must stay as it is."""
    loose = {"activeDeadlineSeconds", "tolerations", "schedulingGates"}
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and spec.get(
        "terminationGracePeriodSeconds"
    ) == 1:
        spec = {**spec, "terminationGracePeriodSeconds": before["terminationGracePeriodSeconds"]}
    if before.get("schedulingGates"):
        loose.add("nodeSelector")
        affinity = {**(spec.get("affinity") or {})}
        affinity.pop("nodeAffinity", None)
        spec = {**spec, "affinity": affinity}
    kept = {key: value for key, value in spec.items() if key not in loose}
    for key in ("containers", "initContainers"):
        if key in kept:
            kept[key] = [{**one, "image": ""} for one in kept[key]]
    return kept
