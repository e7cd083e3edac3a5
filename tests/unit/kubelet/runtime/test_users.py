"""Users of images that nobody trusts."""

from pathlib import Path

import pytest

from kubelet.runtime.config import Security
from kubelet.runtime.errors import ContainerConfigError
from kubelet.runtime.interface import ProcessUser
from kubelet.runtime.oci import users

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:100:101:App:/:/bin/sh\nbroken\nbad:x:abc:0::/:\n"
GROUP = "root:x:0:\napp:x:101:\nextra:x:200:other,app\nbad:x:abc:app\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    (path / "etc").mkdir(parents=True)
    (path / "etc/passwd").write_text(PASSWD)
    (path / "etc/group").write_text(GROUP)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ProcessUser(0, 0)),
        ("app", ProcessUser(100, 101, (200,))),
        ("100", ProcessUser(100, 101, (200,))),
        ("100:7", ProcessUser(100, 7, (200,))),
        ("app:extra", ProcessUser(100, 200)),
        ("4242", ProcessUser(4242, 0)),
    ],
)
def test_the_images_user(root: Path, text: str, expected: ProcessUser) -> None:
    assert users.resolve(root, text, Security()) == expected


def test_the_pod_wins(root: Path) -> None:
    security = Security(run_as_user=5, run_as_group=6, supplemental_groups=(9, 8, 6))
    assert users.resolve(root, "app:extra", security) == ProcessUser(5, 6, (8, 9))


@pytest.mark.parametrize("text", ["nobody", "app:nothing", "bad", "-1", "99999999999"])
def test_unknown_names_are_named(root: Path, text: str) -> None:
    with pytest.raises(ContainerConfigError, match=text.rpartition(":")[2]):
        users.resolve(root, text, Security())


def test_non_root_is_checked_after_names_are_resolved(root: Path) -> None:
    security = Security(run_as_non_root=True)
    assert users.resolve(root, "app", security).uid == 100
    for text in ("", "root", "0"):
        with pytest.raises(ContainerConfigError, match="runAsNonRoot"):
            users.resolve(root, text, security)


def test_an_image_without_passwd(tmp_path: Path) -> None:
    assert users.resolve(tmp_path, "7:8", Security()) == ProcessUser(7, 8)


@pytest.mark.parametrize("target", ["/outside", "../../../../outside", "../../outside"])
def test_links_do_not_lead_out_of_the_image(root: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("spy:x:1:1::/:\n")
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to(target)
    with pytest.raises(ContainerConfigError):
        users.resolve(root, "spy", Security())


def test_links_inside_the_image_are_followed(root: Path) -> None:
    (root / "usr").mkdir()
    (root / "etc/passwd").rename(root / "usr/passwd")
    (root / "etc/passwd").symlink_to("/usr/passwd")
    assert users.resolve(root, "app", Security()).uid == 100


def test_a_pipe_instead_of_a_file_does_not_block(root: Path) -> None:
    import os

    (root / "etc/passwd").unlink()
    os.mkfifo(root / "etc/passwd")
    assert users.read_inside(root, "etc/passwd") == b""


def test_strict_groups_are_the_pods_alone(root: Path) -> None:
    security = Security(supplemental_groups=(9,), strict_groups=True)
    assert users.resolve(root, "app", security) == ProcessUser(100, 101, (9,))
