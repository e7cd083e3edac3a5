"""Roles as API objects: weights and quotas are read from them, shares are written to them.

A Role object is named by the role's path with dots for slashes, or says its path. Roles that use
something or have a framework get an object by themselves, so that `kubectl get` shows them all; it
goes when nothing of the role is left, unless somebody has set something in it.
Neighbours: `roles` (the tree in the ledger), `master` (told to allocate anew after a change).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from apimachinery import meta, names, requests, scheme, status
from apimachinery.client.informer import Informer
from apimachinery.client.rest import Client
from apimachinery.quantity import Quantity, QuantityError
from apimachinery.wire import JsonObject
from offers import identity, resources, roles
from offers.master import OfferMaster
from offers.resources import Vector
from offers.roles import Role

LOG = logging.getLogger(__name__)

LOOK_S = 2.0
"""Between looks at the shares: for people, who do not read faster."""
WAITING_SHOWN_MAX = 3
"""Frameworks of a role of which it is said what they wait for."""
EXPLAINED_MAX = 20
"""Roles of which that is found out at one look, a millisecond each."""
BY_ITSELF = "offers.bireme.dev/automatic"
"""The annotation of objects that nobody made but we."""
ROLES_SHOWN_MAX = 1000
"""Roles that get objects by themselves; more are not for reading."""


@dataclass(frozen=True, slots=True)
class RoleView:
    """What is kept of a Role."""

    name: str
    path: str
    weight: float
    guarantee: Vector
    limit: Vector
    status: JsonObject = field(default_factory=dict)
    passing: str = ""
    """The version of an object that was made by itself and in which nothing is set; else empty."""


def view(obj: JsonObject) -> RoleView:
    """Keep of a Role what the tree needs; a weight that is no number counts as 1."""
    spec = obj.get("spec") or {}
    made_here = BY_ITSELF in meta.annotations(obj)
    untouched = not any(spec.get(name) for name in ("weight", "guarantees", "limits"))
    try:
        weight = Quantity.parse(spec.get("weight") or "1").milli() / 1000
    except QuantityError:
        weight = 0.0
    return RoleView(
        name=meta.name(obj),
        path=spec.get("path") or meta.name(obj).replace(".", "/"),
        weight=weight if weight > 0 else roles.DEFAULT_WEIGHT,
        guarantee=requests.amounts(spec.get("guarantees")),
        limit=requests.amounts(spec.get("limits")),
        status=obj.get("status") or {},
        passing=obj["metadata"]["resourceVersion"] if made_here and untouched else "",
    )


def object_name(path: str) -> str:
    """The name of a role's object; of those that can't be read back, the object says the path."""
    name = path.replace("/", ".")
    fits = not names.dns1123_subdomain(name) and "." not in path
    return name if fits else identity.object_name("role", path)


class RoleKeeper:
    """See the module's docstring."""

    def __init__(
        self,
        client: Client,
        master: OfferMaster,
        roles_of_namespaces: Callable[[], Collection[str]],
    ) -> None:
        """The roles of namespaces are shown while these are there, whether they use something."""
        self._client, self._master = client, master
        self._roles_of_namespaces = roles_of_namespaces
        self._mirror = Informer(client, scheme.OFFER_ROLES, view)
        self._mirror.add_handler(self._changed)

    def settings(self) -> list[RoleView]:
        """What the objects say now."""
        return list(self._mirror.values())

    def _changed(self, key: str, old: RoleView | None, new: RoleView | None) -> None:
        """Weights and quotas of the tree are what the objects say."""
        del key
        if old is not None and new is not None and _settings(old) == _settings(new):
            return
        for gone in [old] if old is not None and (new is None or new.path != old.path) else []:
            self._master.configure(gone.path, roles.DEFAULT_WEIGHT, {}, {})
        if new is not None:
            try:
                roles.check(new.path)
            except roles.RoleError as error:
                LOG.warning("role object=%s is of no use: %s", new.name, error)
            else:
                self._master.configure(new.path, new.weight, new.guarantee, new.limit)

    async def run(self) -> None:
        """Read and write for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mirror.run())
            await self._mirror.synced()
            while True:
                await self._tell()
                await asyncio.sleep(LOOK_S)

    async def _tell(self) -> None:
        for role, shown, wanted in self._look():
            try:
                if wanted is None:
                    assert shown is not None, "what is not shown is not taken away"
                    await self._delete(shown)
                    continue
                if shown is None:
                    await self._create(role)
                if shown is None or shown.status != wanted:
                    await self._write(object_name(role) if shown is None else shown.name, wanted)
            except status.ApiError as error:
                LOG.info("role=%s not written: %s", role, error.message)

    def _look(self) -> list[tuple[str, RoleView | None, JsonObject | None]]:
        """Of each role what is shown and what should be (None: nothing), all as of one moment."""
        by_path = {one.path: one for one in self._mirror.values()}
        tree, holders = self._master.ledger.roles, self._master.framework_counts()
        room, explained = ROLES_SHOWN_MAX - len(by_path), 0
        offered = self._master.ledger.offered_by_role()
        lasting = {*holders, *self._roles_of_namespaces()}
        found: list[tuple[str, RoleView | None, JsonObject | None]] = []
        for role in list(_all(tree.root)):
            shown = by_path.get(role.path)
            needed = bool(role.allocated or role.children or role.path in lasting)
            if shown is None and (room <= 0 or not (role.allocated or holders.get(role.path))):
                if not needed:
                    tree.forget(role.path)
                continue
            if shown is not None and shown.passing and not needed:
                found.append((role.path, shown, None))
                continue
            waiting: list[str] = []
            if holders.get(role.path) and explained < EXPLAINED_MAX:
                waiting = self._master.waiting_for(role.path, WAITING_SHOWN_MAX)
                explained += bool(waiting)
            room -= shown is None
            here = offered.get(role.path, {})
            told = self._status(role, holders.get(role.path, 0), here, waiting)
            found.append((role.path, shown, told))
        return found

    async def _create(self, path: str) -> None:
        name = object_name(path)
        spec = {} if name.replace(".", "/") == path else {"path": path}
        with contextlib.suppress(status.AlreadyExists):
            obj = {"metadata": {"name": name, "annotations": {BY_ITSELF: "true"}}, "spec": spec}
            await self._client.create(scheme.OFFER_ROLES, obj)

    async def _delete(self, shown: RoleView) -> None:
        """Nothing of the role is left. Whoever sets something just now keeps it."""
        with contextlib.suppress(status.NotFound, status.Conflict):
            await self._client.delete(
                scheme.OFFER_ROLES, shown.name, preconditions={"resourceVersion": shown.passing}
            )

    async def _write(self, name: str, wanted: JsonObject) -> None:
        # A merge would keep what is no longer there: what is gone is said to be null.
        patch = [{"op": "add", "path": "/status", "value": wanted}]
        await self._client.patch(scheme.OFFER_ROLES, name, patch, kind="json", subresource="status")

    def _status(
        self, role: Role, frameworks: int, offered: Vector, waiting: list[str]
    ) -> JsonObject:
        total = self._master.ledger.total
        shares = {
            name: value / total[name]
            for name, value in role.allocated.items()
            if total.get(name, 0) > 0
        }
        dominant = max(shares, key=lambda name: (shares[name], name), default="")
        found: JsonObject = {
            "share": f"{shares.get(dominant, 0.0) / role.weight:.4f}",
            "frameworks": frameworks,
        }
        if dominant:
            found["dominantResource"] = dominant
        used = resources.subtract(role.allocated, offered)
        for name, vector in (("used", used), ("offered", offered)):
            if vector:
                found[name] = resources.quantities(vector)
        if waiting:
            found["waiting"] = waiting
        return found


def _settings(one: RoleView) -> tuple[str, float, Vector, Vector]:
    return one.path, one.weight, one.guarantee, one.limit


def _all(role: Role) -> Iterator[Role]:
    for child in role.children.values():
        yield child
        yield from _all(child)
