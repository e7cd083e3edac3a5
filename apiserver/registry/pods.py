"""Pods: status at birth, grace at death, and the subresources that are views of a pod.

`binding`, `ephemeralcontainers` and `resize` each may change one thing only: what else a request
brings is put back before it is judged. Neighbours: `apiserver.registry.qos`,
`apiserver.handlers.binding`.
"""

from collections.abc import Mapping
from typing import ClassVar

import orjson

from apimachinery import meta
from apimachinery import status as statuses
from apimachinery.qos import qos_class
from apimachinery.status import FieldError
from apimachinery.validation import pod_system, scheduling
from apimachinery.validation import pods as rules
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy, restore

DEFAULT_GRACE = 30
"""Seconds, where the pod does not say; the default fills it in, so only odd objects need it."""

BINDING, EPHEMERAL, RESIZE = "binding", "ephemeralcontainers", "resize"
_EPHEMERAL_FIELD = "ephemeralContainers"
RESIZED = frozenset(("cpu", "memory"))
"""What a running container may be given more or less of."""


class Pods(Strategy):
    """The kubelet's word counts for the status, the user's for the spec."""

    returns_deleted: ClassVar[bool] = True

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        spec = obj.get("spec") or {}
        merge_label_keys(spec, meta.labels(obj))
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}
        if spec.get("schedulingGates"):
            obj["status"]["conditions"] = [_gated(context.now)]

    # --- update ---

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        if context.subresource == BINDING:
            return
        if context.subresource in (EPHEMERAL, RESIZE):
            _only_part(new, old, context.subresource)
        super().prepare_update(new, old, context)

    def desired_changed(self, new: JsonObject, old: JsonObject, context: Context) -> bool:
        # Being placed is not a change of what is wanted.
        return context.subresource != BINDING and super().desired_changed(new, old, context)

    def validate_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> list[FieldError]:
        match context.subresource:
            case "binding":
                return []
            case "ephemeralcontainers":
                return _ephemeral_errors(new, old) + self._errors_under(new, _EPHEMERAL_FIELD)
            case "resize":
                return _resize_errors(new, old) + self._errors_under(new, "resources")
            case _:
                return super().validate_update(new, old, context)

    def _errors_under(self, new: JsonObject, part: str) -> list[FieldError]:
        """What is wrong with the part that may change."""
        errors = rules.spec_errors(new.get("spec") or {}, "spec")
        return [error for error in errors if part in error.field]

    # --- status ---

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_status(new, old, context)
        # A kubelet that does not know a field must not cut the object off its owner.
        restore(new["metadata"], old["metadata"], "ownerReferences")
        status = new.setdefault("status", {})
        if not status.get("qosClass"):
            restore(status, old.get("status") or {}, "qosClass")

    # --- delete ---

    def grace_period(self, obj: JsonObject, asked: int | None) -> int | None:
        """0 before a node knows it or after it has ended: nothing has to be stopped."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        grace = asked
        if grace is None:
            grace = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
        if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
            grace = 0
        return 1 if grace < 0 else grace


def merge_label_keys(spec: JsonObject, labels: Mapping[str, str]) -> None:
    """Write into selectors what the keys of labels beside them mean for this pod.

    So it stays what it was at birth, whatever becomes of the labels. A term without a selector
    means nobody.
    """
    affinity = spec.get("affinity") or {}
    both = [affinity.get(kind) or {} for kind in ("podAffinity", "podAntiAffinity")]
    terms = [term for one in both for term in one.get(scheduling.REQUIRED) or ()]
    wishes = [wish for one in both for wish in one.get(scheduling.PREFERRED) or ()]
    terms += [wish["podAffinityTerm"] for wish in wishes if wish.get("podAffinityTerm")]
    for one in (*terms, *(spec.get("topologySpreadConstraints") or ())):
        added = [
            {"key": key, "operator": operator, "values": [labels[key]]}
            for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
            for key in one.get(name) or ()
            if key in labels
        ]
        selector = one.get("labelSelector")
        if added and selector is not None:
            selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *added]


def _gated(now: float) -> JsonObject:
    """Why nobody looks for a node: said here, since no scheduler looks at the pod."""
    return {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastTransitionTime": meta.format_time(now),
    }


def _only_part(new: JsonObject, old: JsonObject, subresource: str) -> None:
    """Put everything back but what the subresource is for."""
    wanted = new.get("spec") or {}
    spec = orjson.loads(orjson.dumps(old["spec"]))
    if subresource == EPHEMERAL:
        if wanted.get(_EPHEMERAL_FIELD):
            spec[_EPHEMERAL_FIELD] = wanted[_EPHEMERAL_FIELD]
        else:
            spec.pop(_EPHEMERAL_FIELD, None)
    else:
        _take_resources(spec, wanted)
    new["spec"] = spec
    new["metadata"] = {**old["metadata"], "resourceVersion": new["metadata"]["resourceVersion"]}


def _take_resources(spec: JsonObject, wanted: JsonObject) -> None:
    for field in ("containers", "initContainers"):
        by_name = {one.get("name"): one for one in wanted.get(field) or []}
        for container in spec.get(field) or []:
            found = by_name.get(container.get("name"))
            if found is None:
                continue
            for key in ("resources", "resizePolicy"):
                restore(container, found, key)
    if "resources" in wanted:
        spec["resources"] = wanted["resources"]


def _ephemeral_errors(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """Those that are there stay as they are; more may come."""
    field = f"spec.{_EPHEMERAL_FIELD}"
    errors = []
    now = {one.get("name"): one for one in new["spec"].get(_EPHEMERAL_FIELD) or []}
    for container in old["spec"].get(_EPHEMERAL_FIELD) or []:
        name = container.get("name")
        if name not in now:
            errors.append(
                statuses.forbidden_field(
                    field,
                    f"existing ephemeral containers {statuses.quote(name)} may not be removed",
                )
            )
        elif now[name] != container:
            errors.append(
                statuses.forbidden_field(
                    field,
                    f"existing ephemeral containers {statuses.quote(name)} may not be changed",
                )
            )
    return errors


def _resize_errors(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """Processors and memory only; what is given may change and not go."""
    if pod_system.on_windows(old["spec"]):
        return [statuses.forbidden_field("", "windows pods cannot be resized")]
    if rules.MIRROR in (old["metadata"].get("annotations") or {}):
        return [statuses.forbidden_field("", "static pods cannot be resized")]
    errors = []
    for field in ("containers", "initContainers"):
        before = {one["name"]: one for one in old["spec"].get(field) or ()}
        for index, one in enumerate(new["spec"].get(field) or ()):
            was = before.get(one.get("name"), {})
            path = f"spec.{field}[{index}].resources"
            if one.get("resources") != was.get("resources"):
                errors += _amount_errors(one, was, path, field)
    return errors + _quality_errors(new)


def _amount_errors(new: JsonObject, old: JsonObject, path: str, field: str) -> list[FieldError]:
    if field == "initContainers" and new.get("restartPolicy") != "Always":
        text = "resources for non-sidecar init containers are immutable"
        return [statuses.forbidden_field("spec", text)]
    errors = []
    now, was = new.get("resources") or {}, old.get("resources") or {}
    for kind in ("requests", "limits"):
        given, before = now.get(kind) or {}, was.get(kind) or {}
        changed = {name for name in {*given, *before} if given.get(name) != before.get(name)}
        if changed - RESIZED:
            whose = " for sidecar containers" if field == "initContainers" else ""
            text = f"only cpu and memory resources{whose} are mutable"
            errors.append(statuses.forbidden_field("spec", text))
        if before.keys() - given.keys():
            text = f"resource {kind} cannot be removed"
            errors.append(statuses.forbidden_field(f"{path}.{kind}", text))
    return errors


def _quality_errors(new: JsonObject) -> list[FieldError]:
    before = (new.get("status") or {}).get("qosClass")
    after = qos_class(new["spec"])
    if before and before != after:
        return [
            statuses.invalid_value(
                "spec", after, "Pod QOS Class may not change as a result of resizing"
            )
        ]
    return []
