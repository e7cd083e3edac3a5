"""Files that a command names by `uris`: really fetched, by a child with the task's user's rights."""

import asyncio
import contextlib
import gzip
import io
import json
import os
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from apimachinery.mesos import marks
from kubelet.fetch import fetcher as fetching
from kubelet.fetch import items
from kubelet.fetch.fetcher import Fetcher
from kubelet.fetch.items import FetchError
from kubelet.observed import CONFIG_ERROR
from kubelet.options import Options

from .conftest import World, waiting

NOBODY = 65534
MOUNTS = [{"name": marks.SANDBOX_VOLUME, "mountPath": marks.SANDBOX}]


def tar(*members: tuple[str, bytes | str], compression: str = "gz") -> bytes:
    """A name with bytes is a file, with text a link to there."""
    out = io.BytesIO()
    mode: Any = f"w:{compression}"
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, what in members:
            info = tarfile.TarInfo(name)
            if isinstance(what, str):
                info.type, info.linkname = tarfile.SYMTYPE, what
                archive.addfile(info)
            else:
                info.size, info.mode = len(what), 0o755
                archive.addfile(info, io.BytesIO(what))
    return out.getvalue()


def zipped(name: str, content: bytes, mode: int = 0o644) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content)
    return out.getvalue()


class Web:
    """A server of a few files that counts what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"plain.txt": b"plain"}
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(name)
        if name == "moved":
            raise web.HTTPFound(request.query["to"])
        if name == "short":
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"half")
            assert request.transport is not None
            request.transport.close()
            return response
        if name not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[name])


@pytest.fixture
async def served() -> AsyncIterator[tuple[Web, Callable[[str], str]]]:
    made = Web()
    app = web.Application()
    app.router.add_get("/{name}", made.answer)
    async with TestServer(app) as server:
        yield made, lambda name: str(server.make_url(f"/{name}"))


class Node:
    """A node's fetcher and the sandbox of one pod."""

    def __init__(self, root: Path) -> None:
        self.options = Options(node_name="n1", data_dir=root)
        self.fetcher = Fetcher(self.options)
        self.sandbox = self._sandbox("one")

    def _sandbox(self, uid: str) -> Path:
        path = self.options.pods_dir / uid / "volumes" / "empty" / marks.SANDBOX_VOLUME
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
        return path

    async def fetch(self, *uris: Any, uid: str = "one", user: int | None = None) -> Path:
        """The sandbox."""
        security = {} if user is None else {"securityContext": {"runAsUser": user}}
        wanted = json.dumps({"task-0": [{"value": u} if isinstance(u, str) else u for u in uris]})
        pod = {
            "metadata": {"uid": uid, "annotations": {marks.FETCH: wanted}},
            "spec": {
                "containers": [
                    {"name": "task-0", "image": "busybox", "volumeMounts": MOUNTS, **security}
                ]
            },
        }
        sandbox = self._sandbox(uid)
        await self.fetcher.fetch(pod)
        return sandbox


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


Served = tuple[Web, Callable[[str], str]]


async def test_files_come_whole_and_once(node: Node, served: Served) -> None:
    files, at = served
    named = {"value": at("plain.txt"), "output_file": "in/here.txt", "executable": True}
    sandbox = await node.fetch(at("plain.txt?token=1"), named)
    assert (sandbox / "plain.txt").read_bytes() == b"plain"
    assert stat.S_IMODE((sandbox / "plain.txt").stat().st_mode) == 0o644
    assert stat.S_IMODE((sandbox / "in/here.txt").stat().st_mode) == 0o755
    (sandbox / "plain.txt").unlink()
    asked = len(files.asked)
    await node.fetch(at("plain.txt"))  # the next agent does not come between a task and its files
    assert len(files.asked) == asked
    assert not (sandbox / "plain.txt").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tar.gz", tar(("bin/run", b"#!"))),
        ("a.tgz", tar(("bin/run", b"#!"))),
        ("a.tar.bz2", tar(("bin/run", b"#!"), compression="bz2")),
        ("a.tar.xz", tar(("bin/run", b"#!"), compression="xz")),
        ("a.tar", tar(("bin/run", b"#!"), compression="")),
        ("a.zip", zipped("bin/run", b"#!", 0o755)),
    ],
)
async def test_archives_are_taken_apart(
    node: Node, served: Served, name: str, content: bytes
) -> None:
    files, at = served
    files.files[name] = content
    sandbox = await node.fetch(at(name))
    assert (sandbox / "bin/run").read_bytes() == b"#!"
    assert os.access(sandbox / "bin/run", os.X_OK)
    other = await node.fetch({"value": at(name), "extract": False}, uid="two")
    assert sorted(path.name for path in other.iterdir()) == [name]


async def test_a_compressed_file_loses_its_ending(node: Node, served: Served) -> None:
    files, at = served
    files.files["data.csv.gz"] = gzip.compress(b"1,2")
    assert (await node.fetch(at("data.csv.gz")) / "data.csv").read_bytes() == b"1,2"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("up.tar.gz", tar(("../up", b"x")), "outside"),
        ("root.tar.gz", tar(("/etc/evil", b"x"), ("../../evil", b"x")), "outside"),
        ("link.tar.gz", tar(("out", "/etc"), ("out/evil", b"x")), "link"),
        ("up.zip", zipped("../up", b"x"), "out of the sandbox"),
        ("link.zip", zipped("out", b"/etc", 0o120777), "out of the sandbox"),
        ("broken.tar.gz", b"no archive at all", ""),
        ("broken.zip", b"no archive at all", "not a zip"),
    ],
)
async def test_hostile_archives_write_nothing_outside(
    node: Node, served: Served, name: str, content: bytes, why: str
) -> None:
    files, at = served
    files.files[name] = content
    with pytest.raises(FetchError, match=f"Failed to fetch '{at(name)}': .*{why}"):
        await node.fetch(at(name))
    assert not Path("/etc/evil").exists()
    assert {path.name for path in node.sandbox.parent.iterdir()} == {marks.SANDBOX_VOLUME}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent", "404"),
        ("short", "before the file did"),
        ("moved?to=file:///etc/passwd", "302|not allowed|unknown"),
        ("moved?to=ftp://127.0.0.1/x", "302|not allowed|unknown"),
    ],
)
async def test_what_the_web_does_not_give_is_said(
    node: Node, served: Served, name: str, why: str
) -> None:
    _, at = served
    with pytest.raises(FetchError, match=why):
        await node.fetch(at(name))


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ({"value": "hdfs://name/x"}, "'hdfs' is not supported"),
        ({"value": "ftp://name/x"}, "'ftp' is not supported"),
        ({"value": "relative"}, "relative path"),
        ({"value": "http://name/"}, "names no file"),
        ({"value": "http://name/x", "output_file": "../x"}, "no path within the sandbox"),
        ({"value": "http://name/x", "output_file": "/x"}, "no path within the sandbox"),
    ],
)
def test_what_makes_no_sense_is_refused(uri: Any, why: str) -> None:
    with pytest.raises(FetchError, match=why):
        items.item(uri)


async def test_a_cached_file_is_fetched_once_for_all(node: Node, served: Served) -> None:
    files, at = served
    files.files["a.tgz"] = tar(("run", b"#!"))
    wanted = {"value": at("a.tgz"), "cache": True}
    for uid in ("one", "two"):
        sandbox = await node.fetch(wanted, uid=uid)
        assert [path.name for path in sandbox.iterdir()] == ["run"]
    assert files.asked == ["a.tgz"]


async def test_the_cache_stays_within_bounds(
    node: Node, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "CACHE_MAX", 10)
    files, at = served
    files.files |= {"a": b"123456", "b": b"123456"}
    await node.fetch({"value": at("a"), "cache": True}, {"value": at("b"), "cache": True})
    (kept,) = (node.options.data_dir / "fetch-cache").iterdir()
    assert kept.stat().st_size == 6


async def test_files_of_the_node_are_read_with_the_users_rights(node: Node, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.fail("this test gives rights up, so it needs root")
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "mine").chmod(0o600)
    assert (await node.fetch(f"file://{tmp_path}/mine") / "mine").read_text() == "mine"
    with pytest.raises(FetchError, match=r"Permission denied|no such file"):
        await node.fetch(f"{tmp_path}/mine", uid="two", user=NOBODY)
    sandbox = await node.fetch("/etc/passwd", uid="three", user=NOBODY)
    assert (sandbox / "passwd").stat().st_uid == NOBODY


async def test_a_pod_waits_in_vain_for_what_is_not_there(world: World) -> None:
    """The offer master makes TASK_FAILED of it: it is doomed."""
    await world.start_agent()
    wanted = json.dumps({"app": [{"value": "file:///nowhere/x"}]})
    volumes = [{"name": marks.SANDBOX_VOLUME, "emptyDir": {}}]
    given = {"metadata": {"annotations": {marks.FETCH: wanted}}, "volumes": volumes}
    await world.pod(**given, container={"volumeMounts": MOUNTS})
    pod = await world.until(waiting(CONFIG_ERROR))
    (status,) = pod["status"]["containerStatuses"]
    assert status["state"]["waiting"]["message"] == (
        "Failed to fetch 'file:///nowhere/x': there is no such file on the agent"
    )


async def test_nothing_goes_on_when_nobody_waits(node: Node) -> None:
    """A killed task does not leave its download behind."""
    asked = asyncio.Event()

    async def never(request: web.Request) -> web.Response:
        del request
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/slow", never)
    async with TestServer(app, handler_cancellation=True) as server:
        task = asyncio.create_task(node.fetch(str(server.make_url("/slow"))))
        async with asyncio.timeout(20):
            await asked.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children]
    assert not [one for one in commands if b"kubelet.fetch.work" in one]
