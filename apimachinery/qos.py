"""The quality of service class of a pod: how far its resources are promised.

Pure. Neighbours: `apiserver.registry.pods` writes it into the status once, at creation; the node's
agent asks for pods that came without a server (`kubelet.resources`).
"""

from apimachinery.quantity import Quantity, QuantityError
from apimachinery.wire import JsonObject

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
_COUNTED = ("cpu", "memory")
_ZERO = Quantity.parse(0)


def qos_class(spec: JsonObject) -> str:
    """Guaranteed: every container's cpu and memory are limited and requested alike."""
    if isinstance(pod_level := spec.get("resources"), dict) and (
        pod_level.get("requests") or pod_level.get("limits")
    ):
        return _class_of([pod_level])
    containers = [
        *(spec.get("containers") or []),
        *(spec.get("initContainers") or []),
    ]
    return _class_of([one.get("resources") or {} for one in containers])


def _class_of(resources: list[JsonObject]) -> str:
    anything = False
    guaranteed = True
    for one in resources:
        requests = _positive(one.get("requests"))
        limits = _positive(one.get("limits"))
        anything = anything or bool(requests) or bool(limits)
        if len(limits) != len(_COUNTED) or any(
            requests.get(name, value) != value for name, value in limits.items()
        ):
            guaranteed = False
    if not anything:
        return BEST_EFFORT
    return GUARANTEED if guaranteed else BURSTABLE


def _positive(found: JsonObject | None) -> dict[str, Quantity]:
    """The cpu and memory amounts above zero; what is no quantity is validation's business."""
    out: dict[str, Quantity] = {}
    if not found:
        return out
    for name in _COUNTED:
        amount = found.get(name)
        if amount is None:
            continue
        try:
            value = Quantity.parse(amount)
        except QuantityError:
            continue
        if value > _ZERO:
            out[name] = value
    return out
