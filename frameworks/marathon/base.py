"""The shape of everything on the wire: JSON objects, and models that read and write them. Pure.

Neighbours: `spec` has the models.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

JsonObject = dict[str, Any]


class Wire(BaseModel):
    """Base of models: frozen, spelled in camelCase, unknown fields dropped."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")

    @classmethod
    def read(cls, obj: Any) -> Self:
        return cls.model_validate(obj)

    def wire(self) -> JsonObject:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
