"""Files of a lasting volume become the group's, all or only when the root is not."""

import os
from pathlib import Path

from kubelet.volumes import ownership


def test_files_and_directories_become_the_groups(tmp_path: Path) -> None:
    group = os.getgid()
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o700)
    file = inner / "file"
    file.touch(mode=0o600)
    (inner / "link").symlink_to("/etc/passwd")
    before = Path("/etc/passwd").stat()
    ownership.give(tmp_path, group, only_on_mismatch=False)
    assert (file.stat().st_gid, file.stat().st_mode & 0o7777) == (group, 0o660)
    assert inner.stat().st_mode & 0o7777 == 0o2770
    assert Path("/etc/passwd").stat() == before


def test_a_root_that_fits_may_be_enough(tmp_path: Path) -> None:
    ownership.give(tmp_path, os.getgid(), only_on_mismatch=False)
    late = tmp_path / "late"
    late.touch(mode=0o600)
    ownership.give(tmp_path, os.getgid(), only_on_mismatch=True)
    assert late.stat().st_mode & 0o777 == 0o600
    tmp_path.chmod(0o700)
    ownership.give(tmp_path, os.getgid(), only_on_mismatch=True)
    assert late.stat().st_mode & 0o777 == 0o660
