"""All volumes of a node's pods: set up before containers start, refreshed, torn down at the end.

`setup` is idempotent and quick when there is nothing to do, so that it can be asked before every
container. Each pod has a directory of its own below `pods_dir`; everything made for it lies there.
Neighbours: `payload` (which files), `atomic` (how they change), `objects` (what is watched),
`tokens`, `paths`. Called by `kubelet.starting`; what `setup` raises is a `VolumeError`.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apimachinery import status as errors
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import kernel, mounts, resources
from kubelet.env import expand_known
from kubelet.images.errors import ImageError
from kubelet.kit import Kit
from kubelet.pulling import Puller
from kubelet.runtime.config import Mount, Propagation
from kubelet.volumes import atomic, claims, ownership, payload
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.objects import ObjectCache
from kubelet.volumes.paths import bind_sub_path, ensure_host_path, read_inside
from kubelet.volumes.payload import Owner, TokenRef
from kubelet.volumes.tokens import Token
from kubelet.volumes.tokens import request as request_token

LOG = logging.getLogger(__name__)

API_KINDS = ("configMap", "secret", "downwardAPI", "projected")
"""Filled from the API; all are read-only for containers. What may be secret lies in memory, so that
no disk remembers it: all of them but ConfigMaps, as in Kubernetes."""
RECURSIVE = ("Enabled", "IfPossible")
RENEW_RETRY_S = 30.0
"""After a renewal of a token that failed: the old one has a fifth of its life left."""


@dataclass(slots=True)
class _PodVolumes:
    """What is set up for one pod."""

    pod: JsonObject
    paths: dict[str, Path] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready: bool = False
    tokens: dict[TokenRef, Token] = field(default_factory=dict)
    timer: asyncio.TimerHandle | None = None


class VolumeManager:
    """See the module's docstring."""

    def __init__(self, kit: Kit, puller: Puller) -> None:
        self._kit = kit
        self._puller = puller
        self._pods: dict[str, _PodVolumes] = {}
        self._objects = ObjectCache(kit.client, self._refresh_pods)
        self._tasks: set[asyncio.Task[None]] = set()

    async def setup(self, pod: JsonObject) -> None:
        """Every volume of the pod is there when this returns."""
        entry = self._pods.setdefault(reading.uid(pod), _PodVolumes(pod))
        entry.pod = pod
        if entry.ready:
            return
        async with entry.lock:
            if not entry.ready:
                await self._setup_all(entry)

    async def update(self, pod: JsonObject) -> None:
        """The pod has changed: its downward API files may show something else."""
        entry = self._pods.get(reading.uid(pod))
        if entry is None or not entry.ready:
            return
        entry.pod = pod
        if any(_is_downward(volume) for volume in pod["spec"].get("volumes") or ()):
            await self._refresh(entry)

    async def mounts(
        self, pod: JsonObject, spec: JsonObject, env: Mapping[str, str]
    ) -> list[Mount]:
        """What one container sees of the volumes."""
        entry = self._pods[reading.uid(pod)]
        kinds = {v["name"]: v for v in pod["spec"].get("volumes") or ()}
        result = []
        for index, wanted in enumerate(spec.get("volumeMounts") or ()):
            name = wanted["name"]
            path = entry.paths[name]
            sub_path = wanted.get("subPath") or ""
            if wanted.get("subPathExpr"):
                sub_path = expand_known(wanted["subPathExpr"], env)
            if sub_path:
                place = self._pod_dir(pod) / "subpaths" / f"{spec['name']}-{index}"
                path = await asyncio.to_thread(bind_sub_path, path, sub_path, place)
            from_api = any(kind in kinds[name] for kind in API_KINDS)
            result.append(
                Mount(
                    container_path=str(wanted["mountPath"]),
                    host_path=str(path),
                    read_only=bool(wanted.get("readOnly")) or from_api,
                    recursive_read_only=wanted.get("recursiveReadOnly") in RECURSIVE,
                    propagation=Propagation(wanted.get("mountPropagation") or "None"),
                )
            )
        return result

    async def read_file(self, pod: JsonObject, volume: str, path: str) -> bytes | None:
        root = self._pods[reading.uid(pod)].paths.get(volume)
        return None if root is None else await asyncio.to_thread(read_inside, root, path)

    async def teardown(self, uid: str) -> None:
        """Unmount and remove everything of the pod; also of one that an earlier agent set up."""
        entry = self._pods.pop(uid, None) or _PodVolumes({})
        if entry.timer is not None:
            entry.timer.cancel()
        self._objects.drop(uid)
        async with entry.lock:
            # A refresh that is under way ends first: it would bring files back.
            await asyncio.to_thread(_remove, self._kit.options.pods_dir / uid)

    async def leftovers(self, known: Container[str]) -> list[str]:
        """Uids of pods that have a directory here and are not known.

        Asked after the listing, never before: a pod that came meanwhile has a directory too.
        """
        root = self._kit.options.pods_dir
        there = await asyncio.to_thread(
            lambda: [p.name for p in root.iterdir()] if root.is_dir() else []
        )
        return sorted(uid for uid in there if uid not in known)

    async def close(self) -> None:
        for entry in self._pods.values():
            if entry.timer is not None:
                entry.timer.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._objects.close()

    async def _setup_all(self, entry: _PodVolumes) -> None:
        for volume in entry.pod["spec"].get("volumes") or ():
            try:
                await self._setup_one(entry, volume)
            except (VolumeError, OSError, errors.ApiError) as error:
                words = error.message if isinstance(error, errors.ApiError) else error
                name = volume["name"]
                raise VolumeError(
                    f'MountVolume.SetUp failed for volume "{name}" : {words}'
                ) from error
        entry.ready = True
        self._schedule_renewal(entry)

    # --- one volume

    def _pod_dir(self, pod: JsonObject) -> Path:
        return self._kit.options.pods_dir / reading.uid(pod)

    async def _setup_one(self, entry: _PodVolumes, volume: JsonObject) -> None:
        name = str(volume["name"])
        if any(kind in volume for kind in API_KINDS):
            path = self._pod_dir(entry.pod) / "volumes" / "api" / name
            size = 0 if "configMap" in volume else self._memory_bytes(entry.pod)
            await asyncio.to_thread(_make_empty, path, size, _group(entry.pod))
            entry.paths[name] = path
            await self._write(entry, volume)
        elif "hostPath" in volume:
            body = volume["hostPath"]
            entry.paths[name] = await asyncio.to_thread(
                ensure_host_path, str(body["path"]), str(body.get("type") or "")
            )
        elif "persistentVolumeClaim" in volume:
            claim = str(volume["persistentVolumeClaim"].get("claimName") or "")
            entry.paths[name] = await self._claimed(entry.pod, claim)
        elif "ephemeral" in volume:
            entry.paths[name] = await self._claimed(entry.pod, f"{reading.name(entry.pod)}-{name}")
        elif "image" in volume:
            entry.paths[name] = await self._shown(entry.pod, name, volume["image"] or {})
        elif "emptyDir" in volume or len(volume) == 1:
            path = self._pod_dir(entry.pod) / "volumes" / "empty" / name
            body = volume.get("emptyDir") or {}
            in_memory = body.get("medium") == "Memory"
            size = self._memory_bytes(entry.pod, body.get("sizeLimit")) if in_memory else 0
            await asyncio.to_thread(_make_empty, path, size, _group(entry.pod))
            entry.paths[name] = path
        else:
            kind = next(key for key in volume if key != "name")
            raise VolumeError(f"the type {kind} is not supported by this node")

    def _memory_bytes(self, pod: JsonObject, asked: str | None = None) -> int:
        """How much of memory a volume that lies there may fill."""
        bounds = (
            Quantity.parse(asked).value() if asked else 0,
            resources.sandbox_resources(pod).memory_limit_bytes,
            self._kit.capacity.memory_bytes,
        )
        return min(bound for bound in bounds if bound)

    async def _claimed(self, pod: JsonObject, claim: str) -> Path:
        root = self._kit.options.local_volumes_dir
        found = await claims.find(self._kit.client, root, reading.namespace(pod), claim)
        group = _group(pod)
        if found.owned and group is not None:
            policy = (pod["spec"].get("securityContext") or {}).get("fsGroupChangePolicy")
            await asyncio.to_thread(
                ownership.give, found.path, group, only_on_mismatch=policy == "OnRootMismatch"
            )
        return found.path

    async def _shown(self, pod: JsonObject, name: str, body: JsonObject) -> Path:
        """An image's files, read-only."""
        reference, policy = str(body.get("reference") or ""), str(body.get("pullPolicy") or "")
        place = self._pod_dir(pod) / "volumes" / "image" / name
        try:
            image = await self._puller.get(pod, reference, policy, container="")
            if not place.is_mount():
                await self._kit.images.show(image, place)
        except ImageError as error:
            raise VolumeError(str(error)) from error
        return place

    async def _write(self, entry: _PodVolumes, volume: JsonObject) -> bool:
        """Bring the files of a volume from the API up to date."""
        pod = entry.pod
        objects: dict[tuple[str, str], JsonObject | None] = {}
        for ref in payload.object_refs(volume):
            objects[ref.plural, ref.name] = await self._objects.use(
                ref.plural, reading.namespace(pod), ref.name, reading.uid(pod)
            )
        for token_ref in payload.token_refs(volume):
            await self._ensure_token(entry, token_ref)
        files = payload.files(
            volume,
            pod,
            objects,
            {ref: token.text for ref, token in entry.tokens.items()},
            Owner(_group(pod), _only_user(pod)),
            self._kit.options,
            self._kit.capacity,
        )
        return await asyncio.to_thread(atomic.write, entry.paths[str(volume["name"])], files)

    async def _ensure_token(self, entry: _PodVolumes, ref: TokenRef) -> None:
        now = self._kit.clock.now()
        known = entry.tokens.get(ref)
        if known is not None and now < known.renew_at:
            return
        try:
            entry.tokens[ref] = await request_token(self._kit.client, entry.pod, ref, now)
        except errors.ApiError as error:
            if known is None:
                raise VolumeError(f"service account token: {error.message}") from error
            LOG.warning("token of %s not renewed: %s", reading.full_name(entry.pod), error.message)
            entry.tokens[ref] = Token(known.text, now + RENEW_RETRY_S)

    # --- refreshing

    def _refresh_pods(self, uids: set[str]) -> None:
        for uid in uids:
            entry = self._pods.get(uid)
            if entry is not None and entry.ready:
                self._spawn(entry)

    def _spawn(self, entry: _PodVolumes) -> None:
        name = f"volumes {reading.name(entry.pod)}"
        task = asyncio.get_running_loop().create_task(self._refresh(entry), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refresh(self, entry: _PodVolumes) -> None:
        """Write what has changed; an object that is missing now leaves its files as they are."""
        async with entry.lock:
            if self._pods.get(reading.uid(entry.pod)) is not entry:
                return
            for volume in entry.pod["spec"].get("volumes") or ():
                if not any(kind in volume for kind in API_KINDS):
                    continue
                try:
                    await self._write(entry, volume)
                except (VolumeError, OSError, errors.ApiError) as error:
                    LOG.info("volume %s of %s: %s", volume["name"], reading.name(entry.pod), error)
            self._schedule_renewal(entry)

    def _schedule_renewal(self, entry: _PodVolumes) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        if entry.tokens and reading.uid(entry.pod) in self._pods:
            due = min(token.renew_at for token in entry.tokens.values())
            delay = max(due - self._kit.clock.now(), 1.0)
            loop = asyncio.get_running_loop()
            entry.timer = loop.call_later(delay, self._spawn, entry)


def _is_downward(volume: JsonObject) -> bool:
    if "downwardAPI" in volume:
        return True
    sources = (volume.get("projected") or {}).get("sources") or ()
    return any("downwardAPI" in source for source in sources)


def _group(pod: JsonObject) -> int | None:
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)


def _only_user(pod: JsonObject) -> int | None:
    """The user of every container, when they are all told the same one."""
    outer = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    users = {
        (spec.get("securityContext") or {}).get("runAsUser", outer)
        for spec, _ in reading.containers(pod)
    }
    user = users.pop() if len(users) == 1 else None
    return None if user is None else int(user)


def _make_empty(path: Path, memory: int, group: int | None) -> None:
    """A directory for everybody in the pod; in so much memory if it is asked for."""
    path.mkdir(parents=True, exist_ok=True)
    # Not over what is there: containers of an earlier agent may look at it.
    if memory and not path.is_mount() and not any(path.iterdir()):
        options = f"mode=0777,size={memory}"
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        try:
            kernel.mount("tmpfs", str(path), "tmpfs", flags, options)
        except PermissionError:
            # Without root the node's disk has to do.
            LOG.info("volume %s: no right to mount tmpfs, using the disk", path)
    mode = 0o777
    if group is not None:
        os.chown(path, -1, group)
        mode |= 0o2000
    path.chmod(mode)


def _remove(directory: Path) -> None:
    if directory.is_dir():
        mounts.remove_below(directory)
        shutil.rmtree(directory)
