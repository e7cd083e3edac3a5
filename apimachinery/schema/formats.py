"""The formats that a string may be said to have, as Kubernetes checks them.

Unknown formats hold for every string. Neighbours: `checks` makes the messages. Pure functions.
"""

import base64
import binascii
import datetime as dt
import ipaddress
import re
import urllib.parse
from collections.abc import Callable, Mapping

from apimachinery import names

_EMAIL = re.compile(r"[^@\s<>()\[\],;:\"]+@[^@\s<>()\[\],;:\"]+")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4,18}[0-9A-Fa-f]{2}")
_UUID = r"(?i:[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12})"
_HEX_COLOR = re.compile(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_PART = r"(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])"
_RGB = re.compile(rf"rgb\(\s*{_PART}\s*,\s*{_PART}\s*,\s*{_PART}\s*\)")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}")
_SSN = re.compile(r"\d{3}[- ]?\d{2}[- ]?\d{4}")
_DURATION = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d|w)"
    r"(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d|w))*|[-+]?0"
)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
_HOSTNAME = re.compile(
    r"(?=.{1,255}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*\.?"
)


def _full(pattern: str | re.Pattern[str]) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return holds


def _byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _date(text: str) -> bool:
    if len(text) != len("2006-01-02"):
        return False
    return _parses(dt.date.fromisoformat)(text)


def _date_time(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    if found is None or not _date(text[:10]):
        return False
    hours, minutes, seconds = (int(one) for one in found.groups())
    return hours < 24 and minutes < 60 and seconds < 61


def _uri(text: str) -> bool:
    """An absolute address or an absolute path, as a request may name it."""
    if any(char.isspace() or ord(char) < 0x20 for char in text):
        return False
    try:
        parts = urllib.parse.urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _luhn(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()]
    if not 12 <= len(digits) <= 19:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _isbn10(text: str) -> bool:
    plain = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"\d{9}[\dX]", plain):
        return False
    return (
        sum((10 - at) * (10 if char == "X" else int(char)) for at, char in enumerate(plain)) % 11
        == 0
    )


def _isbn13(text: str) -> bool:
    plain = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"\d{13}", plain):
        return False
    return sum((3 if at % 2 else 1) * int(char) for at, char in enumerate(plain)) % 10 == 0


CHECKS: Mapping[str, Callable[[str], bool]] = {
    "bsonobjectid": _full(_OBJECT_ID),
    "byte": _byte,
    "cidr": _parses(lambda text: ipaddress.ip_interface(text) if "/" in text else int("none")),
    "creditcard": _luhn,
    "date": _date,
    "date-time": _date_time,
    "datetime": _date_time,
    "duration": _full(_DURATION),
    "email": _full(_EMAIL),
    "hexcolor": _full(_HEX_COLOR),
    "hostname": _full(_HOSTNAME),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "k8s-long-name": lambda text: not names.dns1123_subdomain(text),
    "k8s-short-name": lambda text: not names.dns1123_label(text),
    "mac": _full(_MAC),
    "rgbcolor": _full(_RGB),
    "ssn": _full(_SSN),
    "uri": _uri,
    "uuid": _full(_UUID % ("[0-9a-f]", "[0-9a-f]")),
    "uuid3": _full(_UUID % ("3", "[0-9a-f]")),
    "uuid4": _full(_UUID % ("4", "[89ab]")),
    "uuid5": _full(_UUID % ("5", "[89ab]")),
}
