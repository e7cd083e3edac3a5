"""A real cluster for a test suite: a pytest plugin, and the class behind it.

`bireme_cluster` is shared by all tests of a session, `bireme_cluster_function` is one test's own;
both are API server, controllers and scheduler on the memory store, in a child process on a free
port of the loopback, without nodes. They are up in about half a second and leave nothing behind.

pytest finds this module by itself (entry point `bireme`). Outside of pytest use `Cluster` as a
context manager. Only the standard library and `bireme` are imported; client libraries are the
user's, and imported when asked for. Neighbours: `bireme.cli.server` is what runs in the child.
"""

import contextlib
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

START_SECONDS = 30.0
"""Until a child must be ready: half a second is usual, a loaded machine may take long."""
STOP_SECONDS = 10.0
"""Until a child that was asked to end is killed: it promises 5 s."""
COMMAND_SECONDS = 60.0
"""The longest that `kubectl` may take."""


class ClusterError(RuntimeError):
    """The cluster did not start, or a command failed; the message has its output."""


class Cluster:
    """One cluster: `start` and `stop`, or a `with` block."""

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None

    def start(self) -> Self:
        """Start the child; returns when it answers requests."""
        assert self._process is None, "it runs already"
        self._directory = Path(tempfile.mkdtemp(prefix="bireme-"))
        ready, told = os.pipe()
        # The child ends when our side of this closes, however we ended.
        held, self._lifeline = os.pipe()
        command = [sys.executable, "-P", "-m", "bireme", "server", "--store", "memory"]
        try:
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [*command, "--port", "0", "--data-dir", str(self._directory)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(told, held),
                    env={
                        **os.environ,
                        "BIREME_NOTIFY_FD": str(told),
                        "BIREME_LIFELINE_FD": str(held),
                    },
                    start_new_session=True,  # Ctrl-C reaches pytest, which then stops it
                )
            os.close(told)
            self._wait_ready(ready)
        except BaseException:
            self.stop()
            raise
        finally:
            os.close(ready)
            os.close(held)
        return self

    def _wait_ready(self, ready: int) -> None:
        """A line comes through the pipe, or its end where the child has died."""
        readable, _, _ = select.select([ready], [], [], START_SECONDS)
        if readable and os.read(ready, 64):
            return
        what = "ended" if readable else f"was not ready within {START_SECONDS:g} s"
        raise ClusterError(f"the cluster {what}:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        """End the child and remove its files; does nothing where it has not started."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """Where its files are while it runs."""
        assert self._directory is not None, "start it first"
        return self._directory

    @property
    def kubeconfig(self) -> Path:
        """Credentials of an administrator."""
        return self.directory / "kubeconfig"

    @property
    def log(self) -> Path:
        """What the child has written."""
        return self.directory / "server.log"

    def environment(self) -> dict[str, str]:
        """The environment for a child process whose client shall find this cluster."""
        own = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
            own.pop(name, None)  # else clients believe that they run in a pod
        return own

    @contextlib.contextmanager
    def as_default(self) -> Iterator[None]:
        """Clients in this process that read KUBECONFIG find this cluster: kopf, lightkube."""
        before, inside = dict(os.environ), self.environment()
        os.environ.clear()
        os.environ.update(inside)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def client_configuration(self) -> Any:
        """A `kubernetes.client.Configuration` (give it to `ApiClient`)."""
        import importlib

        # By name: the package is the user's, and has no types.
        client, config = (
            importlib.import_module(f"kubernetes.{name}") for name in ("client", "config")
        )
        made = client.Configuration()
        config.load_kube_config(str(self.kubeconfig), client_configuration=made)
        return made

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What the bundled kubectl prints; ClusterError where it fails."""
        from bireme.cli import kubectl

        done = subprocess.run(
            [str(kubectl.binary()), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
            env={**self.environment(), "HOME": str(self.directory)},
        )
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


@pytest.fixture(scope="session")
def bireme_cluster() -> Iterator[Cluster]:
    """A cluster for all tests of the session: use namespaces to keep tests apart."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def bireme_cluster_function() -> Iterator[Cluster]:
    """A cluster of the test's own, empty at its start."""
    with Cluster() as cluster:
        yield cluster
