"""Apps, instances and offers as the tests want them."""

from typing import Any

from frameworks.marathon import update
from frameworks.marathon.health import Result
from frameworks.marathon.instance import Instance
from frameworks.marathon.spec import App
from offers.sdk import Offer

OLD, NEW = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


def app(app_id: str = "/web", *, config: str = NEW, **body: Any) -> App:
    made = update.create({"id": app_id, "cmd": "sleep 1", **body})
    info = made.version_info.model_copy(update={"last_config_change_at": config})
    return made.model_copy(update={"version_info": info, "version": config})


def instance(task_id: str = "web.instance-1._app.1", **parts: Any) -> Instance:
    given: dict[str, Any] = {
        "task_id": task_id,
        "app_id": "/web",
        "version": NEW,
        "config": NEW,
        "agent_id": "n1",
        "host": "n1",
        "fields": {"hostname": "n1"},
        "ports": (),
        "role": "marathon",
        "staged_at": 0.0,
        "state": "TASK_RUNNING",
        **parts,
    }
    return Instance(**given)


WELL, ILL = Result(alive=True), Result(alive=False, failures=1)


def offer(host: str = "n1", *, cpus: float = 4, mem: float = 1024, **parts: Any) -> Offer:
    ports = parts.pop("ports", ((20000, 20009),))
    raw = {
        "attributes": [
            {"name": key, "type": "TEXT", "text": {"value": value}}
            for key, value in parts.pop("attributes", {}).items()
        ],
        **parts,
    }
    return Offer(f"o-{host}", host, host, "marathon", cpus, mem, 0.0, ports, {}, raw)
