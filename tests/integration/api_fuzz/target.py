"""The server under attack: a child process, raw requests to it, and what it must never lose."""

import base64
import hashlib
import http.client
import json
import socket
import ssl
import tempfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bireme.testing import Cluster

SPACE = "fuzz"
CORE = f"/api/v1/namespaces/{SPACE}"
APPS = f"/apis/apps/v1/namespaces/{SPACE}"
COLLECTIONS = (
    f"{CORE}/configmaps", f"{CORE}/pods", f"{CORE}/services", f"{CORE}/secrets",
    f"{APPS}/deployments",
)  # fmt: skip
"""What is compared before and after a refused request."""
WAIT_SECONDS = 20.0
"""A server that is silent for so long hangs."""

CONTAINER = {
    "name": "app", "image": "a:1", "env": [{"name": "A", "value": "b"}],
    "ports": [{"containerPort": 80, "name": "http"}],
    "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}},
    "livenessProbe": {"httpGet": {"port": "http", "path": "/"}},
}  # fmt: skip
POD: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {"name": "pod", "labels": {"a": "b"}, "annotations": {"c": "d"}},
    "spec": {
        "containers": [CONTAINER],
        "nodeSelector": {"no": "where"},
        "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
        "volumes": [{"name": "v", "configMap": {"name": "map", "items": [{"key": "a", "path": "b"}]}}],
    },
}  # fmt: skip
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "deployment"},
    "spec": {
        "replicas": 0, "paused": True,
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER]}},
    },
}  # fmt: skip
SERVICE: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "service"},
    "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80, "targetPort": "http"}]},
}  # fmt: skip
MAP: dict[str, Any] = {
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"},
    "data": {"a": "1"}, "binaryData": {"b": "AAAA"},
}  # fmt: skip
SECRET: dict[str, Any] = {
    "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"},
    "stringData": {"a": "1"}, "type": "Opaque",
}  # fmt: skip
BASE = (
    (f"{CORE}/configmaps", MAP), (f"{CORE}/pods", POD), (f"{CORE}/services", SERVICE),
    (f"{CORE}/secrets", SECRET), (f"{APPS}/deployments", DEPLOYMENT),
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One request; `headers` may have any bytes that do not end a line."""

    method: str
    path: str
    body: bytes = b""
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        query = urllib.parse.urlencode(self.query)
        return f"{self.path}?{query}" if query else self.path


class Target:
    """Requests one after the other on one connection, as an administrator."""

    def __init__(self, cluster: Cluster) -> None:
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        place, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.host, port = place["server"].removeprefix("https://").rsplit(":", 1)
        self.port = int(port)
        self._authority = _content(place, "certificate-authority", cluster.directory)
        self._pair = _content(user, "client-certificate", cluster.directory) + _content(
            user, "client-key", cluster.directory
        )
        self.tls = ssl.create_default_context(cadata=self._authority)
        with tempfile.TemporaryDirectory() as folder:
            self.tls.load_cert_chain(self.credentials(Path(folder))[1])
        self._connection: http.client.HTTPSConnection | None = None
        self.count = 0

    def credentials(self, folder: Path) -> tuple[Path, Path]:
        """Files in the folder: the server's authority, and the administrator's certificate."""
        found = folder / "authority.pem", folder / "pair.pem"
        found[0].write_text(self._authority)
        found[1].write_text(self._pair)
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(self, sent: Sent) -> tuple[int, bytes]:
        """Code and body; of an answer without end only what came first."""
        self.count += 1
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(
                self.host, self.port, context=self.tls, timeout=WAIT_SECONDS
            )
        try:
            self._connection.request(sent.method, sent.target, sent.body, dict(sent.headers))
            answer = self._connection.getresponse()
        except BaseException:
            self.close()
            raise
        endless = answer.status == 101 or answer.headers.get("Transfer-Encoding") == "chunked"
        body = b"" if endless else answer.read()
        if endless or answer.headers.get("Connection", "").lower() == "close":
            answer.close()
            self.close()
        return answer.status, body

    def raw(self, data: bytes) -> bytes:
        """Bytes on a connection of their own; the beginning of the answer, or nothing."""
        self.count += 1
        plain = socket.create_connection((self.host, self.port), timeout=WAIT_SECONDS)
        with self.tls.wrap_socket(plain, server_hostname=self.host) as secure:
            secure.sendall(data)
            try:
                return secure.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return b""

    def state(self) -> str:
        """A digest of all that the namespace holds."""
        digest = hashlib.sha256()
        for path in COLLECTIONS:
            code, body = self.send(Sent("GET", path))
            assert code == 200, (path, code, body[:300])
            digest.update(json.dumps(json.loads(body)["items"]).encode())
        return digest.hexdigest()

    def reset(self) -> str:
        """The namespace as at the beginning; its digest.

        On a new connection: a test that left this one idle for longer than the server waits has
        had it closed.
        """
        self.close()
        for path in COLLECTIONS:
            force = json.dumps({"gracePeriodSeconds": 0}).encode()
            for item in json.loads(self.send(Sent("GET", path))[1])["items"]:
                name = f"{path}/{item['metadata']['name']}"
                free = b'{"metadata":{"finalizers":null}}'
                merge = {"Content-Type": "application/merge-patch+json"}
                self.send(Sent("PATCH", name, free, headers=merge))
                self.send(Sent("DELETE", name, force))
        for path, obj in BASE:
            code, body = self.send(Sent("POST", path, json.dumps(obj).encode()))
            assert code == 201, (path, code, body[:500])
        return self.state()


def _content(source: dict[str, Any], name: str, folder: Path) -> str:
    if data := source.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    return (folder / source[name]).read_text()
