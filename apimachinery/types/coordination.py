"""Leases: who leads, who lives."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import Int32, MicroTime, Model, Proto, TypedModel
from apimachinery.types.meta import ObjectMeta


class LeaseSpec(Model):
    """What is wanted of the lease."""

    holder_identity: Annotated[str, Proto(1)] = Field(
        "", alias="holderIdentity", description="Who holds it."
    )
    lease_duration_seconds: Annotated[Int32 | None, Proto(2)] = Field(
        None,
        alias="leaseDurationSeconds",
        description="Seconds without renewal after which others may take it.",
    )
    acquire_time: Annotated[MicroTime, Proto(3)] = Field(
        "", alias="acquireTime", description="When the holder took it."
    )
    renew_time: Annotated[MicroTime, Proto(4)] = Field(
        "", alias="renewTime", description="When the holder last renewed it."
    )
    lease_transitions: Annotated[Int32 | None, Proto(5)] = Field(
        None, alias="leaseTransitions", description="How often it changed hands."
    )
    strategy: Annotated[str, Proto(6)] = Field("", description="How the next holder is chosen.")
    preferred_holder: Annotated[str, Proto(7)] = Field(
        "", alias="preferredHolder", description="Who is to take it next."
    )


class Lease(TypedModel):
    """Held by one of several: the leader of a set, or a node that lives."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[LeaseSpec, Proto(2)] = Field(
        default_factory=LeaseSpec, description="What is wanted."
    )
