"""Who did what, when: one JSON line for each request, in Kubernetes' audit.k8s.io/v1 shape.

Off unless a file is named. Lines are kept in memory for a moment and written together, so that a
request never waits for the disk; a full disk loses lines, loudly, and no request. Neighbours:
`apiserver.server` records. Bodies are not kept: they hold secrets.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable
from pathlib import Path

import orjson

from apimachinery import meta, wire
from apiserver.attributes import Attributes

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.5
"""How long a line may stay in memory."""

MAX_WAITING = 20_000
"""Lines in memory; more means that the disk does not keep up, and lines are dropped."""

MAX_BYTES = 100 * 1024 * 1024
"""Size at which the file is put aside as `.1`, as Kubernetes' default."""

_QUIET_VERBS = frozenset({"get", "list", "watch"})


class FileAuditor:
    """Appends to one file; keeps one old file beside it."""

    def __init__(self, path: Path, clock: Callable[[], float], *, reads: bool = False) -> None:
        """`reads` records gets, lists and watches too: most of the traffic, little of the news."""
        self._path = path
        self._clock = clock
        self._reads = reads
        self._waiting: list[bytes] = []
        self._dropped = 0
        self._flush: asyncio.TimerHandle | None = None

    def record(self, attributes: Attributes, request: wire.Request, code: int) -> None:
        """Note a finished request; never waits, never fails."""
        if not self._reads and attributes.verb in _QUIET_VERBS:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(orjson.dumps(_event(attributes, request, code, self._clock())))
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(FLUSH_SECONDS, self._start_flush)

    def close(self) -> None:
        """Write what is left."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self._write(self._take())

    def _start_flush(self) -> None:
        self._flush = None
        asyncio.get_running_loop().run_in_executor(None, self._write, self._take())

    def _take(self) -> bytes:
        lines, self._waiting = self._waiting, []
        if self._dropped:
            log.error("audit lines dropped count=%d file=%s", self._dropped, self._path)
            self._dropped = 0
        return b"".join(line + b"\n" for line in lines)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        try:
            with self._path.open("ab") as handle:
                handle.write(data)
                size = handle.tell()
            if size > MAX_BYTES:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
        except OSError as problem:
            log.error("audit log cannot be written file=%s error=%s", self._path, problem)


def _event(attributes: Attributes, request: wire.Request, code: int, now: float) -> wire.JsonObject:
    acting = request.impersonator
    event: wire.JsonObject = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": str(uuid.uuid4()),
        "stage": "ResponseComplete",
        "requestURI": request.path,
        "verb": attributes.verb,
        "user": _user(acting.user if acting is not None else attributes.user),
        "userAgent": request.headers.get("user-agent", ""),
        "responseStatus": {"code": code},
        "stageTimestamp": meta.format_micro_time(now),
    }
    if acting is not None:
        event["impersonatedUser"] = _user(attributes.user)
        if acting.constraint:
            constraint = {"impersonationConstraint": acting.constraint}
            event["authenticationMetadata"] = constraint
    if request.annotations:
        event["annotations"] = request.annotations
    if attributes.is_resource:
        event["objectRef"] = {
            "resource": attributes.resource,
            "namespace": attributes.namespace,
            "name": attributes.name,
            "apiGroup": attributes.group,
            "apiVersion": attributes.version,
            "subresource": attributes.subresource,
        }
    return event


def _user(user: wire.UserInfo) -> wire.JsonObject:
    return {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
