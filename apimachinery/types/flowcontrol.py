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
        None, alias="nominalConcurrencyShares", description="Its shares."
    )
    lendable_percent: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="lendablePercent", description="Percent of them that others may borrow."
    )


class FlowDistinguisherMethod(Model):
    """What makes two requests belong to different flows."""

    type: Annotated[str, Proto(1), REQUIRED] = Field("", description="ByUser or ByNamespace.")


class NonResourcePolicyRule(Model):
    """Requests for paths that are no objects."""

    verbs: Annotated[Items[str], Proto(1), ListType("set"), REQUIRED] = Field(
        (), description="The methods."
    )
    non_resource_urls: Annotated[Items[str], Proto(6), ListType("set"), REQUIRED] = Field(
        (), alias="nonResourceURLs", description="The paths."
    )


class ResourcePolicyRule(Model):
    """Requests for objects."""

    verbs: Annotated[Items[str], Proto(1), ListType("set"), REQUIRED] = Field(
        (), description="The verbs."
    )
    api_groups: Annotated[Items[str], Proto(2), ListType("set"), REQUIRED] = Field(
        (), alias="apiGroups", description="The groups."
    )
    resources: Annotated[Items[str], Proto(3), ListType("set"), REQUIRED] = Field(
        (), description="The resources."
    )
    cluster_scope: Annotated[bool, Proto(4)] = Field(
        False, alias="clusterScope", description="Whether requests without a namespace count."
    )
    namespaces: Annotated[Items[str], Proto(5), ListType("set")] = Field(
        (), description="The namespaces."
    )


class GroupSubject(Model):
    """A group of users."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The group; * is every one.")


class ServiceAccountSubject(Model):
    """A service account."""

    namespace: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its namespace.")
    name: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its name; * is every one.")


class UserSubject(Model):
    """A user."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="The user; * is every one.")


class Subject(Model):
    """Who asks."""

    kind: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="User, Group or ServiceAccount."
    )
    user: Annotated[UserSubject | None, Proto(2)] = Field(None, description="For User.")
    group: Annotated[GroupSubject | None, Proto(3)] = Field(None, description="For Group.")
    service_account: Annotated[ServiceAccountSubject | None, Proto(4)] = Field(
        None, alias="serviceAccount", description="For ServiceAccount."
    )


class PolicyRulesWithSubjects(Model):
    """Who asks, and for what."""

    subjects: Annotated[Items[Subject], Proto(1), REQUIRED] = Field((), description="Who asks.")
    resource_rules: Annotated[Items[ResourcePolicyRule], Proto(2)] = Field(
        (), alias="resourceRules", description="For which objects."
    )
    non_resource_rules: Annotated[Items[NonResourcePolicyRule], Proto(3)] = Field(
        (), alias="nonResourceRules", description="For which paths."
    )


class PriorityLevelConfigurationReference(Model):
    """Names a priority level."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")


class FlowSchemaSpec(Model):
    """What is wanted of the flow schema."""

    priority_level_configuration: Annotated[
        PriorityLevelConfigurationReference | None, Proto(1), REQUIRED
    ] = Field(None, alias="priorityLevelConfiguration", description="The level.")
    matching_precedence: Annotated[Int32, Proto(2)] = Field(
        0, alias="matchingPrecedence", description="Lower ones are looked at first."
    )
    distinguisher_method: Annotated[FlowDistinguisherMethod | None, Proto(3)] = Field(
        None, alias="distinguisherMethod", description="What makes different flows."
    )
    rules: Annotated[Items[PolicyRulesWithSubjects], Proto(4)] = Field(
        (), description="Which requests."
    )


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
    ] = Field((), description="Aspects of its state.")


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

    queues: Annotated[Int32, Proto(1)] = Field(0, description="How many queues.")
    hand_size: Annotated[Int32, Proto(2)] = Field(
        0, alias="handSize", description="How many of them a flow may use."
    )
    queue_length_limit: Annotated[Int32, Proto(3)] = Field(
        0, alias="queueLengthLimit", description="The most that may wait in one."
    )


class LimitResponse(Model):
    """What happens to requests that cannot run at once."""

    type: Annotated[str, Proto(1), REQUIRED] = Field("", description="Queue or Reject.")
    queuing: Annotated[QueuingConfiguration | None, Proto(2)] = Field(
        None, description="For Queue."
    )


class LimitedPriorityLevelConfiguration(Model):
    """How many requests of a level run at once."""

    nominal_concurrency_shares: Annotated[Int32 | None, Proto(1)] = Field(
        None, alias="nominalConcurrencyShares", description="Its shares."
    )
    limit_response: Annotated[LimitResponse | None, Proto(2)] = Field(
        None, alias="limitResponse", description="What happens beyond."
    )
    lendable_percent: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="lendablePercent", description="Percent of them that others may borrow."
    )
    borrowing_limit_percent: Annotated[Int32 | None, Proto(4)] = Field(
        None, alias="borrowingLimitPercent", description="Percent that it may borrow."
    )


class PriorityLevelConfigurationSpec(Model):
    """What is wanted of the priority level configuration."""

    type: Annotated[str, Proto(1), REQUIRED] = Field("", description="Exempt or Limited.")
    limited: Annotated[LimitedPriorityLevelConfiguration | None, Proto(2)] = Field(
        None, description="For Limited."
    )
    exempt: Annotated[ExemptPriorityLevelConfiguration | None, Proto(3)] = Field(
        None, description="For Exempt."
    )


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
    ] = Field((), description="Aspects of its state.")


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
