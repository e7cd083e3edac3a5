"""Real kubectl on pods that really run: exec, attach, cp, port-forward, logs, debug, run, top, drain.

What needs no running container is in `tests/conformance/api`.
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import kubernetes
import kubernetes.stream
import pytest

from tests.e2e.conftest import KUBECTL, Cluster, eventually, run

SPACE = "live"
LOOP = "trap 'exit 0' TERM; while true; do echo tick; sleep 1 & wait $!; done"
SERVE = (
    "mkdir -p /www; echo hello-from-web > /www/index.html; trap 'exit 0' TERM; echo started; "
    "httpd -f -p 8080 -h /www & wait"
)
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}
WAYS = pytest.mark.parametrize("way", [{}, SPDY], ids=["websocket", "spdy"])
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]")


def container(name: str, script: str, **more: object) -> dict[str, object]:
    return {"name": name, "image": "busybox", "command": ["sh", "-c", script], **more}


def pod(name: str, *containers: dict[str, object], **spec: object) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "containers": list(containers),
            # Not on the node that a test drains: order is random, and all tests share these.
            "nodeSelector": {"kubernetes.io/hostname": "node-1"},
            **spec,
        },
    }


WEB = pod(
    "web",
    container("app", SERVE, ports=[{"containerPort": 8080, "name": "http"}]),
    container("side", LOOP),
)
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}
CAT = pod("cat", container("app", "exec cat", stdin=True))
SHELL = pod("shell", container("app", "exec sh", stdin=True, tty=True))
CRASH = pod("crash", container("app", "echo last words; exit 3"))


class Live:
    """kubectl in the namespace of these pods."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        return self.ask(*arguments, stdin=stdin, **environment).stdout

    def ask(
        self, *arguments: str, stdin: str = "", check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        env = {**self.cluster.environment, **environment}
        return run([KUBECTL, "-n", SPACE, *arguments], env=env, stdin=stdin, check=check)

    @contextlib.contextmanager
    def started(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """One that does not end by itself."""
        child = subprocess.Popen(
            [KUBECTL, "-n", SPACE, *arguments],
            env={**self.cluster.environment, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with child:
            try:
                yield child
            finally:
                child.kill()

    @contextlib.contextmanager
    def terminal(self, *arguments: str) -> Iterator["Terminal"]:
        """One on a terminal of its own."""
        with Terminal([KUBECTL, "-n", SPACE, *arguments], self.cluster.environment) as made:
            yield made


class Terminal:
    """A child on a pseudo terminal."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        self.resize(33, 99)
        self.child = subprocess.Popen(
            argv, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.wait()
        os.close(self.master)

    def resize(self, rows: int, columns: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, words: str, within: float = 30.0) -> str:
        """All that was seen, once these words are in it."""
        deadline = time.monotonic() + within
        while words.encode() not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, self.seen
            if select.select([self.master], [], [], left)[0]:
                try:
                    data = os.read(self.master, 4096)
                except OSError:  # the child has gone
                    data = b""
                assert data, self.seen
                self.seen += ESCAPES.sub(b"", data)
        return self.seen.decode()


@pytest.fixture(scope="module")
def live(cluster: Cluster) -> Iterator[Live]:
    cluster.kubectl("create", "namespace", SPACE)
    found = Live(cluster)
    for obj in (WEB, SERVICE, CAT, SHELL, CRASH):
        found("apply", "-f", "-", stdin=json.dumps(obj))
    found("wait", "pod/web", "pod/cat", "pod/shell", "--for=condition=Ready", "--timeout=60s")
    yield found
    cluster.kubectl("delete", "namespace", SPACE)


def line_of(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode()


@WAYS
def test_exec(live: Live, way: dict[str, str]) -> None:
    assert live("exec", "web", "-c", "app", "--", "ls", "/www", **way) == "index.html\n"
    assert live("exec", "svc/web", "-c", "side", "--", "hostname", **way) == "web\n"
    told = live.ask("exec", "web", "--", "sh", "-c", "echo e >&2; exit 9", check=False, **way)
    assert told.returncode == 9
    assert told.stderr.splitlines()[-2:] == ["e", "command terminated with exit code 9"]


@WAYS
def test_exec_with_input(live: Live, way: dict[str, str]) -> None:
    text = "some words\n" * 1000
    assert live("exec", "-i", "web", "-c", "app", "--", "cat", stdin=text, **way) == text


@WAYS
def test_exec_of_a_command_that_is_not_there(live: Live, way: dict[str, str]) -> None:
    told = live.ask("exec", "web", "-c", "app", "--", "nope", check=False, **way)
    assert told.returncode == 1
    assert (
        "error executing command in container: OCI runtime exec failed: exec failed: unable to "
        'start container process: exec: "nope": executable file not found in $PATH'
    ) in told.stderr


def test_exec_on_a_terminal_that_changes_its_size(live: Live) -> None:
    script = "stty size; read x; until stty size | grep '40 120'; do sleep 0.1; done"
    with live.terminal("exec", "-it", "web", "-c", "app", "--", "sh", "-c", script) as terminal:
        terminal.expect("33 99")
        terminal.resize(40, 120)
        os.kill(terminal.child.pid, signal.SIGWINCH)
        # The new size travels beside the input: ask until it has arrived.
        terminal.type("a\r")
        terminal.expect("40 120")


@WAYS
def test_attach(live: Live, way: dict[str, str]) -> None:
    with live.started("attach", "-i", "-q", "cat", **way) as child:
        assert child.stdin is not None
        child.stdin.write(b"one\n")
        child.stdin.flush()
        assert line_of(child) == "one\n"


def test_attach_to_a_terminal(live: Live) -> None:
    with live.terminal("attach", "-it", "shell") as terminal:
        terminal.expect("press")
        terminal.type("echo on-$((40 + 2))\r")
        terminal.expect("on-42")


@pytest.mark.parametrize("size", [0, 3_000_000])
def test_cp_there_and_back(live: Live, tmp_path: Path, size: int) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(size))
    live("cp", str(there), "web:/tmp/blob", "-c", "app")
    live("cp", "web:/tmp/blob", str(back), "-c", "app")
    assert back.read_bytes() == there.read_bytes()


def test_cp_of_a_folder(live: Live, tmp_path: Path) -> None:
    (tmp_path / "folder/inner").mkdir(parents=True)
    (tmp_path / "folder/inner/file").write_text("x")
    live("cp", str(tmp_path / "folder"), "web:/tmp", "-c", "side")
    assert live("exec", "web", "-c", "side", "--", "cat", "/tmp/folder/inner/file") == "x"


def test_input_of_a_client_that_hangs_up_after_it(live: Live) -> None:
    """Ansible and the client for JavaScript copy files so: tar's input, and no word of its end."""
    command = ["sh", "-c", "sleep 0.3; cat >/tmp/part && mv /tmp/part /tmp/whole"]
    told = bytes(range(256)) * 4096
    with kubernetes.config.new_client_from_config(str(live.cluster.root / "kubeconfig")) as client:
        core = kubernetes.client.CoreV1Api(client)
        talk = kubernetes.stream.stream(
            core.connect_get_namespaced_pod_exec, "web", SPACE, container="side", command=command,
            stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False,
        )  # fmt: skip
        talk.write_stdin(told)
        talk.close()
    show = ("exec", "web", "-c", "side", "--", "wc", "-c", "/tmp/whole")
    assert eventually(lambda: live(*show)).split()[0] == str(len(told))


@WAYS
@pytest.mark.parametrize("target", ["pod/web 8080", "service/web 80"])
def test_port_forward(live: Live, target: str, way: dict[str, str]) -> None:
    place, port = target.split()
    with live.started("port-forward", place, f":{port}", **way) as child:
        found = re.search(r"127\.0\.0\.1:(\d+) -> 8080", line_of(child))
        assert found is not None
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=20) as answer:
                assert answer.read() == b"hello-from-web\n"


def test_logs(live: Live) -> None:
    assert live("logs", "web", "-c", "app") == "started\n"
    # kubectl reads the containers in no order of its own.
    every = live("logs", "web", "--all-containers", "--prefix").splitlines()
    assert "[pod/web/app] started" in every
    assert "[pod/web/side] tick" in every
    eventually(lambda: live("logs", "web", "-c", "side", "--tail=2") == "tick\ntick\n")
    assert live("logs", "web", "-c", "side", "--limit-bytes=3") == "tic"
    assert live("logs", "-l", "app=web", "-c", "app") == "started\n"
    stamp, words = live("logs", "web", "-c", "app", "--timestamps").split()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z", stamp)
    assert words == "started"
    assert live("logs", "web", "-c", "app", "--since-time=2100-01-01T00:00:00Z") == ""


def test_logs_that_go_on(live: Live) -> None:
    with live.started("logs", "-f", "web", "-c", "side", "--tail=0") as child:
        assert [line_of(child) for _ in range(2)] == ["tick\n", "tick\n"]


def test_logs_of_the_run_before(live: Live) -> None:
    eventually(lambda: live.cluster.get("pod", "crash", "-n", SPACE)["status"][
        "containerStatuses"][0]["restartCount"] >= 1)  # fmt: skip
    assert live("logs", "crash", "--previous") == "last words\n"
    told = live.ask("logs", "web", "-c", "app", "--previous", check=False)
    assert 'previous terminated container "app" in pod "web" not found' in told.stderr


def test_proxies_of_pods_services_and_nodes(live: Live) -> None:
    base = f"/api/v1/namespaces/{SPACE}"
    for path in (
        "pods/web:8080/proxy/", "pods/web/proxy/index.html", "services/web/proxy/",
        "services/http:web:80/proxy/",
    ):  # fmt: skip
        assert live("get", "--raw", f"{base}/{path}") == "hello-from-web\n"
    assert live("get", "--raw", "/api/v1/nodes/node-1/proxy/healthz") == "ok"
    assert "running_pods" in live("get", "--raw", "/api/v1/nodes/node-1/proxy/metrics")


def test_debug_adds_a_container(live: Live) -> None:
    live("debug", "web", "--image=busybox", "--container=dbg", "--", "echo", "looked around")
    state = ("get", "pod", "web", "-o", "jsonpath={.status.ephemeralContainerStatuses[0].state}")
    eventually(lambda: '"exitCode":0' in live(*state))
    assert live("logs", "web", "-c", "dbg") == "looked around\n"


def test_debug_looks_into_a_container(live: Live) -> None:
    look = ("--", "sh", "-c", "ps; cat /proc/1/root/www/index.html")
    live("debug", "web", "--image=busybox", "--container=look", "--target=app", *look)
    seen = eventually(lambda: "hello" in (said := live("logs", "web", "-c", "look")) and said)
    assert "httpd -f -p 8080" in seen


def test_debug_on_a_copy_and_on_a_node(live: Live) -> None:
    live("debug", "cat", "--copy-to=copy", "--set-image=app=busybox:1.35", "--share-processes")
    live("wait", "pod/copy", "--for=condition=Ready", "--timeout=60s")
    made = live.cluster.get("pod", "copy", "-n", SPACE)["spec"]
    assert (made["containers"][0]["image"], made["shareProcessNamespace"]) == ("busybox:1.35", True)
    out = live("debug", "node/node-2", "--image=busybox", "--", "ls", "-d", "/host/etc")
    name = re.search(r"node-debugger-node-2-\w+", out)
    assert name is not None
    live("wait", f"pod/{name[0]}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    assert live("logs", name[0]) == "/host/etc\n"


def test_run_that_is_removed(live: Live) -> None:
    options = ("--rm", "-i", "--quiet", "--restart=Never", "--image=busybox", "--")
    assert "stdin-of-run" in live("run", "once", *options, "cat", stdin="stdin-of-run\n")
    told = live.ask("run", "fails", *options, "sh", "-c", "exit 4", check=False)
    assert told.returncode == 4
    assert live("get", "pods", "once", "fails", "--ignore-not-found") == ""


def test_run_on_a_terminal(live: Live) -> None:
    arguments = ("run", "typed", "--rm", "-it", "--restart=Never", "--image=busybox", "--", "sh")
    with live.terminal(*arguments) as terminal:
        terminal.expect("press")
        terminal.type("echo on-$((40 + 2))\r")
        terminal.expect("on-42")
        terminal.type("exit 0\r")
        terminal.expect('pod "typed" deleted')


def test_top(live: Live) -> None:
    rows = [line.split() for line in eventually(lambda: top(live, "pods", "web"))]
    assert rows[0][:3] == ["NAME", "CPU(cores)", "MEMORY(bytes)"]
    assert rows[1][0] == "web"
    # A shell and an httpd need less than the megabyte that kubectl rounds down to.
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{SPACE}/pods/web"
    measured = json.loads(live("get", "--raw", path))
    assert all(one["usage"]["memory"] != "0Ki" for one in measured["containers"])
    named = {line.split()[1] for line in top(live, "pods", "--containers", "web")[1:]}
    assert named >= {"app", "side"}
    assert {line.split()[0] for line in top(live, "nodes")} >= {"node-1", "node-2", "node-3"}


def top(live: Live, *arguments: str) -> list[str]:
    return live("top", *arguments).splitlines()


def test_events_tell_a_pods_story(live: Live) -> None:
    told = live("events", "--for", "pod/web")
    for reason in ("Scheduled", "Created", "Started"):
        assert reason in told
    assert "BackOff" in eventually(lambda: live("describe", "pod", "crash"))


def test_drain_moves_pods_elsewhere(live: Live) -> None:
    live("create", "deployment", "moved", "--image=busybox", "--replicas=4", "--", "sh", "-c", LOOP)
    live("rollout", "status", "deployment/moved", "--timeout=60s")
    try:
        out = live("drain", "node-3", "--ignore-daemonsets", "--force", "--timeout=90s")
        assert "node/node-3 drained" in out
        live("rollout", "status", "deployment/moved", "--timeout=60s")
        placed = {one["spec"]["nodeName"] for one in live.cluster.pods("app=moved", SPACE)}
        assert placed <= {"node-1", "node-2"}
        assert "SchedulingDisabled" in live("get", "node", "node-3")
    finally:
        live("uncordon", "node-3")
    live("delete", "deployment", "moved")
