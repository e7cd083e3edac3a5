"""Volumes that were destroyed leave the disk, and only those."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from apimachinery import scheme
from apimachinery.aio import tasks
from apimachinery.mesos import marks
from kubelet.mesos.persistent import PersistentVolumes

from .conftest import World

FIRST, SECOND = "1" * 32, "2" * 32


class Node:
    """A Node object, its volumes, and the agents that come and go."""

    def __init__(self, world: World, directory: Path) -> None:
        self.client = world.client
        self.root, self.record = directory / "volumes", directory / "record.json"
        for name in (FIRST, SECOND, "other"):
            (self.root / name).mkdir(parents=True)
            (self.root / name / "data").write_text("precious")

    async def register(self) -> None:
        await self.client.create(scheme.NODES, {"metadata": {"name": "n1"}})

    async def list(self, names: Any) -> None:
        annotations = {marks.VOLUMES: json.dumps(names)}
        await self.client.patch(scheme.NODES, "n1", {"metadata": {"annotations": annotations}})

    async def recorded(self, *names: str) -> None:
        """An agent runs until it has dealt with these."""
        node = await self.client.get(scheme.NODES, "n1")
        wanted = {"uid": node["metadata"]["uid"], "volumes": list(names)}
        volumes = PersistentVolumes(self.client, "n1", self.record, self.root)
        async with tasks.Supervisor() as group:
            running = group.start(volumes.run(), name="volumes")
            async with asyncio.timeout(20):
                while not self.record.exists() or json.loads(self.record.read_text()) != wanted:
                    await asyncio.sleep(0.01)
            running.cancel()

    @property
    def there(self) -> set[str]:
        return {path.name for path in self.root.iterdir()}


@pytest.fixture
async def node(world: World, tmp_path: Path) -> Node:
    made = Node(world, tmp_path)
    await made.register()
    return made


async def test_what_was_destroyed_goes(node: Node) -> None:
    await node.list([FIRST, SECOND])
    await node.recorded(FIRST, SECOND)
    await node.list([SECOND])  # while no agent runs
    await node.recorded(SECOND)
    assert node.there == {SECOND, "other"}
    await node.list([SECOND, FIRST])
    await node.recorded(SECOND, FIRST)
    await node.list([])
    await node.recorded()
    assert node.there == {"other"}


async def test_a_node_that_is_made_anew_keeps_its_files(node: Node) -> None:
    await node.list([FIRST])
    await node.recorded(FIRST)
    await node.client.delete(scheme.NODES, "n1")
    await node.register()
    await node.recorded()
    assert node.there == {FIRST, SECOND, "other"}


@pytest.mark.parametrize("names", [["../volumes", "other"], {"a": 1}, 7, [None], "text"])
async def test_what_is_no_name_is_no_path(node: Node, names: Any) -> None:
    await node.list(names)
    await node.recorded()
    await node.list([])
    await node.recorded()
    assert node.there == {FIRST, SECOND, "other"}


async def test_a_removal_that_was_cut_short_is_taken_up(node: Node) -> None:
    await node.list([FIRST])
    await node.recorded(FIRST)
    (node.root / FIRST).rename(node.root / f".{FIRST}")
    (node.root / FIRST).mkdir()
    await node.list([])
    await node.recorded()
    assert node.there == {SECOND, "other"}
