"""Places in an object, as chains that cost nothing until one must be shown.

A path is () at the root, else (parent path, key or index). Neighbours: all walkers of this package.
"""

from typing import Any

Path = tuple[Any, ...]
ROOT: Path = ()


def dotted(path: Path) -> str:
    """`spec.list[0].name`."""
    parts: list[str] = []
    while path:
        key = path[1]
        parts.append(f"[{key}]" if type(key) is int else f".{key}")
        path = path[0]
    return "".join(reversed(parts)).removeprefix(".")


def at(obj: Any, path: Path) -> tuple[bool, Any]:
    """Whether there is something at the path, and what."""
    if not path:
        return True, obj
    found, parent = at(obj, path[0])
    key = path[1]
    if not found:
        return False, None
    if type(parent) is dict:
        return key in parent, parent.get(key)
    if type(parent) is list and type(key) is int and key < len(parent):
        return True, parent[key]
    return False, None
