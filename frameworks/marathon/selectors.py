"""Label selectors of `GET /v2/apps?label=`: `a`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b)`. Pure.

All parts of a list must hold. Neighbours: `http.apps`.
"""

import re
from collections.abc import Callable, Mapping

from frameworks.marathon.errors import BadRequest

Labels = Mapping[str, str]
_PART = re.compile(
    r"\s*(?P<key>[^\s,=!()]+)\s*"
    r"(?:(?P<equal>==|!=)\s*(?P<value>[^\s,()]*)|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?"
    r"\s*(?:,|$)"
)


def parse(text: str) -> Callable[[Labels], bool]:
    """The selector as a predicate; BadRequest where it is none."""
    parts, at = [], 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or found.end() == at:
            raise BadRequest(f"Couldn't parse all selectors: '{text}'")
        parts.append(_part(found))
        at = found.end()
    return lambda labels: all(part(labels) for part in parts)


def _part(found: re.Match[str]) -> Callable[[Labels], bool]:
    key = found["key"]
    if found["equal"] == "==":
        return lambda labels: labels.get(key) == found["value"]
    if found["equal"] == "!=":
        return lambda labels: key in labels and labels[key] != found["value"]
    if found["set"]:
        values = {one.strip() for one in found["values"].split(",")}
        inside = found["set"] == "in"
        return lambda labels: key in labels and (labels[key] in values) is inside
    return lambda labels: key in labels
