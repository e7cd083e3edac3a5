"""What real containers may and may not do."""

import re
from dataclasses import replace

import pytest

from kubelet.runtime import errors
from kubelet.runtime.config import SeccompMode, Security
from tests.conformance.runtime.conftest import OciRig, sandbox_config
from tests.conformance.runtime.running import output_of, sandbox_with_logs, script


async def test_root_is_refused_where_the_pod_says_non_root(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    config = script("true", security=Security(run_as_non_root=True))
    with pytest.raises(errors.ContainerConfigError, match="runAsNonRoot"):
        await oci.driver.create_container(sandbox, config)
    assert await oci.driver.list_containers() == []


async def test_default_capabilities_and_seccomp(oci: OciRig) -> None:
    lines = await output_of(
        oci, script("grep -E '^(CapEff|Seccomp|NoNewPrivs):' /proc/self/status")
    )
    values = dict(line.split(":", 1) for line in lines)
    assert values["CapEff"].strip() == "00000000a80425fb"
    assert values["Seccomp"].strip() == "2"
    assert values["NoNewPrivs"].strip() == "0"


async def test_capabilities_can_be_dropped_and_added(oci: OciRig) -> None:
    security = Security(
        capabilities_drop=("ALL",), capabilities_add=("NET_ADMIN",), no_new_privileges=True
    )
    config = script("grep -E '^(CapEff|NoNewPrivs):' /proc/self/status", security=security)
    lines = await output_of(oci, config)
    assert [line.split()[1] for line in lines] == ["0000000000001000", "1"]


async def test_seccomp_forbids_what_it_should(oci: OciRig) -> None:
    lines = await output_of(
        oci, script("unshare -U true 2>&1; mount -t tmpfs x /tmp 2>&1; hostname x 2>&1")
    )
    assert lines == [
        "unshare: unshare(0x10000000): Operation not permitted",
        "mount: permission denied (are you root?)",
        "hostname: sethostname: Operation not permitted",
    ]


async def test_unconfined_has_no_filter(oci: OciRig) -> None:
    security = Security(seccomp=SeccompMode.UNCONFINED)
    lines = await output_of(oci, script("grep Seccomp: /proc/self/status", security=security))
    assert lines[0].split()[1] == "0"


async def test_a_privileged_container_may_mount(oci: OciRig) -> None:
    config = script(
        "mount -t tmpfs x /mnt && echo mounted; ls /dev/kmsg; test -w /proc/sys/kernel && echo rw",
        security=Security(privileged=True),
    )
    lines = await output_of(
        oci, replace(config, command=(*config.command[:2], "mkdir -p /mnt; " + config.command[2]))
    )
    assert lines == ["mounted", "/dev/kmsg", "rw"]


async def test_kernel_secrets_are_masked(oci: OciRig) -> None:
    lines = await output_of(
        oci, script("cat /proc/timer_list | wc -c; echo 1 2>&1 >/proc/sys/vm/swappiness")
    )
    assert lines[0] == "0"
    assert "Read-only" in lines[1]


async def test_sysctls_of_the_pod(oci: OciRig) -> None:
    config = replace(sandbox_config(), sysctls={"net.core.somaxconn": "321"})
    sandbox = await sandbox_with_logs(oci, config)
    assert await output_of(oci, script("cat /proc/sys/net/core/somaxconn"), sandbox) == ["321"]


@pytest.mark.parametrize("name", ["vm.swappiness", "kernel.core_pattern", "net.../../kernel.x"])
async def test_sysctls_of_the_node_are_refused(oci: OciRig, name: str) -> None:
    before = len(list((oci.root / "node/sandboxes").iterdir()))
    with pytest.raises(errors.SandboxError, match=re.escape(name)):
        await oci.driver.run_pod_sandbox(replace(sandbox_config(), sysctls={name: "1"}))
    assert len(list((oci.root / "node/sandboxes").iterdir())) == before
