"""What runs on this node as the v1 messages of the operator API: tasks, executors, frameworks.

Only this node's side of it: what a task asked for stands in its Task object, with the master.
Neighbours: `facts` knows the pods and words what came before v1; `operator` answers with this.
"""

from collections.abc import Iterator

from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.mesos.facts import Facts, executor_id, mark
from kubelet.worker import PodWorker


def tasks(facts: Facts) -> JsonObject:
    """GET_TASKS."""
    known = [one for worker in facts.workers() for one in _tasks(facts, worker)]
    ended = ("TASK_FINISHED", "TASK_FAILED")
    return {
        "pending_tasks": [],
        "queued_tasks": [],
        "launched_tasks": [one for one in known if one["state"] not in ended],
        "terminated_tasks": [one for one in known if one["state"] in ended],
        "completed_tasks": [],
    }


def _tasks(facts: Facts, worker: PodWorker) -> Iterator[JsonObject]:
    executor = facts.executor_of(worker)
    ids = {
        "framework_id": {"value": mark(worker, marks.FRAMEWORK_ID)},
        "executor_id": {"value": executor_id(worker)},
        "agent_id": facts.agent_info()["id"],
        "statuses": [],
    }
    if executor is not None:
        for task_id, info in executor.tasks.items():
            said = [one["state"] for one in executor.updates if one["task_id"]["value"] == task_id]
            # what it said before that was acknowledged, and is no more known here
            state = said[-1] if said else "TASK_RUNNING"
            known = {"name": info["name"], "task_id": info["task_id"], "state": state}
            yield {**known, "resources": info.get("resources") or [], **ids}
        return
    specs = worker.pod["spec"]["containers"]
    for name, spec in zip(mark(worker, marks.TASK_IDS).split("\n"), specs, strict=False):
        state = _state(worker, spec["name"])
        yield {"name": name, "task_id": {"value": name}, "state": state, "resources": [], **ids}


def _state(worker: PodWorker, container: str) -> str:
    """As the agent itself sees it."""
    attempts = worker.ledger.attempts.get(container, ())
    if not attempts:
        return "TASK_STAGING"
    last = attempts[-1]
    if not last.over:
        return "TASK_RUNNING"
    return "TASK_FAILED" if last.exit_code else "TASK_FINISHED"


def executors(facts: Facts) -> JsonObject:
    """GET_EXECUTORS."""
    found: dict[bool, list[JsonObject]] = {True: [], False: []}
    for worker in facts.workers():
        executor = facts.executor_of(worker)
        info = dict(executor.spec.get("info") or {}) if executor is not None else {}
        info |= {
            "executor_id": {"value": executor_id(worker)},
            "framework_id": {"value": mark(worker, marks.FRAMEWORK_ID)},
        }
        found[reading.finished(worker.pod)].append({"executor_info": info})
    return {"executors": found[False], "completed_executors": found[True]}


def frameworks(facts: Facts) -> JsonObject:
    """GET_FRAMEWORKS."""
    infos = [
        {"id": {"value": one["id"]}, "name": one["name"], "user": one["user"]}
        for one in facts.frameworks()
    ]
    return {
        "frameworks": [{"framework_info": info} for info in infos],
        "completed_frameworks": [],
    }


def state(facts: Facts) -> JsonObject:
    """GET_STATE."""
    return {
        "get_tasks": tasks(facts),
        "get_executors": executors(facts),
        "get_frameworks": frameworks(facts),
    }


def metrics(facts: Facts) -> dict[str, float]:
    """GET_METRICS and `/metrics/snapshot`."""
    launched = tasks(facts)["launched_tasks"]
    amounts = {each["name"]: each["scalar"]["value"] for each in facts.agent_info()["resources"]}
    return {
        "slave/registered": 1.0,
        "slave/uptime_secs": facts.uptime(),
        "slave/executors_running": float(len(executors(facts)["executors"])),
        "slave/frameworks_active": float(len(frameworks(facts)["frameworks"])),
        "slave/tasks_running": float(sum(one["state"] == "TASK_RUNNING" for one in launched)),
        "slave/tasks_staging": float(sum(one["state"] == "TASK_STAGING" for one in launched)),
        **{f"slave/{name}_total": amount for name, amount in amounts.items()},
    }
