"""Logs are rotated when they have grown, and the runtime is told."""

import asyncio
from pathlib import Path

import pytest

from kubelet import rotation
from kubelet.inotify import Hub
from kubelet.options import Options
from kubelet.rotation import LogKeeper


class Driver:
    def __init__(self) -> None:
        self.reopened: list[str] = []

    async def reopen_container_log(self, container_id: str) -> None:
        self.reopened.append(container_id)


async def test_a_log_that_outgrows_its_bound_is_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "CHECK_SECONDS", 0.0)
    log = tmp_path / "0.log"
    log.write_text("small\n")
    driver, hub = Driver(), Hub()
    keeper = LogKeeper(driver, Options("n", tmp_path, log_max_bytes=100, log_max_files=3), hub)
    task = asyncio.create_task(keeper.follow("c1", log))
    await asyncio.sleep(0.02)
    assert driver.reopened == []
    log.write_text("x" * 200)
    async with asyncio.timeout(30):
        while not driver.reopened:
            await asyncio.sleep(0.005)
    assert driver.reopened == ["c1"]
    assert (tmp_path / "0.log.1").stat().st_size == 200
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    hub.close()


async def test_a_container_without_a_log_is_left_alone(tmp_path: Path) -> None:
    hub = Hub()
    keeper = LogKeeper(Driver(), Options("n", tmp_path), hub)
    await keeper.follow("c1", tmp_path / "none" / "0.log")
    hub.close()
