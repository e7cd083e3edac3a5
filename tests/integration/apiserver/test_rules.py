"""Rules of custom resources (CEL): refused definitions, refused objects, webhooks' conditions."""

from typing import Any

import pytest

from .conftest import Api
from .test_customresources import CRDS, GADGET, GADGETS, definition, gadget, schema, version


def ruled(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A definition whose spec has these rules."""
    made = schema(low={"type": "integer"}, high={"type": "integer"})
    made["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] = list(rules)
    return definition(version(schema=made, **more))


async def test_an_object_that_breaks_a_rule(api: Api) -> None:
    rule = {"rule": "self.low <= self.high", "message": "low is above high"}
    await api.made(CRDS, ruled(rule))
    await api.made(GADGETS, gadget(low=1, high=2))
    answer = await api.post(GADGETS, gadget("b", low=3, high=2))
    assert answer.status == 422
    assert answer.message == (
        'Gadget.example.com "b" is invalid: spec: Invalid value: "object": low is above high'
    )
    assert (await api.patch(GADGET, {"spec": {"low": 5}})).status == 422
    assert (await api.patch(GADGET, {"spec": {"low": 0}})).status == 200


async def test_a_rule_without_a_message_shows_itself(api: Api) -> None:
    await api.made(CRDS, ruled({"rule": "self.low <= self.high"}))
    answer = await api.post(GADGETS, gadget(low=3, high=2))
    assert "failed rule: self.low <= self.high" in answer.message
    missing = await api.post(GADGETS, gadget(low=3))
    assert "no such key: high evaluating rule" in missing.message


async def test_transition_rules(api: Api) -> None:
    await api.made(CRDS, ruled({"rule": "self.low == oldSelf.low", "message": "low stays"}))
    await api.made(GADGETS, gadget(low=1))
    assert "low stays" in (await api.patch(GADGET, {"spec": {"low": 2}})).message
    assert (await api.patch(GADGET, {"spec": {"high": 2}})).status == 200


async def test_a_transition_rule_that_is_asked_at_creation_too(api: Api) -> None:
    rule = {
        "rule": "oldSelf.hasValue() ? self.low >= oldSelf.value().low : self.low == 0",
        "message": "starts at 0 and grows",
        "optionalOldSelf": True,
    }
    await api.made(CRDS, ruled(rule))
    assert "starts at 0" in (await api.post(GADGETS, gadget(low=1))).message
    await api.made(GADGETS, gadget(low=0))
    assert (await api.patch(GADGET, {"spec": {"low": 3}})).status == 200
    assert (await api.patch(GADGET, {"spec": {"low": 2}})).status == 422


async def test_rules_hold_for_the_status_too(api: Api) -> None:
    made = schema()
    phase = {"type": "string", "x-kubernetes-validations": [{"rule": "self in ['a', 'b']"}]}
    made["openAPIV3Schema"]["properties"]["status"]["properties"] = {"phase": phase}
    await api.made(CRDS, definition(version(schema=made, subresources={"status": {}})))
    await api.made(GADGETS, gadget(size=1))
    assert (await api.patch(f"{GADGET}/status", {"status": {"phase": "a"}})).status == 200
    assert (await api.patch(f"{GADGET}/status", {"status": {"phase": "c"}})).status == 422


async def test_a_rule_that_cannot_be_evaluated_refuses_its_definition(api: Api) -> None:
    answer = await api.post(CRDS, ruled({"rule": "self.low.nonsense()"}))
    assert answer.status == 422
    # All versions share the schema: it is the definition's.
    where = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule"
    assert f"{where}: Invalid value" in answer.message
    assert "undeclared reference to 'nonsense'" in answer.message


def listed(rule: str, **bounds: Any) -> dict[str, Any]:
    """A definition with a rule about a list of numbers."""
    made = schema(l={"type": "array", "items": {"type": "integer"}, **bounds})
    made["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": rule}]
    return definition(version(schema=made))


NESTED = "self.l.all(a, self.l.all(b, self.l.all(c, a + b + c >= 0)))"


async def test_a_rule_that_may_cost_too_much_refuses_its_definition(api: Api) -> None:
    answer = await api.post(CRDS, listed(NESTED))
    assert answer.status == 422
    assert (
        "x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor "
        "of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and "
        "maxLength where arrays, maps, and strings are declared)"
    ) in answer.message
    assert "estimated rule cost total for entire OpenAPIv3 schema exceeds budget" in answer.message
    assert (await api.post(CRDS, listed(NESTED, maxItems=50))).status == 201


async def test_what_a_definition_may_say_in_rules(api: Api) -> None:
    rule = (
        "cel.bind(l, self.?l.orValue([]), l.all(i, v, v >= i)) && "
        "self.?l[?0].optMap(v, v < 100).orValue(true)"
    )
    await api.made(CRDS, listed(rule, maxItems=10))
    assert (await api.post(GADGETS, gadget(l=[0, 1, 2]))).status == 201
    assert (await api.post(GADGETS, gadget("b"))).status == 201
    assert (await api.post(GADGETS, gadget("c", l=[0, 0]))).status == 422
    assert (await api.post(GADGETS, gadget("d", l=[100]))).status == 422


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("self.l > 'a'", "found no matching overload for '_>_' applied to '(list(int), string)'"),
        ("self.size(", "Syntax error: mismatched input '<EOF>'"),
        ("self.k", "undefined field 'k'"),
        ("self.l", "cel expression must evaluate to a bool"),
    ],
)
async def test_a_rule_that_does_not_compile(api: Api, rule: str, problem: str) -> None:
    answer = await api.post(CRDS, listed(rule, maxItems=10))
    assert answer.status == 422
    assert f"compilation failed: {'ERROR' if 'cel' not in problem else 'cel'}" in answer.message
    assert problem in answer.message


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({"rule": " "}, "rule: Required value: rule is not specified"),
        ({"rule": "true", "message": "a\nb"}, "message must not contain line breaks"),
        ({"rule": "true ||\nfalse"}, "message must be specified if rule contains line breaks"),
        ({"rule": "true", "reason": "Because"}, 'reason: Unsupported value: "Because"'),
        ({"rule": "true", "fieldPath": ".none"}, "fieldPath must be a valid path"),
        ({"rule": "true", "messageExpression": "1"}, "messageExpression must evaluate to a string"),
    ],
)
async def test_what_is_no_rule(api: Api, rule: dict[str, Any], problem: str) -> None:
    answer = await api.post(CRDS, ruled(rule))
    assert answer.status == 422
    assert problem in answer.message


async def test_items_that_cannot_be_told_apart_have_no_old_value(api: Api) -> None:
    items = {
        "type": "integer",
        "x-kubernetes-validations": [{"rule": "self >= oldSelf"}],
    }
    made = schema(l={"type": "array", "maxItems": 5, "items": items})
    answer = await api.post(CRDS, definition(version(schema=made)))
    assert answer.status == 422
    assert "oldSelf cannot be used on the uncorrelatable portion of the schema" in answer.message


async def test_conditions_keep_a_webhook_out(api: Api) -> None:
    hook = {
        "name": "never.hooks.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [
            {
                "operations": ["CREATE"],
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "resources": ["configmaps"],
            }
        ],
        "matchConditions": [
            {"name": "some", "expression": "object.metadata.name.startsWith('checked-')"},
            {"name": "people", "expression": "request.userInfo.username == 'admin'"},
        ],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    await api.made(path, {"metadata": {"name": "v"}, "webhooks": [hook]})
    configs = "/api/v1/namespaces/default/configmaps"
    assert (await api.post(configs, api.config("plain"))).status == 201
    assert (await api.post(configs, api.config("checked-a"))).status == 500


LABELS = {"type": "object", "maxProperties": 100, "additionalProperties": {"type": "string"}}
REQUIREMENT = {
    "type": "object",
    "required": ["key", "operator"],
    "properties": {
        "key": {"type": "string", "maxLength": 316},
        "operator": {"type": "string", "enum": ["In", "NotIn", "Gt", "Lt"]},
        "minValues": {"type": "integer"},
        "values": {"type": "array", "items": {"type": "string"}},
    },
}
REFERENCE = {
    "type": "object",
    "required": ["kind", "name"],
    "properties": {"kind": {"type": "string"}, "name": {"type": "string"}},
}


SHORT = {"type": "string", "maxLength": 63}
REQUIREMENTS = {"type": "array", "maxItems": 100, "items": REQUIREMENT}
PARENT = {
    "type": "object",
    "properties": {
        "kind": SHORT,
        "name": SHORT,
        "more": {"type": "array", "maxItems": 16, "items": REFERENCE},
    },
}
NOT_EMPTY = {"rule": "self.kind == 'Service' ? self.name != '' : true"}
NUMBERS = (
    "self.all(x, (x.operator == 'Gt' || x.operator == 'Lt') ? (x.values.size() == 1 && "
    "int(x.values[0]) >= 0) : true)"
)
LEAST = (
    "self.all(x, (x.operator == 'In' && has(x.minValues)) ? x.values.size() >= x.minValues : true)"
)
TWINS = "self.all(a, self.exists_one(b, a.name == b.name && a.kind == b.kind))"


@pytest.mark.parametrize(
    ("part", "rule"),
    [
        (REQUIREMENTS, "self.all(x, x.operator == 'In' ? x.values.size() != 0 : true)"),
        (REQUIREMENTS, NUMBERS),
        (REQUIREMENTS, LEAST),
        (LABELS, "self.all(k, k in ['a.b/c', 'a.b/d'] || !k.find('^([^/]+)').endsWith('a.b'))"),
        ({"type": "string"}, "self.matches('^([0-9]+(s|m|h))+$')"),
        ({"type": "string", "maxLength": 253}, "self.startsWith('arn:') || self.contains('/')"),
        (
            {"x-kubernetes-int-or-string": True},
            "quantity(string(self)).isGreaterThan(quantity('0'))",
        ),
        (
            {"type": "array", "items": {**REFERENCE, "x-kubernetes-validations": [NOT_EMPTY]}},
            "size(self) > 0",
        ),
        ({"type": "array", "maxItems": 16, "items": PARENT}, TWINS),
    ],
)
async def test_rules_that_are_in_use_are_not_too_dear(
    api: Api, part: dict[str, Any], rule: str
) -> None:
    """Shapes of rules that published operators bring, which Kubernetes accepts."""
    made = schema(p={**part, "x-kubernetes-validations": [{"rule": rule}]})
    answer = await api.post(CRDS, definition(version(schema=made)))
    assert answer.status == 201, answer.raw
