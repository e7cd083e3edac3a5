"""Dealing out pod address ranges from the cluster's range. Pure.

Neighbour: `nodeipam.controller` keeps one `Ranges` in step with the nodes.
"""

import ipaddress


class Ranges:
    """The subnets of one cluster range, by number; who has which."""

    def __init__(self, cluster: str, node_bits: int = 24) -> None:
        self._cluster = ipaddress.ip_network(cluster)
        if not self._cluster.prefixlen <= node_bits <= self._cluster.max_prefixlen:
            raise ValueError(
                f"nodes cannot get /{node_bits} ranges out of {cluster}: choose a longer prefix"
            )
        self._node_bits = node_bits
        self._size = 2 ** (self._cluster.max_prefixlen - node_bits)
        self._count = 2 ** (node_bits - self._cluster.prefixlen)
        self._taken: dict[int, str] = {}
        self._of: dict[str, set[int]] = {}
        self._next = 0
        """Below this number no subnet is free."""

    def take(self, node: str) -> str | None:
        """The lowest free subnet, now the node's; None when all are taken."""
        for number in range(self._next, self._count):
            if number not in self._taken:
                self._note(number, node)
                self._next = number + 1
                return self._subnet(number)
        return None

    def occupy(self, node: str, cidr: str) -> bool:
        """The node has this range, whoever gave it. False if another node has part of it."""
        clash = False
        for number in self._numbers(cidr):
            owner = self._taken.setdefault(number, node)
            clash = clash or owner != node
            if owner == node:
                self._note(number, node)
        return not clash

    def release(self, node: str) -> None:
        for number in self._of.pop(node, ()):
            del self._taken[number]
            self._next = min(self._next, number)

    def _note(self, number: int, node: str) -> None:
        self._taken[number] = node
        self._of.setdefault(node, set()).add(number)

    def _subnet(self, number: int) -> str:
        first = int(self._cluster.network_address) + number * self._size
        address = ipaddress.ip_address(first)
        return f"{address}/{self._node_bits}"

    def _numbers(self, cidr: str) -> range:
        """The numbers of our subnets that a range touches."""
        other = ipaddress.ip_network(cidr, strict=False)
        if other.version != self._cluster.version or not other.overlaps(self._cluster):
            return range(0)
        base = int(self._cluster.network_address)
        first = max(int(other.network_address) - base, 0) // self._size
        last = min(int(other.broadcast_address) - base, self._count * self._size - 1)
        return range(first, last // self._size + 1)
