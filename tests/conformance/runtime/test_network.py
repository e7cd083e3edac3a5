"""Real pods on the network: ports, each other, the node's."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from kubelet.runtime import errors
from tests.conformance.runtime.conftest import HEEDS_TERM, OciRig, sandbox_config
from tests.conformance.runtime.running import output_of, sandbox_with_logs, script


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
