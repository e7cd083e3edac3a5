"""Who may do what: roles and their bindings."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Items, Model, Proto, TypedModel
from apimachinery.types.meta import LabelSelector, ObjectMeta


class AggregationRule(Model):
    """Which cluster roles are added together."""

    cluster_role_selectors: Annotated[Items[LabelSelector], Proto(1)] = Field(
        (),
        alias="clusterRoleSelectors",
        description="Labels of those cluster roles; one match is enough.",
    )


class PolicyRule(Model):
    """What is allowed."""

    verbs: Annotated[Items[str], Proto(1), REQUIRED] = Field(
        (), description="The verbs; * is every one."
    )
    api_groups: Annotated[Items[str], Proto(2)] = Field(
        (), alias="apiGroups", description='The groups; "" is the core group, * every one.'
    )
    resources: Annotated[Items[str], Proto(3)] = Field(
        (), description="The resources, such as pods or pods/log; * is every one."
    )
    resource_names: Annotated[Items[str], Proto(4)] = Field(
        (), alias="resourceNames", description="Only objects with these names."
    )
    non_resource_urls: Annotated[Items[str], Proto(5)] = Field(
        (), alias="nonResourceURLs", description="Paths that are no objects, such as /metrics."
    )


class ClusterRole(TypedModel):
    """Permissions for the whole cluster, or to be given in single namespaces."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    rules: Annotated[Items[PolicyRule], Proto(2)] = Field((), description="What is allowed.")
    aggregation_rule: Annotated[AggregationRule | None, Proto(3)] = Field(
        None, alias="aggregationRule", description="Where the rules come from instead."
    )


class RoleRef(Model):
    """The role that a binding gives."""

    api_group: Annotated[str, Proto(1)] = Field("", alias="apiGroup", description="Its group.")
    kind: Annotated[str, Proto(2), REQUIRED] = Field("", description="Role or ClusterRole.")
    name: Annotated[str, Proto(3), REQUIRED] = Field("", description="Its name.")


class Subject(Model):
    """Who gets a role."""

    kind: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="User, Group or ServiceAccount."
    )
    api_group: Annotated[str, Proto(2)] = Field("", alias="apiGroup", description="Its group.")
    name: Annotated[str, Proto(3), REQUIRED] = Field("", description="Its name.")
    namespace: Annotated[str, Proto(4)] = Field("", description="Namespace of a service account.")


class ClusterRoleBinding(TypedModel):
    """Gives a cluster role to somebody, everywhere."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    subjects: Annotated[Items[Subject], Proto(2)] = Field((), description="Who gets it.")
    role_ref: Annotated[RoleRef | None, Proto(3), REQUIRED] = Field(
        None, alias="roleRef", description="What they get; it cannot change."
    )


class Role(TypedModel):
    """Permissions in one namespace."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    rules: Annotated[Items[PolicyRule], Proto(2)] = Field((), description="What is allowed.")


class RoleBinding(TypedModel):
    """Gives a role to somebody, in one namespace."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    subjects: Annotated[Items[Subject], Proto(2)] = Field((), description="Who gets it.")
    role_ref: Annotated[RoleRef | None, Proto(3), REQUIRED] = Field(
        None, alias="roleRef", description="What they get; it cannot change."
    )
