"""batch models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    Int64,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    Time,
    TypedModel,
)
from apimachinery.types.core_pod import PodTemplateSpec
from apimachinery.types.core_reference import ObjectReference
from apimachinery.types.meta import LabelSelector, ObjectMeta


class PodFailurePolicyOnExitCodesRequirement(Model):
    """PodFailurePolicyOnExitCodesRequirement."""

    container_name: Annotated[str, Proto(1)] = Field("", alias="containerName")
    operator: Annotated[str, Proto(2), REQUIRED] = ""
    values: Annotated[Items[Int32], Proto(3), ListType("set"), REQUIRED] = ()


class PodFailurePolicyOnPodConditionsPattern(Model):
    """PodFailurePolicyOnPodConditionsPattern."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    status: Annotated[str, Proto(2)] = Field(
        "", description="What was last observed; written by the system."
    )


class PodFailurePolicyRule(Model):
    """PodFailurePolicyRule."""

    action: Annotated[str, Proto(1), REQUIRED] = ""
    on_exit_codes: Annotated[PodFailurePolicyOnExitCodesRequirement | None, Proto(2)] = Field(
        None, alias="onExitCodes"
    )
    on_pod_conditions: Annotated[Items[PodFailurePolicyOnPodConditionsPattern], Proto(3)] = Field(
        (), alias="onPodConditions"
    )


class PodFailurePolicy(Model):
    """PodFailurePolicy."""

    rules: Annotated[Items[PodFailurePolicyRule], Proto(1), REQUIRED] = ()


class SuccessPolicyRule(Model):
    """SuccessPolicyRule."""

    succeeded_indexes: Annotated[str, Proto(1)] = Field("", alias="succeededIndexes")
    succeeded_count: Annotated[Int32 | None, Proto(2)] = Field(None, alias="succeededCount")


class SuccessPolicy(Model):
    """SuccessPolicy."""

    rules: Annotated[Items[SuccessPolicyRule], Proto(1), REQUIRED] = ()


class JobSpec(Model):
    """What is wanted of the job."""

    parallelism: Annotated[Int32 | None, Proto(1)] = None
    completions: Annotated[Int32 | None, Proto(2)] = None
    active_deadline_seconds: Annotated[Int64 | None, Proto(3)] = Field(
        None, alias="activeDeadlineSeconds"
    )
    pod_failure_policy: Annotated[PodFailurePolicy | None, Proto(11)] = Field(
        None, alias="podFailurePolicy"
    )
    success_policy: Annotated[SuccessPolicy | None, Proto(16)] = Field(None, alias="successPolicy")
    backoff_limit: Annotated[Int32 | None, Proto(7)] = Field(None, alias="backoffLimit")
    backoff_limit_per_index: Annotated[Int32 | None, Proto(12)] = Field(
        None, alias="backoffLimitPerIndex"
    )
    max_failed_indexes: Annotated[Int32 | None, Proto(13)] = Field(None, alias="maxFailedIndexes")
    selector: Annotated[LabelSelector | None, Proto(4)] = None
    manual_selector: Annotated[bool | None, Proto(5)] = Field(None, alias="manualSelector")
    template: Annotated[PodTemplateSpec | None, Proto(6), REQUIRED] = None
    ttl_seconds_after_finished: Annotated[Int32 | None, Proto(8)] = Field(
        None, alias="ttlSecondsAfterFinished"
    )
    completion_mode: Annotated[str, Proto(9)] = Field("", alias="completionMode")
    suspend: Annotated[bool | None, Proto(10)] = None
    pod_replacement_policy: Annotated[str, Proto(14)] = Field("", alias="podReplacementPolicy")
    managed_by: Annotated[str, Proto(15)] = Field("", alias="managedBy")


class JobTemplateSpec(Model):
    """What is wanted of the job template."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[JobSpec, Proto(2)] = Field(
        default_factory=JobSpec, description="What is wanted."
    )


class CronJobSpec(Model):
    """What is wanted of the cron job."""

    schedule: Annotated[str, Proto(1), REQUIRED] = ""
    time_zone: Annotated[str, Proto(8)] = Field("", alias="timeZone")
    starting_deadline_seconds: Annotated[Int64 | None, Proto(2)] = Field(
        None, alias="startingDeadlineSeconds"
    )
    concurrency_policy: Annotated[str, Proto(3)] = Field("", alias="concurrencyPolicy")
    suspend: Annotated[bool | None, Proto(4)] = None
    job_template: Annotated[JobTemplateSpec | None, Proto(5), REQUIRED] = Field(
        None, alias="jobTemplate"
    )
    successful_jobs_history_limit: Annotated[Int32 | None, Proto(6)] = Field(
        None, alias="successfulJobsHistoryLimit"
    )
    failed_jobs_history_limit: Annotated[Int32 | None, Proto(7)] = Field(
        None, alias="failedJobsHistoryLimit"
    )


class CronJobStatus(Model):
    """What was last observed of the cron job."""

    active: Annotated[Items[ObjectReference], Proto(1)] = ()
    last_schedule_time: Annotated[Time, Proto(4)] = Field("", alias="lastScheduleTime")
    last_successful_time: Annotated[Time, Proto(5)] = Field("", alias="lastSuccessfulTime")


class CronJob(TypedModel):
    """CronJob."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[CronJobSpec, Proto(2)] = Field(
        default_factory=CronJobSpec, description="What is wanted."
    )
    status: Annotated[CronJobStatus, Proto(3)] = Field(
        default_factory=CronJobStatus, description="What was last observed; written by the system."
    )


class JobCondition(Model):
    """One aspect of the state of the job, and when it changed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Which aspect of the state this is about."
    )
    status: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="What was last observed; written by the system."
    )
    last_probe_time: Annotated[Time, Proto(3)] = Field(
        "", alias="lastProbeTime", description="When it was last checked."
    )
    last_transition_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastTransitionTime", description="When the status last changed."
    )
    reason: Annotated[str, Proto(5)] = Field(
        "", description="One word in CamelCase for programs: why it is so."
    )
    message: Annotated[str, Proto(6)] = Field("", description="A sentence for people.")


class UncountedTerminatedPods(Model):
    """UncountedTerminatedPods."""

    succeeded: Annotated[Items[str], Proto(1), ListType("set")] = ()
    failed: Annotated[Items[str], Proto(2), ListType("set")] = ()


class JobStatus(Model):
    """What was last observed of the job."""

    conditions: Annotated[Items[JobCondition], Proto(1), MergeKey("type")] = ()
    start_time: Annotated[Time, Proto(2)] = Field("", alias="startTime")
    completion_time: Annotated[Time, Proto(3)] = Field("", alias="completionTime")
    active: Annotated[Int32, Proto(4)] = 0
    succeeded: Annotated[Int32, Proto(5)] = 0
    failed: Annotated[Int32, Proto(6)] = 0
    terminating: Annotated[Int32 | None, Proto(11)] = None
    completed_indexes: Annotated[str, Proto(7)] = Field("", alias="completedIndexes")
    failed_indexes: Annotated[str, Proto(10)] = Field("", alias="failedIndexes")
    uncounted_terminated_pods: Annotated[UncountedTerminatedPods | None, Proto(8)] = Field(
        None, alias="uncountedTerminatedPods"
    )
    ready: Annotated[Int32 | None, Proto(9)] = None


class Job(TypedModel):
    """Job."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[JobSpec, Proto(2)] = Field(
        default_factory=JobSpec, description="What is wanted."
    )
    status: Annotated[JobStatus, Proto(3)] = Field(
        default_factory=JobStatus, description="What was last observed; written by the system."
    )
