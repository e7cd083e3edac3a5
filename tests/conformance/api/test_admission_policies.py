"""ValidatingAdmissionPolicies as users write them, with kubectl; bound to the test's namespace."""

from collections.abc import Callable
from typing import Any

import pytest

from . import samples
from .clients import Api, Kubectl, eventually

GROUP = "/apis/admissionregistration.k8s.io/v1"
POLICIES = f"{GROUP}/validatingadmissionpolicies"
BINDINGS = f"{GROUP}/validatingadmissionpolicybindings"

Bind = Callable[..., None]


@pytest.fixture
def bind(root: Api, api: Api, unique: str, cleanup: Callable[[str], Any]) -> Bind:
    """Create a policy about config maps of the namespace, and its binding."""

    def make(
        *validations: dict[str, Any], actions: tuple[str, ...] = ("Deny",), **spec: Any
    ) -> None:
        rule = {
            "apiGroups": [spec.pop("group", "")],
            "apiVersions": ["v1"],
            "operations": spec.pop("operations", ["CREATE", "UPDATE"]),
            "resources": [spec.pop("resource", "configmaps")],
        }
        policy = {
            "metadata": {"name": unique},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": list(validations),
                **{key: value for key, value in spec.items() if key != "paramRef"},
            },
        }
        here = {"matchLabels": {"kubernetes.io/metadata.name": api.namespace}}
        binding = {
            "metadata": {"name": unique},
            "spec": {
                "policyName": unique,
                "validationActions": list(actions),
                "matchResources": {"namespaceSelector": here},
                **({"paramRef": spec["paramRef"]} if "paramRef" in spec else {}),
            },
        }
        cleanup(f"{POLICIES}/{unique}")
        root.post(POLICIES, policy, expect=201)
        cleanup(f"{BINDINGS}/{unique}")
        root.post(BINDINGS, binding, expect=201)

    return make


def config(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def refused(api: Api, body: dict[str, Any]) -> Any:
    """The refusal of an object; a policy takes a moment to be in force."""
    answer = []

    def tried() -> bool:
        answer.append(api.post(api.path("configmaps"), body, dryRun="All"))
        return bool(answer[-1].code != 201)

    eventually(tried)
    return answer[-1]


def test_a_refusal(api: Api, bind: Bind, unique: str) -> None:
    bind({"expression": "!has(object.data) || !('secret' in object.data)"})
    found = refused(api, config("a", secret="x"))
    assert (found.code, found.reason) == (422, "Invalid")
    assert found.message == (
        f"configmaps \"a\" is forbidden: ValidatingAdmissionPolicy '{unique}' with binding "
        f"'{unique}' denied request: failed expression: !has(object.data) || !('secret' in "
        "object.data)"
    )
    api.post(api.path("configmaps"), config("a", other="x"), expect=201)


def test_kubectl_tells_why(kubectl: Kubectl, api: Api, bind: Bind) -> None:
    bind(
        {
            "expression": "object.metadata.name.startsWith(namespaceObject.metadata.name)",
            "messageExpression": "'names begin with ' + namespaceObject.metadata.name",
            "reason": "Forbidden",
        }
    )
    assert refused(api, config("a")).code == 403
    told = kubectl.fails("create", "configmap", "a", "--from-literal=a=b")
    assert f"denied request: names begin with {api.namespace}" in told
    kubectl("create", "configmap", f"{api.namespace}-a", "--from-literal=a=b")


def test_a_warning(api: Api, bind: Bind, unique: str) -> None:
    bind({"expression": "false", "message": "think twice"}, actions=("Warn",))

    def warned() -> list[str]:
        return api.post(api.path("configmaps"), config("a"), dryRun="All", expect=201).warnings

    (warning,) = eventually(warned)
    assert (
        f"Validation failed for ValidatingAdmissionPolicy '{unique}' with binding '{unique}': think "
        "twice"
    ) in warning


def test_parameters(api: Api, bind: Bind) -> None:
    api.post(api.path("configmaps"), config("limits", most="2"), expect=201)
    conditions = [{"name": "not-the-limits", "expression": "object.metadata.name != 'limits'"}]
    bind(
        {"expression": "variables.count <= int(params.data.most)"},
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        paramRef={"name": "limits", "parameterNotFoundAction": "Deny"},
        variables=[{"name": "count", "expression": "has(object.data) ? size(object.data) : 0"}],
        matchConditions=conditions,
    )
    assert refused(api, config("a", a="", b="", c="")).code == 422
    api.post(api.path("configmaps"), config("a", a="", b=""), expect=201)


@pytest.mark.parametrize("variable", [False, True], ids=["plain", "variable"])
def test_a_deployment_by_what_it_says(api: Api, bind: Bind, variable: bool) -> None:
    """A policy by the numbers of a Deployment, told as they are or by way of a variable."""
    replicas = {"name": "replicas", "expression": "object.spec.replicas"}
    bind(
        {"expression": "variables.replicas > 1" if variable else "object.spec.replicas > 1"},
        group="apps",
        resource="deployments",
        **({"variables": [replicas]} if variable else {}),
    )
    path = api.path("deployments")

    def tried(count: int) -> Any:
        return api.post(path, samples.deployment("d", replicas=count), dryRun="All")

    eventually(lambda: tried(1).code == 422)
    assert "failed expression" in tried(1).message
    assert tried(2).code == 201


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("object.x >", "Syntax error"),
        ("nope == 1", "undeclared reference to 'nope' (in container '')"),
        ("'text'", "must evaluate to bool"),
    ],
)
def test_what_does_not_compile(root: Api, unique: str, expression: str, told: str) -> None:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression}],
    }
    answer = root.post(POLICIES, {"metadata": {"name": unique}, "spec": spec}, expect=422)
    assert "spec.validations[0].expression: Invalid value" in answer.message
    assert told in answer.message


def test_types_are_checked(root: Api, bind: Bind, unique: str) -> None:
    bind(
        {"expression": "object.dota.size() == 0 || object.dota.size() > 0"}, failurePolicy="Ignore"
    )

    def warned() -> Any:
        found = root.get(f"{POLICIES}/{unique}").json.get("status") or {}
        return (found.get("typeChecking") or {}).get("expressionWarnings")

    (warning,) = eventually(warned)[:1]
    assert warning["fieldRef"] == "spec.validations[0].expression"
    assert "undefined field 'dota'" in warning["warning"]


def test_kubectl_scale_is_refused(kubectl: Kubectl, api: Api, bind: Bind) -> None:
    api.post(api.path("deployments"), samples.deployment("d", replicas=0), expect=201)
    bind(
        {"expression": "object.kind == 'Scale' && object.spec.replicas < 5", "message": "too many"},
        group="apps",
        resource="deployments/scale",
    )

    def refused() -> bool:
        scale = api.path("deployments", "d", "scale")
        return bool(api.patch(scale, {"spec": {"replicas": 9}}, dryRun="All").code == 422)

    eventually(refused)
    assert "denied request: too many" in kubectl.fails("scale", "deployment/d", "--replicas=9")
    kubectl("scale", "deployment/d", "--replicas=0")


@pytest.mark.parametrize(
    ("resource", "path", "body", "kind"),
    [
        ("serviceaccounts/token", "serviceaccounts/default/token", {"spec": {"audiences": ["a"]}},
         "TokenRequest"),
        ("pods/eviction", "pods/p/eviction", {"metadata": {"name": "p"}}, "Eviction"),
        ("pods/binding", "pods/p/binding",
         {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "none"}}, "Binding"),
        ("pods/exec", "pods/p/exec?command=ls&stdout=true", None, "PodExecOptions"),
    ],
)  # fmt: skip
def test_subresources_are_asked_about_as_what_they_take(
    api: Api, bind: Bind, resource: str, path: str, body: Any, kind: str
) -> None:
    api.post(api.path("pods"), samples.pod("p"), expect=201)
    eventually(lambda: api.get(api.path("serviceaccounts/default")).code == 200)
    plural, _, sub = resource.partition("/")
    bind(
        {
            "expression": f"!(object.kind == '{kind}' && request.kind.kind == '{kind}' && "
            f"request.subResource == '{sub}' && request.resource.resource == '{plural}')",
            "message": "seen",
        },
        resource=resource,
        operations=["CREATE", "CONNECT"],
    )

    def told() -> bool:
        found = api.post(api.path(path), body)
        return "denied request: seen" in found.json.get("message", "")

    eventually(told)
