"""HTTP traffic from chosen places: the host, a node's namespace, or a steady load."""

import collections
import subprocess
import threading
import urllib.request
from typing import Self


def get(url: str, timeout: float = 5.0) -> str:
    """One request from the host, on a connection of its own."""
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        body: bytes = answer.read()
        return body.decode().strip()


def spread(url: str, requests: int) -> collections.Counter[str]:
    """How often each answer came."""
    return collections.Counter(get(url) for _ in range(requests))


def spread_from(netns: str, url: str, requests: int) -> collections.Counter[str]:
    """The same from inside a network namespace."""
    script = (
        "import sys, urllib.request as u\n"
        f"for _ in range({requests}): print(u.urlopen({url!r}, timeout=5).read().decode().strip())"
    )
    done = subprocess.run(
        ["nsenter", f"--net=/run/netns/{netns}", "python3", "-c", script],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return collections.Counter(done.stdout.split())


class SteadyLoad:
    """Requests one after another until left; every failure is kept."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: collections.Counter[str] = collections.Counter()
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            try:
                self.answers[get(self.url)] += 1
            except OSError as error:
                self.failures.append(repr(error))
