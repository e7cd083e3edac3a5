"""A custom executor at the level of the wire: what it sends is what stands in the test."""

import asyncio
import base64
import json
import uuid
from typing import Any

import aiohttp

Json = dict[str, Any]


class RawExecutor:
    """One executor's subscription at an agent and the events that came."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, framework: str, executor: str
    ) -> None:
        self.session, self.url = session, url
        self.ids: Json = {
            "framework_id": {"value": framework},
            "executor_id": {"value": executor},
        }
        self.events: list[Json] = []
        self.came = asyncio.Event()

    async def subscribe(self, **unacknowledged: Any) -> Json:
        """Subscribe; the first event."""
        call = {"type": "SUBSCRIBE", "subscribe": unacknowledged, **self.ids}
        self.answer = await self.session.post(self.url, json=call)
        assert self.answer.status == 200, await self.answer.text()
        self.reading = asyncio.create_task(self._read())
        return await self.next("SUBSCRIBED")

    async def _read(self) -> None:
        try:
            while True:
                size = int(await self.answer.content.readuntil(b"\n"))
                self._add(json.loads(await self.answer.content.readexactly(size)))
        except (aiohttp.ClientError, asyncio.IncompleteReadError, ValueError):
            self._add({"type": "END"})

    def _add(self, event: Json) -> None:
        self.events.append(event)
        self.came.set()

    async def next(self, *types: str) -> Json:
        """The next event of these types (of any); others stay for later."""
        async with asyncio.timeout(30):
            while True:
                for event in self.events:
                    if not types or event["type"] in types:
                        self.events.remove(event)
                        return event
                self.came.clear()
                await self.came.wait()

    async def call(self, kind: str, **body: Any) -> tuple[int, str]:
        call: Json = {"type": kind, **self.ids}
        if body:
            call[kind.lower()] = body
        async with self.session.post(self.url, json=call) as answer:
            return answer.status, await answer.text()

    async def tell(self, task: str, state: str, **more: Any) -> str:
        """An update; its uuid."""
        name = base64.b64encode(uuid.uuid4().bytes).decode()
        status = {
            "task_id": {"value": task},
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "uuid": name,
            **more,
        }
        assert await self.call("UPDATE", status=status) == (202, "")
        return name

    async def close(self) -> None:
        self.answer.close()
        await self.reading
