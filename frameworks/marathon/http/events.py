"""`/v2/events`: what happens, as server-sent events.

Neighbours: `bus` has the queues; a listener that is too slow is cut and may come back.
"""

import asyncio
import contextlib

import orjson
from aiohttp import web

from frameworks.marathon.base import JsonObject
from frameworks.marathon.http import context

routes = web.RouteTableDef()

KEEPALIVE_S = 10.0
"""An empty line goes out after so much silence: broken connections show."""


@routes.get("/v2/events")
@routes.get("/v2/events/")
async def stream(request: web.Request) -> web.StreamResponse:
    bus = context.of(request).engine.bus
    subscriber = bus.join(request.query.getall("event_type", []))
    if subscriber is None:
        return web.Response(status=503, text="There are too many listeners")
    remote = request.remote or ""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    )
    bus.publish("event_stream_attached", remoteAddress=remote)
    try:
        await response.prepare(request)
        while True:
            try:
                async with asyncio.timeout(KEEPALIVE_S):
                    event = await subscriber.next()
            except TimeoutError:
                await response.write(b"\r\n")
                continue
            if event is None:
                break
            await response.write(_record(event))
    except (ConnectionError, asyncio.CancelledError):
        raise
    finally:
        bus.leave(subscriber)
        bus.publish("event_stream_detached", remoteAddress=remote)
    with contextlib.suppress(ConnectionError):
        await response.write_eof()
    return response


def _record(event: JsonObject) -> bytes:
    kind = str(event["eventType"]).encode()
    return b"event: " + kind + b"\r\ndata: " + orjson.dumps(event) + b"\r\n\r\n"
