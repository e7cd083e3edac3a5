"""Principals and their secrets, from a file such as Mesos masters read.

`{"credentials": [{"principal": "toil", "secret": "…"}]}`, or a line `principal secret` for each. It
is read anew when it changed, so that principals come and go without a restart. A file that cannot
be read lets nobody in. Neighbour: `access`.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

LOG = logging.getLogger(__name__)

FILE_MAX = 4 << 20
"""Bytes: tens of thousands of principals."""


class Credentials:
    """The file as of now; without a path there are no principals."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._known: Mapping[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """Principal → secret."""
        if self._path is None:
            return {}
        try:
            info = self._path.stat()
            stamp = (info.st_mtime_ns, info.st_size)
            if stamp != self._stamp:
                self._known = parse(self._path.read_bytes()[:FILE_MAX].decode())
                self._stamp = stamp
        except (OSError, ValueError) as error:
            if self._known or self._stamp is not None:
                LOG.warning("credentials file=%s cannot be used: %s", self._path, error)
            self._known, self._stamp = {}, None
        return self._known


def parse(text: str) -> dict[str, str]:
    """Both of Mesos' formats; ValueError."""
    if text.lstrip().startswith("{"):
        listed = json.loads(text).get("credentials") or []
        return {str(one["principal"]): str(one["secret"]) for one in listed}
    pairs = (line.split(None, 1) for line in text.splitlines() if line.strip())
    return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}
