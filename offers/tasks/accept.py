"""What an ACCEPT asks for, checked against what its offers hold. Pure.

Operations are carried out in order, each against what those before it left over. A task that is
not in order fails by itself; a group fails as a whole. Neighbours: `validate` has the rules;
`service` books the launches and tells the framework of the refusals.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from apimachinery.wire import JsonObject
from offers import parts, ranges, resources, rights
from offers.messages import Conversion, Offer
from offers.ranges import Ranges
from offers.resources import Vector
from offers.rights import Right
from offers.tasks import operations as changes
from offers.tasks import pods, states, validate


@dataclass(frozen=True, slots=True)
class Launched:
    """Tasks that will share one pod, or go to one custom executor."""

    tasks: tuple[JsonObject, ...]
    executor: JsonObject | None
    amount: Vector
    """What the tasks take, and with them all that is started for them."""
    ports: Ranges
    group: bool = False
    own: Vector | None = None
    """What of it a custom executor takes that is started for them; None if it runs already."""
    own_ports: Ranges = ()

    @property
    def custom(self) -> bool:
        return self.executor is not None and self.executor.get("type") != "DEFAULT"


@dataclass(frozen=True, slots=True)
class Refused:
    """A task that will not run."""

    task_id: str
    state: str
    reason: str
    message: str
    executor_id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that are launched together or not at all."""

    tasks: list[JsonObject]
    executor: JsonObject | None = None
    group: bool = False

    @property
    def custom(self) -> bool:
        return self.executor is not None and self.executor.get("type") != "DEFAULT"


@dataclass(frozen=True, slots=True)
class Known:
    """What a framework has already, and what it may do."""

    tasks: Collection[str] = ()
    """Ids in use."""
    executors: Mapping[str, JsonObject] = field(default_factory=dict)
    """Its custom executors on the offers' node: id → ExecutorInfo."""
    uses_host: bool = False
    """Whether it may use the nodes' own file system."""
    principal: str = ""
    user: str = ""
    """Whom tasks run as that name nobody."""
    denied: AbstractSet[Right] = frozenset()
    """What of all this is not granted to the principal."""
    volumes: AbstractSet[tuple[str, str]] = frozenset()
    """(role, persistence id) of those on the offers' node."""
    in_use: AbstractSet[tuple[str, str]] = frozenset()
    """The same, of those that are used: shared ones are on offer all the same."""


@dataclass(slots=True)
class Plan:
    """What comes of an ACCEPT."""

    launched: list[Launched] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    converted: list[tuple[JsonObject, Conversion]] = field(default_factory=list)
    """Operations on resources, done before anything is launched."""
    failed: list[tuple[JsonObject, str]] = field(default_factory=list)
    """Operations that can't be carried out, and why."""
    volumes: set[tuple[str, str]] = field(default_factory=set)
    """Those on the node after the operations so far."""


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


def plan(offers: Sequence[Offer], operations: Sequence[JsonObject], known: Known) -> Plan:
    """Check one ACCEPT whose offers are of one node and role."""
    made = Plan(volumes=set(known.volumes))
    rest: Vector = {}
    free: Ranges = ()
    for offer in offers:
        rest, free = resources.add(rest, offer.resources), ranges.union(free, offer.ports)
    bounded = any(resources.PODS in offer.resources for offer in offers)
    taken, running = set(known.tasks), dict(known.executors)
    for operation in operations:
        if operation.get("type") in changes.KNOWN:
            rest = _converted(operation, offers[0].role, known, rest, made)
            continue
        for batch in _batches(operation, made):
            refused = _refused(batch, offers[0].node, taken, running, known)
            if refused:
                made.refused += refused
                continue
            launched = _charged(batch, running, bounded=bounded)
            if bounded and launched.amount.get(resources.PODS, 0) > rest.get(resources.PODS, 0):
                made.refused += _full(batch.tasks, offers[0].node)
                continue
            if problem := validate.room(launched.amount, launched.ports, rest, free):
                made.refused += _refusals(batch, problem)
                continue
            rest = resources.subtract(rest, parts.consumed(launched.amount))
            free = ranges.subtract(free, launched.ports)
            taken.update(info["task_id"]["value"] for info in batch.tasks)
            if batch.custom and batch.executor is not None:
                running[batch.executor["executor_id"]["value"]] = batch.executor
            made.launched.append(launched)
    return made


def _converted(operation: JsonObject, role: str, known: Known, rest: Vector, made: Plan) -> Vector:
    """Carry out one operation on what is left; what is left then."""
    if problem := rights.refused(rights.of_operation(operation), known.denied, known.principal):
        made.failed.append((operation, problem))
        return rest
    try:
        change = changes.convert(operation, role, known.principal)
    except changes.OperationError as error:
        made.failed.append((operation, str(error)))
        return rest
    if not resources.fits(change.before, rest):
        made.failed.append((operation, "The offers do not hold these resources"))
        return rest
    before, after = changes.volumes_of(change.before), changes.volumes_of(change.after)
    if clash := (after - before) & made.volumes:
        made.failed.append((operation, f"Persistence ID '{min(clash)[1]}' is in use"))
        return rest
    used = set(known.in_use)
    for one in made.launched:
        used |= changes.volumes_of(one.amount)
    if busy := (before - after) & used:
        made.failed.append((operation, f"Persistent volume '{min(busy)[1]}' is in use"))
        return rest
    made.volumes -= before
    made.volumes |= after
    made.converted.append((operation, change))
    return resources.add(resources.subtract(rest, change.before), change.after)


def _charged(batch: Batch, running: Mapping[str, JsonObject], *, bounded: bool) -> Launched:
    """What a batch takes."""
    own: Vector | None = None
    own_ports: Ranges = ()
    amount, ports = pods.charge(batch.tasks, None if batch.custom else batch.executor)
    if batch.custom and batch.executor is not None:
        # The pod is the executor's, and there is one already where it runs.
        amount = {n: v for n, v in amount.items() if n != resources.PODS}
        if batch.executor["executor_id"]["value"] not in running:
            own, own_ports = pods.charge([], batch.executor)
    if not bounded:
        amount = {n: v for n, v in amount.items() if n != resources.PODS}
        own = None if own is None else {n: v for n, v in own.items() if n != resources.PODS}
    whole = resources.add(amount, own or {})
    spans = ranges.union(ports, own_ports)
    return Launched(tuple(batch.tasks), batch.executor, whole, spans, batch.group, own, own_ports)


def _batches(operation: JsonObject, made: Plan) -> list[Batch]:
    kind = operation.get("type")
    if "id" in operation and kind in ("LAUNCH", "LAUNCH_GROUP"):
        message = f"The `id` field cannot be set on {kind} operations"
        reason = "REASON_TASK_INVALID"
        made.refused += refuse_all([operation], states.ERROR, reason, message)
        return []
    if kind == "LAUNCH":
        infos = (operation.get("launch") or {}).get("task_infos") or ()
        return [Batch([info], info.get("executor")) for info in infos]
    if kind == "LAUNCH_GROUP" and "launch_group" in operation:
        group = operation["launch_group"]
        tasks = list(group["task_group"].get("tasks") or ())
        return [Batch(tasks, group["executor"], group=True)]
    made.failed.append((operation, f"{kind or 'UNKNOWN'} is not supported"))
    return []


def _refused(
    batch: Batch,
    node: str,
    taken: Collection[str],
    running: Mapping[str, JsonObject],
    known: Known,
) -> list[Refused]:
    """The refusals of a batch that can't be; empty if it can."""
    if problem := _problem(batch, node, taken, running):
        return _refusals(batch, problem)
    asked = [rights.runs_as(info, known.user) for info in batch.tasks]
    if problem := rights.refused(asked, known.denied, known.principal):
        return _refusals(batch, problem, "UNAUTHORIZED")
    if not known.uses_host:
        for part in (*batch.tasks, *([batch.executor] if batch.executor else [])):
            if problem := validate.needs_host(part):
                return _refusals(batch, problem, "UNAUTHORIZED")
    return []


def _problem(
    batch: Batch, node: str, taken: Collection[str], running: Mapping[str, JsonObject]
) -> str:
    if batch.group and batch.executor is not None:
        problem = validate.group(batch.executor, batch.tasks, node)
    else:
        problem = validate.task(batch.tasks[0], node)
    if problem:
        return problem
    if batch.custom and batch.executor is not None:
        if problem := validate.executor(batch.executor):
            return problem
        there = running.get(batch.executor["executor_id"]["value"])
        if there is not None and _plain(there) != _plain(batch.executor):
            executor_id = batch.executor["executor_id"]["value"]
            return (
                "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID "
                f"'{executor_id}'"
            )
    for info in batch.tasks:
        if info["task_id"]["value"] in taken:
            return f"Task has duplicate ID: {info['task_id']['value']}"
    return ""


def _plain(executor: JsonObject) -> JsonObject:
    """Without what the master fills in."""
    return {n: v for n, v in executor.items() if n not in ("framework_id", "type")}


def _refusals(batch: Batch, message: str, why: str = "INVALID") -> list[Refused]:
    reason = f"REASON_TASK_GROUP_{why}" if batch.group else f"REASON_TASK_{why}"
    return [
        Refused(info["task_id"]["value"], states.ERROR, reason, message) for info in batch.tasks
    ]


def _full(tasks: Sequence[JsonObject], node: str) -> list[Refused]:
    """Pods are counted too, which no framework can see: that is no fault of the task's."""
    message = f"Agent {node} has no room for another pod"
    return [
        Refused(info["task_id"]["value"], states.DROPPED, "REASON_RESOURCES_UNKNOWN", message)
        for info in tasks
    ]
