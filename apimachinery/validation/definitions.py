"""Rules about resource definitions: names, versions, columns, scales, who converts.

Schemas are `apimachinery.schema.structural`'s business, whether rules compile the server's. What
all versions say alike Kubernetes keeps once, and so its paths are those of the whole definition
(`spec.validation`, `spec.subresources`); `shared` tells where that is so.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from apimachinery import names, status
from apimachinery.schema import jsonpath, structural
from apimachinery.validation import common, webhooks
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

DEPRECATION_MAX = 256
"""Bytes of a version's warning: it is a header of every answer."""
MAX_SELECTABLE = 8
"""Fields by which objects can be selected."""
APPROVED = "api-approved.kubernetes.io"
"""The annotation of definitions in Kubernetes' own groups."""
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = (
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
)
_SELECTABLE = ("string", "boolean", "integer")
_PLACES = {
    "schema": "validation",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}
"""Parts of a version, and what they are called where all versions share them."""


def shared(versions: Sequence[JsonObject], part: str) -> bool:
    """Whether all versions say the same in a part."""
    first = versions[0].get(part) if versions else None
    return bool(first) and all(one.get(part) == first for one in versions)


def place(versions: Sequence[JsonObject], index: int, part: str) -> str:
    """The path of a part of a version."""
    if shared(versions, part):
        return f"spec.{_PLACES[part]}"
    return f"spec.versions[{index}].{part}"


def definition(obj: JsonObject) -> Errors:
    """A new definition."""
    errors = _definition(obj, {})
    versions = (obj.get("spec") or {}).get("versions") or ()
    if not any(one.get("storage") for one in versions):
        detail = "must have at least one stored version"
        errors.append(status.invalid_value("status.storedVersions", common.NIL, detail))
    return errors + _approval(obj, None)


def _definition(obj: JsonObject, old: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    accepted, group = spec.get("names") or {}, spec.get("group", "")
    errors: Errors = []
    name = (obj.get("metadata") or {}).get("name", "")
    if name != f"{accepted.get('plural', '')}.{group}":
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(status.invalid_value("metadata.name", name, detail))
    errors += _joined(names.dns1123_subdomain, group, "spec.group")
    if not group:
        errors.append(status.required("spec.group"))
    elif "." not in group:
        detail = "should be a domain with at least one dot"
        errors.append(status.invalid_value("spec.group", group, detail))
    errors += common.one_of(spec.get("scope"), "spec.scope", ("Cluster", "Namespaced"))
    errors += _versions(spec, old) + _names(accepted, "spec.names")
    errors += _conversion(spec.get("conversion") or {})
    if spec.get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        errors.append(status.invalid_value("spec.preserveUnknownFields", True, detail))
    return errors


def _joined(check: Any, value: str, path: str, *, before: str = "", shown: str = "") -> Errors:
    """All that is wrong with a name, in one message."""
    problems = check(value) if value else ()
    return [status.invalid_value(path, shown or value, before + ",".join(problems))] * bool(
        problems
    )


def _approval(obj: JsonObject, old: JsonObject | None) -> Errors:
    """Groups of Kubernetes' own community want to be asked; an old answer may stay."""
    group = (obj.get("spec") or {}).get("group", "")
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return []
    text, path = _approved(obj), f"metadata.annotations[{APPROVED}]"
    if _answer(text) in ("yes", None if old is None else _answer(_approved(old))):
        return []
    wanted = f"protected groups must have approval annotation {status.quote(APPROVED)}"
    if not text:
        return [status.required(path, f"{wanted}, {_SEE}")]
    detail = f'{wanted} with either a URL or a reason starting with "unapproved", {_SEE}'
    return [status.invalid_value(path, text, detail)]


def _approved(obj: JsonObject) -> str:
    return ((obj.get("metadata") or {}).get("annotations") or {}).get(APPROVED) or ""


def _answer(text: str) -> str:
    if not text:
        return "missing"
    try:
        url = urlsplit(text)
    except ValueError:
        return "bad"
    return "yes" if text.startswith("unapproved") or (url.scheme and url.netloc) else "bad"


def _names(accepted: JsonObject, path: str) -> Errors:
    errors: Errors = [
        status.required(f"{path}.{key}")
        for key in ("plural", "singular", "kind", "listKind")
        if not accepted.get(key)
    ]
    for key in ("plural", "singular"):
        errors += _joined(names.dns1035_label, accepted.get(key, ""), f"{path}.{key}")
    mixed = "may have mixed case, but should otherwise match: "
    for key in ("kind", "listKind"):
        value = accepted.get(key, "")
        errors += _joined(
            names.dns1035_label, value.lower(), f"{path}.{key}", before=mixed, shown=value
        )
    for index, one in enumerate(accepted.get("shortNames") or ()):
        errors += _word(one, f"{path}.shortNames[{index}]")
    if accepted.get("kind") and accepted.get("kind") == accepted.get("listKind"):
        detail = "kind and listKind may not be the same"
        errors.append(status.invalid_value(f"{path}.listKind", accepted["listKind"], detail))
    for index, one in enumerate(accepted.get("categories") or ()):
        errors += _word(one, f"{path}.categories[{index}]")
    return errors


def _word(value: str, path: str) -> Errors:
    problems = names.dns1035_label(value)
    return [status.invalid_value(path, value, ",".join(problems))] if problems else []


# --- versions ------------------------------------------------------------------------------------


def _versions(spec: JsonObject, old: JsonObject) -> Errors:
    versions = spec.get("versions") or ()
    shown = _shown(versions) if "versions" in spec else common.NIL
    known = {one.get("name"): one.get("schema") for one in old.get("versions") or ()}
    errors: Errors = [
        status.required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required")
        for index, one in enumerate(versions)
        if (one.get("schema") or {}).get("openAPIV3Schema") is None
    ]
    for index, one in enumerate(versions):
        errors += _word(one.get("name", ""), f"spec.versions[{index}].name")
        errors += _deprecation(one, f"spec.versions[{index}].deprecationWarning")
        same = known.get(one.get("name"), False) == one.get("schema")
        errors += _parts(versions, index, judged=not same)
    found = [one.get("name", "") for one in versions]
    if len(set(found)) < len(found):
        detail = "must contain unique version names"
        errors.append(status.invalid_value("spec.versions", shown, detail))
    if sum(1 for one in versions if one.get("storage")) != 1:
        detail = "must have exactly one version marked as storage version"
        errors.append(status.invalid_value("spec.versions", shown, detail))
    return errors


def _shown(versions: Sequence[JsonObject]) -> list[JsonObject]:
    """Versions as Kubernetes prints them: its own names, what is shared left out."""
    parts = [part for part in _PLACES if not shared(versions, part)]
    return [
        {
            "Name": one.get("name", ""),
            "Served": bool(one.get("served")),
            "Storage": bool(one.get("storage")),
            "Deprecated": bool(one.get("deprecated")),
            "DeprecationWarning": one.get("deprecationWarning"),
            **{
                key[:1].upper() + key[1:]: one.get(key) if key in parts else None for key in _PLACES
            },
        }
        for one in versions
    ]


def _parts(versions: Sequence[JsonObject], index: int, *, judged: bool) -> Errors:
    """What a version serves; of parts that all share it is said once, with the first."""
    version = versions[index]
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    below = version.get("subresources") or {}
    errors: Errors = []

    def told(part: str) -> bool:
        return index == 0 or not shared(versions, part)

    if schema is not None and judged and told("schema"):
        where = f"{place(versions, index, 'schema')}.openAPIV3Schema"
        errors += structural.check(schema, where, status_apart=below.get("status") is not None)
    if below.get("scale") is not None and told("subresources"):
        errors += _scale(below["scale"], f"{place(versions, index, 'subresources')}.scale")
    if told("additionalPrinterColumns"):
        where = place(versions, index, "additionalPrinterColumns")
        for number, column in enumerate(version.get("additionalPrinterColumns") or ()):
            errors += _column(column, f"{where}[{number}]")
    if version.get("selectableFields") and schema is not None and told("selectableFields"):
        where = place(versions, index, "selectableFields")
        errors += _selectables(version["selectableFields"], schema, where)
    return errors


def _deprecation(version: JsonObject, path: str) -> Errors:
    """What a version warns of; it ends up in a header."""
    warning = version.get("deprecationWarning")
    if warning is None:
        return []
    problems = []
    odd = next((index for index, one in enumerate(warning) if not one.isprintable()), None)
    if not version.get("deprecated"):
        problems = ["can only be set for deprecated versions"]
    elif not warning:
        problems = ["must not be an empty string"]
    else:
        if len(warning.encode()) > DEPRECATION_MAX:
            problems.append(f"must be <= {DEPRECATION_MAX} characters long")
        if odd is not None:
            index = len(warning[:odd].encode())
            problems.append(
                "must only contain printable UTF-8 characters; non-printable character found at "
                f"index {index}"
            )
    return [status.invalid_value(path, warning, problem) for problem in problems]


def _column(column: JsonObject, path: str) -> Errors:
    errors: Errors = [] if column.get("name") else [status.required(f"{path}.name")]
    kind, form, text = (column.get(key, "") for key in ("type", "format", "jsonPath"))
    kinds = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not kind:
        errors.append(status.required(f"{path}.type", kinds))
    elif kind not in _COLUMN_TYPES:
        errors.append(status.invalid_value(f"{path}.type", kind, kinds))
    if form and form not in _COLUMN_FORMATS:
        detail = f"must be one of {','.join(_COLUMN_FORMATS)}"
        errors.append(status.invalid_value(f"{path}.format", form, detail))
    where = f"{path}.JSONPath"  # Kubernetes' own spelling
    return errors + (_simple_path(text, where) if text else [status.required(where)])


def _simple_path(text: str, path: str) -> Errors:
    if text.startswith("."):
        return []
    return [status.invalid_value(path, text, "must be a simple json path starting with .")]


def _selectables(fields: Sequence[JsonObject], schema: JsonObject, path: str) -> Errors:
    """Scalars that the schema names, by which objects can be selected."""
    errors: Errors = []
    known: set[str] = set()
    for index, field in enumerate(fields):
        text, where = field.get("jsonPath", ""), f"{path}[{index}].jsonPath"
        if not text:
            errors.append(status.required(where))
            continue
        found, wrong = _field(text, schema)
        if wrong:
            detail = f"is an invalid path: {wrong}"
            errors.append(status.invalid_value(where, text, detail))
            continue
        if text.split(".")[1] == "metadata":
            detail = "must not point to fields in metadata"
            errors.append(status.invalid_value(where, text, detail))
        if found.get("type") not in _SELECTABLE:
            detail = (
                "must point to a field of type string, boolean or integer. Enum string fields and "
                "strings with formats are allowed."
            )
            errors.append(status.invalid_value(where, text, detail))
        if text in known:
            errors.append(status.duplicate(where, text))
        known.add(text)
    if len(known) > MAX_SELECTABLE:
        errors.append(status.too_many(path, len(known), MAX_SELECTABLE))
    return errors


def _field(text: str, schema: JsonObject) -> tuple[JsonObject, str]:
    """The schema of a field, or why there is none."""
    first, *steps = text.split(".")
    if first.startswith("[") or any("[" in step for step in steps):
        return {}, "array notation is not allowed"
    if first:
        return {}, f"expected [ or . but got: {first}"
    if not all(steps) or not steps:
        return {}, "unexpected end of JSON path"
    for step in steps:
        below = (schema.get("properties") or {}).get(step) or schema.get("additionalProperties")
        if not isinstance(below, dict):
            return {}, "does not refer to a valid field"
        schema = below
    return schema, ""


def _scale(scale: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key, prefix in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value, where = scale.get(key, ""), f"{path}.{key}"
        if not value:
            errors.append(status.required(where))
            continue
        unsound = _simple_path(value, where)
        if not unsound and not (value.startswith(prefix) and _names_only(value)):
            detail = f"should be a json path under {prefix[:-1]}"
            unsound = [status.invalid_value(where, value, detail)]
        errors += unsound
    selector, where = scale.get("labelSelectorPath", ""), f"{path}.labelSelectorPath"
    if not selector:
        return errors
    unsound = _simple_path(selector, where)
    if not unsound and not (selector.startswith((".spec.", ".status.")) and _names_only(selector)):
        detail = "should be a json path under either .spec or .status"
        unsound = [status.invalid_value(where, selector, detail)]
    return errors + unsound


def _names_only(text: str) -> bool:
    """Whether a JSON path consists of names only: a scale reads and writes one place."""
    try:
        return jsonpath.parse(text).names is not None
    except jsonpath.JsonPathError:
        return False


# --- conversion ----------------------------------------------------------------------------------


def _conversion(conversion: JsonObject) -> Errors:
    """Who converts; the paths are those of Kubernetes' internal type, which it tells."""
    strategy, path = conversion.get("strategy") or "None", "spec.conversion"
    errors = common.one_of(strategy, f"{path}.strategy", ("None", "Webhook"))
    webhook = conversion.get("webhook") or {}
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    where = f"{path}.webhookClientConfig"
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if client is not None:
            errors.append(status.forbidden_field(where, detail))
        if reviews:
            errors.append(status.forbidden_field(f"{path}.conversionReviewVersions", detail))
        return errors
    if client is None:
        errors.append(status.required(where, "required when strategy is set to Webhook"))
    else:
        errors += webhooks.client(client, where)
    return errors + webhooks.review_versions(reviews, f"{path}.conversionReviewVersions")


# --- updates -------------------------------------------------------------------------------------


def definition_update(new: JsonObject, old: JsonObject) -> Errors:
    """An established definition keeps its group, scope, kind and plural name."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    errors = _definition(new, before) + _approval(new, old)
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions):
        errors += common.unchanged(after.get("scope"), before.get("scope"), "spec.scope")
        kinds = [(spec.get("names") or {}).get("kind") for spec in (after, before)]
        errors += common.unchanged(kinds[0], kinds[1], "spec.names.kind")
    errors += common.unchanged(after.get("group"), before.get("group"), "spec.group")
    plurals = [(spec.get("names") or {}).get("plural") for spec in (after, before)]
    errors += common.unchanged(plurals[0], plurals[1], "spec.names.plural")
    return errors + _stored((old.get("status") or {}).get("storedVersions") or (), after)


def _stored(stored: Sequence[str], spec: JsonObject) -> Errors:
    """Versions in which objects are stored must stay."""
    found = {one.get("name") for one in spec.get("versions") or ()}
    return [
        status.invalid_value(
            f"status.storedVersions[{index}]",
            one,
            f"missing from spec.versions; {one} was previously a storage version, and must remain "
            "in spec.versions until a storage migration ensures no data remains persisted in "
            f"{one} and removes {one} from status.storedVersions",
        )
        for index, one in enumerate(stored)
        if one not in found
    ]


def definition_status(new: JsonObject, _old: JsonObject) -> Errors:
    """What the names in use are; versions may be taken from those that were stored."""
    accepted = (new.get("status") or {}).get("acceptedNames") or {}
    return [one for one in _names(accepted, "status.acceptedNames") if one.detail]
