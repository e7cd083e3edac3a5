"""Admission webhooks: a real HTTPS server is asked, and what it says happens."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from apiserver.identity.pki import Pki

from .conftest import Api

CONFIGS = "/api/v1/namespaces/default/configmaps"
HOOKS = "/apis/admissionregistration.k8s.io/v1"
EVERY = {"operations": ["CREATE", "UPDATE", "DELETE"], "apiGroups": [""], "apiVersions": ["v1"]}

Answer = dict[str, Any]
Judge = Callable[[dict[str, Any]], Answer]


class Hook:
    """A webhook server; `judges` by path say what is answered to a request."""

    def __init__(self, keys: Pki) -> None:
        self._keys = keys
        self.judges: dict[str, Judge] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.port = 0

    async def start(self) -> web.AppRunner:
        async def handle(request: web.Request) -> web.StreamResponse:
            review = orjson.loads(await request.read())
            self.requests.append((request.path, review["request"]))
            answer = self.judges[request.path](review["request"])
            if "delay" in answer:
                await asyncio.sleep(answer["delay"])
            response = {"uid": review["request"]["uid"], "allowed": True, **answer}
            return web.json_response({**review, "request": None, "response": response})

        app = web.Application()
        app.router.add_post("/{tail:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        pair = self._keys.api_server(("hook.default.svc",))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    def entry(self, path: str, resource: str = "configmaps", **more: Any) -> dict[str, Any]:
        """One webhook of a configuration, reached by URL."""
        bundle = base64.b64encode(self._keys.ca.cert.read_bytes()).decode()
        return {
            "name": f"{path.strip('/')}.hooks.example.com",
            "clientConfig": {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": bundle},
            "rules": [{**EVERY, "resources": [resource]}],
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            **more,
        }


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    made = Hook(Pki(tmp_path))
    runner = await made.start()
    yield made
    await runner.cleanup()


Configure = Callable[..., Awaitable[None]]


@pytest.fixture
def validating(api: Api) -> Configure:
    async def configure(*entries: dict[str, Any]) -> None:
        body = {"metadata": {"name": "v"}, "webhooks": list(entries)}
        await api.made(f"{HOOKS}/validatingwebhookconfigurations", body)

    return configure


@pytest.fixture
def mutating(api: Api) -> Configure:
    async def configure(*entries: dict[str, Any]) -> None:
        body = {"metadata": {"name": "m"}, "webhooks": list(entries)}
        await api.made(f"{HOOKS}/mutatingwebhookconfigurations", body)

    return configure


def patch(*operations: dict[str, Any]) -> Answer:
    return {
        "patchType": "JSONPatch",
        "patch": base64.b64encode(orjson.dumps(operations)).decode(),
    }


def add(key: str, value: str) -> Judge:
    def judge(request: dict[str, Any]) -> Answer:
        data = {**(request["object"].get("data") or {}), key: value}
        return patch({"op": "add", "path": "/data", "value": data})

    return judge


# --- validating ----------------------------------------------------------------------------------


async def test_a_refusal_is_told(api: Api, hook: Hook, validating: Configure) -> None:
    hook.judges["/no"] = lambda _: {"allowed": False, "status": {"message": "not today"}}
    await validating(hook.entry("/no"))
    answer = await api.post(CONFIGS, api.config())
    assert answer.status == 400
    assert answer.message == (
        'admission webhook "no.hooks.example.com" denied the request: not today'
    )
    assert (await api.get(f"{CONFIGS}/c")).status == 404


async def test_a_refusal_brings_its_own_code(api: Api, hook: Hook, validating: Configure) -> None:
    refusal = {"code": 403, "reason": "Forbidden"}
    hook.judges["/no"] = lambda _: {"allowed": False, "status": refusal}
    await validating(hook.entry("/no"))
    answer = await api.post(CONFIGS, api.config())
    assert (answer.status, answer.json["reason"]) == (403, "Forbidden")


async def test_what_a_webhook_is_told(api: Api, hook: Hook, validating: Configure) -> None:
    hook.judges["/ok"] = lambda _: {"warnings": ["careful"]}
    await validating(hook.entry("/ok"))
    created = await api.post(CONFIGS, api.config(a="1"))
    assert created.headers["Warning"] == '299 - "careful"'
    await api.patch(f"{CONFIGS}/c", {"data": {"a": "2"}}, dryRun="All")
    await api.delete(f"{CONFIGS}/c")
    create, update, delete = (request for _, request in hook.requests)
    assert create["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert create["userInfo"]["username"] == "admin"
    assert create["object"]["data"] == {"a": "1"}
    assert create["object"]["metadata"]["uid"]
    assert (create["oldObject"], create["namespace"], create["name"]) == (None, "default", "c")
    assert (update["operation"], update["dryRun"]) == ("UPDATE", True)
    assert (update["oldObject"]["data"], update["object"]["data"]) == ({"a": "1"}, {"a": "2"})
    assert (delete["operation"], delete["object"]) == ("DELETE", None)
    assert delete["oldObject"]["data"] == {"a": "1"}


async def test_only_what_rules_and_selectors_choose(
    api: Api, hook: Hook, validating: Configure
) -> None:
    hook.judges["/ok"] = lambda _: {}
    chosen = {"objectSelector": {"matchLabels": {"check": "yes"}}}
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}
    await validating(hook.entry("/ok", **chosen, **here))
    await api.made(CONFIGS, api.config("plain"))
    labelled = api.config("labelled")
    labelled["metadata"]["labels"] = {"check": "yes"}
    await api.made(CONFIGS, labelled)
    await api.made(CONFIGS.replace("default", "kube-system"), labelled)
    await api.made(CONFIGS.replace("configmaps", "secrets"), labelled | {"data": {}})
    assert [request["name"] for _, request in hook.requests] == ["labelled"]


async def test_a_closed_door_refuses_and_an_open_one_lets_pass(
    api: Api, hook: Hook, validating: Configure
) -> None:
    gone = {"url": "https://127.0.0.1:1/x"}
    await validating(hook.entry("/x", clientConfig=gone, failurePolicy="Ignore"))
    await api.made(CONFIGS, api.config("passes"))
    change = {"webhooks": [hook.entry("/x", clientConfig=gone)]}
    await api.patch(f"{HOOKS}/validatingwebhookconfigurations/v", change)
    answer = await api.post(CONFIGS, api.config("held"))
    assert answer.status == 500
    assert 'failed calling webhook "x.hooks.example.com"' in answer.message


async def test_patience_is_limited(api: Api, hook: Hook, validating: Configure) -> None:
    hook.judges["/slow"] = lambda _: {"delay": 1.5}
    await validating(hook.entry("/slow", timeoutSeconds=1))
    answer = await api.post(CONFIGS, api.config())
    assert answer.status == 500
    assert "context deadline exceeded" in answer.message


async def test_an_unknown_authority_is_not_believed(
    api: Api, hook: Hook, validating: Configure
) -> None:
    hook.judges["/ok"] = lambda _: {}
    entry = hook.entry("/ok")
    del entry["clientConfig"]["caBundle"]
    await validating(entry)
    assert "certificate" in (await api.post(CONFIGS, api.config())).message
    assert hook.requests == []


async def test_an_answer_about_something_else_is_none(
    api: Api, hook: Hook, validating: Configure
) -> None:
    hook.judges["/odd"] = lambda _: {"uid": "other"}
    await validating(hook.entry("/odd"))
    answer = await api.post(CONFIGS, api.config())
    assert 'got "other"' in answer.message


async def test_side_effects_forbid_dry_runs(api: Api, hook: Hook, validating: Configure) -> None:
    hook.judges["/ok"] = lambda _: {}
    await validating(hook.entry("/ok", sideEffects="NoneOnDryRun"))
    assert (await api.post(CONFIGS, api.config(), dryRun="All")).status == 201


async def test_its_own_configuration_can_always_be_taken_back(
    api: Api, hook: Hook, validating: Configure
) -> None:
    rule = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    hook.judges["/no"] = lambda _: {"allowed": False}
    await validating(hook.entry("/no", rules=[rule]))
    assert (await api.post(CONFIGS, api.config())).status == 400
    assert (await api.delete(f"{HOOKS}/validatingwebhookconfigurations/v")).status == 200
    assert (await api.post(CONFIGS, api.config())).status == 201


async def test_a_service_is_reached_by_its_endpoints(
    api: Api, hook: Hook, validating: Configure
) -> None:
    hook.judges["/admit"] = lambda _: {"allowed": False}
    service = {"metadata": {"name": "hook"}, "spec": {"ports": [{"name": "s", "port": 443}]}}
    await api.made("/api/v1/namespaces/default/services", service)
    entry = hook.entry("/admit")
    entry["clientConfig"].pop("url")
    entry["clientConfig"]["service"] = {"namespace": "default", "name": "hook", "path": "/admit"}
    await validating(entry)
    unreachable = await api.post(CONFIGS, api.config())
    assert 'no endpoints available for service "hook"' in unreachable.message
    endpoints = {
        "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"name": "s", "port": hook.port, "protocol": "TCP"}],
    }
    await _slice(api, endpoints)
    assert "denied the request" in (await api.post(CONFIGS, api.config())).message


async def _slice(api: Api, obj: dict[str, Any]) -> None:
    """Endpoints on the loopback are refused to users, so it is stored directly."""
    from apimachinery import scheme

    full = {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", **obj}
    full["metadata"] = {**full["metadata"], "namespace": "default", "uid": "u"}
    await api.server.core.cache.create(
        scheme.ENDPOINTSLICES, "default", full["metadata"]["name"], full
    )


# --- mutating ------------------------------------------------------------------------------------


async def test_patches_follow_one_another(api: Api, hook: Hook, mutating: Configure) -> None:
    hook.judges |= {"/one": add("one", "1"), "/two": add("two", "2")}
    await mutating(hook.entry("/one"), hook.entry("/two"))
    made = await api.made(CONFIGS, api.config(own="0"))
    assert made["data"] == {"own": "0", "one": "1", "two": "2"}
    assert hook.requests[1][1]["object"]["data"] == {"own": "0", "one": "1"}


async def test_who_wants_sees_later_changes_too(api: Api, hook: Hook, mutating: Configure) -> None:
    hook.judges |= {"/one": add("one", "1"), "/two": add("two", "2")}
    await mutating(
        hook.entry("/one", reinvocationPolicy="IfNeeded"),
        hook.entry("/two", reinvocationPolicy="IfNeeded"),
    )
    await api.made(CONFIGS, api.config())
    assert [path for path, _ in hook.requests] == ["/one", "/two", "/one"]


async def test_what_is_added_is_defaulted_and_pruned(
    api: Api, hook: Hook, mutating: Configure
) -> None:
    sidecar = {"name": "side", "image": "busybox", "nonsense": 1}
    hook.judges["/inject"] = lambda _: patch(
        {"op": "add", "path": "/spec/containers/-", "value": sidecar}
    )
    await mutating(hook.entry("/inject", resource="pods"))
    made = await api.made("/api/v1/namespaces/default/pods", api.pod())
    added = made["spec"]["containers"][1]
    assert added["imagePullPolicy"] == "Always"
    assert "nonsense" not in added
    assert added["volumeMounts"][0]["mountPath"].endswith("serviceaccount")


async def test_a_patch_that_does_not_fit_is_the_webhooks_failure(
    api: Api, hook: Hook, mutating: Configure
) -> None:
    hook.judges["/bad"] = lambda _: patch({"op": "remove", "path": "/data/none"})
    await mutating(hook.entry("/bad"))
    assert (await api.post(CONFIGS, api.config())).status == 500


async def test_custom_resources_are_sent_in_a_version_that_the_rule_names(
    api: Api, hook: Hook, validating: Configure
) -> None:
    from .test_customresources import CRDS, GADGETS, definition, gadget, version

    hook.judges["/ok"] = lambda _: {}
    rule = {"operations": ["*"], "apiGroups": ["example.com"], "apiVersions": ["v2"],
            "resources": ["gadgets"]}  # fmt: skip
    await validating(hook.entry("/ok", rules=[rule]))
    await api.made(CRDS, definition(version("v1"), version("v2", storage=False)))
    await api.made(GADGETS, gadget(size=1))
    (_, request) = hook.requests[0]
    assert request["object"]["apiVersion"] == "example.com/v2"
    assert request["requestKind"]["version"] == "v1"
