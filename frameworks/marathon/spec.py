"""What an app is: frozen models of the API's own shape. Pure.

`App` is complete: `update` has filled in what a request left out, `validation` has passed it.
Unknown fields are dropped. Nothing here decides. Neighbours: `state` keeps apps, `launch` makes
tasks of them.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from frameworks.marathon import times
from frameworks.marathon.base import JsonObject, Wire

HOST, BRIDGE, CONTAINER = "host", "container/bridge", "container"
BY_EXECUTOR = ("COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP")
"""Health checks that are made where the task is; the others are made by us."""

Text = Annotated[str, StringConstraints(max_length=65536)]
Amount = Annotated[float, Field(strict=True, ge=0, le=1e9, allow_inf_nan=False)]
Span = Annotated[float, Field(strict=True, gt=0, le=1e9)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Port = Annotated[int, Field(strict=True, ge=0, le=65535)]
Portion = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Network(Wire):
    """How its instances are reached."""

    mode: Literal["host", "container/bridge", "container"] = "container"
    name: Text | None = None
    labels: Mapping[str, Text] | None = None


class PortDefinition(Wire):
    """A port of the host."""

    port: Port = 0
    protocol: Literal["tcp", "udp", "udp,tcp"] = "tcp"
    name: Text | None = None
    labels: Mapping[str, Text] = {}


class PortMapping(Wire):
    """A port of the container, and perhaps one of the host that leads there."""

    container_port: Port = 0
    host_port: Port | None = None
    service_port: Port = 0
    protocol: Literal["tcp", "udp", "udp,tcp"] = "tcp"
    name: Text | None = None
    labels: Mapping[str, Text] = {}


class Parameter(Wire):
    """An option for docker."""

    key: Text
    value: Text


class Docker(Wire):
    """The image."""

    image: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    privileged: bool = False
    parameters: tuple[Parameter, ...] = ()
    force_pull_image: bool = False


class Volume(Wire):
    """A directory in the container."""

    container_path: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    host_path: Text | None = None
    mode: Literal["RO", "RW"] = "RW"
    persistent: JsonObject | None = None
    external: JsonObject | None = None


class Container(Wire):
    """What surrounds the command."""

    type: Literal["MESOS", "DOCKER"] = "DOCKER"
    docker: Docker | None = None
    volumes: tuple[Volume, ...] = ()
    port_mappings: tuple[PortMapping, ...] | None = None


class Fetch(Wire):
    """A file that is brought into the sandbox first."""

    uri: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    executable: bool = False
    extract: bool = True
    cache: bool = False
    dest_path: Text | None = None


class Command(Wire):
    """A command that says by its exit code whether all is well."""

    value: Text


class Patience(Wire):
    """How often something is looked at, and when it is given up; seconds."""

    grace_period_seconds: Amount = 300
    interval_seconds: Span = 60
    timeout_seconds: Span = 20
    max_consecutive_failures: Count = 3
    delay_seconds: Amount = 15


class HealthCheck(Patience):
    """How to tell whether an instance is well."""

    protocol: Literal[
        "HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"
    ] = "HTTP"
    path: Text | None = None
    port_index: Annotated[int, Field(ge=0)] | None = None
    port: Port | None = None
    command: Command | None = None
    ignore_http1xx: bool | None = Field(default=None, alias="ignoreHttp1xx")


class ReadinessCheck(Wire):
    """How a deployment tells whether a running instance can take work."""

    name: Text = "readinessCheck"
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    path: Text = "/"
    port_name: Text = "http-api"
    interval_seconds: Span = 30
    timeout_seconds: Span = 10
    http_status_codes_for_ready: tuple[int, ...] = (200,)
    preserve_last_response: bool = False


class UpgradeStrategy(Wire):
    """How many may be missing and how many too many while versions change."""

    minimum_health_capacity: Portion = 1
    maximum_over_capacity: Portion = 1


class UnreachableStrategy(Wire):
    """How long an instance may be out of sight until it is replaced, and until it is forgotten."""

    inactive_after_seconds: Amount = 0
    expunge_after_seconds: Amount = 0


class VersionInfo(Wire):
    """When the number of instances, and when anything else, last changed."""

    last_scaling_at: str = times.EPOCH
    last_config_change_at: str = times.EPOCH


class App(Wire):
    """A long-running app of some equal instances."""

    id: str
    cmd: Text | None = None
    args: tuple[Text, ...] | None = None
    container: Container | None = None
    cpus: Amount = 1
    mem: Amount = 128
    disk: Amount = 0
    gpus: Count = 0
    instances: Count = 1
    env: Mapping[str, Text | Mapping[str, Text]] = {}
    labels: Mapping[str, Text] = {}
    constraints: tuple[tuple[Text, ...], ...] = ()
    networks: tuple[Network, ...] = (Network(mode="host"),)
    port_definitions: tuple[PortDefinition, ...] = ()
    require_ports: bool = False
    fetch: tuple[Fetch, ...] = ()
    user: Text | None = None
    dependencies: tuple[Text, ...] = ()
    backoff_seconds: Amount = 1
    backoff_factor: Annotated[float, Field(ge=1, le=1e6)] = 1.15
    max_launch_delay_seconds: Amount = 300
    health_checks: tuple[HealthCheck, ...] = ()
    readiness_checks: tuple[ReadinessCheck, ...] = ()
    upgrade_strategy: UpgradeStrategy = UpgradeStrategy()
    unreachable_strategy: UnreachableStrategy | Literal["disabled"] = UnreachableStrategy()
    kill_selection: Literal["YOUNGEST_FIRST", "OLDEST_FIRST"] = "YOUNGEST_FIRST"
    task_kill_grace_period_seconds: Amount | None = None
    accepted_resource_roles: tuple[Text, ...] | None = None
    role: Text | None = None
    pod: JsonObject | None = None
    """The definition of the pod that this stands for, but for what apps have too."""
    version: str = times.EPOCH
    version_info: VersionInfo = VersionInfo()

    @property
    def config(self) -> str:
        """Names the configuration: instances that have it need no replacement."""
        return self.version_info.last_config_change_at

    @property
    def on_host(self) -> bool:
        """Whether its instances live in the network of their nodes."""
        return any(network.mode == HOST for network in self.networks)

    @property
    def mappings(self) -> tuple[PortMapping, ...]:
        """The container's ports; none in the host's network."""
        if self.on_host or self.container is None:
            return ()
        return self.container.port_mappings or ()

    @property
    def service_ports(self) -> list[int]:
        """The ports by which load balancers know it; pods have endpoints instead."""
        if self.pod is not None:
            return []
        if self.on_host:
            return [one.port for one in self.port_definitions]
        return [one.service_port for one in self.mappings]

    @property
    def checked(self) -> bool:
        return bool(self.health_checks)


SCALING = frozenset(("instances", "version", "versionInfo"))
"""What two versions may differ in without a restart."""


def same_config(left: App, right: App) -> bool:
    """Whether instances of one can stand for the other."""
    a, b = left.wire(), right.wire()
    return all(a.get(name) == b.get(name) for name in (a.keys() | b.keys()) - SCALING)
