"""What must be left free for roles that have less than is guaranteed to them. Pure.

A role's guarantee holds the guarantees of those below it: what is kept for a child is kept for its
parent too. So of what a role lacks itself and what its children need together the larger one is
kept, resource by resource, and nothing is kept twice. Neighbours: `roles` reckons along with what
roles consume; `budget` reckons what would be (`Needs.supposed`).
"""

import itertools
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence

from offers import resources
from offers.resources import Vector


def lacking(guarantee: Vector, consumed: Vector) -> Vector:
    """What of a guarantee is not consumed."""
    return resources.positive({n: v - consumed.get(n, 0) for n, v in guarantee.items()})


class Needs:
    """Of a whole tree of roles, of which the root is the empty path."""

    def __init__(self) -> None:
        self._own: MutableMapping[str, Vector] = {}
        """Role → what must be left for it and those below it."""
        self._below: MutableMapping[str, Vector] = {}
        """Role → what must be left for those right below it, all together."""

    def supposed(self) -> "Needs":
        """The same for now; what becomes of it is not for the others."""
        made = Needs()
        made._own, made._below = ChainMap({}, self._own), ChainMap({}, self._below)
        return made

    @property
    def required(self) -> Vector:
        """What must be left of the cluster."""
        return self._below.get("", {})

    def reckon(self, lineage: Sequence[tuple[str, Vector]]) -> None:
        """From the root down: roles and what each lacks of its guarantee; one has changed."""
        for (above, _), (path, lacks) in reversed(list(itertools.pairwise(lineage))):
            below = self._below.get(path, {})
            need = resources.largest(lacks, below) if below else lacks
            before = self._own.get(path, {})
            if need != before:
                self._own[path] = need
                rest = resources.subtract(self._below.get(above, {}), before)
                self._below[above] = resources.add(rest, need)

    def claim(self, path: str, *, below: bool = False) -> Vector:
        """What of the required a role may have itself: it is not for its siblings, nor theirs above.

        Nor for those below it, unless it is asked on their behalf too (`below`).
        """
        if not self.required:
            return {}
        others: Vector = {}
        above = ""
        for role in itertools.accumulate(path.split("/"), "{}/{}".format):
            siblings = self._below.get(above, {})
            if siblings:
                mine = self._own.get(role, {})
                others = resources.add(others, resources.subtract(siblings, mine))
            above = role
        if not below:
            others = resources.add(others, self._below.get(path, {}))
        return resources.positive(resources.subtract(self.required, others))


def together(guarantees: Mapping[str, Vector]) -> Vector:
    """How much has to be there for all of them: role → guarantee."""
    needs = Needs()
    for path in guarantees:
        lineage = ["", *itertools.accumulate(path.split("/"), "{}/{}".format)]
        needs.reckon([(role, guarantees.get(role, {})) for role in lineage])
    return needs.required
