"""A real cluster for the end-to-end tests: real processes, real containers, real kubectl."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
BIREME = [sys.executable, "-P", "-m", "bireme"]
SAMPLES = Path(__file__).resolve().parents[2] / "manifests/samples"


@dataclass(frozen=True)
class Cluster:
    """One running cluster and how to talk to it."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.root / "kubeconfig")}

    def bireme(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run([*BIREME, *arguments, "--data-dir", str(self.root)], check=check)

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        return run([KUBECTL, *arguments], env=self.environment, stdin=stdin, check=check).stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def pods(self, selector: str, namespace: str = "default") -> list[dict[str, Any]]:
        """The pods of a selector that are not being deleted."""
        items = self.get("pods", "-n", namespace, "-l", selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]

    def processes(self) -> dict[str, dict[str, Any]]:
        state: dict[str, dict[str, Any]] = json.loads(
            (self.root / "run/processes.json").read_text()
        )
        return state

    def pid(self, name: str) -> int:
        return int(self.processes()[name]["pid"])


def run(
    argv: list[str], *, env: dict[str, str] | None = None, stdin: str = "", check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        argv, env=env, input=stdin, capture_output=True, text=True, timeout=180, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{argv} → {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def eventually(what: Callable[[], Any], *, within: float = 60.0) -> Any:
    """Call until it returns something true; the world outside has no virtual clock."""
    deadline = time.monotonic() + within
    last: object = None
    while time.monotonic() < deadline:
        with contextlib.suppress(AssertionError, OSError, KeyError, IndexError, ValueError):
            last = what()
            if last:
                return last
        time.sleep(0.1)
    result = what()
    assert result, f"not within {within} s; last: {last!r}"
    return result


@contextlib.contextmanager
def a_cluster(*options: str) -> Iterator[Cluster]:
    root = Path(tempfile.mkdtemp(prefix="brm", dir="/tmp"))
    cluster = Cluster(root)
    try:
        cluster.bireme("up", "--detach", *options)
        yield cluster
    finally:
        if root.exists():
            cluster.bireme("down", "--purge", check=False)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes on SQLite, shared by the tests that leave it whole."""
    with a_cluster("--nodes", "3") as made:
        yield made
