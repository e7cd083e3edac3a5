"""What only real containers can show: the `oci` driver with processes, files and the kernel."""

import asyncio
import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kubelet.images.busybox import build_busybox
from kubelet.images.store import ImageStore
from kubelet.runtime import errors
from kubelet.runtime.config import (
    ContainerConfig,
    DnsConfig,
    HostAlias,
    Mount,
    Resources,
    SandboxConfig,
    SeccompMode,
    Security,
)
from kubelet.runtime.interface import (
    OOM_KILLED,
    STATUS_UNKNOWN,
    ContainerState,
    ExecResult,
    ProcessStream,
    SandboxState,
    StdStream,
)
from kubelet.runtime.oci import cleanup
from tests.conformance.runtime.conftest import (
    HEEDS_TERM,
    OciRig,
    container_config,
    exits_with,
    sandbox_config,
)

LOG_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}[+-]\d\d:\d\d (stdout|stderr) ([FP]) (.*)"
)


def script(text: str, **rest: object) -> ContainerConfig:
    config = ContainerConfig(name="main", image="busybox", command=("sh", "-c", text))
    return replace(config, **rest)


async def sandbox_with_logs(oci: OciRig, config: SandboxConfig | None = None) -> str:
    directory = str(oci.root / "logs")
    return await oci.driver.run_pod_sandbox(
        replace(config or sandbox_config(), log_directory=directory)
    )


async def output_of(oci: OciRig, config: ContainerConfig, sandbox: str = "") -> list[str]:
    """Run to the end; the lines that it printed, standard output first."""
    sandbox = sandbox or await sandbox_with_logs(oci)
    config = replace(config, log_path=f"{config.name}.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    await oci.ended(container)
    return [text for _, text in read_log(oci.root / "logs" / config.log_path)]


def read_log(path: Path) -> list[tuple[str, str]]:
    """(stream, line) with partial lines put together."""
    lines = []
    partial = {"stdout": "", "stderr": ""}
    for line in path.read_text().splitlines():
        match = LOG_LINE.fullmatch(line)
        assert match, line
        stream, tag, text = match.groups()
        partial[stream] += text
        if tag == "F":
            lines.append((stream, partial[stream]))
            partial[stream] = ""
    return lines + [(stream, text) for stream, text in partial.items() if text]


async def collect(stream: ProcessStream) -> tuple[bytes, bytes]:
    parts = {StdStream.STDOUT: b"", StdStream.STDERR: b""}
    while (output := await stream.read()) is not None:
        parts[output.stream] += output.data
    return parts[StdStream.STDOUT], parts[StdStream.STDERR]


async def read_until(stream: ProcessStream, text: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(10):
        while text not in seen:
            output = await stream.read()
            assert output is not None, seen
            seen += output.data
    return seen


# Logs


async def test_both_streams_are_logged_in_cri_format(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    config = script("echo out; echo err >&2; printf partial", log_path="a/0.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    await oci.ended(container)
    status = await oci.driver.container_status(container)
    assert status.log_path == str(oci.root / "logs/a/0.log")
    assert sorted(read_log(Path(status.log_path))) == [
        ("stderr", "err"),
        ("stdout", "out"),
        ("stdout", "partial"),
    ]


async def test_a_renamed_log_is_reopened(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    config = script("echo one; while read line; do echo $line; done", stdin=True, log_path="0.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    stream = await oci.driver.attach(container, stdin=True)
    await stream.write_stdin(b"two\n")
    await read_until(stream, b"two")
    log = oci.root / "logs" / "0.log"
    log.rename(oci.root / "logs" / "0.log.1")
    await oci.driver.reopen_container_log(container)
    await stream.write_stdin(b"three\n")
    await read_until(stream, b"three")
    await stream.close()
    assert ("stdout", "two") in read_log(oci.root / "logs" / "0.log.1")
    assert read_log(log) == [("stdout", "three")]


async def test_logs_stay_when_the_sandbox_goes(oci: OciRig) -> None:
    await output_of(oci, script("echo kept"))
    for sandbox in await oci.driver.list_pod_sandboxes():
        await oci.driver.remove_pod_sandbox(sandbox.id)
    assert read_log(oci.root / "logs" / "main.log") == [("stdout", "kept")]


# The process


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


async def test_the_image_of_a_running_container_can_be_removed(
    oci: OciRig, image_store: ImageStore
) -> None:
    container = await oci.run(HEEDS_TERM)
    try:
        assert image_store.remove("busybox:latest")
        assert image_store.remove("busybox:1.35")
        result = await oci.driver.exec_sync(container, ["ls", "/bin/busybox"], 10)
        assert result.stdout == b"/bin/busybox\n"
    finally:
        build_busybox(image_store)


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


async def test_own_process_ids(oci: OciRig) -> None:
    assert await output_of(oci, script(f"echo $$; ls -d /proc/{os.getpid()} 2>&1")) == [
        "1",
        f"ls: /proc/{os.getpid()}: No such file or directory",
    ]


# Files


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


# Limits


async def test_out_of_memory_is_told(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    resources = Resources(memory_limit_bytes=16 << 20)
    config = script("x=a; while :; do x=$x$x; done", resources=resources)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    event = await oci.ended(container)
    assert (event.exit_code, event.reason) == (137, OOM_KILLED)


async def test_limits_arrive_in_the_cgroup(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    resources = Resources(
        cpu_shares=512,
        cpu_quota=50_000,
        cpu_period=100_000,
        memory_limit_bytes=64 << 20,
        pids_limit=77,
        oom_score_adj=-998,  # Less than this agent may set: clamped.
    )
    config = replace(container_config(HEEDS_TERM), resources=resources)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    text = (
        "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us "
        "pids/pids.max 2>/dev/null || cat memory.max cpu.weight cpu.max pids.max"
    )
    result = await oci.driver.exec_sync(container, ["sh", "-c", text], 10)
    v1 = b"67108864\n512\n50000\n77\n"
    assert result.stdout in {v1, b"67108864\n20\n50000 100000\n77\n"}
    await oci.driver.update_container_resources(
        container, Resources(cpu_shares=256, memory_limit_bytes=32 << 20)
    )
    result = await oci.driver.exec_sync(container, ["sh", "-c", text], 10)
    assert result.stdout.startswith(b"33554432\n")


async def test_stats_count(oci: OciRig) -> None:
    container = await oci.run(
        ("sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sleep 1000")
    )
    stats = await oci.driver.container_stats(container)
    assert stats.cpu_usage_ns > 0
    assert stats.memory_usage_bytes >= stats.memory_working_set_bytes > 0
    assert stats.pids >= 1
    assert [s.container_id for s in await oci.driver.list_container_stats()] == [container]


# Exec, attach, ports


async def test_exec_gives_streams_apart_and_the_exit_code(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    result = await oci.driver.exec_sync(container, ["sh", "-c", "echo o; echo e >&2; exit 7"], 10)
    assert result == ExecResult(7, b"o\n", b"e\n")


async def test_exec_of_an_unknown_command_says_so(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    with pytest.raises(errors.ExecError, match=r'"nope": executable file not found in \$PATH'):
        await oci.driver.exec_sync(container, ["nope"], 10)


async def test_exec_in_a_container_that_has_ended_is_refused(oci: OciRig) -> None:
    container = await oci.run(exits_with(0))
    await oci.ended(container)
    with pytest.raises(errors.StateError):
        await oci.driver.exec_sync(container, ["true"], 10)


async def test_a_command_that_takes_too_long_is_killed(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    with pytest.raises(errors.ExecTimeoutError):
        await oci.driver.exec_sync(container, ["sleep", "1234"], 0.3)
    listing = await oci.driver.exec_sync(container, ["ps"], 10)
    assert b"1234" not in listing.stdout


async def test_large_input_comes_back_whole(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(container, ["cat"], stdin=True)
    data = os.urandom(3 << 20)

    async def feed() -> None:
        await stream.write_stdin(data)
        await stream.close_stdin()

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        received = group.create_task(collect(stream))
    assert received.result()[0] == data
    assert await stream.wait() == 0
    await stream.close()


async def test_closing_a_stream_kills_its_command(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(container, ["sh", "-c", "echo ready; exec sleep 4321"])
    await read_until(stream, b"ready")
    await stream.close()
    listing = await oci.driver.exec_sync(container, ["ps"], 10)
    assert b"4321" not in listing.stdout
    directory = oci.root / "node" / "containers" / container
    assert not list(directory.glob("exec-*"))


async def test_exec_with_a_terminal(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(container, ["sh"], tty=True, stdin=True)
    await read_until(stream, b"# ")
    await stream.resize(123, 45)
    await stream.write_stdin(b"stty size; tty\n")
    seen = await read_until(stream, b"/dev/pts/")
    assert b"45 123" in seen
    await stream.write_stdin(b"exit 9\n")
    await collect(stream)
    assert await stream.wait() == 9
    await stream.close()


async def test_control_c_reaches_the_command_on_the_terminal(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stream = await oci.driver.exec(
        container,
        ["sh", "-c", "trap 'exit 33' INT; echo ready; while :; do sleep 0.05; done"],
        tty=True,
        stdin=True,
    )
    await read_until(stream, b"ready")
    await stream.write_stdin(b"\x03")
    await collect(stream)
    assert await stream.wait() == 33
    await stream.close()


async def test_attach_to_a_container_with_a_terminal(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(sandbox_config())
    config = ContainerConfig(name="main", image="busybox", command=("sh",), tty=True, stdin=True)
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    stream = await oci.driver.attach(container, stdin=True)
    await stream.resize(99, 33)
    await stream.write_stdin(b"echo $((40+2)); stty size\n")
    seen = await read_until(stream, b"33 99")
    assert b"42" in seen
    await stream.write_stdin(b"exit 4\n")
    assert await stream.wait() == 4
    await stream.close()


async def test_stdin_once_ends_the_input(oci: OciRig) -> None:
    sandbox = await sandbox_with_logs(oci)
    config = script("cat; echo end", stdin=True, stdin_once=True, log_path="0.log")
    container = await oci.driver.create_container(sandbox, config)
    await oci.driver.start_container(container)
    stream = await oci.driver.attach(container, stdin=True)
    await stream.write_stdin(b"text\n")
    await stream.close_stdin()
    assert (await oci.ended(container)).exit_code == 0
    await stream.close()
    assert [text for _, text in read_log(oci.root / "logs/0.log")] == ["text", "end"]


async def test_a_port_of_the_pods_localhost(oci: OciRig) -> None:
    container = await oci.run(("sh", "-c", "echo pong | nc -l -p 8080"))
    sandbox = (await oci.driver.container_status(container)).sandbox_id
    await wait_for_listener(oci, container, "1F90")
    connection = await oci.driver.open_port(sandbox, 8080)
    with connection:
        data = await asyncio.get_running_loop().sock_recv(connection, 100)
    assert data == b"pong\n"
    with pytest.raises(errors.RuntimeDriverError, match="port 81"):
        await oci.driver.open_port(sandbox, 81)


async def wait_for_listener(oci: OciRig, container: str, port: str) -> None:
    text = f"until grep -q ':{port} .* 0A' /proc/net/tcp*; do sleep 0.02; done"
    await oci.driver.exec_sync(container, ["sh", "-c", text], 10)


# The pod's network


async def test_pods_reach_each_other_and_the_node_reaches_them(oci: OciRig) -> None:
    first = await oci.run(("sh", "-c", "while :; do echo here | nc -l -p 80; done"), uid="u1")
    await wait_for_listener(oci, first, "0050")
    address = (await oci.driver.list_pod_sandboxes())[0].ip
    second = await oci.run(HEEDS_TERM, uid="u2")
    result = await oci.driver.exec_sync(second, ["timeout", "3", "nc", address, "80"], 10)
    assert result.stdout == b"here\n"
    await wait_for_listener(oci, first, "0050")
    reader, writer = await asyncio.open_connection(address, 80)
    assert await reader.readline() == b"here\n"
    writer.close()
    await writer.wait_closed()


async def test_a_pod_on_the_nodes_network(oci: OciRig) -> None:
    config = replace(sandbox_config(), host_network=True)
    sandbox = await sandbox_with_logs(oci, config)
    assert (await oci.driver.sandbox_status(sandbox)).ip == ""
    lines = await output_of(oci, script("readlink /proc/self/ns/net"), sandbox)
    assert lines == [str(Path("/proc/self/ns/net").readlink())]


# One PID namespace for a pod


async def shared_pod(oci: OciRig) -> tuple[str, str]:
    config = replace(sandbox_config(), share_process_namespace=True)
    sandbox = await oci.driver.run_pod_sandbox(config)
    return sandbox, await oci.run_in(sandbox, HEEDS_TERM)


async def test_containers_may_share_processes(oci: OciRig) -> None:
    sandbox, first = await shared_pod(oci)
    second = await oci.run_in(sandbox, ("sleep", "777"), "second")
    listing = await oci.driver.exec_sync(first, ["ps"], 10)
    assert b"1 nobody   /pause" in listing.stdout
    assert b"sleep 777" in listing.stdout
    assert {s.id for s in await oci.driver.list_containers()} == {first, second}
    assert {s.container_id for s in await oci.driver.list_container_stats()} == {first, second}


async def test_orphans_are_reaped_and_one_container_can_end_alone(oci: OciRig) -> None:
    sandbox, first = await shared_pod(oci)
    second = await oci.run_in(sandbox, ("sh", "-c", "(sleep 888 &); sleep 999"), "second")
    await oci.driver.exec_sync(
        first, ["sh", "-c", "(true &); until ps | grep -q 'sleep 888'; do sleep 0.02; done"], 10
    )
    await oci.driver.stop_container(second, 0)
    listing = await oci.driver.exec_sync(first, ["ps"], 10)
    assert b"sleep 888" not in listing.stdout
    assert b"sleep 999" not in listing.stdout
    assert b"[" not in listing.stdout  # No zombie.
    assert (await oci.driver.container_status(first)).state is ContainerState.RUNNING


async def test_a_sandbox_whose_init_is_gone_is_not_ready(oci: OciRig) -> None:
    sandbox, first = await shared_pod(oci)
    await oci.restart()
    assert (await oci.driver.sandbox_status(sandbox)).state is SandboxState.READY
    pid = (await oci.driver.container_status(first)).pid
    init = next(
        directory.name
        for directory in Path("/proc").iterdir()
        if directory.name.isdigit()
        and int(directory.name) < pid
        and (directory / "cmdline").read_bytes() == b"/pause\0"
        and (directory / "ns/pid").readlink() == Path(f"/proc/{pid}/ns/pid").readlink()
    )
    os.kill(int(init), 9)
    assert (await oci.ended(first)).exit_code == 137
    # The kernel tells of each process' end in turn.
    async with asyncio.timeout(10):
        while (await oci.driver.sandbox_status(sandbox)).state is not SandboxState.NOT_READY:
            await asyncio.sleep(0.01)
    await oci.remember()
    await oci.driver.remove_pod_sandbox(sandbox)
    assert oci.leftovers() == []


async def test_the_nodes_processes_can_be_seen_and_the_pods_are_still_ended(oci: OciRig) -> None:
    sandbox = await oci.driver.run_pod_sandbox(replace(sandbox_config(), host_pid=True))
    container = await oci.run_in(sandbox, ("sh", "-c", "sleep 5555 & sleep 6666"))
    listing = await oci.driver.exec_sync(container, ["ls", "-d", f"/proc/{os.getpid()}"], 10)
    assert listing.exit_code == 0
    await oci.driver.stop_container(container, 0)
    assert processes_named("sleep 5555") == []


def processes_named(text: str) -> list[str]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                argv = (directory / "cmdline").read_bytes().split(b"\0")
                if " ".join(map(os.fsdecode, argv)).strip() == text:
                    found.append(directory.name)
    return found


# Sysctls


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


async def test_nothing_of_a_pod_is_left(oci: OciRig) -> None:
    for number in range(3):
        await oci.run(HEEDS_TERM, uid=f"u{number}")
    await oci.remember()
    await asyncio.gather(*(oci.driver.remove_pod_sandbox(s) for s in oci.sandboxes))
    assert oci.leftovers() == []


# Restarts and accidents


async def test_an_exit_while_no_agent_ran_is_known_afterwards(oci: OciRig) -> None:
    container = await oci.run(("sh", "-c", "trap 'exit 11' TERM; while :; do sleep 0.02; done"))
    pid = (await oci.driver.container_status(container)).pid
    await oci.driver.exec_sync(container, ["true"], 10)  # The trap is set by now.
    await oci.driver.close()
    descriptor = os.pidfd_open(pid)
    os.kill(pid, 15)
    await readable(descriptor)
    await oci.restart()
    event = await oci.ended(container)
    assert (event.exit_code, event.reason) == (11, "Error")


async def test_a_killed_supervisor_leaves_its_container_running(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    status = await oci.driver.container_status(container)
    supervisor = int((oci.root / "node/containers" / container / "conmon.pid").read_text())
    descriptor = os.pidfd_open(supervisor)
    os.kill(supervisor, 9)
    await readable(descriptor)
    await asyncio.sleep(0.05)
    assert (await oci.driver.container_status(container)).state is ContainerState.RUNNING
    await oci.restart()
    assert (await oci.driver.container_status(container)).state is ContainerState.RUNNING
    os.kill(status.pid, 9)
    event = await oci.ended(container)
    assert (event.exit_code, event.reason) == (255, STATUS_UNKNOWN)


async def readable(descriptor: int) -> None:
    """Until a process has ended."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, done.set)
    try:
        async with asyncio.timeout(10):
            await done.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_what_an_earlier_boot_left_is_cleaned(oci: OciRig) -> None:
    container = await oci.run(exits_with(1))
    await oci.ended(container)
    status = await oci.driver.container_status(container)
    await oci.driver.remove_container(container)
    await oci.driver.remove_pod_sandbox(status.sandbox_id)
    await plant(oci, "sandboxes", "aaaa", "sandbox.json")
    await plant(oci, "containers", "bbbb", "container.json")
    await oci.restart()
    assert await oci.driver.list_containers() == []
    assert await oci.driver.list_pod_sandboxes() == []
    assert oci.leftovers() == []


async def plant(oci: OciRig, kind: str, name: str, record: str) -> None:
    """A directory whose record cannot be read: a creation that did not finish."""
    directory = oci.root / "node" / kind / name
    directory.mkdir(parents=True)
    (directory / record).write_text("{")


async def test_an_agent_killed_in_the_middle_of_start(oci: OciRig) -> None:
    """The record still says created, but the process runs: it is adopted as running."""
    container = await oci.run(HEEDS_TERM)
    record = oci.root / "node/containers" / container / "container.json"
    await oci.driver.close()
    text = record.read_text()
    record.write_text(text.replace(str(ContainerState.RUNNING), str(ContainerState.CREATED)))
    await oci.restart()
    status = await oci.driver.container_status(container)
    assert status.state is ContainerState.RUNNING
    assert status.started_at > 0
    await oci.driver.stop_container(container, 0)
    assert (await oci.driver.container_status(container)).exit_code == 137


async def test_two_nodes_of_a_machine_share_the_image_store(oci: OciRig) -> None:
    other = OciRig(oci.root / "second", oci.store, "10.199.18.0/24")
    await other.driver.start()
    try:
        first = await oci.run(HEEDS_TERM, uid="u1")
        second = await other.run(HEEDS_TERM, uid="u1")
        for rig, container in ((oci, first), (other, second)):
            assert (await rig.driver.exec_sync(container, ["true"], 10)).exit_code == 0
    finally:
        await other.driver.close()
        await cleanup.remove_pods(other.options)
        cleanup.remove_cgroups(other.cgroup_root)


@pytest.mark.parametrize("count", [8])
async def test_many_pods_at_once(oci: OciRig, count: int) -> None:
    containers: Sequence[str] = await asyncio.gather(
        *(oci.run(HEEDS_TERM, uid=f"u{number}") for number in range(count))
    )
    states = {s.state for s in await oci.driver.list_containers()}
    assert len(set(containers)) == count
    assert states == {ContainerState.RUNNING}


async def test_a_node_can_be_removed_without_its_driver(oci: OciRig) -> None:
    first = await oci.run(HEEDS_TERM, uid="u1")
    sandbox = (await oci.driver.container_status(first)).sandbox_id
    await oci.run_in(sandbox, exits_with(1), "second")
    await oci.run(HEEDS_TERM, uid="u2")
    await oci.remember()
    await oci.driver.close()
    await cleanup.remove_pods(oci.options)
    await oci.restart()
    assert oci.leftovers() == []
