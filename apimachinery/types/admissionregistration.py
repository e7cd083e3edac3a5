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

    expression: Annotated[str, Proto(1)] = Field("", description="Makes the apply configuration.")


class AuditAnnotation(Model):
    """What is noted in the audit log."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its key.")
    value_expression: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="valueExpression", description="Makes its value, or null for none."
    )


class ExpressionWarning(Model):
    """What is doubtful about an expression."""

    field_ref: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="fieldRef", description="Where the expression is."
    )
    warning: Annotated[str, Proto(3), REQUIRED] = Field("", description="What is doubtful.")


class JSONPatch(Model):
    """A change, as an expression that makes a JSON patch."""

    expression: Annotated[str, Proto(1)] = Field("", description="Makes the patch.")


class MatchCondition(Model):
    """An expression that must hold for a request to be looked at."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")
    expression: Annotated[str, Proto(2), REQUIRED] = Field("", description="What must hold.")


class Rule(Model):
    """Which resources."""

    api_groups: Annotated[Items[str], Proto(1), REQUIRED] = Field(
        (), alias="apiGroups", description="The groups; * is every one."
    )
    api_versions: Annotated[Items[str], Proto(2), REQUIRED] = Field(
        (), alias="apiVersions", description="The versions."
    )
    resources: Annotated[Items[str], Proto(3), REQUIRED] = Field(
        (), description="The resources, such as pods or pods/status."
    )
    scope: Annotated[str, Proto(4)] = Field("", description="Cluster, Namespaced or *.")


class RuleWithOperations(Rule):
    """Which operations on which resources."""

    embedded: ClassVar[Mapping[type[Model], int]] = {Rule: 2}

    operations: Annotated[Items[str], Proto(1)] = Field(
        (), description="CREATE, UPDATE, DELETE, CONNECT or *."
    )


class NamedRuleWithOperations(RuleWithOperations):
    """Which operations on which objects."""

    embedded: ClassVar[Mapping[type[Model], int]] = {RuleWithOperations: 2}

    resource_names: Annotated[Items[str], Proto(1)] = Field(
        (), alias="resourceNames", description="Only objects with these names."
    )


class MatchResources(Model):
    """Which requests are looked at."""

    namespace_selector: Annotated[LabelSelector | None, Proto(1)] = Field(
        None, alias="namespaceSelector", description="Only objects in namespaces with such labels."
    )
    object_selector: Annotated[LabelSelector | None, Proto(2)] = Field(
        None, alias="objectSelector", description="Only objects with such labels."
    )
    resource_rules: Annotated[Items[NamedRuleWithOperations], Proto(3)] = Field(
        (), alias="resourceRules", description="Which requests."
    )
    exclude_resource_rules: Annotated[Items[NamedRuleWithOperations], Proto(4)] = Field(
        (), alias="excludeResourceRules", description="Which requests not, whatever the others say."
    )
    match_policy: Annotated[str, Proto(7)] = Field(
        "",
        alias="matchPolicy",
        description="Exact, or Equivalent: other versions of a resource count too.",
    )


class Mutation(Model):
    """One change that a policy makes."""

    patch_type: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="patchType", description="ApplyConfiguration or JSONPatch."
    )
    apply_configuration: Annotated[ApplyConfiguration | None, Proto(3)] = Field(
        None, alias="applyConfiguration", description="For the first."
    )
    json_patch: Annotated[JSONPatch | None, Proto(4)] = Field(
        None, alias="jsonPatch", description="For the second."
    )


class ParamKind(Model):
    """The kind of a policy's parameters."""

    api_version: Annotated[str, Proto(1)] = Field(
        "", alias="apiVersion", description="Its group and version."
    )
    kind: Annotated[str, Proto(2)] = Field("", description="Its kind.")


class Variable(Model):
    """A named expression."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")
    expression: Annotated[str, Proto(2), REQUIRED] = Field("", description="What it stands for.")


class MutatingAdmissionPolicySpec(Model):
    """What is wanted of the mutating admission policy."""

    param_kind: Annotated[ParamKind | None, Proto(1)] = Field(
        None, alias="paramKind", description="The kind of its parameters."
    )
    match_constraints: Annotated[MatchResources | None, Proto(2)] = Field(
        None, alias="matchConstraints", description="Which requests."
    )
    variables: Annotated[Items[Variable], Proto(3)] = Field(
        (), description="Named expressions for the others."
    )
    mutations: Annotated[Items[Mutation], Proto(4)] = Field(
        (), description="The changes, in order."
    )
    failure_policy: Annotated[str, Proto(5)] = Field(
        "", alias="failurePolicy", description="What an error means: Fail or Ignore."
    )
    match_conditions: Annotated[
        Items[MatchCondition], Proto(6), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (),
        alias="matchConditions",
        description="Expressions that must hold for a request to be looked at.",
    )
    reinvocation_policy: Annotated[str, Proto(7)] = Field(
        "", alias="reinvocationPolicy", description="Never, or IfNeeded: again after later changes."
    )


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

    name: Annotated[str, Proto(1)] = Field("", description="Their name.")
    namespace: Annotated[str, Proto(2)] = Field(
        "", description="Their namespace; that of the request where absent."
    )
    selector: Annotated[LabelSelector | None, Proto(3)] = Field(
        None, description="Their labels, instead of a name."
    )
    parameter_not_found_action: Annotated[str, Proto(4)] = Field(
        "", alias="parameterNotFoundAction", description="What their absence means: Allow or Deny."
    )


class MutatingAdmissionPolicyBindingSpec(Model):
    """What is wanted of the mutating admission policy binding."""

    policy_name: Annotated[str, Proto(1)] = Field("", alias="policyName", description="The policy.")
    param_ref: Annotated[ParamRef | None, Proto(2)] = Field(
        None, alias="paramRef", description="Its parameters."
    )
    match_resources: Annotated[MatchResources | None, Proto(3)] = Field(
        None, alias="matchResources", description="Which of the policy's requests."
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

    namespace: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its namespace.")
    name: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its name.")
    path: Annotated[str, Proto(3)] = Field("", description="Path of requests.")
    port: Annotated[Int32 | None, Proto(4)] = Field(None, description="Its port; 443 where absent.")


class WebhookClientConfig(Model):
    """How a webhook is reached."""

    url: Annotated[str, Proto(3)] = Field("", description="Its address, instead of a service.")
    service: Annotated[ServiceReference | None, Proto(1)] = Field(
        None, description="The service that answers."
    )
    ca_bundle: Annotated[Bytes, Proto(2)] = Field(
        "", alias="caBundle", description="Certificates that its certificate is checked with."
    )


class MutatingWebhook(Model):
    """A webhook that may change what is written."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name, a domain.")
    client_config: Annotated[WebhookClientConfig | None, Proto(2), REQUIRED] = Field(
        None, alias="clientConfig", description="How it is reached."
    )
    rules: Annotated[Items[RuleWithOperations], Proto(3)] = Field((), description="Which requests.")
    failure_policy: Annotated[str, Proto(4)] = Field(
        "", alias="failurePolicy", description="What an error means: Fail or Ignore."
    )
    match_policy: Annotated[str, Proto(9)] = Field(
        "", alias="matchPolicy", description="Exact or Equivalent."
    )
    namespace_selector: Annotated[LabelSelector | None, Proto(5)] = Field(
        None, alias="namespaceSelector", description="Only objects in namespaces with such labels."
    )
    object_selector: Annotated[LabelSelector | None, Proto(11)] = Field(
        None, alias="objectSelector", description="Only objects with such labels."
    )
    side_effects: Annotated[str, Proto(6), REQUIRED] = Field(
        "", alias="sideEffects", description="None or NoneOnDryRun."
    )
    timeout_seconds: Annotated[Int32 | None, Proto(7)] = Field(
        None, alias="timeoutSeconds", description="How long it may take, 1 to 30; 10 where absent."
    )
    admission_review_versions: Annotated[Items[str], Proto(8), REQUIRED] = Field(
        (), alias="admissionReviewVersions", description="Versions of reviews that it knows."
    )
    reinvocation_policy: Annotated[str, Proto(10)] = Field(
        "", alias="reinvocationPolicy", description="Never, or IfNeeded: again after later changes."
    )
    match_conditions: Annotated[
        Items[MatchCondition], Proto(12), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (), alias="matchConditions", description="Expressions that must hold for it to be asked."
    )


class MutatingWebhookConfiguration(TypedModel):
    """Webhooks that may change what is written."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    webhooks: Annotated[
        Items[MutatingWebhook], Proto(2), MergeKey("name"), ListType("map", "name")
    ] = Field((), description="The webhooks, asked in order.")


class TypeChecking(Model):
    """What type checking says about the expressions."""

    expression_warnings: Annotated[Items[ExpressionWarning], Proto(1)] = Field(
        (), alias="expressionWarnings", description="The warnings."
    )


class Validation(Model):
    """One expression that must hold."""

    expression: Annotated[str, Proto(1), REQUIRED] = Field("", description="What must hold.")
    message: Annotated[str, Proto(2)] = Field("", description="What to say when it does not.")
    reason: Annotated[str, Proto(3)] = Field("", description="Reason of the refusal.")
    message_expression: Annotated[str, Proto(4)] = Field(
        "", alias="messageExpression", description="Makes the message."
    )


class ValidatingAdmissionPolicySpec(Model):
    """What is wanted of the validating admission policy."""

    param_kind: Annotated[ParamKind | None, Proto(1)] = Field(
        None, alias="paramKind", description="The kind of its parameters."
    )
    match_constraints: Annotated[MatchResources | None, Proto(2)] = Field(
        None, alias="matchConstraints", description="Which requests."
    )
    validations: Annotated[Items[Validation], Proto(3)] = Field((), description="What must hold.")
    failure_policy: Annotated[str, Proto(4)] = Field(
        "", alias="failurePolicy", description="What an error means: Fail or Ignore."
    )
    audit_annotations: Annotated[Items[AuditAnnotation], Proto(5)] = Field(
        (), alias="auditAnnotations", description="What is noted in the audit log."
    )
    match_conditions: Annotated[
        Items[MatchCondition], Proto(6), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (),
        alias="matchConditions",
        description="Expressions that must hold for a request to be looked at.",
    )
    variables: Annotated[Items[Variable], Proto(7), MergeKey("name"), ListType("map", "name")] = (
        Field((), description="Named expressions for the others.")
    )


class ValidatingAdmissionPolicyStatus(Model):
    """What was last observed of the validating admission policy."""

    observed_generation: Annotated[Int64, Proto(1)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    type_checking: Annotated[TypeChecking | None, Proto(2)] = Field(
        None, alias="typeChecking", description="What type checking says."
    )
    conditions: Annotated[Items[Condition], Proto(3), ListType("map", "type")] = Field(
        (), description="Aspects of its state."
    )


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

    policy_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="policyName", description="The policy."
    )
    param_ref: Annotated[ParamRef | None, Proto(2)] = Field(
        None, alias="paramRef", description="Its parameters."
    )
    match_resources: Annotated[MatchResources | None, Proto(3)] = Field(
        None, alias="matchResources", description="Which of the policy's requests."
    )
    validation_actions: Annotated[Items[str], Proto(4), ListType("set"), REQUIRED] = Field(
        (),
        alias="validationActions",
        description="What a failed validation does: Deny, Warn, Audit.",
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

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name, a domain.")
    client_config: Annotated[WebhookClientConfig | None, Proto(2), REQUIRED] = Field(
        None, alias="clientConfig", description="How it is reached."
    )
    rules: Annotated[Items[RuleWithOperations], Proto(3)] = Field((), description="Which requests.")
    failure_policy: Annotated[str, Proto(4)] = Field(
        "", alias="failurePolicy", description="What an error means: Fail or Ignore."
    )
    match_policy: Annotated[str, Proto(9)] = Field(
        "", alias="matchPolicy", description="Exact or Equivalent."
    )
    namespace_selector: Annotated[LabelSelector | None, Proto(5)] = Field(
        None, alias="namespaceSelector", description="Only objects in namespaces with such labels."
    )
    object_selector: Annotated[LabelSelector | None, Proto(10)] = Field(
        None, alias="objectSelector", description="Only objects with such labels."
    )
    side_effects: Annotated[str, Proto(6), REQUIRED] = Field(
        "", alias="sideEffects", description="None or NoneOnDryRun."
    )
    timeout_seconds: Annotated[Int32 | None, Proto(7)] = Field(
        None, alias="timeoutSeconds", description="How long it may take, 1 to 30; 10 where absent."
    )
    admission_review_versions: Annotated[Items[str], Proto(8), REQUIRED] = Field(
        (), alias="admissionReviewVersions", description="Versions of reviews that it knows."
    )
    match_conditions: Annotated[
        Items[MatchCondition], Proto(11), MergeKey("name"), ListType("map", "name")
    ] = Field(
        (), alias="matchConditions", description="Expressions that must hold for it to be asked."
    )


class ValidatingWebhookConfiguration(TypedModel):
    """Webhooks that may refuse what is written."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    webhooks: Annotated[
        Items[ValidatingWebhook], Proto(2), MergeKey("name"), ListType("map", "name")
    ] = Field((), description="The webhooks, asked all at once.")
