"""A scheduler client for the offer API: typed, asyncio, comes back by itself.

    async with Scheduler("http://127.0.0.1:5050", "my-batch", role="batch") as scheduler:
        async for event in scheduler.events():
            match event:
                case Offers(offers): ...
                case Update(status): ...

Users import it as `bireme.framework`. An update is acknowledged when the next event is asked for:
what was done about it until then survives a crash. A lost connection is made again under the same
id (keep `scheduler.framework_id` to come back after a restart of your own). It speaks the Mesos
v1 API over HTTP and nothing else, so it also works with a Mesos master.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from apimachinery.aio.backoff import Backoff
from apimachinery.mesos import recordio
from apimachinery.wire import JsonObject

LOG = logging.getLogger(__name__)

RECONNECT = Backoff(initial=0.2, maximum=15.0)
SILENCE_S = 75.0
"""Five heartbeats: a stream that is silent for so long is dead."""
RECORD_MAX = 64 << 20
"""Bytes of one event; a master that says more is none."""
FOR_EVER_S = 7 * 86400.0
"""How long tasks wait for their framework unless you say otherwise."""


class FrameworkError(Exception):
    """The master refused something; the text is its own."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Resources of one node, yours until you answer or they are rescinded."""

    id: str
    agent_id: str
    hostname: str
    role: str
    cpus: float
    mem: float
    """Megabytes, as is `disk`."""
    disk: float
    ports: tuple[tuple[int, int], ...]
    attributes: Mapping[str, str]
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Task:
    """What to run. A command goes to `/bin/sh -c`."""

    id: str
    command: str
    cpus: float = 0.1
    mem: float = 64.0
    disk: float = 0.0
    ports: tuple[tuple[int, int], ...] = ()
    image: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    more: JsonObject = field(default_factory=dict)
    """Any other fields of TaskInfo."""

    def fits(self, offer: Offer) -> bool:
        return self.cpus <= offer.cpus and self.mem <= offer.mem and self.disk <= offer.disk


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that live and die together on one node, sharing its network."""

    id: str
    tasks: tuple[Task, ...]
    cpus: float = 0.1
    """For what holds them together; so with `mem` and `disk`."""
    mem: float = 32.0
    disk: float = 0.0
    more: JsonObject = field(default_factory=dict)
    """Other fields of the ExecutorInfo: `container` has the network."""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """A task's state."""

    task_id: str
    state: str
    message: str
    reason: str
    agent_id: str
    uuid: str
    raw: JsonObject = field(repr=False)

    @property
    def over(self) -> bool:
        """Whether the task has ended, one way or another."""
        return self.state in ENDS

    @property
    def ok(self) -> bool:
        return self.state == "TASK_FINISHED"


ENDS = frozenset(
    (
        "TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED",
        "TASK_GONE", "TASK_GONE_BY_OPERATOR",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The line stands; comes again after each reconnection."""

    framework_id: str


@dataclass(frozen=True, slots=True)
class Offers:
    """New offers."""

    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class Rescind:
    """An offer is void."""

    offer_id: str


@dataclass(frozen=True, slots=True)
class Update:
    """A task changed its state."""

    status: TaskStatus


@dataclass(frozen=True, slots=True)
class Other:
    """Any other event, as it came."""

    type: str
    raw: JsonObject


Event = Subscribed | Offers | Rescind | Update | Other


class Scheduler:
    """One framework. Use it as a context manager; see the module's docstring."""

    def __init__(
        self,
        master: str,
        name: str,
        *,
        role: str = "*",
        user: str = "root",
        framework_id: str = "",
        failover_timeout: float = FOR_EVER_S,
        capabilities: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        principal: str = "",
        secret: str = "",
        ca_file: str = "",
        webui_url: str = "",
        suppressed: bool = False,
    ) -> None:
        """`principal` and `secret`: where the master asks who you are. `ca_file`: who vouches for
        a master at https, if not one of those whom the machine trusts. `suppressed`: no offers
        come before `revive`.
        """
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self.framework_id = framework_id
        self.connected = False
        """Whether a subscription stands at this moment."""
        who = aiohttp.encode_basic_auth(principal, secret) if secret else ""
        self._headers = {"Authorization": who} if who else {}
        self._suppressed = [role] if suppressed else []
        self._url = f"{master.rstrip('/')}/api/v1/scheduler"
        self._info: JsonObject = {
            "user": user,
            "name": name,
            "role": role,
            "failover_timeout": failover_timeout,
            "capabilities": [{"type": one} for one in capabilities],
        }
        for key, value in (("principal", principal), ("webui_url", webui_url)):
            if value:
                self._info[key] = value
        if labels:
            self._info["labels"] = {"labels": [{"key": k, "value": v} for k, v in labels.items()]}
        self._session: aiohttp.ClientSession | None = None
        self._stream_id = ""

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE_S)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls), timeout=timeout, headers=self._headers
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    # --- events

    async def events(self) -> AsyncIterator[Event]:
        """Events for ever, over as many connections as it takes; FrameworkError ends it."""
        attempt = 0
        while True:
            try:
                async for event in self._stream():
                    attempt = 0
                    yield event
                    if isinstance(event, Update) and event.status.uuid:
                        await self._acknowledge(event.status)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                LOG.info("master=%s lost: %r", self._url, error)
            finally:
                self.connected = False
            await asyncio.sleep(RECONNECT.delay(attempt))
            attempt += 1

    async def _acknowledge(self, status: TaskStatus) -> None:
        """A line that has broken meanwhile refuses it: the update then comes again."""
        try:
            await self.acknowledge(status)
        except FrameworkError as error:
            LOG.info("task=%s %s", status.task_id, error)

    async def _stream(self) -> AsyncIterator[Event]:
        assert self._session is not None, "use it as a context manager"
        subscribe = {"framework_info": self._info, "suppressed_roles": self._suppressed}
        call: JsonObject = {"type": "SUBSCRIBE", "subscribe": subscribe}
        if self.framework_id:
            self._info["id"] = call["framework_id"] = {"value": self.framework_id}
        async with self._session.post(self._url, json=call) as answer:
            if answer.status == 503:
                return  # it is reading back what was before
            if answer.status != 200:
                raise FrameworkError(f"SUBSCRIBE: {answer.status} {await answer.text()}")
            self._stream_id = answer.headers["Mesos-Stream-Id"]
            async for raw in _records(answer.content):
                kind = raw["type"]
                if kind == "ERROR":
                    raise FrameworkError(raw["error"]["message"])
                if kind == "SUBSCRIBED":
                    self.framework_id = raw["subscribed"]["framework_id"]["value"]
                    self.connected = True
                if kind != "HEARTBEAT":
                    yield _event(raw)

    # --- calls

    async def accept(
        self,
        offers: Offer | Iterable[Offer],
        tasks: Iterable[Task | Group],
        *,
        refuse_seconds: float = 5.0,
    ) -> None:
        """Run tasks on offers of one node; what they leave over is declined."""
        given = [offers] if isinstance(offers, Offer) else list(offers)
        wanted, agent_id = list(tasks), given[0].agent_id
        infos = [_task_info(one, agent_id) for one in wanted if isinstance(one, Task)]
        operations: list[JsonObject] = [{"type": "LAUNCH", "launch": {"task_infos": infos}}]
        operations += [_launch_group(one, agent_id) for one in wanted if isinstance(one, Group)]
        await self.call(
            "ACCEPT",
            offer_ids=[{"value": offer.id} for offer in given],
            operations=operations,
            filters={"refuse_seconds": refuse_seconds},
        )

    async def decline(
        self, offers: Offer | Iterable[Offer], *, refuse_seconds: float = 5.0
    ) -> None:
        """Give offers back; the same is not offered again for a while."""
        given = [offers] if isinstance(offers, Offer) else list(offers)
        ids = [{"value": offer.id} for offer in given]
        await self.call("DECLINE", offer_ids=ids, filters={"refuse_seconds": refuse_seconds})

    async def revive(self) -> None:
        """Ask for offers again, whatever was declined or suppressed."""
        await self.call("REVIVE")

    async def suppress(self) -> None:
        """No offers until `revive`: there is nothing to run."""
        await self.call("SUPPRESS")

    async def kill(self, task_id: str, *, grace_seconds: float | None = None) -> None:
        body: JsonObject = {"task_id": {"value": task_id}}
        if grace_seconds is not None:
            period = {"nanoseconds": int(grace_seconds * 1e9)}
            body["kill_policy"] = {"grace_period": period}
        await self.call("KILL", **body)

    async def reconcile(self, task_ids: Iterable[str] = ()) -> None:
        """Ask for the state of these tasks, or of all that are not over."""
        await self.call("RECONCILE", tasks=[{"task_id": {"value": one}} for one in task_ids])

    async def acknowledge(self, status: TaskStatus) -> None:
        """Done by `events` for you."""
        await self.call(
            "ACKNOWLEDGE",
            agent_id={"value": status.agent_id},
            task_id={"value": status.task_id},
            uuid=status.uuid,
        )

    async def teardown(self) -> None:
        """Kill all tasks and be gone for good."""
        await self.call("TEARDOWN")

    async def call(self, kind: str, **body: Any) -> None:
        """Any call of the API; FrameworkError if the master refuses it."""
        assert self._session is not None, "use it as a context manager"
        call: JsonObject = {"type": kind, "framework_id": {"value": self.framework_id}}
        if body:
            call[kind.lower()] = body
        headers = {"Mesos-Stream-Id": self._stream_id}
        async with self._session.post(self._url, json=call, headers=headers) as answer:
            if answer.status not in (200, 202):
                raise FrameworkError(f"{kind}: {answer.status} {await answer.text()}")


async def _records(content: aiohttp.StreamReader) -> AsyncIterator[JsonObject]:
    """The master's events; a line that breaks within one is a line lost."""
    try:
        async for raw in recordio.records(content, RECORD_MAX):
            yield json.loads(raw)
    except recordio.Truncated as error:
        raise ConnectionResetError(str(error)) from error
    except ValueError as error:
        raise FrameworkError(f"what the master sends is no stream of events: {error}") from error


def _event(raw: JsonObject) -> Event:
    match raw["type"]:
        case "SUBSCRIBED":
            return Subscribed(raw["subscribed"]["framework_id"]["value"])
        case "OFFERS":
            return Offers(tuple(_offer(one) for one in raw["offers"]["offers"]))
        case "RESCIND":
            return Rescind(raw["rescind"]["offer_id"]["value"])
        case "UPDATE":
            return Update(_status(raw["update"]["status"]))
        case kind:
            return Other(kind, raw)


def _offer(raw: JsonObject) -> Offer:
    amounts: dict[str, float] = {}
    ports: list[tuple[int, int]] = []
    for one in raw.get("resources") or ():
        if one["type"] == "SCALAR":
            amounts[one["name"]] = amounts.get(one["name"], 0.0) + one["scalar"]["value"]
        elif one["name"] == "ports":
            ports += [(span["begin"], span["end"]) for span in one["ranges"].get("range") or ()]
    return Offer(
        id=raw["id"]["value"],
        agent_id=raw["agent_id"]["value"],
        hostname=raw["hostname"],
        role=(raw.get("allocation_info") or {}).get("role", "*"),
        cpus=amounts.get("cpus", 0.0),
        mem=amounts.get("mem", 0.0),
        disk=amounts.get("disk", 0.0),
        ports=tuple(ports),
        attributes={
            one["name"]: one["text"]["value"]
            for one in raw.get("attributes") or ()
            if one["type"] == "TEXT"
        },
        raw=raw,
    )


def _status(raw: JsonObject) -> TaskStatus:
    return TaskStatus(
        task_id=raw["task_id"]["value"],
        state=raw["state"],
        message=raw.get("message", ""),
        reason=raw.get("reason", ""),
        agent_id=(raw.get("agent_id") or {}).get("value", ""),
        uuid=raw.get("uuid", ""),
        raw=raw,
    )


def _launch_group(group: Group, agent_id: str) -> JsonObject:
    executor = {
        "type": "DEFAULT",
        "executor_id": {"value": group.id},
        "resources": _scalars(cpus=group.cpus, mem=group.mem, disk=group.disk),
        **group.more,
    }
    infos = [_task_info(task, agent_id) for task in group.tasks]
    return {
        "type": "LAUNCH_GROUP",
        "launch_group": {"executor": executor, "task_group": {"tasks": infos}},
    }


def _scalars(**amounts: float) -> list[JsonObject]:
    return [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}}
        for name, value in amounts.items()
        if value
    ]


def _task_info(task: Task, agent_id: str) -> JsonObject:
    wanted = _scalars(cpus=task.cpus, mem=task.mem, disk=task.disk)
    if task.ports:
        spans = [{"begin": begin, "end": end} for begin, end in task.ports]
        wanted.append({"name": "ports", "type": "RANGES", "ranges": {"range": spans}})
    variables = [{"name": name, "value": value} for name, value in task.env.items()]
    info: JsonObject = {
        "name": task.name or task.id,
        "task_id": {"value": task.id},
        "agent_id": {"value": agent_id},
        "resources": wanted,
        "command": {"value": task.command, "environment": {"variables": variables}},
    }
    if task.image:
        image = {"type": "DOCKER", "docker": {"name": task.image}}
        info["container"] = {"type": "MESOS", "mesos": {"image": image}}
    return {**info, **task.more}
