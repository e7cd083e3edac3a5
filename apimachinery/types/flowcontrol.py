"""Which requests wait for which, and how many run at once."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
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


class ExemptPriorityLevelConfiguration(Model):
    """Shares that a level without limits gives up."""

    nominal_concurrency_shares: Annotated[Int32 | None, Proto(1)] = Field(
        None, alias="nominalConcurrencyShares"
    )
    lendable_percent: Annotated[Int32 | None, Proto(2)] = Field(None, alias="lendablePercent")


class FlowDistinguisherMethod(Model):
    """What makes two requests belong to different flows."""

    type: Annotated[str, Proto(1), REQUIRED] = ""


class NonResourcePolicyRule(Model):
    """Requests for paths that are no objects."""

    verbs: Annotated[Items[str], Proto(1), ListType("set"), REQUIRED] = ()
    non_resource_urls: Annotated[Items[str], Proto(6), ListType("set"), REQUIRED] = Field(
        (), alias="nonResourceURLs"
    )


class ResourcePolicyRule(Model):
    """Requests for objects."""

    verbs: Annotated[Items[str], Proto(1), ListType("set"), REQUIRED] = ()
    api_groups: Annotated[Items[str], Proto(2), ListType("set"), REQUIRED] = Field(
        (), alias="apiGroups"
    )
    resources: Annotated[Items[str], Proto(3), ListType("set"), REQUIRED] = ()
    cluster_scope: Annotated[bool, Proto(4)] = Field(False, alias="clusterScope")
    namespaces: Annotated[Items[str], Proto(5), ListType("set")] = ()


class GroupSubject(Model):
    """A group of users."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class ServiceAccountSubject(Model):
    """A service account."""

    namespace: Annotated[str, Proto(1), REQUIRED] = ""
    name: Annotated[str, Proto(2), REQUIRED] = ""


class UserSubject(Model):
    """A user."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class Subject(Model):
    """Who asks."""

    kind: Annotated[str, Proto(1), REQUIRED] = ""
    user: Annotated[UserSubject | None, Proto(2)] = None
    group: Annotated[GroupSubject | None, Proto(3)] = None
    service_account: Annotated[ServiceAccountSubject | None, Proto(4)] = Field(
        None, alias="serviceAccount"
    )


class PolicyRulesWithSubjects(Model):
    """Who asks, and for what."""

    subjects: Annotated[Items[Subject], Proto(1), REQUIRED] = ()
    resource_rules: Annotated[Items[ResourcePolicyRule], Proto(2)] = Field(
        (), alias="resourceRules"
    )
    non_resource_rules: Annotated[Items[NonResourcePolicyRule], Proto(3)] = Field(
        (), alias="nonResourceRules"
    )


class PriorityLevelConfigurationReference(Model):
    """Names a priority level."""

    name: Annotated[str, Proto(1), REQUIRED] = ""


class FlowSchemaSpec(Model):
    """What is wanted of the flow schema."""

    priority_level_configuration: Annotated[
        PriorityLevelConfigurationReference | None, Proto(1), REQUIRED
    ] = Field(None, alias="priorityLevelConfiguration")
    matching_precedence: Annotated[Int32, Proto(2)] = Field(0, alias="matchingPrecedence")
    distinguisher_method: Annotated[FlowDistinguisherMethod | None, Proto(3)] = Field(
        None, alias="distinguisherMethod"
    )
    rules: Annotated[Items[PolicyRulesWithSubjects], Proto(4)] = ()


class FlowSchemaCondition(Model):
    """One aspect of the state of the flow schema, and when it changed."""

    type: Annotated[str, Proto(1)] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2)] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class FlowSchemaStatus(Model):
    """What was last observed of the flow schema."""

    conditions: Annotated[
        Items[FlowSchemaCondition], Proto(1), MergeKey("type"), ListType("map", "type")
    ] = ()


class FlowSchema(TypedModel):
    """Which requests go to which priority level."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[FlowSchemaSpec, Proto(2)] = Field(
        default_factory=FlowSchemaSpec, description="What is wanted."
    )
    status: Annotated[FlowSchemaStatus, Proto(3)] = Field(
        default_factory=FlowSchemaStatus,
        description="What was last observed; written by the system.",
    )


class QueuingConfiguration(Model):
    """The queues of a priority level."""

    queues: Annotated[Int32, Proto(1)] = 0
    hand_size: Annotated[Int32, Proto(2)] = Field(0, alias="handSize")
    queue_length_limit: Annotated[Int32, Proto(3)] = Field(0, alias="queueLengthLimit")


class LimitResponse(Model):
    """What happens to requests that cannot run at once."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    queuing: Annotated[QueuingConfiguration | None, Proto(2)] = None


class LimitedPriorityLevelConfiguration(Model):
    """How many requests of a level run at once."""

    nominal_concurrency_shares: Annotated[Int32 | None, Proto(1)] = Field(
        None, alias="nominalConcurrencyShares"
    )
    limit_response: Annotated[LimitResponse | None, Proto(2)] = Field(None, alias="limitResponse")
    lendable_percent: Annotated[Int32 | None, Proto(3)] = Field(None, alias="lendablePercent")
    borrowing_limit_percent: Annotated[Int32 | None, Proto(4)] = Field(
        None, alias="borrowingLimitPercent"
    )


class PriorityLevelConfigurationSpec(Model):
    """What is wanted of the priority level configuration."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    limited: Annotated[LimitedPriorityLevelConfiguration | None, Proto(2)] = None
    exempt: Annotated[ExemptPriorityLevelConfiguration | None, Proto(3)] = None


class PriorityLevelConfigurationCondition(Model):
    """One aspect of the state of the priority level configuration, and when it changed."""

    type: Annotated[str, Proto(1)] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2)] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class PriorityLevelConfigurationStatus(Model):
    """What was last observed of the priority level configuration."""

    conditions: Annotated[
        Items[PriorityLevelConfigurationCondition],
        Proto(1),
        MergeKey("type"),
        ListType("map", "type"),
    ] = ()


class PriorityLevelConfiguration(TypedModel):
    """How requests of one priority are limited."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PriorityLevelConfigurationSpec, Proto(2)] = Field(
        default_factory=PriorityLevelConfigurationSpec, description="What is wanted."
    )
    status: Annotated[PriorityLevelConfigurationStatus, Proto(3)] = Field(
        default_factory=PriorityLevelConfigurationStatus,
        description="What was last observed; written by the system.",
    )
