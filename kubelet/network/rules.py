"""Services as nftables rules: what to load and what to change. Pure text, no I/O.

One global map holds every endpoint, keyed by service address, port and a number; a service is an
element of one verdict map that jumps to the chain for its count of endpoints. So one service's
change is a handful of elements (0.3 ms among 1,000 services), never a reload. Only services with
session affinity have chains and sets of their own. Neighbours: `kubelet.network.services` (which
frontends there are), `proxy` (carries the scripts out through `nftables`).

Everything that reaches a script is an address, a number or a hash: no name that a user chose.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MASQUERADE_MARK = 0x4000
"""The bit of the packet mark that asks for masquerading, the one that kube-proxy uses."""
HAIRPIN_ADDRESSES_MAX = 1024
"""Pod addresses of one node that may reach themselves through a service: a /22 of pods."""


@dataclass(frozen=True, slots=True, order=True)
class Frontend:
    """Where clients send to: a ClusterIP, external or node address with a port."""

    ip: str
    protocol: str
    """tcp or udp."""
    port: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a frontend leads."""

    backends: tuple[tuple[str, int], ...] = ()
    """(address, port); none means that connections are refused."""
    masquerade: bool = False
    """Hide the client's address: answers must come back through this node."""
    affinity_seconds: int = 0
    """A client returns to the same backend for this long; 0 for no affinity."""
    sources: tuple[str, ...] = ()
    """The ranges of addresses that may connect; none means all."""


@dataclass(frozen=True, slots=True)
class NodeNetwork:
    """What the rules must know of the node they are for."""

    table: str
    service_cidr: str
    cluster_cidr: str
    """All nodes and pods: traffic that leaves it is masqueraded."""
    pod_cidr: str = ""
    """This node's pods; empty on the machine that hosts several nodes and runs no pods."""


def _hairpins(network: NodeNetwork) -> str:
    if not network.pod_cidr:
        return ""
    hosts = list(ipaddress.IPv4Network(network.pod_cidr).hosts())[:HAIRPIN_ADDRESSES_MAX]
    pairs = ", ".join(f"{host} . {host}" for host in hosts)
    return f"add element ip {network.table} hairpin {{ {pairs} }}\n"


def skeleton(network: NodeNetwork) -> str:
    """The table without any service; loading it drops what was there, in one transaction."""
    inside = network.pod_cidr
    # Answers of pods go straight to whoever asked, past this node: a client elsewhere must see
    # the address that it asked, so its packets are masqueraded here.
    foreign = f"ip saddr != {inside} fib saddr type != local " if inside else ""
    leaving = inside or network.cluster_cidr
    # `route_localnet` lets packets from 127.0.0.1 out to pods, and would let others in (`foreign`).
    return f"""table ip {network.table}
delete table ip {network.table}
table ip {network.table} {{
  map services {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
  map limited {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
  set ranges {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {network.service_cidr} }}; }}
  set refused {{ type ipv4_addr . inet_proto . inet_service; }}
  set hairpin {{ type ipv4_addr . ipv4_addr; }}
  map tcp_endpoints {{ typeof ip daddr . tcp dport . numgen random mod 16 : ip daddr . tcp dport; }}
  map udp_endpoints {{ typeof ip daddr . udp dport . numgen random mod 16 : ip daddr . udp dport; }}
  chain dispatch {{
    ip daddr @ranges {foreign}meta mark set meta mark or {MASQUERADE_MARK:#x}
    ip daddr . meta l4proto . th dport vmap @limited
    ip daddr . meta l4proto . th dport vmap @services
  }}
  chain prerouting {{ type nat hook prerouting priority dstnat; policy accept; goto dispatch; }}
  chain foreign {{ type filter hook prerouting priority -300; policy accept;
    iif != "lo" ip daddr 127.0.0.0/8 drop
  }}
  chain output {{ type nat hook output priority -100; policy accept; goto dispatch; }}
  chain postrouting {{ type nat hook postrouting priority srcnat; policy accept;
    meta mark and {MASQUERADE_MARK:#x} == {MASQUERADE_MARK:#x} meta mark set meta mark xor {MASQUERADE_MARK:#x} masquerade fully-random
    ip saddr . ip daddr @hairpin masquerade fully-random
    ip saddr {leaving} ip daddr != {network.cluster_cidr} ip daddr != 224.0.0.0/4 oifname != "lo" masquerade fully-random
  }}
  chain refuse {{ ct state new ip daddr . meta l4proto . th dport @refused reject; }}
  chain refuse_forward {{ type filter hook forward priority -110; policy accept; goto refuse; }}
  chain refuse_output {{ type filter hook output priority -110; policy accept; goto refuse; }}
}}
{_hairpins(network)}"""


def _hash(frontend: Frontend, *more: object) -> str:
    text = "/".join(map(str, (frontend.ip, frontend.protocol, frontend.port, *more)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _key(frontend: Frontend) -> str:
    return f"{frontend.ip} . {frontend.protocol} . {frontend.port}"


def _chain(frontend: Frontend, target: Target) -> str:
    """The chain that a frontend jumps to: shared by all of the same shape, without affinity."""
    if target.affinity_seconds:
        return f"s_{_hash(frontend)}"
    mark = "_masq" if target.masquerade else ""
    return f"{frontend.protocol}_{len(target.backends)}{mark}"


def balancing_chain(table: str, name: str) -> str:
    """Make sure of the shared chain `PROTOCOL_COUNT[_masq]`; loading it again changes nothing."""
    protocol, count, *masq = name.split("_")
    mark = f"    meta mark set meta mark or {MASQUERADE_MARK:#x}\n" if masq else ""
    return (
        f"add chain ip {table} {name}\nflush chain ip {table} {name}\n"
        f"table ip {table} {{\n  chain {name} {{\n{mark}"
        f"    meta l4proto {protocol} dnat ip addr . port to ip daddr . {protocol} dport . numgen"
        f" random mod {count} map @{protocol}_endpoints\n  }}\n}}\n"
    )


def _elements(frontend: Frontend, target: Target) -> str:
    items = (
        f"{frontend.ip} . {frontend.port} . {number} : {ip} . {port}"
        for number, (ip, port) in enumerate(target.backends)
    )
    return ", ".join(items)


def _keys(frontend: Frontend, target: Target) -> str:
    return ", ".join(
        f"{frontend.ip} . {frontend.port} . {number}" for number in range(len(target.backends))
    )


def _sticky(table: str, frontend: Frontend, target: Target) -> str:
    """A service with affinity: a set of clients per backend, which outlives other changes."""
    mark = f"meta mark set meta mark or {MASQUERADE_MARK:#x} " if target.masquerade else ""
    lines, known, fresh = [], [], []
    for number, (ip, port) in enumerate(target.backends):
        name = _hash(frontend, ip, port)
        lines.append(
            f"add set ip {table} a_{name} {{ type ipv4_addr; flags dynamic,timeout;"
            f" timeout {target.affinity_seconds}s; size 65535; }}"
        )
        lines.append(f"add chain ip {table} b_{name}\nflush chain ip {table} b_{name}")
        lines.append(
            f"add rule ip {table} b_{name} update @a_{name} {{ ip saddr }} {mark}"
            f"meta l4proto {frontend.protocol} dnat to {ip}:{port}"
        )
        known.append(f"ip saddr @a_{name} goto b_{name}")
        fresh.append(f"{number} : goto b_{name}")
    chain = _chain(frontend, target)
    lines.append(f"add chain ip {table} {chain}\nflush chain ip {table} {chain}")
    lines += [f"add rule ip {table} {chain} {rule}" for rule in known]
    lines.append(
        f"add rule ip {table} {chain} numgen random mod {len(fresh)} vmap {{ {', '.join(fresh)} }}"
    )
    return "\n".join(lines) + "\n"


def _unstick(table: str, frontend: Frontend, old: Target, new: Target | None) -> str:
    """Remove what a changed service with affinity no longer uses."""
    keep = set(new.backends) if new is not None and new.affinity_seconds else set()
    lines = []
    if not keep:
        lines.append(f"delete chain ip {table} {_chain(frontend, old)}")
    for ip, port in old.backends:
        if (ip, port) not in keep:
            name = _hash(frontend, ip, port)
            lines += [f"delete chain ip {table} b_{name}", f"delete set ip {table} a_{name}"]
    return "\n".join(lines) + "\n" if lines else ""


def more_ranges(table: str, cidrs: Iterable[str]) -> str:
    """More ranges of ClusterIPs; whatever overlaps is merged."""
    return f"add element ip {table} ranges {{ {', '.join(sorted(cidrs))} }}\n" if cidrs else ""


def _limit(table: str, frontend: Frontend, target: Target) -> str:
    """Who else connects than those from the named ranges is dropped."""
    if not target.sources:
        return ""
    chain = f"l_{_hash(frontend)}"
    return (
        f"add chain ip {table} {chain}\nflush chain ip {table} {chain}\n"
        f"add rule ip {table} {chain} ip saddr {{ {', '.join(target.sources)} }} return\n"
        f"add rule ip {table} {chain} drop\n"
        f"add element ip {table} limited {{ {_key(frontend)} : jump {chain} }}\n"
    )


def _unlimit(table: str, frontend: Frontend, target: Target) -> str:
    if not target.sources:
        return ""
    chain = f"l_{_hash(frontend)}"
    return (
        f"delete element ip {table} limited {{ {_key(frontend)} }}\n"
        f"flush chain ip {table} {chain}\ndelete chain ip {table} {chain}\n"
    )


def _remove(table: str, frontend: Frontend, target: Target) -> str:
    if not target.backends:
        return f"delete element ip {table} refused {{ {_key(frontend)} }}\n"
    script = _unlimit(table, frontend, target)
    script += f"delete element ip {table} services {{ {_key(frontend)} }}\n"
    if not target.affinity_seconds:
        keys = _keys(frontend, target)
        script += f"delete element ip {table} {frontend.protocol}_endpoints {{ {keys} }}\n"
    return script


def _add(table: str, frontend: Frontend, target: Target) -> str:
    if not target.backends:
        return f"add element ip {table} refused {{ {_key(frontend)} }}\n"
    script = _limit(table, frontend, target)
    if target.affinity_seconds:
        script += _sticky(table, frontend, target)
    else:
        elements = _elements(frontend, target)
        script += f"add element ip {table} {frontend.protocol}_endpoints {{ {elements} }}\n"
    verdict = f"{_key(frontend)} : goto {_chain(frontend, target)}"
    return f"{script}add element ip {table} services {{ {verdict} }}\n"


def shared_chains(targets: Mapping[Frontend, Target]) -> set[str]:
    """The balancing chains that these frontends jump to."""
    return {
        _chain(frontend, target)
        for frontend, target in targets.items()
        if target.backends and not target.affinity_seconds
    }


def change(
    table: str,
    old: Mapping[Frontend, Target],
    new: Mapping[Frontend, Target],
    *,
    chains: Iterable[str],
) -> str:
    """The script that leads from one state of some frontends to another, in one transaction.

    `chains` are the balancing chains that stand already. Empty if nothing changes.
    """
    changed = [f for f in sorted(old.keys() | new.keys()) if old.get(f) != new.get(f)]
    wanted = {frontend: new[frontend] for frontend in changed if frontend in new}
    script = "".join(
        balancing_chain(table, name) for name in sorted(shared_chains(wanted) - set(chains))
    )
    for frontend in changed:
        if frontend in old:
            script += _remove(table, frontend, old[frontend])
    for frontend, target in wanted.items():
        script += _add(table, frontend, target)
    for frontend in changed:
        before = old.get(frontend)
        if before is not None and before.affinity_seconds and before.backends:
            script += _unstick(table, frontend, before, new.get(frontend))
    return script
