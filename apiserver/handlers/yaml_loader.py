"""YAML as Kubernetes reads it: JSON's types only, times stay text. Imported when first needed."""

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """The safe loader without timestamps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


MAX_DEPTH = 500
"""Levels that are read at all: no kind needs 30. libyaml's composer recurses on the C stack, and
at some 50,000 levels (100 KB of brackets) the whole process would be gone."""

_OPENERS = b"[{-?"
"""Each level costs one of these, or a line that is indented further."""


def load(body: bytes) -> Any:
    """One document; raises yaml.YAMLError."""
    if sum(body.count(one) for one in _OPENERS) > MAX_DEPTH:
        _check_depth(body)
    return yaml.load(body, Loader=_Loader)  # noqa: S506  a subclass of the safe loader


def doubled(body: bytes) -> list[str]:
    """What mappings of a document that can be read say twice; lines as people count them."""
    found: list[str] = []
    stack = [yaml.compose(body, Loader=_Loader)]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue  # an alias
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            stack.extend(value for _, value in node.value)
            found += _doubled_keys(node)
    if not found:
        return []
    lines = sorted(found, key=lambda text: int(text.split()[1].rstrip(":")))
    return ["yaml: unmarshal errors:\n  " + "\n  ".join(lines)]


def _doubled_keys(node: yaml.MappingNode) -> list[str]:
    known: set[str] = set()
    found: list[str] = []
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in known:
            line = key.start_mark.line + 1
            found.append(f'line {line}: key "{key.value}" already set in map')
        known.add(key.value)
    return found


def _check_depth(body: bytes) -> None:
    """The parser keeps its own stack, so its events come at any depth."""
    depth = 0
    for event in yaml.parse(body, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise yaml.YAMLError(f"the document nests deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
