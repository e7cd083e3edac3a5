"""Operations on resources: reserve, make volumes, grow them, and back. Pure.

Each turns some of what was offered into another kind; what is wrong is said in a sentence.
Neighbours: `accept` carries them out among launches, `offers.reservations` for operators; `shapes`
knows how Mesos spells kinds, `parts` how vectors name them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apimachinery.wire import JsonObject
from offers import identity, parts, resources, shapes
from offers.ledger import Ledger
from offers.messages import Conversion
from offers.resources import Vector

KNOWN = frozenset((
    "RESERVE", "UNRESERVE", "CREATE", "DESTROY", "GROW_VOLUME", "SHRINK_VOLUME", "CREATE_DISK",
    "DESTROY_DISK",
))  # fmt: skip


class OperationError(ValueError):
    """An operation that cannot be; the text says why."""


def convert(operation: JsonObject, role: str, principal: str) -> Conversion:
    """What an operation turns into what; OperationError. `role` is the offer's; empty: any."""
    kind = operation["type"]
    body = operation.get(kind.lower())
    if body is None:
        raise OperationError(f"{kind} without its '{kind.lower()}'")
    try:
        return _KINDS[kind](body, role, principal)
    except shapes.BadResource as error:
        raise OperationError(str(error)) from error


def _reserve(body: JsonObject, role: str, principal: str) -> Conversion:
    wanted = body.get("resources") or ()
    for one in wanted:
        stack = shapes.stack_of(one)
        if not stack or stack[-1].get("type") == "STATIC":
            raise OperationError("Resource is not dynamically reserved")
        _check_role(stack[-1]["role"], role)
        if (stack[-1].get("principal") or principal) != principal:
            raise OperationError("A reserve operation was attempted with another principal")
        if "persistence" in (one.get("disk") or {}):
            raise OperationError("A persistent volume must not be part of a reservation")
        if "revocable" in one:
            raise OperationError("Revocable resources cannot be reserved")
    if body.get("source"):
        return Conversion(_vector(body["source"]), _vector(wanted))
    return Conversion(_vector([_popped(one) for one in wanted]), _vector(wanted))


def _unreserve(body: JsonObject, role: str, principal: str) -> Conversion:
    del role, principal
    given = body.get("resources") or ()
    for one in given:
        stack = shapes.stack_of(one)
        if not stack or stack[-1].get("type") == "STATIC":
            raise OperationError("Resource is not dynamically reserved")
        if "persistence" in (one.get("disk") or {}):
            raise OperationError("A persistent volume must be destroyed before it is unreserved")
    return Conversion(_vector(given), _vector([_popped(one) for one in given]))


def _create(body: JsonObject, role: str, principal: str) -> Conversion:
    volumes = body.get("volumes") or ()
    seen = set()
    for one in volumes:
        disk, stack = one.get("disk") or {}, shapes.stack_of(one)
        if one["name"] != "disk" or "persistence" not in disk or "volume" not in disk:
            raise OperationError("Resource is no persistent volume")
        if not stack:
            raise OperationError("Persistent volumes cannot be created from unreserved resources")
        if "revocable" in one:
            raise OperationError("Persistent volumes cannot be created from revocable resources")
        _check_role(stack[-1]["role"], role)
        _check_volume(disk)
        if (disk["persistence"].get("principal") or principal) != principal:
            raise OperationError("The volume's 'persistence.principal' is another one")
        key = (stack[-1]["role"], disk["persistence"]["id"])
        if key in seen:
            raise OperationError(f"Persistence ID '{key[1]}' is not unique")
        seen.add(key)
    return Conversion(_vector([_flat(one) for one in volumes]), _vector(volumes))


def _destroy(body: JsonObject, role: str, principal: str) -> Conversion:
    del role, principal
    volumes = body.get("volumes") or ()
    for one in volumes:
        _check_is_volume(one)
    return Conversion(_vector(volumes), _vector([_flat(one) for one in volumes]))


def _check_is_volume(resource: JsonObject) -> None:
    if "persistence" not in (resource.get("disk") or {}):
        raise OperationError("Resource is no persistent volume")
    if "scalar" not in resource:
        raise OperationError("A persistent volume must have a size")


def _grow(body: JsonObject, role: str, principal: str) -> Conversion:
    del role, principal
    volume, addition = body["volume"], body["addition"]
    _check_is_volume(volume)
    if "shared" in volume:
        raise OperationError("Growing a shared persistent volume is not supported")
    if parts.folded(_vector([_flat(volume)])).keys() != parts.folded(_vector([addition])).keys():
        raise OperationError("'addition' is not the same kind of resource as the volume")
    if _vector([_flat(volume)]).keys() != _vector([addition]).keys():
        raise OperationError("'addition' is not reserved as the volume is")
    larger = _sized(volume, volume["scalar"]["value"] + addition["scalar"]["value"])
    return Conversion(_vector([volume, addition]), _vector([larger]))


def _shrink(body: JsonObject, role: str, principal: str) -> Conversion:
    del role, principal
    volume, less = body["volume"], body["subtract"]["value"]
    _check_is_volume(volume)
    if "shared" in volume:
        raise OperationError("Shrinking a shared persistent volume is not supported")
    rest = volume["scalar"]["value"] - less
    if less <= 0 or rest <= 0:
        raise OperationError("'subtract' must be positive and less than the volume's size")
    return Conversion(
        _vector([volume]), _vector([_sized(volume, rest), _flat(_sized(volume, less))])
    )


def _pooled(body: JsonObject, role: str, principal: str) -> Conversion:
    """Disks of storage pools are a resource provider's, and no agent here has one."""
    del role, principal
    source = body["source"]
    if "provider_id" not in source:
        raise OperationError("'source' is not managed by a resource provider")
    provider = source["provider_id"].get("value", "")
    raise OperationError(f"The agent has no resource provider '{provider}'")


_KINDS: Mapping[str, Callable[[Any, str, str], Conversion]] = {
    "RESERVE": _reserve,
    "UNRESERVE": _unreserve,
    "CREATE": _create,
    "DESTROY": _destroy,
    "GROW_VOLUME": _grow,
    "SHRINK_VOLUME": _shrink,
    "CREATE_DISK": _pooled,
    "DESTROY_DISK": _pooled,
}


def volumes_of(vector: Vector) -> set[tuple[str, str]]:
    """(role, persistence id) of the volumes in a vector."""
    found = set()
    for key in vector:
        part = parts.parse(key)
        persistence = (shapes.disk_of(part) or {}).get("persistence")
        if persistence:
            found.add((part.role, persistence["id"]))
    return found


def volumes_in_use(ledger: Ledger, node: str) -> set[tuple[str, str]]:
    """The same, of those that something on a node uses."""
    account = ledger.accounts.get(node)
    uids = account.uids if account is not None else ()
    return {each for uid in uids for each in volumes_of(ledger.usages[uid].amount)}


def _vector(messages: Any) -> Vector:
    vector, ports = shapes.from_mesos(messages)
    if ports:
        raise OperationError("Ports cannot be reserved")
    if not vector:
        raise OperationError("The operation names no resources")
    return vector


def _popped(message: JsonObject) -> JsonObject:
    """Without its last reservation."""
    rest = {n: v for n, v in message.items() if n not in ("role", "reservation", "reservations")}
    return {**rest, "reservations": shapes.stack_of(message)[:-1]}


def _flat(message: JsonObject) -> JsonObject:
    """The disk that a volume is made of."""
    disk = {n: v for n, v in message["disk"].items() if n == "source"}
    rest = {n: v for n, v in message.items() if n not in ("disk", "shared")}
    return {**rest, "disk": disk} if disk else rest


def _sized(message: JsonObject, value: float) -> JsonObject:
    return {**message, "scalar": {"value": value}}


def _check_role(reserved: str, offered: str) -> None:
    if offered and reserved != offered and not offered.startswith(f"{reserved}/"):
        raise OperationError(
            f"A resource reserved to role '{reserved}' was to be made of one allocated to role "
            f"'{offered}'"
        )


def _check_volume(disk: JsonObject) -> None:
    volume, persistence = disk["volume"], disk["persistence"]["id"]
    if problem := identity.identifier(persistence):
        raise OperationError(f"Persistence ID is invalid: {problem}")
    if volume.get("host_path"):
        raise OperationError("Expecting 'host_path' to be unset for persistent volume")
    if volume["mode"] != "RW":
        raise OperationError("Read-only persistent volume is not supported")
    path = volume["container_path"]
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise OperationError("A volume's 'container_path' must be a path inside the sandbox")


def fits(conversion: Conversion, held: Vector) -> bool:
    return resources.fits(conversion.before, held)
