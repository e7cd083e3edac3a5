"""YAML as Kubernetes reads it: JSON's types only, times stay text. Imported when first needed."""

from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """The safe loader without timestamps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def load(body: bytes) -> Any:
    """One document; raises yaml.YAMLError."""
    return yaml.load(body, Loader=_Loader)  # noqa: S506  a subclass of the safe loader
