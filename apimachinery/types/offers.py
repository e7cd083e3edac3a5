"""The kinds of the offer side, `offers.bireme.dev/v1`: frameworks, roles, tasks and live offers.

Neighbours: `offers.master` keeps them and serves `Offer` from its ledger. These kinds have no
protobuf form, so their fields carry no numbers.
"""

from collections.abc import Mapping

from pydantic import Field

from apimachinery.types.base import (
    Int32,
    Int64,
    Items,
    MicroTime,
    Model,
    Quantity,
    RawExtension,
    TypedModel,
)
from apimachinery.types.meta import Condition, ObjectMeta

META = "Name, labels and the rest that every object has."


class FrameworkSpec(Model):
    """Who the framework is and what it asked for when it subscribed."""

    id: str = Field("", description="Its id in the offers; the object's name where absent.")
    name: str = Field("", description="The framework's own name for itself.")
    user: str = Field("", description="The user that its tasks run as where they say nothing.")
    principal: str = Field("", description="The identity that subscribed.")
    account: str = Field(
        "",
        description="The user in whose name its pods are made: proven by credentials; else empty.",
    )
    roles: Items[str] = Field((), description="The roles whose offers it takes.")
    suppressed_roles: Items[str] = Field(
        (), alias="suppressedRoles", description="Roles for which it wants no offers now."
    )
    capabilities: Items[str] = Field((), description="Capabilities it announced.")
    failover_timeout_seconds: Int64 | None = Field(
        None,
        alias="failoverTimeoutSeconds",
        description="How long its tasks live on after it has disconnected.",
    )
    namespace: str = Field("", description="The namespace in which its tasks run.")
    host_tasks: bool | None = Field(
        None,
        alias="hostTasks",
        description="Whether its tasks may use the nodes' own file system.",
    )
    info: RawExtension | None = Field(
        None, description="The whole FrameworkInfo message as the framework sent it."
    )


class FrameworkStatus(Model):
    """What the offer master knows of the framework."""

    connected: bool | None = Field(None, description="Whether a subscription is open.")
    active: bool | None = Field(None, description="Whether it gets offers.")
    removed: bool | None = Field(None, description="Torn down: it may not subscribe again.")
    registered_time: MicroTime = Field(
        "", alias="registeredTime", description="When it first subscribed."
    )
    reregistered_time: MicroTime = Field(
        "", alias="reregisteredTime", description="When it last subscribed."
    )
    disconnected_time: MicroTime = Field(
        "", alias="disconnectedTime", description="When the last subscription ended."
    )
    tasks: Int32 | None = Field(
        None, description="How many tasks, or pods of the pods' own, it has that have not ended."
    )
    used: Mapping[str, Quantity] = Field(
        default_factory=dict, description="What its tasks use, by resource."
    )
    conditions: Items[Condition] = Field((), description="Aspects of its state.")


class Framework(TypedModel):
    """A scheduler that takes offers: the pods' own, or one that speaks the Mesos API."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description=META)
    spec: FrameworkSpec = Field(default_factory=FrameworkSpec, description="What it asked for.")
    status: FrameworkStatus = Field(
        default_factory=FrameworkStatus, description="What the master knows of it."
    )


class RoleSpec(Model):
    """How a role shares the machines."""

    path: str = Field(
        "", description="The role's path; where absent, the name with its dots as slashes."
    )
    weight: Quantity | None = Field(
        None, description="Its share relative to its siblings; 1 where absent."
    )
    guarantees: Mapping[str, Quantity] = Field(
        default_factory=dict, description="Quota that is kept for the role."
    )
    limits: Mapping[str, Quantity] = Field(
        default_factory=dict, description="What it may never exceed."
    )


class RoleStatus(Model):
    """What the role has now."""

    share: str = Field("", description="Its dominant share of the cluster, as a decimal.")
    dominant_resource: str = Field(
        "", alias="dominantResource", description="The resource of which it has the largest share."
    )
    used: Mapping[str, Quantity] = Field(default_factory=dict, description="In use by it.")
    offered: Mapping[str, Quantity] = Field(default_factory=dict, description="On offer to it.")
    frameworks: Int32 | None = Field(None, description="Frameworks subscribed to it.")
    waiting: Items[str] = Field(
        (), description="Frameworks that want offers for it and have none, and why."
    )


class Role(TypedModel):
    """Weight and quota of a role, named as in the offers; unset roles have weight 1, no quota."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description=META)
    spec: RoleSpec = Field(default_factory=RoleSpec, description="How it shares the machines.")
    status: RoleStatus = Field(default_factory=RoleStatus, description="What it has now.")


class TaskUpdate(Model):
    """A state that the framework has not acknowledged yet."""

    uuid: str = Field("", description="Names the update; the same after a restart.")
    state: str = Field("", description="The task's state, such as TASK_RUNNING.")
    timestamp: MicroTime = Field("", description="When the state was reached.")
    reason: str = Field("", description="Why, as one of the reasons of the Mesos API.")
    message: str = Field("", description="A sentence for people.")
    status: RawExtension | None = Field(None, description="The whole TaskStatus message.")


class TaskSpec(Model):
    """What the framework launched."""

    framework_id: str = Field("", alias="frameworkID", description="The framework's id.")
    task_id: str = Field("", alias="taskID", description="The id that the framework gave it.")
    agent_id: str = Field("", alias="agentID", description="The node that it was launched on.")
    executor_id: str = Field("", alias="executorID", description="The executor it runs under.")
    name: str = Field("", description="The framework's name for it.")
    role: str = Field("", description="The role that pays for it.")
    pod: str = Field("", description="The pod that runs it.")
    container: str = Field("", description="Its container in that pod.")
    resources: Mapping[str, Quantity] = Field(
        default_factory=dict, description="What it was given."
    )
    kill: bool | None = Field(None, description="The framework wants it ended.")
    kill_grace_seconds: Int64 | None = Field(
        None, alias="killGraceSeconds", description="Time between the asking and the killing."
    )
    info: RawExtension | None = Field(None, description="The whole TaskInfo message.")
    executor: RawExtension | None = Field(
        None, description="The whole ExecutorInfo message of a task group."
    )
    run: str = Field("", description="Tells this launch from others with the same ids.")
    index: Int32 | None = Field(None, description="Its place among the pod's containers.")


class TaskStatus(Model):
    """How far it got, and what the framework has not heard yet."""

    state: str = Field("", description="The latest state.")
    sequence: Int64 | None = Field(
        None, description="Counts its updates; update ids derive from it."
    )
    pending: Items[TaskUpdate] = Field(
        (), description="Updates not yet acknowledged, oldest first."
    )
    started_time: MicroTime = Field("", alias="startedTime", description="When it began to run.")
    finished_time: MicroTime = Field("", alias="finishedTime", description="When it ended.")
    message: str = Field("", description="A sentence about the latest state.")
    healthy: bool | None = Field(None, description="What its health check said last.")
    pod_created: bool | None = Field(
        None,
        alias="podCreated",
        description="Its pod was made: from then on its absence is its end.",
    )
    forwarded: RawExtension | None = Field(
        None, description="The TaskStatus message that was sent last."
    )


class Task(TypedModel):
    """The durable record of a framework's task; it outlives the pod until its end is known."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description=META)
    spec: TaskSpec = Field(default_factory=TaskSpec, description="What was launched.")
    status: TaskStatus = Field(default_factory=TaskStatus, description="How far it got.")


class ExecutorSpec(Model):
    """What the offer master wants of an executor. The lists hold what is not yet known to be done."""

    framework_id: str = Field("", alias="frameworkID", description="The framework's id.")
    executor_id: str = Field("", alias="executorID", description="The id that the framework gave.")
    agent_id: str = Field("", alias="agentID", description="The node that it runs on.")
    role: str = Field("", description="The role that pays for it.")
    pod: str = Field("", description="The pod that it runs in.")
    run: str = Field("", description="Tells this executor from others with the same ids.")
    pod_created: bool | None = Field(
        None,
        alias="podCreated",
        description="Its pod was made: from then on its absence is its end.",
    )
    framework: RawExtension | None = Field(None, description="The whole FrameworkInfo message.")
    info: RawExtension | None = Field(None, description="The whole ExecutorInfo message.")
    launches: Items[RawExtension] = Field(
        (), description="Tasks to be handed over, numbered, oldest first."
    )
    kills: Items[RawExtension] = Field((), description="Tasks that it is to end.")
    acknowledged: Items[RawExtension] = Field(
        (), description="Its updates that the framework has acknowledged."
    )
    messages: Items[RawExtension] = Field((), description="Messages of the framework, numbered.")
    heard: Int64 | None = Field(
        None, description="The number of its last message that the framework was sent."
    )
    shutdown: bool | None = Field(None, description="It is to end.")


class ExecutorStatus(Model):
    """What its node's agent knows of it."""

    connected: bool | None = Field(None, description="Whether a subscription is open.")
    registered_time: MicroTime = Field(
        "", alias="registeredTime", description="When it first subscribed."
    )
    delivered: Int64 | None = Field(None, description="The number of the last launch handed over.")
    told: Int64 | None = Field(None, description="The number of the last message handed over.")
    updates: Items[RawExtension] = Field(
        (), description="TaskStatus messages of its tasks, not yet acknowledged, oldest first."
    )
    messages: Items[RawExtension] = Field((), description="Messages to the framework, numbered.")


class Executor(TypedModel):
    """A framework's own executor on one node: the line between offer master and agent about it."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description=META)
    spec: ExecutorSpec = Field(default_factory=ExecutorSpec, description="What is wanted of it.")
    status: ExecutorStatus = Field(
        default_factory=ExecutorStatus, description="What its node's agent knows of it."
    )


class OfferSpec(Model):
    """What is offered to whom."""

    framework_id: str = Field("", alias="frameworkID", description="Who may take it.")
    framework_name: str = Field("", alias="frameworkName", description="That framework's name.")
    role: str = Field("", description="The role it is made for.")
    node_name: str = Field("", alias="nodeName", description="Where the resources are.")
    resources: Mapping[str, Quantity] = Field(default_factory=dict, description="What is offered.")
    expires: MicroTime = Field("", description="When it is taken back by itself.")


class Offer(TypedModel):
    """Resources of one node that one framework may take now; served from memory, never stored."""

    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description=META)
    spec: OfferSpec = Field(default_factory=OfferSpec, description="What is offered to whom.")
