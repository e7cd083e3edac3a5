"""How one container comes to run: volumes, image, configuration, create, start, hooks.

The I/O half of `kubelet.worker`, which decides when. Everything that can go wrong here ends as a
`StartError` with the reason and the sentence that the container's waiting state shows, or as the
driver's own error. Neighbours: `kubelet.configs` (pure), `kubelet.env`, `kubelet.volumes`,
`kubelet.actions` (hooks). No state of pods is kept.
"""

import asyncio
import logging
import shutil
from collections.abc import Container, Iterable
from pathlib import Path

from apimachinery import scheme
from apimachinery import status as errors
from apimachinery.wire import JsonObject
from kubelet import abilities, configs, logs
from kubelet import desired as reading
from kubelet.actions import Actions, Target
from kubelet.attempts import IMAGE_ANNOTATION
from kubelet.env import ConfigMissingError, Environment
from kubelet.fetch.fetcher import Fetcher
from kubelet.fetch.items import FetchError
from kubelet.images.errors import ImageError
from kubelet.images.interface import Image
from kubelet.kit import Kit
from kubelet.observed import CONFIG_ERROR, PULL_ERROR, SANDBOX_KEY, Sandbox, StartFailure
from kubelet.pulling import Puller
from kubelet.rotation import LogKeeper
from kubelet.runtime.config import ContainerConfig, SandboxConfig
from kubelet.runtime.errors import NotFoundError, RuntimeDriverError, StartContainerError
from kubelet.runtime.interface import ContainerState, ContainerStatus, SandboxStatus
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.interface import Volumes

LOG = logging.getLogger(__name__)

STARTS_AT_ONCE = 8
"""Of one node: beyond this more of them only slow each other down (`spec/node.md`: 25 pods/s at
8, 15 at 1, on 2 processors), and the first ones become ready much later."""
FINAL_WORDS_LINES = 80
FINAL_WORDS_BYTES = 2048
"""How much of a failed container's log stands in for its termination message (Kubernetes')."""
IMAGE_EVENTS = {
    PULL_ERROR: ("Failed", 'Failed to pull image "{}": {}'),
    "ErrImageNeverPull": ("ErrImageNeverPull", "{1}"),
    "InvalidImageName": ("InspectFailed", 'Failed to apply default image tag "{}": {}'),
}
"""Event and its words (of the image and of the error) by what went wrong with an image."""


class StartError(Exception):
    """A container or sandbox could not be started; `status` if the runtime counts an attempt."""

    def __init__(self, reason: str, message: str, status: ContainerStatus | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status


class Starter:
    """Shared by all pods of a node."""

    def __init__(
        self,
        kit: Kit,
        environment: Environment,
        puller: Puller,
        volumes: Volumes,
        actions: Actions,
        runtime_name: str,
        handlers: tuple[str, ...],
    ) -> None:
        self._fetcher = Fetcher(kit.options)
        self._kit = kit
        self._environment = environment
        self._puller = puller
        self._volumes = volumes
        self.actions = actions
        self.runtime_name = runtime_name
        self.handlers = handlers
        """What a RuntimeClass may ask for."""
        self._slots = asyncio.Semaphore(STARTS_AT_ONCE)
        self.log_keeper = LogKeeper(kit.driver, kit.options, kit.hub)

    # --- sandbox

    async def create_sandbox(self, pod: JsonObject, number: int) -> SandboxStatus:
        """Namespaces and volumes, side by side: neither needs the other."""
        problem = abilities.lacking(pod, self._kit.options.cluster_domain)
        if problem := problem or await self._unknown_handler(pod):
            raise StartError("FailedCreatePodSandBox", problem)
        config = configs.sandbox_config(pod, number, self._kit.options, self._resolv_conf())
        made, mounted = await asyncio.gather(
            self._run_sandbox(config),
            self._volumes.setup(pod),
            return_exceptions=True,
        )
        for result in (made, mounted):
            if isinstance(result, VolumeError):
                raise StartError("FailedMount", str(result)) from result
            if isinstance(result, BaseException):
                raise result
        assert isinstance(made, str), "a sandbox id"
        return await self._kit.driver.sandbox_status(made)

    async def _unknown_handler(self, pod: JsonObject) -> str:
        """What is wrong with the pod's RuntimeClass; empty if this node can run it."""
        name = pod["spec"].get("runtimeClassName")
        if not name:
            return ""
        try:
            found = await self._kit.client.get(scheme.RUNTIMECLASSES, name)
        except errors.ApiError as error:
            return error.message
        handler = str(found.get("handler") or "")
        if handler in self.handlers:
            return ""
        return f'no runtime for "{handler}" is configured; there are {", ".join(self.handlers)}'

    async def _run_sandbox(self, config: SandboxConfig) -> str:
        async with self._slots:
            return await self._kit.driver.run_pod_sandbox(config)

    async def adopt(self, pod: JsonObject) -> None:
        """Volumes that an earlier agent set up: take them over."""
        try:
            await self._volumes.setup(pod)
        except VolumeError as error:
            raise StartError("FailedMount", str(error)) from error

    def _resolv_conf(self) -> str:
        try:
            return self._kit.options.resolv_conf.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    async def clean(self, pod: JsonObject, sandbox_ids: Iterable[str]) -> None:
        """Nothing of the pod stays on the node."""
        uid = reading.uid(pod)
        known = set(sandbox_ids)
        if not known:
            # A sandbox whose volumes failed was made and never recorded.
            listed = await self._kit.driver.list_pod_sandboxes()
            known = {s.id for s in listed if s.uid == uid}
        for sandbox_id in known:
            await self._kit.driver.remove_pod_sandbox(sandbox_id)
        await self._volumes.teardown(uid)
        log_dir = self._kit.options.logs_dir / configs.log_directory_name(pod)
        await asyncio.to_thread(shutil.rmtree, log_dir, ignore_errors=True)

    async def clean_leftovers(self, known: Container[str]) -> None:
        """Volumes and logs of pods that neither the API nor the runtime knows any more.

        `known` is the living set: pods that start meanwhile are in it before they have files.
        """
        for uid in await self._volumes.leftovers(known):
            await self._volumes.teardown(uid)
        listed = await asyncio.to_thread(_log_directories, self._kit.options.logs_dir)
        dead = [path for uid, path in listed if uid not in known]
        await asyncio.to_thread(_remove_all, dead)

    # --- container

    async def prepare(
        self, pod: JsonObject, name: str, number: int, sandbox: Sandbox
    ) -> ContainerConfig:
        """Image, environment and mounts: all that may wait for others."""
        spec = reading.container_spec(pod, name)
        image = await self._image(pod, spec)
        try:
            # A restarted agent has not mounted them yet; for all others this is a look-up.
            await self._volumes.setup(pod)
            env = await self._environment.resolve(
                pod, spec, sandbox.ips, lambda *place: self._volumes.read_file(pod, *place)
            )
            mounts = await self._volumes.mounts(pod, spec, dict(env))
            await self._fetcher.fetch(pod)
        except (ConfigMissingError, VolumeError, FetchError, OSError) as error:
            raise StartError(CONFIG_ERROR, str(error)) from error
        except errors.ApiError as error:
            raise StartError(CONFIG_ERROR, error.message) from error
        digest = image.digests[0] if image.digests else image.id
        return configs.container_config(
            pod,
            spec,
            number,
            env=env,
            mounts=mounts,
            node_memory=self._kit.capacity.memory_bytes,
            data_dir=self._kit.options.data_dir,
            annotations={IMAGE_ANNOTATION: digest},
        )

    async def start(
        self, pod: JsonObject, config: ContainerConfig, sandbox: Sandbox
    ) -> ContainerStatus:
        """Create and start; the answer is the container as it is right after."""
        async with self._slots:
            return await self._start(pod, config, sandbox)

    async def _start(
        self, pod: JsonObject, config: ContainerConfig, sandbox: Sandbox
    ) -> ContainerStatus:
        driver = self._kit.driver
        container_id = await driver.create_container(sandbox.id, config)
        name = config.name
        self._kit.tell(pod, "Created", "Container created", container=name)
        try:
            await driver.start_container(container_id)
        except StartContainerError as error:
            raise await self._failed_start(container_id, error) from error
        self._kit.tell(pod, "Started", "Container started", container=name)
        return await driver.container_status(container_id)

    async def _failed_start(self, container_id: str, error: RuntimeDriverError) -> StartError:
        """An attempt that ended, if the runtime keeps it as one; else it never was."""
        try:
            status = await self._kit.driver.container_status(container_id)
        except NotFoundError:
            return StartError(error.reason, str(error))
        if status.state is ContainerState.EXITED:
            return StartError(error.reason, str(error), status)
        await self._kit.driver.remove_container(container_id)
        return StartError(error.reason, str(error))

    async def _image(self, pod: JsonObject, spec: JsonObject) -> Image:
        reference, policy = str(spec.get("image") or ""), str(spec.get("imagePullPolicy") or "")
        try:
            return await self._puller.get(pod, reference, policy, container=spec["name"])
        except ImageError as error:
            raise StartError(error.reason, str(error)) from error

    # --- hooks

    async def post_start(
        self, pod: JsonObject, name: str, container_id: str, ips: tuple[str, ...]
    ) -> str:
        """Run the hook; the message of its failure, or nothing."""
        hook = _hook(pod, name, "postStart")
        if hook is None:
            return ""
        target = Target(pod, reading.container_spec(pod, name), container_id, ips)
        result = await self.actions.run(hook, target, timeout=None)
        if result.ok:
            return ""
        # What the hook has said may be secret: it is for the node's log alone.
        LOG.warning("postStart of %s in %s: %s", name, reading.full_name(pod), result.output)
        self._kit.warn(pod, "FailedPostStartHook", "PostStartHook failed", container=name)
        return "FailedPostStartHook"

    async def pre_stop(
        self, pod: JsonObject, name: str, container_id: str, ips: tuple[str, ...], left: float
    ) -> bool:
        """Run the hook for as long as the grace period allows; whether there is one."""
        hook = _hook(pod, name, "preStop")
        if hook is None or left <= 0:
            return hook is not None
        target = Target(pod, reading.container_spec(pod, name), container_id, ips)
        result = await self.actions.run(hook, target, timeout=left)
        if not result.ok:
            LOG.warning("preStop of %s in %s: %s", name, reading.full_name(pod), result.output)
            self._kit.warn(pod, "FailedPreStopHook", "PreStopHook failed", container=name)
        return True

    async def remove(self, container_id: str, log_path: str) -> None:
        """Forget an attempt, its log included."""
        await self._kit.driver.remove_container(container_id)
        if log_path:
            await asyncio.to_thread(logs.remove, Path(log_path))

    # --- words

    async def with_final_words(self, pod: JsonObject, status: ContainerStatus) -> ContainerStatus:
        """A failed container that left no message speaks through its log, if it is set so."""
        if status.state is not ContainerState.EXITED or status.exit_code == 0:
            return status
        if status.termination_message or not status.log_path:
            return status
        try:
            spec = reading.container_spec(pod, status.name)
        except KeyError:
            return status
        if spec.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return status
        tail = await asyncio.to_thread(
            logs.tail_text, Path(status.log_path), FINAL_WORDS_LINES, FINAL_WORDS_BYTES
        )
        return configs.with_message(status, tail)

    def tell_failure(self, pod: JsonObject, key: str, reason: str, message: str) -> None:
        """The event that goes with a failure to start."""
        if reason == "FailedMount":
            self._kit.warn(pod, reason, message)
        elif key == SANDBOX_KEY:
            text = f"Failed to create pod sandbox: {message}"
            self._kit.warn(pod, "FailedCreatePodSandBox", text)
        elif reason in IMAGE_EVENTS:
            event, text = IMAGE_EVENTS[reason]
            image = reading.container_spec(pod, key).get("image", "")
            self._kit.warn(pod, event, text.format(image, message), container=key)
            self._kit.warn(pod, "Failed", f"Error: {reason}", container=key)
        else:
            self._kit.warn(pod, "Failed", f"Error: {message}", container=key)

    def tell_backoff(self, pod: JsonObject, name: str, failure: StartFailure | None) -> None:
        """The event that goes with a back-off."""
        if failure is not None and failure.reason == PULL_ERROR:
            image = reading.container_spec(pod, name).get("image", "")
            self._kit.tell(pod, "BackOff", f'Back-off pulling image "{image}"', container=name)
            self._kit.warn(pod, "Failed", "Error: ImagePullBackOff", container=name)
            return
        if failure is not None:
            # Said by `tell_failure` already.
            return
        text = f"Back-off restarting failed container {name} in pod {reading.full_name(pod)}"
        self._kit.warn(pod, "BackOff", text, container=name)


def _log_directories(root: Path) -> list[tuple[str, Path]]:
    """Uid and log directory of each pod that has one."""
    if not root.is_dir():
        return []
    # As `configs.log_directory_name` spells it: the uid is what no other part can contain.
    return [(path.name.rpartition("_")[2], path) for path in root.iterdir()]


def _remove_all(directories: Iterable[Path]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def _hook(pod: JsonObject, name: str, which: str) -> JsonObject | None:
    try:
        spec = reading.container_spec(pod, name)
    except KeyError:
        return None
    hook: JsonObject | None = (spec.get("lifecycle") or {}).get(which)
    return hook
