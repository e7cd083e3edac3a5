"""Registry keys: `/registry/[<group>/]<plural>/[<namespace>/]<name>`, both ways.

The shape is Kubernetes' own, so that `etcdctl get /registry --prefix` looks familiar. A key can
be read without a scheme: a group has a dot in its name or is one of `DOTLESS_GROUPS`, a plural
has none; a namespaced object has one part more. Pure text; the store does not look into keys.
"""

from typing import NamedTuple

ROOT = "/registry/"
DOTLESS_GROUPS = frozenset({"apps", "autoscaling", "batch", "extensions", "policy"})
"""Groups from before the rule that a group is a DNS name. No core plural is called like one."""


class ObjectKey(NamedTuple):
    """A key's parts; `namespace` is empty for cluster-wide objects, `group` for the core."""

    group: str
    plural: str
    namespace: str
    name: str


def resource_prefix(group: str, plural: str) -> str:
    """The prefix of all objects of a resource, with the closing slash."""
    return f"{ROOT}{group}/{plural}/" if group else f"{ROOT}{plural}/"


def object_key(group: str, plural: str, namespace: str, name: str) -> str:
    """The key of one object."""
    prefix = resource_prefix(group, plural)
    return f"{prefix}{namespace}/{name}" if namespace else prefix + name


def parse(key: str) -> ObjectKey | None:
    """The parts of a key, None where it is none of ours."""
    if not key.startswith(ROOT):
        return None
    parts = key[len(ROOT) :].split("/")
    group = ""
    if "." in parts[0] or parts[0] in DOTLESS_GROUPS:
        group = parts.pop(0)
    if not all(parts):
        return None
    match parts:
        case [plural, name]:
            return ObjectKey(group, plural, "", name)
        case [plural, namespace, name]:
            return ObjectKey(group, plural, namespace, name)
        case _:
            return None
