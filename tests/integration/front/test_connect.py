"""CONNECT under admission: what policies say of exec, attach, port-forward and proxies, and to whom."""

from pathlib import Path

import aiohttp
import pytest

from apiserver.identity.pki import Pki
from tests.integration.apiserver.test_webhooks import Hook

from .conftest import ADMIN_TOKEN, Cluster
from .fake_agent import FakeAgent
from .test_kubectl import WAYS

GROUP = "/apis/admissionregistration.k8s.io/v1"
POD = "/api/v1/namespaces/default/pods/one"
NODE = "/api/v1/nodes/n1"


async def policy(cluster: Cluster, resource: str, expression: str, *, group: str = "") -> None:
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CONNECT"],
            "resources": [resource]}  # fmt: skip
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression, "message": "not like this"}],
    }
    bound = {"policyName": "p", "validationActions": ["Deny"]}
    for plural, made in (
        ("validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": spec}),
        ("validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": bound}),
    ):
        code, answer = await cluster.send("POST", f"{GROUP}/{plural}", made)
        assert code == 201, answer


@WAYS
async def test_kubectl_tells_why_a_command_is_refused(
    cluster: Cluster, agent: FakeAgent, way: dict[str, str]
) -> None:
    await policy(cluster, "pods/exec", "object.command[0] != 'false'")
    assert (await cluster.kubectl("exec", "one", "--", "true", **way))[0] == 0
    code, _, errors = await cluster.kubectl("exec", "one", "--", "false", **way)
    assert code == 1
    assert "denied request: not like this" in errors
    assert len(agent.requests) == 1


@pytest.mark.parametrize(
    ("resource", "path", "kind", "seen"),
    [
        ("pods/exec", f"{POD}/exec?command=ls&command=1&stdout=true&container=app",
         "PodExecOptions",
         "object.command == ['ls', '1'] && object.stdout && object.container == 'app'"),
        ("pods/attach", f"{POD}/attach?stdin=1&tty=false",
         "PodAttachOptions", "object.stdin && !has(object.tty)"),
        ("pods/portforward", f"{POD}/portforward?ports=80,443",
         "PodPortForwardOptions", "object.ports == [80, 443]"),
        ("pods/proxy", f"{POD}:80/proxy/a/b/?x=y", "PodProxyOptions", "object.path == '/a/b/'"),
        ("services/proxy", "/api/v1/namespaces/default/services/kubernetes/proxy/",
         "ServiceProxyOptions", "object.path == '/'"),
        ("nodes/proxy", f"{NODE}/proxy/healthz", "NodeProxyOptions", "object.path == '/healthz'"),
    ],
)  # fmt: skip
async def test_options_are_an_object(
    cluster: Cluster, agent: FakeAgent, resource: str, path: str, kind: str, seen: str
) -> None:
    """The policy refuses what it sees as told; anything else would go through."""
    said = f"object.kind == '{kind}' && request.kind.kind == '{kind}' && {seen}"
    await policy(cluster, resource, f"!({said})")
    code, answer = await cluster.send("GET", path)
    assert code == 422, answer
    assert answer["message"].endswith("denied request: not like this")
    assert agent.requests == []


async def test_a_webhook_denies_attaching(
    cluster: Cluster, agent: FakeAgent, tmp_path: Path
) -> None:
    hook = Hook(Pki(tmp_path / "hook"))
    runner = await hook.start()
    try:
        hook.judges["/no"] = lambda asked: {
            "allowed": asked["subResource"] != "attach", "status": {"message": "do not attach"}
        }  # fmt: skip
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"],
                "resources": ["pods/attach"]}  # fmt: skip
        made = {"metadata": {"name": "w"}, "webhooks": [hook.entry("/no", rules=[rule])]}
        path = f"{GROUP}/validatingwebhookconfigurations"
        code, answer = await cluster.send("POST", path, made)
        assert code == 201, answer
        code, _, errors = await cluster.kubectl("attach", "one", "-c", "app")
        assert code == 1
        assert "denied the request: do not attach" in errors
        assert agent.requests == []
    finally:
        await runner.cleanup()


async def test_a_mutating_policy_may_choose_the_container(
    cluster: Cluster, agent: FakeAgent
) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CONNECT"],
            "resources": ["pods/exec"]}  # fmt: skip
    change = "[JSONPatch{op: 'add', path: '/container', value: 'app'}]"
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": change}}],
    }
    for plural, body in (
        ("mutatingadmissionpolicies", spec),
        ("mutatingadmissionpolicybindings", {"policyName": "m"}),
    ):
        made = {"metadata": {"name": "m"}, "spec": body}
        code, answer = await cluster.send("POST", f"{GROUP}/{plural}", made)
        assert code == 201, answer
    code, output, errors = await cluster.kubectl("exec", "web", "-c", "waiting", "--", "echo", "hi")
    assert (code, output) == (0, "hi\n"), errors
    assert agent.requests[0].startswith("/exec/default/web/app?")


async def test_a_proxy_passes_on_what_a_node_answers(cluster: Cluster, agent: FakeAgent) -> None:
    code, answer = await cluster.send("GET", f"{NODE}/proxy/none")
    assert (code, answer) == (404, "404: Not Found")
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(
            f"{cluster.url}{NODE}/proxy?x=y", ssl=cluster.tls(), allow_redirects=False
        ) as moved,
    ):
        assert (moved.status, moved.headers["Location"]) == (301, f"{NODE}/proxy/?x=y")
