"""How much of the disk a tree of files takes. Blocking; callers use a thread.

Bounded: whoever makes more files than `FILES_MAX` is counted up to there. Links are not followed,
other file systems are not entered, a file with several names counts once.
"""

import os
from collections.abc import Iterable
from pathlib import Path

FILES_MAX = 200_000
BLOCK = 512
"""Unit of st_blocks, whatever the file system's own is."""


def size(root: Path) -> int:
    """Bytes on disk of everything below; 0 where nothing is."""
    try:
        device = root.stat().st_dev
    except OSError:
        return 0
    total, seen = 0, set()
    count = 0
    for directory, names, found in os.walk(root):
        for name in (*tuple(names), *found):
            count += 1
            if count > FILES_MAX:
                return total
            try:
                info = Path(directory, name).lstat()
            except OSError:
                continue  # gone meanwhile
            if info.st_dev != device:
                if name in names:
                    names.remove(name)
            elif info.st_ino not in seen:
                seen.add(info.st_ino)
                total += info.st_blocks * BLOCK
    return total


def below(root: Path, names: Iterable[str]) -> dict[str, int]:
    """The size of each of these directories of one."""
    return {name: size(root / name) for name in names}
