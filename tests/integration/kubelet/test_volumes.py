"""Volumes of running pods: filled from the API, refreshed by watch, gone with the pod."""

import asyncio
import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.wire import JsonObject
from kubelet.volumes import local
from kubelet.volumes.errors import VolumeError
from kubelet.volumes.manager import VolumeManager

from .conftest import PATIENCE_S, World, gone, is_ready


def config_map(**data: str) -> JsonObject:
    metadata = {"name": "settings", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


async def mounted(world: World, volume: JsonObject, **mount: Any) -> None:
    await world.pod(
        container={"volumeMounts": [{"name": "vol", "mountPath": "/data", **mount}]},
        volumes=[{"name": "vol", **volume}],
    )


def path_of(world: World) -> Path:
    container = world.machine.containers[world.named("app")[0]]
    (mount,) = container.config.mounts
    return Path(mount.host_path)


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not check():
            await asyncio.sleep(0.01)


async def test_a_config_map_is_shown_and_follows_its_changes(world: World) -> None:
    await world.client.create(scheme.CONFIGMAPS, config_map(color="blue"))
    await world.start_agent()
    await mounted(world, {"configMap": {"name": "settings"}})
    await world.until(is_ready)
    path = path_of(world)
    assert (path / "color").read_text() == "blue"
    patch = {"data": {"color": "red", "size": "big"}}
    await world.client.patch(scheme.CONFIGMAPS, "settings", patch, "default")
    await until(lambda: (path / "size").exists() and (path / "color").read_text() == "red")


async def test_a_pod_waits_for_a_missing_config_map_and_says_so(world: World) -> None:
    await world.start_agent()
    await mounted(world, {"configMap": {"name": "settings"}})
    await world.until(lambda _: world.agent.pods.find("default", "web") is not None)
    text = 'MountVolume.SetUp failed for volume "vol" : configmap "settings" not found'
    await world.until_told(text)
    await world.client.create(scheme.CONFIGMAPS, config_map(color="blue"))
    await world.until(is_ready)


async def test_a_new_agent_goes_on_refreshing(world: World) -> None:
    await world.client.create(scheme.CONFIGMAPS, config_map(color="blue"))
    await world.start_agent()
    await mounted(world, {"configMap": {"name": "settings"}})
    await world.until(is_ready)
    path = path_of(world)
    await world.stop_agent()
    patch = {"data": {"color": "red"}}
    await world.client.patch(scheme.CONFIGMAPS, "settings", patch, "default")
    await world.start_agent()
    await until(lambda: (path / "color").read_text() == "red")


async def test_labels_in_files_follow_the_pod(world: World) -> None:
    await world.start_agent()
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    await mounted(world, {"downwardAPI": {"items": items}})
    await world.until(is_ready)
    path = path_of(world)
    patch = {"metadata": {"labels": {"tier": "front"}}}
    await world.client.patch(scheme.PODS, "web", patch, "default")
    await until(lambda: (path / "labels").read_text() == 'tier="front"')


async def test_secrets_are_private_to_their_mode(world: World) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "data": {"p": base64.b64encode(b"s3").decode()},
    }
    await world.client.create(scheme.SECRETS, secret)
    await world.start_agent()
    await mounted(world, {"secret": {"secretName": "s", "defaultMode": 0o400}})
    await world.until(is_ready)
    file = path_of(world) / "p"
    assert file.read_bytes() == b"s3"
    assert file.stat().st_mode & 0o777 == 0o400


async def test_an_empty_dir_lives_as_long_as_the_pod(world: World) -> None:
    await world.start_agent()
    await mounted(world, {"emptyDir": {}})
    await world.until(is_ready)
    path = path_of(world)
    assert path.stat().st_mode & 0o777 == 0o777
    (path / "file").write_text("kept")
    world.machine.kill(world.named("app")[0])
    await world.until(
        lambda p: p and p["status"]["containerStatuses"][0]["restartCount"] == 1 and is_ready(p)
    )
    assert (path_of(world) / "file").read_text() == "kept"
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)
    assert not path.exists()


async def test_a_host_path_is_not_removed_with_the_pod(world: World, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    await world.start_agent()
    await mounted(world, {"hostPath": {"path": str(precious), "type": "Directory"}}, subPath="sub")
    await world.until(is_ready)
    assert (precious / "sub").is_dir()
    await world.client.delete(scheme.PODS, "web", "default")
    await world.until(gone)
    assert (precious / "file").read_text() == "kept"
    assert (precious / "sub").is_dir()


async def test_a_claim_on_a_local_volume(world: World, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "disk"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": str(tmp_path / "disk")},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "claim", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": "disk",
        },
    }
    await world.client.create(scheme.PERSISTENTVOLUMES, volume)
    await world.client.create(scheme.PERSISTENTVOLUMECLAIMS, claim)
    await world.start_agent()
    await mounted(world, {"persistentVolumeClaim": {"claimName": "claim"}})
    # The agent waits for the other side of the binding.
    await world.client.patch(
        scheme.PERSISTENTVOLUMECLAIMS,
        "claim",
        {"status": {"phase": "Bound"}},
        "default",
        subresource="status",
    )
    await world.until(is_ready)
    assert path_of(world) == tmp_path / "disk"
    assert "FailedMount" not in await world.events()


async def test_a_volume_of_the_nodes_own_disk_is_made_and_removed(world: World) -> None:
    agent = await world.start_agent()
    root = agent.kit.options.local_volumes_dir
    place = local.directory(root, "pvc-1")
    (place / "file").write_text("kept")
    assert place.stat().st_mode & 0o777 == local.MODE
    assert local.directory(root, "pvc-1") == place
    assert (place / "file").read_text() == "kept"
    local.remove(root, "pvc-1")
    local.remove(root, "pvc-1")
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("handle", ["", "..", "a/b", ".hidden", "../../etc"])
def test_a_handle_that_leads_elsewhere_is_refused(handle: str, tmp_path: Path) -> None:
    with pytest.raises(VolumeError):
        local.directory(tmp_path, handle)
    with pytest.raises(VolumeError):
        local.remove(tmp_path, handle)


async def test_a_pod_that_comes_while_leftovers_are_looked_for_keeps_its_files(
    world: World,
) -> None:
    agent = await world.start_agent()
    volumes = VolumeManager(agent.kit, None)
    for uid in ("came", "forgotten"):
        (agent.kit.options.pods_dir / uid).mkdir(parents=True)
    known: set[str] = set()
    looking = asyncio.create_task(volumes.leftovers(known))
    await asyncio.sleep(0)
    known.add("came")
    assert await looking == ["forgotten"]


async def test_files_of_an_optional_object_go_with_it(world: World) -> None:
    await world.client.create(scheme.CONFIGMAPS, config_map(color="blue"))
    await world.start_agent()
    await mounted(world, {"configMap": {"name": "settings", "optional": True}})
    await world.until(is_ready)
    path = path_of(world)
    assert (path / "color").exists()
    await world.client.delete(scheme.CONFIGMAPS, "settings", "default")
    await until(lambda: not (path / "color").exists())


async def test_a_sub_path_needs_its_variables(world: World) -> None:
    await world.client.create(scheme.CONFIGMAPS, config_map(where="inner"))
    await world.start_agent()
    source = {"configMapKeyRef": {"name": "settings", "key": "where"}}
    for name, expression in (("knows", "$(WHERE)/x"), ("lacks", "$(NOBODY)/x")):
        await world.pod(
            name,
            container={
                "env": [{"name": "WHERE", "valueFrom": source}],
                "volumeMounts": [{"name": "v", "mountPath": "/v", "subPathExpr": expression}],
            },
            volumes=[{"name": "v", "emptyDir": {}}],
        )
    await world.until(is_ready, "knows")

    def waits(pod: JsonObject | None) -> bool:
        assert pod is not None
        (entry,) = pod["status"].get("containerStatuses") or ({},)
        waiting = (entry.get("state") or {}).get("waiting") or {}
        return waiting.get("reason") == "CreateContainerConfigError"

    pod = await world.until(waits, "lacks")
    told = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
    assert told == "missing value for 'NOBODY' in '$(NOBODY)/x'"


@pytest.mark.parametrize("kind", ["configMap", "secret", "projected"])
async def test_what_may_be_secret_lies_in_memory(world: World, kind: str) -> None:
    """And everybody in the pod may look into the directory, whatever user runs there."""
    await world.client.create(scheme.CONFIGMAPS, config_map(color="blue"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
    await world.client.create(scheme.SECRETS, secret, "default")
    volumes = {
        "configMap": {"configMap": {"name": "settings"}},
        "secret": {"secret": {"secretName": "s"}},
        "projected": {"projected": {"sources": [{"secret": {"name": "s"}}]}},
    }
    await world.start_agent()
    await mounted(world, volumes[kind])
    await world.until(is_ready)
    path = path_of(world)
    assert path.stat().st_mode & 0o7777 == 0o777
    assert path.is_mount() is (kind != "configMap")


async def test_a_sub_path_that_is_made_has_the_volumes_mode(world: World) -> None:
    await world.start_agent()
    await mounted(world, {"emptyDir": {}}, subPath="one/two")
    await world.until(is_ready)
    (volume,) = world.directory.glob("pods/*/volumes/empty/vol")
    for path in (volume, volume / "one", volume / "one/two"):
        assert path.stat().st_mode & 0o7777 == 0o777


async def test_memory_of_an_empty_dir_is_bounded(world: World) -> None:
    await world.start_agent()
    await world.pod(
        container={
            "resources": {"limits": {"memory": "16Mi"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        },
        volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}],
    )
    await world.until(is_ready)
    sizes = os.statvfs(path_of(world))
    assert sizes.f_blocks * sizes.f_frsize == 16 << 20


async def test_an_image_is_shown_and_a_missing_one_is_named(world: World) -> None:
    await world.start_agent()
    await mounted(world, {"image": {"reference": "app:1", "pullPolicy": "IfNotPresent"}})
    await world.until(is_ready)
    assert path_of(world).parts[-2:] == ("image", "vol")
    await world.pod(
        "other", volumes=[{"name": "v", "image": {"reference": "no:1", "pullPolicy": "Never"}}]
    )
    async with asyncio.timeout(PATIENCE_S):
        while "FailedMount" not in await world.events("other"):
            await asyncio.sleep(0.01)
