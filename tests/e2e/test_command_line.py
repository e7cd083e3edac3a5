"""`bireme` with bad input: one sentence that helps, an exit code, no traceback, nothing left."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import BIREME

NOBODY = 65534


def attempt(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and everything that was said; a command that goes on is a failure too."""
    done = subprocess.run(
        [*BIREME, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environment},
    )
    return done.returncode, done.stdout


def processes_of(place: Path) -> list[str]:
    """The command lines of processes that name the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended meanwhile
            found += [line] if str(place) in line else []
    return found


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a path short enough for sockets; nobody may stay who knows it."""
    made = Path(tempfile.mkdtemp(prefix="brm", dir="/tmp"))
    yield made
    shutil.rmtree(made)
    assert processes_of(made) == []


def refused(place: Path, *arguments: str, words: str, **environment: str) -> None:
    """The command fails with one line that has these words."""
    code, said = attempt(*arguments, "--data-dir", str(place / "data"), **environment)
    assert code == 1, said
    assert "Traceback" not in said
    assert said.startswith("bireme: ")
    assert len(said.splitlines()) == 1, said
    assert words in said


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["up", "--nonsense"], ["up", "--nodes", "many"], ["image"], ["image", "import"],
     ["server", "--port", "x"]],
    ids=" ".join,
)  # fmt: skip
def test_usage(arguments: list[str]) -> None:
    code, said = attempt(*arguments)
    assert code == 2
    assert "Usage: " in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--nodes", "-1"], "--nodes can't be negative"),
        (["--nodes", "5000"], "--nodes 5000: one machine holds 200"),
        (["--port", "99999"], "ports are between 1 and 65535"),
        (["--store", "nonsense"], "--store nonsense is unknown"),
        (["--store", "ftp://x"], "--store ftp://x is unknown"),
        (["--runtime", "nonsense"], "--runtime nonsense is unknown"),
        (["--node-cpus", "many"], "--node-cpus many is no amount"),
        (["--node-memory", "-1Gi"], "--node-memory -1Gi is no amount"),
        (["--node-monitor-grace-period", "0"], "--node-monitor-grace-period 0: give seconds"),
        (["--node-monitor-grace-period", "nan"], "--node-monitor-grace-period nan: give seconds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_up_with_values_that_make_no_sense(place: Path, options: list[str], words: str) -> None:
    refused(place, "up", *options, words=words)
    assert not (place / "data").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only", "nonsense"], "--only nonsense is unknown"),
        (["--only", "controllers"], "needs --kubeconfig"),
        (["--only", "controllers", "--kubeconfig", "/no/such"], "/no/such"),
        (["--service-cidr", "nonsense"], "--service-cidr nonsense is no IPv4 range"),
        (["--service-cidr", "10.0.0.0/31"], "--service-cidr 10.0.0.0/31 is too small"),
        (["--cluster-cidr", "10.0.0.1/8"], "--cluster-cidr 10.0.0.1/8 is no IPv4 range"),
        (["--port", "70000"], "--port 70000"),
        (["--port", "0", "--bind", "192.0.2.1"], "--port 0"),
        (["--port", "16443", "--bind", "192.0.2.1"], "can't listen on port 16443 of 192.0.2.1"),
        (["--store", "nonsense"], "store 'nonsense' is none that I know"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_server_with_values_that_make_no_sense(place: Path, options: list[str], words: str) -> None:
    store = [] if "--store" in options else ["--store", "memory"]
    refused(place, "server", *store, *options, words=words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], "there is no cluster in"),
        (["down"], "there is no cluster in"),
        (["token", "create"], "there is no cluster in"),
        (["token", "list"], "there is no cluster in"),
        (["token", "create", "--hours", "-1"], "--hours -1"),
        (["image", "import", "/no/such"], "/no/such is no file"),
        (["image", "rm", "nope"], "there is no image nope"),
        (["image", "build", "nope"], "only busybox can"),
        (["node"], "a node joins with --server URL and --token T"),
        (["node", "--server", "https://127.0.0.1:1", "--token", "half"], "--token is not whole"),
        (["node", "--kubeconfig", "/no/such"], "cannot read the kubeconfig /no/such"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_other_commands(place: Path, arguments: list[str], words: str) -> None:
    refused(place, *arguments, words=words)


def test_a_file_that_is_no_image(place: Path) -> None:
    (place / "file").write_text("no archive")
    refused(place, "image", "import", str(place / "file"), words="is no tar archive")


@pytest.mark.parametrize("command", ["up", "server"])
def test_a_data_directory_that_is_a_file(place: Path, command: str) -> None:
    (place / "data").touch()
    refused(place, command, words="can't be used (File exists): choose another")


def test_a_data_directory_whose_options_are_broken(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data/cluster.json").write_text("{")
    refused(place, "up", words="cluster.json can't be read")


def test_a_data_directory_too_long_for_sockets(place: Path) -> None:
    refused(place / ("x" * 120), "up", words="too long for the sockets below it")


@pytest.mark.parametrize("command", [["up"], ["server", "--store", "memory"]], ids=lambda v: v[0])
def test_a_port_that_was_asked_for_and_is_taken(place: Path, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused(place, *command, "--port", port, words=port)
    assert not list((place / "data/run").glob("*.pid"))


def test_nodes_without_the_binaries(place: Path) -> None:
    (place / "empty").mkdir()
    refused(place, "up", "--nodes", "1", words="apt-get install runc", PATH=str(place / "empty"))


def test_etcd_without_its_binary(place: Path) -> None:
    (place / "empty").mkdir()
    empty = str(place / "empty")
    with contextlib.ExitStack() as stack:
        # A default port that is taken is no news for somebody who can't start anyway.
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", 6443)))
        refused(place, "up", "--store", "etcd", words="apt-get install etcd-server", PATH=empty)
    assert not (place / "data/cluster.json").exists(), "the next `up` must not insist on etcd"


def test_doctor_names_what_is_missing_and_the_remedy(place: Path) -> None:
    code, said = attempt("doctor", PATH=str(place))
    assert code == 1
    assert "missing  runc" in said
    assert "apt-get install runc" in said


AS_NOBODY = f"""
import contextlib, os, sys
from bireme.cli import main, up
with contextlib.suppress(SystemExit):
    arguments, sys.argv = sys.argv[1:], ["bireme", "status", "--data-dir", "/no/such"]
    main.main()
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
sys.argv = ["bireme", *arguments]
main.main()
"""
"""The interpreter may stand where only root can read, so it first loads all that it needs."""


def test_nodes_without_root(place: Path) -> None:
    place.chmod(0o777)
    command = [sys.executable, "-c", AS_NOBODY, "up", "--nodes", "1", "--data-dir"]
    done = subprocess.run(
        [*command, str(place / "data")], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("bireme: nodes with --runtime oci need root")
    assert len(done.stderr.splitlines()) == 1
    assert not (place / "data/cluster.json").exists()


ADMISSION = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: {enforce: baseline}
"""


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_what_the_server_is_told_by_files_holds_after_a_restart_too(place: Path) -> None:
    """`up` hands the options of the server on, and the next `up` needs none of them."""
    data = ("--data-dir", str(place / "data"))
    (place / "admission.yaml").write_text(ADMISSION)
    options = ("--admission-control-config-file", str(place / "admission.yaml"))
    ports = ("--port", free_port(), "--offers-port", free_port())
    host = '--overrides={"spec":{"hostNetwork":true}}'
    run = ("kubectl", "run", "p", "--image=x", host, f"--kubeconfig={place}/data/kubeconfig")
    try:
        for given in ((*ports, *options), ()):
            code, said = attempt("up", "--detach", *data, *given)
            assert code == 0, said
            code, said = attempt(*run)
            assert code == 1
            assert 'violates PodSecurity "baseline:latest": host namespaces' in said
            assert attempt("down", *data)[0] == 0
    finally:
        attempt("down", "--purge", *data)
