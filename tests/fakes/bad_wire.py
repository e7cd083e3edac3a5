"""A transport that loses requests, answers and watches, reproducibly."""

import asyncio
import random
from collections.abc import AsyncIterator

from apimachinery import wire
from apimachinery.client import transport

LOST = 0.05
"""Part of the requests that never arrive, and of the answers that never come back."""
CUT = 0.1
"""Part of a watch's chunks after which it breaks off in the middle of a line."""
DELAY_MAX_S = 0.05


class BadWire:
    """Wraps a good transport; `bad` switches the faults off and on."""

    def __init__(self, inner: transport.Transport, seed: int) -> None:
        self._inner = inner
        self._rng = random.Random(seed)
        self.bad = True

    def _unlucky(self, odds: float) -> bool:
        return self.bad and self._rng.random() < odds

    async def request(self, request: wire.Request, *, stream: bool = False) -> wire.Response:
        if self._unlucky(LOST):
            raise transport.Unreachable("the request is lost")
        await asyncio.sleep(self._rng.random() * DELAY_MAX_S)
        response = await self._inner.request(request, stream=stream)
        if stream:
            assert not isinstance(response.body, bytes)
            response.body = self._cut(response.body)
        elif self._unlucky(LOST):
            raise transport.Unreachable("the answer is lost")
        return response

    async def _cut(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async with transport.closing(chunks):
            async for chunk in chunks:
                if self._unlucky(CUT):
                    yield chunk[: len(chunk) // 2]
                    raise transport.Unreachable("the watch is cut")
                await asyncio.sleep(self._rng.random() * DELAY_MAX_S if self.bad else 0)
                yield chunk

    async def close(self) -> None:
        await self._inner.close()
