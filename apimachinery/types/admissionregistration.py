"""Webhooks and policies that judge or change what is written."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Bytes,
    Int32,
    Int64,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    TypedModel,
)
from apimachinery.types.meta import Condition, LabelSelector, ObjectMeta


class ApplyConfiguration(Model):
    """A change, as an expression that makes an apply configuration."""

    expression: Annotated[str, Proto(1)] = ""


class AuditAnnotation(Model):
    """What is noted in the audit log."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    value_expression: Annotated[str, Proto(2), REQUIRED] = Field("", alias="valueExpression")


class ExpressionWarning(Model):
    """What is doubtful about an expression."""

    field_ref: Annotated[str, Proto(2), REQUIRED] = Field("", alias="fieldRef")
    warning: Annotated[str, Proto(3), REQUIRED] = ""


class JSONPatch(Model):
    """A change, as an expression that makes a JSON patch."""

    expression: Annotated[str, Proto(1)] = ""


class MatchCondition(Model):
    """An expression that must hold for a request to be looked at."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    expression: Annotated[str, Proto(2), REQUIRED] = ""


class Rule(Model):
    """Which resources."""

    api_groups: Annotated[Items[str], Proto(1), REQUIRED] = Field((), alias="apiGroups")
    api_versions: Annotated[Items[str], Proto(2), REQUIRED] = Field((), alias="apiVersions")
    resources: Annotated[Items[str], Proto(3), REQUIRED] = ()
    scope: Annotated[str, Proto(4)] = ""


class RuleWithOperations(Rule):
    """Which operations on which resources."""

    embedded: ClassVar[Mapping[type[Model], int]] = {Rule: 2}

    operations: Annotated[Items[str], Proto(1)] = ()


class NamedRuleWithOperations(RuleWithOperations):
    """Which operations on which objects."""

    embedded: ClassVar[Mapping[type[Model], int]] = {RuleWithOperations: 2}

    resource_names: Annotated[Items[str], Proto(1)] = Field((), alias="resourceNames")


class MatchResources(Model):
    """Which requests are looked at."""

    namespace_selector: Annotated[LabelSelector | None, Proto(1)] = Field(
        None, alias="namespaceSelector"
    )
    object_selector: Annotated[LabelSelector | None, Proto(2)] = Field(None, alias="objectSelector")
    resource_rules: Annotated[Items[NamedRuleWithOperations], Proto(3)] = Field(
        (), alias="resourceRules"
    )
    exclude_resource_rules: Annotated[Items[NamedRuleWithOperations], Proto(4)] = Field(
        (), alias="excludeResourceRules"
    )
    match_policy: Annotated[str, Proto(7)] = Field("", alias="matchPolicy")


class Mutation(Model):
    """One change that a policy makes."""

    patch_type: Annotated[str, Proto(2), REQUIRED] = Field("", alias="patchType")
    apply_configuration: Annotated[ApplyConfiguration | None, Proto(3)] = Field(
        None, alias="applyConfiguration"
    )
    json_patch: Annotated[JSONPatch | None, Proto(4)] = Field(None, alias="jsonPatch")


class ParamKind(Model):
    """The kind of a policy's parameters."""

    api_version: Annotated[str, Proto(1)] = Field("", alias="apiVersion")
    kind: Annotated[str, Proto(2)] = ""


class Variable(Model):
    """A named expression."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    expression: Annotated[str, Proto(2), REQUIRED] = ""


class MutatingAdmissionPolicySpec(Model):
    """What is wanted of the mutating admission policy."""

    param_kind: Annotated[ParamKind | None, Proto(1)] = Field(None, alias="paramKind")
    match_constraints: Annotated[MatchResources | None, Proto(2)] = Field(
        None, alias="matchConstraints"
    )
    variables: Annotated[Items[Variable], Proto(3)] = ()
    mutations: Annotated[Items[Mutation], Proto(4)] = ()
    failure_policy: Annotated[str, Proto(5)] = Field("", alias="failurePolicy")
    match_conditions: Annotated[
        Items[MatchCondition], Proto(6), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="matchConditions")
    reinvocation_policy: Annotated[str, Proto(7)] = Field("", alias="reinvocationPolicy")


class MutatingAdmissionPolicy(TypedModel):
    """Changes what is written, by expressions."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[MutatingAdmissionPolicySpec, Proto(2)] = Field(
        default_factory=MutatingAdmissionPolicySpec, description="What is wanted."
    )


class ParamRef(Model):
    """Where a policy finds its parameters."""

    name: Annotated[str, Proto(1)] = ""
    namespace: Annotated[str, Proto(2)] = ""
    selector: Annotated[LabelSelector | None, Proto(3)] = None
    parameter_not_found_action: Annotated[str, Proto(4)] = Field(
        "", alias="parameterNotFoundAction"
    )


class MutatingAdmissionPolicyBindingSpec(Model):
    """What is wanted of the mutating admission policy binding."""

    policy_name: Annotated[str, Proto(1)] = Field("", alias="policyName")
    param_ref: Annotated[ParamRef | None, Proto(2)] = Field(None, alias="paramRef")
    match_resources: Annotated[MatchResources | None, Proto(3)] = Field(
        None, alias="matchResources"
    )


class MutatingAdmissionPolicyBinding(TypedModel):
    """Puts a mutating policy into force."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[MutatingAdmissionPolicyBindingSpec, Proto(2)] = Field(
        default_factory=MutatingAdmissionPolicyBindingSpec, description="What is wanted."
    )


class ServiceReference(Model):
    """The service that answers for a webhook."""

    namespace: Annotated[str, Proto(1), REQUIRED] = ""
    name: Annotated[str, Proto(2), REQUIRED] = ""
    path: Annotated[str, Proto(3)] = ""
    port: Annotated[Int32 | None, Proto(4)] = None


class WebhookClientConfig(Model):
    """How a webhook is reached."""

    url: Annotated[str, Proto(3)] = ""
    service: Annotated[ServiceReference | None, Proto(1)] = None
    ca_bundle: Annotated[Bytes, Proto(2)] = Field("", alias="caBundle")


class MutatingWebhook(Model):
    """A webhook that may change what is written."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    client_config: Annotated[WebhookClientConfig | None, Proto(2), REQUIRED] = Field(
        None, alias="clientConfig"
    )
    rules: Annotated[Items[RuleWithOperations], Proto(3)] = ()
    failure_policy: Annotated[str, Proto(4)] = Field("", alias="failurePolicy")
    match_policy: Annotated[str, Proto(9)] = Field("", alias="matchPolicy")
    namespace_selector: Annotated[LabelSelector | None, Proto(5)] = Field(
        None, alias="namespaceSelector"
    )
    object_selector: Annotated[LabelSelector | None, Proto(11)] = Field(
        None, alias="objectSelector"
    )
    side_effects: Annotated[str, Proto(6), REQUIRED] = Field("", alias="sideEffects")
    timeout_seconds: Annotated[Int32 | None, Proto(7)] = Field(None, alias="timeoutSeconds")
    admission_review_versions: Annotated[Items[str], Proto(8), REQUIRED] = Field(
        (), alias="admissionReviewVersions"
    )
    reinvocation_policy: Annotated[str, Proto(10)] = Field("", alias="reinvocationPolicy")
    match_conditions: Annotated[
        Items[MatchCondition], Proto(12), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="matchConditions")


class MutatingWebhookConfiguration(TypedModel):
    """Webhooks that may change what is written."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    webhooks: Annotated[
        Items[MutatingWebhook], Proto(2), MergeKey("name"), ListType("map", "name")
    ] = ()


class TypeChecking(Model):
    """What type checking says about the expressions."""

    expression_warnings: Annotated[Items[ExpressionWarning], Proto(1)] = Field(
        (), alias="expressionWarnings"
    )


class Validation(Model):
    """One expression that must hold."""

    expression: Annotated[str, Proto(1), REQUIRED] = ""
    message: Annotated[str, Proto(2)] = ""
    reason: Annotated[str, Proto(3)] = ""
    message_expression: Annotated[str, Proto(4)] = Field("", alias="messageExpression")


class ValidatingAdmissionPolicySpec(Model):
    """What is wanted of the validating admission policy."""

    param_kind: Annotated[ParamKind | None, Proto(1)] = Field(None, alias="paramKind")
    match_constraints: Annotated[MatchResources | None, Proto(2)] = Field(
        None, alias="matchConstraints"
    )
    validations: Annotated[Items[Validation], Proto(3)] = ()
    failure_policy: Annotated[str, Proto(4)] = Field("", alias="failurePolicy")
    audit_annotations: Annotated[Items[AuditAnnotation], Proto(5)] = Field(
        (), alias="auditAnnotations"
    )
    match_conditions: Annotated[
        Items[MatchCondition], Proto(6), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="matchConditions")
    variables: Annotated[Items[Variable], Proto(7), MergeKey("name"), ListType("map", "name")] = ()


class ValidatingAdmissionPolicyStatus(Model):
    """What was last observed of the validating admission policy."""

    observed_generation: Annotated[Int64, Proto(1)] = Field(0, alias="observedGeneration")
    type_checking: Annotated[TypeChecking | None, Proto(2)] = Field(None, alias="typeChecking")
    conditions: Annotated[Items[Condition], Proto(3), ListType("map", "type")] = ()


class ValidatingAdmissionPolicy(TypedModel):
    """Refuses what is written, by expressions."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ValidatingAdmissionPolicySpec, Proto(2)] = Field(
        default_factory=ValidatingAdmissionPolicySpec, description="What is wanted."
    )
    status: Annotated[ValidatingAdmissionPolicyStatus, Proto(3)] = Field(
        default_factory=ValidatingAdmissionPolicyStatus,
        description="What was last observed; written by the system.",
    )


class ValidatingAdmissionPolicyBindingSpec(Model):
    """What is wanted of the validating admission policy binding."""

    policy_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="policyName")
    param_ref: Annotated[ParamRef | None, Proto(2)] = Field(None, alias="paramRef")
    match_resources: Annotated[MatchResources | None, Proto(3)] = Field(
        None, alias="matchResources"
    )
    validation_actions: Annotated[Items[str], Proto(4), ListType("set"), REQUIRED] = Field(
        (), alias="validationActions"
    )


class ValidatingAdmissionPolicyBinding(TypedModel):
    """Puts a validating policy into force."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ValidatingAdmissionPolicyBindingSpec, Proto(2), REQUIRED] = Field(
        default_factory=ValidatingAdmissionPolicyBindingSpec, description="What is wanted."
    )


class ValidatingWebhook(Model):
    """A webhook that may refuse what is written."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    client_config: Annotated[WebhookClientConfig | None, Proto(2), REQUIRED] = Field(
        None, alias="clientConfig"
    )
    rules: Annotated[Items[RuleWithOperations], Proto(3)] = ()
    failure_policy: Annotated[str, Proto(4)] = Field("", alias="failurePolicy")
    match_policy: Annotated[str, Proto(9)] = Field("", alias="matchPolicy")
    namespace_selector: Annotated[LabelSelector | None, Proto(5)] = Field(
        None, alias="namespaceSelector"
    )
    object_selector: Annotated[LabelSelector | None, Proto(10)] = Field(
        None, alias="objectSelector"
    )
    side_effects: Annotated[str, Proto(6), REQUIRED] = Field("", alias="sideEffects")
    timeout_seconds: Annotated[Int32 | None, Proto(7)] = Field(None, alias="timeoutSeconds")
    admission_review_versions: Annotated[Items[str], Proto(8), REQUIRED] = Field(
        (), alias="admissionReviewVersions"
    )
    match_conditions: Annotated[
        Items[MatchCondition], Proto(11), MergeKey("name"), ListType("map", "name")
    ] = Field((), alias="matchConditions")


class ValidatingWebhookConfiguration(TypedModel):
    """Webhooks that may refuse what is written."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    webhooks: Annotated[
        Items[ValidatingWebhook], Proto(2), MergeKey("name"), ListType("map", "name")
    ] = ()
