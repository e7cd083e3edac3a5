"""What policies and bindings must say, and may not: Kubernetes' rules in its words; pure.

Neighbours: `checks` asks, and looks at the expressions itself.
"""

import re
from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.status import FieldError
from apimachinery.validation import common, webhooks
from apimachinery.wire import JsonObject

Errors = list[FieldError]

MAX_CONDITIONS = 64
MAX_ANNOTATIONS = 20
MAX_ANNOTATION_BYTES = 5 * 1024
"""Of the expression that makes an audit annotation."""
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_BREAK = re.compile(r"[\n\r]")
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the "
    "API response and headers serves no purpose)"
)


def problems(kind: str, obj: JsonObject) -> Errors:
    """Everything that is wrong with a policy, binding or webhook beside its expressions.

    Of webhooks it is what their match conditions are called; the rest was judged before.
    """
    spec = obj.get("spec") or {}
    if kind.endswith("PolicyBinding"):
        return _binding(spec, validating=kind.startswith("Validating"))
    if kind.endswith("AdmissionPolicy"):
        name = (obj.get("metadata") or {}).get("name", "")
        own = _validating(spec, name) if kind.startswith("Validating") else _mutating(spec)
        return [*_policy(spec), *own]
    return [
        error
        for index, hook in enumerate(obj.get("webhooks") or ())
        for error in _conditions(hook, f"webhooks[{index}].matchConditions")
    ]


def _policy(spec: JsonObject) -> Errors:
    errors: Errors = []
    if spec.get("failurePolicy") not in ("Fail", "Ignore", None):
        errors.append(
            status.not_supported("spec.failurePolicy", spec["failurePolicy"], ("Fail", "Ignore"))
        )
    if spec.get("paramKind") is not None:
        errors += _param_kind(spec["paramKind"], "spec.paramKind")
    if not spec.get("matchConstraints"):
        errors.append(status.required("spec.matchConstraints"))
    else:
        errors += _resources(spec["matchConstraints"], "spec.matchConstraints", needed=True)
    errors += _conditions(spec, "spec.matchConditions")
    known: set[str] = set()
    for index, one in enumerate(spec.get("variables") or ()):
        path, name = f"spec.variables[{index}]", one.get("name") or ""
        if not name.strip():
            errors.append(status.required(f"{path}.name", "name is not specified"))
        elif not _IDENTIFIER.fullmatch(name):
            detail = "name is not a valid CEL identifier"
            errors.append(status.invalid_value(f"{path}.name", name, detail))
        elif name in known:
            errors.append(status.duplicate(f"{path}.name", name))
        known.add(name)
        errors += _text(one, "expression", path, "expression is not specified")
    return errors


def _text(one: JsonObject, key: str, path: str, detail: str = "") -> Errors:
    """An expression that must be there."""
    if str(one.get(key) or "").strip():
        return []
    return [status.required(f"{path}.{key}", detail)]


def _param_kind(kind: JsonObject, path: str) -> Errors:
    text, name = kind.get("apiVersion", ""), kind.get("kind", "")
    group, _, version = text.rpartition("/")
    where = f"{path}.apiVersion"
    errors: Errors = []
    if not text:
        errors.append(status.required(where))
    elif text.count("/") > 1:
        detail = f"unexpected GroupVersion string: {text}"
        errors.append(status.invalid_value(where, text, detail))
    else:
        errors += _joined(names.dns1123_subdomain(group) if group else [], group, where)
        if not version:
            errors.append(status.invalid_value(where, text, "version must be specified"))
        else:
            errors += _joined(names.dns1035_label(version), version, where)
    if not name:
        return [*errors, status.required(f"{path}.kind")]
    mixed = "may have mixed case, but should otherwise match: "
    return errors + _joined(names.dns1035_label(name.lower()), name, f"{path}.kind", mixed)


def _joined(problems: Sequence[str], value: str, path: str, before: str = "") -> Errors:
    if not problems:
        return []
    return [status.invalid_value(path, value, before + ",".join(problems))]


def _conditions(holder: JsonObject, path: str) -> Errors:
    """`matchConditions`: few, each with a name of its own."""
    found = holder.get("matchConditions") or ()
    errors: Errors = []
    if len(found) > MAX_CONDITIONS:
        errors.append(status.too_many(path, len(found), MAX_CONDITIONS))
    for index, one in enumerate(found[:MAX_CONDITIONS]):
        where, name = f"{path}[{index}]", one.get("name", "")
        errors += _text(one, "expression", where)
        errors += common.name(name, f"{where}.name", names.qualified_name)
        if name and any(name == other.get("name") for other in found[:index]):
            errors.append(status.duplicate(f"{where}.name", name))
    return errors


def _validating(spec: JsonObject, name: str) -> Errors:
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        detail = "validations or auditAnnotations must contain at least one item"
        return [
            status.required(f"spec.{key}", detail) for key in ("validations", "auditAnnotations")
        ]
    errors: Errors = []
    for index, one in enumerate(spec.get("validations") or ()):
        errors += _validation(one, f"spec.validations[{index}]")
    annotations = spec.get("auditAnnotations") or ()
    if len(annotations) > MAX_ANNOTATIONS:
        detail = f"must not have more than {MAX_ANNOTATIONS} auditAnnotations"
        errors.append(status.invalid_value("spec.auditAnnotations", annotations, detail))
    keys = [one.get("key") or "" for one in annotations]
    for index, one in enumerate(annotations):
        path = f"spec.auditAnnotations[{index}]"
        errors += _annotation(one, name, path)
        if keys[index] in keys[:index]:
            errors.append(status.duplicate(f"{path}.key", keys[index]))
    return errors


def _validation(one: JsonObject, path: str) -> Errors:
    errors = _text(one, "expression", path, "expression is not specified")
    spoken, message = one.get("messageExpression") or "", one.get("message") or ""
    if spoken and not spoken.strip():
        detail = "must be non-empty if specified"
        errors.append(status.invalid_value(f"{path}.messageExpression", spoken, detail))
    if message and not message.strip():
        detail = "message must be non-empty if specified"
        errors.append(status.invalid_value(f"{path}.message", message, detail))
    elif _BREAK.search(message.strip()):
        detail = "message must not contain line breaks"
        errors.append(status.invalid_value(f"{path}.message", message, detail))
    reason = one.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(status.not_supported(f"{path}.reason", reason, _REASONS))
    return errors


def _annotation(one: JsonObject, policy: str, path: str) -> Errors:
    """What a policy adds to the audit log, under its own name."""
    full, where = f"{policy}/{one.get('key') or ''}", f"{path}.key"
    errors = [status.invalid_value(where, full, text) for text in names.qualified_name(full)]
    errors += _text(one, "valueExpression", path, "valueExpression is not specified")
    if len(str(one.get("valueExpression") or "").strip().encode()) > MAX_ANNOTATION_BYTES:
        detail = f"must not exceed {MAX_ANNOTATION_BYTES} bytes in length"
        errors.append(status.required(f"{path}.valueExpression", detail))
    return errors


def _mutating(spec: JsonObject) -> Errors:
    errors: Errors = []
    if not spec.get("mutations"):
        detail = "mutations must contain at least one item"
        errors.append(status.required("spec.mutations", detail))
    again = spec.get("reinvocationPolicy")
    if not again:
        errors.append(status.required("spec.reinvocationPolicy"))
    elif again not in ("IfNeeded", "Never"):
        errors.append(status.not_supported("spec.reinvocationPolicy", again, ("IfNeeded", "Never")))
    parts = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
    for index, one in enumerate(spec.get("mutations") or ()):
        path, kind = f"spec.mutations[{index}]", one.get("patchType") or ""
        if kind not in parts:
            errors.append(status.not_supported(f"{path}.patchType", kind, tuple(parts)))
            continue
        part = parts[kind]
        if not str((one.get(part) or {}).get("expression") or "").strip():
            detail = f"must be specified when patchType is {kind}"
            errors.append(status.required(f"{path}.{part}", detail))
        for other in parts.values():
            if other != part and one.get(other) is not None:
                detail = f"must not be specified when patchType is {kind}"
                errors.append(status.invalid_value(f"{path}.{other}", "{}", detail))
    return errors


def _binding(spec: JsonObject, *, validating: bool) -> Errors:
    errors = common.name(spec.get("policyName"), "spec.policyName", names.dns1123_subdomain)
    if (reference := spec.get("paramRef")) is not None:
        errors += _reference(reference, "spec.paramRef")
    if spec.get("matchResources") is not None:
        errors += _resources(spec["matchResources"], "spec.matchResources", needed=False)
    if validating:
        errors += _actions(spec.get("validationActions") or ())
    return errors


def _actions(actions: Sequence[str]) -> Errors:
    path = "spec.validationActions"
    if not actions:
        return [status.required(path, "at least one validation action is required")]
    errors = common.each_of(actions, path, ("Audit", "Deny", "Warn"))
    if "Deny" in actions and "Warn" in actions:
        errors.append(status.invalid_value(path, list(actions), _BOTH))
    return errors


def _reference(reference: JsonObject, path: str) -> Errors:
    name, selector = reference.get("name"), reference.get("selector")
    errors: Errors = []
    if name:
        errors += common.name(name, f"{path}.name", names.path_segment)
    if name and selector is not None:
        detail = "name and selector are mutually exclusive"
        errors.append(status.forbidden_field(f"{path}.name", detail))
    errors += common.selector(selector, f"{path}.selector")
    if not name and selector is None:
        errors.append(status.required(path, "one of name or selector must be specified"))
    where = f"{path}.parameterNotFoundAction"
    return errors + common.one_of(
        reference.get("parameterNotFoundAction"), where, ("Deny", "Allow")
    )


def _resources(given: JsonObject, path: str, *, needed: bool) -> Errors:
    errors: Errors = []
    if given.get("matchPolicy") not in ("Exact", "Equivalent", None):
        where = f"{path}.matchPolicy"
        errors.append(status.not_supported(where, given["matchPolicy"], ("Equivalent", "Exact")))
    for key in ("namespaceSelector", "objectSelector"):
        errors += common.selector(given.get(key), f"{path}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(given.get(key) or ()):
            where = f"{path}.{key}[{index}]"
            errors += _named(rule.get("resourceNames") or (), f"{where}.resourceNames")
            errors += webhooks.rule(rule, where)
    if needed and not given.get("resourceRules"):
        errors.append(status.required(f"{path}.resourceRules"))
    return errors


def _named(values: Sequence[str], path: str) -> Errors:
    errors: Errors = []
    for index, one in enumerate(values):
        where = f"{path}[{index}]"
        errors += (status.invalid_value(where, one, text) for text in names.path_segment(one))
        if one in values[:index]:
            errors.append(status.duplicate(where, one))
    return errors
