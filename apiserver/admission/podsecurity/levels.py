"""Which level a namespace's labels ask for, and what a level finds wrong with a pod. Pure.

Levels carry a version: `versions` has the checks of each. Neighbour: `plugin` asks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from apimachinery import status
from apimachinery.status import FieldError
from apiserver.admission.podsecurity.finding import Finding, Pod
from apiserver.admission.podsecurity.versions import (
    BASELINE,
    NEWEST,
    PRIVILEGED,
    RESTRICTED,
    checks,
)

PREFIX = "pod-security.kubernetes.io/"
MODES = ("enforce", "audit", "warn")
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)
"""From what lets all through to what lets least."""
LATEST = "latest"
_VERSION = re.compile(r"latest|v1\.(0|[1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class Level:
    """A level with the version that it was asked for in."""

    name: str = PRIVILEGED
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def open(self) -> bool:
        """Whether nothing is beyond it."""
        return self.name == PRIVILEGED

    def stricter(self, other: "Level") -> bool:
        """Whether it lets less through; versions do not count."""
        return LEVELS.index(self.name) > LEVELS.index(other.name)

    def findings(self, pod: Pod) -> list[Finding]:
        """All that is beyond the level, in Kubernetes' order."""
        minor = NEWEST if self.version == LATEST else int(self.version.removeprefix("v1."))
        found = (check(pod) for check in checks(self.name, minor))
        return [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class Policy:
    """The levels of a namespace: beyond one pods are refused, noted, warned of."""

    enforce: Level = Level()
    audit: Level = Level()
    warn: Level = Level()

    @property
    def open(self) -> bool:
        """Whether nothing is beyond any of them."""
        return self.enforce.open and self.audit.open and self.warn.open


def policy(labels: Mapping[str, str], defaults: Policy) -> Policy:
    """What the labels of a namespace say; `defaults` is said by who says nothing.

    A level that is none asks for the most where pods are refused, for nothing elsewhere. Who only
    says what is refused is also warned of it: of workloads, whose pods will be.
    """
    enforce = _level(labels, "enforce", defaults.enforce, RESTRICTED)
    warn = _level(labels, "warn", defaults.warn, PRIVILEGED)
    refusing = labels.get(f"{PREFIX}enforce") in LEVELS
    if refusing and f"{PREFIX}warn" not in labels and enforce.stricter(warn):
        told = f"{PREFIX}warn-version" in labels
        warn = Level(enforce.name, warn.version if told else enforce.version)
    return Policy(enforce, _level(labels, "audit", defaults.audit, PRIVILEGED), warn)


def _level(labels: Mapping[str, str], mode: str, default: Level, otherwise: str) -> Level:
    name = labels.get(PREFIX + mode, default.name)
    version = labels.get(f"{PREFIX}{mode}-version", default.version)
    return Level(name if name in LEVELS else otherwise, version if is_version(version) else LATEST)


def is_version(text: str) -> bool:
    """Whether a version is one."""
    return _VERSION.fullmatch(text) is not None


def errors(labels: Mapping[str, str]) -> list[FieldError]:
    """Labels of a namespace that say nothing valid."""
    found = []
    for mode in MODES:
        key = PREFIX + mode
        value = labels.get(key)
        if value is not None and value not in LEVELS:
            found.append(
                status.invalid_value(
                    f"metadata.labels[{key}]", value, f"must be one of {', '.join(LEVELS)}"
                )
            )
        version = labels.get(f"{key}-version")
        if version is not None and not is_version(version):
            found.append(
                status.invalid_value(
                    f"metadata.labels[{key}-version]",
                    version,
                    'must be "latest" or "v1.x"',
                )
            )
    return found
