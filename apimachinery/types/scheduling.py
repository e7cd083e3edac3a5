"""Priority classes."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import Int32, Proto, TypedModel
from apimachinery.types.meta import ObjectMeta


class PriorityClass(TypedModel):
    """A name for a priority of pods."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    value: Annotated[Int32, Proto(2)] = Field(0, description="The priority; higher ones go first.")
    global_default: Annotated[bool, Proto(3)] = Field(
        False, alias="globalDefault", description="Whether pods without a class get it."
    )
    description: Annotated[str, Proto(4)] = Field("", description="What it is for.")
    preemption_policy: Annotated[str, Proto(5)] = Field(
        "", alias="preemptionPolicy", description="PreemptLowerPriority or Never."
    )
