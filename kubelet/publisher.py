"""Sends pod statuses to the API server: few patches, none late that matters.

A change waits `SETTLE_S` for others to join it, unless the pod became ready or unready or ended:
such news goes at once. So a pod that starts quickly costs one patch. One patch per pod is in
flight, and at most `IN_FLIGHT_MAX` of a node; while the API server is away changes pile up into
one. Neighbours: `kubelet.worker` says that something changed, `kubelet.status` says what to send.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from apimachinery import meta, scheme
from apimachinery import status as errors
from apimachinery.aio.backoff import Backoff
from apimachinery.client.rest import Client
from apimachinery.wire import JsonObject
from kubelet import resizing
from kubelet import status as statuses

LOG = logging.getLogger(__name__)

SETTLE_S = 0.1
"""Longer than a pod with its image at hand takes to start: its steps become one patch."""
IN_FLIGHT_MAX = 16
"""A node with 110 pods that all change must not flood the API server."""
RETRY = Backoff(initial=0.2, maximum=15.0)
OWN_KEYS = (
    "phase", "reason", "message", "startTime", "hostIP", "hostIPs", "podIP", "podIPs",
    "initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses",
    "observedGeneration", "qosClass", "resources", "allocatedResources",
)  # fmt: skip
"""What the agent writes of a status; conditions are merged one by one."""


PASSING_CONDITIONS = (resizing.PENDING, resizing.IN_PROGRESS)


@dataclass(slots=True)
class Subject:
    """One pod as the publisher sees it."""

    namespace: str
    name: str
    uid: str
    compute: Callable[[], JsonObject]
    """The status as it is now."""
    sent: JsonObject
    """What the API server has, as far as we know."""
    version: int = 0
    """resourceVersion of our last patch: older news of the pod tells nothing about it."""
    gone: bool = False
    """The API server has no such pod (any more)."""
    timer: asyncio.TimerHandle | None = None
    task: "asyncio.Task[None] | None" = None
    dirty: bool = False
    urgent: bool = False


class Publisher:
    """`note` from anywhere in the loop; sends run as tasks of the group given to `attach`."""

    def __init__(self, client: Client, *, settle: float = SETTLE_S) -> None:
        self._client = client
        self._settle = settle
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._tasks: set[asyncio.Task[None]] = set()
        self.patches = 0
        """How many were sent; for metrics and tests."""

    def note(self, subject: Subject) -> None:
        """Something about the pod may have changed."""
        status = subject.compute()
        if subject.gone or not changed(status, subject.sent):
            return
        subject.dirty = True
        subject.urgent = subject.urgent or is_urgent(status, subject.sent)
        if subject.task is not None:
            return
        if subject.urgent:
            self._send_now(subject)
        elif subject.timer is None:
            loop = asyncio.get_running_loop()
            subject.timer = loop.call_later(self._settle, self._send_now, subject)

    def heard(self, subject: Subject, pod: JsonObject) -> None:
        """A newer version of the pod: what others made of our conditions is put right."""
        version = meta.resource_version(pod)
        newer = version.isdigit() and int(version) > subject.version
        if newer and subject.task is None:
            subject.sent = pod.get("status") or {}
            self.note(subject)

    async def flush(self, subject: Subject) -> None:
        """Return when the API server has the status as it is now, or has no such pod."""
        while not subject.gone and changed(subject.compute(), subject.sent):
            subject.dirty = True
            if subject.task is None:
                self._send_now(subject)
            assert subject.task is not None, "sending starts a task"
            await asyncio.wait([subject.task])

    def forget(self, subject: Subject) -> None:
        """The pod is gone: nothing is sent any more."""
        subject.gone = True
        self._cancel_timer(subject)
        if subject.task is not None:
            subject.task.cancel()

    async def close(self) -> None:
        """Stop sending; what was not sent is computed anew by the next agent."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _send_now(self, subject: Subject) -> None:
        self._cancel_timer(subject)
        if subject.task is not None or subject.gone:
            return
        loop = asyncio.get_running_loop()
        subject.task = loop.create_task(self._send(subject), name=f"status {subject.name}")
        self._tasks.add(subject.task)
        subject.task.add_done_callback(lambda task: self._done(subject, task))

    def _done(self, subject: Subject, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        subject.task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("status of %s: %r", subject.name, error, exc_info=error)
        elif not task.cancelled() and subject.dirty:
            # It changed while the patch was under way.
            self.note(subject)

    def _cancel_timer(self, subject: Subject) -> None:
        if subject.timer is not None:
            subject.timer.cancel()
            subject.timer = None

    async def _send(self, subject: Subject) -> None:
        attempt = 0
        while True:
            try:
                async with self._slots:
                    await self._patch(subject)
            except (errors.NotFound, errors.Conflict):
                # Conflict: another pod bears the name now; ours is gone.
                subject.gone = True
                return
            except errors.ApiError as error:
                LOG.info("status of %s not sent: %s", subject.name, error.message)
                # It may have arrived all the same: nothing is known of what is there now.
                subject.sent = {}
                await asyncio.sleep(RETRY.delay(attempt))
                attempt += 1
            else:
                return

    async def _patch(self, subject: Subject) -> None:
        subject.dirty = subject.urgent = False
        status = subject.compute()
        if not changed(status, subject.sent):
            return
        patch = {"metadata": {"uid": subject.uid}, "status": difference(status, subject.sent)}
        answer = await self._client.patch(
            scheme.PODS,
            subject.name,
            patch,
            subject.namespace,
            kind="strategic",
            subresource="status",
        )
        self.patches += 1
        subject.version = int(meta.resource_version(answer) or 0)
        subject.sent = merged(status, subject.sent)


def changed(status: JsonObject, sent: JsonObject) -> bool:
    """Whether anything of ours differs, transition times left out."""
    if any(status.get(key) != sent.get(key) for key in OWN_KEYS):
        return True
    if _over(status, sent):
        return True
    old = {c["type"]: c for c in statuses.without_moves(sent)["conditions"]}
    return any(old.get(c["type"]) != c for c in statuses.without_moves(status)["conditions"])


def is_urgent(status: JsonObject, sent: JsonObject) -> bool:
    """Others wait for this: services for readiness, owners for the end."""
    if statuses.is_ready(status) != statuses.is_ready(sent):
        return True
    return status.get("phase") in statuses.TERMINAL and status.get("phase") != sent.get("phase")


def difference(status: JsonObject, sent: JsonObject) -> JsonObject:
    """The strategic merge patch from `sent` to `status`: only what changed; null removes."""
    patch: JsonObject = {
        key: status.get(key) for key in OWN_KEYS if status.get(key) != sent.get(key)
    }
    old = {c["type"]: c for c in sent.get("conditions") or ()}
    conditions = []
    for condition in status.get("conditions") or ():
        before = old.get(condition["type"], {})
        if condition != before:
            # Items of this list are merged by type: a message that is over must be taken out.
            # Where nothing is known of it, whatever may be there.
            removed = {k: None for k in ("reason", "message") if k in before or not before}
            conditions.append({**removed, **condition})
    conditions += ({"type": kind, "$patch": "delete"} for kind in _over(status, sent))
    if conditions:
        patch["conditions"] = conditions
    return patch


def _over(status: JsonObject, sent: JsonObject) -> list[str]:
    """Conditions of ours that stand only while they hold, and do not any more."""
    there = {c["type"] for c in sent.get("conditions") or ()}
    now = {c["type"] for c in status.get("conditions") or ()}
    return [kind for kind in PASSING_CONDITIONS if kind in there - now]


def merged(status: JsonObject, sent: JsonObject) -> JsonObject:
    """What the API server has after the patch."""
    ours = {c["type"] for c in status.get("conditions") or ()} | set(_over(status, sent))
    others = [c for c in sent.get("conditions") or () if c["type"] not in ours]
    result = {key: value for key, value in sent.items() if key not in OWN_KEYS} | {
        key: status[key] for key in OWN_KEYS if key in status
    }
    return {**result, "conditions": [*(status.get("conditions") or ()), *others]}
