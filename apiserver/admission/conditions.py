"""What matchConditions come to: of webhooks and of policies alike. Pure.

Neighbours: `webhooks` and `policies` ask; `apiserver.expressions` has evaluated.
"""

from collections.abc import Sequence

from apiserver.expressions.questions import Outcome


def resulted(expression: str, outcome: Outcome) -> str:
    """How the failure of an expression is told."""
    return f"expression '{expression}' resulted in error: {outcome.failed}"


def hold(expressions: Sequence[str], outcomes: Sequence[Outcome]) -> tuple[bool, str]:
    """Whether all of them hold; or why that is not known.

    One that does not hold decides, whatever became of the others.
    """
    if any(one.value is False and not one.failed for one in outcomes):
        return False, ""
    pairs = zip(expressions, outcomes, strict=True)
    # Each failure once: Kubernetes adds them up like this.
    failures = list(dict.fromkeys(resulted(text, one) for text, one in pairs if one.failed))
    if not failures:
        return True, ""
    return False, failures[0] if len(failures) == 1 else f"[{', '.join(failures)}]"
