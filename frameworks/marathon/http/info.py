"""Who this is and how it is: `/ping`, `/v2/info`, `/v2/leader`, `/metrics`, health.

There is one process and it is the leader; giving the leadership up means to connect anew.
"""

from urllib.parse import urlsplit

from aiohttp import web

from frameworks.marathon import engine as engines
from frameworks.marathon import matching, planner
from frameworks.marathon.base import JsonObject
from frameworks.marathon.http import context
from frameworks.marathon.instance import STAGED
from frameworks.marathon.session import FRAMEWORK_ID, RECONCILE_S
from frameworks.marathon.update import SERVICE_PORTS

routes = web.RouteTableDef()

VERSION = "1.11.0"
"""Marathon's, whose API this is: tools look at it for what they may ask."""
GAUGE = "marathon."


@routes.get("/ping")
async def ping(_: web.Request) -> web.Response:
    return web.Response(text="pong")


@routes.get("/livez")
@routes.get("/readyz")
async def health(request: web.Request) -> web.Response:
    """Alive is who answers; ready who is connected to the master."""
    ready = request.path == "/livez" or context.of(request).session.connected
    return web.Response(text="ok" if ready else "not subscribed", status=200 if ready else 503)


@routes.get("/v2/leader")
async def leader(request: web.Request) -> web.Response:
    return context.answer({"leader": context.of(request).options.leader})


@routes.delete("/v2/leader")
async def abdicate(request: web.Request) -> web.Response:
    context.of(request).session.abdicate()
    return context.answer({"message": "Leadership abdicated"})


@routes.get("/v2/info")
@routes.get("/v2/info/")
async def info(request: web.Request) -> web.Response:
    here = context.of(request)
    options = here.options
    found = {
        "name": options.name,
        "version": VERSION,
        "buildref": "bireme",
        "elected": True,
        "leader": options.leader,
        "frameworkId": here.engine.state.facts.get(FRAMEWORK_ID),
        "marathon_config": _config(here),
        "zookeeper_config": {},
        "http_config": {"http_port": int(options.leader.rpartition(":")[2]), "https_port": None},
    }
    return context.answer(found)


def _config(here: context.Context) -> JsonObject:
    options = here.options
    return {
        "master": urlsplit(options.master).netloc,
        "hostname": options.leader.rpartition(":")[0],
        "webui_url": f"http://{options.leader}",
        "mesos_role": options.role,
        "mesos_user": options.user,
        "failover_timeout": int(options.failover_timeout),
        "checkpoint": True,
        "ha": False,
        "features": [],
        "local_port_min": SERVICE_PORTS.start,
        "local_port_max": SERVICE_PORTS.stop,
        "decline_offer_duration": int(engines.DECLINE_S * 1000),
        "min_revive_offers_interval": int(engines.REVIVE_INTERVAL_S * 1000),
        "max_instances_per_offer": matching.PER_OFFER,
        "task_launch_timeout": int(planner.LAUNCH_TIMEOUT_S * 1000),
        "reconciliation_interval": int(RECONCILE_S * 1000),
    }


def _gauges(here: context.Context) -> dict[str, float]:
    state, waiting = here.engine.state, here.engine.queue.waiting.values()
    instances = state.instances.values()
    return {
        f"{GAUGE}apps.active.gauge": len(state.apps),
        f"{GAUGE}groups.active.gauge": len(state.groups),
        f"{GAUGE}deployments.active.gauge": len(state.deployments),
        f"{GAUGE}instances.staged.gauge": sum(one.state in STAGED for one in instances),
        f"{GAUGE}instances.running.gauge": sum(one.running for one in instances),
        f"{GAUGE}instances.queued.gauge": sum(entry.count for entry in waiting),
    }


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    found: JsonObject = {"version": "4.0.0"}
    found["gauges"] = {k: {"value": v} for k, v in _gauges(context.of(request)).items()}
    for kind in ("counters", "histograms", "meters", "timers"):
        found[kind] = {}
    return context.answer(found)


@routes.get("/metrics/prometheus")
async def prometheus(request: web.Request) -> web.Response:
    lines = []
    for dotted, value in _gauges(context.of(request)).items():
        name = dotted.replace(".", "_")
        lines.append(f"# TYPE {name} gauge\n{name} {value}\n")
    return web.Response(text="".join(lines))
