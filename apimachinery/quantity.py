"""Resource quantities (`100m`, `1.5Gi`, `2e3`): exact values, Kubernetes' canonical spelling.

A quantity is a whole number of billionths and the family of suffixes it was written in. That is
exact, because finer digits are rounded away from zero on parsing and values are capped at
2^63-1, both as Kubernetes does. Neighbours: validation, admission, offers and scheduler read
quantities through here. Nothing here knows what a resource is called.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

NANO = 1_000_000_000
"""Units of a quantity's `nano` in one."""

MAX_VALUE = 2**63 - 1
"""Kubernetes caps quantities here; larger ones are taken as this."""

MAX_TEXT = 256
"""Longest text that is parsed: far more digits than the capped range holds."""

MAX_CACHED = 8192
"""Parsed spellings kept: a cluster uses few distinct ones (`100m`, `128Mi`)."""

_TEXT = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([+-]?[0-9]*)")

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_NAMES = {exponent: name for name, exponent in _DECIMAL.items()}
_BINARY_NAMES = {0: ""} | {exponent: name for name, exponent in _BINARY.items()}

_MAX_EXPONENT = 40
"""Beyond it every non-zero number is capped, so huge powers need not be computed."""
_MIN_EXPONENT = -300
"""Below it every number of MAX_TEXT digits rounds to the smallest quantity."""

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

FORMAT_MESSAGE = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
SUFFIX_MESSAGE = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """The text is no quantity; the message is Kubernetes'."""


@dataclass(frozen=True, slots=True, order=True)
class Quantity:
    """An exact number with a preferred spelling. Equal and ordered by the number alone."""

    nano: int
    """The value in billionths."""
    family: str = field(default=DECIMAL_SI, compare=False)
    """Of suffixes: DECIMAL_SI, BINARY_SI or DECIMAL_EXPONENT."""

    @classmethod
    def parse(cls, value: "str | int | float") -> "Quantity":
        """Reads what JSON may hold; raises QuantityError."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise QuantityError(FORMAT_MESSAGE)
        return _parse(value if isinstance(value, str) else repr(value))

    @classmethod
    def of(cls, value: int, family: str = DECIMAL_SI) -> Self:
        """A whole number."""
        return cls(_cap(value * NANO), family)

    @classmethod
    def of_milli(cls, value: int, family: str = DECIMAL_SI) -> Self:
        """A number of thousandths."""
        return cls(_cap(value * (NANO // 1000)), family)

    def value(self) -> int:
        """The whole number, rounded away from zero."""
        return _away(self.nano, NANO)

    def milli(self) -> int:
        """Thousandths, rounded away from zero."""
        return _away(self.nano, NANO // 1000)

    def __add__(self, other: "Quantity") -> "Quantity":
        family = self.family if self.nano else other.family
        return Quantity(_cap(self.nano + other.nano), family)

    def __sub__(self, other: "Quantity") -> "Quantity":
        family = self.family if self.nano else other.family
        return Quantity(_cap(self.nano - other.nano), family)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.nano, self.family)

    def __mul__(self, factor: int) -> "Quantity":
        return Quantity(_cap(self.nano * factor), self.family)

    def __bool__(self) -> bool:
        return self.nano != 0

    def __str__(self) -> str:
        """The canonical spelling: no fraction, the largest suffix that loses nothing."""
        return _spell(self.nano, self.family)


ZERO = Quantity(0)


def canonical(value: "str | int | float") -> str:
    """The canonical spelling of a quantity as JSON holds it."""
    return str(Quantity.parse(value))


def _away(number: int, unit: int) -> int:
    """Number / unit, rounded away from zero."""
    return -(-number // unit) if number >= 0 else number // unit


def _cap(nano: int) -> int:
    limit = MAX_VALUE * NANO
    return max(-limit, min(limit, nano))


@lru_cache(MAX_CACHED)
def _parse(text: str) -> Quantity:
    match = _TEXT.fullmatch(text) if len(text) <= MAX_TEXT else None
    if match is None:
        raise QuantityError(FORMAT_MESSAGE)
    sign, whole, fraction, letters, digits = match.groups(default="")
    if not whole and not fraction:
        raise QuantityError(FORMAT_MESSAGE)
    mantissa = int(whole + fraction)
    binary, exponent, family = _suffix(letters, digits)
    nano = _scale(mantissa * 1024**binary, exponent - len(fraction))
    return Quantity(_cap(-nano if sign == "-" else nano), family)


def _suffix(letters: str, digits: str) -> tuple[int, int, str]:
    """(power of 1024, power of ten, family) of what follows the number."""
    if letters in ("e", "E") and digits.lstrip("+-"):
        exponent = max(_MIN_EXPONENT, min(_MAX_EXPONENT + MAX_TEXT, int(digits)))
        return 0, exponent, DECIMAL_EXPONENT
    if digits:
        raise QuantityError(SUFFIX_MESSAGE)
    if letters in _BINARY:
        return _BINARY[letters], 0, BINARY_SI
    if letters in _DECIMAL:
        return 0, _DECIMAL[letters], DECIMAL_SI
    raise QuantityError(SUFFIX_MESSAGE)


def _scale(mantissa: int, exponent: int) -> int:
    """Billionths of mantissa * 10^exponent, rounded away from zero."""
    exponent += 9
    if exponent >= 0:
        return mantissa * int(10**exponent)
    return -(-mantissa // int(10**-exponent))


@lru_cache(MAX_CACHED)
def _spell(nano: int, family: str) -> str:
    if nano == 0:
        return "0"
    if family == BINARY_SI and nano % NANO == 0 and abs(nano) >= 1024 * NANO:
        number, power = nano // NANO, 0
        while number % 1024 == 0 and power < 6:
            number //= 1024
            power += 1
        return f"{number}{_BINARY_NAMES[power]}"
    number, exponent = nano, -9
    while number % 1000 == 0 and exponent < 18:
        number //= 1000
        exponent += 3
    if family == DECIMAL_EXPONENT:
        return f"{number}e{exponent}" if exponent else str(number)
    return f"{number}{_DECIMAL_NAMES[exponent]}"
