"""Planned absence of machines: the schedule, inverse offers, machines that are down, drains.

What is planned for a node stands in an annotation of its Node object, so that it survives this
process and people see it. A node in the schedule has `unavailability` in its offers, and frameworks
that use it get one inverse offer until they answer. Down means cordoned, its tasks lost; a drain
cordons, kills the tasks within their grace (or a shorter one) and evicts the other pods, and is done
when none is left. Neighbours: `agents` tells of the annotation; `tasks.service` ends tasks;
`offers.http.actions` brings the operators' wishes. Errors: `PlanError`.
"""

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from apimachinery import meta, scheme, status
from apimachinery.aio.clock import Clock
from apimachinery.client import rest
from apimachinery.mesos import lenient
from apimachinery.mesos.schema import Malformed
from apimachinery.wire import JsonObject
from offers import shapes
from offers.agents import MAINTENANCE, Agents
from offers.framework import Framework
from offers.frameworks import Frameworks
from offers.master import OfferMaster
from offers.tasks import states
from offers.tasks.service import TaskService

LOG = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0
"""The least between a declined inverse offer and the next."""
DRAIN_LOOK_S = 1.0
"""Between looks at whether a draining node is empty: pods end in seconds."""
DAEMONS = "DaemonSet"


class PlanError(ValueError):
    """A plan that cannot be; the text says why."""


@dataclass(slots=True)
class Answer:
    """What a framework said to an inverse offer."""

    status: str
    timestamp: float
    offer_id: str


@dataclass(slots=True)
class Invitation:
    """An inverse offer that is not answered."""

    id: str
    framework_id: str
    node: str
    body: JsonObject = field(default_factory=dict)


class Maintenance:
    """See the module's docstring."""

    def __init__(
        self,
        client: rest.Client,
        master: OfferMaster,
        agents: Agents,
        frameworks: Frameworks,
        tasks: TaskService,
        clock: Clock,
    ) -> None:
        self._client, self._master, self._agents = client, master, agents
        self._frameworks, self._tasks, self._clock = frameworks, tasks, clock
        self._ids = itertools.count(1)
        self._open: dict[str, Invitation] = {}
        self._answers: dict[tuple[str, str], Answer] = {}
        """(node, framework) → its answer."""
        self._drains: dict[str, asyncio.Task[None]] = {}

    # --- reading

    def plan(self, node: str) -> JsonObject:
        """What is planned for a node."""
        return self._agents.plan(node)

    def unavailability(self, node: str) -> JsonObject | None:
        return self.plan(node).get("unavailability")

    def schedule(self) -> JsonObject:
        """The windows, machines of the same time together."""
        windows: dict[str, JsonObject] = {}
        for node in self._agents.views:
            when = self.unavailability(node)
            if when is not None:
                window = windows.setdefault(
                    json.dumps(when, sort_keys=True), {"machine_ids": [], "unavailability": when}
                )
                window["machine_ids"].append(self.machine(node))
        return {"windows": list(windows.values())} if windows else {}

    def state(self) -> JsonObject:
        """Which machines are draining, and what frameworks say to it; which are down."""
        draining, down = [], []
        for node in self._agents.views:
            plan = self.plan(node)
            if plan.get("down"):
                down.append(self.machine(node))
            elif "unavailability" in plan:
                statuses = [
                    {
                        "status": answer.status,
                        "framework_id": {"value": framework_id},
                        "timestamp": {"nanoseconds": int(answer.timestamp * 1e9)},
                    }
                    for (where, framework_id), answer in self._answers.items()
                    if where == node
                ]
                draining.append({"id": self.machine(node), "statuses": statuses})
        return {"draining_machines": draining, "down_machines": down}

    def machine(self, node: str) -> JsonObject:
        return {"hostname": node, "ip": self._agents.hostname(node)}

    def node_of(self, machine: object) -> str:
        """The node that a machine id means; PlanError."""
        known = machine if isinstance(machine, dict) else {}
        hostname, ip = known.get("hostname"), known.get("ip")
        if not isinstance(hostname, str | None) or not isinstance(ip, str | None):
            raise PlanError("A MachineID's hostname and ip must be strings")
        hostname, ip = hostname or "", ip or ""
        if not hostname and not ip:
            raise PlanError("A MachineID must have either a hostname or an ip")
        for node, view in self._agents.views.items():
            if (not hostname or hostname in (node, view.address)) and ip in ("", view.address):
                return node
        raise PlanError(f"Machine '{hostname or ip}' is no node of this cluster")

    def _nodes_of(self, machines: Iterable[object]) -> list[str]:
        """Those that are meant; PlanError, also if there are none."""
        nodes = [self.node_of(machine) for machine in machines]
        if not nodes:
            raise PlanError("List of machines is empty")
        if len(set(nodes)) < len(nodes):
            raise PlanError("A machine appears more than once in the list")
        return nodes

    # --- the schedule

    async def reschedule(self, windows: Sequence[JsonObject]) -> None:
        """This is the whole schedule from now on; PlanError."""
        wanted: dict[str, JsonObject] = {}
        for window in windows:
            when, machines = _when(window), window.get("machine_ids")
            if not isinstance(machines, list) or not machines:
                raise PlanError("List of machines in the maintenance window is empty")
            for machine in machines:
                node = self.node_of(machine)
                if node in wanted:
                    raise PlanError(f"Machine '{node}' appears more than once in the schedule")
                wanted[node] = when
        for node in list(self._agents.views):
            if self.plan(node).get("down") and node not in wanted:
                raise PlanError(f"Machine '{node}' is deactivated and cannot be removed")
        for node in list(self._agents.views):
            await self._note(node, unavailability=wanted.get(node))

    async def down(self, machines: Iterable[JsonObject]) -> None:
        """START_MAINTENANCE: cordoned, and its tasks are lost; PlanError."""
        nodes = self._nodes_of(machines)
        for node in nodes:
            if "unavailability" not in self.plan(node):
                raise PlanError(
                    f"Machine '{node}' is not part of the maintenance schedule: "
                    "only those that are draining can be brought down"
                )
        for node in nodes:
            await self._note(node, cordon=True, down=True)
            self._tasks.reach.taken(node, states.LOST, "REASON_AGENT_REMOVED", "Machine is down")

    async def up(self, machines: Iterable[JsonObject]) -> None:
        """STOP_MAINTENANCE; PlanError."""
        nodes = self._nodes_of(machines)
        for node in nodes:
            if not self.plan(node).get("down"):
                raise PlanError(f"Machine '{node}' is not down")
        for node in nodes:
            await self._note(node, cordon=False, down=None, unavailability=None)

    async def _note(
        self, node: str, *, cordon: bool | None = None, **changes: JsonObject | bool | None
    ) -> None:
        """Write the plan into the node's annotation, if it changes."""
        old = self.plan(node)
        plan = {k: v for k, v in {**old, **changes}.items() if v is not None}
        patch: JsonObject = {}
        if plan != old:
            text = json.dumps(plan, sort_keys=True) if plan else None
            patch["metadata"] = {"annotations": {MAINTENANCE: text}}
        if cordon is not None:
            patch["spec"] = {"unschedulable": cordon or None}
        if patch:
            await self._client.patch(scheme.NODES, node, patch)

    # --- agents by themselves

    async def deactivate(self, node: str) -> None:
        self._check(node)
        await self._note(node, cordon=True)

    async def reactivate(self, node: str) -> None:
        self._check(node)
        if (drain := self._drains.pop(node, None)) is not None:
            drain.cancel()
        await self._note(node, cordon=False, drain=None)

    async def drain(self, node: str, grace: float | None, *, gone: bool) -> None:
        """Empty a node; PlanError."""
        self._check(node)
        wish: JsonObject = {"mark_gone": gone, "state": "DRAINING"}
        if grace is not None:
            wish["max_grace_period"] = {"nanoseconds": int(grace * 1e9)}
        await self._note(node, cordon=True, drain=wish)
        self._begin_drain(node, wish)

    async def gone(self, node: str) -> None:
        """MARK_AGENT_GONE: its tasks have ended, and its Node goes; PlanError."""
        self._check(node)
        reason = "REASON_AGENT_REMOVED_BY_OPERATOR"
        self._tasks.reach.taken(node, states.GONE_BY_OPERATOR, reason, "Agent was marked gone")
        with contextlib.suppress(status.NotFound):
            await self._client.delete(scheme.NODES, node)

    def _check(self, node: str) -> None:
        if not self._agents.exists(node):
            raise PlanError(f"Agent '{node}' not found")

    def _begin_drain(self, node: str, wish: JsonObject) -> None:
        if node not in self._drains:
            self._drains[node] = asyncio.create_task(self._drain(node, wish))

    async def _drain(self, node: str, wish: JsonObject) -> None:
        period = wish.get("max_grace_period")
        grace = None if period is None else period["nanoseconds"] / 1e9
        self._tasks.reach.drain(node, grace)
        left = True
        while left:
            left = await self._evict(node, grace)
            if left:
                await asyncio.sleep(DRAIN_LOOK_S)
        if wish.get("mark_gone"):
            await self.gone(node)
        else:
            await self._note(node, drain={**wish, "state": "DRAINED"})
        LOG.info("agent=%s is drained", node)
        self._drains.pop(node, None)

    async def _evict(self, node: str, grace: float | None) -> bool:
        """Ask the node's pods to go; whether there are any left."""
        try:
            pods = await self._client.list(scheme.PODS, field_selector=f"spec.nodeName={node}")
        except status.ApiError as error:
            LOG.info("drain of %s: %s", node, error.message)
            return True
        left = [pod for pod in pods["items"] if _drainable(pod)]
        for pod in left:
            if marks_framework(pod) or "deletionTimestamp" in pod["metadata"]:
                continue
            name, namespace = meta.name(pod), meta.namespace(pod)
            options = {} if grace is None else {"deleteOptions": {"gracePeriodSeconds": int(grace)}}
            body = {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
                **options,
            }
            # A budget may forbid it for now: it is tried again.
            with contextlib.suppress(status.ApiError):
                await self._client.post(
                    rest.path_of(scheme.PODS, namespace, name, "eviction"), body
                )
        return bool(left)

    def resume(self) -> None:
        """Drains that an earlier master began."""
        for node in list(self._agents.views):
            wish = self.plan(node).get("drain")
            if isinstance(wish, dict) and wish.get("state") == "DRAINING":
                self._begin_drain(node, wish)

    def close(self) -> None:
        for each in self._drains.values():
            each.cancel()

    # --- inverse offers

    def changed(self, node: str) -> None:
        """What is planned for a node is another thing now: offers and inverse offers follow."""
        self._master.cluster.void(node)
        for invitation in [one for one in self._open.values() if one.node == node]:
            self._rescind(invitation)
        for key in [key for key in self._answers if key[0] == node]:
            del self._answers[key]
        for framework in self._frameworks.living():
            self._invite(framework, node)

    def uses(self, framework: Framework, node: str) -> bool:
        return any(
            task.node == node and not task.over for task in self._tasks.of_framework(framework.id)
        )

    def connected(self, framework: Framework) -> None:
        """A framework is there (again): it is asked about what it uses."""
        for invitation in [o for o in self._open.values() if o.framework_id == framework.id]:
            del self._open[invitation.id]
        for node in {task.node for task in self._tasks.of_framework(framework.id)}:
            self._invite(framework, node)

    def launched(self, framework_id: str, node: str) -> None:
        """A framework has something new on a node."""
        framework = self._frameworks.get(framework_id)
        if framework is not None:
            self._invite(framework, node)

    def _invite(self, framework: Framework, node: str) -> None:
        plan = self.plan(node)
        when = plan.get("unavailability")
        if when is None or plan.get("down") or not self.uses(framework, node):
            return
        answer = self._answers.get((node, framework.id))
        waiting = any(
            (one.node, one.framework_id) == (node, framework.id) for one in self._open.values()
        )
        if waiting or (answer is not None and answer.status == "ACCEPT"):
            return
        offer_id = f"{self._master.id}-I{next(self._ids)}"
        body = {
            "id": {"value": offer_id},
            "framework_id": {"value": framework.id},
            "agent_id": {"value": node},
            "url": shapes.agent_url(self._agents.hostname(node)),
            "unavailability": when,
        }
        event = {"type": "INVERSE_OFFERS", "inverse_offers": {"inverse_offers": [body]}}
        if framework.send(event):
            self._open[offer_id] = Invitation(offer_id, framework.id, node, body)

    def answer(
        self, framework: Framework, ids: Iterable[str], *, accept: bool, wait: float
    ) -> None:
        """ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS; unknown ids are ignored."""
        for offer_id in ids:
            invitation = self._open.get(offer_id)
            if invitation is None or invitation.framework_id != framework.id:
                continue
            del self._open[offer_id]
            said = "ACCEPT" if accept else "DECLINE"
            key = (invitation.node, framework.id)
            self._answers[key] = Answer(said, self._clock.now(), offer_id)
            if not accept:
                loop = asyncio.get_running_loop()
                loop.call_later(
                    max(wait, ASK_AGAIN_S), self.launched, framework.id, invitation.node
                )

    def _rescind(self, invitation: Invitation) -> None:
        del self._open[invitation.id]
        framework = self._frameworks.get(invitation.framework_id)
        if framework is not None:
            body = {"inverse_offer_id": {"value": invitation.id}}
            framework.send({"type": "RESCIND_INVERSE_OFFER", "rescind_inverse_offer": body})


def marks_framework(pod: JsonObject) -> bool:
    """Whether the pod runs a framework's tasks: those are killed, not evicted."""
    return any(o.get("kind") == "Framework" for o in pod["metadata"].get("ownerReferences") or ())


def _drainable(pod: JsonObject) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    owners = pod["metadata"].get("ownerReferences") or ()
    return not any(owner.get("kind") == DAEMONS for owner in owners)


def _when(window: JsonObject) -> JsonObject:
    """A window's Unavailability; PlanError."""
    when = window.get("unavailability")
    if not isinstance(when, dict) or "start" not in when:
        raise PlanError("Maintenance window must have an 'unavailability' with a 'start'")
    try:
        found = lenient.message(when, "Unavailability")
    except Malformed as error:
        raise PlanError(str(error)) from error
    if (found.get("duration") or {}).get("nanoseconds", 0) < 0:
        raise PlanError("Unavailability 'duration' is negative")
    return found
