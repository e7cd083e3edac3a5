"""rbac models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Items, Model, Proto, TypedModel
from apimachinery.types.meta import LabelSelector, ObjectMeta


class AggregationRule(Model):
    """AggregationRule."""

    cluster_role_selectors: Annotated[Items[LabelSelector], Proto(1)] = Field(
        (), alias="clusterRoleSelectors"
    )


class PolicyRule(Model):
    """PolicyRule."""

    verbs: Annotated[Items[str], Proto(1), REQUIRED] = ()
    api_groups: Annotated[Items[str], Proto(2)] = Field((), alias="apiGroups")
    resources: Annotated[Items[str], Proto(3)] = ()
    resource_names: Annotated[Items[str], Proto(4)] = Field((), alias="resourceNames")
    non_resource_urls: Annotated[Items[str], Proto(5)] = Field((), alias="nonResourceURLs")


class ClusterRole(TypedModel):
    """ClusterRole."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    rules: Annotated[Items[PolicyRule], Proto(2)] = ()
    aggregation_rule: Annotated[AggregationRule | None, Proto(3)] = Field(
        None, alias="aggregationRule"
    )


class RoleRef(Model):
    """RoleRef."""

    api_group: Annotated[str, Proto(1)] = Field("", alias="apiGroup")
    kind: Annotated[str, Proto(2), REQUIRED] = ""
    name: Annotated[str, Proto(3), REQUIRED] = ""


class Subject(Model):
    """Subject."""

    kind: Annotated[str, Proto(1), REQUIRED] = ""
    api_group: Annotated[str, Proto(2)] = Field("", alias="apiGroup")
    name: Annotated[str, Proto(3), REQUIRED] = ""
    namespace: Annotated[str, Proto(4)] = ""


class ClusterRoleBinding(TypedModel):
    """ClusterRoleBinding."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    subjects: Annotated[Items[Subject], Proto(2)] = ()
    role_ref: Annotated[RoleRef | None, Proto(3), REQUIRED] = Field(None, alias="roleRef")


class Role(TypedModel):
    """Role."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    rules: Annotated[Items[PolicyRule], Proto(2)] = ()


class RoleBinding(TypedModel):
    """RoleBinding."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    subjects: Annotated[Items[Subject], Proto(2)] = ()
    role_ref: Annotated[RoleRef | None, Proto(3), REQUIRED] = Field(None, alias="roleRef")
