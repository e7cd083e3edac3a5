"""From decoded JSON to an object that fits its kind: structure only, no rules about values.

Neighbours: `apimachinery.types` says what fits, `apimachinery.defaults` fills in what is absent,
`apimachinery.validation` judges values. Handlers call `structure` once for each written body.
"""

from apimachinery.resource import Resource
from apimachinery.wire import JsonObject


def structure(
    resource: Resource, obj: JsonObject, *, raw: bytes | None = None
) -> tuple[JsonObject, list[str]]:
    """Prune `obj` in place to what its kind knows.

    Returns the same dict without unknown fields and nulls, with quantities and times in canonical
    spelling, and the problems that strict field validation reports: `unknown field "spec.foo"`,
    and `duplicate field "spec.foo"` when the JSON bytes are given as `raw` (costs one more parse:
    give them only where field validation is Strict or Warn). What the caller does with the
    problems is fieldValidation's business: Strict → `strict_error`, Warn → one warning each.

    Raises ApiError 400, in the words of Kubernetes, for a value of a wrong type.
    """
    raise NotImplementedError
