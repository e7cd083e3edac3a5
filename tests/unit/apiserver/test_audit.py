"""The audit log: what is written, when, and that it never gets in the way."""

import asyncio
import json
from pathlib import Path

import pytest

from apimachinery import wire
from apiserver import audit
from apiserver.attributes import Attributes

USER = wire.UserInfo("jane", groups=("devs",))
CREATE = Attributes(
    USER, "create", is_resource=True, path="", version="v1", resource="pods", namespace="ns"
)
GET = Attributes(USER, "get", is_resource=True, path="", version="v1", resource="pods", name="x")


def request(method: str = "POST") -> wire.Request:
    return wire.Request(method, "/api/v1/namespaces/ns/pods", body=b'{"secret": 1}')


def lines(path: Path) -> list[wire.JsonObject]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_write_is_recorded_without_its_body(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    auditor = audit.FileAuditor(path, lambda: 0.0)
    auditor.record(CREATE, request(), 201)
    auditor.close()
    (event,) = lines(path)
    assert event["verb"] == "create"
    assert event["user"]["username"] == "jane"
    assert event["responseStatus"] == {"code": 201}
    assert event["stageTimestamp"] == "1970-01-01T00:00:00.000000Z"
    assert "secret" not in path.read_text()


async def test_who_speaks_in_anothers_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    auditor = audit.FileAuditor(path, lambda: 0.0)
    asked = request()
    asked.impersonator = wire.Impersonator(wire.UserInfo("bob"), "impersonate:user-info")
    auditor.record(CREATE, asked, 201)
    asked.impersonator = wire.Impersonator(wire.UserInfo("bob"))
    auditor.record(CREATE, asked, 201)
    auditor.close()
    constrained, legacy = lines(path)
    for event in (constrained, legacy):
        assert event["user"]["username"] == "bob"
        assert event["impersonatedUser"]["username"] == "jane"
    told = {"impersonationConstraint": "impersonate:user-info"}
    assert constrained["authenticationMetadata"] == told
    assert "authenticationMetadata" not in legacy


async def test_reads_are_recorded_only_when_asked_for(tmp_path: Path) -> None:
    quiet = audit.FileAuditor(tmp_path / "quiet", lambda: 0.0)
    quiet.record(GET, request("GET"), 200)
    quiet.close()
    assert not (tmp_path / "quiet").exists()
    loud = audit.FileAuditor(tmp_path / "loud", lambda: 0.0, reads=True)
    loud.record(GET, request("GET"), 200)
    loud.close()
    assert len(lines(tmp_path / "loud")) == 1


async def test_lines_beyond_the_bound_are_dropped_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audit, "MAX_WAITING", 2)
    auditor = audit.FileAuditor(tmp_path / "audit.log", lambda: 0.0)
    for _ in range(5):
        auditor.record(CREATE, request(), 201)
    auditor.close()
    assert len(lines(tmp_path / "audit.log")) == 2
    assert "audit lines dropped count=3" in caplog.text


async def test_big_file_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MAX_BYTES", 10)
    auditor = audit.FileAuditor(tmp_path / "audit.log", lambda: 0.0)
    auditor.record(CREATE, request(), 201)
    auditor.close()
    assert (tmp_path / "audit.log.1").exists()
    assert not (tmp_path / "audit.log").exists()


async def test_full_disk_costs_no_request(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    auditor = audit.FileAuditor(tmp_path / "missing" / "audit.log", lambda: 0.0)
    auditor.record(CREATE, request(), 201)
    await asyncio.sleep(0)
    auditor.close()
    assert "audit log cannot be written" in caplog.text
