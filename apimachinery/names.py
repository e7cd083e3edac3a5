"""What names, keys and values may look like, in Kubernetes' rules and words.

Each check returns a list of messages, empty when the value is good; validation wraps them into
field errors. Also the making of random and hashed name suffixes. Neighbours: `labels`, the
validation of types, the API server's generateName. Nothing here knows kinds.
"""

import ipaddress
import re
from typing import Protocol

LABEL_MAX = 63
"""DNS: longest label."""
SUBDOMAIN_MAX = 253
"""DNS: longest name."""
PORT_NAME_MAX = 15
"""IANA service names."""
SUFFIX_LENGTH = 5
"""Random characters that generateName appends, as in Kubernetes."""
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, no look-alikes: no words, no misreading."""

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_PERCENT = "[0-9]+%"
_HEADER = "[-A-Za-z0-9]+"

_LABEL_RE = re.compile(_LABEL)
_SUBDOMAIN_RE = re.compile(_SUBDOMAIN)
_WILDCARD_RE = re.compile(_WILDCARD)
_LABEL_1035_RE = re.compile(_LABEL_1035)
_QUALIFIED_RE = re.compile(_QUALIFIED)
_LABEL_VALUE_RE = re.compile(_LABEL_VALUE)
_CONFIG_KEY_RE = re.compile(_CONFIG_KEY)
_PERCENT_RE = re.compile(_PERCENT)
_HEADER_RE = re.compile(_HEADER)

EMPTY = "must be non-empty"


def max_length(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def _regex_message(message: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


_LABEL_MESSAGE = _regex_message(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_SUBDOMAIN_MESSAGE = _regex_message(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_WILDCARD_MESSAGE = _regex_message(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character",
    _WILDCARD,
    "*.example.com",
)
_LABEL_1035_MESSAGE = _regex_message(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character",
    _LABEL_1035,
    "my-name",
    "abc-123",
)
_QUALIFIED_MESSAGE = _regex_message(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character",
    _QUALIFIED,
    "MyName",
    "my.name",
    "123-abc",
)
_TOO_MANY_PARTS = (
    f"a qualified name {_QUALIFIED_MESSAGE} with an optional DNS subdomain prefix and '/' "
    "(e.g. 'example.com/MyName')"
)
_LABEL_VALUE_MESSAGE = _regex_message(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character",
    _LABEL_VALUE,
    "MyValue",
    "my_value",
    "12345",
)
_CONFIG_KEY_MESSAGE = _regex_message(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY,
    "key.name",
    "KEY_NAME",
    "key-name",
)
_PERCENT_MESSAGE = _regex_message(
    "a valid percent string must be a numeric string followed by an ending '%'",
    _PERCENT,
    "1%",
    "93%",
)
_HEADER_MESSAGE = _regex_message(
    "a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name"
)
_ENV_MESSAGE = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)


def _check(value: str, limit: int, pattern: re.Pattern[str], message: str) -> list[str]:
    errors = [max_length(limit)] if len(value) > limit else []
    if not pattern.fullmatch(value):
        errors.append(message)
    return errors


def dns1123_label(value: str) -> list[str]:
    """Names of namespaces, containers, volumes."""
    return _check(value, LABEL_MAX, _LABEL_RE, _LABEL_MESSAGE)


def dns1123_subdomain(value: str) -> list[str]:
    """Names of most objects."""
    return _check(value, SUBDOMAIN_MAX, _SUBDOMAIN_RE, _SUBDOMAIN_MESSAGE)


def wildcard_subdomain(value: str) -> list[str]:
    """Hosts of which the first part may be anything."""
    return _check(value, SUBDOMAIN_MAX, _WILDCARD_RE, _WILDCARD_MESSAGE)


def dns1035_label(value: str) -> list[str]:
    """Names of services."""
    return _check(value, LABEL_MAX, _LABEL_1035_RE, _LABEL_1035_MESSAGE)


def qualified_name(value: str) -> list[str]:
    """Keys of labels and annotations, resource names: `[prefix/]name`."""
    errors: list[str] = []
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        return [_TOO_MANY_PARTS]
    if slash:
        problems = dns1123_subdomain(prefix) if prefix else [EMPTY]
        errors += [f"prefix part {problem}" for problem in problems]
    if not name:
        errors.append(f"name part {EMPTY}")
    elif len(name) > LABEL_MAX:
        errors.append(f"name part {max_length(LABEL_MAX)}")
    if not _QUALIFIED_RE.fullmatch(name):
        errors.append(f"name part {_QUALIFIED_MESSAGE}")
    return errors


def label_value(value: str) -> list[str]:
    return _check(value, LABEL_MAX, _LABEL_VALUE_RE, _LABEL_VALUE_MESSAGE)


def config_key(value: str) -> list[str]:
    """Keys of ConfigMaps and Secrets; they become file names."""
    errors = _check(value, SUBDOMAIN_MAX, _CONFIG_KEY_RE, _CONFIG_KEY_MESSAGE)
    if value in (".", ".."):
        errors.append(f"must not be '{value}'")
    elif value.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def env_name(value: str) -> list[str]:
    errors = [] if value else [f"environment variable name {EMPTY}"]
    if not value.isascii() or not value.isprintable() or "=" in value:
        errors.append(_ENV_MESSAGE)
    return errors


def path_segment(value: str) -> list[str]:
    """Names that need only fit into a URL (roles, role bindings)."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{bad}'" for bad in "/%" if bad in value]


def port_name(value: str) -> list[str]:
    """IANA service names: container ports."""
    errors = [max_length(PORT_NAME_MAX)] if len(value) > PORT_NAME_MAX else []
    if not re.fullmatch("[-a-z0-9]*", value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number(value: int) -> list[str]:
    return [] if 1 <= value <= 65535 else ["must be between 1 and 65535, inclusive"]


def ip_address(value: str) -> list[str]:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return []


def percent(value: str) -> list[str]:
    return [] if _PERCENT_RE.fullmatch(value) else [_PERCENT_MESSAGE]


def http_header(value: str) -> list[str]:
    return [] if _HEADER_RE.fullmatch(value) else [_HEADER_MESSAGE]


class Rng(Protocol):
    """What a random suffix needs; `random.Random` and `random.SystemRandom` fit."""

    def randrange(self, stop: int, /) -> int: ...


def random_suffix(rng: Rng, length: int = SUFFIX_LENGTH) -> str:
    """One draw for all letters: each costs a system call where the system's entropy is used."""
    left = rng.randrange(len(SUFFIX_ALPHABET) ** length)
    letters = []
    for _ in range(length):
        left, letter = divmod(left, len(SUFFIX_ALPHABET))
        letters.append(SUFFIX_ALPHABET[letter])
    return "".join(letters)


def generate(base: str, rng: Rng) -> str:
    """A name for generateName: the base, cut so that the whole fits a label, and a suffix."""
    return base[: LABEL_MAX - SUFFIX_LENGTH] + random_suffix(rng)


def safe_encode(text: str) -> str:
    """Text (a hash in digits) respelled in the suffix alphabet, so that it forms no words."""
    return "".join([SUFFIX_ALPHABET[ord(char) % len(SUFFIX_ALPHABET)] for char in text])
