"""The policies' rules against a plain model of what policies mean, under any order of changes.

The scripts are carried out on a small table of sets, maps and chains, and packets are judged by it.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelet.network import policies
from kubelet.network.firewall import Firewall
from kubelet.network.policies import DIRECTIONS, Direction, Pod, Policy, Port, Rule

SPACES = ("a", "b")
ADDRESSES = ("10.1.0.2", "10.1.0.3", "10.1.1.2", "10.1.1.3", "192.168.0.1")
"""The last is of no pod."""
PORTS = (80, 81, 90)
PROTOCOLS = ("tcp", "udp", "sctp")


@dataclass
class Table:
    """What the kernel would hold: the part of nftables that the scripts use."""

    sets: dict[str, set[str]] = field(default_factory=dict)
    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def load(self, script: str) -> None:
        if script.startswith("table "):
            end = script.index("\n}\n") + 3
            script = script[end:]
            self.sets, self.maps, self.chains = {"itself": set()}, {"ingress": {}, "egress": {}}, {}
        for line in script.splitlines():
            verb, what, _, _, name, *rest = line.split()
            getattr(self, f"_{verb}_{what}")(name, " ".join(rest))
        for lines in self.chains.values():
            assert all(name in self.sets for line in lines for name in re.findall(r"@(\w+)", line))
            for target in re.findall(r"jump (\w+)", " ".join(lines)):
                assert target in self.chains
        assert all(chain in self.chains for found in self.maps.values() for chain in found.values())

    def _add_set(self, name: str, _: str) -> None:
        assert name not in self.sets
        self.sets[name] = set()

    def _delete_set(self, name: str, _: str) -> None:
        del self.sets[name]

    def _add_chain(self, name: str, _: str) -> None:
        self.chains.setdefault(name, [])

    def _flush_chain(self, name: str, _: str) -> None:
        self.chains[name].clear()

    def _delete_chain(self, name: str, _: str) -> None:
        assert not self.chains.pop(name)

    def _add_rule(self, name: str, text: str) -> None:
        self.chains[name].append(text)

    def _add_element(self, name: str, text: str) -> None:
        for element in text.strip("{ }").split(", "):
            if name in self.maps:
                key, chain = element.split(" : goto ")
                assert key not in self.maps[name]
                self.maps[name][key] = chain
            else:
                self.sets[name].add(element)

    def _delete_element(self, name: str, text: str) -> None:
        for element in text.strip("{ }").split(", "):
            if name in self.maps:
                del self.maps[name][element]
            else:
                self.sets[name].remove(element)

    def passes(self, direction: Direction, packet: "Packet") -> bool:
        """The judgement of one hook over a new connection."""
        if f"{packet.source} . {packet.target}" in self.sets["itself"]:
            return True
        own = packet.target if direction == "ingress" else packet.source
        chain = self.maps[direction].get(own)
        return chain is None or self._judge(chain, packet) is True

    def _judge(self, chain: str, packet: "Packet") -> bool | None:
        for line in self.chains[chain]:
            if line.startswith("jump "):
                if self._judge(line.removeprefix("jump "), packet):
                    return True
            elif line.startswith("reject "):
                return False
            elif self._matches(line.removesuffix("accept").strip(), packet):
                return True
        return None

    def _matches(self, text: str, packet: "Packet") -> bool:
        fields = {
            "ip saddr": packet.source,
            "ip daddr": packet.target,
            "meta l4proto": packet.protocol,
            "th dport": str(packet.port),
        }
        field_name = "|".join(fields)
        pattern = rf"((?:{field_name})(?: \. (?:{field_name}))*) (!= )?(\{{[^}}]*\}}|\S+) ?"
        at = 0
        for match in re.finditer(pattern, text):
            assert match.start() == at, text
            at = match.end()
            value = " . ".join(fields[name] for name in match[1].split(" . "))
            if self._holds(match[3], value) == bool(match[2]):
                return False
        assert at == len(text), text
        return True

    def _holds(self, operand: str, value: str) -> bool:
        if operand.startswith("@"):
            return value in self.sets[operand[1:]]
        if operand.startswith("{"):
            return any(self._holds(part, value) for part in operand.strip("{ }").split(", "))
        if "/" in operand:
            return ipaddress.ip_address(value) in ipaddress.ip_network(operand)
        first, _, last = operand.partition("-")
        return int(first) <= int(value) <= int(last) if last else value == operand


@dataclass(frozen=True)
class Packet:
    source: str
    target: str
    protocol: str
    port: int


@dataclass
class World:
    """The plain model: everything that is so, judged from scratch."""

    policies: dict[str, Policy] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    namespaces: dict[str, Mapping[str, str]] = field(default_factory=dict)
    here: dict[str, tuple[str, str]] = field(default_factory=dict)

    def passes(self, direction: Direction, packet: Packet) -> bool:
        own, there = packet.target, packet.source
        if direction == "egress":
            own, there = there, own
        if own == there:
            return True
        mine = [pod for uid, ip in self.here.values() if ip == own and (pod := self._by_uid(uid))]
        isolating = [
            p for p in self.policies.values() for pod in mine if p.isolates(pod, direction)
        ]
        return not isolating or any(
            self._whom(rule, there) and self._which(policy, direction, rule, packet)
            for policy in isolating
            for rule in policy.rules(direction) or ()
        )

    def _by_uid(self, uid: str) -> Pod | None:
        return next((pod for pod in self.pods.values() if pod.uid == uid), None)

    def _whom(self, rule: Rule, ip: str) -> bool:
        pods = [pod for pod in self.pods.values() if pod.ip == ip]
        return (
            rule.anyone
            or any(block.holds(ip) for block in rule.blocks)
            or any(peer.matches(pod, self.namespaces.get) for peer in rule.peers for pod in pods)
        )

    def _which(self, policy: Policy, direction: Direction, rule: Rule, packet: Packet) -> bool:
        return not rule.ports or any(
            port.protocol == packet.protocol
            and (
                self._named(policy, direction, rule, port, packet)
                if port.name
                else port.first <= packet.port <= port.last
            )
            for port in rule.ports
        )

    def _named(
        self, policy: Policy, direction: Direction, rule: Rule, port: Port, packet: Packet
    ) -> bool:
        """A port's name means what the destination's pod calls so."""
        wanted = (port.name, packet.protocol, packet.port)
        return any(
            wanted in pod.ports
            and (
                pod.namespace == policy.namespace and policy.pods.matches(pod.labels)
                if direction == "ingress"
                else self._whom(rule, pod.ip)
            )
            for pod in self.pods.values()
            if pod.ip == packet.target
        )


LABELS = st.sampled_from(({}, {"x": "1"}, {"x": "1"}, {"x": "2"}, {"x": "1", "y": "1"}))
SELECTORS = LABELS.map(lambda found: {"matchLabels": found})
PEERS = st.one_of(
    st.fixed_dictionaries({"podSelector": SELECTORS}),
    st.fixed_dictionaries({"namespaceSelector": SELECTORS}, optional={"podSelector": SELECTORS}),
    st.sampled_from(
        [
            {"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.0.0/24", "10.1.0.2/32"]}},
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.1.0.0/16"]}},
            {"ipBlock": {"cidr": "fd00::/8"}},
        ]
    ),
)
PORT_RULES = st.fixed_dictionaries(
    {"protocol": st.sampled_from([protocol.upper() for protocol in PROTOCOLS])},
    optional={"port": st.sampled_from([80, "web"])},
) | st.just({"port": 80, "endPort": 81})
RULES = st.fixed_dictionaries(
    {}, optional={"peers": st.lists(PEERS, max_size=2), "ports": st.lists(PORT_RULES, max_size=2)}
)


@st.composite
def a_policy(draw: st.DrawFn) -> Policy:
    spec: dict[str, Any] = {"podSelector": draw(SELECTORS)}
    types = draw(st.sampled_from([None, ["Ingress"], ["Egress"], ["Ingress", "Egress"]]))
    if types:
        spec["policyTypes"] = types
    for kind, peers in (("ingress", "from"), ("egress", "to")):
        rules = draw(st.lists(RULES, max_size=2))
        spec[kind] = [{peers if k == "peers" else k: v for k, v in r.items()} for r in rules]
    return policies.policy_of(
        {"metadata": {"namespace": draw(st.sampled_from(SPACES))}, "spec": spec}
    )


@st.composite
def a_pod(draw: st.DrawFn, number: int) -> Pod:
    named = st.tuples(st.just("web"), st.sampled_from(PROTOCOLS), st.sampled_from(PORTS))
    return Pod(
        namespace=draw(st.sampled_from(SPACES)),
        labels=draw(LABELS),
        uid=f"u{number}",
        ip=draw(st.sampled_from(("", *ADDRESSES[:4]))),
        ports=tuple(draw(st.lists(named, max_size=2))),
    )


@st.composite
def a_change(draw: st.DrawFn) -> tuple[str, str, Any]:
    kind = draw(st.sampled_from(("policy", "policy", "policy", "pod", "namespace", "attached")))
    if kind == "policy":
        return kind, draw(st.sampled_from("pqr")), draw(st.none() | a_policy())
    if kind == "pod":
        number = draw(st.integers(0, 3))
        return kind, f"pod{number}", draw(st.none() | a_pod(number))
    if kind == "namespace":
        return kind, draw(st.sampled_from(SPACES)), draw(st.none() | LABELS)
    here = draw(st.sets(st.integers(0, 3), min_size=1))
    return kind, "", {f"s{n}": (f"u{n}", ADDRESSES[n]) for n in here}


ALL_HERE = {f"s{n}": (f"u{n}", ip) for n, ip in enumerate(ADDRESSES[:4])}


@st.composite
def a_start(draw: st.DrawFn) -> list[tuple[str, str, Any]]:
    """Two namespaces, four pods of this node at their own addresses."""
    pods = [replace(draw(a_pod(n)), ip=ip) for n, ip in enumerate(ADDRESSES[:4])]
    return [
        *(("namespace", space, draw(LABELS)) for space in SPACES),
        *(("pod", f"pod{n}", pod) for n, pod in enumerate(pods)),
        ("attached", "", ALL_HERE),
    ]


PACKETS = [
    Packet(source, target, protocol, port)
    for source in ADDRESSES
    for target in ADDRESSES
    for protocol in PROTOCOLS
    for port in PORTS
]


@settings(deadline=None)
@given(a_start(), st.lists(st.lists(a_change(), min_size=1, max_size=3), min_size=1, max_size=6))
def test_packets_pass_as_the_policies_say(
    start: list[tuple[str, str, Any]], batches: list[list[tuple[str, str, Any]]]
) -> None:
    firewall, world, table = Firewall("t"), World(), Table()
    table.load(firewall.whole())
    for batch in (start, *batches):
        for kind, key, value in batch:
            if kind == "attached":
                firewall.attached(value)
                world.here = value
                continue
            getattr(firewall, kind)(key, value)
            plural = {"policy": "policies", "pod": "pods", "namespace": "namespaces"}[kind]
            known = getattr(world, plural)
            known.pop(key, None)
            if value is not None:
                known[key] = value
        table.load(firewall.changes())
        for packet in PACKETS:
            for direction in DIRECTIONS:
                assert table.passes(direction, packet) == world.passes(direction, packet), (
                    direction, packet, world,
                )  # fmt: skip
    assert not firewall.changes()
    anew = Table()
    anew.load(firewall.whole())
    assert anew == table


def test_a_pod_that_comes_costs_its_own_elements_only() -> None:
    firewall = Firewall("t")
    peer = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"x": "1"}}}
    for name in "pqr":
        spec = {"podSelector": {}, "ingress": [{"from": [peer]}]}
        firewall.policy(name, policies.policy_of({"metadata": {"namespace": name}, "spec": spec}))
    firewall.namespace("a", {})
    for number in range(100):
        firewall.pod(f"{number}", Pod("a", {"x": "1"}, f"u{number}", f"10.1.1.{number}"))
    assert firewall.changes().count("add set") == 1, "equal peers share their set"
    firewall.pod("more", Pod("a", {"x": "1"}, "more", "10.1.2.1"))
    script = firewall.changes()
    assert script.count("\n") == 1
    assert script.endswith("{ 10.1.2.1 }\n")


def test_pods_with_the_same_policies_share_a_chain() -> None:
    firewall = Firewall("t")
    firewall.policy("deny", policies.policy_of({"metadata": {"namespace": "a"}, "spec": {}}))
    for number in range(3):
        firewall.pod(f"{number}", Pod("a", {}, f"u{number}", f"10.1.1.{number}"))
    firewall.attached({f"s{n}": (f"u{n}", f"10.1.1.{n}") for n in range(3)})
    table = Table()
    table.load(firewall.whole())
    assert len(table.maps["ingress"]) == 3
    assert len(set(table.maps["ingress"].values())) == 1
    firewall.attached({})
    table.load(firewall.changes())
    assert not table.maps["ingress"]
    assert len(table.chains) == 1, "only the policy's own chain stays"


def test_a_policy_leaves_nothing_behind() -> None:
    firewall = Firewall("t")
    empty, table = Table(), Table()
    empty.load(firewall.whole())
    firewall.pod("one", Pod("a", {}, "u", "10.1.1.1", (("web", "tcp", 80),)))
    firewall.attached({"s": ("u", "10.1.1.1")})
    rule = {"from": [{"podSelector": {}}], "ports": [{"port": "web"}]}
    spec = {"podSelector": {}, "ingress": [rule]}
    firewall.policy("p", policies.policy_of({"metadata": {"namespace": "a"}, "spec": spec}))
    table.load(firewall.whole())
    assert table != empty
    firewall.policy("p", None)
    table.load(firewall.changes())
    assert table == empty
