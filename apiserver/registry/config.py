"""Secrets: plain strings are folded into the encoded data."""

# Hooks keep the signature of their base, used or not.
# ruff: noqa: ARG002

import base64
from typing import ClassVar

from apimachinery.wire import JsonObject
from apiserver.registry.strategy import Context, Strategy


class Secrets(Strategy):
    """`stringData` is for writing only."""

    counts_generation: ClassVar[bool] = False

    def prepare_create(self, obj: JsonObject, context: Context) -> None:
        fold(obj)

    def prepare_update(self, new: JsonObject, old: JsonObject, context: Context) -> None:
        fold(new)
        if "type" not in new and "type" in old:
            new["type"] = old["type"]


def fold(obj: JsonObject) -> None:
    """Encode stringData into data, in place."""
    plain = obj.pop("stringData", None)
    if plain:
        data = obj.setdefault("data", {})
        for key, value in plain.items():
            data[key] = base64.b64encode(value.encode()).decode()
