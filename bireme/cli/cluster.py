"""What `up` decides: a cluster's options and the processes that make it up. Pure.

Neighbours: `bireme.cli.up` carries it out, `bireme.cli.supervisor` keeps the processes running,
`bireme.cli.down` and the next `up` read the options back.
"""

import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from apimachinery.quantity import Quantity, QuantityError
from apiserver.stores import Private
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir
from kubelet import slack
from kubelet.network.topology import Topology

API_PORT = 6443
OFFERS_PORT = 5050
RUNTIMES = ("oci", "fake")
STORES = ("sqlite", "etcd", "memory")
STORE_SCHEMES = ("http://", "https://", "unix:")
NODES_MAX = 200
"""On one machine: each takes a /24 of the cluster's /16, and their addresses lie below the first."""


HANDED_ON = (
    "admission_control_config_file", "authentication_config", "offers_bind", "offers_credentials",
    "offer_rivals", "region",
)  # fmt: skip
"""Options that are `bireme server`'s own business: it checks them, and says what is wrong."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said; None and "" where nothing was said."""

    nodes: int | None = None
    store: str | None = None
    runtime: str | None = None
    port: int | None = None
    offers_port: int | None = None
    node_cpus: str = ""
    node_memory: str = ""
    oversubscribe: str = ""
    node_monitor_grace_period: float | None = None
    admission_control_config_file: str = ""
    authentication_config: str = ""
    offers_bind: str = ""
    offers_credentials: str = ""
    offer_rivals: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What a cluster is: kept in `cluster.json`, so that `up` brings the same one back."""

    nodes: int = 0
    store: str = "sqlite"
    runtime: str = "oci"
    port: int = API_PORT
    offers_port: int = OFFERS_PORT
    slot: int = 0
    """Which of the machine's address ranges it lives in (kubelet.network.topology)."""
    node_cpus: str = ""
    node_memory: str = ""
    oversubscribe: str = ""
    node_monitor_grace_period: float = 40.0
    """Seconds of silence after which a node is NotReady (Kubernetes' default)."""
    admission_control_config_file: str = ""
    authentication_config: str = ""
    offers_bind: str = ""
    offers_credentials: str = ""
    offer_rivals: str = ""
    region: str = ""

    @property
    def topology(self) -> Topology:
        return Topology(self.slot, self.nodes)

    @property
    def networked(self) -> bool:
        """Whether nodes stand in network namespaces; the fake runtime needs none."""
        return self.nodes > 0 and self.runtime != "fake"


def merge(asked: Asked, kept: ClusterOptions | None) -> ClusterOptions:
    """The options to start with: what was asked, else what was kept, else the defaults."""
    base = kept or ClusterOptions()
    said = {name: value for name, value in asdict(asked).items() if value not in (None, "")}
    options = replace(base, **said)
    if options.runtime not in RUNTIMES:
        raise CommandError(
            f"--runtime {options.runtime} is unknown: use one of {', '.join(RUNTIMES)}"
        )
    if options.store not in STORES and not options.store.startswith(STORE_SCHEMES):
        raise CommandError(
            f"--store {options.store} is unknown: use one of {', '.join(STORES)}, or etcd's URL"
        )
    if options.nodes < 0 or not all(0 < p < 65536 for p in (options.port, options.offers_port)):
        raise CommandError("--nodes can't be negative, and ports are between 1 and 65535")
    if options.networked and options.nodes > NODES_MAX:
        raise CommandError(
            f"--nodes {options.nodes}: one machine holds {NODES_MAX}; with --runtime fake more"
        )
    if not options.node_monitor_grace_period > 0:
        raise CommandError(
            f"--node-monitor-grace-period {options.node_monitor_grace_period:g}: give seconds"
        )
    for option, amount in (
        ("--node-cpus", options.node_cpus), ("--node-memory", options.node_memory)
    ):  # fmt: skip
        _check_amount(option, amount)
    lending(options.oversubscribe)
    if kept is not None and options.store != kept.store:
        raise CommandError(
            f"this data directory was made with --store {kept.store}, not {options.store}:"
            " choose another --data-dir, or `bireme down --purge` first"
        )
    return options


def lending(text: str) -> slack.Rule | None:
    """What `--oversubscribe` says; empty: nothing is lent."""
    try:
        return slack.rule_of(text) if text else None
    except ValueError as error:
        raise CommandError(f"--oversubscribe {text}: {error}") from error


def _check_amount(option: str, amount: str) -> None:
    if not amount:
        return
    try:
        positive = Quantity.parse(amount) > Quantity.parse(0)
    except QuantityError:
        positive = False
    if not positive:
        raise CommandError(f"{option} {amount} is no amount: write for example 2 or 4Gi")


def load(path: Path) -> ClusterOptions | None:
    """The options kept in a data directory; None where no cluster was yet."""
    try:
        return ClusterOptions(**json.loads(path.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None  # where the directory can't be, making it tells why
    except OSError as error:
        raise CommandError(
            f"--data-dir {path.parent} can't be read ({error.strerror}): choose another"
        ) from error
    except (ValueError, TypeError) as error:
        raise CommandError(f"{path} can't be read ({error}): mend or remove it") from error


def save(options: ClusterOptions, path: Path) -> None:
    """Keep the options, whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(options), indent=1) + "\n")
    temporary.replace(path)


def _entry(dirs: DataDir, name: str, argv: list[str]) -> dict[str, Any]:
    return {"name": name, "argv": argv, "log": str(dirs.logs / f"{name}.log")}


def _bireme(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "bireme", *arguments]


def server_entry(options: ClusterOptions, dirs: DataDir, store: str) -> dict[str, Any]:
    """The control plane, on loopback and, with nodes, on the host's address among them."""
    argv = _bireme(
        "server", "--data-dir", str(dirs.root), "--port", str(options.port), "--store", store,
        "--node-monitor-grace-period", str(options.node_monitor_grace_period),
        "--offers-port", str(options.offers_port), "--bind", "127.0.0.1",
    )  # fmt: skip
    if options.networked:
        plan = options.topology
        argv += [
            "--bind", plan.host_address, "--service-cidr", plan.service_cidr,
            "--cluster-cidr", str(plan.network), "--slot", str(options.slot),
        ]  # fmt: skip
    for name in HANDED_ON:
        if said := getattr(options, name):
            argv += [f"--{name.replace('_', '-')}", said]
    return _entry(dirs, "server", argv)


def hollow_entry(options: ClusterOptions, dirs: DataDir) -> dict[str, Any]:
    """All nodes of the fake runtime, in one process."""
    argv = _bireme(
        "node", "--data-dir", str(dirs.root / "nodes"), "--hollow", str(options.nodes),
        "--kubeconfig", str(dirs.kubeconfig),
    )  # fmt: skip
    return _entry(dirs, "nodes", argv)


def node_entry(options: ClusterOptions, dirs: DataDir, number: int) -> dict[str, Any]:
    """One node's agent, in its own network namespace."""
    plan = options.topology
    place = plan.place(number)
    home = dirs.node(place.name)
    keys = dirs.pki / "nodes" / place.name
    argv = _bireme(
        "node", "--name", place.name, "--data-dir", str(home),
        "--kubeconfig", str(home / "kubeconfig"),
        "--tls-cert-file", str(keys / "server.crt"), "--tls-private-key-file",
        str(keys / "server.key"), "--client-ca-file", str(dirs.pki / "ca.crt"),
        "--runtime", options.runtime, "--images", str(dirs.images),
        "--pod-cidr", place.pod_cidr, "--cgroup-root", cgroup_root(options, place.name),
        "--address", place.address, "--netns", str(place.netns),
        "--service-cidr", plan.service_cidr, "--cluster-cidr", str(plan.network),
    )  # fmt: skip
    if options.node_cpus:
        argv += ["--node-cpus", options.node_cpus]
    if options.node_memory:
        argv += ["--node-memory", options.node_memory]
    if options.oversubscribe:
        argv += ["--oversubscribe", options.oversubscribe]
    return _entry(dirs, place.name, argv)


def node_entries(options: ClusterOptions, dirs: DataDir) -> list[dict[str, Any]]:
    """The processes of all nodes."""
    if options.nodes and not options.networked:
        return [hollow_entry(options, dirs)]
    return [node_entry(options, dirs, number) for number in range(1, options.nodes + 1)]


def cgroup_root(options: ClusterOptions, node: str) -> str:
    """A node's own cgroup, so that clusters and nodes of one machine are told apart."""
    return f"/bireme{options.slot}-{node}"


def etcd_entry(dirs: DataDir, etcd: Private) -> dict[str, Any]:
    """The private etcd, which says nothing when it is ready: the server waits for it."""
    entry = _entry(dirs, "etcd", list(etcd.argv))
    sockets = [str(path) for path in etcd.sockets]
    return {**entry, "cwd": str(etcd.directory), "sockets": sockets, "notifies": False}


def processes(options: ClusterOptions, dirs: DataDir, etcd: Private | None) -> list[dict[str, Any]]:
    """The plan for the supervisor, in the order of starting."""
    return [
        *([etcd_entry(dirs, etcd)] if etcd else []),
        server_entry(options, dirs, etcd.address if etcd else options.store),
        *node_entries(options, dirs),
    ]
