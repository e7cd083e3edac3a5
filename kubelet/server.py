"""The agent's own HTTPS server: logs, exec, attach, port-forward, pods, health, metrics, stats.

The protocol is written down in `apiserver.streaming` (its only client); people come through the API
server, which has checked who they are. Only a client certificate of the cluster's CA whose group is
`system:masters`, or that is the API server's own, is let in. Neighbours: `kubelet.streams` moves the
bytes of exec and port-forward, `kubelet.logs` reads logs.
"""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from apimachinery import meta
from apimachinery.wire import JsonObject
from kubelet import configz, logs, stats, streams
from kubelet import desired as reading
from kubelet.kit import Kit
from kubelet.observed import Attempt, Run
from kubelet.options import VERSION, Serving
from kubelet.pods import Pods
from kubelet.runtime.errors import NotFoundError, RuntimeDriverError
from kubelet.status import ENTRIES
from kubelet.usage import Meter
from kubelet.volumes import local
from kubelet.volumes.errors import VolumeError
from kubelet.worker import PodWorker

LOG = logging.getLogger(__name__)

ALLOWED_GROUP = "system:masters"
ALLOWED_NAME = "kube-apiserver-kubelet-client"
ERROR_HEADER = "X-Kubelet-Error"
SHUTDOWN_SECONDS = 2.0
"""Followed logs and terminals are cut when the agent stops; containers do not notice."""

RELOAD_SECONDS = 3600.0
"""Certificates are renewed in place, weeks before their end: new connections get the new one."""

TEXT_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class RefusalError(Exception):
    """An answer with a code and one sentence."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class AgentServer:
    """One listener; `run` serves until cancelled."""

    def __init__(self, kit: Kit, pods: Pods, serving: Serving) -> None:
        self._kit = kit
        self._pods = pods
        self._serving = serving
        self._meter = Meter()
        self._since = kit.clock.now()
        self.port = serving.port

    async def run(self) -> None:
        """Serve until cancelled. OSError when the port is taken."""
        context = self._context()
        runner = web.AppRunner(
            self.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            site = web.TCPSite(
                runner, self._serving.address, self._serving.port, ssl_context=context
            )
            await site.start()
            self.port = runner.addresses[0][1]
            while True:
                await asyncio.sleep(RELOAD_SECONDS)
                context.load_cert_chain(self._serving.certificate, self._serving.key)
        finally:
            await runner.cleanup()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        for name in ("", "/ping", "/syncloop"):
            app.router.add_get(f"/healthz{name}", self._healthz)
        app.router.add_get("/configz", self._configz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/metrics/resource", self._resource_metrics)
        app.router.add_get("/pods", self._list_pods)
        app.router.add_get("/stats/summary", self._summary)
        app.router.add_delete("/localVolumes/{name}", self._remove_volume)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/exec/{namespace}/{pod}/{container}", self._exec)
        app.router.add_get("/attach/{namespace}/{pod}/{container}", self._attach)
        app.router.add_get("/portForward/{namespace}/{pod}", self._port_forward)
        return app

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=str(self._serving.client_ca)
        )
        context.load_cert_chain(self._serving.certificate, self._serving.key)
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Who may come in, and errors as one sentence."""
        try:
            if not allowed(request.transport):
                raise RefusalError(403, "only the API server may speak to this kubelet")
            answer: web.StreamResponse = await handler(request)
        except RefusalError as refusal:
            return _error(refusal.code, refusal.message)
        except NotFoundError as error:
            return _error(404, str(error))
        except RuntimeDriverError as error:
            return _error(500, str(error))
        return answer

    # --- plain answers

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _configz(self, _request: web.Request) -> web.Response:
        body = configz.configuration(self._kit.options)
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    async def _metrics(self, _request: web.Request) -> web.Response:
        workers = self._pods.workers()
        text = stats.prometheus(
            running_pods=sum(1 for worker in workers if worker.active),
            running_containers=self._pods.running_containers(),
            version=VERSION,
            node=self._kit.options.node_name,
        )
        return web.Response(body=text.encode(), headers={"Content-Type": TEXT_METRICS})

    async def _list_pods(self, _request: web.Request) -> web.Response:
        items = [{**worker.pod, "status": worker.status()} for worker in self._pods.workers()]
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    async def _summary(self, _request: web.Request) -> web.Response:
        body = stats.summary(self._kit, await self._measured(), self._since)
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    async def _resource_metrics(self, _request: web.Request) -> web.Response:
        text = stats.resource_metrics(await self._measured(), self._kit.clock.now())
        return web.Response(body=text.encode(), headers={"Content-Type": TEXT_METRICS})

    async def _measured(self) -> list[stats.Used]:
        """Every running container, read now."""
        listed = await self._kit.driver.list_container_stats()
        workers = self._pods.workers()
        started = {a.id: a.started_at for worker in workers for a in worker.ledger.running()}
        return stats.used(workers, listed, self._meter.rates(listed, started))

    async def _remove_volume(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        try:
            await asyncio.to_thread(local.remove, self._kit.options.local_volumes_dir, name)
        except VolumeError as error:
            raise RefusalError(400, str(error)) from error
        except OSError as error:
            raise RefusalError(500, f"volume {name} cannot be removed: {error}") from error
        return web.Response(text="removed")

    # --- logs

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        worker, name = self._target(request)
        query = request.query
        attempt = log_attempt(worker, name, previous=_is_true(query.get("previous")))
        path = worker.ledger.log_path(attempt.id)
        options = log_options(query, self._kit.clock.now())
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        if not path:
            await response.prepare(request)
            return response
        ended = worker.end_of(attempt.id)
        try:
            chunks = logs.read(Path(path), options, self._kit.hub, ended)
            await response.prepare(request)
            async for chunk in chunks:
                await response.write(chunk)
            await response.write_eof()
        except FileNotFoundError:
            return await _finish(response, request)
        except (ConnectionError, asyncio.CancelledError):
            # The reader has gone.
            return response
        return response

    # --- streams

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        worker, name = self._target(request)
        container_id = running_id(worker, name)
        command = request.query.getall("command", [])
        if not command:
            raise RefusalError(400, "you must specify at least 1 command to run")
        wants = streams.Wants.of(request.query)
        stream = await self._kit.driver.exec(
            container_id, command, tty=wants.tty, stdin=wants.stdin
        )
        return await streams.serve_process(request, stream, wants, report_exit=True)

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        worker, name = self._target(request)
        container_id = running_id(worker, name)
        wants = streams.Wants.of(request.query)
        stream = await self._kit.driver.attach(container_id, stdin=wants.stdin)
        return await streams.serve_process(request, stream, wants, report_exit=False)

    async def _port_forward(self, request: web.Request) -> web.StreamResponse:
        worker = self._worker(request)
        text = request.query.get("port", "")
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise RefusalError(400, f"port {text!r} must be a number from 1 to 65535")
        sandbox = worker.ledger.sandbox
        if sandbox is None or not sandbox.ready:
            raise RefusalError(400, f'pod "{reading.name(worker.pod)}" is not running')
        try:
            sock = await self._kit.driver.open_port(sandbox.id, int(text))
        except (OSError, RuntimeDriverError) as error:
            message = f"connect to port {text} in pod {reading.full_name(worker.pod)}: {error}"
            raise RefusalError(502, message) from error
        return await streams.serve_socket(request, sock)

    # --- who is meant

    def _worker(self, request: web.Request) -> PodWorker:
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        worker = self._pods.find(namespace, name)
        if worker is None:
            raise RefusalError(404, f"pod {name}_{namespace} is not on this node")
        return worker

    def _target(self, request: web.Request) -> tuple[PodWorker, str]:
        worker = self._worker(request)
        name = request.match_info["container"]
        if all(spec["name"] != name for spec, _ in reading.containers(worker.pod)):
            pod = f"{reading.name(worker.pod)}_{reading.namespace(worker.pod)}"
            raise RefusalError(404, f"container {name} not found in pod {pod}")
        return worker, name


def allowed(transport: asyncio.BaseTransport | None) -> bool:
    """Whether the client's certificate (checked by TLS against the CA) may use this server."""
    if transport is None:
        return False
    certificate = transport.get_extra_info("peercert") or {}
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    return ("organizationName", ALLOWED_GROUP) in subject or ("commonName", ALLOWED_NAME) in subject


def log_attempt(worker: PodWorker, name: str, *, previous: bool) -> Attempt:
    """Which run of the container a log is asked of; RefusalError in Kubernetes' words."""
    pod = reading.name(worker.pod)
    entry = _entry(worker, name)
    if previous:
        ended = (entry.get("lastState") or {}).get("terminated") or {}
        found = worker.ledger.find(str(ended.get("containerID") or "").rpartition("//")[2])
        if found is None or not worker.ledger.log_path(found.id):
            text = f'previous terminated container "{name}" in pod "{pod}" not found'
            raise RefusalError(400, text)
        return found
    started = [a for a in worker.ledger.attempts.get(name, ()) if a.run is not Run.CREATED]
    if started:
        return started[-1]
    text = f'container "{name}" in pod "{pod}" is waiting to start: {_waiting_reason(entry)}'
    raise RefusalError(400, text)


def _entry(worker: PodWorker, name: str) -> JsonObject:
    """The container's entry in the pod's status."""
    status = worker.status()
    entries = [entry for key in ENTRIES for entry in status.get(key) or ()]
    return next((entry for entry in entries if entry["name"] == name), {})


def _waiting_reason(entry: JsonObject) -> str:
    waiting = (entry.get("state") or {}).get("waiting") or {}
    reason = str(waiting.get("reason") or "ContainerCreating")
    if "ImagePull" in reason:
        return "trying and failing to pull image"
    return str(waiting.get("message") or reason) if "Config" in reason else reason


def running_id(worker: PodWorker, name: str) -> str:
    latest = worker.ledger.latest(name)
    if latest is None or latest.run is not Run.RUNNING:
        pod = f"{reading.name(worker.pod)}_{reading.namespace(worker.pod)}"
        raise RefusalError(400, f"container {name} in pod {pod} is not running")
    return latest.id


def log_options(query: Any, now: float) -> logs.Options:
    """From query parameters; the API server has checked them, but not everybody is it."""
    since: float | None = None
    try:
        if query.get("sinceSeconds"):
            since = now - int(query["sinceSeconds"])
        elif query.get("sinceTime"):
            since = meta.parse_time(query["sinceTime"])
        tail = int(query["tailLines"]) if query.get("tailLines") else None
        limit = int(query["limitBytes"]) if query.get("limitBytes") else None
    except ValueError as error:
        raise RefusalError(400, f"bad log option: {error}") from error
    stream = str(query.get("stream") or "All").lower()
    return logs.Options(
        tail=tail,
        since=since,
        timestamps=_is_true(query.get("timestamps")),
        limit_bytes=limit,
        follow=_is_true(query.get("follow")),
        stream="" if stream == "all" else stream,
    )


def _is_true(text: str | None) -> bool:
    return text in ("true", "1", "")


async def _finish(response: web.StreamResponse, request: web.Request) -> web.StreamResponse:
    """A container that has written nothing yet, or whose log is gone: an empty log."""
    if not response.prepared:
        await response.prepare(request)
    await response.write_eof()
    return response


def _error(code: int, message: str) -> web.Response:
    one_line = " ".join(message.split())
    # Headers are latin-1 on the wire; what does not fit is replaced.
    header = one_line.encode("latin-1", "replace").decode("latin-1")
    return web.Response(status=code, text=message, headers={ERROR_HEADER: header})
