"""Events of the core group."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, MicroTime, Model, Proto, Time, TypedModel
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import ObjectMeta


class EventSource(Model):
    """Who reported it (older form)."""

    component: Annotated[str, Proto(1)] = Field("", description="The component.")
    host: Annotated[str, Proto(2)] = Field("", description="The node.")


class EventSeries(Model):
    """How often it happened again."""

    count: Annotated[Int32, Proto(1)] = Field(0, description="How often.")
    last_observed_time: Annotated[MicroTime, Proto(2)] = Field(
        "", alias="lastObservedTime", description="When last."
    )


class Event(TypedModel):
    """Something that happened to an object, for people to read; it is forgotten after an hour."""

    metadata: Annotated[ObjectMeta, Proto(1), REQUIRED] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    involved_object: Annotated[ObjectReference | None, Proto(2), REQUIRED] = Field(
        None, alias="involvedObject", description="The object that it happened to."
    )
    reason: Annotated[str, Proto(3)] = Field("", description="One word in CamelCase.")
    message: Annotated[str, Proto(4)] = Field("", description="A sentence.")
    source: Annotated[EventSource | None, Proto(5)] = Field(
        None, description="Who reported it (older form)."
    )
    first_timestamp: Annotated[Time, Proto(6)] = Field(
        "", alias="firstTimestamp", description="When it first happened."
    )
    last_timestamp: Annotated[Time, Proto(7)] = Field(
        "", alias="lastTimestamp", description="When it last happened."
    )
    count: Annotated[Int32, Proto(8)] = Field(0, description="How often it happened.")
    type: Annotated[str, Proto(9)] = Field("", description="Normal or Warning.")
    event_time: Annotated[MicroTime, Proto(10)] = Field(
        "", alias="eventTime", description="When it happened."
    )
    series: Annotated[EventSeries | None, Proto(11)] = Field(
        None, description="How often it happened again."
    )
    action: Annotated[str, Proto(12)] = Field("", description="What was done.")
    related: Annotated[ObjectReference | None, Proto(13)] = Field(
        None, description="Another object that it is about."
    )
    reporting_component: Annotated[str, Proto(14)] = Field(
        "", alias="reportingComponent", description="Who reported it."
    )
    reporting_instance: Annotated[str, Proto(15)] = Field(
        "", alias="reportingInstance", description="Which instance of it."
    )
