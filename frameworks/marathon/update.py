"""From what a request says of an app to the whole app. Pure.

Old spellings (`uris`, `ports`, docker's `network` and `portMappings`) become the new ones, what is
left out comes from the app as it was or from the defaults, ids become absolute, and service ports
that were left open are dealt. Neighbours: `spec` is the shape, `validation` the rules, `groups`
the same for trees.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from pydantic import ValidationError

from frameworks.marathon import paths, times, validation
from frameworks.marathon.base import JsonObject
from frameworks.marathon.errors import Invalid
from frameworks.marathon.spec import BRIDGE, CONTAINER, HOST, App, VersionInfo, same_config

SERVICE_PORTS = range(10000, 20000)
"""Where ports come from by which load balancers know apps that do not care."""
DEFAULT_PORT: JsonObject = {"port": 0, "protocol": "tcp", "name": "default"}
"""An app in its host's network that says nothing of ports has one."""
READ_ONLY = frozenset(
    (
        "pod", "version", "versionInfo", "tasks", "tasksStaged", "tasksRunning", "tasksHealthy",
        "tasksUnhealthy", "deployments", "lastTaskFailure", "taskStats", "readinessCheckResults",
    )
)  # fmt: skip
UNSUPPORTED = {
    "secrets": "secrets are not supported: give the values as text",
    "residency": "resident apps are not supported",
    "ipAddress": "ipAddress is not supported: use networks",
}
INSTANCES_MAX = 100_000
_NETWORKS = {"HOST": HOST, "BRIDGE": BRIDGE, "USER": CONTAINER, "NONE": CONTAINER}


def create(body: object, *, path: str = "", base: str = paths.ROOT) -> App:
    """A new app. Its id is `path`, or the one in the body as seen from the group `base`."""
    given = normal(body)
    name = path or given.get("id")
    if not isinstance(name, str):
        raise Invalid({"/id": ["must be a string"]})
    return _whole({**given, "id": paths.absolute(name, base)})


def change(old: App, body: object, *, partial: bool = True) -> App:
    """An app as it becomes; `partial` keeps what the body says nothing of."""
    given = normal(body)
    named = given.get("id")
    if isinstance(named, str) and paths.absolute(named, paths.parent(old.id)) != old.id:
        raise Invalid({"/id": [f"must be {old.id}: apps can't be renamed"]})
    kept = _kept(old, given) if partial else {}
    return _whole({**kept, **given, "id": old.id})


def resized(old: App, instances: int) -> App:
    """The same with another number of instances."""
    if instances > INSTANCES_MAX:
        raise Invalid({"/instances": [f"must not be more than {INSTANCES_MAX}"]})
    info = {"version": times.EPOCH, "version_info": VersionInfo()}
    return old.model_copy(update={"instances": instances, **info})


def _kept(old: App, given: Mapping[str, object]) -> JsonObject:
    kept = {name: value for name, value in old.wire().items() if name not in READ_ONLY}
    if given.get("args") is not None:
        kept.pop("cmd", None)
    if given.get("cmd") is not None:
        kept.pop("args", None)
    modes = {network.get("mode") for network in _objects(given.get("networks"))}
    if modes and HOST not in modes:
        kept.pop("portDefinitions", None)
    return kept


def normal(body: object) -> JsonObject:
    """What a request says, in today's words; null says nothing."""
    if not isinstance(body, dict):
        raise Invalid({"/": ["must be an object"]})
    for name, why in UNSUPPORTED.items():
        if body.get(name):
            raise Invalid({f"/{name}": [why]})
    skipped = READ_ONLY | UNSUPPORTED.keys()
    given = {k: v for k, v in body.items() if v is not None and k not in skipped}
    _fetch(given)
    _ports(given)
    _container(given)
    return given


def _fetch(given: JsonObject) -> None:
    uris = given.pop("uris", None)
    if isinstance(uris, list) and uris and "fetch" not in given:
        given["fetch"] = [{"uri": uri} for uri in uris]


def _ports(given: JsonObject) -> None:
    ports = given.pop("ports", None)
    if isinstance(ports, list) and "portDefinitions" not in given:
        given["portDefinitions"] = [{"port": port} for port in ports]


def _container(given: JsonObject) -> None:
    """Docker's own words for networks and ports have moved out of it."""
    container = given.get("container")
    if not isinstance(container, dict):
        return
    container = given["container"] = {k: v for k, v in container.items() if v is not None}
    docker = container.get("docker")
    if not isinstance(docker, dict):
        return
    docker = container["docker"] = {k: v for k, v in docker.items() if v is not None}
    mappings = docker.pop("portMappings", None)
    if mappings and not container.get("portMappings"):
        container["portMappings"] = mappings
    mode = _NETWORKS.get(str(docker.pop("network", "")))
    if mode is not None and "networks" not in given:
        given["networks"] = [{"mode": mode}]


def _whole(given: JsonObject) -> App:
    _default_ports(given)
    try:
        app = App.read(given)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from error
    app = app.model_copy(
        update={"dependencies": tuple(_dependencies(app)), "role": app.role or "*"}
    )
    if problems := validation.problems(app):
        raise Invalid(problems)
    return app


def _default_ports(given: JsonObject) -> None:
    """Ports that nobody mentioned: one in the host's network, and none that lead there else."""
    modes = {network.get("mode") for network in _objects(given.get("networks"))} or {HOST}
    if HOST in modes:
        given.setdefault("portDefinitions", [DEFAULT_PORT])
        return
    given.pop("portDefinitions", None)
    container = given.get("container")
    if BRIDGE not in modes or not isinstance(container, dict):
        return
    mappings = container.get("portMappings")
    if isinstance(mappings, list):
        filled = [{"hostPort": 0, **_said(m)} if isinstance(m, dict) else m for m in mappings]
        given["container"] = {**container, "portMappings": filled}


def _said(mapping: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in mapping.items() if value is not None}


def _objects(value: object) -> Iterator[JsonObject]:
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def _dependencies(app: App) -> Iterator[str]:
    for one in app.dependencies:
        yield paths.dependency(one, app.id)


def problems_of(error: ValidationError) -> dict[str, list[str]]:
    """What is wrong with a body's shape: sentences by path."""
    found: dict[str, list[str]] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = "".join(f"({part})" if isinstance(part, int) else f"/{part}" for part in one["loc"])
        found.setdefault(path or "/", []).append(one["msg"])
    return found


# --- versions and service ports


def stamped(app: App, old: App | None, now: str) -> App:
    """With its version, and when what of it changed last.

    One that has been stamped before is an older version that comes back: instances that still run
    in its configuration are as good as new ones.
    """
    if app.config != times.EPOCH:
        config = app.config
    else:
        config = now if old is None or not same_config(app, old) else old.config
    scaled = old is None or app.instances != old.instances or config != old.config
    info = VersionInfo(
        lastScalingAt=now if old is None or scaled else old.version_info.last_scaling_at,
        lastConfigChangeAt=config,
    )
    return app.model_copy(update={"version": now, "version_info": info})


def with_service_ports(app: App, old: App | None, taken: AbstractSet[int]) -> App:
    """Open service ports dealt: those that it had, else free ones. Other apps' are `taken`."""
    asked = app.service_ports
    if 0 not in asked:
        return app
    had = [] if old is None else old.service_ports
    kept = [port or (had[i] if i < len(had) else 0) for i, port in enumerate(asked)]
    kept = [port if port not in taken or asked[i] else 0 for i, port in enumerate(kept)]
    free = _free(taken | set(kept))
    dealt = [port or next(free) for port in kept]
    if app.on_host:
        definitions = [
            one.model_copy(update={"port": port})
            for one, port in zip(app.port_definitions, dealt, strict=True)
        ]
        return app.model_copy(update={"port_definitions": tuple(definitions)})
    assert app.container is not None
    mappings = [
        one.model_copy(update={"service_port": port})
        for one, port in zip(app.mappings, dealt, strict=True)
    ]
    container = app.container.model_copy(update={"port_mappings": tuple(mappings)})
    return app.model_copy(update={"container": container})


def _free(taken: Iterable[int]) -> Iterator[int]:
    used = set(taken)
    yield from (port for port in SERVICE_PORTS if port not in used)
    while True:
        yield 0
