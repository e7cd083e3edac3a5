"""What the checks of pod security share: findings, the containers of a pod, how both are told.

Pure. Neighbours: `baseline` and `restricted` (the checks), `levels` (which checks a level has).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from apimachinery import status
from apimachinery.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a pod is beyond a level."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


@dataclass(frozen=True, slots=True)
class Pod:
    """The two parts of a pod that are looked at; of a workload, those of its template."""

    metadata: JsonObject
    spec: JsonObject

    def containers(self) -> Iterator[JsonObject]:
        """All of them: those that start, those that stay, those that came later."""
        for key in ("initContainers", "containers", "ephemeralContainers"):
            yield from self.spec.get(key) or ()

    @property
    def context(self) -> JsonObject:
        """The pod's own security context."""
        return self.spec.get("securityContext") or {}

    @property
    def is_windows(self) -> bool:
        """Whether it says that it runs on Windows."""
        return bool((self.spec.get("os") or {}).get("name") == "windows")


Check = Callable[[Pod], Finding | None]


def security(container: JsonObject) -> JsonObject:
    """A container's security context."""
    return container.get("securityContext") or {}


def named(singular: str, names: Iterable[str]) -> str:
    """`container "a"`, `containers "a", "b"`."""
    found = list(dict.fromkeys(names))
    return f"{plural(singular, found)} {quoted(found)}"


def plural(singular: str, counted: list[str]) -> str:
    return singular if len(counted) == 1 else f"{singular}s"


def quoted(values: Iterable[str]) -> str:
    return ", ".join(status.quote(value) for value in values)


def pod_and(own: bool, containers: list[str]) -> str:
    """`pod`, `container "a"`, or both."""
    told = ["pod"] if own else []
    if containers:
        told.append(named("container", containers))
    return " and ".join(told)
