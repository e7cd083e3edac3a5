"""Where a cluster keeps its files: the layout of the data directory, and nothing else.

Neighbours: every command. Secrets (`pki/`, `kubeconfig`, the database) are 0600 below a
directory that only its owner may enter.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from bireme.cli.errors import CommandError

PATH_BYTES_MAX = 60
"""Sockets below the data directory must fit into the kernel's 108 bytes."""


def default_data_dir() -> Path:
    """`/var/lib/bireme` for root, the user's own data directory for others."""
    if os.geteuid() == 0:
        return Path("/var/lib/bireme")
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(home) / "bireme"


@dataclass(frozen=True, slots=True)
class DataDir:
    """The paths below one data directory."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        return self.root / "pki"

    @property
    def database(self) -> Path:
        return self.root / "state.db"

    @property
    def etcd(self) -> Path:
        return self.root / "etcd"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def cluster(self) -> Path:
        """The options of the last `up`, which `down` and the next `up` read."""
        return self.root / "cluster.json"

    def node(self, name: str) -> Path:
        return self.root / "nodes" / name

    def create(self) -> None:
        """Make the directory; raise CommandError with the cause if that is not possible."""
        if len(os.fsencode(self.root)) > PATH_BYTES_MAX:
            raise CommandError(
                f"--data-dir {self.root} is longer than {PATH_BYTES_MAX} bytes, too long for the"
                " sockets below it: choose a shorter path"
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
            for path in (self.run, self.logs):
                path.mkdir(exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"--data-dir {self.root} can't be used ({error.strerror}): choose another"
            ) from error


def data_dir(path: Path | None) -> DataDir:
    """The data directory that the option names, or the default."""
    return DataDir((path or default_data_dir()).absolute())
