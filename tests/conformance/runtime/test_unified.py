"""Control groups of version 2, on every machine: real containers where nothing else is mounted.

The tests run once more in a mount namespace of their own that has version 2 alone at
/sys/fs/cgroup. Controllers that version 1 holds are missing there, so limits cannot be shown
(`test_limits` does that where version 2 is the machine's own); groups, pids, counters of CPU time,
OOM events read as none, adoption and removal can.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.runtime.conftest import HEEDS_TERM, NOT_ROOT, OciRig

HERE = Path(__file__).parent
ALONE = 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
INSIDE = "BIREME_TEST_UNIFIED"


def test_real_containers_on_version_2_alone() -> None:
    if os.geteuid() != 0:
        pytest.fail(NOT_ROOT)
    pytest_again = [
        sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly",
        *(str(HERE / name) for name in ("test_commands.py", "test_survival.py")),
        f"{__file__}::test_what_version_2_counts",
    ]  # fmt: skip
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", ALONE, "sh", *pytest_again],
        env={**os.environ, INSIDE: "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


async def test_what_version_2_counts(oci: OciRig) -> None:
    container = await oci.run(HEEDS_TERM)
    stats = await oci.driver.container_stats(container)
    assert stats.cpu_usage_ns > 0
    assert stats.oom_kills == 0
    if INSIDE in os.environ:
        assert Path("/sys/fs/cgroup/cgroup.controllers").exists()
        (group,) = Path("/sys/fs/cgroup").glob(f"{oci.cgroup_root}/*/{container}".lstrip("/"))
        assert (group / "cgroup.procs").read_text().split()
