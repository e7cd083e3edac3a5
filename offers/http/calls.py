"""What the calls of the v1 scheduler API do, once HTTP and shape are checked.

Plain functions that never wait: calls of a framework take effect in the order in which they
arrive. Neighbours: `scheduler` (the endpoint) hands calls over; `offers.master`,
`offers.frameworks` and `offers.tasks.service` carry them out.
"""

import logging
import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace

from apimachinery.aio.clock import Clock
from apimachinery.wire import JsonObject
from offers import messages
from offers.framework import Framework
from offers.frameworks import Frameworks
from offers.maintenance import Maintenance
from offers.master import OfferMaster
from offers.messages import Offer
from offers.reservations import Reservations
from offers.rights import Right
from offers.tasks import accept, states
from offers.tasks.accept import Refused
from offers.tasks.operations import KNOWN
from offers.tasks.record import Task
from offers.tasks.service import TaskService

LOG = logging.getLogger(__name__)

REFUSE_S = 5.0
"""Mesos' default: also where a filter is negative or absent."""


class Calls:
    """All calls but SUBSCRIBE and UPDATE_FRAMEWORK."""

    def __init__(
        self,
        master: OfferMaster,
        frameworks: Frameworks,
        tasks: TaskService,
        maintenance: Maintenance,
        reservations: Reservations,
        *,
        node_state: Callable[[str], str],
        clock: Clock,
    ) -> None:
        """`node_state` tells "ready", "unreachable" or "" (unknown) of an agent."""
        self._master, self._frameworks, self._tasks = master, frameworks, tasks
        self._maintenance, self._reservations = maintenance, reservations
        self._node_state = node_state
        self._clock = clock
        self._handlers: dict[str, Callable[[Framework, JsonObject], None]] = {
            "TEARDOWN": lambda framework, _: self._frameworks.remove(framework),
            "DECLINE": self._decline,
            "REVIVE": self._revive,
            "SUPPRESS": self._suppress,
            "KILL": self._kill,
            "ACKNOWLEDGE": self._acknowledge,
            "RECONCILE": self._reconcile,
            "RECONCILE_OPERATIONS": self._reconcile_operations,
            "MESSAGE": self._message,
            "SHUTDOWN": self._shutdown,
            "ACCEPT_INVERSE_OFFERS": self._accept_inverse,
            "DECLINE_INVERSE_OFFERS": self._decline_inverse,
            "ACKNOWLEDGE_OPERATION_STATUS": self._acknowledge_operation,
            # Demand is not asked for: it shows in what is revived and declined.
            "REQUEST": _nothing,
        }

    def knows(self, kind: str) -> bool:
        return kind == "ACCEPT" or kind in self._handlers

    def handle(
        self, framework: Framework, call: JsonObject, denied: AbstractSet[Right] = frozenset()
    ) -> None:
        """`denied` is what of an ACCEPT is not granted."""
        kind = call["type"]
        body = call.get(kind.lower()) or {}
        if kind == "ACCEPT":
            self._accept(framework, body, denied)
        else:
            self._handlers[kind](framework, body)

    # --- offers

    def _accept(self, framework: Framework, body: JsonObject, denied: AbstractSet[Right]) -> None:
        ids = [one["value"] for one in body.get("offer_ids") or ()]
        operations = body.get("operations") or []
        found = [self._master.offer(framework.id, offer_id) for offer_id in ids]
        offers = [offer for offer in found if offer is not None]
        if problem := _invalid(ids, offers):
            valid = tuple(dict.fromkeys(offer.id for offer in offers))
            self._master.call(framework.id, messages.Decline(valid, 0.0))
            reason = "REASON_INVALID_OFFERS"
            self._refuse(
                framework, accept.refuse_all(operations, states.DROPPED, reason, problem), ""
            )
            lost = [(one, problem) for one in operations if one.get("type") in KNOWN]
            self._reservations.failed(framework, lost)
            return
        node, role = offers[0].node, offers[0].role
        known = self._tasks.known(framework, node)
        known = replace(known, user=framework.info["user"], denied=denied)
        plan = accept.plan(offers, operations, known)
        runs = [self._tasks.prepare(framework, one, role, node) for one in plan.launched]
        launches = tuple(launch for run in runs for launch in run.launches)
        seconds = _refuse_seconds(body)
        if not launches and not plan.converted and not plan.refused and not plan.failed:
            self._master.call(framework.id, messages.Decline(tuple(ids), seconds))
            return
        converted = tuple(change for _, change in plan.converted)
        booked = messages.Accept(tuple(ids), launches, seconds, converted)
        if not self._master.call(framework.id, booked):
            LOG.error("offers=%s framework=%s could not be booked", ids, framework.name)
            self._master.call(framework.id, messages.Decline(tuple(ids), 0.0))
            return
        for run in runs:
            self._tasks.launch(framework, run)
        self._refuse(framework, plan.refused, node)
        self._reservations.done(framework, node, plan.converted)
        self._reservations.failed(framework, plan.failed)

    def _refuse(self, framework: Framework, refused: list[Refused], node: str) -> None:
        for one in refused:
            update = {
                "task_id": {"value": one.task_id},
                "state": states.told(one.state, framework.capabilities),
                "source": states.MASTER,
                "reason": one.reason,
                "message": one.message,
                "timestamp": self._clock.now(),
            }
            if node:
                update["agent_id"] = {"value": node}
            framework.send({"type": "UPDATE", "update": {"status": update}})

    def _decline(self, framework: Framework, body: JsonObject) -> None:
        ids = tuple(one["value"] for one in body.get("offer_ids") or ())
        self._master.call(framework.id, messages.Decline(ids, _refuse_seconds(body)))

    def _accept_inverse(self, framework: Framework, body: JsonObject) -> None:
        self._answer(framework, body, accept=True)

    def _decline_inverse(self, framework: Framework, body: JsonObject) -> None:
        self._answer(framework, body, accept=False)

    def _answer(self, framework: Framework, body: JsonObject, *, accept: bool) -> None:
        ids = [one["value"] for one in body.get("inverse_offer_ids") or ()]
        wait = _refuse_seconds(body)
        self._maintenance.answer(framework, ids, accept=accept, wait=wait)

    def _revive(self, framework: Framework, body: JsonObject) -> None:
        roles = tuple(body.get("roles") or ())
        if set(roles) <= set(framework.roles):  # one that is not its own voids the call
            framework.suppressed -= set(roles or framework.roles)
            self._master.call(framework.id, messages.Revive(roles=roles))

    def _suppress(self, framework: Framework, body: JsonObject) -> None:
        roles = tuple(body.get("roles") or ())
        if set(roles) <= set(framework.roles):
            framework.suppressed |= set(roles or framework.roles)
            self._master.call(framework.id, messages.Suppress(roles))

    # --- tasks

    def _kill(self, framework: Framework, body: JsonObject) -> None:
        task_id, node = body["task_id"]["value"], (body.get("agent_id") or {}).get("value", "")
        period = (body.get("kill_policy") or {}).get("grace_period")
        grace = None if period is None else period["nanoseconds"] / 1e9
        if not self._tasks.kill(framework, task_id, node, grace):
            self._reconcile_one(framework, task_id, node)

    def _message(self, framework: Framework, body: JsonObject) -> None:
        node, executor_id = body["agent_id"]["value"], body["executor_id"]["value"]
        self._tasks.executors.message(framework, node, executor_id, body["data"])

    def _shutdown(self, framework: Framework, body: JsonObject) -> None:
        node, executor_id = body["agent_id"]["value"], body["executor_id"]["value"]
        self._tasks.executors.shutdown(framework, node, executor_id)

    def _acknowledge(self, framework: Framework, body: JsonObject) -> None:
        self._tasks.acknowledge(framework, body["task_id"]["value"], body["uuid"])

    def _reconcile(self, framework: Framework, body: JsonObject) -> None:
        if not body.get("tasks"):
            for task in self._tasks.of_framework(framework.id):
                if not task.over:
                    self._send_known(framework, task)
        for one in body.get("tasks") or ():
            node = (one.get("agent_id") or {}).get("value", "")
            self._reconcile_one(framework, one["task_id"]["value"], node)

    def _reconcile_one(self, framework: Framework, task_id: str, node: str) -> None:
        task = self._tasks.tasks.get((framework.id, task_id))
        if task is not None:
            self._send_known(framework, task)
            return
        there = self._node_state(node) if node else ""
        state = {"ready": states.GONE, "unreachable": states.UNREACHABLE}.get(there, states.UNKNOWN)
        update = {
            "task_id": {"value": task_id},
            "state": states.told(state, framework.capabilities),
            "source": states.MASTER,
            "reason": "REASON_RECONCILIATION",
            "message": "Reconciliation: Task is unknown",
            "timestamp": self._clock.now(),
        }
        if node:
            update["agent_id"] = {"value": node}
        framework.send({"type": "UPDATE", "update": {"status": update}})

    def _send_known(self, framework: Framework, task: Task) -> None:
        """The state that was forwarded last; none of it is to be acknowledged."""
        state = str(task.forwarded.get("state") or states.STAGING)
        update = task.status(state, states.MASTER, self._clock.now())
        update["reason"] = "REASON_RECONCILIATION"
        update["message"] = "Reconciliation: Latest task state"
        if task.unreachable_since is not None:
            update["state"] = states.told(states.UNREACHABLE, framework.capabilities)
            update["unreachable_time"] = {"nanoseconds": int(task.unreachable_since * 1e9)}
        for name in ("healthy", "container_status"):
            if name in task.forwarded:
                update[name] = task.forwarded[name]
        framework.send({"type": "UPDATE", "update": {"status": update}})

    def _acknowledge_operation(self, framework: Framework, body: JsonObject) -> None:
        operation_id = body["operation_id"]["value"]
        self._reservations.acknowledge(framework, operation_id, body["uuid"])

    def _reconcile_operations(self, framework: Framework, body: JsonObject) -> None:
        self._reservations.reconcile(framework, body.get("operations") or [], self._node_state)


def _nothing(framework: Framework, body: JsonObject) -> None:
    """Calls that are taken and change nothing here."""


def _invalid(ids: list[str], offers: list[Offer]) -> str:
    """Why these offers can't be accepted together; empty if they can."""
    if not ids:
        return "No offers specified"
    if len(offers) < len(ids):
        known = {offer.id for offer in offers}
        missing = next(offer_id for offer_id in ids if offer_id not in known)
        return f"Offer {missing} is no longer valid"
    if len(set(ids)) < len(ids):
        return "Duplicate offer in offer list"
    if len({offer.node for offer in offers}) > 1:
        return "Aggregated offers must belong to one single agent"
    if len({offer.role for offer in offers}) > 1:
        return "Aggregated offers must be allocated to the same role"
    return ""


def _refuse_seconds(body: JsonObject) -> float:
    seconds = (body.get("filters") or {}).get("refuse_seconds", REFUSE_S)
    return REFUSE_S if seconds < 0 or not math.isfinite(seconds) else float(seconds)
