"""What frameworks and their tasks are called in the API, and whom pods belong to. Pure.

Mesos' ids are no names: up to 255 characters, spaces and all. Neighbours: `offers.frameworks` and
`offers.tasks` name their objects by this.
"""

import hashlib
import re
from dataclasses import dataclass

from apimachinery.mesos.marks import FRAMEWORK_LABEL, GROUP
from apimachinery.wire import JsonObject

ID_MAX = 255
NAMESPACE_LABEL = f"{GROUP}/namespace"
"""In a FrameworkInfo's labels: where its tasks run."""
NAMESPACE = "frameworks"
NAME_PART_MAX = 24
USER_PREFIX = "offers:"
"""Principals as users of the API."""
PRINCIPALS = "offers:principals"
"""The group of all of them."""
_UNFIT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Owner:
    """The Framework object that a pod belongs to."""

    name: str
    uid: str
    framework_id: str
    user: str
    framework_name: str
    uses_host: bool = False


def owned(kind: str, namespace: str, name: str, owner: Owner, spec: JsonObject) -> JsonObject:
    """An object of our group that goes when its Framework does."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {FRAMEWORK_LABEL: owner.name},
            "ownerReferences": [
                {
                    "apiVersion": f"{GROUP}/v1",
                    "kind": "Framework",
                    "name": owner.name,
                    "uid": owner.uid,
                }
            ],
        },
        "spec": spec,
    }


def object_name(framework_id: str, *parts: str, salt: str = "") -> str:
    """A name for what has raw ids: readable in front, told apart by a hash."""
    whole = (framework_id, *parts, *([salt] if salt else []))
    digest = hashlib.sha256("\0".join(whole).encode()).hexdigest()[:10]
    words = [_UNFIT.sub("-", part.lower()).strip("-")[:NAME_PART_MAX].strip("-") for part in parts]
    return "-".join([*(word for word in words if word), digest])


def identifier(value: str) -> str:
    """What is wrong with a task's, executor's or framework's id; empty if nothing."""
    if not value:
        return "ID must not be empty"
    if len(value) > ID_MAX:
        return f"ID must not be greater than {ID_MAX} characters"
    if value in (".", ".."):
        return f"'{value}' is disallowed"
    if any(ord(c) < 32 or ord(c) == 127 or c in "/\\" for c in value):
        return f"'{value}' contains invalid characters"
    return ""
