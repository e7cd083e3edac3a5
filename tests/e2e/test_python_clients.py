"""Python clients, unmodified, on a pod that really runs: exec, input, terminals, logs, ports."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Cluster, run

TRICKS = Path(__file__).with_name("foreign") / "python_clients.py"
SPACE = "clients"
SCRIPT = (
    "mkdir -p /www; echo hello > /www/index.html; trap 'exit 0' TERM; echo started; echo ready; "
    "httpd -f -p 8080 -h /www & wait"
)
WEB = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "terminationGracePeriodSeconds": 2,
        "containers": [{"name": "app", "image": "busybox", "command": ["sh", "-c", SCRIPT]}],
    },
}


@pytest.fixture(scope="module")
def live(cluster: Cluster) -> Iterator[Cluster]:
    cluster.kubectl("create", "namespace", SPACE)
    cluster.kubectl("apply", "-n", SPACE, "-f", "-", stdin=json.dumps(WEB))
    cluster.kubectl("wait", "-n", SPACE, "pod/web", "--for=condition=Ready", "--timeout=60s")
    yield cluster
    cluster.kubectl("delete", "namespace", SPACE)


@pytest.mark.parametrize(
    ("trick", "outcome"),
    [
        ("exec_whole", "index.html\n"),
        ("exec_fails", ["out\n", "err\n", 7]),
        ("exec_input", "words"),
        ("exec_terminal", "/dev/pts/"),
        ("port_forward", ["HTTP/1.1 200 OK", "hello", None]),
        ("logs", ["ready\n", "started", "ready"]),
        ("asyncio_exec", ["index.html\n", "out\n", "err\n", 7]),
        ("kr8s_pod", [7, "out\n", "err\n", ["started", "ready"], "hello\n"]),
        ("lightkube_logs", ["started\n", "ready\n"]),
    ],
)
def test_python_clients(live: Cluster, trick: str, outcome: object) -> None:
    done = run([sys.executable, str(TRICKS), trick], env=live.environment)
    assert json.loads(done.stdout) == outcome
