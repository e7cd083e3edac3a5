"""Group versions that other servers serve."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Bytes,
    Int32,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    Time,
    TypedModel,
)
from apimachinery.types.meta import ObjectMeta


class ServiceReference(Model):
    """The service that answers for a group version."""

    namespace: Annotated[str, Proto(1)] = Field("", description="Its namespace.")
    name: Annotated[str, Proto(2)] = Field("", description="Its name.")
    port: Annotated[Int32 | None, Proto(3)] = Field(None, description="Its port; 443 where absent.")


class APIServiceSpec(Model):
    """What is wanted of the api service."""

    service: Annotated[ServiceReference | None, Proto(1)] = Field(
        None, description="The service that answers; none for what this server serves."
    )
    group: Annotated[str, Proto(2)] = Field("", description="The group.")
    version: Annotated[str, Proto(3)] = Field("", description="The version.")
    insecure_skip_tls_verify: Annotated[bool, Proto(4)] = Field(
        False, alias="insecureSkipTLSVerify", description="Do not check its certificate."
    )
    ca_bundle: Annotated[Bytes, Proto(5)] = Field(
        "", alias="caBundle", description="Certificates that its certificate is checked with."
    )
    group_priority_minimum: Annotated[Int32, Proto(7), REQUIRED] = Field(
        0,
        alias="groupPriorityMinimum",
        description="Place of the group in discovery; higher is first.",
    )
    version_priority: Annotated[Int32, Proto(8), REQUIRED] = Field(
        0, alias="versionPriority", description="Place of the version in its group."
    )


class APIServiceCondition(Model):
    """One aspect of the state of the api service, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class APIServiceStatus(Model):
    """What was last observed of the api service."""

    conditions: Annotated[
        Items[APIServiceCondition], Proto(1), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state: Available.")


class APIService(TypedModel):
    """A group version that another server serves."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[APIServiceSpec, Proto(2)] = Field(
        default_factory=APIServiceSpec, description="What is wanted."
    )
    status: Annotated[APIServiceStatus, Proto(3)] = Field(
        default_factory=APIServiceStatus,
        description="What was last observed; written by the system.",
    )
