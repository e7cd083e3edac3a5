"""The admission chain: plugins in order, first those that change, then those that refuse.

Neighbours: handlers call `Chain.mutate` before the registry prepares an object and hand
`Chain.validate` to it for after validation; plugins live beside this module. The chain neither
parses nor stores.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from apimachinery import wire
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(slots=True)
class Attempt:
    """One write as admission sees it. `obj` may be changed in place while mutating."""

    operation: str
    resource: Resource
    """Under which the object is stored."""
    namespace: str
    name: str
    obj: JsonObject | None
    """What is to be written: the object, or what its subresource takes; None on DELETE."""
    old: JsonObject | None
    """The same as it is stored; None on CREATE and CONNECT."""
    user: wire.UserInfo
    now: float
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    """What the audit log is to say of it."""
    options: JsonObject = field(default_factory=dict)
    """What the request said of how to do it, in the fields of CreateOptions and its kin."""
    changed_outside: bool = False
    """A webhook has changed the object: plugins look at it once more."""
    requested: Resource | None = None
    """What the request named, where the objects are stored as something else (another version)."""
    stored: tuple[JsonObject, JsonObject] | None = None
    """The object as it becomes and as it is, where `obj` is but a part of it (a Scale)."""

    @property
    def asked(self) -> Resource:
        """What the request named."""
        return self.requested or self.resource

    @property
    def gvk(self) -> tuple[str, str, str]:
        """Group, version and kind of `obj`: a subresource may take a kind of its own."""
        return self.resource.gvk_of(self.subresource)

    @property
    def of_own_kind(self) -> bool:
        """Whether `obj` is of another kind than the resource: a Scale, a Binding, options."""
        return self.gvk[2] != self.resource.kind


class Plugin:
    """Base of all plugins: says what it cares about, and overrides one or both steps."""

    kinds: ClassVar[frozenset[str] | None] = None
    """Plural names of resources (`gr`); None for all."""
    operations: ClassVar[frozenset[str]] = frozenset({CREATE, UPDATE})
    subresources: ClassVar[frozenset[str]] = frozenset({""})
    """Subresources that it cares about; "" is the main resource, "*" all."""
    again: ClassVar[bool] = True
    """Whether it looks once more at what webhooks have changed: a second time adds nothing new."""

    def concerns(self, resource: Resource, subresource: str, operation: str) -> bool:
        return (
            operation in self.operations
            and ("*" in self.subresources or subresource in self.subresources)
            and (self.kinds is None or resource.gr in self.kinds)
        )

    async def mutate(self, attempt: Attempt) -> None:
        """Change `attempt.obj`, or raise ApiError."""

    async def validate(self, attempt: Attempt) -> None:
        """Raise ApiError to refuse."""


_Key = tuple[str, str, str]


class Chain:
    """The plugins of one server. Which of them concern a write is remembered per kind."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._plugins = tuple(plugins)
        self._mutating: dict[_Key, tuple[Plugin, ...]] = {}
        self._validating: dict[_Key, tuple[Plugin, ...]] = {}

    async def mutate(self, attempt: Attempt) -> None:
        concerned = self._concerned(self._mutating, "mutate", attempt)
        for plugin in concerned:
            await plugin.mutate(attempt)
        if attempt.changed_outside:
            for plugin in concerned:
                if plugin.again:
                    await plugin.mutate(attempt)

    async def validate(self, attempt: Attempt) -> None:
        for plugin in self._concerned(self._validating, "validate", attempt):
            await plugin.validate(attempt)

    def _concerned(
        self, known: dict[_Key, tuple[Plugin, ...]], step: str, attempt: Attempt
    ) -> tuple[Plugin, ...]:
        key = (attempt.resource.gr, attempt.subresource, attempt.operation)
        found = known.get(key)
        if found is None:
            base = getattr(Plugin, step)
            found = known[key] = tuple(
                plugin
                for plugin in self._plugins
                if getattr(type(plugin), step) is not base
                and plugin.concerns(attempt.resource, attempt.subresource, attempt.operation)
            )
        return found
