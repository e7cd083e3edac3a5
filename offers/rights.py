"""What must be granted to a principal for what it asks: Mesos' ACLs in the words of RBAC. Pure.

A right is a verb on one of our resources. Roles of offers are named as their objects are, with dots
for slashes, and what is granted for a role is granted for those below it. Some resources exist only
to be granted: `taskusers` (whom tasks may run as), `reservations`, `volumes`, `maintenance`,
`logging`. Neighbours: `http.access` asks RBAC; `http.calls`, `tasks.accept` and `http.actions`
refuse what was not granted.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from apimachinery.mesos.marks import GROUP
from apimachinery.wire import JsonObject
from offers import shapes

RESOURCE_VERBS: Mapping[str, tuple[str, str]] = {
    "RESERVE": ("create", "reservations"),
    "UNRESERVE": ("delete", "reservations"),
    "CREATE": ("create", "volumes"),
    "DESTROY": ("delete", "volumes"),
    "GROW_VOLUME": ("update", "volumes"),
    "SHRINK_VOLUME": ("update", "volumes"),
}
"""Operation → what one must be granted for the role that the resources are reserved for."""


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource."""

    verb: str
    resource: str
    names: tuple[str, ...] = ()
    """To be granted for any one of these; none: for all objects."""
    namespace: str = ""

    def __str__(self) -> str:
        of = f" {self.names[-1]}" if self.names else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}.offers.bireme.dev{of}{where}"


def of_role(verb: str, resource: str, path: str) -> Right:
    """What is granted for a role above is granted for this one."""
    names = path.split("/")
    return Right(verb, resource, tuple(".".join(names[:end]) for end in range(1, len(names) + 1)))


def named(rules: Iterable[JsonObject], verb: str, resource: str) -> frozenset[str] | None:
    """For which objects RBAC's rules (of a rules review) grant a verb; None: for all."""
    names: set[str] = set()
    for rule in rules:
        asked = {"verbs": verb, "apiGroups": GROUP, "resources": resource}
        if all({"*", value} & set(rule.get(key) or ()) for key, value in asked.items()):
            if not rule.get("resourceNames"):
                return None
            names |= set(rule["resourceNames"])
    return frozenset(names)


def registers(roles: Iterable[str]) -> list[Right]:
    """To take offers for these roles."""
    return [of_role("use", "roles", role) for role in roles]


def runs_as(task: JsonObject, default: str) -> Right:
    """To run a task: as the user that it names, or its executor, or else its framework."""
    executor = (task.get("executor") or {}).get("command") or {}
    user = (task.get("command") or {}).get("user") or executor.get("user") or default
    return Right("use", "taskusers", (str(user or "root"),))


def of_operation(operation: JsonObject) -> list[Right]:
    """For RESERVE, CREATE and the like; what is malformed is refused elsewhere."""
    kind = str(operation.get("type"))
    if kind not in RESOURCE_VERBS:
        return []
    body = operation.get(kind.lower()) or {}
    verb, resource = RESOURCE_VERBS[kind]
    found: list[JsonObject] = [*(body.get("resources") or ()), *(body.get("volumes") or ())]
    found += [body["volume"]] if "volume" in body else []
    stacks = [shapes.stack_of(one) for one in found]
    of = [of_role(verb, resource, str(stack[-1].get("role"))) for stack in stacks if stack]
    return of or [Right(verb, resource)]


def of_accept(body: JsonObject, default_user: str) -> set[Right]:
    """For everything that an ACCEPT asks for."""
    found: set[Right] = set()
    for operation in body.get("operations") or ():
        found.update(of_operation(operation))
        group = operation.get("launch_group") or {}
        tasks: Sequence[JsonObject] = [
            *((operation.get("launch") or {}).get("task_infos") or ()),
            *((group.get("task_group") or {}).get("tasks") or ()),
        ]
        found.update(runs_as(task, default_user) for task in tasks)
    return found


def refused(asked: Iterable[Right], denied: AbstractSet[Right], principal: str) -> str:
    """The sentence about what is not granted; empty if all is."""
    wanting = next((right for right in asked if right in denied), None)
    return f"Principal '{principal}' may not {wanting}" if wanting is not None else ""
