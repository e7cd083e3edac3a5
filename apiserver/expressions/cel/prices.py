"""What calls and loops cost, by the sizes of what they are given: Kubernetes' price list; pure.

Said once for both who ask: `program` pays while an expression runs, `cost` estimates with the
largest sizes that a schema allows. What is not listed costs 1. Neighbours: `values` has the sizes
of values, `types` those of types.
"""

from collections.abc import Callable, Sequence

Price = Callable[[Sequence[int]], int]
"""From the sizes of the operands; what has no size counts 1."""

IDENT = 1
LIST, MAP, STRUCT = 10, 30, 40
"""What making one costs, beside its parts."""

CHECK = 350_000
"""A question to the authorizer: an expression may ask two."""

PREFIX_BYTES = 16
"""Of the longest address: what comparing it with a range walks."""


def tenth(count: int) -> int:
    """Walking text."""
    return -(-count // 10)


def _regex(sizes: Sequence[int]) -> int:
    """An empty text is walked, too; four letters of a pattern count as one step of its machine."""
    return tenth(sizes[0] + 1) * -(-sizes[1] // 4)


def _compared(sizes: Sequence[int]) -> int:
    return tenth(min(sizes))


def _walked(sizes: Sequence[int]) -> int:
    return tenth(sizes[0])


def _walked_and_made(sizes: Sequence[int]) -> int:
    return tenth(2 * sizes[0])


def _each(sizes: Sequence[int]) -> int:
    return sizes[0]


def _pairs(times: int) -> Price:
    return lambda sizes: 1 + times * sizes[0] * sizes[1]


WALKING: dict[str, Price] = {
    **dict.fromkeys(("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"), _compared),
    "_+_": lambda sizes: tenth(sum(sizes)),
    "@in": lambda sizes: sizes[1],
    **dict.fromkeys(("matches", "find", "findAll"), _regex),
    "contains": lambda sizes: tenth(sizes[0]) * tenth(sizes[1]),
    **dict.fromkeys(
        (
            "startsWith", "endsWith", "string", "bytes", "format", "reverse", "validate",
            "lowerAscii", "upperAscii", "substring", "trim", "url", "isURL",
            "ip", "cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver", "isSemver",
        ),
        _walked,
    ),
    **dict.fromkeys(("replace", "split", "join", "ip.isCanonical"), _walked_and_made),
    **dict.fromkeys(
        ("isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "sort", "distinct", "flatten"),
        _each,
    ),
    "containsIP": lambda sizes: tenth(2 * PREFIX_BYTES) + tenth(sizes[1]),
    "containsCIDR": lambda sizes: tenth(3 * PREFIX_BYTES) + 1 + tenth(sizes[1]),
    **dict.fromkeys(("sets.contains", "sets.intersects"), _pairs(1)),
    "sets.equivalent": _pairs(2),
    "check": lambda _: CHECK,
}  # fmt: skip
"""What depends on sizes."""

ESTIMATED: dict[str, Price] = {
    **WALKING,
    # A prefix is compared as far as it goes; who pays while it runs pays for the text.
    **dict.fromkeys(("startsWith", "endsWith"), lambda sizes: tenth(sizes[1])),
    # Kubernetes reads the text of these from a place where there is none, so it never counts.
    **dict.fromkeys(
        ("ip", "cidr", "isIP", "isCIDR", "ip.isCanonical", "quantity", "isQuantity"), lambda _: 1
    ),
}
"""Where the estimate differs from what is paid, as in Kubernetes."""

LISTED = frozenset({"isSorted", "sum", "min", "max", "indexOf", "lastIndexOf"})
"""Of lists, or texts: a list is gone through, text walked."""

START: dict[str, int] = {
    **dict.fromkeys(("filter", "map", "transformList"), LIST),
    **dict.fromkeys(("transformMap", "transformMapEntry"), MAP),
}
"""What a loop costs before its first round: what it gathers into."""

ROUND: dict[str, int] = {
    # Asking whether to go on, and joining what the body says.
    "all": 2 + IDENT,
    "exists": 3 + IDENT,
    # Counting; a list of one item, made and chained.
    **dict.fromkeys(("exists_one", "existsOne"), 2),
    "filter": 2 + LIST + IDENT,
    **dict.fromkeys(("map", "transformList"), 2 + LIST),
    **dict.fromkeys(("transformMap", "transformMapEntry"), 3),
}
"""What a round costs at most beside its body."""

END: dict[str, int] = dict.fromkeys(("exists_one", "existsOne"), 2)
"""What the result costs, where that is not the 1 of a name."""
