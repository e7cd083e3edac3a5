"""What expressions of policies and webhooks ask of the authorizer.

Neighbours: `apiserver.expressions` hands the questions over, `apiserver.access` answers them.
"""

from collections.abc import Callable

from apimachinery.wire import UserInfo
from apiserver.access import selectors
from apiserver.admission.chain import Attempt
from apiserver.attributes import Attributes, Authorizer
from apiserver.expressions.evaluator import Decide
from apiserver.expressions.questions import Question


def decider(authorizer: Callable[[], Authorizer], user: UserInfo) -> Decide:
    """Answers questions about one user."""

    def decide(question: Question) -> tuple[bool, str]:
        decision = authorizer().authorize(_attributes(user, dict(question)))
        return decision.allowed, decision.reason

    return decide


def about(attempt: Attempt) -> Question:
    """What a write is about: `authorizer.requestResource`."""
    resource = attempt.resource
    given = {
        "group": resource.group,
        "resource": resource.plural,
        "subresource": attempt.subresource,
        "namespace": attempt.namespace if resource.namespaced else "",
        "name": attempt.name,
    }
    return tuple((key, value) for key, value in given.items() if value or key == "group")


def _attributes(user: UserInfo, asked: dict[str, str]) -> Attributes:
    if "user" in asked:
        name = asked["user"]
        namespace = name.split(":")[2] if name.count(":") == 3 else ""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        user = UserInfo(name, groups=(*groups, "system:authenticated"))
    if "path" in asked:
        return Attributes(user, asked["verb"], is_resource=False, path=asked["path"])
    return Attributes(
        user,
        asked["verb"],
        is_resource=True,
        path="",
        group=asked.get("group", ""),
        version="*",
        resource=asked.get("resource", ""),
        subresource=asked.get("subresource", ""),
        namespace=asked.get("namespace", ""),
        name=asked.get("name", ""),
        field_selector=selectors.field_selector(asked.get("fieldSelector", "")),
        label_selector=selectors.label_selector(asked.get("labelSelector", "")),
    )
