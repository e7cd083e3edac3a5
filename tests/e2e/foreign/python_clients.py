"""What users write with Python's Kubernetes clients to reach running pods: one function a trick.

`python python_clients.py NAME` prints as JSON what came of it. A process of its own, since some of
these clients leave sockets and threads behind. Nothing here knows what server it talks to.
"""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import kr8s
import lightkube
from kr8s.asyncio.objects import Pod
from kubernetes import client, config, stream, watch
from kubernetes_asyncio import client as aio_client
from kubernetes_asyncio import config as aio_config
from kubernetes_asyncio.stream import WsApiClient

SPACE = "clients"
FAIL = ["sh", "-c", "echo out; echo err >&2; exit 7"]
QUIET = {"stdin": False, "stdout": True, "stderr": True, "tty": False}


def core() -> client.CoreV1Api:
    config.load_kube_config()
    return client.CoreV1Api()


def channels(command: list[str], **wants: bool) -> Any:
    return stream.stream(
        core().connect_get_namespaced_pod_exec,
        "web", SPACE, command=command, _preload_content=False, **{**QUIET, **wants},
    )  # fmt: skip


def exec_whole() -> Any:
    execute = core().connect_get_namespaced_pod_exec
    return stream.stream(execute, "web", SPACE, command=["ls", "/www"], **QUIET)


def exec_fails() -> Any:
    opened = channels(FAIL)
    opened.run_forever(timeout=30)
    return [opened.read_stdout(), opened.read_stderr(), opened.returncode]


def exec_input() -> Any:
    opened = channels(["cat"], stdin=True)
    opened.write_stdin("words\n")
    return opened.readline_stdout(timeout=30)


def exec_terminal() -> Any:
    opened = channels(["sh", "-c", "tty"], tty=True)
    opened.run_forever(timeout=30)
    return opened.read_stdout().rstrip("0123456789\r\n")


def port_forward() -> Any:
    ports = stream.portforward(
        core().connect_get_namespaced_pod_portforward, "web", SPACE, ports="8080"
    )
    socket = ports.socket(8080)
    socket.setblocking(True)
    socket.sendall(b"GET / HTTP/1.0\r\n\r\n")
    answer = b""
    while data := socket.recv(4096):
        answer += data
    return [answer.splitlines()[0].decode(), answer.splitlines()[-1].decode(), ports.error(8080)]


def logs() -> Any:
    lines = watch.Watch().stream(core().read_namespaced_pod_log, "web", SPACE)
    last = core().read_namespaced_pod_log("web", SPACE, tail_lines=1)
    return [last, next(lines), next(lines)]


async def asyncio_exec() -> Any:
    await aio_config.load_kube_config()
    async with WsApiClient() as api:
        execute = aio_client.CoreV1Api(api).connect_get_namespaced_pod_exec
        whole = await execute("web", SPACE, command=["ls", "/www"], **QUIET)
        opened = await execute("web", SPACE, command=FAIL, _preload_content=False, **QUIET)
        seen: dict[int, bytes] = {}
        async with opened as socket:
            async for message in socket:
                channel = message.data[0]
                seen[channel] = seen.get(channel, b"") + message.data[1:]
    code = WsApiClient.parse_error_data(seen[3].decode())
    return [whole, seen[1].decode(), seen[2].decode(), code]


async def kr8s_pod() -> Any:
    api = await kr8s.asyncio.api(kubeconfig=os.environ["KUBECONFIG"])
    pod = await Pod.get("web", namespace=SPACE, api=api)
    failed = await pod.exec(FAIL, check=False)
    lines = [line async for line in pod.logs()]
    async with pod.portforward(remote_port=8080) as port:
        served = await asyncio.to_thread(fetch, f"http://localhost:{port}/")
    return [failed.returncode, failed.stdout.decode(), failed.stderr.decode(), lines, served]


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        body: bytes = answer.read()
    return body.decode()


def lightkube_logs() -> Any:
    settings = lightkube.KubeConfig.from_file(os.environ["KUBECONFIG"])
    return list(lightkube.Client(config=settings, namespace=SPACE).log("web"))


TRICKS: dict[str, Callable[[], Any]] = {
    one.__name__: one
    for one in (
        exec_whole, exec_fails, exec_input, exec_terminal, port_forward, logs, asyncio_exec,
        kr8s_pod, lightkube_logs,
    )
}  # fmt: skip


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


if __name__ == "__main__":
    found = TRICKS[sys.argv[1]]()
    if asyncio.iscoroutine(found):
        found = asyncio.run(_awaited(found))
    print(json.dumps(found), flush=True)
    os._exit(0)  # some leave threads that never end
