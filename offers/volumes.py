"""Where the persistent volumes of frameworks lie on their nodes.

Each has a directory with a name of its own, which is in an annotation of the Node beside what people
call it: there the agent reads which there are, and removes the others. A volume that is made anew
under the id of one that was destroyed has a new directory, and so never the old one's files.
Neighbours: `reservations` tells of what is made and writes the annotation; `tasks` mounts them;
`kubelet.mesos.persistent` is the agent's side.
"""

import hashlib
import json
import secrets

from apimachinery.mesos.marks import PERSISTENT
from apimachinery.wire import JsonObject
from offers.messages import Conversion
from offers.resources import Vector
from offers.tasks import operations


class Volumes:
    """Of all nodes."""

    def __init__(self) -> None:
        self._names: dict[str, dict[tuple[str, str], str]] = {}
        """Node → (role, persistence id) → directory."""

    def path(self, node: str, role: str, persistence_id: str) -> str:
        """Where a volume lies on its node."""
        return f"{PERSISTENT}/{self._name(node, role, persistence_id)}"

    def _name(self, node: str, role: str, persistence_id: str) -> str:
        known = self._names.get(node, {}).get((role, persistence_id))
        return known or _first_name(node, role, persistence_id)

    def changed(self, node: str, change: Conversion) -> None:
        """What was made by it gets new directories."""
        made = operations.volumes_of(change.after) - operations.volumes_of(change.before)
        for volume in made:
            self._names.setdefault(node, {})[volume] = secrets.token_hex(16)

    def dump(self, node: str, carved: Vector) -> str | None:
        """The annotation's text: directory → role/id; what is not there any more is forgotten."""
        there = operations.volumes_of({key: value for key, value in carved.items() if value > 0})
        names = {volume: self._name(node, *volume) for volume in there}
        self._names[node] = names
        found = {name: "/".join(volume) for volume, name in names.items()}
        return json.dumps(found, sort_keys=True) if found else None

    def restore(self, node: str, text: str) -> None:
        """What an earlier master wrote."""
        found: JsonObject = json.loads(text)
        if isinstance(found, dict):
            volumes = ((str(text).rpartition("/"), str(name)) for name, text in found.items())
            self._names[node] = {(role, last): name for (role, _, last), name in volumes}


def _first_name(node: str, role: str, persistence_id: str) -> str:
    """As all were named when there was but a list of them."""
    return hashlib.sha256("\0".join((node, role, persistence_id)).encode()).hexdigest()[:32]
