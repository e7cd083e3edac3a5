"""What a task's update means for its instance, its app and those who listen.

Neighbours: `session` brings updates, `instance.after` says what the instance becomes, `engine`
does what then has to be done.
"""

from collections.abc import Mapping
from dataclasses import replace

from frameworks.marathon import times
from frameworks.marathon.engine import Engine
from frameworks.marathon.instance import (
    FAILURES,
    Failure,
    Instance,
    address,
    after,
    owner,
    part_after,
)
from frameworks.marathon.spec import App
from offers.sdk import TaskStatus

CONDITIONS: Mapping[str, str] = {
    "TASK_STAGING": "Staging",
    "TASK_STARTING": "Starting",
    "TASK_RUNNING": "Running",
    "TASK_KILLING": "Killing",
    "TASK_FINISHED": "Finished",
    "TASK_FAILED": "Failed",
    "TASK_KILLED": "Killed",
    "TASK_ERROR": "Error",
    "TASK_DROPPED": "Dropped",
    "TASK_GONE": "Gone",
    "TASK_GONE_BY_OPERATOR": "Gone",
    "TASK_LOST": "Gone",
    "TASK_UNREACHABLE": "Unreachable",
    "TASK_UNKNOWN": "Unknown",
}


def apply(engine: Engine, status: TaskStatus) -> bool:
    """Take an update in; False for a running task that nobody knows."""
    key, container = owner(status.task_id)
    old = engine.state.instances.get(key)
    if old is None:
        over = status.over or status.state == "TASK_UNKNOWN"
        if over:
            _unknown(engine, status)
        return over
    app = engine.state.spec(old.app_id)
    if container:
        new, whole = part_after(old, container, status, engine.now())
    else:
        new, whole = after(old, status, app, engine.now()), status
    _publish(engine, new or old, status, whole)
    if new is None:
        engine.ended(old.task_id)
        if app is not None and _bad_end(old, whole):
            _note_failure(engine, app, old, whole)
    elif new != old:
        engine.state.instances[new.task_id] = new
        if app is not None and new.alive(app) is not old.alive(app):
            told_health(engine, app, new)
        engine.poke()
    return True


def _bad_end(instance: Instance, status: TaskStatus) -> bool:
    """Whether the next launch waits: nobody asked for this end."""
    if instance.leaving:
        return False
    return status.state in FAILURES or status.state == "TASK_KILLED"


def _note_failure(engine: Engine, app: App, old: Instance, status: TaskStatus) -> None:
    if app.id not in engine.state.apps:
        return
    engine.state.failures[app.id] = Failure(
        app_id=app.id,
        task_id=old.task_id,
        host=old.host,
        agent_id=old.agent_id,
        state=status.state,
        message=status.message,
        timestamp=times.stamp(engine.now()),
        version=old.version,
    )
    if old.config == app.config:
        engine.queue.failed(app, engine.now())


def told_health(engine: Engine, app: App, instance: Instance) -> None:
    """Its health has changed: say so."""
    engine.bus.publish(
        "instance_health_changed_event",
        instanceId=instance.id,
        runSpecId=app.id,
        runSpecVersion=instance.version,
        healthy=instance.alive(app),
    )


def _publish(engine: Engine, instance: Instance, status: TaskStatus, whole: TaskStatus) -> None:
    """Of the task, then of the instance as a whole."""
    engine.bus.publish(
        "status_update_event",
        slaveId=instance.agent_id,
        taskId=status.task_id,
        taskStatus=status.state,
        message=status.message,
        appId=instance.app_id,
        host=instance.host,
        ipAddresses=[address(one) for one in instance.addresses],
        ports=list(instance.ports),
        version=instance.version,
    )
    engine.changed(instance, CONDITIONS.get(whole.state, "Unknown"))


def _unknown(engine: Engine, status: TaskStatus) -> None:
    engine.bus.publish(
        "unknown_instance_terminated_event",
        instanceId=status.task_id.partition("._app.")[0],
        runSpecId="/" + status.task_id.partition(".instance-")[0].replace("_", "/"),
        condition=CONDITIONS.get(status.state, "Unknown"),
    )


def passed_readiness(engine: Engine, task_id: str) -> None:
    """A deployment need not wait for it any longer."""
    if (one := engine.state.instances.get(task_id)) is not None and not one.ready:
        engine.state.instances[task_id] = replace(one, ready=True)
        engine.poke()
