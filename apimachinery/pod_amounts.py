"""What the containers of a pod ask for together: at work, or at the worst moment of its start.

Neighbours: `defaults.pods` fills in what a pod as a whole asks for, `validation.pods` compares. The
scheduler and the quotas count in their own units.
"""

from apimachinery import quantity
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject

Amounts = dict[str, Quantity]
POD_LEVEL = ("cpu", "memory")
"""What a pod as a whole can ask for (huge pages too, by prefix)."""


def pod_level(name: str) -> bool:
    """Whether a pod as a whole can ask for it."""
    return name in POD_LEVEL or name.startswith("hugepages-")


def together(spec: JsonObject, kind: str) -> Amounts:
    """Requests or limits; sidecars run beside the others and beside the init containers after."""
    total: Amounts = {}
    beside: Amounts = {}
    peak: Amounts = {}
    for one in spec.get("containers") or ():
        _add(total, _of(one, kind))
    for one in spec.get("initContainers") or ():
        own = _of(one, kind)
        if one.get("restartPolicy") == "Always":
            _add(total, own)
            _add(beside, own)
            own = beside
        else:
            _add(own, beside)
        for name, amount in own.items():
            peak[name] = max(peak.get(name, quantity.ZERO), amount)
    for name, amount in peak.items():
        total[name] = max(total.get(name, quantity.ZERO), amount)
    return total


def _of(container: JsonObject, kind: str) -> Amounts:
    found = (container.get("resources") or {}).get(kind) or {}
    return {name: Quantity.parse(text) for name, text in found.items()}


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, quantity.ZERO) + amount
