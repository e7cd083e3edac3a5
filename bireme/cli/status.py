"""`bireme status`: which processes run, and whether the API answers."""

import json
import sys
from pathlib import Path

from bireme.cli import cluster, kubectl, paths, processes
from bireme.cli.errors import CommandError

READY_TIMEOUT_S = 5


def run(data_dir: Path | None) -> None:
    """Print a line per process and one for the API; exit 1 unless all is well."""
    dirs = paths.data_dir(data_dir)
    options = cluster.load(dirs.cluster)
    if options is None:
        raise CommandError(f"there is no cluster in {dirs.root}: start one with `bireme up`")
    if processes.supervisor(dirs) is None:
        print(f"down      {dirs.root}; bring it back with `bireme up --data-dir {dirs.root}`")
        sys.exit(1)
    states = json.loads((dirs.run / "processes.json").read_text())
    for name, state in states.items():
        word = "ready" if state["ready"] else "starting" if state["pid"] else "down"
        print(f"{word:9} {name} pid={state['pid']} restarts={state['restarts']}")
    answer = kubectl.ask(dirs.kubeconfig, "get", "--raw", "/readyz", timeout=READY_TIMEOUT_S)
    print(f"{'ready' if answer == 'ok' else 'failing':9} API https://127.0.0.1:{options.port}")
    sys.exit(0 if answer == "ok" and all(s["ready"] for s in states.values()) else 1)
