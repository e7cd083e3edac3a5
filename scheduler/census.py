"""How many pods of a kind each row has: counted once, then kept while pods come and go. Pure.

Spread, affinity and host ports ask "how many pods that … are on each node"; the answers change by
one pod at a time. The counts asked for most recently are kept; a question seen for the first time costs one
pass over all pods. Neighbours: `snapshot` owns one and tells it of every pod; filters ask.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from scheduler.views import PodInfo

Counts = npt.NDArray[np.int64]
Question = Callable[[PodInfo], bool]

QUESTIONS_MAX = 32
"""Each costs a call whenever a pod comes or goes; more are rarely pending at once."""


class Census:
    """Counts per row, by question."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Question, Counts]] = {}

    def count(
        self, key: str, question: Question, everyone: Iterable[tuple[int, PodInfo]], rows: int
    ) -> Counts:
        """Per row the pods for which `question` is true; equal keys mean equal questions.

        `everyone` is only gone through if this was not asked lately. Not to be written to.
        """
        kept = self._kept.pop(key, None)
        if kept is None:
            counts = np.zeros(rows, np.int64)
            for row, pod in everyone:
                if question(pod):
                    counts[row] += 1
            kept = (question, counts)
            while len(self._kept) >= QUESTIONS_MAX:
                del self._kept[next(iter(self._kept))]
        self._kept[key] = kept
        return kept[1]

    def step(self, row: int, pod: PodInfo, by: int) -> None:
        """A pod came to a row (1) or left it (-1)."""
        for question, counts in self._kept.values():
            if question(pod):
                counts[row] += by

    def clear(self) -> None:
        """The rows, or what questions mean, have changed: ask all of them again."""
        self._kept.clear()
