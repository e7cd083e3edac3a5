"""What somebody may do: access reviews."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Items, Model, Proto, Strings, TypedModel
from apimachinery.types.meta import FieldSelectorRequirement, LabelSelectorRequirement, ObjectMeta


class FieldSelectorAttributes(Model):
    """Field selectors of a request."""

    raw_selector: Annotated[str, Proto(1)] = Field("", alias="rawSelector")
    requirements: Annotated[Items[FieldSelectorRequirement], Proto(2)] = ()


class LabelSelectorAttributes(Model):
    """Label selectors of a request."""

    raw_selector: Annotated[str, Proto(1)] = Field("", alias="rawSelector")
    requirements: Annotated[Items[LabelSelectorRequirement], Proto(2)] = ()


class NonResourceAttributes(Model):
    """A request for a path."""

    path: Annotated[str, Proto(1)] = ""
    verb: Annotated[str, Proto(2)] = ""


class ResourceAttributes(Model):
    """A request for objects."""

    namespace: Annotated[str, Proto(1)] = ""
    verb: Annotated[str, Proto(2)] = ""
    group: Annotated[str, Proto(3)] = ""
    version: Annotated[str, Proto(4)] = ""
    resource: Annotated[str, Proto(5)] = ""
    subresource: Annotated[str, Proto(6)] = ""
    name: Annotated[str, Proto(7)] = ""
    field_selector: Annotated[FieldSelectorAttributes | None, Proto(8)] = Field(
        None, alias="fieldSelector"
    )
    label_selector: Annotated[LabelSelectorAttributes | None, Proto(9)] = Field(
        None, alias="labelSelector"
    )


class SubjectAccessReviewSpec(Model):
    """What is wanted of the subject access review."""

    resource_attributes: Annotated[ResourceAttributes | None, Proto(1)] = Field(
        None, alias="resourceAttributes"
    )
    non_resource_attributes: Annotated[NonResourceAttributes | None, Proto(2)] = Field(
        None, alias="nonResourceAttributes"
    )
    user: Annotated[str, Proto(3)] = ""
    groups: Annotated[Items[str], Proto(4)] = ()
    extra: Annotated[Mapping[str, Strings], Proto(5)] = Field(default_factory=dict)
    uid: Annotated[str, Proto(6)] = ""


class SubjectAccessReviewStatus(Model):
    """What was last observed of the subject access review."""

    allowed: Annotated[bool, Proto(1), REQUIRED] = False
    denied: Annotated[bool, Proto(4)] = False
    reason: Annotated[str, Proto(2)] = ""
    evaluation_error: Annotated[str, Proto(3)] = Field("", alias="evaluationError")


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

    verbs: Annotated[Items[str], Proto(1), REQUIRED] = ()
    non_resource_urls: Annotated[Items[str], Proto(2)] = Field((), alias="nonResourceURLs")


class ResourceRule(Model):
    """Objects that are allowed."""

    verbs: Annotated[Items[str], Proto(1), REQUIRED] = ()
    api_groups: Annotated[Items[str], Proto(2)] = Field((), alias="apiGroups")
    resources: Annotated[Items[str], Proto(3)] = ()
    resource_names: Annotated[Items[str], Proto(4)] = Field((), alias="resourceNames")


class SelfSubjectAccessReviewSpec(Model):
    """What is wanted of the self subject access review."""

    resource_attributes: Annotated[ResourceAttributes | None, Proto(1)] = Field(
        None, alias="resourceAttributes"
    )
    non_resource_attributes: Annotated[NonResourceAttributes | None, Proto(2)] = Field(
        None, alias="nonResourceAttributes"
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

    namespace: Annotated[str, Proto(1)] = ""


class SubjectRulesReviewStatus(Model):
    """What was last observed of the subject rules review."""

    resource_rules: Annotated[Items[ResourceRule], Proto(1), REQUIRED] = Field(
        (), alias="resourceRules"
    )
    non_resource_rules: Annotated[Items[NonResourceRule], Proto(2), REQUIRED] = Field(
        (), alias="nonResourceRules"
    )
    incomplete: Annotated[bool, Proto(3), REQUIRED] = False
    evaluation_error: Annotated[str, Proto(4)] = Field("", alias="evaluationError")


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
