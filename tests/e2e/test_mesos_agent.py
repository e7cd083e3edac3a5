"""What Mesos' agents do for tasks, on real nodes: files fetched, sessions, terminals, volumes."""

import base64
import contextlib
import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apimachinery.mesos import marks
from tests.e2e.conftest import Cluster, a_cluster, eventually, run
from tests.e2e.test_mesos import FOREIGN, environment, master, operate

HOLDING = str(Path(__file__).with_name("holding.py"))
DETACH = b"\x10\x11"


@pytest.fixture(scope="module")
def pool() -> Iterator[Cluster]:
    with a_cluster("--nodes", "1") as made:
        yield made


class Held:
    """A framework's tasks, and what it hears of them."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.heard: list[dict[str, str]] = []

    def until(self, name: str, state: str) -> dict[str, str]:
        assert self._process.stdout is not None
        while not (found := [h for h in self.heard if (h["id"], h["state"]) == (name, state)]):
            line = self._process.stdout.readline()
            assert line, f"the framework ended; it heard {self.heard}"
            self.heard.append(json.loads(line))
        return found[0]


@contextlib.contextmanager
def holding(cluster: Cluster, *tasks: dict[str, Any]) -> Iterator[Held]:
    command = [sys.executable, HOLDING, master(cluster), json.dumps(tasks)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Held(process)
        finally:
            process.send_signal(signal.SIGKILL)


class Cli:
    """avmesos-cli from PyPI."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        config = directory / "config.toml"
        config.write_text(f'plugins = []\n[master]\n  address = "{master(cluster)}"\n')
        self._program = [environment("avmesos-cli"), str(FOREIGN / "mesos_cli.py")]
        self._environment = {**os.environ, "MESOS_CLI_CONFIG": str(config)}

    def __call__(
        self, *words: str, stdin: str = "", **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        return run([*self._program, *words], env=self._environment, stdin=stdin, **more)

    @contextlib.contextmanager
    def terminal(self, *words: str) -> Iterator["Terminal"]:
        """The same in a terminal of its own."""
        master_end, slave = pty.openpty()
        with subprocess.Popen(
            [*self._program, *words], env=self._environment, stdin=slave, stdout=slave,
            stderr=slave, start_new_session=True,
        ) as process:  # fmt: skip
            os.close(slave)
            try:
                yield Terminal(master_end, process)
            finally:
                process.kill()
                os.close(master_end)


class Terminal:
    """What is typed, and what is shown."""

    def __init__(self, descriptor: int, process: "subprocess.Popen[bytes]") -> None:
        self._descriptor, self.process = descriptor, process
        self.shown = b""

    def type(self, data: bytes) -> None:
        os.write(self._descriptor, data)

    def until(self, wanted: bytes, within: float = 60.0) -> None:
        deadline = time.monotonic() + within
        while wanted not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted!r} was not shown; only {self.shown!r}"
            if select.select([self._descriptor], [], [], min(left, 1.0))[0]:
                try:
                    self.shown += os.read(self._descriptor, 4096)
                except OSError:  # the other side is closed
                    raise AssertionError(f"it ended after {self.shown!r}") from None


@pytest.fixture
def shared_path() -> Iterator[Path]:
    """Pytest's own directories are closed to other users."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def test_files_are_there_before_a_task_starts(pool: Cluster, shared_path: Path) -> None:
    tool = shared_path / "bin/tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho tool of $(id -un)\n")
    tool.chmod(0o755)
    with tarfile.open(shared_path / "tool.tar.gz", "w:gz") as archive:
        archive.add(tool, "bin/tool")
    good = {
        "value": "bin/tool && test -O bin/tool",
        "uris": [{"value": f"file://{shared_path}/tool.tar.gz"}],
        "user": "nobody",
    }
    missing = {"value": "true", "uris": [{"value": f"file://{shared_path}/none"}]}
    tasks = [
        {"id": "good", "command": "", "more": {"command": good}},
        {"id": "bad", "command": "", "more": {"command": missing}},
    ]
    with holding(pool, *tasks) as held:
        held.until("good", "TASK_FINISHED")
        failure = held.until("bad", "TASK_FAILED")
        assert "Failed to fetch" in failure["message"]
        assert "no such file on the agent" in failure["message"]


def test_avmesos_cli_runs_commands_in_a_task(pool: Cluster, tmp_path: Path) -> None:
    cli = Cli(pool, tmp_path)
    with holding(pool, {"id": "held", "command": "echo made > made; sleep 600"}) as held:
        held.until("held", "TASK_RUNNING")
        assert eventually(lambda: cli("task", "exec", "held", "cat", "made").stdout == "made\n")
        failed = cli("task", "exec", "held", "sh", "-c", "echo oops >&2; exit 7", check=False)
        assert (failed.returncode, failed.stderr) == (7, "oops\n")
        echoed = cli("task", "exec", "-i", "held", "cat", stdin="typed\n")
        assert echoed.stdout == "typed\n"
        with cli.terminal("task", "exec", "-i", "-t", "held", "sh") as terminal:
            terminal.type(b"tty && echo $((6 * 7))\r")
            terminal.until(b"/dev/")
            terminal.until(b"42\r\n")
            terminal.type(b"exit 3\r")
            assert terminal.process.wait(timeout=60) == 3


SPY = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(),
                                 {"Content-Type": "application/json"})
try:
    print(urllib.request.urlopen(request, timeout=30).status)
except urllib.error.HTTPError as error:
    sys.exit(0 if error.code == 401 else error.code % 250)
sys.exit(1)
"""


def test_sessions_are_not_for_everybody(pool: Cluster) -> None:
    """A task is root and has the node's address; that opens no other task."""
    with holding(pool, {"id": "safe", "command": "sleep 600"}) as held:
        held.until("safe", "TASK_RUNNING")
        task = next(
            one
            for one in pool.get("tasks", "-n", "frameworks")["items"]
            if one["spec"]["taskID"] == "safe"
        )
        pod = pool.get("pod", task["spec"]["pod"], "-n", "frameworks")
        url = f"http://{pod['status']['hostIP']}:5051/api/v1"

        def call(name: str) -> str:
            inner = {"value": name, "parent": {"value": pod["metadata"]["uid"]}}
            body = {"container_id": inner, "command": {"value": "true"}}
            return json.dumps({"type": "LAUNCH_NESTED_CONTAINER", "launch_nested_container": body})

        spy = shlex.join([sys.executable, "-c", SPY, url, call("spy")])
        with holding(pool, {"id": "spy", "command": spy}) as other:
            other.until("spy", "TASK_FINISHED")
        assert asked(url, call("root")) == 200
        pool.kubectl("create", "serviceaccount", "operator")
        token = pool.kubectl("create", "token", "operator").strip()
        assert asked(url, call("none"), "nonsense") == 401
        assert asked(url, call("none"), token) == 403
        pool.kubectl(
            "create", "clusterrolebinding", "operator", "--clusterrole=cluster-admin",
            "--serviceaccount=default:operator",
        )  # fmt: skip
        assert eventually(lambda: asked(url, call("granted"), token) in (200, 202))


def asked(url: str, body: str, token: str = "") -> int:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Basic {base64.b64encode(f'x:{token}'.encode()).decode()}"
    try:
        request = urllib.request.Request(url, body.encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_destroyed_volume_leaves_the_disk(pool: Cluster) -> None:
    name, where = f"volume-{os.getpid()}", {"agent_id": {"value": "node-1"}}
    disk: dict[str, Any] = {
        "name": "disk", "type": "SCALAR", "scalar": {"value": 64},
        "reservations": [{"type": "DYNAMIC", "role": "kept"}],
    }  # fmt: skip
    inside = {"container_path": "data", "mode": "RW"}
    volume = {**disk, "disk": {"persistence": {"id": name}, "volume": inside}}
    operate(pool, "RESERVE_RESOURCES", {**where, "resources": [disk]})
    operate(pool, "CREATE_VOLUMES", {**where, "volumes": [volume]})
    (directory,) = json.loads(pool.get("node", "node-1")["metadata"]["annotations"][marks.VOLUMES])
    path = Path(marks.PERSISTENT) / directory
    record = pool.root / "nodes/node-1/persistent.json"
    assert eventually(lambda: path.name in record.read_text())
    (path / "deep").mkdir(parents=True)
    (path / "deep/data").write_text("precious")
    operate(pool, "DESTROY_VOLUMES", {**where, "volumes": [volume]})
    assert eventually(lambda: not path.exists())


def test_avmesos_cli_attaches_to_a_task(pool: Cluster, tmp_path: Path) -> None:
    cli = Cli(pool, tmp_path)
    container = {"type": "MESOS", "tty_info": {}}
    shell = {"id": "shell", "command": "exec sh -i", "more": {"container": container}}
    with holding(pool, shell) as held:
        held.until("shell", "TASK_RUNNING")
        for answer in (b"49", b"64"):
            with cli.terminal("task", "attach", "shell") as terminal:
                root = int(int(answer) ** 0.5)
                terminal.type(b"echo $((%d * %d))\r" % (root, root))
                terminal.until(answer + b"\r\n")
                terminal.type(DETACH)
                assert terminal.process.wait(timeout=60) == 0  # the task goes on
