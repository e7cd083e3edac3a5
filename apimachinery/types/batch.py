"""Jobs, and jobs on a schedule."""

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
    """Exit codes that a rule is about."""

    container_name: Annotated[str, Proto(1)] = Field(
        "", alias="containerName", description="The container; any where absent."
    )
    operator: Annotated[str, Proto(2), REQUIRED] = Field("", description="In or NotIn.")
    values: Annotated[Items[Int32], Proto(3), ListType("set"), REQUIRED] = Field(
        (), description="The codes."
    )


class PodFailurePolicyOnPodConditionsPattern(Model):
    """A pod condition that a rule is about."""

    type: Annotated[str, Proto(1), REQUIRED] = Field("", description="Type of the condition.")
    status: Annotated[str, Proto(2)] = Field(
        "", description="What was last observed; written by the system."
    )


class PodFailurePolicyRule(Model):
    """What a failed pod means."""

    action: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="FailJob, FailIndex, Ignore or Count."
    )
    on_exit_codes: Annotated[PodFailurePolicyOnExitCodesRequirement | None, Proto(2)] = Field(
        None, alias="onExitCodes", description="Exit codes that it is about."
    )
    on_pod_conditions: Annotated[Items[PodFailurePolicyOnPodConditionsPattern], Proto(3)] = Field(
        (), alias="onPodConditions", description="Pod conditions that it is about."
    )


class PodFailurePolicy(Model):
    """What failed pods mean; the first rule that matches decides."""

    rules: Annotated[Items[PodFailurePolicyRule], Proto(1), REQUIRED] = Field(
        (), description="The rules."
    )


class SuccessPolicyRule(Model):
    """When enough indexes have succeeded."""

    succeeded_indexes: Annotated[str, Proto(1)] = Field(
        "", alias="succeededIndexes", description="These must have succeeded."
    )
    succeeded_count: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="succeededCount", description="So many must have succeeded."
    )


class SuccessPolicy(Model):
    """When a job has succeeded early; one rule is enough."""

    rules: Annotated[Items[SuccessPolicyRule], Proto(1), REQUIRED] = Field(
        (), description="The rules."
    )


class JobSpec(Model):
    """What is wanted of the job."""

    parallelism: Annotated[Int32 | None, Proto(1)] = Field(
        None, description="How many pods run at once; 1 where absent."
    )
    completions: Annotated[Int32 | None, Proto(2)] = Field(
        None, description="How many must succeed; any one where absent."
    )
    active_deadline_seconds: Annotated[Int64 | None, Proto(3)] = Field(
        None, alias="activeDeadlineSeconds", description="Seconds after which it has failed."
    )
    pod_failure_policy: Annotated[PodFailurePolicy | None, Proto(11)] = Field(
        None, alias="podFailurePolicy", description="What failed pods mean."
    )
    success_policy: Annotated[SuccessPolicy | None, Proto(16)] = Field(
        None, alias="successPolicy", description="When it has succeeded early."
    )
    backoff_limit: Annotated[Int32 | None, Proto(7)] = Field(
        None,
        alias="backoffLimit",
        description="How many failures it takes to fail; 6 where absent.",
    )
    backoff_limit_per_index: Annotated[Int32 | None, Proto(12)] = Field(
        None, alias="backoffLimitPerIndex", description="The same for each index."
    )
    max_failed_indexes: Annotated[Int32 | None, Proto(13)] = Field(
        None, alias="maxFailedIndexes", description="How many indexes may fail."
    )
    selector: Annotated[LabelSelector | None, Proto(4)] = Field(
        None, description="Labels of its pods; made by the server."
    )
    manual_selector: Annotated[bool | None, Proto(5)] = Field(
        None, alias="manualSelector", description="Whether the selector is yours."
    )
    template: Annotated[PodTemplateSpec | None, Proto(6), REQUIRED] = Field(
        None, description="What its pods look like; restartPolicy OnFailure or Never."
    )
    ttl_seconds_after_finished: Annotated[Int32 | None, Proto(8)] = Field(
        None,
        alias="ttlSecondsAfterFinished",
        description="Seconds after its end when it is deleted.",
    )
    completion_mode: Annotated[str, Proto(9)] = Field(
        "", alias="completionMode", description="NonIndexed, or Indexed: each pod has a number."
    )
    suspend: Annotated[bool | None, Proto(10)] = Field(None, description="Whether it stands still.")
    pod_replacement_policy: Annotated[str, Proto(14)] = Field(
        "",
        alias="podReplacementPolicy",
        description="When a failed pod is replaced: TerminatingOrFailed or Failed.",
    )
    managed_by: Annotated[str, Proto(15)] = Field(
        "", alias="managedBy", description="The controller that runs it, where it is a foreign one."
    )


class JobTemplateSpec(Model):
    """What jobs made from a template look like."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[JobSpec, Proto(2)] = Field(
        default_factory=JobSpec, description="What is wanted."
    )


class CronJobSpec(Model):
    """What is wanted of the cron job."""

    schedule: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="When, as five cron fields or a name such as @daily."
    )
    time_zone: Annotated[str, Proto(8)] = Field(
        "", alias="timeZone", description="The zone of the schedule; UTC where absent."
    )
    starting_deadline_seconds: Annotated[Int64 | None, Proto(2)] = Field(
        None, alias="startingDeadlineSeconds", description="How late a missed job may still start."
    )
    concurrency_policy: Annotated[str, Proto(3)] = Field(
        "",
        alias="concurrencyPolicy",
        description="Allow, Forbid or Replace, while the last job still runs.",
    )
    suspend: Annotated[bool | None, Proto(4)] = Field(
        None, description="Whether no new jobs are made."
    )
    job_template: Annotated[JobTemplateSpec | None, Proto(5), REQUIRED] = Field(
        None, alias="jobTemplate", description="What its jobs look like."
    )
    successful_jobs_history_limit: Annotated[Int32 | None, Proto(6)] = Field(
        None,
        alias="successfulJobsHistoryLimit",
        description="How many succeeded jobs are kept; 3 where absent.",
    )
    failed_jobs_history_limit: Annotated[Int32 | None, Proto(7)] = Field(
        None,
        alias="failedJobsHistoryLimit",
        description="How many failed jobs are kept; 1 where absent.",
    )


class CronJobStatus(Model):
    """What was last observed of the cron job."""

    active: Annotated[Items[ObjectReference], Proto(1)] = Field(
        (), description="Jobs that run now."
    )
    last_schedule_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastScheduleTime", description="When a job was last made."
    )
    last_successful_time: Annotated[Time, Proto(5)] = Field(
        "", alias="lastSuccessfulTime", description="When a job last succeeded."
    )


class CronJob(TypedModel):
    """Makes jobs on a schedule."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[CronJobSpec, Proto(2), REQUIRED] = Field(
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
    """Ended pods that are not in the counts yet."""

    succeeded: Annotated[Items[str], Proto(1), ListType("set")] = Field(
        (), description="Uids of those that succeeded."
    )
    failed: Annotated[Items[str], Proto(2), ListType("set")] = Field(
        (), description="Uids of those that failed."
    )


class JobStatus(Model):
    """What was last observed of the job."""

    conditions: Annotated[Items[JobCondition], Proto(1), MergeKey("type")] = Field(
        (), description="Aspects of its state: Complete, Failed, Suspended."
    )
    start_time: Annotated[Time, Proto(2)] = Field(
        "", alias="startTime", description="When it began."
    )
    completion_time: Annotated[Time, Proto(3)] = Field(
        "", alias="completionTime", description="When it succeeded."
    )
    active: Annotated[Int32, Proto(4)] = Field(0, description="Pods that run.")
    succeeded: Annotated[Int32, Proto(5)] = Field(0, description="Pods that succeeded.")
    failed: Annotated[Int32, Proto(6)] = Field(0, description="Pods that failed.")
    terminating: Annotated[Int32 | None, Proto(11)] = Field(
        None, description="Pods on their way out."
    )
    completed_indexes: Annotated[str, Proto(7)] = Field(
        "", alias="completedIndexes", description="Indexes that succeeded, such as 1,3-5."
    )
    failed_indexes: Annotated[str, Proto(10)] = Field(
        "", alias="failedIndexes", description="Indexes that failed."
    )
    uncounted_terminated_pods: Annotated[UncountedTerminatedPods | None, Proto(8)] = Field(
        None, alias="uncountedTerminatedPods", description="Ended pods that are not counted yet."
    )
    ready: Annotated[Int32 | None, Proto(9)] = Field(None, description="Pods that are ready.")


class Job(TypedModel):
    """Runs pods until enough of them have succeeded."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[JobSpec, Proto(2)] = Field(
        default_factory=JobSpec, description="What is wanted."
    )
    status: Annotated[JobStatus, Proto(3)] = Field(
        default_factory=JobStatus, description="What was last observed; written by the system."
    )
