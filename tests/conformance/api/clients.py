"""The two hands of the suite: raw HTTPS requests, and kubectl as a child process."""

import base64
import contextlib
import json
import os
import queue
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import urllib3
import yaml

WAIT_SECONDS = 30.0
"""How long something may take that Kubernetes does by and by (controllers)."""
GROUPS = {
    "deployments": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "daemonsets": "apis/apps/v1",
    "jobs": "apis/batch/v1",
    "cronjobs": "apis/batch/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    "roles": "apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
}
"""Where a plural lives, when not in the core group."""
PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


def eventually(what: Callable[[], Any], *, within: float = WAIT_SECONDS) -> Any:
    """Call until it returns something true: other processes have no virtual clock."""
    deadline = time.monotonic() + within
    while True:
        try:
            if result := what():
                return result
        except (AssertionError, KeyError, IndexError):
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)


@dataclass(frozen=True)
class Credentials:
    """Where the server is and who asks: what a kubeconfig says."""

    server: str
    authority: str | None
    certificate: str | None = None
    key: str | None = None
    token: str | None = None

    @classmethod
    def load(cls, path: Path, folder: Path) -> Self:
        """Read the current context; data that is inside the file goes to files in `folder`."""
        config = yaml.safe_load(path.read_text())

        def named(kind: str, name: str) -> dict[str, Any]:
            entry = next(one for one in config[f"{kind}s"] if one["name"] == name)
            return dict(entry[kind])

        context = named("context", config["current-context"])
        cluster, user = named("cluster", context["cluster"]), named("user", context["user"])

        def file(source: dict[str, Any], name: str) -> str | None:
            if data := source.get(f"{name}-data"):
                target = folder / name
                target.write_bytes(base64.b64decode(data))
                target.chmod(0o600)
                return str(target)
            found = source.get(name)
            return str(path.parent / found) if found else None

        return cls(
            cluster["server"],
            file(cluster, "certificate-authority"),
            file(user, "client-certificate"),
            file(user, "client-key"),
            user.get("token"),
        )

    def tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class Answer:
    """One response, read whole."""

    code: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def message(self) -> str:
        return str(self.json["message"])

    @property
    def reason(self) -> str:
        return str(self.json["reason"])

    @property
    def causes(self) -> list[tuple[str, str]]:
        found = self.json["details"]["causes"]
        return [(one["reason"], one["field"]) for one in found]

    @property
    def warnings(self) -> list[str]:
        return [value for name, value in self.headers.iteritems() if name.lower() == "warning"]


class Api:
    """Requests as one-liners: `api.post(api.path("pods"), obj, fieldValidation="Strict")`."""

    def __init__(self, credentials: Credentials, namespace: str = "default") -> None:
        self.credentials = credentials
        self.namespace = namespace
        self._pool = urllib3.PoolManager(
            ssl_context=credentials.tls(), retries=False, timeout=WAIT_SECONDS, maxsize=8
        )

    def within(self, namespace: str) -> "Api":
        """The same connections, paths in another namespace."""
        other = object.__new__(Api)
        other.__dict__ = {**self.__dict__, "namespace": namespace}
        return other

    def with_token(self, token: str) -> "Api":
        """Another user, by bearer token alone."""
        plain = replace(self.credentials, certificate=None, key=None, token=token)
        return Api(plain, self.namespace)

    def anonymous(self) -> "Api":
        plain = replace(self.credentials, certificate=None, key=None, token=None)
        return Api(plain, self.namespace)

    def path(self, plural: str, *rest: str) -> str:
        """Of a kind in the namespace: `path("pods", "web", "status")`."""
        base = GROUPS.get(plural, "api/v1")
        return "/".join(("", base, "namespaces", self.namespace, plural, *rest))

    def open(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, Any] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """A response whose body is still to be read."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"User-Agent": "conformance/1", **(headers or {})}
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        if self.credentials.token:
            sent["Authorization"] = f"Bearer {self.credentials.token}"
        return self._pool.request_encode_url(
            method,
            self.credentials.server + path,
            fields={name: str(value) for name, value in (query or {}).items()} or None,
            headers=sent,
            body=data,
            preload_content=False,
            redirect=False,
        )

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        response = self.open(method, path, body, **options)
        return Answer(response.status, response.headers, response.read())

    def get(self, path: str, accept: str = "application/json", **query: Any) -> Answer:
        return self.send("GET", path, headers={"Accept": accept}, query=query)

    def post(self, path: str, body: Any, *, expect: int = 0, **query: Any) -> Answer:
        return expected(self.send("POST", path, body, query=query), expect)

    def put(self, path: str, body: Any, *, expect: int = 0, **query: Any) -> Answer:
        return expected(self.send("PUT", path, body, query=query), expect)

    def patch(
        self, path: str, body: Any, kind: str = "merge", *, expect: int = 0, **query: Any
    ) -> Answer:
        headers = {"Content-Type": PATCHES.get(kind, kind)}
        return expected(self.send("PATCH", path, body, headers=headers, query=query), expect)

    def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        return self.send("DELETE", path, body, query=query)

    def make(self, plural: str, name: str, **content: Any) -> Any:
        """Create an object in the namespace and return it."""
        content["metadata"] = {"name": name, **content.get("metadata", {})}
        return self.post(self.path(plural), content, expect=201).json

    @contextlib.contextmanager
    def watch(
        self, path: str, accept: str = "application/json", **query: Any
    ) -> Iterator["Watching"]:
        response = self.open(
            "GET", path, headers={"Accept": accept}, query={"watch": "true", **query}
        )
        try:
            yield Watching(response)
        finally:
            response.close()


class Watching:
    """The lines of a watch, each waited for."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self.code = response.status
        self._response = response
        self._rest = b""
        self._pieces = response.stream(65536, decode_content=True)

    def next(self) -> tuple[str, Any]:
        """Type and object of the next event; the connection's time limit is the wait's."""
        while b"\n" not in self._rest:
            self._rest += next(self._pieces)
        line, self._rest = self._rest.split(b"\n", 1)
        event = json.loads(line)
        return event["type"], event["object"]

    def until(self, last: str) -> list[tuple[str, Any]]:
        """Events up to the first of that type, which is the last one."""
        events = []
        while not events or events[-1][0] != last:
            events.append(self.next())
        return events

    def rest(self) -> bytes:
        """What is left until the server ends the stream."""
        return self._rest + b"".join(self._pieces)


def expected(answer: Answer, code: int) -> Answer:
    assert not code or answer.code == code, f"{answer.code}: {answer.raw[:2000]!r}"
    return answer


def status_of(answer: Answer) -> tuple[int, str]:
    """Code and reason of a failure, once the Status is as it should be."""
    status = answer.json
    assert (status["kind"], status["apiVersion"]) == ("Status", "v1"), status
    assert (status["status"], status["code"]) == ("Failure", answer.code), status
    assert status["message"]
    return answer.code, status.get("reason", "")


@dataclass(frozen=True)
class Ran:
    """What a command has said."""

    code: int
    out: str
    err: str


class Kubectl:
    """Calls return the output and fail the test where kubectl fails; `attempt` returns all."""

    def __init__(self, binary: str, kubeconfig: Path, home: Path, namespace: str) -> None:
        self.binary = binary
        self.namespace = namespace
        self.home = home
        self.environment = {
            **os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home), "TZ": "UTC"
        }  # fmt: skip

    def argv(self, *arguments: str) -> list[str]:
        """Options go first: what follows `--` is not kubectl's."""
        if arguments[0] == "config":
            return [self.binary, *arguments]  # it has a --namespace of its own
        return [self.binary, "-n", self.namespace, *arguments]

    def attempt(self, *arguments: str, stdin: Any = "", **environment: str) -> Ran:
        text = stdin if isinstance(stdin, str) else documents(stdin)
        done = subprocess.run(
            self.argv(*arguments),
            input=text,
            capture_output=True,
            text=True,
            timeout=2 * WAIT_SECONDS,
            check=False,
            env={**self.environment, **environment},
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments: str, stdin: Any = "", **environment: str) -> str:
        ran = self.attempt(*arguments, stdin=stdin, **environment)
        assert ran.code == 0, f"kubectl {' '.join(arguments)} → {ran.code}\n{ran.out}\n{ran.err}"
        return ran.out

    def fails(self, *arguments: str, stdin: Any = "", code: int = 1) -> str:
        """What it says on stderr when it ends with that exit code."""
        ran = self.attempt(*arguments, stdin=stdin)
        assert ran.code == code, f"kubectl {' '.join(arguments)} → {ran.code}\n{ran.out}\n{ran.err}"
        return ran.err

    def apply(self, *objects: Any, options: tuple[str, ...] = ()) -> str:
        return self("apply", "-f", "-", *options, stdin=list(objects))

    def object(self, *arguments: str) -> Any:
        return json.loads(self("get", *arguments, "-o", "json", "--show-managed-fields"))

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """A command that goes on, such as a watch."""
        process = subprocess.Popen(
            self.argv(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )
        running = Running(process)
        try:
            yield running
        finally:
            running.end()


class Running:
    """Lines of a child process, each waited for with a limit."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self, within: float = WAIT_SECONDS) -> str:
        """The next line; `queue.Empty` where none comes in time."""
        return self._lines.get(timeout=within)

    def end(self) -> None:
        self.process.terminate()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait()

    def line_with(self, word: str) -> str:
        while word not in (line := self.line()):
            pass
        return line


def documents(objects: Any) -> str:
    """What `-f -` reads."""
    many = objects if isinstance(objects, list) else [objects]
    return "\n".join(json.dumps(one) for one in many)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
