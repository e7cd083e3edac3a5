"""What of a node can be read as a sandbox, and what cannot."""

from pathlib import Path

import pytest

from kubelet.mesos.sandbox import Files, Missing, Sandbox

LOG = (
    b"2026-01-01T00:00:00.000000000Z stdout F one\n"
    b"2026-01-01T00:00:01.000000000Z stderr F oops\n"
    b"2026-01-01T00:00:02.000000000Z stdout F two\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    directory = tmp_path / "sandbox"
    directory.mkdir()
    (directory / "result.txt").write_text("42")
    (directory / "out").symlink_to("/etc/passwd")
    log = tmp_path / "0.log"
    log.write_bytes(LOG)
    return Files({"/slaves/n1/runs/1": Sandbox(directory, log)})


def test_a_sandbox_shows_its_files_and_the_two_streams(files: Files) -> None:
    listed = {Path(one["path"]).name: one for one in files.listing("/slaves/n1/runs/1")}
    assert set(listed) == {"result.txt", "out", "stdout", "stderr"}
    assert listed["result.txt"]["size"] == 2
    assert listed["result.txt"]["mode"].startswith("-rw")
    assert listed["stdout"]["size"] == len("one\ntwo\n")


def test_tasks_of_a_group_lie_below_it(files: Files, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "result.txt").write_text("43")
    outer = Sandbox(tmp_path / "sandbox", None)
    both = Files({"/runs/1": outer, "/runs/1/tasks/t": Sandbox(inner, None)})
    assert both.content("/runs/1/result.txt") == b"42"
    assert both.content("/runs/1/tasks/t/result.txt") == b"43"
    assert [one["path"] for one in both.listing("/runs/1/tasks/t")] == [
        "/runs/1/tasks/t/result.txt"
    ]


def test_files_and_streams_are_read_in_parts(files: Files) -> None:
    assert files.content("/slaves/n1/runs/1/stdout") == b"one\ntwo\n"
    assert files.content("/slaves/n1/runs/1/stderr") == b"oops\n"
    assert files.part("/slaves/n1/runs/1/result.txt", 1, 10) == (b"2", 2)
    assert files.part("/slaves/n1/runs/1/stdout", 4, 3) == (b"two", 8)
    assert files.part("/slaves/n1/runs/1/result.txt", -1, 10) == (b"", 2)  # how long it is


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/slaves/n1/runs/1/../../0.log",
        "/slaves/n1/runs/1/out",
        "/slaves/n1/runs/10",
        "/slaves/n1/runs/1/none",
        "",
    ],
)
def test_nothing_outside_exists(files: Files, path: str) -> None:
    with pytest.raises(Missing):
        files.content(path)
