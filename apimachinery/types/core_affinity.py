"""core_affinity models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Int64, Items, Model, Proto, Time
from apimachinery.types.meta import LabelSelector


class NodeSelectorRequirement(Model):
    """NodeSelectorRequirement."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    operator: Annotated[str, Proto(2), REQUIRED] = ""
    values: Annotated[Items[str], Proto(3)] = ()


class NodeSelectorTerm(Model):
    """NodeSelectorTerm."""

    match_expressions: Annotated[Items[NodeSelectorRequirement], Proto(1)] = Field(
        (), alias="matchExpressions"
    )
    match_fields: Annotated[Items[NodeSelectorRequirement], Proto(2)] = Field(
        (), alias="matchFields"
    )


class NodeSelector(Model):
    """NodeSelector."""

    node_selector_terms: Annotated[Items[NodeSelectorTerm], Proto(1), REQUIRED] = Field(
        (), alias="nodeSelectorTerms"
    )


class PreferredSchedulingTerm(Model):
    """PreferredSchedulingTerm."""

    weight: Annotated[Int32, Proto(1), REQUIRED] = 0
    preference: Annotated[NodeSelectorTerm | None, Proto(2), REQUIRED] = None


class NodeAffinity(Model):
    """NodeAffinity."""

    required_during_scheduling_ignored_during_execution: Annotated[
        NodeSelector | None, Proto(1)
    ] = Field(None, alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred_during_scheduling_ignored_during_execution: Annotated[
        Items[PreferredSchedulingTerm], Proto(2)
    ] = Field((), alias="preferredDuringSchedulingIgnoredDuringExecution")


class PodAffinityTerm(Model):
    """PodAffinityTerm."""

    label_selector: Annotated[LabelSelector | None, Proto(1)] = Field(None, alias="labelSelector")
    namespaces: Annotated[Items[str], Proto(2)] = ()
    topology_key: Annotated[str, Proto(3), REQUIRED] = Field("", alias="topologyKey")
    namespace_selector: Annotated[LabelSelector | None, Proto(4)] = Field(
        None, alias="namespaceSelector"
    )
    match_label_keys: Annotated[Items[str], Proto(5)] = Field((), alias="matchLabelKeys")
    mismatch_label_keys: Annotated[Items[str], Proto(6)] = Field((), alias="mismatchLabelKeys")


class WeightedPodAffinityTerm(Model):
    """WeightedPodAffinityTerm."""

    weight: Annotated[Int32, Proto(1), REQUIRED] = 0
    pod_affinity_term: Annotated[PodAffinityTerm | None, Proto(2), REQUIRED] = Field(
        None, alias="podAffinityTerm"
    )


class PodAffinity(Model):
    """PodAffinity."""

    required_during_scheduling_ignored_during_execution: Annotated[
        Items[PodAffinityTerm], Proto(1)
    ] = Field((), alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred_during_scheduling_ignored_during_execution: Annotated[
        Items[WeightedPodAffinityTerm], Proto(2)
    ] = Field((), alias="preferredDuringSchedulingIgnoredDuringExecution")


class PodAntiAffinity(Model):
    """PodAntiAffinity."""

    required_during_scheduling_ignored_during_execution: Annotated[
        Items[PodAffinityTerm], Proto(1)
    ] = Field((), alias="requiredDuringSchedulingIgnoredDuringExecution")
    preferred_during_scheduling_ignored_during_execution: Annotated[
        Items[WeightedPodAffinityTerm], Proto(2)
    ] = Field((), alias="preferredDuringSchedulingIgnoredDuringExecution")


class Affinity(Model):
    """Affinity."""

    node_affinity: Annotated[NodeAffinity | None, Proto(1)] = Field(None, alias="nodeAffinity")
    pod_affinity: Annotated[PodAffinity | None, Proto(2)] = Field(None, alias="podAffinity")
    pod_anti_affinity: Annotated[PodAntiAffinity | None, Proto(3)] = Field(
        None, alias="podAntiAffinity"
    )


class Toleration(Model):
    """Toleration."""

    key: Annotated[str, Proto(1)] = ""
    operator: Annotated[str, Proto(2)] = ""
    value: Annotated[str, Proto(3)] = ""
    effect: Annotated[str, Proto(4)] = ""
    toleration_seconds: Annotated[Int64 | None, Proto(5)] = Field(None, alias="tolerationSeconds")


class Taint(Model):
    """Taint."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    value: Annotated[str, Proto(2)] = ""
    effect: Annotated[str, Proto(3), REQUIRED] = ""
    time_added: Annotated[Time, Proto(4)] = Field("", alias="timeAdded")


class TopologySpreadConstraint(Model):
    """TopologySpreadConstraint."""

    max_skew: Annotated[Int32, Proto(1), REQUIRED] = Field(0, alias="maxSkew")
    topology_key: Annotated[str, Proto(2), REQUIRED] = Field("", alias="topologyKey")
    when_unsatisfiable: Annotated[str, Proto(3), REQUIRED] = Field("", alias="whenUnsatisfiable")
    label_selector: Annotated[LabelSelector | None, Proto(4)] = Field(None, alias="labelSelector")
    min_domains: Annotated[Int32 | None, Proto(5)] = Field(None, alias="minDomains")
    node_affinity_policy: Annotated[str, Proto(6)] = Field("", alias="nodeAffinityPolicy")
    node_taints_policy: Annotated[str, Proto(7)] = Field("", alias="nodeTaintsPolicy")
    match_label_keys: Annotated[Items[str], Proto(8)] = Field((), alias="matchLabelKeys")


class TopologySelectorLabelRequirement(Model):
    """TopologySelectorLabelRequirement."""

    key: Annotated[str, Proto(1), REQUIRED] = ""
    values: Annotated[Items[str], Proto(2), REQUIRED] = ()


class TopologySelectorTerm(Model):
    """TopologySelectorTerm."""

    match_label_expressions: Annotated[Items[TopologySelectorLabelRequirement], Proto(1)] = Field(
        (), alias="matchLabelExpressions"
    )
