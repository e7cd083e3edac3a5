"""Health and readiness checks that are made from here.

One task for each check of each running instance, started and ended as instances come and go. What
they find goes through the pure `health` into the state. Neighbours: `engine` kills what is beyond
hope; COMMAND and MESOS_* checks are made where the task is.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import aiohttp

from frameworks.marathon import health, launch, updates
from frameworks.marathon.engine import Engine
from frameworks.marathon.instance import Instance
from frameworks.marathon.spec import BY_EXECUTOR, App, HealthCheck, ReadinessCheck

BODY_MAX = 16384
"""Bytes read of an answer: the rest says nothing more."""
Key = tuple[str, str]
"""Task id, and which check."""
Work = Coroutine[Any, Any, None]


class Checks:
    """All checks of one engine."""

    def __init__(self, engine: Engine, http: aiohttp.ClientSession) -> None:
        self._engine, self._http = engine, http
        self._running: dict[Key, asyncio.Task[None]] = {}
        self.answers: dict[str, dict[str, object]] = {}
        """The last answer to each readiness check, by task."""

    async def run(self) -> None:
        """Keep the checks those that are wanted, after each turn of the engine."""
        try:
            while True:
                self._sync()
                await self._engine.turned()
        finally:
            for one in self._running.values():
                one.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _sync(self) -> None:
        wanted = dict(self._wanted())
        for key in self._running.keys() - wanted.keys():
            self._running.pop(key).cancel()
            self.answers.pop(key[0], None)
        for key in wanted.keys() - self._running.keys():
            self._running[key] = asyncio.create_task(wanted[key](), name=f"check {key}")

    def _wanted(self) -> Iterator[tuple[Key, Callable[[], Work]]]:
        for one in self._engine.state.instances.values():
            app = self._engine.state.apps.get(one.app_id)
            # Checks are those of the configuration that runs; of an older one nothing is known.
            if app is None or not one.running or one.leaving or one.config != app.config:
                continue
            for i, check in enumerate(app.health_checks):
                if check.protocol not in BY_EXECUTOR:
                    yield (one.task_id, f"health {i}"), self._health(one, app, i, check)
            for ready in app.readiness_checks if not one.ready else ():
                yield (one.task_id, "readiness"), self._readiness(one, app, ready)

    def _health(
        self, one: Instance, app: App, index: int, check: HealthCheck
    ) -> Callable[[], Work]:
        async def loop() -> None:
            port, of_host = launch.outer_port(check, app, one.ports)
            while True:
                cause = await self._probe(check, where(one, of_host=of_host), port)
                self._found(one.task_id, app, index, cause)
                await asyncio.sleep(check.interval_seconds)

        return loop

    def _found(self, task_id: str, app: App, index: int, cause: str) -> None:
        """Take a finding in: an empty cause is a success."""
        engine = self._engine
        one = engine.state.instances.get(task_id)
        if one is None:
            return
        check, now = app.health_checks[index], engine.now()
        results = health.padded(one.health, app)
        since = one.started_at or one.staged_at
        old = results[index]
        results[index] = (
            health.failed(old, check, since, now, cause) if cause else health.passed(old, now)
        )
        new = replace(one, health=tuple(results))
        engine.state.instances[task_id] = new
        if cause:
            self._tell_failure(app, check, new)
        if results[index].alive is not old.alive:
            self._tell_change(app, check, new, alive=results[index].alive)
            updates.told_health(engine, app, new)
            engine.poke()
        if health.hopeless(results[index], check) and not new.leaving:
            self._give_up(new, cause)

    def _give_up(self, one: Instance, cause: str) -> None:
        self._engine.bus.publish(
            "unhealthy_instance_kill_event",
            appId=one.app_id,
            taskId=one.task_id,
            instanceId=one.id,
            version=one.version,
            reason=cause,
            host=one.host,
            slaveId=one.agent_id,
        )
        self._engine.kill([one])

    def _tell_failure(self, app: App, check: HealthCheck, one: Instance) -> None:
        self._engine.bus.publish(
            "failed_health_check_event",
            appId=app.id,
            taskId=one.task_id,
            instanceId=one.id,
            healthCheck=check.wire(),
        )

    def _tell_change(
        self, app: App, check: HealthCheck, one: Instance, *, alive: bool | None
    ) -> None:
        self._engine.bus.publish(
            "health_status_changed_event",
            appId=app.id,
            taskId=one.task_id,
            instanceId=one.id,
            version=one.version,
            alive=alive,
            healthCheck=check.wire(),
        )

    async def _probe(self, check: HealthCheck, host: str, port: int) -> str:
        """What is wrong; empty if nothing."""
        try:
            async with asyncio.timeout(check.timeout_seconds):
                if check.protocol == "TCP":
                    _, writer = await asyncio.open_connection(host, port)
                    writer.close()
                    await writer.wait_closed()
                    return ""
                url = f"{check.protocol.lower()}://{bracketed(host)}:{port}{check.path or '/'}"
                async with self._http.get(url, allow_redirects=False) as answer:
                    return "" if 200 <= answer.status < 400 else f"status {answer.status}"
        except TimeoutError:
            return f"no answer within {check.timeout_seconds:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return str(error) or type(error).__name__

    def _readiness(self, one: Instance, app: App, check: ReadinessCheck) -> Callable[[], Work]:
        async def loop() -> None:
            port, of_host = ready_port(app, check, one)
            host = bracketed(where(one, of_host=of_host))
            url = f"{check.protocol.lower()}://{host}:{port}{check.path}"
            while True:
                if await self._ready(one.task_id, check, url):
                    updates.passed_readiness(self._engine, one.task_id)
                    return
                await asyncio.sleep(check.interval_seconds)

        return loop

    async def _ready(self, task_id: str, check: ReadinessCheck, url: str) -> bool:
        try:
            async with (
                asyncio.timeout(check.timeout_seconds),
                self._http.get(url, allow_redirects=False) as answer,
            ):
                body = (await answer.content.read(BODY_MAX)).decode(errors="replace")
                ready = answer.status in check.http_status_codes_for_ready
                kept: dict[str, object] = {"name": check.name, "taskId": task_id, "ready": ready}
                if check.preserve_last_response:
                    kept["lastResponse"] = {
                        "status": answer.status,
                        "contentType": answer.content_type,
                        "body": body,
                    }
                self.answers[task_id] = kept
                return ready
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            self.answers[task_id] = {"name": check.name, "taskId": task_id, "ready": False}
            return False


def where(one: Instance, *, of_host: bool) -> str:
    """The address by which a port of an instance is reached."""
    return one.host if of_host or not one.addresses else one.addresses[0]


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def ready_port(app: App, check: ReadinessCheck, one: Instance) -> tuple[int, bool]:
    """The port that a readiness check names, and whether it is the host's."""
    named = app.port_definitions if app.on_host else app.mappings
    index = [port.name for port in named].index(check.port_name)
    return launch.outer_port(HealthCheck(portIndex=index), app, one.ports)
