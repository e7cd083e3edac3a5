"""Many pods made at once in a namespace of their own, asked over HTTPS without a kubectl for each.

The tests that take pods by the dozen share one batch: containers start side by side, and each test
only looks at what its own have done.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.conformance.api.clients import Answer, Api, Credentials
from tests.e2e.conftest import Cluster, eventually


class Batch:
    """The pods of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.root = Api(Credentials.load(cluster.root / "kubeconfig", folder))
        self.api = self.root.within(namespace)

    def pod(self, name: str, *containers: dict[str, Any], **spec: Any) -> None:
        metadata = spec.pop("metadata", {})
        spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, **spec}
        self.api.make("pods", name, metadata=metadata, spec={**spec, "containers": containers})

    def get(self, name: str) -> Any:
        return expect(self.api.get(self.api.path("pods", name))).json

    def status(self, name: str) -> Any:
        return self.get(name)["status"]

    def container(self, name: str) -> Any:
        """The status of a pod's first container."""
        return self.status(name)["containerStatuses"][0]

    def until(self, name: str, check: Callable[[Any], Any]) -> Any:
        """The first status of a pod for which `check` holds."""
        return eventually(lambda: (found := self.status(name)) and check(found) and found)

    def ended(self, name: str) -> Any:
        return self.until(name, lambda status: status["phase"] in ("Succeeded", "Failed"))

    def ready(self, name: str) -> Any:
        return self.until(name, is_ready)

    def log(self, name: str, container: str = "main") -> str:
        path = self.api.path("pods", name, "log")
        return expect(self.api.get(path, "*/*", container=container)).raw.decode()

    def said(self, name: str, container: str = "main") -> list[str]:
        """The lines of a container that has ended well."""
        status = self.ended(name)
        states = {one["name"]: one["state"] for one in status["containerStatuses"]}
        assert states[container]["terminated"]["exitCode"] == 0, (states, self.log(name, container))
        return self.log(name, container).splitlines()

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reasons and messages, oldest first."""
        listed = self.api.get(self.api.path("events"), fieldSelector=f"involvedObject.name={name}")
        items = sorted(
            listed.json["items"], key=lambda one: int(one["metadata"]["resourceVersion"])
        )
        return [(one["reason"], one["message"]) for one in items]


def expect(answer: Answer) -> Answer:
    assert answer.code == 200, answer.raw
    return answer


def is_ready(status: Any) -> bool:
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or ()}
    return conditions.get("Ready") == "True"


@contextlib.contextmanager
def a_batch(cluster: Cluster, namespace: str, folder: Path) -> Iterator[Batch]:
    cluster.kubectl("create", "namespace", namespace)
    batch = Batch(cluster, namespace, folder)
    account = batch.api.path("serviceaccounts", "default")
    eventually(lambda: batch.api.get(account).code == 200)
    yield batch
    cluster.kubectl("delete", "namespace", namespace)


def container(script: str, name: str = "main", **more: Any) -> dict[str, Any]:
    """One of busybox, which every node has: no registry is asked for a newer one."""
    own = {"name": name, "image": "busybox", "imagePullPolicy": "IfNotPresent"}
    return {**own, "command": ["sh", "-c", script], **more}
