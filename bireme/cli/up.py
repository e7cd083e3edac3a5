"""`bireme up`: a cluster on this machine, ready when the command says so.

It decides with `bireme.cli.cluster`, makes the nodes' network and credentials, leaves the small
supervisor behind and listens to it until every process has said that it is ready. Neighbours:
`bireme.cli.supervisor`, `down` (the reverse). It runs nothing of the cluster itself.
"""

import errno
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import IO

from apiserver import stores
from bireme.cli import cluster, doctor, down, paths, processes
from bireme.cli.cluster import Asked, ClusterOptions
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir
from kubelet.network import topology

READY_TIMEOUT_S = 60.0
"""Long enough for 20 nodes on a busy machine; a cluster that needs more is broken."""
DEATHS_MAX = 3
"""A process that ends this often before it was ready once will not come up by itself."""
LOG_TAIL_LINES = 5
"""How much of a failed process' log is shown: the last lines name the cause."""


def run(asked: Asked, data_dir: Path | None, *, detach: bool) -> None:
    """Start the cluster; return when it is ready, or with Ctrl-C if it stays in front."""
    began = time.monotonic()
    dirs = paths.data_dir(data_dir)
    kept = cluster.load(dirs.cluster)
    options = cluster.merge(asked, kept)
    dirs.create()
    if processes.supervisor(dirs) is not None:
        if kept is not None and options != kept:
            raise CommandError("the cluster runs with other options: `bireme down` first")
        print(f"already up\n{export_line(dirs)}")
        return
    etcd = _require(options, dirs)
    options = _place(options, asked, kept)
    cluster.save(options, dirs.cluster)
    _say("starting", f"store {options.store}, {options.nodes} nodes")
    try:
        supervisor = start(options, dirs, etcd)
    except topology.TopologyError as error:
        raise CommandError(str(error)) from error
    _say("ready", f"in {time.monotonic() - began:.1f} s")
    print(f"API   https://127.0.0.1:{options.port}")
    print(f"offers http://127.0.0.1:{options.offers_port}\n{export_line(dirs)}")
    if not detach:
        _stay(supervisor, data_dir)


def export_line(dirs: DataDir) -> str:
    return f"export KUBECONFIG={dirs.kubeconfig}"


def _say(step: str, detail: str) -> None:
    if sys.stdout.isatty():
        print(f"{step:9} {detail}", flush=True)


def _require(options: ClusterOptions, dirs: DataDir) -> stores.Private | None:
    """Refuse with the remedy rather than start what can't work here; answers the etcd to start."""
    lacking = doctor.missing(required_only=True) if options.networked else []
    if lacking:
        first = lacking[0]
        raise CommandError(
            f"nodes with --runtime {options.runtime} need {first.name} ({first.needed_for}):"
            f" {first.remedy}; `bireme doctor` lists everything"
        )
    try:
        return stores.private_etcd(dirs.etcd) if options.store == "etcd" else None
    except stores.BadStore as error:
        raise CommandError(str(error)) from error


def _place(options: ClusterOptions, asked: Asked, kept: ClusterOptions | None) -> ClusterOptions:
    """Settle port and address range: a default that is taken gives way, a wish does not."""
    options = replace(
        options,
        port=_settle("--port", options.port, wished=asked.port is not None),
        offers_port=_settle(
            "--offers-port", options.offers_port, wished=asked.offers_port is not None
        ),
    )
    if not options.networked:
        return options
    if kept is not None and kept.networked:
        return options
    return replace(options, slot=topology.free_slot(options.nodes))


def _settle(option: str, port: int, *, wished: bool) -> int:
    """The port, or where a default is taken a free one."""
    if port_is_free(port):
        return port
    if wished:
        raise CommandError(f"{option} {port} is in use: choose another, or stop its user")
    free = _free_port()
    print(f"port {port} is in use; taking {free}")
    return free


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CommandError(f"--port {port}: {error.strerror}") from error
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(options: ClusterOptions, dirs: DataDir, etcd: stores.Private | None) -> int:
    """Make network, credentials and images, start the supervisor, wait; return its pid."""
    plan = cluster.processes(options, dirs, etcd)
    (dirs.run / "plan.json").write_text(json.dumps(plan, indent=1))
    if options.networked and not topology.stands(options.topology):
        # Pods of a network that is gone (a reboot, a half-made one) can't be adopted.
        down.remove_pods(options, dirs)
        topology.remove(options.topology)
        topology.create(options.topology)
    if options.nodes:
        _prepare_nodes(options, dirs)
    events, pid = _spawn_supervisor(dirs)
    with events:
        try:
            _await_ready(events, [entry["name"] for entry in plan], dirs)
        except BaseException:
            down.stop(dirs)
            raise
    return pid


def _prepare_nodes(options: ClusterOptions, dirs: DataDir) -> None:
    """Each node's client certificate and kubeconfig, and the image that samples use."""
    # Here, not above: a cluster without nodes starts sooner without them.
    from apiserver.identity import pki
    from bireme.cli import image, server

    authority = pki.Pki(dirs.pki)
    if not options.networked:
        # Hollow nodes act as the administrator; the file must be there before the server makes it.
        server.write_kubeconfig(dirs, authority, f"https://127.0.0.1:{options.port}")
        return
    for place in options.topology.places:
        authority.kubelet_server(place.name, [place.address])
        dirs.node(place.name).mkdir(parents=True, exist_ok=True)
        pki.write_kubeconfig(
            dirs.node(place.name) / "kubeconfig",
            server=f"https://{options.topology.host_address}:{options.port}",
            ca=authority.ca.cert,
            client=authority.node(place.name),
            user=f"system:node:{place.name}",
        )
    image.ensure_busybox(dirs.images)


def _spawn_supervisor(dirs: DataDir) -> tuple[IO[bytes], int]:
    reader, writer = os.pipe()
    with (dirs.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bireme.cli.supervisor", str(dirs.run), str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writer],
            start_new_session=True,
        )
    os.close(writer)
    return os.fdopen(reader, "rb", buffering=0), process.pid


def _await_ready(events: IO[bytes], names: list[str], dirs: DataDir) -> None:
    """Follow the supervisor's events until every process is ready."""
    waiting, deaths, rest = set(names), dict.fromkeys(names, 0), b""
    deadline = time.monotonic() + READY_TIMEOUT_S
    with selectors.DefaultSelector() as selector:
        selector.register(events, selectors.EVENT_READ)
        while waiting:
            if not selector.select(deadline - time.monotonic()):
                raise CommandError(_failure(min(waiting), dirs, "is not ready in time"))
            chunk = os.read(events.fileno(), 65536)
            if not chunk:
                raise CommandError(_failure("supervisor", dirs, "ended"))
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                name = event["name"]
                if event["event"] == "ready":
                    waiting.discard(name)
                    _say("ready", name)
                elif event["event"] == "ended":
                    waiting.add(name)
                    deaths[name] += 1
                    if deaths[name] >= DEATHS_MAX:
                        raise CommandError(_failure(name, dirs, "does not start"))


def _failure(name: str, dirs: DataDir, what: str) -> str:
    log = dirs.logs / f"{name}.log"
    tail = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:] if log.exists() else []
    return "\n".join([f"{name} {what}; the end of {log}:", *(f"  {line}" for line in tail)])


def _stay(supervisor: int, data_dir: Path | None) -> None:
    """Hold the foreground until Ctrl-C or SIGTERM, then take the cluster down."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    pidfd = os.pidfd_open(supervisor)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(pidfd, selectors.EVENT_READ)
            selector.select()
    except KeyboardInterrupt:
        down.run(data_dir, purge=False)
