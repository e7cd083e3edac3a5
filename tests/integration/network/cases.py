"""What happens in a network namespace of its own: run there by `test_kernel.py`, one case a process.

The namespace holds a loopback with a few addresses that play the endpoints.
"""

import collections
import socket
import subprocess
import threading

from kubelet.network import conntrack, rules
from kubelet.network.nftables import Nftables
from kubelet.network.rules import Frontend, NodeNetwork, Target

NETWORK = NodeNetwork("t", "10.96.0.0/16", "10.71.0.0/16", "10.71.1.0/24")
ENDPOINTS = [f"10.71.9.{n}" for n in range(1, 5)]
TCP = Frontend("10.96.0.5", "tcp", 80)
UDP = Frontend("10.96.0.5", "udp", 53)


class Kernel:
    """The rules as they stand, and what changes them."""

    def __init__(self) -> None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for ip in [*ENDPOINTS, "10.71.0.11"]:
            subprocess.run(["ip", "addr", "add", f"{ip}/32", "dev", "lo"], check=True)
        # A way out for addresses that are nowhere: the rules catch what is sent there.
        for line in (
            "link add out type veth peer name far",
            "link set out up",
            "link set far up",
            "route add 10.96.0.0/16 dev out src 10.71.0.11",
        ):
            subprocess.run(["ip", *line.split()], check=True)
        self.nft = Nftables()
        self.nft.run(rules.skeleton(NETWORK))
        self.state: dict[Frontend, Target] = {}
        self.chains: set[str] = set()

    def load(self, new: dict[Frontend, Target]) -> None:
        self.nft.run(rules.change("t", self.state, new, chains=self.chains))
        self.chains |= rules.shared_chains(new)
        self.state = new


def backends(count: int, port: int) -> tuple[tuple[str, int], ...]:
    return tuple((ip, port) for ip in ENDPOINTS[:count])


def serve_tcp(ip: str) -> None:
    listener = socket.create_server((ip, 8080))

    def answer() -> None:
        while True:
            connection, _ = listener.accept()
            connection.sendall(ip.encode())
            connection.close()

    threading.Thread(target=answer, daemon=True).start()


def ask_tcp(frontend: Frontend = TCP) -> str:
    with socket.create_connection((frontend.ip, frontend.port), timeout=3) as connection:
        return connection.recv(100).decode()


def refused() -> bool:
    try:
        ask_tcp()
    except ConnectionRefusedError:
        return True
    return False


def balances_over_all_endpoints() -> None:
    kernel = Kernel()
    for ip in ENDPOINTS:
        serve_tcp(ip)
    kernel.load({TCP: Target(backends(4, 8080))})
    seen = collections.Counter(ask_tcp() for _ in range(200))
    assert set(seen) == set(ENDPOINTS), seen
    assert min(seen.values()) > 20, seen


def follows_changes_and_refuses_without_endpoints() -> None:
    kernel = Kernel()
    for ip in ENDPOINTS:
        serve_tcp(ip)
    kernel.load({TCP: Target()})
    assert refused()
    for count in (3, 1, 4, 2):
        kernel.load({TCP: Target(backends(count, 8080))})
        assert {ask_tcp() for _ in range(60)} == set(ENDPOINTS[:count])
    kernel.load({TCP: Target()})
    assert refused()


def affinity_survives_other_endpoints_going() -> None:
    kernel = Kernel()
    for ip in ENDPOINTS:
        serve_tcp(ip)
    kernel.load({TCP: Target(backends(4, 8080), affinity_seconds=100)})
    mine = ask_tcp()
    assert {ask_tcp() for _ in range(20)} == {mine}
    rest = tuple((ip, 8080) for ip in (mine, *[e for e in ENDPOINTS if e != mine][:1]))
    kernel.load({TCP: Target(rest, affinity_seconds=100)})
    assert {ask_tcp() for _ in range(20)} == {mine}
    others = tuple((ip, 8080) for ip in ENDPOINTS if ip != mine)
    kernel.load({TCP: Target(others, affinity_seconds=100)})
    assert len({ask_tcp() for _ in range(20)} - {mine}) == 1
    kernel.load({})
    assert "a_" not in kernel.nft.run("list sets")


def many_endpoints_fit_into_one_service() -> None:
    kernel = Kernel()
    kernel.load(
        {TCP: Target(tuple((f"10.72.{i // 250}.{i % 250 + 1}", 8080) for i in range(1000)))}
    )
    assert "tcp_1000" in kernel.chains
    kernel.load({TCP: Target(backends(1, 8080))})


def udp_clients_are_sent_on_when_their_endpoint_goes() -> None:
    kernel = Kernel()
    servers = {}
    for ip in ENDPOINTS[:2]:
        servers[ip] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        servers[ip].bind((ip, 5353))
        servers[ip].settimeout(2)
    kernel.load({UDP: Target(backends(1, 5353))})
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((UDP.ip, UDP.port))
    client.send(b"one")
    assert servers[ENDPOINTS[0]].recv(10) == b"one"
    present = ((ENDPOINTS[1], 5353),)
    kernel.load({UDP: Target(present)})
    client.send(b"two")
    assert servers[ENDPOINTS[0]].recv(10) == b"two", "the kernel remembers the first endpoint"
    assert conntrack.flush({UDP: present}) == 1
    client.send(b"three")
    assert servers[ENDPOINTS[1]].recv(10) == b"three"
    assert conntrack.flush({UDP: present}) == 0


def source_ranges_keep_others_out() -> None:
    kernel = Kernel()
    serve_tcp(ENDPOINTS[0])
    kernel.load({TCP: Target(backends(1, 8080), sources=("192.0.2.0/24", "10.71.0.0/24"))})
    assert ask_tcp() == ENDPOINTS[0], "from 10.71.0.11"
    kernel.load({TCP: Target(backends(1, 8080), sources=("192.0.2.0/24",))})
    try:
        ask_tcp()
    except TimeoutError:
        pass
    else:
        raise AssertionError("the range does not hold")
    kernel.load({TCP: Target(backends(1, 8080))})
    assert ask_tcp() == ENDPOINTS[0]
    assert "l_" not in kernel.nft.run("list chains")


def more_ranges_may_overlap() -> None:
    kernel = Kernel()
    kernel.nft.run(rules.more_ranges("t", {"10.96.0.0/16", "10.96.128.0/17", "10.200.0.0/24"}))
    listed = kernel.nft.run("list set ip t ranges")
    assert "10.96.0.0/16" in listed
    assert "10.200.0.0/24" in listed
    assert "10.96.128.0" not in listed
