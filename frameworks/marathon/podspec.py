"""What a pod is: frozen models of the API's own shape, and the app that it is to the rest. Pure.

To everything that scales, rolls, matches and deploys, a pod is an app of so many equal instances:
`to_app` gives it one, whose `pod` keeps what only a pod has. Neighbours: `spec` has the app and the
parts that both share, `podlaunch` makes task groups, `podviews` shows instances.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError

from frameworks.marathon import paths, update, validation
from frameworks.marathon.base import JsonObject, Wire
from frameworks.marathon.errors import Invalid
from frameworks.marathon.spec import (
    Amount,
    App,
    Count,
    Fetch,
    Network,
    Patience,
    Port,
    Portion,
    Text,
    UnreachableStrategy,
)

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
]
CONTAINERS_MAX = 32
"""Of one pod: more is a cluster."""
OWN = ("id", "version", "scaling")
"""What the app of a pod keeps by itself."""
TASK_ID_MAX = 255


class Resources(Wire):
    """What a container takes."""

    cpus: Amount = 0.1
    mem: Amount = 32
    disk: Amount = 0
    gpus: Count = 0


class ExecutorResources(Wire):
    """What holds an instance's containers together takes."""

    cpus: Amount = 0.1
    mem: Amount = 32
    disk: Amount = 10


class Command(Wire):
    """Either of them."""

    shell: Text | None = None
    argv: tuple[Text, ...] | None = None


class Exec(Wire):
    """What is run."""

    command: Command
    override_entrypoint: bool | None = None


class Image(Wire):
    """Of a container; without one it has its node's own files."""

    kind: Literal["DOCKER"] = "DOCKER"
    id: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    force_pull: bool = False


class Endpoint(Wire):
    """A port that a container listens on."""

    name: Name
    container_port: Port | None = None
    host_port: Port | None = None
    protocol: tuple[Literal["tcp", "udp"], ...] = ("tcp",)
    labels: Mapping[str, Text] = {}


class HttpCheck(Wire):
    """A GET that is answered."""

    endpoint: Name
    path: Text = "/"
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"


class TcpCheck(Wire):
    """A connection that is taken."""

    endpoint: Name


class ExecCheck(Wire):
    """A command that ends well."""

    command: Command


class PodHealthCheck(Patience):
    """How to tell whether a container is well; one of the three."""

    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    exec: ExecCheck | None = None


class Mount(Wire):
    """Where a container finds one of the pod's volumes."""

    name: Name
    mount_path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    read_only: bool = False


class Lifecycle(Wire):
    """How it ends."""

    kill_grace_period_seconds: Amount | None = None


class PodContainer(Wire):
    """One of the containers of each instance."""

    name: Name
    exec: Exec | None = None
    resources: Resources = Resources()
    endpoints: tuple[Endpoint, ...] = ()
    image: Image | None = None
    environment: Mapping[str, Text | Mapping[str, Text]] = {}
    user: Text | None = None
    labels: Mapping[str, Text] = {}
    health_check: PodHealthCheck | None = None
    volume_mounts: tuple[Mount, ...] = ()
    artifacts: tuple[Fetch, ...] = ()
    lifecycle: Lifecycle | None = None
    tty: bool | None = None


class PodVolume(Wire):
    """A directory that containers share: the node's, or the instance's own."""

    name: Name
    host: Text | None = None
    persistent: JsonObject | None = None
    secret: Text | None = None


class Scaling(Wire):
    """How many instances."""

    kind: Literal["fixed"] = "fixed"
    instances: Count = 1


class Backoff(Wire):
    """Delays after failures."""

    backoff: Amount = 1
    backoff_factor: Annotated[float, Field(ge=1, le=1e6)] = 1.15
    max_launch_delay: Amount = 300


class Upgrade(Wire):
    """Bounds of a roll."""

    minimum_health_capacity: Portion = 1
    maximum_over_capacity: Portion = 1


class Constraint(Wire):
    """Where instances may be."""

    field_name: Text
    operator: Text
    value: Text | None = None


class Placement(Wire):
    """Where, all in all."""

    constraints: tuple[Constraint, ...] = ()
    accepted_resource_roles: tuple[Text, ...] = ()


class Scheduling(Wire):
    """Everything about where and how fast."""

    backoff: Backoff = Backoff()
    upgrade: Upgrade = Upgrade()
    placement: Placement = Placement()
    kill_selection: Literal["YOUNGEST_FIRST", "OLDEST_FIRST"] = "YOUNGEST_FIRST"
    unreachable_strategy: UnreachableStrategy | Literal["disabled"] = UnreachableStrategy()


class Pod(Wire):
    """Containers of one life, network and set of volumes."""

    id: str
    labels: Mapping[str, Text] = {}
    user: Text | None = None
    environment: Mapping[str, Text | Mapping[str, Text]] = {}
    containers: Annotated[tuple[PodContainer, ...], Field(min_length=1, max_length=CONTAINERS_MAX)]
    volumes: tuple[PodVolume, ...] = ()
    networks: tuple[Network, ...] = (Network(mode="host"),)
    scaling: Scaling = Scaling()
    scheduling: Scheduling = Scheduling()
    executor_resources: ExecutorResources = ExecutorResources()
    role: Text | None = None

    @property
    def on_host(self) -> bool:
        return any(network.mode == "host" for network in self.networks)

    @property
    def endpoints(self) -> Iterator[tuple[PodContainer, Endpoint]]:
        """All of them, in the order in which ports are dealt."""
        for container in self.containers:
            for endpoint in container.endpoints:
                yield container, endpoint


def create(body: object, *, path: str = "", base: str = paths.ROOT) -> App:
    """A pod as a request says it; Invalid. Its id is `path`, or the body's as seen from `base`."""
    if not isinstance(body, dict):
        raise Invalid({"/": ["must be an object"]})
    if body.get("secrets"):
        raise Invalid({"/secrets": [update.UNSUPPORTED["secrets"]]})
    name = path or body.get("id")
    if not isinstance(name, str):
        raise Invalid({"/id": ["must be a string"]})
    given = {k: v for k, v in body.items() if v is not None}
    try:
        pod = Pod.read({**given, "id": paths.absolute(name, base)})
    except ValidationError as error:
        raise Invalid(update.problems_of(error)) from error
    app = to_app(pod)
    found = {**validation.problems(app)}
    for where, sentence in _problems(pod):
        found.setdefault(where, []).append(sentence)
    if found:
        raise Invalid(found)
    return app


def of(app: App) -> Pod:
    """The pod that an app stands for."""
    assert app.pod is not None, "it is a pod"
    scaling = {"instances": app.instances}
    return Pod.read({**app.pod, "id": app.id, "scaling": scaling})


def definition(app: App) -> JsonObject:
    """A pod as the API shows it."""
    return {
        "id": app.id, "version": app.version, **(app.pod or {}), "secrets": {},
        "scaling": {"kind": "fixed", "instances": app.instances},
    }  # fmt: skip


def to_app(pod: Pod) -> App:
    """What it is to those who place and count."""
    parts = [one.resources for one in pod.containers]
    own, how = pod.executor_resources, pod.scheduling
    kept = {name: value for name, value in pod.wire().items() if name not in OWN}
    return App.read(
        {
            "id": pod.id,
            "pod": kept,
            "cpus": own.cpus + sum(one.cpus for one in parts),
            "mem": own.mem + sum(one.mem for one in parts),
            "disk": own.disk + sum(one.disk for one in parts),
            "gpus": sum(one.gpus for one in parts),
            "instances": pod.scaling.instances,
            "labels": pod.labels,
            "networks": [one.wire() for one in pod.networks],
            **_ports(pod),
            "requirePorts": True,
            "healthChecks": [{"protocol": "COMMAND"} for c in pod.containers if c.health_check],
            "constraints": [
                [one.field_name, one.operator, *([one.value] if one.value else [])]
                for one in how.placement.constraints
            ],
            "acceptedResourceRoles": how.placement.accepted_resource_roles or None,
            "backoffSeconds": how.backoff.backoff,
            "backoffFactor": how.backoff.backoff_factor,
            "maxLaunchDelaySeconds": how.backoff.max_launch_delay,
            "upgradeStrategy": how.upgrade.wire(),
            "killSelection": how.kill_selection,
            "unreachableStrategy": how.unreachable_strategy
            if how.unreachable_strategy == "disabled"
            else how.unreachable_strategy.wire(),
            "role": pod.role or "*",
        }
    )


def _ports(pod: Pod) -> dict[str, Any]:
    """Ports of the host, as apps have them."""
    if pod.on_host:
        asked = [one.host_port for _, one in pod.endpoints if one.host_port is not None]
        return {"portDefinitions": [{"port": port} for port in asked]}
    mappings = [one.wire() for _, one in pod.endpoints]
    wanted = [{k: m[k] for k in ("containerPort", "hostPort") if k in m} for m in mappings]
    return {"container": {"type": "MESOS", "portMappings": wanted}}


def _problems(pod: Pod) -> Iterator[tuple[str, str]]:
    """The rules that the shape does not say."""
    names = [one.name for one in pod.containers]
    if len(set(names)) < len(names):
        yield "/containers", "names of containers must be unique"
    if len(paths.flat(pod.id)) + max(map(len, names)) + len(".instance-.1") + 40 > TASK_ID_MAX:
        yield "/id", "is too long together with the names of its containers"
    endpoints = [one.name for _, one in pod.endpoints]
    if len(set(endpoints)) < len(endpoints):
        yield "/containers/endpoints", "names of endpoints must be unique"
    volumes = {one.name for one in pod.volumes}
    for i, volume in enumerate(pod.volumes):
        if volume.persistent is not None or volume.secret is not None:
            yield f"/volumes({i})", "persistent volumes and secrets are not supported: use host"
    for i, container in enumerate(pod.containers):
        yield from _of_container(pod, container, f"/containers({i})", volumes)
    for name, value in pod.environment.items():
        if not isinstance(value, str):
            yield f"/environment({name})", "secrets are not supported: give the value as text"


def _of_container(
    pod: Pod, container: PodContainer, where: str, volumes: set[str]
) -> Iterator[tuple[str, str]]:
    if container.exec is None and container.image is None:
        yield where, "must have an image or an exec"
    if container.exec is not None and _unclear(container.exec.command):
        yield f"{where}/exec/command", "must have either shell or argv"
    for endpoint in container.endpoints:
        if pod.on_host and endpoint.host_port is None:
            yield f"{where}/endpoints", "hostPort must be given in the host's network"
        if not pod.on_host and endpoint.container_port is None:
            yield f"{where}/endpoints", "containerPort must be given in a network of its own"
    for mount in container.volume_mounts:
        if mount.name not in volumes:
            yield f"{where}/volumeMounts", f"'{mount.name}' is none of the pod's volumes"
    for name, value in container.environment.items():
        if not isinstance(value, str):
            yield f"{where}/environment({name})", "secrets are not supported"
    check = container.health_check
    if check is None:
        return
    kinds = [one for one in (check.http, check.tcp, check.exec) if one is not None]
    if len(kinds) != 1:
        yield f"{where}/healthCheck", "must be one of http, tcp and exec"
    if check.exec is not None and _unclear(check.exec.command):
        yield f"{where}/healthCheck/exec/command", "must have either shell or argv"
    reached = check.http or check.tcp
    if reached is not None and reached.endpoint not in {e.name for e in container.endpoints}:
        yield f"{where}/healthCheck", f"'{reached.endpoint}' is no endpoint of the container"


def _unclear(command: Command) -> bool:
    return bool(command.shell) == bool(command.argv)
