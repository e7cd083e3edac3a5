"""The service rules in a real kernel, each case in a network namespace of its own (root)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CASES = (
    "balances_over_all_endpoints",
    "follows_changes_and_refuses_without_endpoints",
    "affinity_survives_other_endpoints_going",
    "many_endpoints_fit_into_one_service",
    "source_ranges_keep_others_out",
    "more_ranges_may_overlap",
    "udp_clients_are_sent_on_when_their_endpoint_goes",
)


@pytest.mark.parametrize("case", CASES)
def test_in_a_namespace(case: str) -> None:
    assert os.geteuid() == 0, "network namespaces need root"
    code = f"from tests.integration.network import cases; cases.{case}()"
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
