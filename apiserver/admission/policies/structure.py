"""What policies and bindings must say, and may not: Kubernetes' rules in its words; pure.

Neighbours: `checks` asks, and looks at the expressions itself.
"""

import re

from apimachinery import status
from apimachinery.status import FieldError
from apimachinery.wire import JsonObject

Errors = list[FieldError]

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the "
    "API response and headers serves no purpose)"
)


def problems(kind: str, obj: JsonObject) -> Errors:
    """Everything that is wrong with a policy or binding beside its expressions."""
    spec = obj.get("spec") or {}
    if kind.endswith("PolicyBinding"):
        return _binding(spec, validating=kind.startswith("Validating"))
    if kind.endswith("AdmissionPolicy"):
        own = _validating(spec) if kind.startswith("Validating") else _mutating(spec)
        return [*_policy(spec), *own]
    return []


def _policy(spec: JsonObject) -> Errors:
    errors: Errors = []
    if not spec.get("matchConstraints"):
        errors.append(status.required("spec.matchConstraints"))
    else:
        errors += _resources(spec["matchConstraints"], "spec.matchConstraints", needed=True)
    if spec.get("failurePolicy") not in ("Fail", "Ignore", None):
        errors.append(
            status.not_supported("spec.failurePolicy", spec["failurePolicy"], ("Fail", "Ignore"))
        )
    if (kind := spec.get("paramKind")) is not None:
        errors += [
            status.required(f"spec.paramKind.{key}")
            for key in ("apiVersion", "kind")
            if not kind.get(key)
        ]
    names: set[str] = set()
    for index, one in enumerate(spec.get("variables") or ()):
        path, name = f"spec.variables[{index}]", one.get("name") or ""
        if not name:
            errors.append(status.required(f"{path}.name", "name is required"))
        elif not _IDENTIFIER.fullmatch(name):
            detail = "name is not a valid CEL identifier"
            errors.append(status.invalid_value(f"{path}.name", name, detail))
        elif name in names:
            errors.append(status.duplicate(f"{path}.name", name))
        names.add(name)
        if not str(one.get("expression") or "").strip():
            errors.append(status.required(f"{path}.expression", "expression is required"))
    return errors


def _validating(spec: JsonObject) -> Errors:
    errors: Errors = []
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        detail = "validations or auditAnnotations must contain at least one item"
        errors.append(status.required("spec.validations", detail))
        errors.append(status.required("spec.auditAnnotations", detail))
    for index, one in enumerate(spec.get("validations") or ()):
        path = f"spec.validations[{index}]"
        if not str(one.get("expression") or "").strip():
            errors.append(status.required(f"{path}.expression", "expression is not specified"))
        message = one.get("message")
        if message is not None and message and not message.strip():
            detail = "message must be non-empty if specified"
            errors.append(status.invalid_value(f"{path}.message", message, detail))
        elif message and "\n" in message:
            detail = "message must not contain line breaks"
            errors.append(status.invalid_value(f"{path}.message", message, detail))
        if one.get("reason") and one["reason"] not in _REASONS:
            errors.append(status.not_supported(f"{path}.reason", one["reason"], _REASONS))
    keys: set[str] = set()
    for index, one in enumerate(spec.get("auditAnnotations") or ()):
        path, key = f"spec.auditAnnotations[{index}]", one.get("key") or ""
        if not _QUALIFIED.fullmatch(key) or len(key) > 63:
            detail = "name part must consist of alphanumeric characters, '-', '_' or '.'"
            errors.append(status.invalid_value(f"{path}.key", key, detail))
        elif key in keys:
            errors.append(status.duplicate(f"{path}.key", key))
        keys.add(key)
        if not str(one.get("valueExpression") or "").strip():
            detail = "valueExpression is not specified"
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
    errors: Errors = []
    if not spec.get("policyName"):
        errors.append(status.required("spec.policyName"))
    if (reference := spec.get("paramRef")) is not None:
        errors += _reference(reference, "spec.paramRef")
    if spec.get("matchResources") is not None:
        errors += _resources(spec["matchResources"], "spec.matchResources", needed=False)
    if validating:
        errors += _actions(spec.get("validationActions") or ())
    return errors


def _actions(actions: "list[str] | tuple[str, ...]") -> Errors:
    path, known = "spec.validationActions", ("Audit", "Deny", "Warn")
    if not actions:
        return [status.required(path, "at least one validation action is required")]
    errors = [
        status.not_supported(f"{path}[{index}]", one, known)
        for index, one in enumerate(actions)
        if one not in known
    ]
    errors += [
        status.duplicate(f"{path}[{index}]", one)
        for index, one in enumerate(actions)
        if one in actions[:index]
    ]
    if "Deny" in actions and "Warn" in actions:
        errors.append(status.invalid_value(path, list(actions), _BOTH))
    return errors


def _reference(reference: JsonObject, path: str) -> Errors:
    errors: Errors = []
    if not reference.get("name") and reference.get("selector") is None:
        errors.append(status.required(path, "one of name or selector must be specified"))
    if reference.get("name") and reference.get("selector") is not None:
        detail = "name and selector are mutually exclusive"
        errors.append(status.forbidden_field(f"{path}.name", detail))
    action, known = reference.get("parameterNotFoundAction"), ("Allow", "Deny")
    where = f"{path}.parameterNotFoundAction"
    if not action:
        errors.append(status.required(where))
    elif action not in known:
        errors.append(status.not_supported(where, action, ("Deny", "Allow")))
    return errors


def _resources(given: JsonObject, path: str, *, needed: bool) -> Errors:
    errors: Errors = []
    if needed and not given.get("resourceRules"):
        errors.append(status.required(f"{path}.resourceRules"))
    if given.get("matchPolicy") not in ("Exact", "Equivalent", None):
        where = f"{path}.matchPolicy"
        errors.append(status.not_supported(where, given["matchPolicy"], ("Equivalent", "Exact")))
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(given.get(key) or ()):
            where = f"{path}.{key}[{index}]"
            parts = ("operations", "apiGroups", "apiVersions", "resources")
            errors += [status.required(f"{where}.{part}") for part in parts if not rule.get(part)]
            errors += [
                status.not_supported(f"{where}.operations[{at}]", one, _OPERATIONS)
                for at, one in enumerate(rule.get("operations") or ())
                if one not in _OPERATIONS
            ]
    return errors
