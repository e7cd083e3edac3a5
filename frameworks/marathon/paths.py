"""Ids of apps and groups: absolute paths such as `/shop/web`. Pure.

Clients send them with doubled, missing and trailing slashes, and relative to their group (`web`,
`../db`). Neighbours: everything that names an app.
"""

import re

ROOT = "/"
ID_MAX = 200
"""Characters: task ids are made of them, and those end at 255."""
RESERVED = frozenset(("restart", "tasks", "versions"))
"""Last parts that would be taken for a sub-resource."""
_PART = re.compile(r"[a-z0-9]([a-z0-9\-.]*[a-z0-9])?")


def absolute(path: str, base: str = ROOT) -> str:
    """`path` seen from the group `base`, without `.`, `..` and empty parts."""
    parts = [] if path.startswith("/") else _split(base)
    for part in _split(path):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return ROOT + "/".join(parts)


def dependency(path: str, owner: str) -> str:
    """What an app or group names: `../db` and `db` both stand beside it."""
    return absolute(path, owner if path.startswith(".") else parent(owner))


def problem(path: str) -> str:
    """What is wrong with an absolute id; empty if nothing."""
    parts = _split(path)
    if not parts:
        return "must not be empty"
    if len(path) > ID_MAX:
        return f"must not be longer than {ID_MAX} characters"
    for part in parts:
        if not _PART.fullmatch(part):
            return (
                f"'{part}' may only have lowercase letters, digits, hyphens and dots, "
                "and must begin and end with a letter or a digit"
            )
    if parts[-1] in RESERVED:
        return f"must not end with '{parts[-1]}'"
    return ""


def parent(path: str) -> str:
    """The group that it is in."""
    return ROOT + "/".join(_split(path)[:-1])


def ancestors(path: str) -> list[str]:
    """All groups above, the root first."""
    parts = _split(path)
    return [ROOT + "/".join(parts[:depth]) for depth in range(len(parts))]


def under(path: str, group: str) -> bool:
    """Whether it is inside of a group, at whatever depth."""
    return path != group and (group == ROOT or path.startswith(f"{group}/"))


def flat(path: str) -> str:
    """As part of a task's id, where slashes may not be."""
    return "_".join(_split(path))


def _split(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
