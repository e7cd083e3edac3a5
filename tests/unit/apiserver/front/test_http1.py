"""Plain requests are read exactly; whatever is not plain is left to somebody else, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiserver.front import http1

REQUEST = b"GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: x\r\nAccept:  a, b \r\n\r\n"


def parse(data: bytes) -> http1.Head | None:
    return http1.parse(bytearray(data))


def test_plain_request() -> None:
    found = parse(REQUEST + b"next")
    assert found == http1.Head(
        "GET",
        "/api/v1/pods?watch=1",
        http1.Headers({"host": "x", "accept": "a, b"}, 0),
        len(REQUEST),
    )


@given(st.integers(0, len(REQUEST) - 1))
def test_part_of_a_request_is_nothing_yet(size: int) -> None:
    assert parse(REQUEST[:size]) is None


def test_length_of_the_body() -> None:
    found = parse(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n")
    assert found is not None
    assert found.headers.length == 12


@pytest.mark.parametrize(
    "line",
    [
        "Transfer-Encoding: chunked",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Connection: close",
        "Expect: 100-continue",
        "Content-Encoding: gzip",
        "Content-Length: -1",
        "Content-Length: 1, 1",
        "Content-Length: ٣",
        "Content-Length: 999999999999",
        "Content-Length: 1\r\nContent-Length: 1",
        "Impersonate-Group: a\r\nImpersonate-Group: b",
        "Folded: a\r\n b",
        "Space : a",
        "no colon",
        ": no name",
        "Null: \0",
        "Bare: a\nb: c",
        "Bare: a\rb",
    ],
)
def test_unusual_headers_are_not_plain(line: str) -> None:
    with pytest.raises(http1.NotPlain):
        parse(f"GET / HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.0",
        "GET / HTTP/2.0",
        "HEAD / HTTP/1.1",
        "get / HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET http://x/ HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /\t HTTP/1.1",
        "GET /ä HTTP/1.1",
        "GET",
    ],
)
def test_unusual_request_lines_are_not_plain(line: str) -> None:
    with pytest.raises(http1.NotPlain):
        parse(f"{line}\r\nHost: x\r\n\r\n".encode())


def test_request_without_a_host_is_not_plain() -> None:
    with pytest.raises(http1.NotPlain):
        parse(b"GET / HTTP/1.1\r\nAccept: a\r\n\r\n")


def test_endless_head_is_not_plain() -> None:
    with pytest.raises(http1.NotPlain):
        parse(b"GET / HTTP/1.1\r\nA: " + b"x" * http1.MAX_HEAD)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    try:
        found = parse(data + b"\r\n\r\n")
    except http1.NotPlain:
        return
    assert found is None or found.size <= len(data) + 4


def test_head_of_an_answer() -> None:
    assert http1.head(200, {"Content-Type": "a/b"}, 3, "D") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 3\r\nDate: D\r\n\r\n"
    )


def test_unchanged_answer_has_no_length() -> None:
    assert b"Content-Length" not in http1.head(304, {}, 0, "D")


def test_stream_is_chunked() -> None:
    assert b"Transfer-Encoding: chunked\r\n" in http1.head(200, {}, None, "D")
    assert http1.chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"


def test_line_ends_in_values_cannot_split_an_answer() -> None:
    made = http1.head(200, {"Warning": 'unknown "a\r\nSet-Cookie: b"'}, 0, "D")
    assert made.count(b"\r\n") == 5
    assert b'Warning: unknown "a  Set-Cookie: b"\r\n' in made
