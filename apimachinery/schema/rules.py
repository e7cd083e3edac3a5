"""What a rule of a schema (x-kubernetes-validations) must say beside its expression; pure.

Kubernetes' checks in its words. Neighbours: `structural` calls this for each place; whether the
expressions compile is known to the API server (`apiserver.admission.custom_rules`).
"""

from typing import Any

from apimachinery import status
from apimachinery.schema import jsonpath
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

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
        text, message = str(rule.get("rule") or ""), rule.get("message")
        if not text.strip():
            errors.append(status.required(f"{where}.rule", "rule is not specified"))
        if message is not None:
            errors += _message(message, f"{where}.message")
        elif "\n" in text.strip():
            detail = "message must be specified if rule contains line breaks"
            errors.append(status.required(f"{where}.message", detail))
        spoken = rule.get("messageExpression")
        if spoken is not None and not spoken.strip():
            detail = "must be non-empty if specified"
            errors.append(status.required(f"{where}.messageExpression", detail))
        reason = rule.get("reason")
        if reason is not None and reason not in REASONS:
            errors.append(status.not_supported(f"{where}.reason", reason, REASONS))
        if rule.get("fieldPath") and not _is_field(schema, rule["fieldPath"]):
            detail = "fieldPath must be a valid path"
            errors.append(status.invalid_value(f"{where}.fieldPath", rule["fieldPath"], detail))
    return errors


def _message(message: str, path: str) -> list[FieldError]:
    if not message.strip():
        detail = "message must be non-empty if specified"
        return [status.invalid_value(path, message, detail)]
    if "\n" in message:
        detail = "message must not contain line breaks"
        return [status.invalid_value(path, message, detail)]
    return []


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
