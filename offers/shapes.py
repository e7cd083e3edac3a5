"""Between our vectors and Mesos' spelling of resources, offers and attributes. Pure.

A vector counts cpu in thousandths and memory in bytes; Mesos says `cpus: 0.5`, `mem` and `disk`
in megabytes (2^20), `ports` as ranges. Neighbours: `offers.tasks` reads what tasks ask for,
`offers.http` writes offers with it.
"""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from apimachinery.wire import JsonObject
from offers import parts, ranges, resources, roles
from offers.messages import Offer
from offers.parts import Part
from offers.ranges import Ranges
from offers.resources import Vector

MB = 1 << 20
GPUS = "nvidia.com/gpu"
_SPELLINGS = {
    resources.CPU: ("cpus", 1000),
    resources.MEMORY: ("mem", MB),
    resources.DISK: ("disk", MB),
    GPUS: ("gpus", 1),
}
_NAMES = {theirs: (ours, factor) for ours, (theirs, factor) in _SPELLINGS.items()}
_OURS_ONLY = (resources.PODS,)
"""What no framework of Mesos knows of."""
AGENT_PORT = 5051
"""Where Mesos' agents answer; ours are asked through the master."""
HOSTS_MAX = 20_000
"""Names of nodes that are remembered as read: each offer bears one."""

DYNAMIC = "DYNAMIC"
SCALAR_MAX = 1e15
"""Beyond it a double has no thousandths left."""


class BadResource(ValueError):  # noqa: N818  (read as "raise BadResource")
    """A resource that makes no sense; the text says which."""


def scalars(vector: Vector) -> dict[str, float]:
    """`{"cpus": 2.0, "mem": 1024.0, …}`, rounded down to what Mesos can say."""
    found: dict[str, float] = {}
    for name, value in sorted(vector.items()):
        theirs, factor = _SPELLINGS.get(name, (name, 1))
        if name in _OURS_ONLY or name.startswith("hugepages-"):
            continue
        amount = value / factor if factor == 1000 else float(value // factor)
        if amount > 0:
            found[theirs] = amount
    return found


def to_mesos(
    vector: Vector, ports: Ranges = (), role: str = "", *, refined: bool = True
) -> list[JsonObject]:
    """A list of Resource messages; with a role as allocated to it.

    `refined` frameworks know stacks of reservations; others get the spelling of before.
    """
    allocated: JsonObject = {"allocation_info": {"role": role}} if role else {}
    found: list[JsonObject] = []
    for key, value in sorted(vector.items()):
        part = parts.parse(key)
        for name, amount in scalars({part.name: value}).items():
            message = {"name": name, "type": "SCALAR", "scalar": {"value": amount}}
            found.append({**message, **_kind(part, refined=refined), **allocated})
    if ports:
        spans = [{"begin": begin, "end": end} for begin, end in ports]
        message = {"name": "ports", "type": "RANGES", "ranges": {"range": spans}, "role": "*"}
        found.append({**message, **allocated})
    return found


def _kind(part: Part, *, refined: bool) -> JsonObject:
    """What a Resource message says beside name and amount."""
    if part == Part(part.name):
        return {"role": "*"}
    found: JsonObject = {}
    detail = json.loads(part.detail) if part.detail else {}
    stack = detail.get("reservations") or ([{"role": part.role}] if part.role else [])
    stack = [{"type": DYNAMIC, **one} for one in stack]
    if refined and stack:
        found["reservations"] = stack
    elif stack:
        found["role"] = stack[-1]["role"]
        if stack[-1]["type"] == DYNAMIC:
            inner = {n: v for n, v in stack[-1].items() if n not in ("role", "type")}
            found["reservation"] = inner
    else:
        found["role"] = "*"
    if "disk" in detail:
        found["disk"] = detail["disk"]
    if parts.REVOCABLE in part.traits:
        found["revocable"] = {}
    if parts.SHARED in part.traits:
        found["shared"] = {}
    return found


def disk_of(part: Part) -> JsonObject | None:
    """The DiskInfo of a part."""
    found: JsonObject | None = (json.loads(part.detail) if part.detail else {}).get("disk")
    return found


def stack_of(message: JsonObject) -> list[JsonObject]:
    """A resource's reservations, the last one on top, whichever way they are spelled."""
    if message.get("reservations"):
        # One that names no role is found wanting where roles are checked.
        return [{"role": "", **one} for one in message["reservations"]]
    role = message.get("role", "*")
    if role == "*":
        return []
    if "reservation" in message:
        return [{"type": DYNAMIC, **message["reservation"], "role": role}]
    return [{"type": "STATIC", "role": role}]


def _part(name: str, message: JsonObject) -> str:
    """How a vector names a resource of this kind."""
    stack = stack_of(message)
    for one in stack:
        try:
            roles.check(one.get("role") or "")
        except roles.RoleError as error:
            raise BadResource(f"Invalid reservation: {error}") from error
    detail: JsonObject = {}
    plain = [{n: v for n, v in one.items() if (n, v) != ("type", DYNAMIC)} for one in stack]
    if plain and plain != [{"role": plain[0]["role"]}]:
        detail["reservations"] = plain
    disk = {n: v for n, v in (message.get("disk") or {}).items() if v}
    if disk:
        detail["disk"] = disk
    traits = parts.REVOCABLE if "revocable" in message else ""
    traits += parts.SHARED if "shared" in message else ""
    traits += parts.REFINED if len(stack) > 1 else ""
    text = json.dumps(detail, sort_keys=True, separators=(",", ":")) if detail else ""
    return Part(name, stack[-1]["role"] if stack else "", traits, text).key


def from_mesos(messages: Iterable[JsonObject]) -> tuple[dict[str, int], Ranges]:
    """What a list of Resource messages asks for: a vector, and ports."""
    vector: dict[str, int] = {}
    ports: list[tuple[int, int]] = []
    for message in messages:
        name, kind = message["name"], message["type"]
        if " " in name or not name:
            raise BadResource(f"Invalid resource name '{name}'")
        if kind == "SCALAR":
            value = (message.get("scalar") or {}).get("value")
            if value is None or not 0 <= value < SCALAR_MAX:
                raise BadResource(f"Invalid scalar resource '{name}': {value}")
            ours, factor = _NAMES.get(name, (name, 1))
            key = _part(ours, message)
            # Mesos compares at three digits after the point.
            amount = round(round(value, 3) * factor)
            vector[key] = vector.get(key, 0) + amount
        elif kind == "RANGES" and name == "ports":
            for span in (message.get("ranges") or {}).get("range") or ():
                ports.append((span["begin"], span["end"]))
                if span["begin"] > span["end"] or span["end"] > 65535:
                    raise BadResource(f"Invalid ports: [{span['begin']}-{span['end']}]")
        else:
            raise BadResource(f"Invalid resource '{name}' of type {kind}")
    if ranges.size(tuple(ports)) != ranges.size(ranges.normal(ports)):
        raise BadResource("Invalid ports: ranges overlap")
    return {name: value for name, value in vector.items() if value}, ranges.normal(ports)


def quantities(amounts: Mapping[str, JsonObject]) -> dict[str, int]:
    """`{"cpus": {"value": 1}}` as a vector; BadResource."""
    found = {}
    for name, scalar in amounts.items():
        if not 0 <= scalar["value"] < SCALAR_MAX:
            raise BadResource(f"Invalid amount of '{name}': {scalar['value']}")
        ours, factor = _NAMES.get(name, (name, 1))
        found[ours] = round(scalar["value"] * factor)
    return found


def offer(
    made: Offer, hostname: str, domain: JsonObject | None, *, refined: bool = True
) -> JsonObject:
    """An Offer message."""
    found: JsonObject = {
        "id": {"value": made.id},
        "framework_id": {"value": made.framework_id},
        "agent_id": {"value": made.node},
        "hostname": hostname,
        "url": agent_url(hostname),
        "resources": to_mesos(made.resources, made.ports, made.role, refined=refined),
        "attributes": attributes(made.attributes),
        "allocation_info": {"role": made.role},
    }
    if domain is not None:
        found["domain"] = domain
    return found


def agent_url(hostname: str) -> JsonObject:
    """Where an agent answers."""
    return {"scheme": "http", "address": address(hostname, AGENT_PORT), "path": "/slave(1)"}


def address(host: str, port: int) -> JsonObject:
    ip = _ip(host)
    return {"hostname": host, "port": port} | ({"ip": ip} if ip else {})


@lru_cache(HOSTS_MAX)
def _ip(host: str) -> str:
    """The address that a name is; empty if it is none."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def attributes(labels: Mapping[str, str]) -> list[JsonObject]:
    """A node's labels as text attributes."""
    return [
        {"name": name, "type": "TEXT", "text": {"value": value}}
        for name, value in sorted(labels.items())
    ]


def domain(labels: Mapping[str, str]) -> JsonObject | None:
    """The fault domain, from the labels that Kubernetes has for it."""
    region = labels.get("topology.kubernetes.io/region")
    zone = labels.get("topology.kubernetes.io/zone")
    if not region or not zone:
        return None
    return {"fault_domain": {"region": {"name": region}, "zone": {"name": zone}}}


def brief(vector: Vector, ports: Ranges = ()) -> dict[str, Any]:
    """The flat spelling of the legacy endpoints."""
    known = scalars(parts.folded(vector))
    found: dict[str, Any] = {"cpus": 0.0, "mem": 0.0, "disk": 0.0, "gpus": 0.0, **known}
    if ports:
        found["ports"] = "[" + ", ".join(f"{begin}-{end}" for begin, end in ports) + "]"
    return found
