"""coordination models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import Int32, MicroTime, Model, Proto, TypedModel
from apimachinery.types.meta import ObjectMeta


class LeaseSpec(Model):
    """What is wanted of the lease."""

    holder_identity: Annotated[str, Proto(1)] = Field("", alias="holderIdentity")
    lease_duration_seconds: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="leaseDurationSeconds"
    )
    acquire_time: Annotated[MicroTime, Proto(3)] = Field("", alias="acquireTime")
    renew_time: Annotated[MicroTime, Proto(4)] = Field("", alias="renewTime")
    lease_transitions: Annotated[Int32 | None, Proto(5)] = Field(None, alias="leaseTransitions")
    strategy: Annotated[str, Proto(6)] = ""
    preferred_holder: Annotated[str, Proto(7)] = Field("", alias="preferredHolder")


class Lease(TypedModel):
    """Lease."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[LeaseSpec, Proto(2)] = Field(
        default_factory=LeaseSpec, description="What is wanted."
    )
