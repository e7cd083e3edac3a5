"""What somebody may do: access reviews."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Items, Model, Proto, Strings, TypedModel
from apimachinery.types.meta import FieldSelectorRequirement, LabelSelectorRequirement, ObjectMeta


class FieldSelectorAttributes(Model):
    """Field selectors of a request."""

    raw_selector: Annotated[str, Proto(1)] = Field(
        "", alias="rawSelector", description="The selector as text."
    )
    requirements: Annotated[Items[FieldSelectorRequirement], Proto(2)] = Field(
        (), description="The selector taken apart."
    )


class LabelSelectorAttributes(Model):
    """Label selectors of a request."""

    raw_selector: Annotated[str, Proto(1)] = Field(
        "", alias="rawSelector", description="The selector as text."
    )
    requirements: Annotated[Items[LabelSelectorRequirement], Proto(2)] = Field(
        (), description="The selector taken apart."
    )


class NonResourceAttributes(Model):
    """A request for a path."""

    path: Annotated[str, Proto(1)] = Field("", description="The path.")
    verb: Annotated[str, Proto(2)] = Field("", description="The method, in lower case.")


class ResourceAttributes(Model):
    """A request for objects."""

    namespace: Annotated[str, Proto(1)] = Field(
        "", description="The namespace; none for all, or for cluster-scoped kinds."
    )
    verb: Annotated[str, Proto(2)] = Field("", description="The verb.")
    group: Annotated[str, Proto(3)] = Field("", description="The group.")
    version: Annotated[str, Proto(4)] = Field("", description="The version.")
    resource: Annotated[str, Proto(5)] = Field("", description="The resource.")
    subresource: Annotated[str, Proto(6)] = Field("", description="The subresource.")
    name: Annotated[str, Proto(7)] = Field("", description="Name of the object; none for all.")
    field_selector: Annotated[FieldSelectorAttributes | None, Proto(8)] = Field(
        None, alias="fieldSelector", description="Field selector of the request."
    )
    label_selector: Annotated[LabelSelectorAttributes | None, Proto(9)] = Field(
        None, alias="labelSelector", description="Label selector of the request."
    )


class SubjectAccessReviewSpec(Model):
    """What is wanted of the subject access review."""

    resource_attributes: Annotated[ResourceAttributes | None, Proto(1)] = Field(
        None, alias="resourceAttributes", description="A request for objects."
    )
    non_resource_attributes: Annotated[NonResourceAttributes | None, Proto(2)] = Field(
        None, alias="nonResourceAttributes", description="A request for a path."
    )
    user: Annotated[str, Proto(3)] = Field("", description="Who asks.")
    groups: Annotated[Items[str], Proto(4)] = Field((), description="Their groups.")
    extra: Annotated[Mapping[str, Strings], Proto(5)] = Field(
        default_factory=dict, description="Whatever else is known of them."
    )
    uid: Annotated[str, Proto(6)] = Field("", description="Their id.")


class SubjectAccessReviewStatus(Model):
    """What was last observed of the subject access review."""

    allowed: Annotated[bool, Proto(1), REQUIRED] = Field(
        False, description="Whether it is allowed."
    )
    denied: Annotated[bool, Proto(4)] = Field(False, description="Whether it is refused for good.")
    reason: Annotated[str, Proto(2)] = Field("", description="Why.")
    evaluation_error: Annotated[str, Proto(3)] = Field(
        "", alias="evaluationError", description="What went wrong in finding out."
    )


class LocalSubjectAccessReview(TypedModel):
    """Asks what somebody may do in one namespace."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[SubjectAccessReviewSpec, Proto(2), REQUIRED] = Field(
        default_factory=SubjectAccessReviewSpec, description="What is wanted."
    )
    status: Annotated[SubjectAccessReviewStatus, Proto(3)] = Field(
        default_factory=SubjectAccessReviewStatus,
        description="What was last observed; written by the system.",
    )


class NonResourceRule(Model):
    """Paths that are allowed."""

    verbs: Annotated[Items[str], Proto(1), REQUIRED] = Field((), description="The methods.")
    non_resource_urls: Annotated[Items[str], Proto(2)] = Field(
        (), alias="nonResourceURLs", description="The paths."
    )


class ResourceRule(Model):
    """Objects that are allowed."""

    verbs: Annotated[Items[str], Proto(1), REQUIRED] = Field((), description="The verbs.")
    api_groups: Annotated[Items[str], Proto(2)] = Field(
        (), alias="apiGroups", description="The groups."
    )
    resources: Annotated[Items[str], Proto(3)] = Field((), description="The resources.")
    resource_names: Annotated[Items[str], Proto(4)] = Field(
        (), alias="resourceNames", description="Only objects with these names."
    )


class SelfSubjectAccessReviewSpec(Model):
    """What is wanted of the self subject access review."""

    resource_attributes: Annotated[ResourceAttributes | None, Proto(1)] = Field(
        None, alias="resourceAttributes", description="A request for objects."
    )
    non_resource_attributes: Annotated[NonResourceAttributes | None, Proto(2)] = Field(
        None, alias="nonResourceAttributes", description="A request for a path."
    )


class SelfSubjectAccessReview(TypedModel):
    """Asks what one may do oneself."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[SelfSubjectAccessReviewSpec, Proto(2), REQUIRED] = Field(
        default_factory=SelfSubjectAccessReviewSpec, description="What is wanted."
    )
    status: Annotated[SubjectAccessReviewStatus, Proto(3)] = Field(
        default_factory=SubjectAccessReviewStatus,
        description="What was last observed; written by the system.",
    )


class SelfSubjectRulesReviewSpec(Model):
    """What is wanted of the self subject rules review."""

    namespace: Annotated[str, Proto(1)] = Field("", description="The namespace.")


class SubjectRulesReviewStatus(Model):
    """What was last observed of the subject rules review."""

    resource_rules: Annotated[Items[ResourceRule], Proto(1), REQUIRED] = Field(
        (), alias="resourceRules", description="Objects that are allowed."
    )
    non_resource_rules: Annotated[Items[NonResourceRule], Proto(2), REQUIRED] = Field(
        (), alias="nonResourceRules", description="Paths that are allowed."
    )
    incomplete: Annotated[bool, Proto(3), REQUIRED] = Field(
        False, description="Whether there may be more."
    )
    evaluation_error: Annotated[str, Proto(4)] = Field(
        "", alias="evaluationError", description="What went wrong in finding out."
    )


class SelfSubjectRulesReview(TypedModel):
    """Asks for all that one may do in a namespace."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[SelfSubjectRulesReviewSpec, Proto(2), REQUIRED] = Field(
        default_factory=SelfSubjectRulesReviewSpec, description="What is wanted."
    )
    status: Annotated[SubjectRulesReviewStatus, Proto(3)] = Field(
        default_factory=SubjectRulesReviewStatus,
        description="What was last observed; written by the system.",
    )


class SubjectAccessReview(TypedModel):
    """Asks what somebody may do."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[SubjectAccessReviewSpec, Proto(2), REQUIRED] = Field(
        default_factory=SubjectAccessReviewSpec, description="What is wanted."
    )
    status: Annotated[SubjectAccessReviewStatus, Proto(3)] = Field(
        default_factory=SubjectAccessReviewStatus,
        description="What was last observed; written by the system.",
    )
