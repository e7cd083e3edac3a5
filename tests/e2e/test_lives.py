"""How containers and pods come up, are watched over and end. One batch of pods.

Those that a probe is to restart and those that it must leave alone run side by side: when the first
have been restarted, the second have been asked as often.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.batch import Batch, a_batch, container, is_ready
from tests.e2e.conftest import Cluster, eventually

WAIT = "trap 'exit 0' TERM; sleep 3600 & wait"
NOTED = f"""mkdir -p /www/cgi-bin /www/well
cat > /www/cgi-bin/note <<'END'
#!/bin/sh
echo "$QUERY_STRING" > /proc/1/fd/1
printf 'Content-Type: text/plain\\n\\nnoted\\n'
END
chmod +x /www/cgi-bin/note
echo well > /www/well/index.html
httpd -p 8080 -h /www
{WAIT}"""
"""A server: `/cgi-bin/note?words` prints the words, `/well/` answers until it is removed."""
DIES = NOTED.replace("trap", "(sleep 1; rm -r /www/well) & trap", 1)
OFTEN = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}
PATIENT = {**OFTEN, "initialDelaySeconds": 1, "failureThreshold": 3}
"""A server needs a moment before it answers."""
SERVES = """
import concurrent.futures, grpc
def check(request, context):
    return b'\\x08\\x01'
handler = grpc.unary_unary_rpc_method_handler(check)
server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
service = grpc.method_handlers_generic_handler('grpc.health.v1.Health', {'Check': handler})
server.add_generic_rpc_handlers((service,))
server.add_insecure_port('[::]:5000')
server.start()
server.wait_for_termination()
"""


def alive(probe: dict[str, Any], script: str = NOTED, **more: Any) -> dict[str, Any]:
    return container(script, livenessProbe={**PATIENT, **probe}, **more)


def over_grpc(port: int) -> dict[str, Any]:
    """A server for gRPC probes, on the machine's own Python."""
    probe = {**PATIENT, "initialDelaySeconds": 5, "grpc": {"port": port}}
    command = [sys.executable, "-c", SERVES]
    return {**container("", livenessProbe=probe), "image": "bireme.dev/host-rootfs",
            "command": command}  # fmt: skip


def make_probed(batch: Batch) -> None:
    """`well-…` must stay as they are, `ill-…` are restarted."""
    exists = {"exec": {"command": ["cat", "/tmp/health"]}}
    for name, main in {
        "well-exec": alive(exists, f"touch /tmp/health; {WAIT}"),
        "well-http": alive(
            {"httpGet": {"path": "/well/", "port": "web"}},
            ports=[{"name": "web", "containerPort": 8080}],
        ),
        "well-tcp": alive({"tcpSocket": {"port": 8080}}, DIES),
        "well-grpc": over_grpc(5000),
        "ill-exec": alive(exists, f"touch /tmp/health; (sleep 1; rm /tmp/health) & {WAIT}"),
        "ill-http": alive({"httpGet": {"path": "/well/", "port": 8080}}, DIES),
        "ill-grpc": over_grpc(5001),
    }.items():
        # Without the account's token: on the machine's own files its mount point would be one of them.
        batch.pod(name, main, restartPolicy="Always", automountServiceAccountToken=False)
    late = {**OFTEN, **exists, "initialDelaySeconds": 3}
    batch.pod("late", container(f"touch /tmp/health; {WAIT}", readinessProbe=late))
    never = {**OFTEN, "exec": {"command": ["false"]}}
    batch.pod("never-ready", container(WAIT, readinessProbe=never), restartPolicy="Always")


def make_short(batch: Batch) -> None:
    """Containers that end, with and without last words."""
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    batch.pod(
        "words",
        container(
            "echo -n DONE > /dev/custom",
            "file",
            terminationMessagePath="/dev/custom",
            securityContext={"runAsUser": 1000},
        ),
        container("echo -n DONE; exit 1", "log", **fallback),
        container("echo DONE", "silent", **fallback),
        container("echo -n DONE > /dev/termination-log; echo no", "both", **fallback),
        container("exit 3", "bad"),
    )
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volumes = [{"name": "v", "emptyDir": {}}]
    once = "if [ ! -f /v/ran ]; then touch /v/ran; exit 1; fi; "
    for policy, script in (("Always", once + WAIT), ("OnFailure", once), ("Never", once)):
        main = container(script, **mounts)
        batch.pod(f"policy-{policy.lower()}", main, restartPolicy=policy, volumes=volumes)


def make_started(batch: Batch) -> None:
    """Pods with init containers that do well, or do not."""
    for name, scripts, policy in [
        ("init-always", ("true", "true", WAIT), "Always"),
        ("init-never", ("true", "true", "true"), "Never"),
        ("bad-always", ("false", "true", WAIT), "Always"),
        ("bad-never", ("true", "false", WAIT), "Never"),
    ]:
        one, two, main = scripts
        inits = [container(one, "one"), container(two, "two")]
        batch.pod(name, container(main), initContainers=inits, restartPolicy=policy)


@pytest.fixture(scope="module")
def batch(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    with a_batch(cluster, "lives", tmp_path_factory.mktemp("lives")) as made:
        made.pod("server", container(NOTED))
        for make in (make_probed, make_short, make_started):
            make(made)
        yield made


def test_a_pod_comes_and_goes_before_everybody_s_eyes(batch: Batch) -> None:
    """What a watch by label tells of a pod's life."""
    api = batch.api
    pods, chosen = api.path("pods"), {"labelSelector": "seen=yes"}
    version = api.get(pods, **chosen).json["metadata"]["resourceVersion"]
    with api.watch(pods, resourceVersion=version, **chosen) as watch:
        batch.pod("seen", container(WAIT), metadata={"labels": {"seen": "yes"}})
        assert watch.next()[0] == "ADDED"
        status = batch.ready("seen")
        assert status["phase"] == "Running"
        assert len(api.get(pods, **chosen).json["items"]) == 1
        assert api.delete(api.path("pods", "seen")).code == 200
        *changes, (last, gone) = watch.until("DELETED")
    assert {kind for kind, _ in changes} == {"MODIFIED"}
    marked = next(one for _, one in changes if "deletionTimestamp" in one["metadata"])
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 1
    assert (last, gone["metadata"]["uid"]) == ("DELETED", marked["metadata"]["uid"])
    assert api.get(pods, **chosen).json["items"] == []


def test_events_tell_of_it_in_kubernetes_words(batch: Batch) -> None:
    probe = {**OFTEN, "tcpSocket": {"port": 8081}}
    batch.pod("told", container(WAIT, readinessProbe=probe))
    eventually(lambda: "Unhealthy" in [reason for reason, _ in batch.events("told")])
    pod = batch.get("told")
    assert batch.api.delete(batch.api.path("pods", "told")).code == 200
    eventually(lambda: "Killing" in [reason for reason, _ in batch.events("told")])
    assert dict(batch.events("told")) == {
        "Scheduled": f"Successfully assigned lives/told to {pod['spec']['nodeName']}",
        "Pulled": 'Container image "busybox" already present on machine and can be accessed by '
        "the pod",
        "Created": "Container created",
        "Started": "Container started",
        "Unhealthy": f"Readiness probe failed: dial tcp {pod['status']['podIP']}:8081: connect: "
        "connection refused",
        "Killing": "Stopping container main",
    }


def test_many_pods_go_at_once(batch: Batch) -> None:
    api = batch.api
    for number in range(3):
        batch.pod(f"one-of-{number}", container(WAIT), metadata={"labels": {"set": "three"}})
    for number in range(3):
        batch.ready(f"one-of-{number}")
    chosen = {"labelSelector": "set=three"}
    assert api.delete(api.path("pods"), **chosen).code == 200
    eventually(lambda: api.get(api.path("pods"), **chosen).json["items"] == [])


def test_hooks(batch: Batch) -> None:
    """Commands and requests after the start and before the end, seen by another pod."""
    ip = batch.ready("server")["podIP"]
    hooks = {}
    for moment in ("postStart", "preStop"):
        url = f"http://{ip}:8080/cgi-bin/note"
        note = {"host": ip, "port": 8080, "path": f"/cgi-bin/note?{moment}-http"}
        command = ["wget", "-qO-", f"{url}?{moment}-exec"]
        hooks[moment] = {"http": {"httpGet": note}, "exec": {"exec": {"command": command}}}
    ways = [
        container(WAIT, way, lifecycle={moment: many[way] for moment, many in hooks.items()})
        for way in ("http", "exec")
    ]
    batch.pod("hooked", *ways, terminationGracePeriodSeconds=15)
    batch.ready("hooked")
    assert set(batch.log("server").split()) == {"postStart-http", "postStart-exec"}
    path = batch.api.path("pods", "hooked")
    assert batch.api.delete(path).code == 200
    eventually(lambda: batch.api.get(path).code == 404)
    assert set(batch.log("server").split()[2:]) == {"preStop-http", "preStop-exec"}


def test_last_words(batch: Batch) -> None:
    status = batch.ended("words")
    told = {one["name"]: one["state"]["terminated"] for one in status["containerStatuses"]}
    said = {name: one.get("message", "") for name, one in told.items()}
    assert said == {"file": "DONE", "log": "DONE", "silent": "", "both": "DONE", "bad": ""}
    assert (told["bad"]["exitCode"], told["bad"]["reason"]) == (3, "Error")
    assert told["file"]["reason"] == "Completed"


def test_what_has_failed_can_be_deleted(batch: Batch) -> None:
    batch.pod("failed", container("exit 1"))
    assert batch.ended("failed")["phase"] == "Failed"
    path = batch.api.path("pods", "failed")
    assert batch.api.delete(path).code == 200
    eventually(lambda: batch.api.get(path).code == 404)


def test_restart_policies(batch: Batch) -> None:
    for policy, phase in {"onfailure": "Succeeded", "never": "Failed", "always": "Running"}.items():
        name = f"policy-{policy}"
        again = 0 if policy == "never" else 1
        status = batch.until(
            name,
            lambda one, phase=phase, again=again: (
                one["phase"] == phase
                and one["containerStatuses"][0]["restartCount"] == again
                and "waiting" not in one["containerStatuses"][0]["state"]
            ),
        )
        (entry,) = status["containerStatuses"]
        assert entry["ready"] is is_ready(status) is (policy == "always")
        state = entry["state"] if policy == "never" else entry["lastState"]
        assert state["terminated"]["exitCode"] == 1


def test_init_containers_that_do_well(batch: Batch) -> None:
    for name, main in {"init-always": "running", "init-never": "terminated"}.items():
        status = batch.ready(name) if main == "running" else batch.ended(name)
        assert status["phase"] == ("Running" if main == "running" else "Succeeded")
        for entry in status["initContainerStatuses"]:
            assert entry["state"]["terminated"]["exitCode"] == 0
            assert (entry["ready"], entry["restartCount"]) == (True, 0)
        assert main in status["containerStatuses"][0]["state"]
        assert condition(status, "Initialized")["status"] == "True"


def test_init_containers_that_fail(batch: Batch) -> None:
    failed = batch.ended("bad-never")
    assert failed["phase"] == "Failed"
    one, two = failed["initContainerStatuses"]
    assert one["state"]["terminated"]["exitCode"] == 0
    assert two["state"]["terminated"]["exitCode"] == 1
    again = batch.until("bad-always", lambda s: is_waiting(s["initContainerStatuses"][0]))
    assert again["phase"] == "Pending"
    assert again["initContainerStatuses"][0]["restartCount"] >= 1
    assert again["initContainerStatuses"][1]["state"] == {"waiting": {"reason": "PodInitializing"}}
    for status, names in ((failed, "[two]"), (again, "[one two]")):
        assert status["containerStatuses"][0]["state"]["waiting"]["reason"] == "PodInitializing"
        told = condition(status, "Initialized")
        assert (told["status"], told["reason"]) == ("False", "ContainersNotInitialized")
        assert told["message"] == f"containers with incomplete status: {names}"


def is_waiting(entry: dict[str, Any]) -> bool:
    return bool(entry["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(one for one in status["conditions"] if one["type"] == kind)


@pytest.mark.parametrize("way", ["exec", "http", "grpc"])
def test_probes_restart_what_is_ill_and_nothing_else(batch: Batch, way: str) -> None:
    status = batch.until(f"ill-{way}", lambda one: one["containerStatuses"][0]["restartCount"] >= 1)
    assert status["containerStatuses"][0]["lastState"]["terminated"]
    assert [reason for reason, _ in batch.events(f"ill-{way}")].count("Unhealthy") >= 1
    for well in (f"well-{way}", "well-tcp"):
        assert batch.container(well)["restartCount"] == 0
        assert batch.ready(well)


def test_restarts_are_counted_up(batch: Batch) -> None:
    path = batch.api.path("pods")
    counts = [batch.container("ill-http")["restartCount"]]
    with batch.api.watch(path, fieldSelector="metadata.name=ill-http") as watch:
        while counts[-1] < 2:
            counts.append(watch.next()[1]["status"]["containerStatuses"][0]["restartCount"])
    assert counts == sorted(counts)


def test_readiness_comes_after_its_delay_or_never(batch: Batch) -> None:
    status = batch.ready("late")
    since = condition(status, "Ready")["lastTransitionTime"]
    assert since > status["containerStatuses"][0]["state"]["running"]["startedAt"]
    assert status["containerStatuses"][0]["restartCount"] == 0
    eventually(lambda: "Unhealthy" in [reason for reason, _ in batch.events("never-ready")])
    never = batch.status("never-ready")
    assert not is_ready(never)
    assert (never["phase"], never["containerStatuses"][0]["restartCount"]) == ("Running", 0)


def test_time_is_up_for_a_pod_that_runs(batch: Batch) -> None:
    batch.pod("timed", container(WAIT))
    batch.ready("timed")
    limit = {"spec": {"activeDeadlineSeconds": 1}}
    batch.api.patch(batch.api.path("pods", "timed"), limit, expect=200)
    status = batch.ended("timed")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")


def test_containers_for_a_look_inside(batch: Batch) -> None:
    batch.pod("looked-into", container(WAIT))
    batch.ready("looked-into")
    path = batch.api.path("pods", "looked-into", "ephemeralcontainers")
    for count, name in enumerate(("first", "second"), 1):
        there = batch.get("looked-into")["spec"].get("ephemeralContainers", [])
        wanted = {"spec": {"ephemeralContainers": [*there, container(WAIT, name)]}}
        batch.api.patch(path, wanted, "strategic", expect=200)
        status = batch.until(
            "looked-into",
            lambda one, count=count: (
                len(one.get("ephemeralContainerStatuses", ())) == count
                and all("running" in e["state"] for e in one["ephemeralContainerStatuses"])
            ),
        )
        assert is_ready(status)
    assert len(batch.get("looked-into")["spec"]["ephemeralContainers"]) == 2


def test_a_runtime_class_and_what_its_pods_need_besides(batch: Batch) -> None:
    classes = "/apis/node.k8s.io/v1/runtimeclasses"
    overhead = {"podFixed": {"cpu": "10m", "memory": "1Mi"}}
    for name, more in {"lives-plain": {}, "lives-heavy": {"overhead": overhead}}.items():
        body = {"metadata": {"name": name}, "handler": "runc", **more}
        batch.root.post(classes, body, expect=201)
        try:
            batch.pod(name, container("true"), runtimeClassName=name)
            assert batch.ended(name)["phase"] == "Succeeded"
            assert batch.get(name)["spec"].get("overhead") == (
                (more and overhead["podFixed"]) or None
            )
        finally:
            batch.root.delete(f"{classes}/{name}")
