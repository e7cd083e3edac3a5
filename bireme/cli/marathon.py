"""`bireme marathon`: Marathon's REST API as a framework of this or any other master.

Reads the command line, takes the port and runs `frameworks.marathon`. Like every framework it
knows nothing of the cluster but the offer API's address.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bireme.cli import cluster, notify, paths, runner
from bireme.cli.errors import CommandError
from frameworks.marathon import service
from frameworks.marathon.options import Options
from frameworks.marathon.store import StoreError
from offers.sdk import FrameworkError

DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says."""

    master: str
    bind: str
    port: int | None
    name: str
    role: str
    user: str
    principal: str
    secret_file: Path | None
    ca_file: Path | None
    credentials_file: Path | None
    state: Path | None


def run(asked: Asked, data_dir: Path | None) -> None:
    """Run until SIGTERM."""
    dirs = paths.data_dir(data_dir)
    credentials = _secret(asked.credentials_file, "--credentials-file")
    if credentials and ":" not in credentials:
        raise CommandError("--credentials-file must hold user:password")
    if not _is_loopback(asked.bind) and not credentials:
        raise CommandError(
            f"--bind {asked.bind} lets others in: give --credentials-file with user:password"
        )
    master = asked.master or _local_master(dirs.cluster)
    with _listen(asked.bind, asked.port) as listening:
        host, port = listening.getsockname()[:2]
        options = Options(
            master=master if "://" in master else f"http://{master}",
            state=asked.state or dirs.root / "marathon.db",
            name=asked.name,
            role=asked.role,
            user=asked.user,
            principal=asked.principal,
            secret=_secret(asked.secret_file, "--secret-file"),
            ca_file=_authority(asked.ca_file),
            credentials=credentials,
            leader=f"{host}:{port}",
        )
        print(f"Marathon  http://{host}:{port}, on {options.master}", flush=True)

        async def main() -> None:
            notify.ready()
            await service.run(options, listening)

        try:
            _run(main, options.master)
        except StoreError as error:
            raise CommandError(str(error)) from error


def _run(main: Callable[[], Coroutine[Any, Any, None]], master: str) -> None:
    try:
        runner.run(main)
    except* FrameworkError as group:
        raise CommandError(
            f"{master} refuses this framework ({_first(group)}); if it was removed, start it again:"
            " it comes back under a new id"
        ) from group


def _first(group: BaseException) -> BaseException:
    """The error itself, out of the groups that it came in."""
    return _first(group.exceptions[0]) if isinstance(group, BaseExceptionGroup) else group


def _local_master(plan: Path) -> str:
    """The offer API of the cluster on this machine."""
    found = cluster.load(plan)
    port = found.offers_port if found is not None else 5050
    return f"http://127.0.0.1:{port}"


def _secret(path: Path | None, option: str) -> str:
    if path is None:
        return ""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option} {path} can't be read ({error})") from error


def _authority(path: Path | None) -> str:
    """The file's name, once it is known to hold certificates."""
    if path is None:
        return ""
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise CommandError(f"--ca-file {path} holds no certificate ({error})") from error
    return str(path)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _listen(address: str, port: int | None) -> socket.socket:
    """The port; a default one that is taken gives way, one that was asked for does not."""
    try:
        return socket.create_server((address, DEFAULT_PORT if port is None else port))
    except OSError as error:
        if port is not None:
            raise CommandError(
                f"port {port} of {address} can't be had ({error.strerror})"
            ) from error
    try:
        found = socket.create_server((address, 0))
    except OSError as error:
        raise CommandError(f"--bind {address} can't be had ({error.strerror})") from error
    print(f"port {DEFAULT_PORT} is taken: {found.getsockname()[1]} instead", flush=True)
    return found
