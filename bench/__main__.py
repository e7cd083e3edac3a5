"""`python -m bench [--json] [NAME …]`: run all benchmarks, or those named, and print one table.

Each runs in a process of its own, so that none measures what another left behind. One that fails
(no root, no runc) is reported and the others go on; then the exit code is 1.
"""

import argparse
import json
import subprocess
import sys

from bench.report import Row, show

ALL = (
    "startup",
    "requests",
    "scale",
    "fanout",
    "deployment",
    "scheduler",
    "scheduling",
    "allocator",
    "sharing",
    "services",
    "pod_ready",
    "pod_start",
    "handlers",
    "store",
    "fleet",
    "launch",
)
"""In the order of the table: what users feel first, parts of it last."""

PATIENCE_S = 600
"""None takes more than six minutes on an idle machine of two cores."""


def run(name: str) -> list[Row]:
    """The rows of one benchmark; raises RuntimeError with its last words."""
    command = [sys.executable, "-m", f"bench.{name}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "no reason given").splitlines()[-1])
    return [Row(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="measure Bireme on this machine")
    parser.add_argument("names", nargs="*", choices=[*ALL, []], metavar="NAME", help=", ".join(ALL))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    rows: list[Row] = []
    failed = 0
    for name in arguments.names or ALL:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            rows += run(name)
        except (RuntimeError, subprocess.TimeoutExpired) as problem:
            failed += 1
            print(f"{name} failed: {problem}", file=sys.stderr)
    show(rows, as_json=arguments.json)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
