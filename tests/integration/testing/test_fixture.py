"""The pytest plugin: clusters that come quickly, keep apart and leave nothing behind."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bireme.testing import Cluster, ClusterError


def test_kubectl_works_at_once(bireme_cluster: Cluster) -> None:
    assert "kube-system" in bireme_cluster.kubectl("get", "namespaces")


def test_the_session_shares_one(bireme_cluster: Cluster, request: pytest.FixtureRequest) -> None:
    assert request.getfixturevalue("bireme_cluster") is bireme_cluster


def test_a_function_has_its_own(bireme_cluster: Cluster, bireme_cluster_function: Cluster) -> None:
    bireme_cluster_function.kubectl("create", "namespace", "mine")
    with pytest.raises(ClusterError, match="NotFound"):
        bireme_cluster.kubectl("get", "namespace", "mine")


def test_nothing_is_left() -> None:
    with Cluster() as cluster:
        directory = cluster.directory
        process = cluster._process
    assert not directory.exists()
    assert process is not None
    assert process.returncode == 0


def test_kubectl_gets_its_arguments_as_they_are() -> None:
    made = (
        "kubectl",
        "create",
        "deployment",
        "web",
        "--image=any",
        "--dry-run=client",
        "-o",
        "json",
    )
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bireme", *made, "--", "sh", "-c", "true"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (container,) = json.loads(done.stdout)["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["sh", "-c", "true"]


def test_a_server_with_its_keys_does_without_what_made_them(
    bireme_cluster_function: Cluster,
) -> None:
    process = bireme_cluster_function._process
    assert process is not None
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    assert "pydantic_core" in maps
    assert "cryptography" not in maps


def test_the_environment_is_given_back(bireme_cluster: Cluster) -> None:
    before = dict(os.environ)
    with bireme_cluster.as_default():
        assert os.environ["KUBECONFIG"] == str(bireme_cluster.kubeconfig)
    assert dict(os.environ) == before


def test_a_child_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter starts with it
    with pytest.raises(ClusterError, match="the cluster ended"):
        Cluster().start()


def test_several_at_once() -> None:
    with ThreadPoolExecutor() as pool:
        clusters = list(pool.map(lambda _: Cluster().start(), range(4)))
        try:
            uids = {
                one.kubectl("get", "namespace", "default", "-o", "jsonpath={.metadata.uid}")
                for one in clusters
            }
        finally:
            list(pool.map(Cluster.stop, clusters))
    assert len(uids) == len(clusters)


def test_a_suite_that_is_killed_leaves_no_server() -> None:
    script = (
        "from bireme.testing import Cluster; c = Cluster().start(); "
        "print(c._process.pid, c.directory, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as suite:
        assert suite.stdout is not None
        pid, directory = suite.stdout.readline().split()
        suite.kill()
    try:
        deadline = time.monotonic() + 30
        while _lives(int(pid)):
            assert time.monotonic() < deadline, "the server outlived its suite"
            time.sleep(0.05)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _lives(pid: int) -> bool:
    """A zombie that nobody fetches has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_importing_it_loads_no_library() -> None:
    heavy = "aiohttp, orjson, pydantic, typer, yaml, kubernetes, apimachinery, apiserver"
    code = (
        "import sys, bireme.testing;"
        f"print([name for name in {heavy!r}.split(', ') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
