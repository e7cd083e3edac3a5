"""CRI logs: tails, times, partial lines, limits, following across rotation."""

import asyncio
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet import logs
from kubelet.inotify import Hub
from kubelet.logs import Options, Renderer


def line(text: str, second: int = 0, stream: str = "stdout", tag: str = "F") -> str:
    return f"2026-01-01T00:00:{second:02d}.000000000Z {stream} {tag} {text}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_text("".join(line(f"n{i}", i) for i in range(5)))
    return path


@pytest.fixture
async def hub():
    hub = Hub()
    yield hub
    hub.close()


async def text(path: Path, hub: Hub, **options) -> str:
    return b"".join([chunk async for chunk in logs.read(path, Options(**options), hub)]).decode()


async def test_the_whole_log(log: Path, hub: Hub) -> None:
    assert await text(log, hub) == "n0\nn1\nn2\nn3\nn4\n"


@pytest.mark.parametrize(
    ("tail", "expected"), [(0, ""), (2, "n3\nn4\n"), (99, "n0\nn1\nn2\nn3\nn4\n")]
)
async def test_tail(log: Path, hub: Hub, tail: int, expected: str) -> None:
    assert await text(log, hub, tail=tail) == expected


async def test_since_and_timestamps(log: Path, hub: Hub) -> None:
    since = 1767225603.0
    assert await text(log, hub, since=since, timestamps=True) == (
        "2026-01-01T00:00:03.000000000Z n3\n2026-01-01T00:00:04.000000000Z n4\n"
    )


async def test_a_limit_cuts_in_the_middle(log: Path, hub: Hub) -> None:
    assert await text(log, hub, limit_bytes=4) == "n0\nn"


async def test_one_stream_alone(tmp_path: Path, hub: Hub) -> None:
    path = tmp_path / "0.log"
    path.write_text(line("out") + line("err", stream="stderr"))
    assert await text(path, hub, stream="stderr") == "err\n"


async def test_pieces_of_a_line_are_one_line(tmp_path: Path, hub: Hub) -> None:
    path = tmp_path / "0.log"
    path.write_text(line("a", tag="P") + line("b", tag="P") + line("c") + line("next"))
    assert await text(path, hub, timestamps=True) == (
        "2026-01-01T00:00:00.000000000Z abc\n2026-01-01T00:00:00.000000000Z next\n"
    )
    assert await text(path, hub, tail=2) == "abc\nnext\n"


async def test_a_torn_last_line_is_left_out(log: Path, hub: Hub) -> None:
    with log.open("a") as file:
        file.write("2026-01-01T00:0")
    assert await text(log, hub, tail=1) == "n4\n"


@given(
    st.lists(st.tuples(st.text(alphabet="ab \t", max_size=9), st.sampled_from("FP")), max_size=40),
    st.integers(0, 45),
)
def test_a_tail_is_the_end_of_the_whole(tmp_path_factory, pieces, tail: int) -> None:
    path = tmp_path_factory.mktemp("logs") / "0.log"
    path.write_text("".join(line(text, tag=tag) for text, tag in pieces))

    def render(offset: int) -> bytes:
        renderer = Renderer(Options())
        return b"".join(renderer.render(raw) for raw in path.read_bytes()[offset:].split(b"\n"))

    whole, part = render(0), render(logs.tail_offset(path, tail))
    assert whole.endswith(part)
    assert part.count(b"\n") == min(tail, whole.count(b"\n"))


async def test_following_ends_with_the_container(log: Path, hub: Hub) -> None:
    ended = asyncio.Event()
    got: list[bytes] = []

    async def follow() -> None:
        async for chunk in logs.read(log, Options(follow=True, tail=1), hub, ended):
            got.append(chunk)  # noqa: PERF401  read while it grows

    task = asyncio.create_task(follow())
    await until(got, b"n4\n")
    with log.open("a") as file:
        file.write(line("more"))
    await until(got, b"n4\nmore\n")
    with log.open("a") as file:
        file.write(line("last words"))
    ended.set()
    async with asyncio.timeout(30):
        await task
    assert b"".join(got) == b"n4\nmore\nlast words\n"


async def test_following_crosses_a_rotation(log: Path, hub: Hub) -> None:
    ended = asyncio.Event()
    got: list[bytes] = []

    async def follow() -> None:
        async for chunk in logs.read(log, Options(follow=True, tail=1), hub, ended):
            got.append(chunk)  # noqa: PERF401  read while it grows

    task = asyncio.create_task(follow())
    await until(got, b"n4\n")
    with log.open("a") as writer:
        logs.rotate(log, 5)
        writer.write(line("old file"))
    log.write_text(line("new file"))
    await until(got, b"n4\nold file\nnew file\n")
    ended.set()
    async with asyncio.timeout(30):
        await task
    assert b"".join(got) == b"n4\nold file\nnew file\n"


async def test_what_is_written_just_before_a_rotation_is_read(
    log: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it happens between a look at the file and the look whether it was moved away."""
    look = logs._rotated

    def late(path: Path, descriptor: int) -> io.FileIO | None:
        if not ended.is_set():
            with log.open("a") as writer:
                logs.rotate(log, 5)
                writer.write(line("old file"))
            log.write_text(line("new file"))
            ended.set()
        return look(path, descriptor)

    monkeypatch.setattr(logs, "_rotated", late)
    ended = asyncio.Event()
    async with asyncio.timeout(30):
        read = logs.read(log, Options(follow=True, tail=1), hub, ended)
        got = [chunk async for chunk in read]
    assert b"".join(got) == b"n4\nold file\nnew file\n"


async def until(got: list[bytes], text: bytes) -> None:
    """That much has been read."""
    async with asyncio.timeout(30):
        while b"".join(got) != text:
            await asyncio.sleep(0.01)


def test_rotation_keeps_a_few_files_and_compresses_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    for number in range(8):
        path.write_text(line(str(number)))
        logs.rotate(path, 5)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["0.log.1", "0.log.2.gz", "0.log.3.gz", "0.log.4.gz"]


def test_final_words(log: Path) -> None:
    assert logs.tail_text(log, 2, 100) == "n3\nn4\n"
    assert logs.tail_text(log, 5, 3) == "n4\n"
    assert logs.tail_text(log.with_name("none"), 5, 3) == ""
