"""Marathon's API at work: its own client drives real tasks on real nodes; kill -9 loses nothing."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BIREME, Cluster, eventually, run

ROOT = Path(__file__).resolve().parents[2]
TOUR = Path(__file__).with_name("foreign") / "marathon_tour.py"
SERVE = (
    "mkdir www; echo $MARATHON_APP_ID > www/index.html;"
    " trap 'exit 0' TERM; busybox httpd -f -p $PORT0 -h www & wait"
)
"""An app that serves its own id, and ends when it is asked to."""


class Marathon:
    """One process."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.start("0")
        line = self.process.stdout.readline() if self.process.stdout else ""
        self.url = line.split()[1].rstrip(",")

    def start(self, port: str) -> None:
        command = [*BIREME, "marathon", "--port", port, "--data-dir", str(self.cluster.root)]
        with (self.cluster.root / "logs/marathon.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)

    def kill_and_start_again(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.close()
        self.start(self.url.rpartition(":")[2])

    def close(self) -> None:
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()

    def ask(self, method: str, path: str, body: object = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())

    def tasks(self, app_id: str) -> list[dict[str, str]]:
        found = self.ask("GET", f"/v2/apps{app_id}/tasks")
        assert isinstance(found, dict)
        return [task for task in found["tasks"] if task["state"] == "TASK_RUNNING"]


@pytest.fixture
def marathon(cluster: Cluster) -> Iterator[Marathon]:
    made = Marathon(cluster)
    try:
        yield made
    finally:
        made.process.terminate()
        made.close()


def test_its_own_client_drives_real_tasks(cluster: Cluster, marathon: Marathon) -> None:
    python = ROOT / ".clients/marathon/bin/python"
    if not python.exists():
        pytest.fail(f"the client is not installed: `make clients` makes {python.parent.parent}")
    done = subprocess.run(
        [str(python), str(TOUR), marathon.url, SERVE],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    events, framework = seen.pop("events"), seen.pop("framework")
    endpoints = seen.pop("endpoints")
    assert seen == {
        "pong": "pong",
        "leader": True,
        "metrics": True,
        "created": "/tour/web",
        "hosts": 2,
        "listed": ["/tour/web"],
        "rolled": True,
        "rolled back": True,
        "env": {},
        "restarted": True,
        "killed": True,
        "scaled by killing": 2,
        "refused": 409,
        "not found": "App '/none' does not exist",
        "waits": "/big",
        "deployment": [1, 1],
        "group": ["/crew/top"],
        "group scaled": 2,
        "group rolled back": 1,
    }
    assert len(endpoints) == 2
    assert {
        "MarathonApiPostEvent", "MarathonStatusUpdateEvent", "MarathonDeploymentInfo",
        "MarathonDeploymentSuccess", "MarathonInstanceHealthChangedEvent",
    } <= set(events)  # fmt: skip
    assert cluster.get("framework", framework)["spec"]["name"] == "marathon"


def test_apps_are_pods_and_survive_a_kill(cluster: Cluster, marathon: Marathon) -> None:
    """Marathon dies at once, and its apps neither notice nor are forgotten."""
    body = {"id": "/web", "cmd": SERVE, "cpus": 0.1, "mem": 32, "instances": 2}
    docker = {"type": "DOCKER", "docker": {"image": "busybox"}}
    marathon.ask("POST", "/v2/apps", {**body, "container": docker})
    tasks = eventually(lambda: len(found := marathon.tasks("/web")) == 2 and found)
    for task in tasks:
        url = f"http://{task['host']}:{task['ports'][0]}/"
        assert eventually(
            lambda url=url: urllib.request.urlopen(url, timeout=5).read() == b"/web\n"
        )
    names = cluster.kubectl("get", "pods", "-n", "frameworks", "-o", "name")
    assert names.count("web-instance") == 2
    marathon.kill_and_start_again()
    again = eventually(lambda: len(found := marathon.tasks("/web")) == 2 and found)
    assert {task["id"] for task in again} == {task["id"] for task in tasks}
    marathon.ask("PUT", "/v2/apps/web", {"instances": 1})
    eventually(
        lambda: len(marathon.tasks("/web")) == 1 and not marathon.ask("GET", "/v2/deployments")
    )
    marathon.ask("DELETE", "/v2/apps/web")
    eventually(lambda: "web-instance" not in cluster.kubectl("get", "pods", "-n", "frameworks"))


def test_a_pod_of_two_containers(marathon: Marathon) -> None:
    """They share a volume and an address; a port of the node leads to one of them."""
    serve = "trap 'exit 0' TERM; busybox httpd -f -p 8080 -h /www & wait"
    write = "echo written by the other > /out/index.html; trap 'exit 0' TERM; sleep 1000 & wait"
    common = {"image": {"kind": "DOCKER", "id": "busybox"}, "resources": {"cpus": 0.1, "mem": 32}}
    web = {
        "name": "web",
        "exec": {"command": {"shell": serve}},
        "endpoints": [{"name": "http", "containerPort": 8080, "hostPort": 0}],
        "healthCheck": {"http": {"endpoint": "http"}, "intervalSeconds": 1, "delaySeconds": 0},
        "volumeMounts": [{"name": "pages", "mountPath": "/www"}],
        **common,
    }
    writer = {
        "name": "writer",
        "exec": {"command": {"shell": write}},
        "volumeMounts": [{"name": "pages", "mountPath": "/out"}],
        **common,
    }
    body = {
        "id": "/duo",
        "containers": [web, writer],
        "volumes": [{"name": "pages"}],
        "networks": [{"mode": "container/bridge"}],
    }
    marathon.ask("POST", "/v2/pods", body)
    status = eventually(
        lambda: (
            (found := marathon.ask("GET", "/v2/pods/duo::status"))["status"] == "STABLE" and found
        )
    )
    (instance,) = status["instances"]
    shown = {one["name"]: one for one in instance["containers"]}
    assert shown["web"]["conditions"][0]["value"] == "true"
    port = shown["web"]["endpoints"][0]["allocatedHostPort"]
    url = f"http://{instance['agentHostname']}:{port}/"
    assert urllib.request.urlopen(url, timeout=5).read() == b"written by the other\n"
    marathon.ask("DELETE", "/v2/pods/duo")
    eventually(lambda: not marathon.ask("GET", "/v2/deployments"))


def test_checks_that_are_made_where_the_task_is(cluster: Cluster, marathon: Marathon) -> None:
    """An app that answers is well; one whose command says that it is ill is replaced."""
    quick = {"intervalSeconds": 1, "delaySeconds": 0, "gracePeriodSeconds": 0}
    docker = {"type": "DOCKER", "docker": {"image": "busybox"}}
    common = {"cpus": 0.1, "mem": 32, "container": docker}
    http = {"protocol": "MESOS_HTTP", "portIndex": 0, **quick, "maxConsecutiveFailures": 30}
    marathon.ask(
        "POST", "/v2/apps", {"id": "/well", "cmd": SERVE, "healthChecks": [http], **common}
    )
    command = {"protocol": "COMMAND", "command": {"value": "test ! -e ill"}, **quick}
    ill = {"cmd": "sleep 2; touch ill; trap 'exit 0' TERM; sleep 1000 & wait"}
    marathon.ask("POST", "/v2/apps", {"id": "/ill", "healthChecks": [command], **ill, **common})
    first = eventually(lambda: marathon.tasks("/ill"))[0]["id"]

    def app(app_id: str) -> dict[str, object]:
        found = marathon.ask("GET", f"/v2/apps{app_id}")
        assert isinstance(found, dict)
        return dict(found["app"])

    eventually(lambda: app("/well")["tasksHealthy"] == 1)
    eventually(lambda: first not in {task["id"] for task in marathon.tasks("/ill")}, within=90)
    eventually(lambda: marathon.tasks("/ill"))
    for app_id in ("/well", "/ill"):
        marathon.ask("DELETE", f"/v2/apps{app_id}?force=true")
    eventually(lambda: not marathon.ask("GET", "/v2/deployments"))


def test_what_it_says_when_it_can_not(cluster: Cluster, marathon: Marathon, tmp_path: Path) -> None:
    taken = marathon.url.rpartition(":")[2]
    for arguments, words in (
        (["--port", taken], "can't be had"),
        (["--bind", "0.0.0.0"], "--credentials-file"),
        (["--state", str(tmp_path)], "name another file"),
        (["--secret-file", str(tmp_path / "none")], "can't be read"),
        (["--ca-file", str(tmp_path / "none")], "holds no certificate"),
    ):
        done = run([*BIREME, "marathon", "--port", "0", *arguments], check=False)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
