"""What runs in a real container, as whom, and its last words."""

import os

from kubelet.runtime.config import ContainerConfig, Security
from tests.conformance.runtime.conftest import OciRig, exits_with
from tests.conformance.runtime.running import output_of, script


async def test_command_args_env_and_working_directory(oci: OciRig) -> None:
    config = ContainerConfig(
        name="main",
        image="busybox",
        command=("sh", "-c", 'echo "$0|$A|$HOSTNAME|$(pwd)"'),
        args=("first",),
        env=(("A", "b c"),),
        working_dir="/made/for/it",
    )
    assert await output_of(oci, config) == ["first|b c|pod-u1|/made/for/it"]


async def test_args_alone_replace_the_images_command(oci: OciRig) -> None:
    config = ContainerConfig(name="main", image="busybox", args=("echo", "args"))
    assert await output_of(oci, config) == ["args"]


async def test_the_user_of_the_pod_and_its_groups(oci: OciRig) -> None:
    security = Security(run_as_user=1234, run_as_group=5678, supplemental_groups=(42,))
    lines = await output_of(oci, script("id", security=security))
    assert lines == ["uid=1234 gid=5678 groups=42"]


async def test_any_user_may_write_to_its_standard_output_by_name(oci: OciRig) -> None:
    security = Security(run_as_user=1234)
    config = script("echo out >/dev/stdout; echo err >/dev/stderr", security=security)
    assert sorted(await output_of(oci, config)) == ["err", "out"]


async def test_own_process_ids(oci: OciRig) -> None:
    assert await output_of(oci, script(f"echo $$; ls -d /proc/{os.getpid()} 2>&1")) == [
        "1",
        f"ls: /proc/{os.getpid()}: No such file or directory",
    ]


async def test_the_termination_message(oci: OciRig) -> None:
    config = script(
        "echo -n last words >/dev/termination-log; exit 3", security=Security(run_as_user=99)
    )
    container = await oci.run(exits_with(0), "other")
    sandbox = (await oci.driver.container_status(container)).sandbox_id
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    await oci.ended(container)
    assert (await oci.driver.container_status(container)).termination_message == "last words"
