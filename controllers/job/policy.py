"""What a failed pod means to its job, and when a job has succeeded early. Pure.

The rules are `podFailurePolicy` (KEP-3329) and `successPolicy` (KEP-3998): the first that matches
decides. Neighbour: `job.plan` counts accordingly.
"""

from collections.abc import Collection, Sequence

from apimachinery.wire import JsonObject
from controllers import views
from controllers.job import indexes

COUNT, IGNORE, FAIL_JOB, FAIL_INDEX = "Count", "Ignore", "FailJob", "FailIndex"


def judge(rules: Sequence[JsonObject], pod: views.Pod) -> tuple[str, str]:
    """(action, message) for a failed pod; Count where no rule is about it."""
    for number, rule in enumerate(rules):
        action = str(rule.get("action") or COUNT)
        what = f"matching {action} rule at index {number}"
        codes = rule.get("onExitCodes")
        if codes is not None and (found := _exit(codes, pod)) is not None:
            name, code = found
            where = f"pod {pod.meta.key} failed with exit code {code}"
            return action, f"Container {name} for {where} {what}"
        for pattern in rule.get("onPodConditions") or ():
            kind = pattern.get("type")
            if (kind, pattern.get("status") or "True") in pod.failed_conditions:
                return action, f"Pod {pod.meta.key} has condition {kind} {what}"
    return COUNT, ""


def _exit(codes: JsonObject, pod: views.Pod) -> tuple[str, int] | None:
    """The first container that the rule is about. A success is no failure, whatever is listed."""
    only, values = codes.get("containerName"), codes.get("values") or ()
    wants = codes.get("operator") == "In"
    for name, code in pod.exits:
        if code != 0 and only in (None, "", name) and (code in values) == wants:
            return name, code
    return None


def succeeded(rules: Sequence[JsonObject], completed: Collection[int]) -> str:
    """The message of the rule that is met; empty while none is."""
    for number, rule in enumerate(rules):
        done = set(completed)
        named = rule.get("succeededIndexes")
        if named:
            done &= indexes.parse(named)
        enough = rule.get("succeededCount")
        if enough is None and named:
            enough = len(indexes.parse(named))
        if enough is not None and len(done) >= enough:
            return f"Matched rules at index {number}"
    return ""
