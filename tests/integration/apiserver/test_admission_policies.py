"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy in the server; texts are Kubernetes'."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from apimachinery import wire
from apiserver.audit import FileAuditor
from apiserver.server import ApiServer
from apiserver.stores import open_store

from .conftest import Api

GROUP = "/apis/admissionregistration.k8s.io/v1"
POLICIES = f"{GROUP}/validatingadmissionpolicies"
BINDINGS = f"{GROUP}/validatingadmissionpolicybindings"
MUTATING = f"{GROUP}/mutatingadmissionpolicies"
MUTATING_BINDINGS = f"{GROUP}/mutatingadmissionpolicybindings"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """On one store: policies read the cache, whatever is below."""
    server = ApiServer(open_store("memory"))
    await server.start()
    yield Api(server)
    await server.stop()


FEW = {"expression": "object.spec.replicas <= 5"}


def matching(group: str = "apps", plural: str = "deployments", **more: Any) -> dict[str, Any]:
    operations = more.pop("operations", ["CREATE", "UPDATE"])
    rule = {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": operations,
        "resources": [plural],
    }
    return {"resourceRules": [rule], **more}


def policy(*validations: dict[str, Any], name: str = "p", **spec: Any) -> dict[str, Any]:
    spec.setdefault("matchConstraints", matching())
    return {"metadata": {"name": name}, "spec": {"validations": list(validations), **spec}}


def binding(*actions: str, name: str = "b", policy: str = "p", **spec: Any) -> dict[str, Any]:
    made = {"policyName": policy, "validationActions": list(actions) or ["Deny"], **spec}
    return {"metadata": {"name": name}, "spec": made}


async def bound(api: Api, made: dict[str, Any], *actions: str, **spec: Any) -> None:
    await api.made(POLICIES, made)
    await api.made(BINDINGS, binding(*actions, **spec))


async def test_a_refusal(api: Api) -> None:
    await bound(api, policy(FEW))
    assert (await api.post(DEPLOYMENTS, api.deployment(replicas=5))).status == 201
    answer = await api.post(DEPLOYMENTS, api.deployment("many", replicas=6))
    text = (
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: "
        "object.spec.replicas <= 5"
    )
    assert answer.status == 422
    assert answer.json["reason"] == "Invalid"
    assert answer.message == f'deployments.apps "many" is forbidden: {text}'
    assert answer.json["details"]["causes"] == [{"message": text}]


async def test_a_message_and_a_reason(api: Api) -> None:
    said = {
        **FEW,
        "message": "too many",
        "messageExpression": "'at most 5, not ' + string(object.spec.replicas)",
        "reason": "Forbidden",
    }
    await bound(api, policy(said))
    answer = await api.post(DEPLOYMENTS, api.deployment(replicas=6))
    assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
    assert answer.message.endswith("denied request: at most 5, not 6")


async def test_a_policy_without_a_binding_is_not_in_force(api: Api) -> None:
    await api.made(POLICIES, policy(FEW))
    assert (await api.post(DEPLOYMENTS, api.deployment(replicas=6))).status == 201


async def test_only_a_warning(api: Api) -> None:
    await bound(api, policy(FEW), "Warn")
    answer = await api.post(DEPLOYMENTS, api.deployment(replicas=6))
    assert answer.status == 201
    assert answer.headers["Warning"] == (
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed "
        'expression: object.spec.replicas <= 5"'
    )


async def test_only_a_note_in_the_audit_log(tmp_path: Path) -> None:
    log = FileAuditor(tmp_path / "audit.log", lambda: 0.0)
    server = ApiServer(open_store("memory"), auditor=log)
    await server.start()
    try:
        api = Api(server)
        noted = {"key": "replicas", "valueExpression": "'has ' + string(object.spec.replicas)"}
        await bound(api, policy(FEW, auditAnnotations=[noted]), "Audit")
        assert (await api.post(DEPLOYMENTS, api.deployment(replicas=6))).status == 201
    finally:
        await server.stop()
        log.close()
    events = [orjson.loads(line) for line in (tmp_path / "audit.log").read_bytes().splitlines()]
    (found,) = [one["annotations"] for one in events if "annotations" in one]
    assert found["p/replicas"] == "has 6"
    assert orjson.loads(found["validation.policy.admission.k8s.io/validation_failure"]) == [
        {
            "message": "failed expression: object.spec.replicas <= 5",
            "policy": "p",
            "binding": "b",
            "expressionIndex": 0,
            "validationActions": ["Audit"],
        }
    ]


async def test_pod_security_is_noted_in_the_audit_log(tmp_path: Path) -> None:
    log = FileAuditor(tmp_path / "audit.log", lambda: 0.0)
    server = ApiServer(open_store("memory"), auditor=log)
    await server.start()
    try:
        api = Api(server)
        labels = {
            "pod-security.kubernetes.io/audit": "restricted",
            "pod-security.kubernetes.io/enforce": "baseline",
        }
        await api.patch("/api/v1/namespaces/default", {"metadata": {"labels": labels}})
        await api.made("/api/v1/namespaces/default/pods", api.pod())
    finally:
        await server.stop()
        log.close()
    events = [orjson.loads(line) for line in (tmp_path / "audit.log").read_bytes().splitlines()]
    (found,) = [one["annotations"] for one in events if "annotations" in one]
    assert found["pod-security.kubernetes.io/enforce-policy"] == "baseline:latest"
    assert found["pod-security.kubernetes.io/audit-violations"].startswith(
        'would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
    )


async def test_parameters(api: Api) -> None:
    limit = {"expression": "object.spec.replicas <= int(params.data.most)"}
    made = policy(limit, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    reference = {"name": "limits", "parameterNotFoundAction": "Deny"}
    await bound(api, made, paramRef=reference)
    answer = await api.post(DEPLOYMENTS, api.deployment())
    assert answer.message.endswith(
        "denied request: failed to configure binding: no params found for policy binding with "
        "`Deny` parameterNotFoundAction"
    )
    await api.made(CONFIGS, api.config("limits", most="3"))
    assert (await api.post(DEPLOYMENTS, api.deployment(replicas=3))).status == 201
    assert (await api.post(DEPLOYMENTS, api.deployment("e", replicas=4))).status == 422


async def test_parameters_by_labels(api: Api) -> None:
    limit = {"expression": "object.spec.replicas <= int(params.data.most)"}
    made = policy(limit, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    selector = {"matchLabels": {"limits": "yes"}}
    reference = {"selector": selector, "parameterNotFoundAction": "Allow"}
    await bound(api, made, paramRef=reference)
    assert (await api.post(DEPLOYMENTS, api.deployment(replicas=9))).status == 201
    for name, most in (("one", "5"), ("two", "3")):
        config = api.config(name, most=most)
        config["metadata"]["labels"] = {"limits": "yes"}
        await api.made(CONFIGS, config)
    assert (await api.post(DEPLOYMENTS, api.deployment("e", replicas=4))).status == 422
    assert (await api.post(DEPLOYMENTS, api.deployment("f", replicas=3))).status == 201


async def test_variables_the_namespace_and_the_request(api: Api) -> None:
    made = policy(
        {
            "expression": "variables.many && request.operation == 'CREATE' && "
            "request.userInfo.username == 'admin' && oldObject == null && "
            "namespaceObject.metadata.name == 'default'"
        },
        variables=[
            {"name": "replicas", "expression": "object.spec.?replicas.orValue(1)"},
            {"name": "many", "expression": "variables.replicas > 5"},
        ],
        matchConstraints=matching(operations=["CREATE"]),
    )
    await bound(api, made)
    assert (await api.post(DEPLOYMENTS, api.deployment(replicas=6))).status == 201
    assert (await api.post(DEPLOYMENTS, api.deployment("e", replicas=2))).status == 422


async def test_the_authorizer(api: Api) -> None:
    rule = (
        "authorizer.group('apps').resource('deployments').namespace('x').check('scale').allowed()"
    )
    await bound(api, policy({"expression": rule}))
    assert (await api.post(DEPLOYMENTS, api.deployment())).status == 201


async def test_conditions_and_selectors_choose(api: Api) -> None:
    never = {"expression": "false"}
    conditions = [{"name": "n", "expression": "object.metadata.name.startsWith('x')"}]
    constraints = matching(namespaceSelector={"matchLabels": {"strict": "yes"}})
    made = policy(never, matchConditions=conditions, matchConstraints=constraints)
    await bound(api, made, matchResources={"objectSelector": {"matchLabels": {"a": "b"}}})
    chosen = api.deployment("x")
    chosen["metadata"]["labels"] = {"a": "b"}
    assert (await api.post(DEPLOYMENTS, chosen)).status == 201
    labels = {"metadata": {"labels": {"strict": "yes"}}}
    assert (await api.patch("/api/v1/namespaces/default", labels)).status == 200
    chosen["metadata"]["name"] = "x2"
    assert (await api.post(DEPLOYMENTS, chosen)).status == 422
    assert (await api.post(DEPLOYMENTS, api.deployment("x3"))).status == 201
    chosen["metadata"]["name"] = "y"
    assert (await api.post(DEPLOYMENTS, chosen)).status == 201


@pytest.mark.parametrize(("failing", "code"), [("Fail", 422), ("Ignore", 201)])
async def test_an_expression_that_fails(api: Api, failing: str, code: int) -> None:
    wrong = {"expression": "object.spec.nonsense > 1"}
    await bound(api, policy(wrong, failurePolicy=failing))
    answer = await api.post(DEPLOYMENTS, api.deployment())
    assert answer.status == code
    if code == 422:
        assert (
            "denied request: expression 'object.spec.nonsense > 1' resulted in error: no such key: "
            "nonsense"
        ) in answer.message


async def test_deletions_and_other_resources(api: Api) -> None:
    rule = {
        "expression": "!has(oldObject.metadata.labels) || !('keep' in oldObject.metadata.labels)"
    }
    await bound(
        api, policy(rule, matchConstraints=matching("", "configmaps", operations=["DELETE"]))
    )
    kept = api.config("kept")
    kept["metadata"]["labels"] = {"keep": ""}
    await api.made(CONFIGS, kept)
    await api.made(CONFIGS, api.config("other"))
    assert (await api.delete(f"{CONFIGS}/kept")).status == 422
    assert (await api.delete(f"{CONFIGS}/other")).status == 200


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (
            policy(),
            "spec.validations: Required value: validations or auditAnnotations must contain",
        ),
        (policy({"expression": "object.x >"}), 'Invalid value: "object.x >": compilation failed'),
        (policy({"expression": "nope"}), "undeclared reference to 'nope' (in container '')"),
        (policy({"expression": "'text'"}), "Invalid value: \"'text'\": must evaluate to bool"),
        (policy({"expression": "params.x == 1"}), "undeclared reference to 'params'"),
        (policy({"expression": "variables.x == 1"}), "undefined field 'x'"),
        (policy({"expression": "request.nonsense == ''"}), "undefined field 'nonsense'"),
        (
            policy(FEW, matchConstraints={}),
            "spec.matchConstraints.resourceRules: Required value",
        ),
        (
            policy({**FEW, "reason": "Because"}),
            'spec.validations[0].reason: Unsupported value: "Because"',
        ),
        (
            policy(FEW, variables=[{"name": "a-b", "expression": "1"}]),
            "name is not a valid CEL identifier",
        ),
    ],
)
async def test_what_is_no_policy(api: Api, made: dict[str, Any], told: str) -> None:
    answer = await api.post(POLICIES, made)
    assert answer.status == 422
    assert told in answer.message


async def test_what_is_no_binding(api: Api) -> None:
    answer = await api.post(BINDINGS, binding("Deny", "Warn"))
    assert "must not contain both Deny and Warn" in answer.message
    answer = await api.post(BINDINGS, binding(paramRef={"name": "x"}))
    assert "spec.paramRef.parameterNotFoundAction: Required value" in answer.message


async def test_types_are_checked_after_the_fact(api: Api) -> None:
    await api.made(POLICIES, policy({"expression": "object.replicas <= 5"}, FEW))
    async with asyncio.timeout(20):
        while True:
            found = (await api.get(f"{POLICIES}/p")).json.get("status") or {}
            if found.get("observedGeneration") == 1:
                break
            await asyncio.sleep(0.02)
    (warning,) = found["typeChecking"]["expressionWarnings"]
    assert warning["fieldRef"] == "spec.validations[0].expression"
    assert warning["warning"].startswith(
        "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'"
    )


# --- mutating ------------------------------------------------------------------------------------


def mutating(*mutations: dict[str, Any], name: str = "m", **spec: Any) -> dict[str, Any]:
    spec.setdefault("matchConstraints", matching("", "pods", operations=["CREATE"]))
    spec.setdefault("reinvocationPolicy", "Never")
    return {"metadata": {"name": name}, "spec": {"mutations": list(mutations), **spec}}


def applied(expression: str) -> dict[str, Any]:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression: str) -> dict[str, Any]:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


async def in_force(api: Api, made: dict[str, Any]) -> None:
    name = made["metadata"]["name"]
    await api.made(MUTATING, made)
    await api.made(MUTATING_BINDINGS, {"metadata": {"name": name}, "spec": {"policyName": name}})


async def test_a_configuration_is_laid_over(api: Api) -> None:
    sidecar = (
        "Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: 'proxy', "
        "image: 'proxy:1', restartPolicy: 'Always'}]}, metadata: Object.metadata{labels: "
        "Object.metadata.labels{side: 'yes'}}}"
    )
    await in_force(api, mutating(applied(sidecar)))
    found = await api.made("/api/v1/namespaces/default/pods", api.pod())
    (proxy,) = found["spec"]["initContainers"]
    assert (proxy["name"], proxy["terminationMessagePath"]) == ("proxy", "/dev/termination-log")
    assert proxy["volumeMounts"], "the account's token is mounted into it too"
    assert found["metadata"]["labels"] == {"side": "yes"}


async def test_a_patch_by_expression(api: Api) -> None:
    labels = (
        "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a/b': 'x'}}, "
        "JSONPatch{op: 'test', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'x'}]"
    )
    await in_force(api, mutating(patched(labels)))
    found = await api.made("/api/v1/namespaces/default/pods", api.pod())
    assert found["metadata"]["labels"] == {"a/b": "x"}


async def test_mutations_see_what_came_before_them(api: Api) -> None:
    first = "Object{metadata: Object.metadata{annotations: Object.metadata.annotations{a: '1'}}}"
    then = (
        "Object{metadata: Object.metadata{annotations: Object.metadata.annotations{"
        "b: object.metadata.annotations['a'] + '2'}}}"
    )
    await in_force(api, mutating(applied(first), applied(then)))
    found = await api.made("/api/v1/namespaces/default/pods", api.pod())
    assert found["metadata"]["annotations"] == {"a": "1", "b": "12"}


async def test_a_mutation_that_does_not_fit(api: Api) -> None:
    atomic = (
        "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'c', args: ['x']}]}}"
    )
    await in_force(api, mutating(applied(atomic)))
    answer = await api.post("/api/v1/namespaces/default/pods", api.pod())
    assert answer.status == 422
    assert (
        "policy 'm' with binding 'm' denied request: error applying patch: invalid "
        "ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers[0].args"
    ) in answer.message


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (mutating(), "spec.mutations: Required value"),
        (mutating(applied("1")), "must evaluate to Object"),
        (
            mutating(applied("Object{spec: Object.metadata{name: 'x'}}")),
            'unexpected type name "Object.metadata", expected "Object.spec"',
        ),
        (mutating(patched("[JSONPatch{op: 1}]")), "expected type of field 'op' is 'string'"),
    ],
)
async def test_what_is_no_mutating_policy(api: Api, made: dict[str, Any], told: str) -> None:
    answer = await api.post(MUTATING, made)
    assert answer.status == 422
    assert told in answer.message


async def test_policies_do_not_judge_policies(api: Api) -> None:
    everything = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": ["*"],
    }
    await bound(
        api, policy({"expression": "false"}, matchConstraints={"resourceRules": [everything]})
    )
    assert (await api.post(CONFIGS, api.config())).status == 422
    assert (await api.delete(f"{BINDINGS}/b")).status == 200
    assert (await api.post(CONFIGS, api.config())).status == 201


async def test_who_asks_is_known(api: Api) -> None:
    await bound(api, policy({"expression": "request.userInfo.groups.exists(g, g == 'team')"}))
    team = wire.UserInfo("somebody", groups=("system:masters", "team"))
    body = api.deployment()
    assert (await api.send("POST", DEPLOYMENTS, body)).status == 422
    assert (await api.send("POST", DEPLOYMENTS, body, user=team)).status == 201
