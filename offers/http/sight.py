"""What somebody may look at: which frameworks, whose tasks, which roles.

Who is known by no credentials sees everything, as where none are asked for; a principal sees its own
frameworks and their tasks, and what RBAC lets it `get`. Found anew for each request, by one question
about its rules and one for each namespace that others' tasks are in. Neighbours: `access` asks;
`legacy` and `operator` leave out what is not in sight.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from apimachinery.wire import JsonObject
from offers import rights
from offers.framework import Framework
from offers.http.access import Access, Caller
from offers.rights import Right, of_role


@dataclass(frozen=True, slots=True)
class Sight:
    """See the module's docstring; None: all there are."""

    frameworks: frozenset[str] | None = None
    """Ids."""
    tasks: frozenset[str] | None = None
    """Ids of the frameworks whose tasks and executors are seen."""
    roles: frozenset[str] | None = None
    """Paths."""

    def sees(self, framework: Framework) -> bool:
        return self.frameworks is None or framework.id in self.frameworks

    def sees_tasks_of(self, framework_id: str) -> bool:
        return self.tasks is None or framework_id in self.tasks

    def sees_role(self, path: str) -> bool:
        return self.roles is None or path in self.roles


EVERYTHING = Sight()
OF_REQUEST = web.RequestKey("sight", Sight)
"""Where a GET has it."""


async def of(
    access: Access, caller: Caller, frameworks: Iterable[Framework], roles: Iterable[str]
) -> Sight:
    """What is in sight of all these."""
    if not caller.account:
        return EVERYTHING
    known, rules = list(frameworks), await access.rules(caller)
    return Sight(
        _frameworks(caller, known, rules),
        await _tasks(access, caller, known, rules),
        _roles(roles, rules),
    )


def _frameworks(
    caller: Caller, known: list[Framework], rules: list[JsonObject]
) -> frozenset[str] | None:
    names = rights.named(rules, "get", "frameworks")
    if names is None:
        return None
    return frozenset(one.id for one in known if one.account == caller.account or one.name in names)


async def _tasks(
    access: Access, caller: Caller, known: list[Framework], rules: list[JsonObject]
) -> frozenset[str] | None:
    if rights.named(rules, "get", "tasks") is None:
        return None
    spaces = {one.namespace for one in known if one.account != caller.account}
    seen = {
        space
        for space in spaces
        if await access.may(caller, Right("get", "tasks", namespace=space))
    }
    return frozenset(
        one.id for one in known if one.account == caller.account or one.namespace in seen
    )


def _roles(paths: Iterable[str], rules: list[JsonObject]) -> frozenset[str] | None:
    names = rights.named(rules, "get", "roles")
    if names is None:
        return None
    return frozenset(
        path for path in paths if names.intersection(of_role("get", "roles", path).names)
    )
