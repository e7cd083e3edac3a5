"""schemathesis on our OpenAPI documents: requests drawn from what we say of ourselves.

No answer may be a 5xx, and each must be what the document promises. The big groups are drawn from
at random, the small ones also value by value; raise CASES to search for longer. What ends requests
by a stream (`watch`, `follow`) is left to `test_mutations`.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest

from .target import SPACE, Sent, Target

SCHEMATHESIS = Path(__file__).parents[3] / ".clients" / "schemathesis" / "bin" / "schemathesis"
"""`make clients` puts it there."""
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"
CASES = "2"
"""Drawn for each operation; value by value come some hundred more."""
CONFIGURATION = f"""
[parameters]
"query.watch" = false
"query.follow" = false
"path.namespace" = ["{SPACE}", "default"]
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("group", "phases", "least"),
    [
        ("api/v1", "fuzzing", 300),
        ("apis/apps/v1", "fuzzing", 100),
        ("apis/policy/v1", "coverage,fuzzing", 1000),
        ("apis/rbac.authorization.k8s.io/v1", "coverage,fuzzing", 1000),
        ("apis/coordination.k8s.io/v1", "coverage,fuzzing", 1000),
        ("apis/discovery.k8s.io/v1", "coverage,fuzzing", 1000),
    ],
)
def test_requests_drawn_from_our_documents(
    target: Target, tmp_path: Path, group: str, phases: str, least: int
) -> None:
    code, index = target.send(Sent("GET", "/openapi/v3"))
    assert code == 200
    place = json.loads(index)["paths"][group]["serverRelativeURL"]
    document = tmp_path / "document.json"
    document.write_bytes(target.send(Sent("GET", place))[1])
    (tmp_path / "configuration.toml").write_text(CONFIGURATION)
    authority, certificate = target.credentials(tmp_path)
    done = subprocess.run(
        [
            str(SCHEMATHESIS), "--config-file", "configuration.toml", "run", str(document),
            "--url", f"https://{target.host}:{target.port}", "--tls-verify", str(authority),
            "--request-cert", str(certificate), "--checks", CHECKS, "--phases", phases,
            "--max-examples", CASES, "--request-timeout", "20", "--generation-deterministic",
            "--continue-on-failure", "--suppress-health-check", "all", "--no-color",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    counted = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert counted is not None, done.stdout
    assert int(counted[2]) == int(counted[1]) >= least
