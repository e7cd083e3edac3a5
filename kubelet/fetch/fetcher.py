"""Fetches what a pod's containers want, once, before the first of them starts.

The work is done by a child with the task's user's rights (`work`); here are its bounds: how long,
how many at once, what is kept for the next task that wants the same. That it was done is noted
beside the pod's volumes, so that no later agent does it again under a running task. Neighbours:
`items` says what is wanted, `kubelet.starting` asks.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet.fetch import items
from kubelet.fetch.items import FetchError, Item
from kubelet.images import hostfs
from kubelet.options import Options

AT_ONCE = 4
"""Children of one node."""
TIME_S = 900.0
"""For all files of one container."""
CACHE_MAX = 2 << 30
"""Bytes of files kept on a node: Mesos' own."""
WORKER = [sys.executable, "-P", "-m", "kubelet.fetch.work"]

User = tuple[int, int, list[int]]


class Fetcher:
    """Shared by all pods of a node."""

    def __init__(self, options: Options) -> None:
        self._pods_dir = options.pods_dir
        self._cache_dir = options.data_dir / "fetch-cache"
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def fetch(self, pod: JsonObject) -> None:
        """Everything is in the pod's sandbox when this returns; FetchError, OSError."""
        wanted = items.wanted(pod)
        if not wanted:
            return
        directory = self._pods_dir / reading.uid(pod)
        done = directory / "fetched"
        async with self._lock(reading.uid(pod)):
            if done.exists():
                return
            for name, wishes in wanted.items():
                spec = _container(pod, name)
                sandbox = directory / "volumes" / "empty" / _sandbox(spec)
                await self._fetch(sandbox, wishes, _user(pod, spec))
            done.touch(mode=0o600)

    def _lock(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())

    async def _fetch(self, sandbox: Path, wishes: Sequence[Item], user: User) -> None:
        async with contextlib.AsyncExitStack() as stack:
            steps = []
            for item in wishes:
                descriptor = None
                if item.cache:
                    descriptor = await self._cached(item, user)
                    stack.callback(os.close, descriptor)
                steps.append(_step(item, descriptor))
            await self._work(sandbox, steps, user)

    async def _cached(self, item: Item, user: User) -> int:
        """A descriptor of the file in the cache, which is filled first if need be."""
        key = hashlib.sha256(f"{user[0]}\0{item.uri}".encode()).hexdigest()
        kept = self._cache_dir / key
        async with self._lock(key):
            if not kept.exists():
                await self._fill(kept, item, user)
            os.utime(kept)
            return os.open(kept, os.O_RDONLY | os.O_NOFOLLOW)

    async def _fill(self, kept: Path, item: Item, user: User) -> None:
        self._cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".", dir=self._cache_dir))
        try:
            if os.geteuid() == 0:
                os.chown(aside, user[0], user[1])
            step = _step(Item(item.uri, "content"), None)
            await self._work(aside, [step], user)
            size = (aside / "content").stat().st_size
            await asyncio.to_thread(_make_room, self._cache_dir, size)
            (aside / "content").rename(kept)
        finally:
            await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    async def _work(self, directory: Path, steps: Sequence[JsonObject], user: User) -> None:
        job = json.dumps({"directory": str(directory), "user": user, "steps": list(steps)})
        passed = [step["descriptor"] for step in steps if step["descriptor"] is not None]
        async with self._slots:
            process = await asyncio.create_subprocess_exec(
                *WORKER,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=passed,
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(TIME_S):
                    said, errors = await process.communicate(job.encode())
            except TimeoutError:
                raise FetchError(f"Failed to fetch all URIs within {TIME_S:g} s") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode:
            last = (errors.decode("utf-8", "replace").strip().splitlines() or ["it was killed"])[-1]
            text = said.decode("utf-8", "replace")
            raise FetchError(text or f"Failed to fetch all URIs: {last}")


def _step(item: Item, descriptor: int | None) -> dict[str, Any]:
    """As `work` reads it."""
    return {
        "uri": item.uri,
        "name": item.name,
        "path": item.path,
        "unpack": item.unpack,
        "executable": item.executable,
        "descriptor": descriptor,
    }


def _container(pod: JsonObject, name: str) -> JsonObject:
    try:
        return reading.container_spec(pod, name)
    except KeyError:
        raise FetchError(f"Failed to fetch: there is no container '{name}'") from None


def _sandbox(spec: JsonObject) -> str:
    """The volume that a container has for its sandbox."""
    for mount in spec.get("volumeMounts") or ():
        if mount["mountPath"] == marks.SANDBOX and marks.is_sandbox(mount["name"]):
            return str(mount["name"])
    raise FetchError(f"Failed to fetch: container '{spec['name']}' has no sandbox")


def _user(pod: JsonObject, spec: JsonObject) -> User:
    """Whose rights: the task's user's."""
    name, _, tag = str(spec.get("image") or "").partition(":")
    if name == hostfs.REFERENCE and tag not in ("", "latest", hostfs.ROOT):
        try:
            entry = pwd.getpwnam(tag)
        except KeyError:
            raise FetchError(f"Failed to fetch: there is no user '{tag}' on the agent") from None
        return entry.pw_uid, entry.pw_gid, os.getgrouplist(tag, entry.pw_gid)
    outer = (pod["spec"].get("securityContext") or {}).get("runAsUser", 0)
    uid = int((spec.get("securityContext") or {}).get("runAsUser", outer))
    return uid, uid, []


def _make_room(directory: Path, size: int) -> None:
    """Those that nobody wanted for the longest time go."""
    kept = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in directory.glob("[!.]*"))
    total = size + sum(one[1] for one in kept)
    for _, freed, path in kept:
        if total <= CACHE_MAX:
            break
        path.unlink(missing_ok=True)
        total -= freed
