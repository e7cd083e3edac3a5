"""Rules that many kinds share: names, labels, selectors, ports, numbers, enumerations.

Each function returns field errors, none when all is well; paths are in wire spelling.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from apimachinery import intstr, names, status
from apimachinery import labels as selectors
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

Errors = list[FieldError]

NON_NEGATIVE = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"
MISMATCH = "`selector` does not match template `labels`"

NIL = status.NIL
"""A list or map that is not there, as Kubernetes prints it."""

REMEMBERED = 4096
"""Label keys and values found good lately: the same few come again with each pod."""


def name(value: Any, path: str, check: Callable[[str], list[str]]) -> Errors:
    """A required name of a given form."""
    if not value:
        return [status.required(path)]
    return [status.invalid_value(path, value, problem) for problem in check(value)]


def optional_name(value: Any, path: str, check: Callable[[str], list[str]]) -> Errors:
    return name(value, path, check) if value else []


def one_of(value: Any, path: str, valid: Sequence[str], *, needed: bool = True) -> Errors:
    """One of a set of words; absent is a fault where it is needed."""
    if value in valid:
        return []
    if not value:
        return [status.required(path)] if needed else []
    return [status.not_supported(path, value, valid)]


def each_of(values: Sequence[Any], path: str, valid: Sequence[str]) -> Errors:
    """Each one of a list is known, and none stands there twice."""
    errors: Errors = []
    for index, one in enumerate(values):
        where = f"{path}[{index}]"
        if one not in valid:
            errors.append(status.not_supported(where, one, valid))
        if one in values[:index]:
            errors.append(status.duplicate(where, one))
    return errors


def non_negative(value: int | None, path: str) -> Errors:
    if value is not None and value < 0:
        return [status.invalid_value(path, value, NON_NEGATIVE)]
    return []


def in_range(value: int | None, path: str, low: int, high: int) -> Errors:
    if value is not None and not low <= value <= high:
        detail = f"must be between {low} and {high}, inclusive"
        return [status.invalid_value(path, value, detail)]
    return []


def unchanged(new: Any, old: Any, path: str) -> Errors:
    """A field that may never change."""
    return [] if new == old else [status.invalid_value(path, new, IMMUTABLE)]


@lru_cache(maxsize=REMEMBERED)
def label_problems(key: str, value: str) -> tuple[tuple[str, str], ...]:
    """(bad text, message) pairs for one label."""
    found = [(key, problem) for problem in names.qualified_name(key)]
    found += [(value, problem) for problem in names.label_value(value)]
    return tuple(found)


def labels(value: dict[str, str] | None, path: str) -> Errors:
    """Keys and values of labels, node selectors and matchLabels."""
    errors: Errors = []
    for key, text in (value or {}).items():
        for bad, problem in label_problems(key, text):
            errors.append(status.invalid_value(path, bad, problem))
    return errors


def selector(value: JsonObject | None, path: str) -> Errors:
    """A LabelSelector."""
    if not value:
        return []
    errors = labels(value.get("matchLabels"), f"{path}.matchLabels")
    for index, one in enumerate(value.get("matchExpressions") or ()):
        errors += _expression(one, f"{path}.matchExpressions[{index}]")
    return errors


def selects(value: JsonObject | None, found: dict[str, str] | None) -> bool:
    """Whether a sound LabelSelector matches; without one nothing does."""
    return value is not None and selectors.from_label_selector(value).matches(found or {})


def _expression(one: JsonObject, path: str) -> Errors:
    operator, values = one.get("operator", ""), one.get("values") or []
    errors: Errors = []
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(status.required(f"{path}.values", detail))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(status.forbidden_field(f"{path}.values", detail))
    else:
        detail = "not a valid selector operator"
        errors.append(status.invalid_value(f"{path}.operator", operator, detail))
    key = one.get("key", "")
    errors += (status.invalid_value(f"{path}.key", key, text) for text in names.qualified_name(key))
    for index, text in enumerate(values):
        errors += (
            status.invalid_value(f"{path}.values[{index}]", text, problem)
            for problem in names.label_value(text)
        )
    return errors


def unique(values: Iterable[tuple[str, Any]]) -> Errors:
    """Duplicates among (path, value) pairs; empty values do not count."""
    seen: set[Any] = set()
    errors: Errors = []
    for path, value in values:
        if not value:
            continue
        if value in seen:
            errors.append(status.duplicate(path, value))
        seen.add(value)
    return errors


def port(value: Any, path: str) -> Errors:
    """A port by number or by name."""
    if isinstance(value, str):
        return [status.invalid_value(path, value, problem) for problem in names.port_name(value)]
    number = value or 0
    return [status.invalid_value(path, number, problem) for problem in names.port_number(number)]


def share(value: Any, path: str) -> Errors:
    """A non-negative number or a percentage (`maxUnavailable`)."""
    if isinstance(value, str):
        return [status.invalid_value(path, value, one) for one in names.percent(value)]
    return non_negative(value, path)


def at_most_all(value: Any, path: str) -> Errors:
    """A percentage that is not more than a whole."""
    if isinstance(value, str) and (intstr.percent(value) or 0) > 100:
        return [status.invalid_value(path, value, "must not be greater than 100%")]
    return []


def path_without_dots(value: str, path: str) -> Errors:
    """A relative path that does not climb out."""
    errors: Errors = []
    if value.startswith("/"):
        errors.append(status.invalid_value(path, value, "must be a relative path"))
    return errors + no_backsteps(value, path)


_HTTP_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")


def domain_prefixed_path(value: str, path: str) -> Errors:
    """A name with the domain of who gave it: `example.com/controller`."""
    if not value:
        return [status.required(path)]
    domain, slash, rest = value.partition("/")
    if not slash or not domain or not rest:
        detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [status.invalid_value(path, value, detail)]
    errors = [status.invalid_value(path, domain, text) for text in names.dns1123_subdomain(domain)]
    if not _HTTP_PATH.fullmatch(rest):
        detail = f"Invalid path (regex used for validation is '{_HTTP_PATH.pattern}')"
        errors.append(status.invalid_value(path, rest, detail))
    return errors


def no_backsteps(value: str, path: str) -> Errors:
    if ".." not in value.split("/"):
        return []
    return [status.invalid_value(path, value, "must not contain '..'")]


def file_path(value: str, path: str) -> Errors:
    """A path below a volume's root: the volume keeps names that begin with two dots for itself."""
    errors = path_without_dots(value, path)
    if value.startswith("..") and not value.startswith("../"):
        errors.append(status.invalid_value(path, value, "must not start with '..'"))
    return errors
