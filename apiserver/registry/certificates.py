"""Certificate signing requests: who asked is written down by the server, approval stands apart.

Three paths write one object: the main one cannot touch the status, `approval` only the approval
conditions, `status` the certificate and the signer's condition.
"""

from typing import ClassVar

from apimachinery import meta
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy, restore

APPROVAL = "approval"
_APPROVALS = frozenset({"Approved", "Denied"})


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
        kept = (old.get("status") or {}).get("conditions") or []
        others = [one for one in kept if one.get("type") not in _APPROVALS]
        decided = [one for one in wanted if one.get("type") in _APPROVALS]
        new["status"] = {
            **(old.get("status") or {}),
            "conditions": _timed([*others, *decided], kept, context.now),
        }

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_status(new, old, context)
        kept = (old.get("status") or {}).get("conditions") or []
        status = new.setdefault("status", {})
        wanted = status.get("conditions") or []
        decided = [one for one in kept if one.get("type") in _APPROVALS]
        others = [one for one in wanted if one.get("type") not in _APPROVALS]
        if decided or others:
            status["conditions"] = _timed([*decided, *others], kept, context.now)
        else:
            status.pop("conditions", None)


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
