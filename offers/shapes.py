"""Between our vectors and Mesos' spelling of resources, offers and attributes. Pure.

A vector counts cpu in thousandths and memory in bytes; Mesos says `cpus: 0.5`, `mem` and `disk`
in megabytes (2^20), `ports` as ranges. Neighbours: `offers.tasks` reads what tasks ask for,
`offers.http` writes offers with it.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from apimachinery.wire import JsonObject
from offers import ranges, resources
from offers.messages import Offer
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


def to_mesos(vector: Vector, ports: Ranges = (), role: str = "") -> list[JsonObject]:
    """A list of Resource messages; with a role as allocated to it."""
    common: JsonObject = {"role": "*"}
    if role:
        common["allocation_info"] = {"role": role}
    found: list[JsonObject] = [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}, **common}
        for name, value in scalars(vector).items()
    ]
    if ports:
        spans = [{"begin": begin, "end": end} for begin, end in ports]
        found.append({"name": "ports", "type": "RANGES", "ranges": {"range": spans}, **common})
    return found


def from_mesos(messages: Iterable[JsonObject]) -> tuple[dict[str, int], Ranges]:
    """What a list of Resource messages asks for: a vector, and ports."""
    vector: dict[str, int] = {}
    ports: list[tuple[int, int]] = []
    for message in messages:
        name, kind = message["name"], message["type"]
        if kind == "SCALAR":
            value = (message.get("scalar") or {}).get("value")
            if value is None or not 0 <= value < 1e15:
                raise BadResource(f"Invalid scalar resource '{name}': {value}")
            ours, factor = _NAMES.get(name, (name, 1))
            # Mesos compares at three digits after the point.
            amount = round(round(value, 3) * factor)
            vector[ours] = vector.get(ours, 0) + amount
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
    """`{"cpus": {"value": 1}}` as a vector."""
    found = {}
    for name, scalar in amounts.items():
        ours, factor = _NAMES.get(name, (name, 1))
        found[ours] = round(scalar["value"] * factor)
    return found


def offer(made: Offer, hostname: str, domain: JsonObject | None) -> JsonObject:
    """An Offer message."""
    found: JsonObject = {
        "id": {"value": made.id},
        "framework_id": {"value": made.framework_id},
        "agent_id": {"value": made.node},
        "hostname": hostname,
        "url": agent_url(hostname),
        "resources": to_mesos(made.resources, made.ports, made.role),
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
    found: JsonObject = {"hostname": host, "port": port}
    try:
        found["ip"] = str(ipaddress.ip_address(host))
    except ValueError:
        return found
    return found


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
    found: dict[str, Any] = {"cpus": 0.0, "mem": 0.0, "disk": 0.0, "gpus": 0.0, **scalars(vector)}
    if ports:
        found["ports"] = "[" + ", ".join(f"{begin}-{end}" for begin, end in ports) + "]"
    return found
