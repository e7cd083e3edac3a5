"""The API server's verbs as methods: resources and objects in, objects out, errors raised.

`Client` builds the request, sends it through a transport, reads the answer, and repeats what may
be repeated: reads after a lost connection, 429 and 503; any request that the server refused
unprocessed with 429. A write whose answer was lost is never sent twice: its outcome is unknown,
and who wrote knows best how to look. Errors are `status.ApiError`. Mirrors: `client.informer`.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson

from apimachinery import status, wire
from apimachinery.aio import backoff as backoffs
from apimachinery.client import transport as transports
from apimachinery.client import watch as watching
from apimachinery.resource import Resource

ATTEMPTS_MAX = 5
"""With the delays below about 3 s: longer troubles are for the caller's own loop."""

RETRY = backoffs.Backoff(initial=0.05, maximum=2.0, factor=4.0)

RETRY_AFTER_MAX = 30.0
"""A server that asks for more patience gets asked again after this long."""

WATCH_SECONDS = (300, 600)
"""Watches end after a random time in this range, so that those of many clients spread out."""

PATCH_TYPES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}

Query = list[tuple[str, str]]
Patch = wire.JsonObject | list[wire.JsonObject]
"""What PATCH sends: a list of operations for JSON patch, else an object."""


class Client:
    """One identity towards one server. Safe to share between tasks.

    `component` is who acts (`bireme-controllers`): it becomes the user agent, from which the
    server names the field manager. `namespace` arguments may be left out where the object says it.
    """

    def __init__(
        self,
        transport: transports.Transport,
        *,
        component: str = "bireme",
        rng: random.Random | None = None,
    ) -> None:
        self._transport = transport
        self._rng = rng or random.Random()  # noqa: S311  jitter, no secret
        self._read_headers = {"accept": "application/json", "user-agent": component}
        self._write_headers = self._read_headers | {"content-type": "application/json"}

    def fenced(self, namespace: str, lease: str, epoch: int) -> "Client":
        """A client whose writes fail once this term of a Lease is over. Shares the transport."""
        made = Client(self._transport, component=self._read_headers["user-agent"], rng=self._rng)
        term = {wire.FENCE: f"{namespace}/{lease}/{epoch}"}
        made._read_headers |= term
        made._write_headers |= term
        return made

    def impersonating(self, user: str, group: str) -> "Client":
        """A client that speaks in the name of somebody of a group. Shares the transport."""
        made = Client(self._transport, component=self._read_headers["user-agent"], rng=self._rng)
        name = {wire.ACT_AS: user, wire.ACT_AS_GROUP: group}
        made._read_headers = self._read_headers | name
        made._write_headers = self._write_headers | name
        return made

    async def close(self) -> None:
        await self._transport.close()

    # --- objects

    async def get(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        subresource: str = "",
        resource_version: str = "",
    ) -> wire.JsonObject:
        query = [("resourceVersion", resource_version)] if resource_version else []
        return await self._call("GET", path_of(resource, namespace, name, subresource), query)

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> wire.JsonObject:
        """One List object; with `limit` its `metadata.continue` leads to the next page."""
        query = _selectors(label_selector, field_selector)
        if limit:
            query.append(("limit", str(limit)))
        if continue_token:
            query.append(("continue", continue_token))
        if resource_version:
            query.append(("resourceVersion", resource_version))
        return await self._call("GET", path_of(resource, namespace), query)

    async def create(
        self,
        resource: Resource,
        obj: wire.JsonObject,
        namespace: str = "",
        *,
        subresource: str = "",
        name: str = "",
        dry_run: bool = False,
    ) -> wire.JsonObject:
        """POST. A subresource (`binding`, `eviction`, `token`) is one of the object `name`."""
        path = path_of(resource, namespace or _namespace(obj), name, subresource)
        return await self._call("POST", path, _dry(dry_run), orjson.dumps(obj))

    async def update(
        self, resource: Resource, obj: wire.JsonObject, *, subresource: str = ""
    ) -> wire.JsonObject:
        """PUT. The object's resourceVersion, if it has one, must still be the current one."""
        path = path_of(resource, _namespace(obj), obj["metadata"]["name"], subresource)
        return await self._call("PUT", path, [], orjson.dumps(obj))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Patch,
        namespace: str = "",
        *,
        kind: str = "merge",
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> wire.JsonObject:
        """PATCH of kind "strategic", "merge", "json" or "apply" (which needs `field_manager`)."""
        query = [("fieldManager", field_manager)] if field_manager else []
        if force:
            query.append(("force", "true"))
        headers = self._read_headers | {"content-type": PATCH_TYPES[kind]}
        path = path_of(resource, namespace, name, subresource)
        return await self._call("PATCH", path, query, orjson.dumps(patch), headers)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        grace_period: int | None = None,
        propagation: str = "",
        preconditions: Mapping[str, str] | None = None,
    ) -> wire.JsonObject:
        """DELETE; answers the object while it lingers, else a Status.

        `preconditions` are `uid` and `resourceVersion`: another object of that name is spared.
        """
        body = _delete_options(grace_period, propagation, preconditions)
        return await self._call("DELETE", path_of(resource, namespace, name), [], body)

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        propagation: str = "",
    ) -> wire.JsonObject:
        query = _selectors(label_selector, field_selector)
        body = _delete_options(None, propagation, None)
        return await self._call("DELETE", path_of(resource, namespace), query, body)

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        resource_version: str = "",
        initial_events: bool = False,
        label_selector: str = "",
        field_selector: str = "",
        timeout: float = 0,
    ) -> AsyncGenerator[watching.WatchEvent, None]:
        """Events until the server or `timeout` ends the watch; bookmarks included.

        With `initial_events` the present objects come first, as ADDED, then a bookmark with the
        annotation `k8s.io/initial-events-end`. Close the iterator (`contextlib.aclosing`) when
        leaving early. One attempt only: reconnecting needs to know where it stopped.
        """
        seconds = int(timeout) or self._rng.randint(*WATCH_SECONDS)
        query = _selectors(label_selector, field_selector)
        query += [("watch", "true"), ("allowWatchBookmarks", "true")]
        query.append(("timeoutSeconds", str(seconds)))
        if initial_events:
            query += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]
        if resource_version:
            query.append(("resourceVersion", resource_version))
        request = wire.Request("GET", path_of(resource, namespace), query, self._read_headers)
        response = await self._transport.request(request, stream=True)
        assert not isinstance(response.body, bytes), "a transport streams when asked to"
        chunks = response.body
        if response.status >= 400:
            raise error_of(response.status, await transports.collect(chunks), response.headers)
        async with transports.closing(chunks):
            async for line in watching.lines(chunks):
                yield watching.parse_line(line)

    # --- anything

    async def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> wire.Response:
        """Any path, one attempt, no retry: logs, health, discovery. Errors of HTTP are raised."""
        request = wire.Request(
            method, path, query or [], self._read_headers | dict(headers or {}), body
        )
        response = await self._transport.request(request, stream=stream)
        if response.status >= 400:
            body_read = response.body
            if not isinstance(body_read, bytes):
                body_read = await transports.collect(body_read)
            raise error_of(response.status, body_read, response.headers)
        return response

    async def post(self, path: str, obj: wire.JsonObject) -> wire.JsonObject:
        """POST to a path that is no stored resource: reviews."""
        return await self._call("POST", path, [], orjson.dumps(obj))

    # --- one request, repeated where that is safe

    async def _call(
        self,
        method: str,
        path: str,
        query: Query,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> wire.JsonObject:
        if headers is None:
            headers = self._write_headers if body else self._read_headers
        attempt = 0
        while True:
            try:
                return await self._once(wire.Request(method, path, query, headers, body))
            except status.ApiError as error:
                if attempt + 1 >= ATTEMPTS_MAX or not _may_repeat(method, error):
                    raise
                delay = self._delay(attempt, error)
                attempt += 1
            await asyncio.sleep(delay)

    async def _once(self, request: wire.Request) -> wire.JsonObject:
        response = await self._transport.request(request)
        assert isinstance(response.body, bytes), "a transport reads the body when not streaming"
        if response.status >= 400:
            raise error_of(response.status, response.body, response.headers)
        loaded: wire.JsonObject = orjson.loads(response.body) if response.body else {}
        return loaded

    def _delay(self, attempt: int, error: status.ApiError) -> float:
        asked = min(float(error.retry_after), RETRY_AFTER_MAX)
        return max(asked, RETRY.delay(attempt, self._rng.random))


def _may_repeat(method: str, error: status.ApiError) -> bool:
    if error.code == 429:
        # An eviction that a disruption budget forbids is a 429 too, and an answer: it carries
        # this cause. Retrying it is up to whoever evicts.
        return not any(cause.get("reason") == "DisruptionBudget" for cause in error.causes)
    return method == "GET" and error.code == 503


def error_of(code: int, body: bytes, headers: Mapping[str, str]) -> status.ApiError:
    """The exception for an answer with an error code, whatever its body looks like."""
    try:
        loaded = orjson.loads(body)
    except orjson.JSONDecodeError:
        loaded = None
    if not isinstance(loaded, dict) or loaded.get("kind") != "Status":
        text = body[:200].decode("utf-8", "replace").strip()
        loaded = {"message": text or f"the server answered HTTP {code}"}
    error = status.ApiError.from_status(loaded, code)
    waits = next((v for k, v in headers.items() if k.lower() == "retry-after"), "")
    if waits.isdigit() and not error.retry_after:
        error.details = (error.details or {}) | {"retryAfterSeconds": int(waits)}
    return error


def path_of(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """`/api/v1/namespaces/NS/pods/NAME/SUB`; no namespace means all, or a cluster's object."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
    if namespace and resource.namespaced:
        root += f"/namespaces/{namespace}"
    path = f"{root}/{resource.plural}"
    if name:
        path += f"/{name}"
    return f"{path}/{subresource}" if subresource else path


def _namespace(obj: wire.JsonObject) -> str:
    return str(obj.get("metadata", {}).get("namespace", ""))


def _selectors(labels: str, fields: str) -> Query:
    query: Query = []
    if labels:
        query.append(("labelSelector", labels))
    if fields:
        query.append(("fieldSelector", fields))
    return query


def _dry(dry_run: bool) -> Query:
    return [("dryRun", "All")] if dry_run else []


def _delete_options(
    grace_period: int | None, propagation: str, preconditions: Mapping[str, str] | None
) -> bytes:
    options: dict[str, Any] = {}
    if grace_period is not None:
        options["gracePeriodSeconds"] = grace_period
    if propagation:
        options["propagationPolicy"] = propagation
    if preconditions:
        options["preconditions"] = dict(preconditions)
    if not options:
        return b""
    return orjson.dumps({"kind": "DeleteOptions", "apiVersion": "v1"} | options)
