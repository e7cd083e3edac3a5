"""Every kind whose objects can be deleted: the built-in ones, and those that definitions add.

Follows the metadata of all of them, through the mirrors that others use where there are some.
Neighbours: the namespace loop empties namespaces of these, the garbage collector owns the graph
over them. Events are left out: they own nothing, expire by themselves, and there are many.
"""

from collections.abc import Callable
from functools import partial

from apimachinery import meta, scheme
from apimachinery.resource import ALL_VERBS, Resource
from apimachinery.wire import JsonObject
from controllers import base, informers, views

Listener = Callable[[Resource, views.Meta | None, views.Meta | None], None]

NEEDED = frozenset({"list", "watch", "delete"})


class Kinds:
    """The kinds that exist now. Their objects are followed from `follow` on."""

    def __init__(self, context: base.Context, known: scheme.Scheme) -> None:
        self._informers = context.informers
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self._custom: dict[str, Resource] = {}
        """By the name of the definition."""
        self._listeners: list[Listener] = []
        for resource in known.all():
            if _deletable(resource):
                self._by_kind.setdefault((resource.group, resource.kind), resource)

    def follow(self) -> None:
        """Call last, when all others have asked for their mirrors: theirs are shared then."""
        definitions = self._informers.objects(scheme.CUSTOMRESOURCEDEFINITIONS)
        for resource in self.all():
            self._attach(resource)
        definitions.add_handler(self._definition_changed)

    def all(self) -> list[Resource]:
        return list(self._by_kind.values())

    def find(self, api_version: str, kind: str) -> Resource | None:
        """The resource of an object that says this of itself, in whatever version."""
        group, _ = meta.split_api_version(api_version)
        return self._by_kind.get((group, kind))

    def listen(self, listener: Listener) -> None:
        """Called with (resource, old, new) for each change of any object's metadata."""
        self._listeners.append(listener)

    def _attach(self, resource: Resource) -> None:
        self._informers.any(resource).add_handler(partial(self._changed, resource))

    def _changed(
        self,
        resource: Resource,
        _: str,
        old: informers.HasMeta | None,
        new: informers.HasMeta | None,
    ) -> None:
        before = old.meta if old is not None else None
        after = new.meta if new is not None else None
        for listener in self._listeners:
            listener(resource, before, after)

    def _definition_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        wanted = custom_resource(new.load()) if new is not None else None
        present = self._custom.get(key)
        if present == wanted:
            return
        if present is not None:
            del self._custom[key]
            if self._by_kind.get((present.group, present.kind)) is present:
                del self._by_kind[present.group, present.kind]
                self._informers.drop(present)
        if wanted is not None:
            self._custom[key] = wanted
            if self._by_kind.setdefault((wanted.group, wanted.kind), wanted) is wanted:
                self._attach(wanted)


def _deletable(resource: Resource) -> bool:
    return (
        set(resource.verbs) >= NEEDED and resource.stored_as is None and resource.plural != "events"
    )


def custom_resource(definition: JsonObject) -> Resource | None:
    """The resource that an established definition adds, in the version that it stores."""
    conditions = (definition.get("status") or {}).get("conditions")
    if not meta.condition_is_true(conditions, "Established"):
        return None
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    served = [one for one in spec.get("versions") or () if one.get("served")]
    if not served:
        return None
    stored = next((one for one in served if one.get("storage")), served[0])
    return Resource(
        group=spec["group"],
        version=stored["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec.get("scope") == "Namespaced",
        verbs=ALL_VERBS,
    )
