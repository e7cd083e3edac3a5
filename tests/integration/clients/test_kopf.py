"""An unmodified kopf operator: as `kopf run` in a process of its own, and in-process with peering."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kopf
import pytest

from bireme.testing import Cluster, ClusterError

from . import operator_sample, widgets

OPERATOR = Path(operator_sample.__file__)
PATIENCE = 20.0
"""Seconds until what was asked for must have happened; usually it takes a fraction of one."""

PEERING: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kopfpeerings.kopf.dev"},
    "spec": {
        "scope": "Namespaced",
        "group": "kopf.dev",
        "names": {"kind": "KopfPeering", "plural": "kopfpeerings", "singular": "kopfpeering"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "status": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            }
                        },
                    }
                },
            }
        ],
    },
}


def until(check: Callable[[], bool], what: str) -> None:
    """Wait until a check holds; clients outside of this process give no signal."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(ClusterError):
            if check():
                return
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {PATIENCE:g} s")


@pytest.fixture
def operator(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with `kopf run` at work in it."""
    log = cluster.directory / "operator.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kopf", "run", "--standalone", "-n", "default", str(OPERATOR)],
            env=cluster.environment(),
            stdout=out,
            stderr=out,
        )
    yield cluster
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    assert "Traceback" not in log.read_text()


def get(cluster: Cluster, *what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("get", *what, "-o", "json"))
    return found


def create(cluster: Cluster, obj: dict[str, Any]) -> None:
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(obj))


def test_the_life_of_an_object(operator: Cluster) -> None:
    create(operator, widgets.widget(size=3))
    operator.kubectl("wait", "widget/a", "--for=condition=Ready", f"--timeout={PATIENCE:g}s")
    made = get(operator, "configmap", "a-made")
    assert made["data"] == {"size": "3"}
    found = get(operator, "widget", "a")
    assert made["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
    assert found["metadata"]["finalizers"] == ["kopf.zalando.org/KopfFinalizerMarker"]
    assert found["metadata"]["generation"] == 1

    operator.kubectl("scale", "widget/a", "--replicas=5")
    until(lambda: get(operator, "configmap", "a-made")["data"] == {"size": "5"}, "the update")
    until(lambda: get(operator, "widget", "a")["status"].get("ticks") == 3, "three ticks")
    until(
        lambda: any(
            (one["involvedObject"]["name"], one["reason"]) == ("a", "Made")
            for one in get(operator, "events")["items"]
        ),
        "an event about the object",
    )

    operator.kubectl("delete", "widget", "a", "--timeout=10s")
    assert get(operator, "configmap", "a-gone")
    until(lambda: "a-made" not in operator.kubectl("get", "configmaps"), "garbage collection")
    operator.kubectl("delete", "configmap", "a-gone")


def test_events_of_built_in_kinds(operator: Cluster) -> None:
    operator.kubectl("create", "configmap", "w")
    operator.kubectl("label", "configmap", "w", "watched=yes")
    until(
        lambda: get(operator, "configmap", "w")["metadata"]["labels"] == {"watched": "seen"},
        "the handler's answer",
    )
    operator.kubectl("delete", "configmap", "w")


def test_in_process_with_peering(cluster: Cluster) -> None:
    create(cluster, PEERING)
    create(
        cluster,
        {
            "apiVersion": "kopf.dev/v1",
            "kind": "KopfPeering",
            "metadata": {"name": "tests", "namespace": "default"},
        },
    )
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    seen: list[str] = []

    @kopf.on.create("example.com", "v1", "widgets", registry=registry, id="created")
    async def created(name: str, **_: Any) -> str:
        seen.append(name)
        return "done"

    stop = threading.Event()

    def run() -> None:
        asyncio.run(
            kopf.operator(
                registry=registry, namespaces=["default"], peering_name="tests", stop_flag=stop
            )
        )

    with cluster.as_default():
        thread = threading.Thread(target=run)
        thread.start()
        try:
            until(
                lambda: bool(get(cluster, "kopfpeering", "tests").get("status")),
                "joining the peers",
            )
            create(cluster, widgets.widget("p"))
            until(
                lambda: get(cluster, "widget", "p").get("status", {}).get("created") == "done",
                "the result in the status",
            )
            cluster.kubectl("delete", "widget", "p", "--timeout=10s")
        finally:
            stop.set()
            thread.join(PATIENCE)
    assert seen == ["p"]
    assert not get(cluster, "kopfpeering", "tests").get("status")
    cluster.kubectl("delete", "crd", "kopfpeerings.kopf.dev", "--timeout=10s")
