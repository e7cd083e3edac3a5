"""A whole API server on the memory store, asked in-process."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from apimachinery import wire
from apimachinery.wire import JsonObject
from apiserver.server import ApiServer
from apiserver.stores import open_store

ADMIN = wire.UserInfo("admin", groups=("system:masters",))
PODS = "/api/v1/namespaces/default/pods"


class Answer:
    def __init__(self, response: wire.Response) -> None:
        self.response = response
        self.status = response.status
        self.headers = response.headers

    @property
    def raw(self) -> bytes:
        assert isinstance(self.response.body, bytes)
        return self.response.body

    @property
    def json(self) -> JsonObject:
        return orjson.loads(self.raw)

    @property
    def message(self) -> str:
        return self.json["message"]


class Api:
    """Requests as one-liners: `await api.post(path, obj, fieldValidation="Strict")`."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        user: wire.UserInfo = ADMIN,
        query: dict[str, str] | None = None,
    ) -> Answer:
        data = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        request = wire.Request(method, path, list((query or {}).items()), headers or {}, data, user)
        return Answer(await self.server.handle(request))

    async def get(self, path: str, accept: str = "", **query: str) -> Answer:
        return await self.send("GET", path, headers={"accept": accept}, query=query)

    async def post(self, path: str, body: Any, **query: str) -> Answer:
        return await self.send("POST", path, body, query=query)

    async def put(self, path: str, body: Any, **query: str) -> Answer:
        return await self.send("PUT", path, body, query=query)

    async def patch(self, path: str, body: Any, kind: str = "merge", **query: str) -> Answer:
        types = {
            "merge": "application/merge-patch+json",
            "json": "application/json-patch+json",
            "strategic": "application/strategic-merge-patch+json",
            "apply": "application/apply-patch+yaml",
        }
        headers = {"content-type": types.get(kind, kind), "user-agent": "pytest/1"}
        return await self.send("PATCH", path, body, headers=headers, query=query)

    async def delete(self, path: str, body: Any = None, **query: str) -> Answer:
        return await self.send("DELETE", path, body, query=query)

    async def made(self, path: str, body: Any, **query: str) -> JsonObject:
        answer = await self.post(path, body, **query)
        assert answer.status == 201, answer.raw
        return answer.json

    async def watch(self, path: str, accept: str = "", **query: str) -> AsyncIterator[JsonObject]:
        answer = await self.get(path, accept, watch="1", **query)
        assert answer.status == 200, answer.raw
        body = answer.response.body
        assert not isinstance(body, bytes)
        try:
            async for chunk in body:
                for line in chunk.splitlines():
                    yield orjson.loads(line)
        finally:
            await body.aclose()  # type: ignore[attr-defined]

    @staticmethod
    def pod(name: str = "a", **more: Any) -> JsonObject:
        return {
            "metadata": {"name": name, **more.pop("metadata", {})},
            "spec": {"containers": [{"name": "c", "image": "busybox"}], **more},
        }

    @staticmethod
    def config(name: str = "c", **data: str) -> JsonObject:
        return {"metadata": {"name": name}, "data": data}

    @staticmethod
    def deployment(name: str = "d", replicas: int = 2) -> JsonObject:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "c", "image": "busybox"}]},
                },
            },
        }


@pytest.fixture(params=["memory", "sqlite"])
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """On both embedded stores: a write that is not on disk yet loses races in its own way."""
    address = "memory" if request.param == "memory" else f"sqlite:{tmp_path / 'state.db'}"
    server = ApiServer(open_store(address))
    await server.start()
    yield Api(server)
    await server.stop()
