"""What a controller has done and not yet seen: it must not decide again before.

After a reconcile created or deleted objects, the mirror is behind for a moment; counting then
would create twice. The controller notes a token per act, the informer's handler strikes it out,
and the key is left alone until none is left, or for so long that something must have been lost.

Each key is worked on by one worker at a time, so the acts of one reconcile are noted together
(`acting`), less those that the mirror showed while they went on. Tokens: `created(uid)`,
`deleted(uid)`. Pure bookkeeping, one event loop.
"""

import contextlib
from collections.abc import Iterator

from apimachinery.aio import clock as clocks

PATIENCE_SECONDS = 300.0
"""Longer than any informer is behind; after this we count again (Kubernetes' number)."""


def created(uid: str) -> str:
    return f"+{uid}"


def deleted(uid: str) -> str:
    return f"-{uid}"


class Expectations:
    """Tokens per key, each key with the time of its last act."""

    def __init__(self, clock: clocks.Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, set[str]] = {}
        self._since: dict[str, float] = {}
        self._seen: dict[str, set[str]] = {}
        """What the mirror showed for keys that are acting now."""

    @contextlib.contextmanager
    def acting(self, key: str) -> Iterator[set[str]]:
        """Put a token into the set for each act; what is unseen at the end is waited for."""
        done: set[str] = set()
        seen = self._seen[key] = set()
        try:
            yield done
        finally:
            del self._seen[key]
            if done - seen:
                self._waiting.setdefault(key, set()).update(done - seen)
                self._since[key] = self._clock.monotonic()

    def observe(self, key: str, token: str) -> None:
        """The mirror shows this act."""
        if key in self._seen:
            self._seen[key].add(token)
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.discard(token)
            if not waiting:
                self.forget(key)

    def pod_changed(self, key: str, uid: str, *, exists: bool, ending: bool) -> None:
        """The mirror shows a pod so: made, about to end, or gone."""
        if exists:
            self.observe(key, created(uid))
        if ending or not exists:
            self.observe(key, deleted(uid))

    def satisfied(self, key: str) -> bool:
        """Whether the mirror shows all that was done, or never will."""
        if key not in self._waiting:
            return True
        if self._clock.monotonic() - self._since[key] < PATIENCE_SECONDS:
            return False
        self.forget(key)
        return True

    def forget(self, key: str) -> None:
        self._waiting.pop(key, None)
        self._since.pop(key, None)
