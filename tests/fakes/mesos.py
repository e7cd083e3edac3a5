"""A framework at the level of the wire: what it sends is what stands in the test."""

import asyncio
import json
from typing import Any

import aiohttp

Json = dict[str, Any]


class RawFramework:
    """One subscription and the events that came; heartbeats are counted, not kept."""

    def __init__(self, session: aiohttp.ClientSession, url: str, **info: Any) -> None:
        self.session, self.url = session, url
        self.info: Json = {"user": "root", "name": "raw", "failover_timeout": 60.0, **info}
        self.events: list[Json] = []
        """Those that nobody asked for yet."""
        self.came = asyncio.Event()
        self.heartbeats = 0
        self.headers: dict[str, str] = {}
        """Sent with every call, beside its own."""
        self.id = ""
        self.stream_id = ""

    async def subscribe(self, **more: Any) -> Json:
        """Subscribe; the first event."""
        call: Json = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info, **more}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        self.answer = await self.session.post(self.url, json=call, headers=self.headers)
        assert self.answer.status == 200, await self.answer.text()
        self.stream_id = self.answer.headers["Mesos-Stream-Id"]
        self.reading = asyncio.create_task(self._read())
        first = await self.next()
        if first["type"] == "SUBSCRIBED":
            self.id = first["subscribed"]["framework_id"]["value"]
            self.info["id"] = {"value": self.id}
        return first

    async def _read(self) -> None:
        rest = b""
        try:
            async for chunk in self.answer.content.iter_any():
                rest += chunk
                while b"\n" in rest:
                    size, _, body = rest.partition(b"\n")
                    if len(body) < int(size):
                        break
                    event, rest = json.loads(body[: int(size)]), body[int(size) :]
                    if event["type"] == "HEARTBEAT":
                        self.heartbeats += 1
                    else:
                        self._add(event)
        except aiohttp.ClientError:
            pass
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

    async def offers(self) -> list[Json]:
        return (await self.next("OFFERS"))["offers"]["offers"]

    async def update(self, task: str = "", state: str = "") -> Json:
        """The next status (of a task, in a state); those with a uuid are acknowledged."""
        while True:
            status = (await self.next("UPDATE"))["update"]["status"]
            if "uuid" in status:
                assert await self.acknowledge(status) == 202
            if task in ("", status["task_id"]["value"]) and state in ("", status["state"]):
                return status

    async def acknowledge(self, status: Json) -> int:
        parts = {name: status[name] for name in ("agent_id", "task_id", "uuid")}
        return await self.call("ACKNOWLEDGE", **parts)

    async def call(self, kind: str, **body: Any) -> int:
        call: Json = {"type": kind, "framework_id": {"value": self.id}}
        if body:
            call[kind.lower()] = body
        answer, _ = await self.post(call)
        return answer

    async def post(self, call: Json, **headers: str) -> tuple[int, str]:
        given = {"Mesos-Stream-Id": self.stream_id, **self.headers, **headers}
        async with self.session.post(self.url, json=call, headers=given) as answer:
            return answer.status, await answer.text()

    async def launch(self, offer: Json, *tasks: Json, **more: Any) -> int:
        operation = {"type": "LAUNCH", "launch": {"task_infos": list(tasks)}}
        return await self.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation], **more)

    async def close(self) -> None:
        self.answer.close()
        await self.reading


def scalar(name: str, value: float) -> Json:
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


def ports(*spans: tuple[int, int]) -> Json:
    found = [{"begin": begin, "end": end} for begin, end in spans]
    return {"name": "ports", "type": "RANGES", "ranges": {"range": found}}


def task(offer: Json, name: str, command: str = "sleep", **more: Any) -> Json:
    return {
        "name": name,
        "task_id": {"value": name},
        "agent_id": offer["agent_id"],
        "resources": [scalar("cpus", 0.5), scalar("mem", 64)],
        "command": {"value": command},
        **more,
    }


def amount(offer: Json, name: str) -> float:
    return sum(r["scalar"]["value"] for r in offer["resources"] if r["name"] == name)
