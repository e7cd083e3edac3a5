"""The agent with real containers (runc, conmon). Needs root."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.client.rest import Client
from kubelet import mounts
from kubelet.images.busybox import build_busybox
from kubelet.images.service import LocalImages
from kubelet.images.store import ImageStore
from kubelet.network.pods import RoutedPodNetwork
from kubelet.observed import Attempt
from kubelet.runtime.interface import RuntimeDriver
from kubelet.runtime.oci import cleanup
from kubelet.runtime.oci.driver import OciDriver
from kubelet.runtime.oci.node import OciOptions

from .conftest import PATIENCE_S, World, gone, is_ready, phase, waiting

POD_CIDR = "10.199.77.0/24"
CGROUPS = "/bireme-agent-test"
SERVER = (
    'trap "echo bye; exit 0" TERM; mkdir -p /www; hostname > /www/index.html; '
    "httpd -f -p 8080 -h /www & wait"
)


class OciWorld(World):
    """The same world on the machine's own kernel."""

    def __init__(self, client: Client, directory: Path) -> None:
        super().__init__(client, directory)
        self.store = ImageStore(directory / "images")
        self.store.prepare()
        build_busybox(self.store)
        self.images = LocalImages(self.store)

    def driver(self) -> RuntimeDriver:
        where = OciOptions(self.directory / "run", cgroup_root=CGROUPS)
        return OciDriver(where, self.store, RoutedPodNetwork(POD_CIDR))

    async def start_agent(self, **changes: Any) -> Any:
        return await super().start_agent(cgroup_root=CGROUPS, pod_cidr=POD_CIDR, **changes)

    async def script(self, text: str, **spec: Any) -> None:
        own = spec.pop("container", {})
        container = {"image": "busybox:1.35", "command": ["sh", "-c", text], **own}
        await self.pod(container=container, **spec)

    def running(self, name: str = "app") -> Attempt:
        assert self.agent is not None
        assert self.agent.pods is not None
        worker = self.agent.pods.find("default", "web")
        assert worker is not None
        return next(a for a in worker.ledger.running() if a.name == name)

    async def inside(self, *argv: str) -> str:
        assert self.agent is not None
        result = await self.agent.kit.driver.exec_sync(self.running().id, argv, 5)
        return result.stdout.decode()

    async def pid(self) -> int:
        assert self.agent is not None
        return (await self.agent.kit.driver.container_status(self.running().id)).pid

    def log(self) -> str:
        (path,) = (self.directory / "logs").glob("default_web_*/app/*.log")
        return "".join(line.split(" ", 3)[3] + "\n" for line in path.read_text().splitlines())

    async def until_true(self, check: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not check():
                await asyncio.sleep(0.01)


@pytest.fixture
async def oci(api: Client) -> AsyncIterator[OciWorld]:
    assert os.geteuid() == 0, "real containers need root: run these tests as root"
    # Short: conmon's socket path may have 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="bireme-"))
    world = OciWorld(api, directory)
    try:
        yield world
        if not world.agent_runs:
            await world.start_agent()
        await api.delete_collection(scheme.PODS, "default")
        assert world.agent is not None
        assert world.agent.pods is not None
        pods = world.agent.pods
        await world.until_true(lambda: not pods.workers())
    finally:
        # Also after a failure nothing may stay on the machine.
        await world.stop_agent()
        cleanup.remove_all(OciOptions(directory / "run", cgroup_root=CGROUPS))
        cleanup.remove_cgroups(CGROUPS)
        mounts.remove_below(directory)
        shutil.rmtree(directory)


async def test_a_server_becomes_ready_by_its_probe(oci: OciWorld) -> None:
    await oci.start_agent()
    probe = {"readinessProbe": {"httpGet": {"port": 8080}}}
    await oci.script(SERVER, container=probe)
    pod = await oci.until(is_ready)
    assert pod["status"]["podIP"].startswith("10.199.77.")
    assert await oci.inside("wget", "-qO-", "http://localhost:8080/") == "web\n"


async def test_init_sidecar_and_main_share_a_volume_and_end_in_order(oci: OciWorld) -> None:
    mounts = [{"name": "d", "mountPath": "/d"}]
    image = {"image": "busybox:1.35", "volumeMounts": mounts}
    first = {**image, "name": "first", "command": ["sh", "-c", "echo from init > /d/x"]}
    side = {
        **image, "name": "side", "restartPolicy": "Always",
        "command": ["sh", "-c", 'trap "exit 0" TERM; sleep 1000 & wait'],
    }  # fmt: skip
    await oci.start_agent()
    await oci.script(
        "cat /d/x; id; stat -c %a:%g /d",
        container={"volumeMounts": mounts, "securityContext": {"runAsUser": 1000}},
        initContainers=[first, side],
        volumes=[{"name": "d", "emptyDir": {}}],
        securityContext={"fsGroup": 2000},
        restartPolicy="Never",
    )
    pod = await oci.until(phase("Succeeded"))
    assert oci.log() == "from init\nuid=1000 gid=0(root) groups=2000\n2777:2000\n"
    ends = [c["state"]["terminated"]["exitCode"] for c in pod["status"]["initContainerStatuses"]]
    assert ends == [0, 0]


async def test_memory_over_the_limit_is_told_as_oom(oci: OciWorld) -> None:
    await oci.start_agent()
    limits = {"resources": {"limits": {"memory": "16Mi"}}}
    await oci.script("x=a; while :; do x=$x$x; done", container=limits, restartPolicy="Never")
    pod = await oci.until(phase("Failed"))
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


async def test_a_killed_process_is_restarted(oci: OciWorld) -> None:
    await oci.start_agent()
    await oci.script(SERVER)
    await oci.until(is_ready)
    os.kill(await oci.pid(), signal.SIGKILL)
    pod = await oci.until(
        lambda p: p and p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137


async def test_the_process_lives_on_without_its_agent(oci: OciWorld) -> None:
    await oci.start_agent()
    await oci.script(SERVER)
    await oci.until(is_ready)
    before = await oci.pid()
    await oci.stop_agent()
    os.kill(before, 0)
    agent = await oci.start_agent()
    assert await oci.pid() == before
    assert agent.publisher.patches == 0


async def test_an_end_without_the_agent_is_seen_by_the_next(oci: OciWorld) -> None:
    await oci.start_agent()
    await oci.script('trap "exit 9" TERM; sleep 1000 & wait')
    await oci.until(is_ready)
    pid = await oci.pid()
    await oci.stop_agent()
    os.kill(pid, signal.SIGTERM)
    await oci.start_agent()
    pod = await oci.until(
        lambda p: p and p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 9


async def test_a_command_that_does_not_exist_backs_off(oci: OciWorld) -> None:
    await oci.start_agent()
    await oci.pod(container={"image": "busybox:1.35", "command": ["/nonexistent"]})
    pod = await oci.until(waiting("CrashLoopBackOff"))
    entry = pod["status"]["containerStatuses"][0]
    assert entry["restartCount"] == 1
    assert "/nonexistent" in entry["lastState"]["terminated"]["message"]


async def test_a_config_map_changes_inside_the_container(oci: OciWorld) -> None:
    settings = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "default"}, "data": {"color": "blue"},
    }  # fmt: skip
    await oci.client.create(scheme.CONFIGMAPS, settings)
    await oci.start_agent()
    mounts = {"volumeMounts": [{"name": "c", "mountPath": "/c"}]}
    await oci.script(SERVER, container=mounts, volumes=[{"name": "c", "configMap": {"name": "c"}}])
    await oci.until(is_ready)
    assert await oci.inside("cat", "/c/color") == "blue"
    await oci.client.patch(scheme.CONFIGMAPS, "c", {"data": {"color": "red"}}, "default")
    async with asyncio.timeout(PATIENCE_S):
        while await oci.inside("cat", "/c/color") != "red":
            await asyncio.sleep(0.02)
    assert "Read-only" in await oci.inside("sh", "-c", "echo x 2>&1 > /c/color; echo x > /c/y 2>&1")


async def test_a_sub_path_link_cannot_lead_out_of_its_volume(oci: OciWorld) -> None:
    mount = {"name": "d", "mountPath": "/d"}
    evil = {
        "name": "evil", "image": "busybox:1.35", "volumeMounts": [mount],
        "command": ["ln", "-s", "/etc", "/d/link"],
    }  # fmt: skip
    await oci.start_agent()
    await oci.script(
        "cat /e/shadow",
        container={"volumeMounts": [{**mount, "mountPath": "/e", "subPath": "link"}]},
        initContainers=[evil],
        volumes=[{"name": "d", "emptyDir": {}}],
    )
    pod = await oci.until(waiting("CreateContainerConfigError"))
    message = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    assert "leads out of the volume" in message


async def test_a_sub_path_may_be_a_file_and_is_bound_once(oci: OciWorld) -> None:
    settings = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "default"}, "data": {"color": "blue"},
    }  # fmt: skip
    await oci.client.create(scheme.CONFIGMAPS, settings)
    await oci.start_agent()
    mount = {"name": "c", "mountPath": "/etc/color", "subPath": "color"}
    await oci.script(
        SERVER,
        container={"volumeMounts": [mount]},
        volumes=[{"name": "c", "configMap": {"name": "c"}}],
    )
    pod = await oci.until(is_ready)
    assert await oci.inside("cat", "/etc/color") == "blue"
    os.kill(await oci.pid(), signal.SIGKILL)
    await oci.until(
        lambda p: p and p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    assert await oci.inside("cat", "/etc/color") == "blue"
    places = Path("/proc/self/mountinfo").read_text().count(f"{pod['metadata']['uid']}/subpaths/")
    assert places == 1


async def test_a_data_directory_behind_a_link_does_not_cost_the_host_its_files(
    oci: OciWorld, tmp_path: Path
) -> None:
    """Removing a pod's directory must not walk into what is bound there."""
    precious = tmp_path / "precious" / "sub"
    precious.mkdir(parents=True)
    (precious / "file").write_text("kept")
    link = tmp_path / "link"
    link.symlink_to(oci.directory)
    await oci.start_agent(data_dir=link)
    mount = {"name": "h", "mountPath": "/h", "subPath": "sub"}
    await oci.script(
        SERVER,
        container={"volumeMounts": [mount]},
        volumes=[{"name": "h", "hostPath": {"path": str(precious.parent)}}],
    )
    await oci.until(is_ready)
    assert await oci.inside("cat", "/h/file") == "kept"
    await oci.client.delete(scheme.PODS, "web", "default")
    await oci.until(gone)
    assert (precious / "file").read_text() == "kept"
    assert not list((oci.directory / "pods").iterdir())


async def test_nothing_is_left_of_a_deleted_pod(oci: OciWorld) -> None:
    await oci.start_agent()
    mounts = {
        "volumeMounts": [
            {"name": "m", "mountPath": "/m"},
            {"name": "m", "mountPath": "/s", "subPath": "sub"},
        ]
    }
    memory = {"name": "m", "emptyDir": {"medium": "Memory"}}
    await oci.script(SERVER, container=mounts, volumes=[memory])
    pod = await oci.until(is_ready)
    uid = pod["metadata"]["uid"]
    assert uid in Path("/proc/self/mountinfo").read_text()
    await oci.client.delete(scheme.PODS, "web", "default")
    await oci.until(gone)
    assert uid not in Path("/proc/self/mountinfo").read_text()
    assert not list((oci.directory / "pods").iterdir())
    assert not list((oci.directory / "logs").iterdir())
    assert not list(Path("/sys/fs/cgroup").glob(f"*{CGROUPS}/**/pod{uid}"))
