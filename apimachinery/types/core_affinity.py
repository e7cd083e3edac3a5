"""Where a pod may go: node selectors, affinity, taints and tolerations, spreading."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Int64, Items, Model, Proto, Time
from apimachinery.types.meta import LabelSelector


class NodeSelectorRequirement(Model):
    """One test on a node's labels or fields."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="The label or field.")
    operator: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="In, NotIn, Exists, DoesNotExist, Gt or Lt."
    )
    values: Annotated[Items[str], Proto(3)] = Field(
        (), description="Values for In and NotIn; one number for Gt and Lt."
    )


class NodeSelectorTerm(Model):
    """Tests that must all hold; without tests it matches no node."""

    match_expressions: Annotated[Items[NodeSelectorRequirement], Proto(1)] = Field(
        (), alias="matchExpressions", description="Tests on labels."
    )
    match_fields: Annotated[Items[NodeSelectorRequirement], Proto(2)] = Field(
        (), alias="matchFields", description="Tests on fields; metadata.name is the only one."
    )


class NodeSelector(Model):
    """Terms of which at least one must match."""

    node_selector_terms: Annotated[Items[NodeSelectorTerm], Proto(1), REQUIRED] = Field(
        (), alias="nodeSelectorTerms", description="The terms."
    )


class PreferredSchedulingTerm(Model):
    """A wish, with its weight."""

    weight: Annotated[Int32, Proto(1), REQUIRED] = Field(
        0, description="How much it counts, 1 to 100."
    )
    preference: Annotated[NodeSelectorTerm | None, Proto(2), REQUIRED] = Field(
        None, description="The nodes that are preferred."
    )


class NodeAffinity(Model):
    """Which nodes a pod needs or would rather have."""

    required_during_scheduling_ignored_during_execution: Annotated[
        NodeSelector | None, Proto(1)
    ] = Field(
        None,
        alias="requiredDuringSchedulingIgnoredDuringExecution",
        description="Nodes outside of it are out of the question.",
    )
    preferred_during_scheduling_ignored_during_execution: Annotated[
        Items[PreferredSchedulingTerm], Proto(2)
    ] = Field(
        (),
        alias="preferredDuringSchedulingIgnoredDuringExecution",
        description="Wishes; the node with the largest sum of weights wins.",
    )


class PodAffinityTerm(Model):
    """Some other pods, and how far around them the term reaches."""

    label_selector: Annotated[LabelSelector | None, Proto(1)] = Field(
        None, alias="labelSelector", description="Labels of those pods."
    )
    namespaces: Annotated[Items[str], Proto(2)] = Field(
        (),
        description="Their namespaces; the pod's own where neither this nor a selector is given.",
    )
    topology_key: Annotated[str, Proto(3), REQUIRED] = Field(
        "",
        alias="topologyKey",
        description='The node label whose equal values mean "the same place".',
    )
    namespace_selector: Annotated[LabelSelector | None, Proto(4)] = Field(
        None, alias="namespaceSelector", description="Their namespaces by label."
    )
    match_label_keys: Annotated[Items[str], Proto(5)] = Field(
        (),
        alias="matchLabelKeys",
        description="Keys whose values are taken from the incoming pod and must match.",
    )
    mismatch_label_keys: Annotated[Items[str], Proto(6)] = Field(
        (),
        alias="mismatchLabelKeys",
        description="Keys whose values are taken from the incoming pod and must differ.",
    )


class WeightedPodAffinityTerm(Model):
    """A wish about other pods, with its weight."""

    weight: Annotated[Int32, Proto(1), REQUIRED] = Field(
        0, description="How much it counts, 1 to 100."
    )
    pod_affinity_term: Annotated[PodAffinityTerm | None, Proto(2), REQUIRED] = Field(
        None, alias="podAffinityTerm", description="The wish."
    )


class PodAffinity(Model):
    """Which other pods this one wants near it."""

    required_during_scheduling_ignored_during_execution: Annotated[
        Items[PodAffinityTerm], Proto(1)
    ] = Field(
        (),
        alias="requiredDuringSchedulingIgnoredDuringExecution",
        description="Places without such pods are out of the question.",
    )
    preferred_during_scheduling_ignored_during_execution: Annotated[
        Items[WeightedPodAffinityTerm], Proto(2)
    ] = Field(
        (),
        alias="preferredDuringSchedulingIgnoredDuringExecution",
        description="Wishes with weights.",
    )


class PodAntiAffinity(Model):
    """Which other pods this one wants away from it."""

    required_during_scheduling_ignored_during_execution: Annotated[
        Items[PodAffinityTerm], Proto(1)
    ] = Field(
        (),
        alias="requiredDuringSchedulingIgnoredDuringExecution",
        description="Places with such pods are out of the question.",
    )
    preferred_during_scheduling_ignored_during_execution: Annotated[
        Items[WeightedPodAffinityTerm], Proto(2)
    ] = Field(
        (),
        alias="preferredDuringSchedulingIgnoredDuringExecution",
        description="Wishes with weights.",
    )


class Affinity(Model):
    """All rules about where a pod wants to be."""

    node_affinity: Annotated[NodeAffinity | None, Proto(1)] = Field(
        None, alias="nodeAffinity", description="Rules about nodes."
    )
    pod_affinity: Annotated[PodAffinity | None, Proto(2)] = Field(
        None, alias="podAffinity", description="Pods that it wants near."
    )
    pod_anti_affinity: Annotated[PodAntiAffinity | None, Proto(3)] = Field(
        None, alias="podAntiAffinity", description="Pods that it wants away."
    )


class Toleration(Model):
    """Lets a pod onto nodes with a taint that matches."""

    key: Annotated[str, Proto(1)] = Field(
        "", description="Key of the taint; empty, with Exists, matches every taint."
    )
    operator: Annotated[str, Proto(2)] = Field("", description="Equal (the default) or Exists.")
    value: Annotated[str, Proto(3)] = Field("", description="Value of the taint, for Equal.")
    effect: Annotated[str, Proto(4)] = Field(
        "", description="Effect of the taint; empty matches every effect."
    )
    toleration_seconds: Annotated[Int64 | None, Proto(5)] = Field(
        None,
        alias="tolerationSeconds",
        description="How long the pod may stay once the taint (NoExecute) appears; forever where absent.",
    )


class Taint(Model):
    """Keeps pods away from a node unless they tolerate it."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="Key of the taint.")
    value: Annotated[str, Proto(2)] = Field("", description="Value of the taint.")
    effect: Annotated[str, Proto(3), REQUIRED] = Field(
        "", description="NoSchedule, PreferNoSchedule or NoExecute."
    )
    time_added: Annotated[Time, Proto(4)] = Field(
        "", alias="timeAdded", description="When a NoExecute taint was put on."
    )


class TopologySpreadConstraint(Model):
    """How evenly pods are spread over places."""

    max_skew: Annotated[Int32, Proto(1), REQUIRED] = Field(
        0,
        alias="maxSkew",
        description="How many more pods the fullest place may have than the emptiest.",
    )
    topology_key: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="topologyKey", description="The node label whose values are the places."
    )
    when_unsatisfiable: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="whenUnsatisfiable", description="DoNotSchedule, or ScheduleAnyway as a wish."
    )
    label_selector: Annotated[LabelSelector | None, Proto(4)] = Field(
        None, alias="labelSelector", description="The pods that are counted."
    )
    min_domains: Annotated[Int32 | None, Proto(5)] = Field(
        None,
        alias="minDomains",
        description="With fewer places than this the emptiest counts as zero.",
    )
    node_affinity_policy: Annotated[str, Proto(6)] = Field(
        "",
        alias="nodeAffinityPolicy",
        description="Whether nodes that the pod cannot use count: Honor or Ignore.",
    )
    node_taints_policy: Annotated[str, Proto(7)] = Field(
        "",
        alias="nodeTaintsPolicy",
        description="Whether nodes with untolerated taints count: Honor or Ignore.",
    )
    match_label_keys: Annotated[Items[str], Proto(8)] = Field(
        (),
        alias="matchLabelKeys",
        description="Keys whose values are taken from the incoming pod and must match.",
    )


class TopologySelectorLabelRequirement(Model):
    """A node label with the values that will do."""

    key: Annotated[str, Proto(1), REQUIRED] = Field("", description="The label's key.")
    values: Annotated[Items[str], Proto(2), REQUIRED] = Field((), description="The values.")


class TopologySelectorTerm(Model):
    """Node labels that must all match."""

    match_label_expressions: Annotated[Items[TopologySelectorLabelRequirement], Proto(1)] = Field(
        (), alias="matchLabelExpressions", description="The labels."
    )
