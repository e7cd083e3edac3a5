"""When the server's cycle collector runs: often over what is young, never over what is old.

What a request parses are trees, freed by their reference counts, and requests, connections and
watches leave no cycles when they end (`tests/integration/front/test_garbage.py`). So there is
little to collect; but looking for it takes 1 µs an object, and nobody is answered meanwhile: a
full collection with 20,000 pods took 0.4 s. Therefore what two young collections found alive is
set aside for good, and everything is looked at only in a moment when nothing else happens.
Neighbours: `runner` (thresholds of the other commands), `server`.
"""

import asyncio
import gc
import time

YOUNG = 5_000
"""New objects between two collections of the young ones: 1 to 4 ms where all of them live (50,000
took up to 40), and no more CPU in all."""
MIDDLE = 2
"""Collections after which the survivors are looked at once more, before they are set aside."""
NEVER = 1_000_000
"""Of the old: they are set aside before."""

PERIOD_SECONDS = 600.0
"""Between two looks for a quiet moment."""
LOOK_SECONDS = 1.0
QUIET = 0.05
"""Share of a core below which a second counts as quiet."""


def settle() -> None:
    """Start-up is over: what it made stays. From here on the module's rules hold."""
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    gc.callbacks.append(_set_aside)
    gc.freeze()


def _set_aside(phase: str, info: dict[str, int]) -> None:
    if phase == "stop" and info["generation"] == 1:
        gc.freeze()


async def collect_when_quiet() -> None:
    """Until cancelled: now and then look for cycles among everything, if nobody waits."""
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        before = time.process_time()
        await asyncio.sleep(LOOK_SECONDS)
        if time.process_time() - before < QUIET * LOOK_SECONDS:
            collect_everything()


def collect_everything() -> None:
    """Look at all objects, those set aside too."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
