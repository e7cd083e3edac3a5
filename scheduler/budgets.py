"""PodDisruptionBudgets as preemption reads them: whom they protect, how many may still go. Pure.

The disruption controller counts; here the counts are only spent in thought, so that of several
plans the one that breaks the fewest budgets is taken. Neighbours: `preemption`, `service`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from apimachinery.labels import Selector
from apimachinery.wire import JsonObject
from scheduler import terms
from scheduler.views import PodInfo


@dataclass(frozen=True, slots=True)
class Budget:
    """One PodDisruptionBudget."""

    namespace: str
    selector: Selector | None
    allowed: int
    gone: frozenset[str] = frozenset()
    """Names of pods whose eviction is counted already."""

    def protects(self, pod: PodInfo) -> bool:
        """Whether evicting the pod costs this budget one disruption."""
        return (
            pod.namespace == self.namespace
            and pod.name not in self.gone
            and bool(pod.labels)
            and self.selector is not None
            and self.selector.matches(pod.labels)
        )


def read(obj: JsonObject) -> Budget:
    """Keep of a PodDisruptionBudget what preemption needs."""
    budget_status = obj.get("status") or {}
    return Budget(
        namespace=obj["metadata"]["namespace"],
        selector=terms.selector((obj.get("spec") or {}).get("selector")),
        allowed=budget_status.get("disruptionsAllowed") or 0,
        gone=frozenset(budget_status.get("disruptedPods") or ()),
    )


def violators(pods: Sequence[PodInfo], budgets: Sequence[Budget]) -> frozenset[str]:
    """The uids of those whose eviction, in this order, finds a budget spent."""
    left = [budget.allowed for budget in budgets]
    found = set()
    for pod in pods:
        for number, budget in enumerate(budgets):
            if budget.protects(pod):
                left[number] -= 1
                if left[number] < 0:
                    found.add(pod.uid)
    return frozenset(found)
