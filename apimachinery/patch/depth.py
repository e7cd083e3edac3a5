"""The bound on how deep a patch nests, checked once before anything recurses into it."""

from typing import Any

import orjson

from apimachinery import status


def check(value: Any) -> None:
    """ApiError 400 for a value too deep to be stored: the serializer stops at 254 levels."""
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise status.bad_request(f"error decoding patch: {error}") from None
