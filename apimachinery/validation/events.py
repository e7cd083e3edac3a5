"""Rules about events: those of all of them, and the stricter ones of their own group.

An event is stored in the core group, whichever it came by; the registry knows which, and asks for
the stricter rules. Neighbour: `apiserver.registry.events`.
"""

from apimachinery import names, status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_WORDS = 128
"""Bytes of a reason, an action, an instance."""
MAX_NOTE = 1024
"""Bytes of what is told."""
MIN_SERIES = 2
_KEPT = (
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
)


def event(obj: JsonObject, reporter: str = "reportingComponent") -> Errors:
    """Any event; `reporter` is what who reported it is called in the group of the request."""
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    own = (obj.get("metadata") or {}).get("namespace", "")
    if not obj.get("eventTime"):
        fits = about == own if about else own in ("", "default")
    else:
        fits = bool(about) or own in ("default", "kube-system")
    errors: Errors = []
    if not fits:
        detail = "does not match event.namespace"
        errors.append(status.invalid_value("involvedObject.namespace", about, detail))
    return errors + (_told(obj, reporter) if obj.get("eventTime") else [])


def _told(obj: JsonObject, reporter: str) -> Errors:
    """Who says it, and what was done."""
    controller = obj.get("reportingComponent", "")
    errors: Errors = [] if controller else [status.required(reporter)]
    errors += (
        status.invalid_value(reporter, controller, text)
        for text in names.qualified_name(controller)
    )
    for key in ("reportingInstance", "action", "reason"):
        if not obj.get(key):
            errors.append(status.required(key))
        errors += _at_most(obj.get(key, ""), key, MAX_WORDS)
    return errors + _at_most(obj.get("message", ""), "message", MAX_NOTE)


def _at_most(text: str, path: str, limit: int) -> Errors:
    if len(text.encode()) <= limit:
        return []
    return [status.invalid_value(path, "", f"can have at most {limit} characters")]


def strict(obj: JsonObject) -> Errors:
    """A new event of the group of events: nothing of the old form."""
    errors = _series(obj.get("series"))
    if not obj.get("eventTime"):
        errors.append(status.required("eventTime"))
    kind = obj.get("type", "")
    if kind not in ("Normal", "Warning"):
        errors.append(status.invalid_value("type", "", f"has invalid value: {kind}"))
    old = [key for key in ("firstTimestamp", "lastTimestamp", "count") if obj.get(key)]
    old += ["source"] if any((obj.get("source") or {}).values()) else []
    return errors + [status.invalid_value(key, "", "needs to be unset") for key in old]


def strict_update(new: JsonObject, old: JsonObject) -> Errors:
    """Only the series of an event goes on."""
    errors: Errors = []
    if new.get("series") != old.get("series"):
        errors += _series(new.get("series"))
    for key in _KEPT:
        errors += common.unchanged(new.get(key), old.get(key), key)
    now, was = new.get("reportingComponent"), old.get("reportingComponent")
    errors += common.unchanged(now, was, "reportingController")
    now, was = new.get("reportingInstance"), old.get("reportingInstance")
    return errors + common.unchanged(now, was, "reportingInstance")


def _series(series: JsonObject | None) -> Errors:
    if series is None:
        return []
    errors: Errors = []
    if (series.get("count") or 0) < MIN_SERIES:
        detail = f"should be at least {MIN_SERIES}"
        errors.append(status.invalid_value("series.count", "", detail))
    if not series.get("lastObservedTime"):
        errors.append(status.required("series.lastObservedTime"))
    return errors
