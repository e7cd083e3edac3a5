"""DefaultTolerationSeconds: pods outlast five minutes of a node's silence unless they say else."""

from typing import ClassVar

from apiserver.admission.chain import CREATE, Attempt, Plugin

SECONDS = 300
_KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DefaultTolerationSeconds(Plugin):
    """Adds the two tolerations that are not there in any form."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    async def mutate(self, attempt: Attempt) -> None:
        assert attempt.obj is not None, "a create has an object"
        spec = attempt.obj.setdefault("spec", {})
        present = spec.get("tolerations") or []
        missing = [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
            for key in _KEYS
            if not any(_covers(one, key) for one in present)
        ]
        if missing:
            spec["tolerations"] = [*present, *missing]


def _covers(toleration: dict[str, object], key: str) -> bool:
    return toleration.get("key") in (key, None, "") and toleration.get("effect") in (
        "NoExecute",
        None,
        "",
    )
