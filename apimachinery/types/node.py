"""Runtime classes."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Items, MapType, Model, Proto, Quantity, TypedModel
from apimachinery.types.core_affinity import Toleration
from apimachinery.types.meta import ObjectMeta


class Overhead(Model):
    """What running a pod costs besides its containers."""

    pod_fixed: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, alias="podFixed", description="For each pod, by resource."
    )


class Scheduling(Model):
    """Which nodes know the runtime class."""

    node_selector: Annotated[Mapping[str, str], Proto(1), MapType("atomic")] = Field(
        default_factory=dict, alias="nodeSelector", description="Labels of those nodes."
    )
    tolerations: Annotated[Items[Toleration], Proto(2)] = Field(
        (), description="Taints that pods of the class tolerate."
    )


class RuntimeClass(TypedModel):
    """One way of running pods, which nodes know by its handler."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    handler: Annotated[str, Proto(2), REQUIRED] = Field("", description="The node's name for it.")
    overhead: Annotated[Overhead | None, Proto(3)] = Field(None, description="What it costs.")
    scheduling: Annotated[Scheduling | None, Proto(4)] = Field(
        None, description="Which nodes know it."
    )
