"""How much of the disk a tree takes."""

import os
from pathlib import Path

from kubelet import files


def test_files_count_once_and_links_are_not_followed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "inner").mkdir(parents=True)
    empty = files.size(tree)
    outside = tmp_path / "outside"
    outside.write_bytes(os.urandom(1 << 20))
    (tree / "inner" / "one").write_bytes(os.urandom(1 << 16))
    os.link(tree / "inner" / "one", tree / "two")
    (tree / "link").symlink_to(outside)
    assert (1 << 16) <= files.size(tree) - empty < (1 << 17)


def test_what_is_not_there_takes_nothing(tmp_path: Path) -> None:
    assert files.size(tmp_path / "no") == 0
    assert files.below(tmp_path, ["a", "b"]) == {"a": 0, "b": 0}
