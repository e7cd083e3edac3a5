"""The functions that only Kubernetes gives to expressions: quantities, addresses, URLs, versions,
named formats, and what the user is allowed to.

Neighbours: `library`. Whether somebody is allowed to do something is known to the API server, not
here: a question that has no answer yet ends the evaluation (`Asked`), which is begun again with it.
"""

import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from apimachinery.quantity import Quantity, QuantityError
from apimachinery.schema import formats
from apiserver.expressions.cel.operators import no_overload
from apiserver.expressions.cel.values import NONE, EvalError, Opaque, Optional

QUANTITY, URL, IP, CIDR = (
    "kubernetes.Quantity", "kubernetes.URL", "net.IP", "net.CIDR",
)  # fmt: skip
SEMVER, FORMAT = "kubernetes.Semver", "kubernetes.NamedFormat"
AUTHORIZER = "kubernetes.authorization.Authorizer"
PATH_CHECK = "kubernetes.authorization.PathCheck"
GROUP_CHECK = "kubernetes.authorization.GroupCheck"
RESOURCE_CHECK = "kubernetes.authorization.ResourceCheck"
DECISION = "kubernetes.authorization.Decision"

Question = tuple[tuple[str, str], ...]
"""What is asked of the authorizer: its attributes by name."""


class Asked(Exception):  # noqa: N818  not an error: the evaluation is begun again
    """An expression wants to know whether something is allowed."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


def _holds(parse: Callable[..., object]) -> Callable[..., bool]:
    def holds(*values: Any) -> bool:
        try:
            parse(*values)
        except (ValueError, TypeError, EvalError):
            return False
        return True

    return holds


def _held(value: Any, kind: str) -> Any:
    if not isinstance(value, Opaque) or value.type_name != kind:
        raise no_overload(value)
    return value.value


# --- quantities ----------------------------------------------------------------------------------


def _quantity(text: Any) -> Opaque:
    try:
        return Opaque(QUANTITY, Quantity.parse(text))
    except QuantityError as error:
        raise EvalError(str(error)) from None


def _amount(value: Any) -> Quantity:
    found: Quantity = Quantity.parse(value) if type(value) is int else _held(value, QUANTITY)
    return found


def _compared(one: Any, other: Any) -> int:
    if isinstance(one, Opaque) and one.type_name == SEMVER:
        a, b = _precedence(one.value), _precedence(_held(other, SEMVER))
        return (a > b) - (a < b)
    c, d = _amount(one), _amount(other)
    return (c > d) - (c < d)


_LINK_LOCAL_4 = ipaddress.ip_network("224.0.0.0/24")
_LINK_LOCAL_6 = ipaddress.ip_network("ff02::/16")


# --- addresses -----------------------------------------------------------------------------------


def _ip(text: str) -> Opaque:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise EvalError(f'IP Address "{text}" is invalid') from None
    if getattr(found, "ipv4_mapped", None) is not None or "%" in text:
        raise EvalError(f'IP Address "{text}" is invalid')
    return Opaque(IP, found)


def _cidr(text: str) -> Opaque:
    if "/" not in text:
        raise EvalError(f"network address parse error during conversion from string: {text}")
    try:
        return Opaque(CIDR, ipaddress.ip_interface(text))
    except ValueError:
        raise EvalError(
            f"network address parse error during conversion from string: {text}"
        ) from None


def _contains_ip(network: Any, address: Any) -> bool:
    found = _held(_ip(address) if isinstance(address, str) else address, IP)
    return found in _held(network, CIDR).network


def _contains_cidr(network: Any, other: Any) -> bool:
    outer = _held(network, CIDR).network
    inner = _held(_cidr(other) if isinstance(other, str) else other, CIDR).network
    return bool(outer.version == inner.version and inner.subnet_of(outer))


def _address(take: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: take(_held(value, IP))


def _canonical(text: str) -> bool:
    return str(_held(_ip(text), IP)) == text


# --- URLs ----------------------------------------------------------------------------------------


def _url(text: str) -> Opaque:
    if not formats.CHECKS["uri"](text):
        raise EvalError(
            f'URL parse error during conversion from string: parse "{text}": invalid URI'
        )
    return Opaque(URL, text)


def _part(take: Callable[[urllib.parse.SplitResult], Any]) -> Callable[[Any], Any]:
    return lambda value: take(urllib.parse.urlsplit(_held(value, URL))) or ""


def _query(value: Any) -> dict[str, list[str]]:
    query = urllib.parse.urlsplit(_held(value, URL)).query
    return urllib.parse.parse_qs(query, keep_blank_values=True)


# --- versions ------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)


def _semver(text: str, normalize: bool = False) -> Opaque:
    if normalize:
        core, mark, rest = re.fullmatch(r"v?([\d.]*)([-+]?)(.*)", text.strip()).groups()  # type: ignore[union-attr]  # matches anything without a newline
        parts = [str(int(one)) if one else "0" for one in core.split(".")]
        text = ".".join([*parts, "0", "0"][: max(3, len(parts))]) + mark + rest
    found = _SEMVER.fullmatch(text)
    if found is None:
        raise EvalError(f'semver parse error: "{text}"')
    return Opaque(SEMVER, found.groups())


def _precedence(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """A version's rank: a pre-release is less than its release."""
    before = parts[3]
    ranks: tuple[Any, ...] = (1,)
    if before is not None:
        ranks = (0, *[(0, int(o), "") if o.isdecimal() else (1, 0, o) for o in before.split(".")])
    return (int(parts[0]), int(parts[1]), int(parts[2]), ranks)


def _number(at: int) -> Callable[[Any], int]:
    return lambda value: int(_held(value, SEMVER)[at])


# --- named formats -------------------------------------------------------------------------------

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")


def _matching(pattern: re.Pattern[str], longest: int, what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > longest:
            return f"must be no more than {longest} bytes"
        return "" if pattern.fullmatch(text) else what

    return check


def _qualified(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if slash and not _SUBDOMAIN.fullmatch(prefix):
        return "prefix part must be a DNS subdomain"
    return "" if len(name) <= 63 and _QUALIFIED.fullmatch(name) else "name part must be valid"


def _by_schema(name: str) -> Callable[[str], str]:
    return lambda text: "" if formats.CHECKS[name](text) else f"must be a valid {name}"


_DNS_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end with an alphanumeric character"
)
_DNS_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_DNS_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
FORMATS: dict[str, Callable[[str], str]] = {
    "dns1123Label": _matching(_LABEL, 63, _DNS_LABEL),
    "dns1123Subdomain": _matching(_SUBDOMAIN, 253, _DNS_SUBDOMAIN),
    "dns1035Label": _matching(_LABEL_1035, 63, _DNS_1035),
    "dns1123LabelPrefix": lambda text: FORMATS["dns1123Label"](text.removesuffix("-")),
    "dns1123SubdomainPrefix": lambda text: FORMATS["dns1123Subdomain"](text.removesuffix("-")),
    "dns1035LabelPrefix": lambda text: FORMATS["dns1035Label"](text.removesuffix("-")),
    "qualifiedName": _qualified,
    "labelValue": _matching(_VALUE, 63, "a valid label must be an empty string or alphanumeric"),
    "uri": _by_schema("uri"),
    "uuid": _by_schema("uuid"),
    "byte": _by_schema("byte"),
    "date": _by_schema("date"),
    "datetime": _by_schema("date-time"),
}


def _validate(value: Any, text: Any) -> Optional:
    name = _held(value, FORMAT)
    if not isinstance(text, str):
        raise no_overload(value, text)
    problem = FORMATS[name](text)
    return Optional([problem]) if problem else NONE


def _named(name: str) -> Optional:
    return Optional(Opaque(FORMAT, name)) if name in FORMATS else NONE


# --- who may do what -----------------------------------------------------------------------------


class Permissions:
    """What is known of the user's permissions, and about which object the request is."""

    def __init__(self, answers: Mapping[Question, tuple[bool, str]], request: Question) -> None:
        self.answers = answers
        self.request = request


def authorizer(answers: Mapping[Question, tuple[bool, str]], request: Question) -> Opaque:
    """The variable `authorizer`."""
    return Opaque(AUTHORIZER, (Permissions(answers, request), {}))


def request_resource(value: Opaque) -> Opaque:
    """`authorizer.requestResource`."""
    known, asked = value.value
    return Opaque(RESOURCE_CHECK, (known, {**asked, **dict(known.request)}))


def _narrowed(key: str, kind: str) -> Callable[..., Opaque]:
    def narrow(value: Any, text: str, *more: str) -> Opaque:
        known, asked = value.value
        said = f"system:serviceaccount:{text}:{more[0]}" if more else text
        return Opaque(kind, (known, {**asked, key: said}))

    return narrow


def _check(value: Any, verb: str) -> Opaque:
    known, asked = value.value
    question = tuple(sorted({**asked, "verb": verb}.items()))
    if question not in known.answers:
        raise Asked(question)
    return Opaque(DECISION, known.answers[question])


KUBERNETES: dict[str, Callable[..., Any]] = {
    "quantity": _quantity,
    "isQuantity": _holds(_quantity),
    "isInteger": lambda value: _amount(value).milli() % 1000 == 0,
    "asInteger": lambda value: _amount(value).value(),
    "asApproximateFloat": lambda value: _amount(value).milli() / 1000,
    "sign": lambda value: _compared(value, 0),
    "add": lambda one, other: Opaque(QUANTITY, _amount(one) + _amount(other)),
    "sub": lambda one, other: Opaque(QUANTITY, _amount(one) - _amount(other)),
    "isGreaterThan": lambda one, other: _compared(one, other) > 0,
    "isLessThan": lambda one, other: _compared(one, other) < 0,
    "compareTo": _compared,
    "ip": lambda value: (
        Opaque(IP, _held(value, CIDR).ip) if isinstance(value, Opaque) else _ip(value)
    ),
    "isIP": _holds(_ip),
    "ip.isCanonical": _canonical,
    "cidr": _cidr,
    "isCIDR": _holds(_cidr),
    "containsIP": _contains_ip,
    "containsCIDR": _contains_cidr,
    "masked": lambda value: Opaque(CIDR, ipaddress.ip_interface(_held(value, CIDR).network)),
    "prefixLength": lambda value: _held(value, CIDR).network.prefixlen,
    "family": lambda value: int(_held(value, IP).version),
    "isUnspecified": _address(lambda one: one.is_unspecified),
    "isLoopback": _address(lambda one: one.is_loopback),
    "isLinkLocalMulticast": _address(
        lambda one: one in (_LINK_LOCAL_4 if one.version == 4 else _LINK_LOCAL_6)
    ),
    "isLinkLocalUnicast": _address(lambda one: one.is_link_local),
    "isGlobalUnicast": _address(
        lambda one: (
            not (one.is_unspecified or one.is_loopback or one.is_multicast or one.is_link_local)
        )
    ),
    "url": _url,
    "isURL": _holds(_url),
    "getScheme": _part(lambda one: one.scheme),
    "getHost": _part(lambda one: one.netloc.rpartition("@")[2]),
    "getHostname": _part(lambda one: one.hostname),
    "getPort": _part(lambda one: str(one.port or "")),
    "getEscapedPath": _part(lambda one: one.path),
    "getQuery": _query,
    "semver": _semver,
    "isSemver": _holds(_semver),
    "major": _number(0),
    "minor": _number(1),
    "patch": _number(2),
    "format.named": _named,
    "validate": _validate,
    "path": _narrowed("path", PATH_CHECK),
    "group": _narrowed("group", GROUP_CHECK),
    "serviceAccount": _narrowed("user", AUTHORIZER),
    "resource": _narrowed("resource", RESOURCE_CHECK),
    "subresource": _narrowed("subresource", RESOURCE_CHECK),
    "namespace": _narrowed("namespace", RESOURCE_CHECK),
    "name": _narrowed("name", RESOURCE_CHECK),
    "fieldSelector": _narrowed("fieldSelector", RESOURCE_CHECK),
    "labelSelector": _narrowed("labelSelector", RESOURCE_CHECK),
    "check": _check,
    "allowed": lambda value: _held(value, DECISION)[0],
    "reason": lambda value: _held(value, DECISION)[1],
    "errored": lambda value: bool(_held(value, DECISION) is None),
    "error": lambda value: "" if _held(value, DECISION) is not None else "unknown",
    "jsonpatch.escapeKey": lambda key: key.replace("~", "~0").replace("/", "~1"),
    **{f"format.{name}": lambda name=name: Opaque(FORMAT, name) for name in FORMATS},
}
"""Name → function; a method's first argument is what it is called on."""
