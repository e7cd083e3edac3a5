"""Files that real containers see: mounts, their root, /etc, shared memory."""

from dataclasses import replace

import pytest

from kubelet.runtime import errors
from kubelet.runtime.config import DnsConfig, HostAlias, Mount, Security
from tests.conformance.runtime.conftest import OciRig, sandbox_config
from tests.conformance.runtime.running import output_of, sandbox_with_logs, script


async def test_host_paths_are_mounted_and_writable_unless_read_only(oci: OciRig) -> None:
    data = oci.root / "data"
    data.mkdir()
    (data / "file").write_text("hello\n")
    mounts = (
        Mount("/data", str(data)),
        Mount("/data/deeper", str(data), read_only=True),
        Mount("/one-file", str(data / "file"), read_only=True),
    )
    (data / "deeper").mkdir()
    text = "cat /one-file; echo new >/data/new; echo no 2>&1 >/data/deeper/no"
    lines = await output_of(oci, script(text, mounts=mounts))
    assert lines[0] == "hello"
    assert "Read-only" in lines[1]
    assert (data / "new").read_text() == "new\n"
    assert not (data / "no").exists()


async def test_a_missing_host_path_is_named(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    config = script("true", mounts=(Mount("/data", "/no/such/path"),))
    with pytest.raises(errors.ContainerConfigError, match='"/no/such/path"'):
        await oci.driver.create_container(sandbox, config)


async def test_a_read_only_root(oci: OciRig) -> None:
    config = script(
        "echo x 2>&1 >/file; echo y >/dev/shm/y && echo shm",
        security=Security(read_only_rootfs=True),
    )
    lines = await output_of(oci, config)
    assert "Read-only" in lines[0]
    assert lines[1] == "shm"


async def test_containers_of_a_pod_share_memory_and_network_but_no_files(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    await output_of(oci, replace(script("echo a >/dev/shm/a; echo b >/b"), name="one"), sandbox)
    second = replace(script("cat /dev/shm/a; cat /b 2>&1"), name="two")
    lines = await output_of(oci, second, sandbox)
    assert lines[0] == "a"
    assert "No such file" in lines[1]


async def test_hosts_hostname_and_resolv_conf(oci: OciRig) -> None:
    config = replace(
        sandbox_config(),
        hostname="web-0",
        domain="web.default.svc.cluster.local",
        dns=DnsConfig(
            ("10.96.0.10",), ("default.svc.cluster.local", "cluster.local"), ("ndots:5",)
        ),
        host_aliases=(HostAlias("10.1.2.3", ("db", "db.local")),),
    )
    sandbox = await sandbox_with_logs(oci, config)
    ip = (await oci.driver.sandbox_status(sandbox)).ip
    lines = await output_of(
        oci, script("hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf"), sandbox
    )
    assert lines[:2] == ["web-0", "web-0"]
    assert f"{ip}\tweb-0.web.default.svc.cluster.local\tweb-0" in lines
    assert "10.1.2.3\tdb\tdb.local" in lines
    assert lines[-3:] == [
        "search default.svc.cluster.local cluster.local",
        "nameserver 10.96.0.10",
        "options ndots:5",
    ]
