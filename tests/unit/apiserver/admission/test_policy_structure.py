"""Kubernetes' words about policies, bindings and match conditions, beside their expressions."""

import pytest

from apiserver.admission.policies import structure

RULE = {
    "operations": ["CREATE"],
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["pods"],
}
SPEC = {
    "matchConstraints": {"resourceRules": [RULE]},
    "validations": [{"expression": "true"}],
}
BINDING = {"policyName": "p", "validationActions": ["Deny"]}
POLICY, BOUND = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
QUALIFIED = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
RULED = "spec.matchConstraints.resourceRules[0]"


def policy(**change):
    return POLICY, {"metadata": {"name": "p"}, "spec": {**SPEC, **change}}


def ruled(**change):
    return policy(matchConstraints={"resourceRules": [{**RULE, **change}]})


def bound(**change):
    return BOUND, {"spec": {**BINDING, **change}}


WRONG = [
    (policy(), []),
    (
        policy(paramKind={"apiVersion": "a/b/c", "kind": "a_b"}),
        [
            'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
            "spec.paramKind.kind: Invalid value: \"a_b\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        ],
    ),
    (
        policy(matchConditions=[{"name": "a", "expression": " "}, {"name": "a"}, {"name": "-"}]),
        [
            "spec.matchConditions[0].expression: Required value",
            "spec.matchConditions[1].expression: Required value",
            'spec.matchConditions[1].name: Duplicate value: "a"',
            "spec.matchConditions[2].expression: Required value",
            f'spec.matchConditions[2].name: Invalid value: "-": {QUALIFIED}',
        ],
    ),
    (
        policy(variables=[{"name": "a-b"}, {}]),
        [
            'spec.variables[0].name: Invalid value: "a-b": name is not a valid CEL identifier',
            "spec.variables[0].expression: Required value: expression is not specified",
            "spec.variables[1].name: Required value: name is not specified",
            "spec.variables[1].expression: Required value: expression is not specified",
        ],
    ),
    (
        policy(validations=[{"expression": "true", "messageExpression": " ", "reason": "Gone"}]),
        [
            'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
            'spec.validations[0].reason: Unsupported value: "Gone": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
        ],
    ),
    (
        policy(auditAnnotations=[{"key": "a b", "valueExpression": "x" * 5121}]),
        [
            f'spec.auditAnnotations[0].key: Invalid value: "p/a b": {QUALIFIED}',
            "spec.auditAnnotations[0].valueExpression: Required value: must not exceed 5120 bytes in length",
        ],
    ),
    (
        ruled(operations=["*", "CREATE"], resourceNames=["a/b", "c", "c"], scope="Some"),
        [
            f"{RULED}.resourceNames[0]: Invalid value: \"a/b\": may not contain '/'",
            f'{RULED}.resourceNames[2]: Duplicate value: "c"',
            f'{RULED}.operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
            f'{RULED}.scope: Unsupported value: "Some": supported values: "*", "Cluster", "Namespaced"',
        ],
    ),
    (
        bound(paramRef={"name": "x", "selector": {"matchLabels": {"a b": ""}}}),
        [
            "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
            f'spec.paramRef.selector.matchLabels: Invalid value: "a b": {QUALIFIED}',
            "spec.paramRef.parameterNotFoundAction: Required value",
        ],
    ),
    (
        bound(policyName="", validationActions=[]),
        [
            "spec.policyName: Required value",
            "spec.validationActions: Required value: at least one validation action is required",
        ],
    ),
    (
        ("MutatingWebhookConfiguration", {"webhooks": [{"matchConditions": [{"name": ""}]}]}),
        [
            "webhooks[0].matchConditions[0].expression: Required value",
            "webhooks[0].matchConditions[0].name: Required value",
        ],
    ),
]


@pytest.mark.parametrize(("made", "messages"), WRONG)
def test_what_is_wrong(made, messages):
    assert [one.message() for one in structure.problems(*made)] == messages
