"""Deployments, replica sets, daemon sets, stateful sets and their revisions."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    Int64,
    IntOrString,
    Items,
    ListType,
    MergeKey,
    Model,
    PatchStrategy,
    Proto,
    RawExtension,
    Time,
    TypedModel,
)
from apimachinery.types.core_claim import PersistentVolumeClaim
from apimachinery.types.core_pod import PodTemplateSpec
from apimachinery.types.meta import LabelSelector, ObjectMeta


class ControllerRevision(TypedModel):
    """A state of a daemon or stateful set that one can go back to."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    data: Annotated[RawExtension | None, Proto(2)] = Field(None, description="The state.")
    revision: Annotated[Int64, Proto(3), REQUIRED] = Field(0, description="Its number.")


class RollingUpdateDaemonSet(Model):
    """How pods are replaced node by node."""

    max_unavailable: Annotated[IntOrString | None, Proto(1)] = Field(
        None,
        alias="maxUnavailable",
        description="How many nodes may be without one, number or percentage.",
    )
    max_surge: Annotated[IntOrString | None, Proto(2)] = Field(
        None, alias="maxSurge", description="How many nodes may have two."
    )


class DaemonSetUpdateStrategy(Model):
    """How pods are replaced."""

    type: Annotated[str, Proto(1)] = Field("", description="RollingUpdate or OnDelete.")
    rolling_update: Annotated[RollingUpdateDaemonSet | None, Proto(2)] = Field(
        None, alias="rollingUpdate", description="Details of RollingUpdate."
    )


class DaemonSetSpec(Model):
    """What is wanted of the daemon set."""

    selector: Annotated[LabelSelector | None, Proto(1), REQUIRED] = Field(
        None, description="Labels of its pods; it cannot change."
    )
    template: Annotated[PodTemplateSpec | None, Proto(2), REQUIRED] = Field(
        None, description="What its pods look like."
    )
    update_strategy: Annotated[DaemonSetUpdateStrategy | None, Proto(3)] = Field(
        None, alias="updateStrategy", description="How pods are replaced."
    )
    min_ready_seconds: Annotated[Int32, Proto(4)] = Field(
        0,
        alias="minReadySeconds",
        description="How long a pod must be ready to count as available.",
    )
    revision_history_limit: Annotated[Int32 | None, Proto(6)] = Field(
        None,
        alias="revisionHistoryLimit",
        description="How many revisions are kept; 10 where absent.",
    )


class DaemonSetCondition(Model):
    """One aspect of the state of the daemon set, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class DaemonSetStatus(Model):
    """What was last observed of the daemon set."""

    current_number_scheduled: Annotated[Int32, Proto(1), REQUIRED] = Field(
        0, alias="currentNumberScheduled", description="Nodes that have one and should."
    )
    number_misscheduled: Annotated[Int32, Proto(2), REQUIRED] = Field(
        0, alias="numberMisscheduled", description="Nodes that have one and should not."
    )
    desired_number_scheduled: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, alias="desiredNumberScheduled", description="Nodes that should have one."
    )
    number_ready: Annotated[Int32, Proto(4), REQUIRED] = Field(
        0, alias="numberReady", description="Those where it is ready."
    )
    observed_generation: Annotated[Int64, Proto(5)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    updated_number_scheduled: Annotated[Int32, Proto(6)] = Field(
        0, alias="updatedNumberScheduled", description="Those of the current template."
    )
    number_available: Annotated[Int32, Proto(7)] = Field(
        0, alias="numberAvailable", description="Those ready for long enough."
    )
    number_unavailable: Annotated[Int32, Proto(8)] = Field(
        0, alias="numberUnavailable", description="Nodes that lack one."
    )
    collision_count: Annotated[Int32 | None, Proto(9)] = Field(
        None, alias="collisionCount", description="How often the name of a revision was taken."
    )
    conditions: Annotated[
        Items[DaemonSetCondition], Proto(10), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state.")


class DaemonSet(TypedModel):
    """Runs one pod on every node that fits."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[DaemonSetSpec, Proto(2)] = Field(
        default_factory=DaemonSetSpec, description="What is wanted."
    )
    status: Annotated[DaemonSetStatus, Proto(3)] = Field(
        default_factory=DaemonSetStatus,
        description="What was last observed; written by the system.",
    )


class RollingUpdateDeployment(Model):
    """How pods are replaced little by little."""

    max_unavailable: Annotated[IntOrString | None, Proto(1)] = Field(
        None,
        alias="maxUnavailable",
        description="How many may be missing, number or percentage (rounded down).",
    )
    max_surge: Annotated[IntOrString | None, Proto(2)] = Field(
        None,
        alias="maxSurge",
        description="How many may be too many, number or percentage (rounded up).",
    )


class DeploymentStrategy(Model):
    """How pods are replaced."""

    type: Annotated[str, Proto(1)] = Field(
        "", description="RollingUpdate, or Recreate: all go before new ones come."
    )
    rolling_update: Annotated[RollingUpdateDeployment | None, Proto(2)] = Field(
        None, alias="rollingUpdate", description="Details of RollingUpdate."
    )


class DeploymentSpec(Model):
    """What is wanted of the deployment."""

    replicas: Annotated[Int32 | None, Proto(1)] = Field(
        None, description="How many pods; 1 where absent."
    )
    selector: Annotated[LabelSelector | None, Proto(2), REQUIRED] = Field(
        None, description="Labels of its pods; it cannot change."
    )
    template: Annotated[PodTemplateSpec | None, Proto(3), REQUIRED] = Field(
        None, description="What its pods look like; a change rolls them out."
    )
    strategy: Annotated[DeploymentStrategy | None, Proto(4), PatchStrategy("retainKeys")] = Field(
        None, description="How pods are replaced."
    )
    min_ready_seconds: Annotated[Int32, Proto(5)] = Field(
        0,
        alias="minReadySeconds",
        description="How long a pod must be ready to count as available.",
    )
    revision_history_limit: Annotated[Int32 | None, Proto(6)] = Field(
        None,
        alias="revisionHistoryLimit",
        description="How many old replica sets are kept; 10 where absent.",
    )
    paused: Annotated[bool, Proto(7)] = Field(False, description="Whether roll-outs wait.")
    progress_deadline_seconds: Annotated[Int32 | None, Proto(9)] = Field(
        None,
        alias="progressDeadlineSeconds",
        description="Seconds without progress after which a roll-out has failed; 600 where absent.",
    )


class DeploymentCondition(Model):
    """One aspect of the state of the deployment, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_update_time: Annotated[Time, Proto(6)] = Field(
        "", alias="lastUpdateTime", description="When this condition was last written."
    )
    last_transition_time: Annotated[Time, Proto(7)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class DeploymentStatus(Model):
    """What was last observed of the deployment."""

    observed_generation: Annotated[Int64, Proto(1)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    replicas: Annotated[Int32, Proto(2)] = Field(0, description="Pods that there are.")
    updated_replicas: Annotated[Int32, Proto(3)] = Field(
        0, alias="updatedReplicas", description="Those of the current template."
    )
    ready_replicas: Annotated[Int32, Proto(7)] = Field(
        0, alias="readyReplicas", description="Those that are ready."
    )
    available_replicas: Annotated[Int32, Proto(4)] = Field(
        0, alias="availableReplicas", description="Those ready for long enough."
    )
    unavailable_replicas: Annotated[Int32, Proto(5)] = Field(
        0, alias="unavailableReplicas", description="How many are still missing."
    )
    terminating_replicas: Annotated[Int32 | None, Proto(9)] = Field(
        None, alias="terminatingReplicas", description="Those on their way out."
    )
    conditions: Annotated[
        Items[DeploymentCondition], Proto(6), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state: Available, Progressing, ReplicaFailure.")
    collision_count: Annotated[Int32 | None, Proto(8)] = Field(
        None, alias="collisionCount", description="How often the name of a replica set was taken."
    )


class Deployment(TypedModel):
    """Keeps like pods running and replaces them when their template changes."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[DeploymentSpec, Proto(2)] = Field(
        default_factory=DeploymentSpec, description="What is wanted."
    )
    status: Annotated[DeploymentStatus, Proto(3)] = Field(
        default_factory=DeploymentStatus,
        description="What was last observed; written by the system.",
    )


class ReplicaSetSpec(Model):
    """What is wanted of the replica set."""

    replicas: Annotated[Int32 | None, Proto(1)] = Field(
        None, description="How many pods; 1 where absent."
    )
    min_ready_seconds: Annotated[Int32, Proto(4)] = Field(
        0,
        alias="minReadySeconds",
        description="How long a pod must be ready to count as available.",
    )
    selector: Annotated[LabelSelector | None, Proto(2), REQUIRED] = Field(
        None, description="Labels of its pods; it cannot change."
    )
    template: Annotated[PodTemplateSpec | None, Proto(3)] = Field(
        None, description="What its pods look like."
    )


class ReplicaSetCondition(Model):
    """One aspect of the state of the replica set, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class ReplicaSetStatus(Model):
    """What was last observed of the replica set."""

    replicas: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="Pods that there are.")
    fully_labeled_replicas: Annotated[Int32, Proto(2)] = Field(
        0, alias="fullyLabeledReplicas", description="Those with all labels of the template."
    )
    ready_replicas: Annotated[Int32, Proto(4)] = Field(
        0, alias="readyReplicas", description="Those that are ready."
    )
    available_replicas: Annotated[Int32, Proto(5)] = Field(
        0, alias="availableReplicas", description="Those ready for long enough."
    )
    terminating_replicas: Annotated[Int32 | None, Proto(7)] = Field(
        None, alias="terminatingReplicas", description="Those on their way out."
    )
    observed_generation: Annotated[Int64, Proto(3)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    conditions: Annotated[
        Items[ReplicaSetCondition], Proto(6), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state.")


class ReplicaSet(TypedModel):
    """Keeps a number of like pods running."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[ReplicaSetSpec, Proto(2)] = Field(
        default_factory=ReplicaSetSpec, description="What is wanted."
    )
    status: Annotated[ReplicaSetStatus, Proto(3)] = Field(
        default_factory=ReplicaSetStatus,
        description="What was last observed; written by the system.",
    )


class RollingUpdateStatefulSetStrategy(Model):
    """How pods are replaced from the last to the first."""

    partition: Annotated[Int32 | None, Proto(1)] = Field(
        None, description="Pods with a lower number stay as they are."
    )
    max_unavailable: Annotated[IntOrString | None, Proto(2)] = Field(
        None, alias="maxUnavailable", description="How many may be missing at once."
    )


class StatefulSetOrdinals(Model):
    """How pods are numbered."""

    start: Annotated[Int32, Proto(1)] = Field(0, description="The first number.")


class StatefulSetPersistentVolumeClaimRetentionPolicy(Model):
    """What becomes of the claims of its pods."""

    when_deleted: Annotated[str, Proto(1)] = Field(
        "", alias="whenDeleted", description="When the set is deleted: Retain or Delete."
    )
    when_scaled: Annotated[str, Proto(2)] = Field(
        "", alias="whenScaled", description="When it shrinks: Retain or Delete."
    )


class StatefulSetUpdateStrategy(Model):
    """How pods are replaced."""

    type: Annotated[str, Proto(1)] = Field("", description="RollingUpdate or OnDelete.")
    rolling_update: Annotated[RollingUpdateStatefulSetStrategy | None, Proto(2)] = Field(
        None, alias="rollingUpdate", description="Details of RollingUpdate."
    )


class StatefulSetSpec(Model):
    """What is wanted of the stateful set."""

    replicas: Annotated[Int32 | None, Proto(1)] = Field(
        None, description="How many pods; 1 where absent."
    )
    selector: Annotated[LabelSelector | None, Proto(2), REQUIRED] = Field(
        None, description="Labels of its pods; it cannot change."
    )
    template: Annotated[PodTemplateSpec | None, Proto(3), REQUIRED] = Field(
        None, description="What its pods look like."
    )
    volume_claim_templates: Annotated[Items[PersistentVolumeClaim], Proto(4)] = Field(
        (), alias="volumeClaimTemplates", description="Claims that each pod gets."
    )
    service_name: Annotated[str, Proto(5)] = Field(
        "", alias="serviceName", description="The headless service that names its pods."
    )
    pod_management_policy: Annotated[str, Proto(6)] = Field(
        "",
        alias="podManagementPolicy",
        description="OrderedReady, one after the other, or Parallel.",
    )
    update_strategy: Annotated[StatefulSetUpdateStrategy | None, Proto(7)] = Field(
        None, alias="updateStrategy", description="How pods are replaced."
    )
    revision_history_limit: Annotated[Int32 | None, Proto(8)] = Field(
        None,
        alias="revisionHistoryLimit",
        description="How many revisions are kept; 10 where absent.",
    )
    min_ready_seconds: Annotated[Int32, Proto(9)] = Field(
        0,
        alias="minReadySeconds",
        description="How long a pod must be ready to count as available.",
    )
    persistent_volume_claim_retention_policy: Annotated[
        StatefulSetPersistentVolumeClaimRetentionPolicy | None, Proto(10)
    ] = Field(
        None, alias="persistentVolumeClaimRetentionPolicy", description="What becomes of claims."
    )
    ordinals: Annotated[StatefulSetOrdinals | None, Proto(11)] = Field(
        None, description="How pods are numbered."
    )


class StatefulSetCondition(Model):
    """One aspect of the state of the stateful set, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_transition_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5)] = Field("", description="A sentence for people.")


class StatefulSetStatus(Model):
    """What was last observed of the stateful set."""

    observed_generation: Annotated[Int64, Proto(1)] = Field(
        0, alias="observedGeneration", description="The generation that this was observed of."
    )
    replicas: Annotated[Int32, Proto(2), REQUIRED] = Field(0, description="Pods that there are.")
    ready_replicas: Annotated[Int32, Proto(3)] = Field(
        0, alias="readyReplicas", description="Those that are ready."
    )
    current_replicas: Annotated[Int32, Proto(4)] = Field(
        0, alias="currentReplicas", description="Those of the old revision."
    )
    updated_replicas: Annotated[Int32, Proto(5)] = Field(
        0, alias="updatedReplicas", description="Those of the new revision."
    )
    current_revision: Annotated[str, Proto(6)] = Field(
        "", alias="currentRevision", description="Name of the old revision."
    )
    update_revision: Annotated[str, Proto(7)] = Field(
        "", alias="updateRevision", description="Name of the new revision."
    )
    collision_count: Annotated[Int32 | None, Proto(9)] = Field(
        None, alias="collisionCount", description="How often the name of a revision was taken."
    )
    conditions: Annotated[
        Items[StatefulSetCondition], Proto(10), MergeKey("type"), ListType("map", "type")
    ] = Field((), description="Aspects of its state.")
    available_replicas: Annotated[Int32, Proto(11)] = Field(
        0, alias="availableReplicas", description="Those ready for long enough."
    )


class StatefulSet(TypedModel):
    """Runs numbered pods, each with its own name and storage."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[StatefulSetSpec, Proto(2)] = Field(
        default_factory=StatefulSetSpec, description="What is wanted."
    )
    status: Annotated[StatefulSetStatus, Proto(3)] = Field(
        default_factory=StatefulSetStatus,
        description="What was last observed; written by the system.",
    )
