"""kill -9 of the API server under load, again and again: what was acknowledged is there."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.conformance.api.clients import Api, Credentials
from tests.e2e.conftest import Cluster, a_cluster, eventually

WRITERS = 6
KILLS = 6
BETWEEN = 40
"""Writes that are acknowledged between two kills: the server is at work when it is hit."""
PAUSE_SECONDS = 0.02
"""While nobody listens: the server that starts needs the processor."""


class Writer(threading.Thread):
    """Creates objects and counts up one of its own, for as long as it may."""

    def __init__(self, api: Api, number: int) -> None:
        super().__init__(name=f"writer {number}", daemon=True)
        self.api, self.number = api, number
        self.ended = threading.Event()
        self.answers = 0
        """Writes that were acknowledged."""
        self.acknowledged: list[str] = []
        self.tried = 0
        """The highest count that was sent."""
        self.counted = 0
        """The highest count that was answered."""
        self.odd: list[Any] = []
        """Answers that neither a dying server nor a starting one gives."""

    @property
    def counter(self) -> str:
        return self.api.path("configmaps", f"counter-{self.number}")

    def run(self) -> None:
        serial = 0
        while not self.ended.is_set():
            serial += 1
            name = f"cm-{self.number}-{serial}"
            if self._ask("POST", self.api.path("configmaps"), {"metadata": {"name": name}}):
                self.acknowledged.append(name)
            self.tried += 1
            change = {"data": {"count": str(self.tried)}}
            if self._ask("PATCH", self.counter, change):
                self.counted = self.tried

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> bool:
        headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else None
        try:
            answer = self.api.send(method, path, body, headers=headers)
        except urllib3.exceptions.HTTPError:
            self.ended.wait(PAUSE_SECONDS)
            return False
        if answer.code in (200, 201):
            self.answers += 1
            return True
        if answer.code not in (429, 503):
            self.odd.append((method, path, answer.code, answer.raw[:200]))
        return False


def total(writers: list[Writer]) -> int:
    return sum(one.answers for one in writers)


def kill_while_they_write(cluster: Cluster, writers: list[Writer]) -> None:
    """The supervisor brings the server back each time; the last one stays."""
    for _ in range(KILLS):
        seen = total(writers)
        eventually(lambda: total(writers) >= seen + BETWEEN)  # noqa: B023  called in this round
        os.kill(cluster.pid("server"), signal.SIGKILL)
    seen = total(writers)
    eventually(lambda: total(writers) >= seen + BETWEEN)


@pytest.mark.parametrize("store", ["sqlite", "etcd"])
def test_a_killed_server_loses_nothing_that_was_acknowledged(store: str, tmp_path: Path) -> None:
    with a_cluster("--store", store) as cluster:
        api = Api(Credentials.load(cluster.root / "kubeconfig", tmp_path))
        writers = [Writer(api, number) for number in range(WRITERS)]
        for one in writers:
            api.make("configmaps", f"counter-{one.number}")
            one.start()
        try:
            kill_while_they_write(cluster, writers)
        finally:
            for one in writers:
                one.ended.set()
                one.join()
        items = api.get(api.path("configmaps")).json["items"]
        found = {item["metadata"]["name"]: item.get("data") or {} for item in items}
        for one in writers:
            assert one.odd == []
            assert set(one.acknowledged) - found.keys() == set()
            count = int(found[f"counter-{one.number}"]["count"])
            assert one.counted <= count <= one.tried
