"""What an ACCEPT asks for, checked against what its offers hold. Pure.

Operations are carried out in order, each against what those before it left over. A task that is
not in order fails by itself; a group fails as a whole. Neighbours: `validate` has the rules;
`service` books the launches and tells the framework of the refusals.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from apimachinery.wire import JsonObject
from offers import ranges, resources
from offers.messages import Offer
from offers.ranges import Ranges
from offers.resources import Vector
from offers.tasks import pods, states, validate


@dataclass(frozen=True, slots=True)
class Launched:
    """Tasks that will share one pod."""

    tasks: tuple[JsonObject, ...]
    executor: JsonObject | None
    amount: Vector
    ports: Ranges


@dataclass(frozen=True, slots=True)
class Refused:
    """A task that will not run."""

    task_id: str
    state: str
    reason: str
    message: str
    executor_id: str = ""


@dataclass(slots=True)
class Plan:
    """What comes of an ACCEPT."""

    launched: list[Launched] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unsupported: list[JsonObject] = field(default_factory=list)
    """Operations that can't be carried out."""


def tasks_of(operations: Sequence[JsonObject]) -> list[JsonObject]:
    """All tasks that an ACCEPT would launch."""
    found: list[JsonObject] = []
    for operation in operations:
        found += (operation.get("launch") or {}).get("task_infos") or ()
        group = (operation.get("launch_group") or {}).get("task_group") or {}
        found += group.get("tasks") or ()
    return found


def refuse_all(
    operations: Sequence[JsonObject], state: str, reason: str, message: str
) -> list[Refused]:
    """Every task of the call, for the same reason."""
    return [
        Refused(info["task_id"]["value"], state, reason, message) for info in tasks_of(operations)
    ]


def plan(offers: Sequence[Offer], operations: Sequence[JsonObject], known: Collection[str]) -> Plan:
    """Check one ACCEPT whose offers are of one node and role; `known` are task ids in use."""
    made = Plan()
    rest: Vector = {}
    free: Ranges = ()
    for offer in offers:
        rest, free = resources.add(rest, offer.resources), ranges.union(free, offer.ports)
    bounded = any(resources.PODS in offer.resources for offer in offers)
    taken = set(known)
    for operation in operations:
        for tasks, executor in _launches(operation, made):
            problem = _problem(tasks, executor, offers[0].node, taken)
            if problem:
                made.refused += _refusals(tasks, executor, problem)
                continue
            amount, ports = pods.charge(tasks, executor)
            if not bounded:
                amount = {n: v for n, v in amount.items() if n != resources.PODS}
            elif rest.get(resources.PODS, 0) < 1:
                made.refused += _full(tasks, offers[0].node)
                continue
            if problem := validate.room(amount, ports, rest, free):
                made.refused += _refusals(tasks, executor, problem)
                continue
            rest, free = resources.subtract(rest, amount), ranges.subtract(free, ports)
            taken.update(info["task_id"]["value"] for info in tasks)
            made.launched.append(Launched(tuple(tasks), executor, amount, ports))
    return made


def _launches(
    operation: JsonObject, made: Plan
) -> list[tuple[list[JsonObject], JsonObject | None]]:
    kind = operation.get("type")
    if "id" in operation and kind in ("LAUNCH", "LAUNCH_GROUP"):
        message = f"The `id` field cannot be set on {kind} operations"
        reason = "REASON_TASK_INVALID"
        made.refused += refuse_all([operation], states.ERROR, reason, message)
        return []
    if kind == "LAUNCH":
        infos = (operation.get("launch") or {}).get("task_infos") or ()
        return [([info], None) for info in infos]
    if kind == "LAUNCH_GROUP" and "launch_group" in operation:
        group = operation["launch_group"]
        return [(list(group["task_group"].get("tasks") or ()), group["executor"])]
    made.unsupported.append(operation)
    return []


def _problem(
    tasks: list[JsonObject], executor: JsonObject | None, node: str, taken: Collection[str]
) -> str:
    problem = validate.group(executor, tasks, node) if executor else validate.task(tasks[0], node)
    if problem:
        return problem
    if (executor or {}).get("type") == "CUSTOM" or (executor is None and "executor" in tasks[0]):
        return "Custom executors are not supported: use a command or a task group"
    for info in tasks:
        if info["task_id"]["value"] in taken:
            return f"Task has duplicate ID: {info['task_id']['value']}"
    return ""


def _refusals(
    tasks: Sequence[JsonObject], executor: JsonObject | None, message: str
) -> list[Refused]:
    reason = "REASON_TASK_GROUP_INVALID" if executor else "REASON_TASK_INVALID"
    return [Refused(info["task_id"]["value"], states.ERROR, reason, message) for info in tasks]


def _full(tasks: Sequence[JsonObject], node: str) -> list[Refused]:
    """Pods are counted too, which no framework can see: that is no fault of the task's."""
    message = f"Agent {node} has no room for another pod"
    return [
        Refused(info["task_id"]["value"], states.DROPPED, "REASON_RESOURCES_UNKNOWN", message)
        for info in tasks
    ]
