"""Persistent volumes that frameworks destroyed: their files leave the node's disk.

The offer master lists a node's volumes in an annotation of its Node, by their directories. What was there when this agent
last looked, and is not any more, is removed; what was seen is on disk, so that nothing that was
destroyed while no agent ran is overlooked. A Node that was deleted and made anew lost the list, not
the volumes: nothing is removed then. Neighbour: `offers.reservations` writes the annotation.
"""

import asyncio
import json
import logging
import re
import shutil
from pathlib import Path

from apimachinery import meta, scheme
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject

LOG = logging.getLogger(__name__)

NAME = re.compile(r"[0-9a-f]{32}")
"""What the annotation may name, and nothing else: it becomes a path."""
AGAIN_S = 30.0
"""After a disk that did not do as it was told."""


class PersistentVolumes:
    """Of one node."""

    def __init__(self, client: Client, node: str, record: Path, root: Path) -> None:
        """`record` is a file of ours; the volumes lie below `root`."""
        self._record, self._root = record, root
        self._seen: JsonObject | None = None
        self._news = asyncio.Event()
        self._mirror: Informer[JsonObject] = Informer(
            client, scheme.NODES, _trimmed, field_selector=f"metadata.name={node}"
        )
        self._mirror.add_handler(self._changed)

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mirror.run())
            group.create_task(self._work())

    def _changed(self, key: str, old: JsonObject | None, new: JsonObject | None) -> None:
        del key, old
        if new is not None and new != self._seen:
            self._seen = new
            self._news.set()

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            assert self._seen is not None, "there is news"
            try:
                await asyncio.to_thread(self.follow, self._seen)
            except OSError as error:
                LOG.warning("destroyed volumes are not removed yet: %s", error)
                await asyncio.sleep(AGAIN_S)
                self._news.set()

    def follow(self, node: JsonObject) -> None:
        """The node is this now, of which `_trimmed` keeps two things. OSError."""
        before = self._recorded()
        if before.get("uid") == node["uid"]:
            gone = sorted(set(before["volumes"]) - set(node["volumes"]))
            for name in gone:
                self._put_aside(name)
            for name in gone:
                shutil.rmtree(self._aside(name), ignore_errors=True)
                LOG.info("volume=%s was destroyed, its files are removed", name)
        if before != node:
            aside = self._record.with_suffix(".new")
            aside.write_text(json.dumps(node))
            aside.replace(self._record)

    def _recorded(self) -> JsonObject:
        try:
            found = json.loads(self._record.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _put_aside(self, name: str) -> None:
        """At once, however long the removal takes: the next volume of that id has a new place."""
        place, aside = self._root / name, self._aside(name)
        if aside.exists():
            shutil.rmtree(aside)  # of an earlier removal that was cut short
        if place.is_dir():
            place.rename(aside)

    def _aside(self, name: str) -> Path:
        return self._root / f".{name}"


def _trimmed(node: JsonObject) -> JsonObject:
    """The Node's uid and the names of its volumes."""
    text = meta.annotations(node).get(marks.VOLUMES) or "[]"
    try:
        names = [str(one) for one in json.loads(text) if NAME.fullmatch(str(one))]
    except (TypeError, ValueError):
        LOG.warning("the annotation %s makes no sense: %s", marks.VOLUMES, text[:200])
        names = []
    return {"uid": meta.uid(node), "volumes": names}
