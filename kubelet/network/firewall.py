"""NetworkPolicies as nftables rules of one node: what to load and what to change. Pure, no I/O.

Every group of pods that rules name is a set of addresses, kept true one element at a time as pods
come and go; rules with equal peers share it. A policy is a chain of what it allows, per direction.
An isolated pod of this node is one element of a verdict map that leads to the chain of its
policies; pods with the same policies share that too. So a pod costs a few elements, and a changed
policy its own chain.

Packets are judged in the forward hook, so behind the translation of services: by the pods' own
addresses. What a pod sends to its node is judged as well (`input`), but nothing that the node
itself sends: probes always pass. Neighbours: `policies` (the semantics), `enforcer` (carries the
scripts out). Only addresses, numbers and hashes reach a script: no name that a user chose.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kubelet.network.policies import (
    DIRECTIONS,
    Block,
    Direction,
    Peer,
    Pod,
    Policy,
    Port,
    Rule,
)

K = TypeVar("K")
V = TypeVar("V")

ITSELF = "itself"
"""The set of pods that are isolated: what a pod sends to itself passes."""
REFUSAL = "reject with icmp type admin-prohibited"
"""Refused at once: who is kept out reads a reason and need not wait for a timeout."""
_THERE: Mapping[Direction, str] = {"ingress": "ip saddr", "egress": "ip daddr"}
"""Where the other side's address stands."""
_ADDRESSES, _PORTS = "ipv4_addr", "ipv4_addr . inet_proto . inet_service"


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def skeleton(table: str) -> str:
    """The table without any policy; loading it drops what was there, in one transaction."""
    return f"""table ip {table}
delete table ip {table}
table ip {table} {{
  set {ITSELF} {{ type ipv4_addr . ipv4_addr; }}
  map egress {{ type ipv4_addr : verdict; }}
  map ingress {{ type ipv4_addr : verdict; }}
  chain passing {{
    ct state established,related accept
    ip saddr . ip daddr @{ITSELF} accept
  }}
  chain from_pods {{ jump passing; ip saddr vmap @egress; }}
  chain to_pods {{ jump passing; ip daddr vmap @ingress; }}
  chain forward_from {{ type filter hook forward priority 0; policy accept; goto from_pods; }}
  chain input_from {{ type filter hook input priority 0; policy accept; goto from_pods; }}
  chain forward_to {{ type filter hook forward priority 1; policy accept; goto to_pods; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Pods that a rule names: their addresses, or with a port's name, addresses and numbers."""

    anyone: bool
    peers: tuple[Peer, ...]
    blocks: tuple[Block, ...] = ()
    port: str = ""
    protocol: str = ""

    @property
    def name(self) -> str:
        return f"g_{_hash(self)}"

    @property
    def type(self) -> str:
        return _PORTS if self.port else _ADDRESSES

    def elements(
        self, pod: Pod, labels_of: Callable[[str], Mapping[str, str] | None]
    ) -> tuple[str, ...]:
        """What the pod brings into the set."""
        if not pod.ip or not self._matches(pod, labels_of):
            return ()
        if not self.port:
            return (pod.ip,)
        return tuple(
            f"{pod.ip} . {protocol} . {number}"
            for name, protocol, number in pod.ports
            if name == self.port and protocol == self.protocol
        )

    def _matches(self, pod: Pod, labels_of: Callable[[str], Mapping[str, str] | None]) -> bool:
        return (
            self.anyone
            or any(peer.matches(pod, labels_of) for peer in self.peers)
            or any(block.holds(pod.ip) for block in self.blocks)
        )


def _destinations(policy: Policy, direction: Direction, rule: Rule, port: Port) -> Group:
    """The pods whose port of that name a rule opens: the policy's own, or the peers."""
    if direction == "ingress":
        own = Peer(policy.pods, namespace=policy.namespace)
        return Group(anyone=False, peers=(own,), port=port.name, protocol=port.protocol)
    return Group(rule.anyone, rule.peers, rule.blocks, port.name, port.protocol)


def _peers(rule: Rule) -> Group | None:
    return Group(anyone=False, peers=rule.peers) if rule.peers else None


def groups_of(policy: Policy) -> set[Group]:
    """Every group that the policy's rules name."""
    found: set[Group] = set()
    for direction in DIRECTIONS:
        for rule in policy.rules(direction) or ():
            if (group := _peers(rule)) is not None:
                found.add(group)
            named = [port for port in rule.ports if port.name]
            found.update(_destinations(policy, direction, rule, port) for port in named)
    return found


def statements(policy: Policy, direction: Direction) -> tuple[str, ...]:
    """The rules of the policy's chain: each line accepts something."""
    return tuple(
        " ".join(filter(None, (*parts, "accept")))
        for rule in policy.rules(direction) or ()
        for parts in _parts(policy, direction, rule)
    )


def _parts(policy: Policy, direction: Direction, rule: Rule) -> Iterator[tuple[str, str]]:
    """(who, which ports) of one rule."""
    there = _THERE[direction]
    whom = [""] if rule.anyone else [_block(there, block) for block in rule.blocks]
    if (group := _peers(rule)) is not None:
        whom.append(f"{there} @{group.name}")
    for port in rule.ports:
        if not port.name:
            yield from ((who, _port(port)) for who in whom)
            continue
        ports = f"ip daddr . meta l4proto . th dport @{_destinations(policy, direction, rule, port).name}"
        yield from ((who, ports) for who in whom)
    if not rule.ports:
        yield from ((who, "") for who in whom)


def _block(there: str, block: Block) -> str:
    excepted = f" {there} != {{ {', '.join(block.excepted)} }}" if block.excepted else ""
    return f"{there} {block.cidr}{excepted}"


def _port(port: Port) -> str:
    if port.every:
        return f"meta l4proto {port.protocol}"
    span = f"{port.first}-{port.last}" if port.last != port.first else f"{port.first}"
    return f"meta l4proto {port.protocol} th dport {span}"


class Tracked(Generic[K, V]):
    """A mapping that knows which of its keys differ from what was last taken."""

    def __init__(self) -> None:
        self.now: dict[K, V] = {}
        self._before: dict[K, V | None] = {}

    def put(self, key: K, value: V | None) -> None:
        self._before.setdefault(key, self.now.get(key))
        if value is None:
            self.now.pop(key, None)
        else:
            self.now[key] = value

    def take(self) -> tuple[list[tuple[K, V]], list[tuple[K, V]]]:
        """(what is new or changed, what was removed or was otherwise), each sorted as first met."""
        before, self._before = self._before, {}
        differing = [(key, old) for key, old in before.items() if old != self.now.get(key)]
        return (
            [(key, self.now[key]) for key, _ in differing if key in self.now],
            [(key, old) for key, old in differing if old is not None],
        )

    def forget(self) -> None:
        """Nothing of it was taken: the next `take` gives all."""
        self._before = dict.fromkeys(self.now)


@dataclass(slots=True)
class _Members:
    """A group in use: by how many policies, and how often each element is in it."""

    uses: int = 0
    counts: Counter[str] = field(default_factory=Counter)


class Firewall:
    """The policies as this node must know them. What changes is asked for with `changes`."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.policies: dict[str, Policy] = {}
        self._pods: dict[str, Pod] = {}
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._attached: dict[str, tuple[str, str]] = {}
        """Pods of this node: (uid, address) by sandbox."""
        self._by_uid: dict[str, str] = {}
        self._pods_in: dict[str, set[str]] = {}
        self._policies_in: dict[str, set[str]] = {}
        self._groups: dict[Group, _Members] = {}
        self._profiles: Counter[str] = Counter()
        """How many addresses lead to each chain of policies."""
        # What the kernel shall hold.
        self.sets: Tracked[str, str] = Tracked()
        self.elements: Tracked[tuple[str, str], bool] = Tracked()
        self.chains: Tracked[str, tuple[str, ...]] = Tracked()
        self.verdicts: Tracked[tuple[Direction, str], str] = Tracked()

    # --- what is so

    def knows(self, uid: str) -> bool:
        """Whether a pod's labels are known, so that its policies are."""
        return uid in self._by_uid

    def policy(self, key: str, policy: Policy | None) -> None:
        """A policy appeared, changed or (None) went."""
        old = self.policies.pop(key, None)
        if old is not None:
            _discard(self._policies_in, old.namespace, key)
        if policy is not None:
            # The new groups first: those that both name stay.
            self._use(groups_of(policy))
            self.policies[key] = policy
            self._policies_in.setdefault(policy.namespace, set()).add(key)
        for direction in DIRECTIONS:
            known = policy is not None and policy.rules(direction) is not None
            lines = statements(policy, direction) if policy is not None and known else None
            self.chains.put(_policy_chain(key, direction), lines)
        for space in {one.namespace for one in (old, policy) if one is not None}:
            self._judge_anew(space)
        if old is not None:
            self._disuse(groups_of(old))

    def pod(self, key: str, pod: Pod | None) -> None:
        """A pod appeared, changed or (None) went."""
        old = self._pods.pop(key, None)
        if old == pod:
            if pod is not None:
                self._pods[key] = pod
            return
        if old is not None:
            _discard(self._pods_in, old.namespace, key)
            self._by_uid.pop(old.uid, None)
        if pod is not None:
            self._pods[key] = pod
            self._pods_in.setdefault(pod.namespace, set()).add(key)
            self._by_uid[pod.uid] = key
        for group, members in self._groups.items():
            self._count(group, members, self._elements(group, old), self._elements(group, pod))
        for sandbox, (uid, _) in list(self._attached.items()):
            if uid in {one.uid for one in (old, pod) if one is not None}:
                self._judge(sandbox)

    def namespace(self, name: str, found: Mapping[str, str] | None) -> None:
        """A namespace appeared, changed its labels or (None) went."""
        if self._namespaces.get(name) == found:
            return
        pods = [self._pods[key] for key in self._pods_in.get(name, ())]
        before = [(g, m, p, self._elements(g, p)) for g, m in self._groups.items() for p in pods]
        if found is None:
            self._namespaces.pop(name, None)
        else:
            self._namespaces[name] = found
        for group, members, pod, elements in before:
            self._count(group, members, elements, self._elements(group, pod))

    def attached(self, sandboxes: Mapping[str, tuple[str, str]]) -> None:
        """The pods of this node, all of them: (uid, address) by sandbox."""
        old, self._attached = self._attached, dict(sandboxes)
        for sandbox in old.keys() | sandboxes.keys():
            if old.get(sandbox) != sandboxes.get(sandbox):
                if sandbox in old:
                    self._release(old[sandbox][1])
                self._judge(sandbox)

    # --- what follows

    def _elements(self, group: Group, pod: Pod | None) -> tuple[str, ...]:
        return group.elements(pod, self._namespaces.get) if pod is not None else ()

    def _count(
        self, group: Group, members: _Members, old: Iterable[str], new: Iterable[str]
    ) -> None:
        """Two pods may show one address for a while: it stays until both have gone."""
        if old == new:
            return
        for step, elements in ((1, new), (-1, old)):
            for element in elements:
                members.counts[element] += step
        for element in {*old, *new}:
            self.elements.put((group.name, element), members.counts[element] > 0 or None)
            if not members.counts[element]:
                del members.counts[element]

    def _use(self, groups: Iterable[Group]) -> None:
        for group in groups:
            members = self._groups.get(group)
            if members is None:
                members = self._groups[group] = _Members()
                self.sets.put(group.name, group.type)
                for pod in self._pods.values():
                    self._count(group, members, (), self._elements(group, pod))
            members.uses += 1

    def _disuse(self, groups: Iterable[Group]) -> None:
        for group in groups:
            members = self._groups[group]
            members.uses -= 1
            if not members.uses:
                del self._groups[group]
                self.sets.put(group.name, None)
                for element in members.counts:
                    self.elements.put((group.name, element), None)

    def _judge_anew(self, namespace: str) -> None:
        """The policies of a namespace changed: look at the pods that this node runs of it."""
        for sandbox, (uid, _) in self._attached.items():
            key = self._by_uid.get(uid)
            if key is not None and self._pods[key].namespace == namespace:
                self._judge(sandbox)

    def _judge(self, sandbox: str) -> None:
        """Which chains a pod of this node is led to."""
        uid, ip = self._attached.get(sandbox, ("", ""))
        pod = self._pods.get(self._by_uid.get(uid, ""))
        if not ip:
            return
        self._release(ip)
        if pod is None:
            return
        for direction in DIRECTIONS:
            mine = sorted(
                key
                for key in self._policies_in.get(pod.namespace, ())
                if self.policies[key].isolates(pod, direction)
            )
            if mine:
                self._lead(direction, ip, mine)

    def _lead(self, direction: Direction, ip: str, policies: list[str]) -> None:
        chain = f"{direction}_{_hash(policies)}"
        self._profiles[chain] += 1
        jumps = tuple(f"jump {_policy_chain(key, direction)}" for key in policies)
        self.chains.put(chain, (*jumps, REFUSAL))
        self.verdicts.put((direction, ip), chain)
        self.elements.put((ITSELF, f"{ip} . {ip}"), True)

    def _release(self, ip: str) -> None:
        for direction in DIRECTIONS:
            chain = self.verdicts.now.get((direction, ip))
            if chain is not None:
                self.verdicts.put((direction, ip), None)
                self._profiles[chain] -= 1
                if not self._profiles[chain]:
                    del self._profiles[chain]
                    self.chains.put(chain, None)
        self.elements.put((ITSELF, f"{ip} . {ip}"), None)

    # --- scripts

    def whole(self) -> str:
        """The script that loads everything anew."""
        for kept in (self.sets, self.elements, self.chains, self.verdicts):
            kept.forget()
        return skeleton(self.table) + self.changes()

    def changes(self) -> str:
        """The script of what changed since the last one, for one transaction. Empty if nothing."""
        sets, old_sets = self.sets.take()
        gone = {name for name, _ in old_sets}
        elements, old_elements = self.elements.take()
        chains, old_chains = self.chains.take()
        verdicts, old_verdicts = self.verdicts.take()
        removed = [name for name, _ in old_chains if name not in self.chains.now]
        leaving = [(name, one) for (name, one), _ in old_elements if name not in gone]
        arriving = [(name, one) for (name, one), _ in elements]
        leading = [(where, f"{ip} : goto {chain}") for (where, ip), chain in verdicts]
        lines = [
            *(f"add set ip {self.table} {name} {{ type {kind}; }}" for name, kind in sets),
            *(f"add chain ip {self.table} {name}" for name, _ in chains),
            *(f"flush chain ip {self.table} {name}" for name, _ in chains),
            *(f"add rule ip {self.table} {n} {line}" for n, found in chains for line in found),
            *self._element_lines("delete", ((where, ip) for (where, ip), _ in old_verdicts)),
            *self._element_lines("delete", leaving),
            *self._element_lines("add", arriving),
            *self._element_lines("add", leading),
            *(f"flush chain ip {self.table} {name}" for name in removed),
            *(f"delete chain ip {self.table} {name}" for name in removed),
            *(f"delete set ip {self.table} {name}" for name in gone),
        ]
        return "\n".join(lines) + "\n" if lines else ""

    def _element_lines(self, verb: str, elements: Iterable[tuple[str, str]]) -> Iterator[str]:
        """One command for each set or map."""
        by_set: dict[str, list[str]] = {}
        for name, element in elements:
            by_set.setdefault(name, []).append(element)
        for name, found in by_set.items():
            yield f"{verb} element ip {self.table} {name} {{ {', '.join(found)} }}"


def _policy_chain(key: str, direction: Direction) -> str:
    return f"{direction}_of_{_hash(key)}"


def _discard(index: dict[str, set[str]], space: str, key: str) -> None:
    index[space].discard(key)
    if not index[space]:
        del index[space]
