"""Small parts of the oci driver: texts, signals, records."""

import os
import signal
from pathlib import Path

import pytest

from kubelet.runtime.config import DnsConfig, HostAlias, PortMapping, SandboxConfig
from kubelet.runtime.interface import ContainerState
from kubelet.runtime.oci import cleanup, etcfiles, processes, records
from kubelet.runtime.oci.containers import signal_number
from kubelet.runtime.oci.records import ContainerRecord, Layout, SandboxRecord
from kubelet.runtime.podnetwork import PodAttachment

SANDBOX = SandboxConfig(uid="u", name="web", namespace="default")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                'time="2024-01-01T00:00:00Z" level=error msg="runc create failed: unable to start '
                'container process: exec: \\"foo\\": executable file not found in $PATH"\n'
            ),
            'exec: "foo": executable file not found in $PATH',
        ),
        (
            '{"level":"warning","msg":"careful"}\n{"level":"error","msg":"exec failed: no"}\n',
            "no",
        ),
        ('time="x" level=warning msg="nothing"', ""),
        ("plain words", "plain words"),
        ("", ""),
        ("{not json", "{not json"),
    ],
)
def test_the_cause_is_what_a_user_understands(text: str, expected: str) -> None:
    assert processes.cause(text) == expected


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("", signal.SIGTERM),
        ("SIGINT", signal.SIGINT),
        ("quit", signal.SIGQUIT),
        ("9", signal.SIGKILL),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("NONSENSE", signal.SIGTERM),
        ("0", signal.SIGTERM),
        ("100000", signal.SIGTERM),
        ("RTMIN+999", signal.SIGTERM),
    ],
)
def test_stop_signals(name: str, number: int) -> None:
    assert signal_number(name) == number


def test_hosts_of_a_pod() -> None:
    config = SandboxConfig(
        uid="u",
        name="web",
        namespace="default",
        domain="sub.default.svc.cluster.local",
        host_aliases=(HostAlias("1.2.3.4", ("a", "b")),),
    )
    lines = etcfiles.hosts(config, "web", "10.0.0.2").splitlines()
    assert "10.0.0.2\tweb.sub.default.svc.cluster.local\tweb" in lines
    assert lines[-3:] == ["", "# Entries added by HostAliases.", "1.2.3.4\ta\tb"]
    full = etcfiles.hosts(config, "web.sub.default.svc.cluster.local", "10.0.0.2")
    assert full.splitlines() == lines
    assert lines[:2] == ["# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost"]
    on_the_node = etcfiles.node_hosts("127.0.0.1 machine\n", config).splitlines()
    header = "# Kubernetes-managed hosts file (host network)."
    assert on_the_node == [header, "127.0.0.1 machine", *lines[-3:]]


def test_a_name_cannot_smuggle_a_line() -> None:
    aliases = (HostAlias("1.2.3.4", ("a\n6.6.6.6 bank",)),)
    config = SandboxConfig(uid="u", name="web", namespace="default", host_aliases=aliases)
    assert etcfiles.node_hosts("", config).splitlines()[-1] == "1.2.3.4\ta 6.6.6.6 bank"
    dns = DnsConfig(("1.1.1.1\nnameserver 6.6.6.6",))
    assert etcfiles.resolv_conf(dns).count("\n") == 1


def test_resolv_conf() -> None:
    dns = DnsConfig(("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"), ("a", "b"), ("ndots:5",))
    assert etcfiles.resolv_conf(dns) == (
        "search a b\nnameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\noptions ndots:5\n"
    )


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.prepare()
    return layout


def sandbox_record(sandbox_id: str) -> SandboxRecord:
    return SandboxRecord(
        id=sandbox_id,
        uid="u",
        name="n",
        namespace="ns",
        attempt=1,
        boot_id="b",
        created_at=1.5,
        cgroup="/c",
        hostname="h",
        labels={"a": "b"},
        attachment=PodAttachment(sandbox_id, "u", "10.0.0.2", "brm0", (PortMapping(80, 8080),)),
    )


def container_record(container_id: str) -> ContainerRecord:
    return ContainerRecord(
        id=container_id,
        sandbox_id="s",
        pod_uid="u",
        name="n",
        attempt=0,
        boot_id="b",
        image="i",
        image_id="sha256:x",
        created_at=1.0,
        cgroup="/c",
        log_path="/l",
        state=ContainerState.RUNNING,
    )


def test_records_come_back_as_they_were(layout: Layout) -> None:
    layout.sandbox("s").mkdir()
    layout.container("c").mkdir()
    layout.save_sandbox(sandbox_record("s"))
    layout.save_container(container_record("c"))
    assert list(layout.load_sandboxes()) == [("s", sandbox_record("s"))]
    assert list(layout.load_containers()) == [("c", container_record("c"))]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 99}'])
def test_an_unreadable_record_is_none(layout: Layout, content: str) -> None:
    layout.container("c").mkdir()
    (layout.container("c") / "container.json").write_text(content)
    assert list(layout.load_containers()) == [("c", None)]


def test_a_process_is_only_taken_if_it_names_the_container() -> None:
    descriptor = records.open_process(os.getpid(), "python", "cmdline")
    assert descriptor is not None
    os.close(descriptor)
    assert records.open_process(os.getpid(), "0123456789abcdef", "cmdline") is None
    assert records.open_process(0, "", "cmdline") is None


def test_cleaning_a_directory_without_a_driver_is_harmless(tmp_path: Path) -> None:
    from kubelet.runtime.oci.node import OciOptions

    cleanup.remove_all(OciOptions(tmp_path / "none"))
