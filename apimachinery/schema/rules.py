"""What a rule of a schema (x-kubernetes-validations) must say beside its expression; pure.

Kubernetes' checks in its words. Neighbours: `structural` calls this for each place; whether the
expressions compile is known to the API server (`apiserver.admission.custom_rules`).
"""

import re
from typing import Any

from apimachinery import status
from apimachinery.schema import jsonpath
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

_BREAK = re.compile(r"[\n\r]")
REASONS = (
    "FieldValueRequired",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueDuplicate",
)


def check(schema: JsonObject, path: str) -> list[FieldError]:
    """The rules of one place."""
    errors: list[FieldError] = []
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        where = f"{path}.x-kubernetes-validations[{index}]"
        errors += _text(str(rule.get("rule") or ""), rule.get("message") or "", where)
        spoken = rule.get("messageExpression") or ""
        if spoken and not spoken.strip():
            detail = "messageExpression must be non-empty if specified"
            errors.append(status.required(f"{where}.messageExpression", detail))
        reason = rule.get("reason")
        if reason is not None and reason not in REASONS:
            known = tuple(sorted(REASONS))
            errors.append(status.not_supported(f"{where}.reason", reason, known))
        if rule.get("fieldPath"):
            errors += _field_path(schema, rule["fieldPath"], f"{where}.fieldPath")
    return errors


def _text(rule: str, message: str, path: str) -> list[FieldError]:
    """A rule, and what is said where it does not hold; a rule of many lines needs it said."""
    spoken = message.strip()
    where = f"{path}.message"
    if not rule.strip():
        return [status.required(f"{path}.rule", "rule is not specified")]
    if message and not spoken:
        detail = "message must be non-empty if specified"
        return [status.invalid_value(where, message, detail)]
    if _BREAK.search(spoken):
        detail = "message must not contain line breaks"
        return [status.invalid_value(where, message, detail)]
    if _BREAK.search(rule.strip()) and not spoken:
        detail = "message must be specified if rule contains line breaks"
        return [status.required(where, detail)]
    return []


def _field_path(schema: JsonObject, text: str, path: str) -> list[FieldError]:
    problems = []
    if not text.strip():
        problems.append("fieldPath must be non-empty if specified")
    if _BREAK.search(text):
        problems.append("fieldPath must not contain line breaks")
    if not _is_field(schema, text):
        problems.append("fieldPath must be a valid path")
    return [status.invalid_value(path, text, problem) for problem in problems]


def _is_field(schema: JsonObject, text: str) -> bool:
    """Whether a path leads to a field that the schema knows."""
    try:
        names = jsonpath.parse(text).names
    except jsonpath.JsonPathError:
        return False
    if not names or not text.startswith((".", "[")):
        return False
    place: Any = schema
    for name in names:
        place = (place.get("properties") or {}).get(name) or place.get("additionalProperties")
        if not isinstance(place, dict):
            return False
    return True
