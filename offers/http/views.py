"""Frameworks, tasks, executors and agents as messages of the v1 operator API.

Neighbours: `operator` answers with them, `watchers` tells of their changes; `legacy` has the flat
shapes of before v1.
"""

from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from offers import shapes
from offers.framework import Framework
from offers.ledger import Account
from offers.messages import Offer
from offers.tasks.executor import Executor
from offers.tasks.record import Task

COPIED = ("labels", "discovery", "container", "health_check", "kill_policy", "max_completion_time")
"""What a Task has of its TaskInfo."""


def moment(seconds: float) -> JsonObject:
    """A TimeInfo."""
    return {"nanoseconds": int(seconds * 1e9)}


def framework(one: Framework, offers: list[JsonObject] | None = None) -> JsonObject:
    connected = one.stream is not None
    found: JsonObject = {
        "framework_info": one.info,
        "active": connected,
        "connected": connected,
        "recovered": not connected and not one.reregistered,
        "registered_time": moment(one.registered),
        "offers": offers or [],
        "inverse_offers": [],
        "allocated_resources": [],
        "offered_resources": [],
    }
    if one.reregistered:
        found["reregistered_time"] = moment(one.reregistered)
    if one.disconnected is not None:
        found["unregistered_time"] = moment(one.disconnected)
    return found


def task(one: Task) -> JsonObject:
    found: JsonObject = {
        "name": one.info["name"],
        "task_id": {"value": one.task_id},
        "framework_id": {"value": one.framework_id},
        "agent_id": {"value": one.node},
        "state": one.state,
        "resources": one.info.get("resources") or [],
        "statuses": list(one.history),
    }
    if one.executor_id:
        found["executor_id"] = {"value": one.executor_id}
    if one.forwarded:
        found["status_update_state"] = one.forwarded["state"]
        if "uuid" in one.forwarded:
            found["status_update_uuid"] = one.forwarded["uuid"]
    if user := (one.info.get("command") or {}).get("user"):
        found["user"] = user
    return found | {key: one.info[key] for key in COPIED if key in one.info}


def executor(one: Executor) -> JsonObject:
    return {"executor_info": one.info, "agent_id": {"value": one.node}}


def agent(slave: JsonObject, account: Account) -> JsonObject:
    """From the flat shape and the books."""
    info: JsonObject = {
        "id": {"value": slave["id"]},
        "hostname": slave["hostname"],
        "port": slave["port"],
        "resources": shapes.to_mesos(account.capacity, account.ports),
        "attributes": shapes.attributes(account.attributes),
    }
    if domain := shapes.domain(account.attributes):
        info["domain"] = domain
    return {
        "agent_info": info,
        "active": slave["active"],
        "deactivated": slave["deactivated"],
        "version": marks.VERSION,
        "pid": slave["pid"],
        "registered_time": moment(slave["registered_time"]),
        "total_resources": info["resources"],
        "allocated_resources": shapes.to_mesos(account.used),
        "offered_resources": shapes.to_mesos(account.offered),
        "capabilities": [],
        "resource_providers": [],
    }


def offer(one: Offer) -> JsonObject:
    """An offer as those who look on see it."""
    return {
        "id": {"value": one.id},
        "framework_id": {"value": one.framework_id},
        "agent_id": {"value": one.node},
        "allocation_info": {"role": one.role},
        "resources": shapes.to_mesos(one.resources, one.ports, one.role),
    }
