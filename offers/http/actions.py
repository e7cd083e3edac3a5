"""What operators do, whichever endpoint they do it through: weights, quota, maintenance, teardown.

Each action needs a right, which RBAC grants to the caller's user (the local admin has them all).
Weights and quotas are written into Role objects, from which `offers.rolekeeper` reads them.
Neighbours: `operator` (calls of the v1 API) and `legacy_actions` (the endpoints of before);
`offers.maintenance` does what concerns machines. Errors: `ActionError`.
"""

import logging
from collections.abc import Callable, Iterable

from apimachinery import scheme, status
from apimachinery.client.rest import Client
from apimachinery.mesos import lenient
from apimachinery.mesos.schema import Malformed
from apimachinery.wire import JsonObject
from offers import guarantees, parts, resources, rights, rolekeeper, roles, shapes
from offers.frameworks import Frameworks
from offers.http.access import Access, Caller
from offers.maintenance import Maintenance, PlanError
from offers.master import OfferMaster
from offers.reservations import Reservations
from offers.resources import Vector
from offers.rights import Right, of_role
from offers.tasks.operations import OperationError

LOG = logging.getLogger(__name__)

MAINTENANCE = Right("update", "maintenance")
LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1e9
"""Thousandths are what an object of ours holds; more than that weighs nothing up."""


class ActionError(Exception):
    """An action that is refused: the code and the sentence."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class Actions:
    """See the module's docstring."""

    def __init__(
        self,
        client: Client,
        master: OfferMaster,
        frameworks: Frameworks,
        maintenance: Maintenance,
        reservations: Reservations,
        access: Access,
        roles: Callable[[], Iterable[rolekeeper.RoleView]],
    ) -> None:
        self._roles = roles
        self._client, self._master = client, master
        self._frameworks, self._maintenance = frameworks, maintenance
        self._access, self._reservations = access, reservations

    async def allow(self, caller: Caller, *asked: Right) -> None:
        """Go on only if the caller may all of that."""
        for right in asked:
            if not await self._access.may(caller, right):
                raise ActionError(
                    403, f"Principal '{caller.principal or 'nobody'}' may not {right}"
                )

    async def may_see_maintenance(self, caller: Caller) -> None:
        """Everybody who is known by no credentials may; else ActionError."""
        if caller.account:
            await self.allow(caller, Right("get", "maintenance"))

    async def may_watch(self, caller: Caller) -> None:
        """The stream of events tells of all frameworks and tasks."""
        if caller.account:
            await self.allow(caller, Right("watch", "frameworks"), Right("watch", "tasks"))

    async def _allow_roles(self, caller: Caller, paths: Iterable[str]) -> None:
        """Weights and quotas of roles; a request about none needs the right to all."""
        asked = [of_role("update", "roles", path) for path in paths]
        await self.allow(caller, *(asked or [Right("update", "roles")]))

    async def teardown(self, caller: Caller, framework_id: str) -> None:
        framework = self._frameworks.get(framework_id)
        if framework is None or framework.removed:
            raise ActionError(400, f"No framework found with ID {framework_id}")
        await self.allow(caller, Right("delete", "frameworks", (framework.name,)))
        self._frameworks.remove(framework)

    # --- weights and quota

    async def weights(self, caller: Caller, infos: Iterable[JsonObject]) -> None:
        """UPDATE_WEIGHTS."""
        wanted: dict[str, float] = {}
        for info in infos:
            path, weight = _role(info.get("role")), info.get("weight")
            if isinstance(weight, bool) or not isinstance(weight, int | float):
                raise ActionError(400, f"Weight of role '{path}' is no number")
            if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
                raise ActionError(
                    400, f"Invalid weight '{weight}' for role '{path}': Weights must be positive"
                )
            wanted[path] = float(weight)
        await self._allow_roles(caller, wanted)
        for path, weight in wanted.items():
            await self._write(path, {"weight": f"{weight:.3f}".rstrip("0").rstrip(".")})

    async def quota(self, caller: Caller, configs: Iterable[JsonObject], *, force: bool) -> None:
        """UPDATE_QUOTA: all or nothing."""
        wanted: dict[str, tuple[Vector, Vector]] = {}
        for config in configs:
            path = _role(config.get("role"))
            if path == "*":
                raise ActionError(400, "Setting quota for the default role '*' is not supported")
            if "/" in path:
                raise ActionError(400, f"Setting quota on nested role '{path}' is not supported")
            guarantee, limits = _amounts(config, "guarantees"), _amounts(config, "limits")
            for name, amount in guarantee.items():
                if name in limits and amount > limits[name]:
                    raise ActionError(400, f"Guarantees of role '{path}' exceed its limits")
            wanted[path] = (guarantee, limits)
        if not force:
            self._check(wanted)
        await self._allow_roles(caller, wanted)
        for path, (guarantee, limits) in wanted.items():
            await self._write(
                path,
                {
                    "guarantees": resources.quantities(guarantee) or None,
                    "limits": resources.quantities(limits) or None,
                },
            )

    def _check(self, wanted: dict[str, tuple[Vector, Vector]]) -> None:
        """Limits are not below consumption, and the cluster has what all guarantees promise."""
        for path, (_, limits) in wanted.items():
            role = self._master.ledger.roles.find(path)
            offered = parts.plain(self._master.ledger.offered_to(path))
            used = resources.subtract(role.consumed, offered) if role else {}
            for name, limit in limits.items():
                if used.get(name, 0) > limit:
                    raise ActionError(
                        400, f"Role '{path}' is already consuming more {name} than its limit"
                    )
        promised = {one.path: one.guarantee for one in self._roles()}
        promised |= {path: guarantee for path, (guarantee, _) in wanted.items()}
        if not resources.fits(guarantees.together(promised), self._master.ledger.total):
            raise ActionError(400, "The cluster has less than is guaranteed to all roles together")

    async def set_quota(self, caller: Caller, request: JsonObject) -> None:
        """SET_QUOTA: the guarantee of before, which is also the limit."""
        path = _role(request.get("role"))
        try:
            amounts, _ = shapes.from_mesos(request.get("guarantee") or ())
        except (shapes.BadResource, KeyError, TypeError, AttributeError) as error:
            raise ActionError(400, f"Invalid guarantee: {error}") from error
        if not amounts:
            raise ActionError(400, "Quota request does not contain a guarantee")
        if any(one.path == path and one.limit for one in self._roles()):
            raise ActionError(400, f"Quota has already been set for role '{path}'")
        await self._allow_roles(caller, [path])
        if not request.get("force"):
            self._check({path: (amounts, {})})
        text = resources.quantities(amounts)
        await self._write(path, {"guarantees": text, "limits": text})

    async def remove_quota(self, caller: Caller, path: str) -> None:
        path = _role(path)
        if not any(one.path == path and (one.limit or one.guarantee) for one in self._roles()):
            raise ActionError(400, f"No quota is set for role '{path}'")
        await self._allow_roles(caller, [path])
        await self._write(path, {"guarantees": None, "limits": None})

    async def _write(self, path: str, spec: JsonObject) -> None:
        name = rolekeeper.object_name(path)
        try:
            await self._client.patch(scheme.OFFER_ROLES, name, {"spec": spec})
        except status.NotFound:
            kept = {key: value for key, value in spec.items() if value is not None}
            where = {} if name.replace(".", "/") == path else {"path": path}
            obj = {"metadata": {"name": name}, "spec": {**kept, **where}}
            await self._client.create(scheme.OFFER_ROLES, obj)

    # --- resources

    async def operate(self, caller: Caller, node: str, operation: JsonObject) -> None:
        """RESERVE, CREATE and the like, on what nobody uses."""
        try:
            read = lenient.message(operation, "Operation")
            await self.allow(caller, *rights.of_operation(read))
            await self._reservations.apply(node, read, caller.principal)
        except Malformed as error:
            raise ActionError(400, str(error)) from error
        except OperationError as error:
            raise ActionError(409 if "in use" in str(error) else 400, str(error)) from error

    # --- machines

    async def schedule(self, caller: Caller, schedule: JsonObject) -> None:
        """UPDATE_MAINTENANCE_SCHEDULE."""
        await self.allow(caller, MAINTENANCE)
        with _plans():
            await self._maintenance.reschedule(_items(schedule, "windows"))

    async def down(self, caller: Caller, machines: list[JsonObject]) -> None:
        await self.allow(caller, MAINTENANCE)
        with _plans():
            await self._maintenance.down(machines)

    async def up(self, caller: Caller, machines: list[JsonObject]) -> None:
        await self.allow(caller, MAINTENANCE)
        with _plans():
            await self._maintenance.up(machines)

    async def drain(self, caller: Caller, body: JsonObject) -> None:
        await self.allow(caller, MAINTENANCE)
        period = body.get("max_grace_period")
        grace = None
        if isinstance(period, dict):
            nanoseconds = period.get("nanoseconds", 0)
            if not isinstance(nanoseconds, int):
                raise ActionError(400, "'max_grace_period' must have whole 'nanoseconds'")
            grace = nanoseconds / 1e9
        elif isinstance(period, str):
            grace = _seconds(period)
        if grace is not None and grace < 0:
            raise ActionError(400, "'max_grace_period' must be non-negative")
        with _plans():
            await self._maintenance.drain(_agent(body), grace, gone=bool(body.get("mark_gone")))

    async def deactivate(self, caller: Caller, body: JsonObject) -> None:
        await self.allow(caller, MAINTENANCE)
        with _plans():
            await self._maintenance.deactivate(_agent(body))

    async def reactivate(self, caller: Caller, body: JsonObject) -> None:
        await self.allow(caller, MAINTENANCE)
        with _plans():
            await self._maintenance.reactivate(_agent(body))

    async def gone(self, caller: Caller, body: JsonObject) -> None:
        await self.allow(caller, MAINTENANCE)
        with _plans():
            await self._maintenance.gone(_agent(body))


class _plans:  # noqa: N801  (reads as the statement that it is)
    """Refused plans are bad requests."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PlanError):
            raise ActionError(400, str(error)) from error


def _role(path: object) -> str:
    try:
        return roles.check(str(path or ""))
    except roles.RoleError as error:
        raise ActionError(400, f"Invalid role: {error}") from error


def _amounts(config: JsonObject, name: str) -> Vector:
    given = config.get(name) or {}
    try:
        return shapes.quantities(given)
    except shapes.BadResource as error:
        raise ActionError(400, f"'{name}': {error}") from error
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ActionError(400, f"'{name}' must map resources to scalars") from error


def _items(body: JsonObject, name: str) -> list[JsonObject]:
    found = body.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ActionError(400, f"'{name}' must be a list of objects")
    return found


def _agent(body: JsonObject) -> str:
    inner = body.get("agent_id")
    value = inner.get("value") if isinstance(inner, dict) else inner
    if not isinstance(value, str) or not value:
        raise ActionError(400, "Expecting 'agent_id' to be present")
    return value


_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "secs": 1.0, "mins": 60.0, "hrs": 3600.0}


def _seconds(text: str) -> float:
    """A duration in Mesos' words: `10mins`."""
    for unit, factor in _UNITS.items():
        number = text.removesuffix(unit)
        if number != text:
            try:
                return float(number) * factor
            except ValueError:
                break
    raise ActionError(400, f"Invalid duration '{text}'")
