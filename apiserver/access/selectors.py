"""The selectors of a request as authorization sees them; pure.

They can only narrow what is asked for, so what cannot be read counts as absent: the authorizer then
takes the request for one about everything. Neighbours: `apiserver.server` (requests), `apiserver.
handlers.reviews` (reviews), `apiserver.admission.permissions` (expressions).
"""

from apimachinery import fields, labels, status
from apimachinery.fields import FieldRequirement, FieldSelector
from apimachinery.labels import Requirement, Selector
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_WITH_VALUES = ("In", "NotIn")


def field_selector(text: str) -> FieldSelector | None:
    """Read the text of a field selector."""
    try:
        return fields.parse_field_selector(text) if text else None
    except fields.FieldSelectorError:
        return None


def label_selector(text: str) -> Selector | None:
    """Read the text of a label selector."""
    try:
        return labels.parse_selector(text) if text else None
    except labels.SelectorError:
        return None


def fields_of(given: JsonObject | None) -> FieldSelector | None:
    """The FieldSelectorAttributes of a review; only conditions on one value can be told as such."""
    if given is None:
        return None
    if given.get("rawSelector"):
        return field_selector(given["rawSelector"])
    found = []
    for one in given.get("requirements") or ():
        operator, values = one.get("operator"), list(one.get("values") or ())
        if operator in _WITH_VALUES and len(values) == 1:
            sign = "=" if operator == "In" else "!="
            found.append(FieldRequirement(one.get("key", ""), sign, values[0]))
    return FieldSelector(tuple(found)) if found else None


def labels_of(given: JsonObject | None) -> Selector | None:
    """The LabelSelectorAttributes of a review."""
    if given is None:
        return None
    if given.get("rawSelector"):
        return label_selector(given["rawSelector"])
    found = [
        Requirement(one.get("key", ""), operator, tuple(sorted(one.get("values") or ())))
        for one in given.get("requirements") or ()
        if (operator := _OPERATORS.get(one.get("operator", "")))
    ]
    return Selector(tuple(found)) if found else None


def problems(given: JsonObject | None, path: str) -> list[FieldError]:
    """What is wrong with the selector of a review. Operators that nobody knows yet are let in."""
    if given is None:
        return []
    raw, wanted = given.get("rawSelector") or "", given.get("requirements") or ()
    if raw and wanted:
        text = "may not specified at the same time as requirements"
        return [status.invalid_value(f"{path}.rawSelector", raw, text)]
    if not raw and not wanted:
        text = f"when {path} is specified, requirements or rawSelector is required"
        return [status.required(f"{path}.requirements", text)]
    found = []
    for index, one in enumerate(wanted):
        found += _requirement(one, f"{path}.requirements[{index}]")
    return found


def _requirement(one: JsonObject, path: str) -> list[FieldError]:
    operator, values = one.get("operator"), one.get("values")
    found = [] if one.get("key") else [status.required(f"{path}.key", "must be specified")]
    if operator in _WITH_VALUES and not values:
        text = "must be specified when `operator` is 'In' or 'NotIn'"
        found.append(status.required(f"{path}.values", text))
    if operator in _OPERATORS and operator not in _WITH_VALUES and values:
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        found.append(status.forbidden_field(f"{path}.values", text))
    return found
