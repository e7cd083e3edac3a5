"""Image references, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.images import reference
from kubelet.images.errors import InvalidReferenceError

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.35", "docker.io/library/busybox:1.35"),
        ("team/app", "docker.io/team/app:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/team/app:v1", "docker.io/team/app:v1"),
        ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("127.0.0.1:5000/app:x_Y.z-1", "127.0.0.1:5000/app:x_Y.z-1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (f"busybox:1@{DIGEST}", f"docker.io/library/busybox:1@{DIGEST}"),
    ],
)
def test_defaults_are_filled_in(text: str, full: str) -> None:
    assert str(reference.parse(text)) == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":tag",
        "Upper",
        "a b",
        "app:",
        "app:-x",
        "app:" + "x" * 129,
        "app@sha256:short",
        "app@md5:" + "0" * 32,
        "a//b",
        "../etc/passwd",
        "/app",
        "app/",
        "a__b___c",
        "https://ghcr.io/app",
        "app\n",
        "x/" * 130 + "x",
    ],
)
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidReferenceError, match="image reference"):
        reference.parse(text)


def test_upper_case_gets_a_hint() -> None:
    with pytest.raises(InvalidReferenceError, match="lower case"):
        reference.parse("MyApp")


@given(st.text())
def test_what_parses_parses_again_to_the_same(text: str) -> None:
    try:
        parsed = reference.parse(text)
    except InvalidReferenceError:
        return
    assert reference.parse(str(parsed)) == parsed
    assert parsed.tag or parsed.digest
