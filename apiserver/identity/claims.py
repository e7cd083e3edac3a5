"""Who the claims of an outside issuer's token say that somebody is: rules and mappings.

Pure, and evaluated in this very process: the expressions are those of whoever runs the server, their cost
is bounded, and authentication cannot wait for a child. Neighbours: `configuration` reads the rules,
`issuers` has checked the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apimachinery import wire
from apimachinery.wire import JsonObject
from apiserver.expressions.questions import CALL_LIMIT, Ask, Group


class Unfit(Exception):  # noqa: N818  a fact about a token, for the log
    """The claims make no user."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from: a claim, with a prefix for what it gives, or an expression."""

    claim: str = ""
    prefix: str = ""
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold: a claim that has a value, or an expression."""

    claim: str = ""
    required: str = ""
    expression: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """How claims become a user."""

    username: Source
    groups: Source | None = None
    uid: Source | None = None
    extra: tuple[tuple[str, str], ...] = ()
    """Keys, and the expressions of their values."""
    claim_rules: tuple[Rule, ...] = ()
    user_rules: tuple[Rule, ...] = ()


def user_of(claims: JsonObject, mapping: Mapping) -> wire.UserInfo:
    """The user; raises Unfit."""
    for rule in mapping.claim_rules:
        if rule.claim:
            if claims.get(rule.claim) != rule.required:
                raise Unfit(f"the claim {rule.claim} is not {rule.required!r}")
        else:
            _must(rule, {"claims": claims})
    if mapping.username.claim == "email" and claims.get("email_verified", True) is not True:
        raise Unfit("the email address is not verified")
    names = _texts(_value(mapping.username, claims), mapping.username.prefix)
    if len(names) != 1 or not names[0]:
        raise Unfit("there is no username in it")
    groups = _texts(_value(mapping.groups, claims), mapping.groups.prefix) if mapping.groups else []
    uid = _texts(_value(mapping.uid, claims)) if mapping.uid else []
    extra = {}
    for key, expression in mapping.extra:
        if found := [one for one in _texts(_evaluate(expression, {"claims": claims})) if one]:
            extra[key] = tuple(found)
    user = wire.UserInfo(names[0], "".join(uid[:1]), tuple(one for one in groups if one), extra)
    shown = {
        "username": user.name, "uid": user.uid, "groups": list(user.groups),
        "extra": {key: list(values) for key, values in extra.items()},
    }  # fmt: skip
    for rule in mapping.user_rules:
        _must(rule, {"user": shown})
    return user


def _value(source: Source, claims: JsonObject) -> Any:
    if source.expression:
        return _evaluate(source.expression, {"claims": claims})
    return claims.get(source.claim)


def _texts(value: Any, prefix: str = "") -> list[str]:
    """A text, or several; none where there is nothing."""
    values = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise Unfit("what should be a text is none")
    return [prefix + one for one in values]


def _must(rule: Rule, variables: JsonObject) -> None:
    if _evaluate(rule.expression, variables) is not True:
        raise Unfit(rule.message or f"expression '{rule.expression}' does not hold")


def _evaluate(expression: str, variables: JsonObject) -> Any:
    from apiserver.expressions import worker  # for whoever has expressions

    asked = Ask(groups=(Group(((expression, ""),), variables),), budget=CALL_LIMIT)
    ((outcome,),) = worker.evaluate(asked)
    if outcome.failed:
        raise Unfit(f"expression '{expression}' resulted in error: {outcome.failed}")
    return outcome.value


def problems_of(expressions: Sequence[tuple[str, str]]) -> str:
    """What is wrong with the first of them that cannot be used; each with its variable."""
    from apiserver.expressions import worker
    from apiserver.expressions.questions import Check

    for expression, variable in expressions:
        found = worker.check(Check(expression, {variable: "map(string, dyn)"}), {})
        if found.problem:
            return f"{expression!r}: {found.problem}"
    return ""
