"""scheduling models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import Int32, Proto, TypedModel
from apimachinery.types.meta import ObjectMeta


class PriorityClass(TypedModel):
    """PriorityClass."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    value: Annotated[Int32, Proto(2)] = 0
    global_default: Annotated[bool, Proto(3)] = Field(False, alias="globalDefault")
    description: Annotated[str, Proto(4)] = ""
    preemption_policy: Annotated[str, Proto(5)] = Field("", alias="preemptionPolicy")
