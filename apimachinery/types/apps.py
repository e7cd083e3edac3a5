"""apps models."""

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
    """ControllerRevision."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    data: Annotated[RawExtension | None, Proto(2), REQUIRED] = None
    revision: Annotated[Int64, Proto(3), REQUIRED] = 0


class RollingUpdateDaemonSet(Model):
    """RollingUpdateDaemonSet."""

    max_unavailable: Annotated[IntOrString | None, Proto(1)] = Field(None, alias="maxUnavailable")
    max_surge: Annotated[IntOrString | None, Proto(2)] = Field(None, alias="maxSurge")


class DaemonSetUpdateStrategy(Model):
    """DaemonSetUpdateStrategy."""

    type: Annotated[str, Proto(1)] = ""
    rolling_update: Annotated[RollingUpdateDaemonSet | None, Proto(2)] = Field(
        None, alias="rollingUpdate"
    )


class DaemonSetSpec(Model):
    """What is wanted of the daemon set."""

    selector: Annotated[LabelSelector | None, Proto(1), REQUIRED] = None
    template: Annotated[PodTemplateSpec | None, Proto(2), REQUIRED] = None
    update_strategy: Annotated[DaemonSetUpdateStrategy | None, Proto(3)] = Field(
        None, alias="updateStrategy"
    )
    min_ready_seconds: Annotated[Int32, Proto(4)] = Field(0, alias="minReadySeconds")
    revision_history_limit: Annotated[Int32 | None, Proto(6)] = Field(
        None, alias="revisionHistoryLimit"
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
        0, alias="currentNumberScheduled"
    )
    number_misscheduled: Annotated[Int32, Proto(2), REQUIRED] = Field(0, alias="numberMisscheduled")
    desired_number_scheduled: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, alias="desiredNumberScheduled"
    )
    number_ready: Annotated[Int32, Proto(4), REQUIRED] = Field(0, alias="numberReady")
    observed_generation: Annotated[Int64, Proto(5)] = Field(0, alias="observedGeneration")
    updated_number_scheduled: Annotated[Int32, Proto(6)] = Field(0, alias="updatedNumberScheduled")
    number_available: Annotated[Int32, Proto(7)] = Field(0, alias="numberAvailable")
    number_unavailable: Annotated[Int32, Proto(8)] = Field(0, alias="numberUnavailable")
    collision_count: Annotated[Int32 | None, Proto(9)] = Field(None, alias="collisionCount")
    conditions: Annotated[
        Items[DaemonSetCondition], Proto(10), MergeKey("type"), ListType("map", "type")
    ] = ()


class DaemonSet(TypedModel):
    """DaemonSet."""

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
    """RollingUpdateDeployment."""

    max_unavailable: Annotated[IntOrString | None, Proto(1)] = Field(None, alias="maxUnavailable")
    max_surge: Annotated[IntOrString | None, Proto(2)] = Field(None, alias="maxSurge")


class DeploymentStrategy(Model):
    """DeploymentStrategy."""

    type: Annotated[str, Proto(1)] = ""
    rolling_update: Annotated[RollingUpdateDeployment | None, Proto(2)] = Field(
        None, alias="rollingUpdate"
    )


class DeploymentSpec(Model):
    """What is wanted of the deployment."""

    replicas: Annotated[Int32 | None, Proto(1)] = None
    selector: Annotated[LabelSelector | None, Proto(2), REQUIRED] = None
    template: Annotated[PodTemplateSpec | None, Proto(3), REQUIRED] = None
    strategy: Annotated[DeploymentStrategy | None, Proto(4), PatchStrategy("retainKeys")] = None
    min_ready_seconds: Annotated[Int32, Proto(5)] = Field(0, alias="minReadySeconds")
    revision_history_limit: Annotated[Int32 | None, Proto(6)] = Field(
        None, alias="revisionHistoryLimit"
    )
    paused: Annotated[bool, Proto(7)] = False
    progress_deadline_seconds: Annotated[Int32 | None, Proto(9)] = Field(
        None, alias="progressDeadlineSeconds"
    )


class DeploymentCondition(Model):
    """One aspect of the state of the deployment, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_update_time: Annotated[Time, Proto(6), REQUIRED] = Field(
        "", alias="lastUpdateTime", description="When this condition was last written."
    )
    last_transition_time: Annotated[Time, Proto(7), REQUIRED] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(4), REQUIRED] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(5), REQUIRED] = Field("", description="A sentence for people.")


class DeploymentStatus(Model):
    """What was last observed of the deployment."""

    observed_generation: Annotated[Int64, Proto(1)] = Field(0, alias="observedGeneration")
    replicas: Annotated[Int32, Proto(2)] = 0
    updated_replicas: Annotated[Int32, Proto(3)] = Field(0, alias="updatedReplicas")
    ready_replicas: Annotated[Int32, Proto(7)] = Field(0, alias="readyReplicas")
    available_replicas: Annotated[Int32, Proto(4)] = Field(0, alias="availableReplicas")
    unavailable_replicas: Annotated[Int32, Proto(5)] = Field(0, alias="unavailableReplicas")
    terminating_replicas: Annotated[Int32 | None, Proto(9)] = Field(
        None, alias="terminatingReplicas"
    )
    conditions: Annotated[
        Items[DeploymentCondition], Proto(6), MergeKey("type"), ListType("map", "type")
    ] = ()
    collision_count: Annotated[Int32 | None, Proto(8)] = Field(None, alias="collisionCount")


class Deployment(TypedModel):
    """Deployment."""

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

    replicas: Annotated[Int32 | None, Proto(1)] = None
    min_ready_seconds: Annotated[Int32, Proto(4)] = Field(0, alias="minReadySeconds")
    selector: Annotated[LabelSelector | None, Proto(2), REQUIRED] = None
    template: Annotated[PodTemplateSpec | None, Proto(3)] = None


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

    replicas: Annotated[Int32, Proto(1), REQUIRED] = 0
    fully_labeled_replicas: Annotated[Int32, Proto(2)] = Field(0, alias="fullyLabeledReplicas")
    ready_replicas: Annotated[Int32, Proto(4)] = Field(0, alias="readyReplicas")
    available_replicas: Annotated[Int32, Proto(5)] = Field(0, alias="availableReplicas")
    terminating_replicas: Annotated[Int32 | None, Proto(7)] = Field(
        None, alias="terminatingReplicas"
    )
    observed_generation: Annotated[Int64, Proto(3)] = Field(0, alias="observedGeneration")
    conditions: Annotated[
        Items[ReplicaSetCondition], Proto(6), MergeKey("type"), ListType("map", "type")
    ] = ()


class ReplicaSet(TypedModel):
    """ReplicaSet."""

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
    """RollingUpdateStatefulSetStrategy."""

    partition: Annotated[Int32 | None, Proto(1)] = None
    max_unavailable: Annotated[IntOrString | None, Proto(2)] = Field(None, alias="maxUnavailable")


class StatefulSetOrdinals(Model):
    """StatefulSetOrdinals."""

    start: Annotated[Int32, Proto(1)] = 0


class StatefulSetPersistentVolumeClaimRetentionPolicy(Model):
    """StatefulSetPersistentVolumeClaimRetentionPolicy."""

    when_deleted: Annotated[str, Proto(1), REQUIRED] = Field("", alias="whenDeleted")
    when_scaled: Annotated[str, Proto(2), REQUIRED] = Field("", alias="whenScaled")


class StatefulSetUpdateStrategy(Model):
    """StatefulSetUpdateStrategy."""

    type: Annotated[str, Proto(1)] = ""
    rolling_update: Annotated[RollingUpdateStatefulSetStrategy | None, Proto(2)] = Field(
        None, alias="rollingUpdate"
    )


class StatefulSetSpec(Model):
    """What is wanted of the stateful set."""

    replicas: Annotated[Int32 | None, Proto(1)] = None
    selector: Annotated[LabelSelector | None, Proto(2), REQUIRED] = None
    template: Annotated[PodTemplateSpec | None, Proto(3), REQUIRED] = None
    volume_claim_templates: Annotated[Items[PersistentVolumeClaim], Proto(4)] = Field(
        (), alias="volumeClaimTemplates"
    )
    service_name: Annotated[str, Proto(5)] = Field("", alias="serviceName")
    pod_management_policy: Annotated[str, Proto(6)] = Field("", alias="podManagementPolicy")
    update_strategy: Annotated[StatefulSetUpdateStrategy | None, Proto(7)] = Field(
        None, alias="updateStrategy"
    )
    revision_history_limit: Annotated[Int32 | None, Proto(8)] = Field(
        None, alias="revisionHistoryLimit"
    )
    min_ready_seconds: Annotated[Int32, Proto(9)] = Field(0, alias="minReadySeconds")
    persistent_volume_claim_retention_policy: Annotated[
        StatefulSetPersistentVolumeClaimRetentionPolicy | None, Proto(10)
    ] = Field(None, alias="persistentVolumeClaimRetentionPolicy")
    ordinals: Annotated[StatefulSetOrdinals | None, Proto(11)] = None


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

    observed_generation: Annotated[Int64, Proto(1)] = Field(0, alias="observedGeneration")
    replicas: Annotated[Int32, Proto(2), REQUIRED] = 0
    ready_replicas: Annotated[Int32, Proto(3), REQUIRED] = Field(0, alias="readyReplicas")
    current_replicas: Annotated[Int32, Proto(4), REQUIRED] = Field(0, alias="currentReplicas")
    updated_replicas: Annotated[Int32, Proto(5), REQUIRED] = Field(0, alias="updatedReplicas")
    current_revision: Annotated[str, Proto(6), REQUIRED] = Field("", alias="currentRevision")
    update_revision: Annotated[str, Proto(7), REQUIRED] = Field("", alias="updateRevision")
    collision_count: Annotated[Int32 | None, Proto(9)] = Field(None, alias="collisionCount")
    conditions: Annotated[
        Items[StatefulSetCondition], Proto(10), MergeKey("type"), ListType("map", "type")
    ] = ()
    available_replicas: Annotated[Int32, Proto(11)] = Field(0, alias="availableReplicas")


class StatefulSet(TypedModel):
    """StatefulSet."""

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
