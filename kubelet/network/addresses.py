"""Which address a pod gets: an allocator over the node's pod range. Pure.

The address that was free for longest comes first, so that a connection to a pod that just went
does not reach its successor. The network address, the first host address (kept for the node) and
the broadcast address are never given.
"""

import ipaddress
from collections.abc import Iterator

# A /16 per node is more than any node runs; a bigger range is taken in part.
MAX_ADDRESSES = 1 << 16
RESERVED_FIRST = 2


class AddressesExhaustedError(Exception):
    """Every address of the range is in use."""


class AddressPool:
    """The free and used addresses of one node's pod CIDR."""

    def __init__(self, cidr: str) -> None:
        self.network = ipaddress.IPv4Network(cidr)
        size = min(self.network.num_addresses, MAX_ADDRESSES)
        base = int(self.network.network_address)
        self._fresh: Iterator[int] = iter(range(base + RESERVED_FIRST, base + size - 1))
        # In the order of release: a dict is an ordered set.
        self._released: dict[int, None] = {}
        self._used: set[int] = set()

    def allocate(self) -> str:
        for number in self._fresh:
            if number not in self._used:
                self._used.add(number)
                return str(ipaddress.IPv4Address(number))
        if not self._released:
            raise AddressesExhaustedError(
                f"all {len(self._used)} pod addresses of {self.network} are in use"
            )
        number = next(iter(self._released))
        del self._released[number]
        self._used.add(number)
        return str(ipaddress.IPv4Address(number))

    def take(self, address: str) -> None:
        """An address that a surviving pod holds; also one outside the range (a changed CIDR)."""
        number = int(ipaddress.IPv4Address(address))
        self._released.pop(number, None)
        self._used.add(number)

    def release(self, address: str) -> None:
        """Give back; harmless when it was not in use."""
        parsed = ipaddress.IPv4Address(address)
        number = int(parsed)
        if number in self._used:
            self._used.discard(number)
            if parsed in self.network:
                self._released[number] = None

    def contains(self, address: str) -> bool:
        return ipaddress.IPv4Address(address) in self.network

    @property
    def used(self) -> frozenset[str]:
        return frozenset(str(ipaddress.IPv4Address(number)) for number in self._used)
