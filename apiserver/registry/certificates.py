"""Certificate signing requests: who asked is written down by the server, approval stands apart.

Three paths write one object: the main one cannot touch the status, `approval` only the conditions,
`status` the certificate and conditions other than those of the approval.
"""

from typing import ClassVar

from apimachinery import meta, status
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy, restore

APPROVAL = "approval"
_APPROVALS = ("Approved", "Denied")
_FINAL = (*_APPROVALS, "Failed")
"""Conditions that are true, or not there; who has one keeps it."""
_CONDITIONS = "status.conditions"


class SigningRequests(Strategy):
    """The requester's identity comes from authentication, never from the body."""

    counts_generation: ClassVar[bool] = False

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        super().prepare_create(obj, context)
        spec, user = obj.setdefault("spec", {}), context.user
        for key in ("uid", "extra"):
            spec.pop(key, None)
        spec["username"] = user.name
        spec["groups"] = list(user.groups)
        if user.uid:
            spec["uid"] = user.uid
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra.items()}

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        wanted = (new.get("status") or {}).get("conditions") or []
        super().prepare_update(new, old, context)
        restore(new, old, "spec")
        if context.subresource != APPROVAL:
            return
        timed = _timed(wanted, _conditions(old), context.now)
        new["status"] = {**(old.get("status") or {}), "conditions": timed}

    def validate_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> list[FieldError]:
        errors = super().validate_update(new, old, context)
        if context.subresource == APPROVAL:
            errors += _condition_errors(new) + _removed(new, old)
        return errors

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_status(new, old, context)
        wanted, state = _conditions(new), new.setdefault("status", {})
        if wanted:
            state["conditions"] = _timed(wanted, _conditions(old), context.now)
        else:
            state.pop("conditions", None)

    def validate_status(self, new: JsonObject, old: JsonObject) -> list[FieldError]:
        errors = super().validate_status(new, old) + _condition_errors(new) + _removed(new, old)
        before = _types(old)
        errors += (
            status.forbidden_field(_CONDITIONS, f'updates may not add a condition of type "{one}"')
            for one in _APPROVALS
            if one in _types(new) and one not in before
        )
        given, kept = ((one.get("status") or {}).get("certificate") for one in (new, old))
        if kept and given != kept:
            detail = "updates may not modify existing certificate content"
            errors.append(status.forbidden_field("status.certificate", detail))
        return errors


def _conditions(obj: JsonObject) -> list[JsonObject]:
    return (obj.get("status") or {}).get("conditions") or []


def _types(obj: JsonObject) -> list[str]:
    return [str(one.get("type") or "") for one in _conditions(obj)]


def _removed(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """What was decided stays decided."""
    kept = _types(new)
    return [
        status.forbidden_field(_CONDITIONS, f'updates may not remove a condition of type "{one}"')
        for one in _FINAL
        if one in _types(old) and one not in kept
    ]


def _condition_errors(obj: JsonObject) -> list[FieldError]:
    errors: list[FieldError] = []
    types = _types(obj)
    for index, one in enumerate(_conditions(obj)):
        path, kind = f"{_CONDITIONS}[{index}]", types[index]
        if not kind:
            errors.append(status.required(f"{path}.type"))
        known = ("True",) if kind in _FINAL else ("False", "True", "Unknown")
        if not one.get("status"):
            errors.append(status.required(f"{path}.status"))
        elif one["status"] not in known:
            errors.append(status.not_supported(f"{path}.status", one["status"], known))
        if kind in types[:index]:
            errors.append(status.duplicate(f"{path}.type", kind))
        if kind in _APPROVALS and not set(_APPROVALS) - {kind} - set(types[:index]):
            detail = "Approved and Denied conditions are mutually exclusive"
            errors.append(status.invalid_value(f"{path}.type", kind, detail))
    return errors


def _timed(wanted: list[JsonObject], kept: list[JsonObject], now: float) -> list[JsonObject]:
    """Conditions with their times: those that were there keep theirs."""
    stamp = meta.format_time(now)
    out = []
    for one in wanted:
        old = meta.get_condition(kept, one.get("type", "")) or {}
        if old.get("status") == one.get("status") and old.get("lastTransitionTime"):
            moved = old["lastTransitionTime"]
        else:
            moved = one.get("lastTransitionTime") or stamp
        updated = one.get("lastUpdateTime") or old.get("lastUpdateTime") or stamp
        out.append({**one, "lastUpdateTime": updated, "lastTransitionTime": moved})
    return out
