"""Certificate signing requests: who asked is written down by the server, approval stands apart.

Three paths write one object: the main one cannot touch the status, `approval` only the conditions,
`status` the certificate and conditions other than those of the approval.
"""

import base64
import re
from typing import ClassVar

from apimachinery import meta, status
from apimachinery.status import FieldError
from apimachinery.validation import changes
from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy, restore

APPROVAL = "approval"
_APPROVALS = ("Approved", "Denied")
_FINAL = (*_APPROVALS, "Failed")
"""Conditions that are true, or not there; who has one keeps it."""
_CONDITIONS = "status.conditions"
_BLOCK = re.compile(
    "-----BEGIN (?P<kind>[A-Z0-9 ]+)-----\n(?P<body>.*?)-----END (?P=kind)-----", re.DOTALL
)


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
        timed = _timed(wanted, _conditions(old), context.now)
        new["status"] = {**(old.get("status") or {}), "conditions": timed}

    def validate_create(self, obj: JsonObject, context: Context) -> list[FieldError]:
        return super().validate_create(obj, context) + _request_errors(obj)

    def validate_update(
        self, new: JsonObject, old: JsonObject, context: Context
    ) -> list[FieldError]:
        errors = super().validate_update(new, old, context)
        if context.subresource == APPROVAL:
            errors += _condition_errors(new) + _removed(new, old)
        return errors

    def prepare_status(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        super().prepare_status(new, old, context)
        wanted, state = _conditions(new), new.setdefault("status", {})
        if wanted:
            state["conditions"] = _timed(wanted, _conditions(old), context.now)
        else:
            state.pop("conditions", None)

    def validate_status(self, new: JsonObject, old: JsonObject) -> list[FieldError]:
        errors = super().validate_status(new, old) + _condition_errors(new) + _removed(new, old)
        before = _types(old)
        errors += (
            status.forbidden_field(_CONDITIONS, f'updates may not add a condition of type "{one}"')
            for one in _APPROVALS
            if one in _types(new) and one not in before
        )
        return errors + _modified(new, old) + _certificate_errors(new, old)


def _conditions(obj: JsonObject) -> list[JsonObject]:
    return (obj.get("status") or {}).get("conditions") or []


def _types(obj: JsonObject) -> list[str]:
    return [str(one.get("type") or "") for one in _conditions(obj)]


def _removed(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """What was decided stays decided."""
    kept = _types(new)
    return [
        status.forbidden_field(_CONDITIONS, f'updates may not remove a condition of type "{one}"')
        for one in _FINAL
        if one in _types(old) and one not in kept
    ]


def _condition_errors(obj: JsonObject) -> list[FieldError]:
    errors: list[FieldError] = []
    types = _types(obj)
    for index, one in enumerate(_conditions(obj)):
        path, kind = f"{_CONDITIONS}[{index}]", types[index]
        if not kind:
            errors.append(status.required(f"{path}.type"))
        known = ("True",) if kind in _FINAL else ("False", "True", "Unknown")
        if not one.get("status"):
            errors.append(status.required(f"{path}.status"))
        elif one["status"] not in known:
            errors.append(status.not_supported(f"{path}.status", one["status"], known))
        if kind in types[:index]:
            errors.append(status.duplicate(f"{path}.type", kind))
        if kind in _APPROVALS and not set(_APPROVALS) - {kind} - set(types[:index]):
            detail = "Approved and Denied conditions are mutually exclusive"
            errors.append(status.invalid_value(_CONDITIONS, kind, detail))
    return errors


def _modified(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """Who approves or denies has a path of its own."""
    errors = []
    for kind in _APPROVALS:
        now, was = (
            [one for one in _conditions(obj) if one.get("type") == kind] for obj in (new, old)
        )
        if len(now) == len(was) and now != was:
            detail = f'updates may not modify a condition of type "{kind}"'
            shown = "\n".join([detail, *changes.lines(was, now, "conditions")])
            errors.append(status.forbidden_field(_CONDITIONS, shown))
    return errors


def _request_errors(obj: JsonObject) -> list[FieldError]:
    """Whether somebody asks for something, and has the key to it."""
    from cryptography import x509

    text = (obj.get("spec") or {}).get("request") or ""
    pem = base64.b64decode(text)
    detail = ""
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in pem:
        detail = "PEM block type must be CERTIFICATE REQUEST"
    else:
        try:
            if not x509.load_pem_x509_csr(pem).is_signature_valid:
                detail = "x509: certificate request has an invalid signature"
        except ValueError as error:
            detail = str(error)
    return [status.invalid_value("spec.request", text, detail)] if detail else []


def _certificate_errors(new: JsonObject, old: JsonObject) -> list[FieldError]:
    """What was issued stays, and is a certificate."""
    given, kept = ((one.get("status") or {}).get("certificate") or "" for one in (new, old))
    path = "status.certificate"
    if given == kept:
        return []
    if kept:
        detail = "updates may not modify existing certificate content"
        return [status.forbidden_field(path, detail)]
    wrong = _pem_problem(base64.b64decode(given).decode(errors="replace"))
    return [status.invalid_value(path, "<certificate data>", wrong)] if wrong else []


def _pem_problem(text: str) -> str:
    from cryptography import x509

    found = list(_BLOCK.finditer(text))
    for block in found:
        if block["kind"] != "CERTIFICATE":
            kind = status.quote(block["kind"])
            return f"only CERTIFICATE PEM blocks are allowed, found {kind}"
        if ":" in block["body"]:
            return "no PEM block headers are permitted"
        try:
            x509.load_pem_x509_certificate(block[0].encode())
        except ValueError as error:
            return str(error)
    return "" if found else "must contain at least one CERTIFICATE PEM block"


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
