"""Kubernetes' errors as exceptions, and the `Status` objects that carry them on the wire.

Whoever refuses a request raises an `ApiError` made by a factory of this module; the HTTP front
turns it into a Status, and the client turns a Status back into the same exception. Neighbours:
validation returns lists of `FieldError`, `invalid()` makes one answer of them. Nothing here
decides whether something is an error.

    ApiError
    ├── BadRequest            400
    ├── Unauthorized          401
    ├── Forbidden             403
    ├── NotFound              404
    ├── MethodNotAllowed      405
    ├── AlreadyExists         409  reason AlreadyExists
    ├── Conflict              409  reason Conflict
    ├── Expired               410  reason Expired or Gone
    ├── Invalid               422
    ├── TooManyRequests       429
    ├── InternalError         500  reason InternalError
    ├── ServerTimeout         500  reason ServerTimeout
    ├── ServiceUnavailable    503
    └── Timeout               504

Codes that nobody catches by type (406, 413, 415) are plain `ApiError`s.
"""

# ruff: noqa: N818 -- the exceptions bear Kubernetes' reasons as names

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from apimachinery.wire import JsonObject

OMIT_VALUE: Any = object()
"""The value of a FieldError whose message shall not repeat it."""

NIL: Any = object()
"""The value of a FieldError about a list or map that is not there: printed as null."""

CONFLICT_DETAIL = (
    "the object has been modified; please apply your changes to the latest version and try again"
)
"""What Kubernetes says when a write carried a stale resourceVersion."""


# --- field errors --------------------------------------------------------------------------------

_TITLES = {
    "FieldValueNotFound": "Not found",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueTypeInvalid": "Invalid value",
}

_WITHOUT_VALUE = frozenset({"FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong"})

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def quote(text: str) -> str:
    """Text in double quotes, escaped as Kubernetes' messages do it (Go's %q)."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    if (known := _ESCAPES.get(char)) is not None:
        return known
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _show(value: Any) -> str:
    """A bad value as a field error prints it."""
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return '"null"'  # as Kubernetes prints a pointer to nothing
    if value is NIL:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field. Make it with the factories below."""

    reason: str
    """One of the keys of the table above; goes to `details.causes[].reason`."""
    field: str
    """Path in wire spelling: `spec.containers[0].name`."""
    value: Any = OMIT_VALUE
    detail: str = ""

    def body(self) -> str:
        """The message without the path, as `details.causes[].message` has it."""
        text = _TITLES[self.reason]
        if self.value is not OMIT_VALUE and self.reason not in _WITHOUT_VALUE:
            text += f": {_show(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def message(self) -> str:
        """`spec.containers[0].name: Required value`."""
        return f"{self.field}: {self.body()}"

    def cause(self) -> JsonObject:
        return {"reason": self.reason, "message": self.body(), "field": self.field}


def required(field: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, OMIT_VALUE, detail)


def invalid_value(field: str, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", field, value, detail)


def not_supported(field: str, value: Any, valid: Iterable[str]) -> FieldError:
    """`valid` is printed in the order given."""
    names = ", ".join(quote(one) for one in valid)
    return FieldError(
        "FieldValueNotSupported", field, value, f"supported values: {names}" if names else ""
    )


def duplicate(field: str, value: Any, detail: str = "") -> FieldError:
    return FieldError("FieldValueDuplicate", field, value, detail)


def forbidden_field(field: str, detail: str) -> FieldError:
    return FieldError("FieldValueForbidden", field, OMIT_VALUE, detail)


def too_long(field: str, limit: int) -> FieldError:
    unit = "byte" if limit == 1 else "bytes"
    return FieldError(
        "FieldValueTooLong", field, OMIT_VALUE, f"may not be more than {limit} {unit}"
    )


def too_many(field: str, actual: int, limit: int) -> FieldError:
    unit = "item" if limit == 1 else "items"
    return FieldError("FieldValueTooMany", field, actual, f"must have at most {limit} {unit}")


def type_invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueTypeInvalid", field, value, detail)


def not_found_value(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", field, value)


def aggregate(messages: Iterable[str]) -> str:
    """Several messages as one: alone as it is, many as `[a, b]`, each once."""
    unique = list(dict.fromkeys(messages))
    return unique[0] if len(unique) == 1 else "[" + ", ".join(unique) + "]"


# --- the exceptions ------------------------------------------------------------------------------


class ApiError(Exception):
    """An answer other than success, with all that its Status says."""

    default_code: ClassVar[int] = 500
    default_reason: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        reason: str = "",
        details: JsonObject | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.reason = reason or self.default_reason
        self.details = details
        self.headers = headers if headers is not None else {}
        if self.retry_after and "Retry-After" not in self.headers:
            self.headers["Retry-After"] = str(self.retry_after)

    @property
    def retry_after(self) -> int:
        """Seconds after which a retry makes sense; 0 = not said."""
        seconds = (self.details or {}).get("retryAfterSeconds", 0)
        return seconds if isinstance(seconds, int) else 0

    @property
    def causes(self) -> list[JsonObject]:
        """`details.causes`, empty where there are none."""
        causes = (self.details or {}).get("causes") or []
        return causes if isinstance(causes, list) else []

    def to_status(self) -> JsonObject:
        """The Status object, keys in Kubernetes' order."""
        out: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            out["reason"] = self.reason
        if self.details is not None:
            out["details"] = self.details
        out["code"] = self.code
        return out

    @staticmethod
    def from_status(obj: JsonObject, code: int) -> "ApiError":
        """The exception for a Status that arrived; `code` is the HTTP code, used if it has none."""
        reason = str(obj.get("reason") or "")
        status_code = obj.get("code")
        if not isinstance(status_code, int) or status_code == 0:
            status_code = code
        details = obj.get("details")
        kind = _BY_REASON.get(reason) or _BY_CODE.get(status_code, ApiError)
        return kind(
            str(obj.get("message") or reason or f"HTTP {status_code}"),
            code=status_code,
            reason=reason,
            details=details if isinstance(details, dict) else None,
        )


class BadRequest(ApiError):
    """The request cannot be understood."""

    default_code, default_reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """Nobody knows who asks."""

    default_code, default_reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """The asker may not, or admission refuses."""

    default_code, default_reason = 403, "Forbidden"


class NotFound(ApiError):
    """No such object, or no such resource."""

    default_code, default_reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    """The resource does not know this verb."""

    default_code, default_reason = 405, "MethodNotAllowed"


class AlreadyExists(ApiError):
    """A create met an object of that name."""

    default_code, default_reason = 409, "AlreadyExists"


class Conflict(ApiError):
    """The object changed meanwhile, or another manager owns a field."""

    default_code, default_reason = 409, "Conflict"


class Expired(ApiError):
    """The revision asked for is no longer kept: list again."""

    default_code, default_reason = 410, "Expired"


class Invalid(ApiError):
    """Understood, but the object breaks its rules."""

    default_code, default_reason = 422, "Invalid"


class TooManyRequests(ApiError):
    """Come back later."""

    default_code, default_reason = 429, "TooManyRequests"


class InternalError(ApiError):
    """A fault of the server."""

    default_code, default_reason = 500, "InternalError"


class ServerTimeout(ApiError):
    """The server could not finish, the outcome is unknown or nothing happened: retry."""

    default_code, default_reason = 500, "ServerTimeout"


class ServiceUnavailable(ApiError):
    """A part that is needed does not answer."""

    default_code, default_reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    """The time allowed for the request is over."""

    default_code, default_reason = 504, "Timeout"


_ALL: tuple[type[ApiError], ...] = (
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    AlreadyExists,
    Expired,
    Invalid,
    TooManyRequests,
    InternalError,
    ServerTimeout,
    ServiceUnavailable,
    Timeout,
)
_BY_REASON = {kind.default_reason: kind for kind in _ALL} | {"Gone": Expired}
_BY_CODE: dict[int, type[ApiError]] = {}
for _kind in _ALL:
    _BY_CODE.setdefault(_kind.default_code, _kind)


# --- factories -----------------------------------------------------------------------------------


def qualified(resource: str, group: str = "") -> str:
    """`deployments.apps`; the core group has no suffix."""
    return f"{resource}.{group}" if group else resource


def _details(kind: str, name: str, group: str = "", **more: Any) -> JsonObject:
    out: JsonObject = {}
    if name:
        out["name"] = name
    if group:
        out["group"] = group
    if kind:
        out["kind"] = kind
    return out | more


def bad_request(message: str) -> BadRequest:
    return BadRequest(message)


def unauthorized(message: str = "Unauthorized") -> Unauthorized:
    return Unauthorized(message)


def forbidden(resource: str, name: str, detail: str, group: str = "") -> Forbidden:
    """`pods "x" is forbidden: detail`; without a name `pods is forbidden: detail`."""
    subject = qualified(resource, group)
    if not subject:
        return Forbidden(f"forbidden: {detail}", details={})
    if name:
        subject += f" {quote(name)}"
    return Forbidden(f"{subject} is forbidden: {detail}", details=_details(resource, name, group))


def not_found(resource: str, name: str, group: str = "") -> NotFound:
    return NotFound(
        f"{qualified(resource, group)} {quote(name)} not found",
        details=_details(resource, name, group),
    )


def path_not_found() -> NotFound:
    """No API lives at the path that was asked for."""
    return NotFound("the server could not find the requested resource", details={})


def method_not_allowed() -> MethodNotAllowed:
    """Something lives at the path, but it does not know the method."""
    return MethodNotAllowed(
        "the server does not allow this method on the requested resource", details={}
    )


def not_acceptable(accepted: Sequence[str]) -> ApiError:
    return ApiError(
        f"only the following media types are accepted: {', '.join(accepted)}",
        code=406,
        reason="NotAcceptable",
    )


def already_exists(resource: str, name: str, group: str = "") -> AlreadyExists:
    return AlreadyExists(
        f"{qualified(resource, group)} {quote(name)} already exists",
        details=_details(resource, name, group),
    )


def no_unique_name(resource: str, name: str, group: str = "") -> AlreadyExists:
    """Every name that was made for a generateName was taken."""
    return AlreadyExists(
        f"{qualified(resource, group)} {quote(name)} already exists, the server was not able to "
        "generate a unique name for the object",
        details=_details(resource, name, group, retryAfterSeconds=1),
    )


def conflict(resource: str, name: str, detail: str = CONFLICT_DETAIL, group: str = "") -> Conflict:
    return Conflict(
        f"Operation cannot be fulfilled on {qualified(resource, group)} {quote(name)}: {detail}",
        details=_details(resource, name, group),
    )


def apply_conflict(message: str, causes: Sequence[JsonObject]) -> Conflict:
    """Server-side apply met fields that other managers own; `causes` name them."""
    return Conflict(message, details={"causes": list(causes)})


def expired(message: str) -> Expired:
    return Expired(message)


def entity_too_large(limit: int) -> ApiError:
    return ApiError(
        f"Request entity too large: limit is {limit}", code=413, reason="RequestEntityTooLarge"
    )


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    return ApiError(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
        code=415,
        reason="UnsupportedMediaType",
    )


def invalid(kind: str, name: str, errors: Sequence[FieldError], group: str = "") -> Invalid:
    """`Deployment.apps "x" is invalid: …` with one cause for each error."""
    message = f"{qualified(kind, group)} {quote(name)} is invalid"
    if errors:
        message += ": " + aggregate(error.message() for error in errors)
    causes = [error.cause() for error in errors]
    details = _details(kind, name, group)
    return Invalid(message, details=details | ({"causes": causes} if causes else {}))


def too_many_requests(
    retry_after: int, message: str = "Too many requests, please try again later."
) -> TooManyRequests:
    return TooManyRequests(message, details={"retryAfterSeconds": retry_after})


def internal_error(detail: str) -> InternalError:
    return InternalError(
        f"Internal error occurred: {detail}", details={"causes": [{"message": detail}]}
    )


def service_unavailable(message: str, retry_after: int = 0) -> ServiceUnavailable:
    return ServiceUnavailable(
        message, details={"retryAfterSeconds": retry_after} if retry_after else None
    )


def timeout(detail: str, retry_after: int = 0) -> Timeout:
    return Timeout(
        f"Timeout: {detail}", details={"retryAfterSeconds": retry_after} if retry_after else {}
    )


def too_large_resource_version(asked: int, current: int, retry_after: int = 1) -> Timeout:
    """The reader asks for a revision that this server has not reached yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return Timeout(
        f"Timeout: Too large resource version: {asked}, current: {current}",
        details={"causes": [cause], "retryAfterSeconds": retry_after},
    )


def success(resource: str = "", name: str = "", uid: str = "", group: str = "") -> JsonObject:
    """The Status that answers a finished delete."""
    out: JsonObject = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details := _details(resource, name, group, **({"uid": uid} if uid else {})):
        out["details"] = details
    return out
