"""Rules about what extends the API: resource definitions and API services.

Schemas inside of definitions are `apimachinery.schema.structural`'s business.
"""

import re

from apimachinery import names, status
from apimachinery.schema import jsonpath, structural
from apimachinery.validation import common, webhooks
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

_VERSION_NAME = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")

DEPRECATION_MAX = 256
"""Characters of a version's warning: it is a header of every answer."""


def definition(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    accepted, group = spec.get("names") or {}, spec.get("group", "")
    errors: Errors = []
    wanted = f"{accepted.get('plural', '')}.{group}"
    name = (obj.get("metadata") or {}).get("name", "")
    if name != wanted:
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(status.invalid_value("metadata.name", name, detail))
    errors += common.name(group, "spec.group", names.dns1123_subdomain)
    if group and "." not in group:
        detail = "should be a domain with at least one dot"
        errors.append(status.invalid_value("spec.group", group, detail))
    errors += common.one_of(spec.get("scope"), "spec.scope", ("Cluster", "Namespaced"))
    return errors + _names(accepted) + _versions(spec) + _conversion(spec.get("conversion") or {})


def _conversion(conversion: JsonObject) -> Errors:
    """Who converts; the paths are those of Kubernetes' internal type, which it tells."""
    strategy = conversion.get("strategy") or "None"
    errors = common.one_of(strategy, "spec.conversion.strategy", ("None", "Webhook"))
    webhook = conversion.get("webhook") or {}
    client = webhook.get("clientConfig")
    where = "spec.conversion.webhookClientConfig"
    if strategy != "Webhook":
        if client is not None:
            detail = "should not be set when strategy is not set to Webhook"
            errors.append(status.forbidden_field(where, detail))
        return errors
    if client is None:
        errors.append(status.required(where, "required when strategy is set to Webhook"))
    else:
        errors += webhooks.client(client, where)
    return errors + webhooks.review_versions(
        webhook.get("conversionReviewVersions") or [], "spec.conversion.conversionReviewVersions"
    )


def _names(accepted: JsonObject) -> Errors:
    errors: Errors = []
    for key in ("plural", "singular"):
        errors += common.name(accepted.get(key), f"spec.names.{key}", names.dns1035_label)
    for key in ("kind", "listKind"):
        path = f"spec.names.{key}"
        value = accepted.get(key, "")
        if not value:
            errors.append(status.required(path))
        else:
            errors += (
                status.invalid_value(path, value, problem)
                for problem in names.dns1035_label(value.lower())
            )
    if accepted.get("kind") and accepted.get("kind") == accepted.get("listKind"):
        detail = "kind and listKind may not be the same"
        errors.append(status.invalid_value("spec.names.listKind", accepted["listKind"], detail))
    for key in ("shortNames", "categories"):
        for index, one in enumerate(accepted.get(key) or ()):
            errors += common.name(one, f"spec.names.{key}[{index}]", names.dns1035_label)
    return errors


def _versions(spec: JsonObject) -> Errors:
    versions = spec.get("versions") or ()
    if not versions:
        return [status.required("spec.versions")]
    errors: Errors = []
    for index, one in enumerate(versions):
        path = f"spec.versions[{index}]"
        name = one.get("name", "")
        if not _VERSION_NAME.fullmatch(name) or len(name) > names.LABEL_MAX:
            errors += common.name(name, f"{path}.name", names.dns1035_label)
        errors += _deprecation(one, f"{path}.deprecationWarning")
        schema = (one.get("schema") or {}).get("openAPIV3Schema")
        where = f"{path}.schema.openAPIV3Schema"
        if schema is None:
            errors.append(status.required(where, "schemas are required"))
        else:
            errors += structural.check(schema, where)
        for number, column in enumerate(one.get("additionalPrinterColumns") or ()):
            errors += _column(column, f"{path}.additionalPrinterColumns[{number}]")
        for number, field in enumerate(one.get("selectableFields") or ()):
            errors += _selectable(field, schema or {}, f"{path}.selectableFields[{number}]")
        scale = (one.get("subresources") or {}).get("scale")
        if scale is not None:
            errors += _scale(scale, f"{path}.subresources.scale")
    if sum(1 for one in versions if one.get("storage")) != 1:
        shown = [one.get("name", "") for one in versions]
        detail = "must have exactly one version marked as storage version"
        errors.append(status.invalid_value("spec.versions", shown, detail))
    if spec.get("preserveUnknownFields"):
        detail = "must be false in order to use a structural schema"
        errors.append(status.invalid_value("spec.preserveUnknownFields", True, detail))
    return errors + common.unique(
        (f"spec.versions[{index}].name", one.get("name")) for index, one in enumerate(versions)
    )


def _deprecation(version: JsonObject, path: str) -> Errors:
    """What a version warns of; it ends up in a header."""
    warning = version.get("deprecationWarning")
    if warning is None:
        return []
    problems = []
    if not version.get("deprecated"):
        problems.append("can only be set for deprecated versions")
    if not warning:
        problems.append("must not be an empty string")
    if len(warning) > DEPRECATION_MAX:
        problems.append(f"must be <= {DEPRECATION_MAX} characters long")
    odd = next((index for index, one in enumerate(warning) if not one.isprintable()), None)
    if odd is not None:
        problems.append(
            "must only contain printable UTF-8 characters; non-printable character found at index "
            f"{odd}"
        )
    return [status.invalid_value(path, warning, problem) for problem in problems]


def _column(column: JsonObject, path: str) -> Errors:
    errors: Errors = [] if column.get("name") else [status.required(f"{path}.name")]
    errors += common.one_of(column.get("type"), f"{path}.type", _COLUMN_TYPES)
    text = column.get("jsonPath")
    if not text:
        return [*errors, status.required(f"{path}.jsonPath")]
    try:
        jsonpath.parse(text)
    except jsonpath.JsonPathError as problem:
        detail = f"must be a valid json path: {problem}"
        errors.append(status.invalid_value(f"{path}.jsonPath", text, detail))
    return errors


def _selectable(field: JsonObject, schema: JsonObject, path: str) -> Errors:
    """A selectable field is a scalar that the schema names."""
    text = field.get("jsonPath", "")
    if not text:
        return [status.required(f"{path}.jsonPath")]
    try:
        steps = jsonpath.parse(text).names
    except jsonpath.JsonPathError:
        steps = None
    if not steps or not text.startswith("."):
        detail = "is an invalid path: must be a simple json path with a leading dot"
        return [status.invalid_value(f"{path}.jsonPath", text, detail)]
    for step in steps:
        schema = (schema.get("properties") or {}).get(step) or {}
    if schema.get("type") not in ("string", "boolean", "integer"):
        detail = "is an invalid path: must point to a field of type string, boolean or integer"
        return [status.invalid_value(f"{path}.jsonPath", text, detail)]
    return []


def _scale(scale: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key, prefix in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = scale.get(key, "")
        if not value:
            errors.append(status.required(f"{path}.{key}"))
        elif not value.startswith(prefix) or not _simple(value):
            detail = f"should be a json path without array notation under {prefix[:-1]}"
            errors.append(status.invalid_value(f"{path}.{key}", value, detail))
    selector = scale.get("labelSelectorPath", "")
    if selector and not (selector.startswith((".spec.", ".status.")) and _simple(selector)):
        detail = "should be a json path without array notation under either .status or .spec"
        errors.append(status.invalid_value(f"{path}.labelSelectorPath", selector, detail))
    return errors


def _simple(text: str) -> bool:
    """Whether a JSON path consists of names only, at least two."""
    try:
        names_of = jsonpath.parse(text).names
    except jsonpath.JsonPathError:
        return False
    return names_of is not None and len(names_of) > 1


def definition_update(new: JsonObject, old: JsonObject) -> Errors:
    """An established definition keeps its group, scope, kind and plural name."""
    errors = definition(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    conditions = (old.get("status") or {}).get("conditions") or ()
    if any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions):
        errors += common.unchanged(after.get("scope"), before.get("scope"), "spec.scope")
        kinds = [(spec.get("names") or {}).get("kind") for spec in (after, before)]
        errors += common.unchanged(kinds[0], kinds[1], "spec.names.kind")
    errors += common.unchanged(after.get("group"), before.get("group"), "spec.group")
    plurals = [(spec.get("names") or {}).get("plural") for spec in (after, before)]
    errors += common.unchanged(plurals[0], plurals[1], "spec.names.plural")
    stored = (old.get("status") or {}).get("storedVersions") or ()
    served = {one.get("name") for one in after.get("versions") or ()}
    for index, one in enumerate(stored):
        if one not in served:
            detail = (
                f"missing from spec.versions; {one} was previously a storage version, and must "
                "remain in spec.versions until a storage migration ensures no data remains "
                f"persisted in {one} and removes {one} from status.storedVersions"
            )
            errors.append(status.invalid_value(f"status.storedVersions[{index}]", one, detail))
    return errors


def api_service(obj: JsonObject) -> Errors:
    spec = obj.get("spec") or {}
    wanted = f"{spec.get('version', '')}.{spec.get('group', '')}"
    name = (obj.get("metadata") or {}).get("name", "")
    errors: Errors = []
    if name != wanted:
        detail = 'must be `spec.version+"."+spec.group`'
        errors.append(status.invalid_value("metadata.name", name, f"{detail}: {wanted!r}"))
    errors += common.name(spec.get("version"), "spec.version", names.dns1035_label)
    for key, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = spec.get(key) or 0
        if not 1 <= value <= most:
            detail = f"must be positive and less than {most}"
            errors.append(status.invalid_value(f"spec.{key}", value, detail))
    if (
        spec.get("service") is not None
        and spec.get("insecureSkipTLSVerify")
        and spec.get("caBundle")
    ):
        detail = "may not be true if caBundle is present"
        errors.append(status.invalid_value("spec.insecureSkipTLSVerify", True, detail))
    return errors
