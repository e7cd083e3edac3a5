"""Kubernetes' conformance cases of admission webhooks that `test_webhooks` does not hold already."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from apiserver.server import ApiServer
from apiserver.stores import open_store

from .conftest import PODS, Api
from .test_customresources import CRDS, GADGETS, definition, gadget, version
from .test_webhooks import CONFIGS, EVERY, HOOKS, Hook, add, hook, patch

__all__ = ["hook"]

VALIDATING = f"{HOOKS}/validatingwebhookconfigurations"
MUTATING = f"{HOOKS}/mutatingwebhookconfigurations"
FREE = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = ApiServer(open_store("memory"))
    await server.start()
    yield Api(server)
    await server.stop()


def configuration(name: str, *entries: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "webhooks": list(entries)}


def rule(resource: str, group: str, *operations: str, versions: str = "*") -> dict[str, Any]:
    return {"operations": list(operations) or ["*"], "apiGroups": [group],
            "apiVersions": [versions], "resources": [resource]}  # fmt: skip


def offends(request: dict[str, Any]) -> dict[str, Any]:
    """Denies what says `bad: yes` among its data or labels; of a deletion, what was there."""
    obj = request["object"] or request["oldObject"]
    said = {**(obj["metadata"].get("labels") or {}), **(obj.get("data") or {})}
    return {"allowed": said.get("bad") != "yes", "status": {"message": "this is bad"}}


@pytest.mark.parametrize("path", [VALIDATING, MUTATING])
async def test_many_are_listed_and_taken_back_together(api: Api, hook: Hook, path: str) -> None:
    hook.judges |= {"/no": lambda _: {"allowed": False}, "/add": add("a", "b")}
    entry = hook.entry("/no" if path == VALIDATING else "/add")
    for number in range(10):
        await api.made(path, configuration(f"w{number}", entry, e2e="x"))
    found = await api.get(path, labelSelector="e2e=x")
    assert len(found.json["items"]) == 10
    answer = await api.post(CONFIGS, api.config(), dryRun="All")
    if path == VALIDATING:
        assert "denied the request" in answer.message
    else:
        assert answer.json["data"] == {"a": "b"}
    assert (await api.delete(path, labelSelector="e2e=x")).status == 200
    assert (await api.get(path, labelSelector="e2e=x")).json["items"] == []
    assert not (await api.made(CONFIGS, api.config())).get("data")


@pytest.mark.parametrize("path", [VALIDATING, MUTATING])
async def test_rules_are_updated_and_patched(api: Api, hook: Hook, path: str) -> None:
    hook.judges |= {"/no": lambda _: {"allowed": False}, "/add": add("a", "b")}
    made = await api.made(
        path, configuration("w", hook.entry("/no" if path == VALIDATING else "/add"))
    )

    async def touched() -> bool:
        answer = await api.post(CONFIGS, api.config(), dryRun="All")
        return answer.status != 201 or answer.json.get("data") == {"a": "b"}

    assert await touched()
    made["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
    assert (await api.put(f"{path}/w", made)).status == 200
    assert not await touched()
    place = "/webhooks/0/rules/0/operations"
    change = [{"op": "replace", "path": place, "value": ["CREATE"]}]
    assert (await api.patch(f"{path}/w", change, "json")).status == 200
    assert await touched()


async def test_custom_resources_are_kept_from_coming_changing_and_going(
    api: Api, hook: Hook
) -> None:
    await api.made(CRDS, definition(version(schema=FREE)))
    hook.judges["/check"] = offends
    entry = hook.entry("/check", rules=[rule("gadgets", "example.com")])
    good = {**gadget(), "data": {"bad": "no"}}
    await api.made(GADGETS, good)
    await api.made(GADGETS, {**gadget("old"), "data": {"bad": "yes"}})
    await api.made(VALIDATING, configuration("w", entry))
    bad = {"data": {"bad": "yes"}}
    for answer in (
        await api.post(GADGETS, {**gadget("b"), **bad}),
        await api.patch(f"{GADGETS}/a", bad),
        await api.delete(f"{GADGETS}/old"),
    ):
        assert "this is bad" in answer.message
    assert (await api.get(f"{GADGETS}/old")).status == 200
    assert (await api.patch(f"{GADGETS}/old", {"data": {"bad": "no"}})).status == 200
    assert (await api.delete(f"{GADGETS}/old")).status == 200


async def test_pods_and_config_maps_that_offend(api: Api, hook: Hook) -> None:
    def judge(request: dict[str, Any]) -> dict[str, Any]:
        name = (request["object"] or {}).get("metadata", {}).get("name")
        return {"delay": 3} if name == "hangs" else offends(request)

    hook.judges["/check"] = judge
    unmarked = {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}
    entries = [
        hook.entry("/check", name=f"{plural}.example.com", rules=[rule(plural, "")],
                   namespaceSelector=unmarked, timeoutSeconds=1)
        for plural in ("pods", "configmaps")
    ]  # fmt: skip
    space = {"metadata": {"name": "skipped", "labels": {"skip": "yes"}}}
    await api.made("/api/v1/namespaces", space)
    await api.made(VALIDATING, configuration("w", *entries))
    labelled = api.pod("b", metadata={"labels": {"bad": "yes"}})
    assert "this is bad" in (await api.post(PODS, labelled)).message
    hung = await api.post(PODS, api.pod("hangs"))
    assert "context deadline exceeded" in hung.message
    assert (await api.get(f"{PODS}/hangs")).status == 404
    assert "this is bad" in (await api.post(CONFIGS, api.config("b", bad="yes"))).message
    made = await api.made(CONFIGS, api.config("good", bad="no"))
    made["data"]["bad"] = "yes"
    assert "this is bad" in (await api.put(f"{CONFIGS}/good", made)).message
    assert "this is bad" in (await api.patch(f"{CONFIGS}/good", {"data": {"bad": "yes"}})).message
    assert (await api.get(f"{CONFIGS}/good")).json["data"] == {"bad": "no"}
    await api.made("/api/v1/namespaces/skipped/configmaps", api.config("b", bad="yes"))


async def test_definitions_that_offend(api: Api, hook: Hook) -> None:
    hook.judges["/check"] = offends
    crds = rule("customresourcedefinitions", "apiextensions.k8s.io", "CREATE")
    await api.made(VALIDATING, configuration("w", hook.entry("/check", rules=[crds])))
    offending = definition()
    offending["metadata"]["labels"] = {"bad": "yes"}
    assert "this is bad" in (await api.post(CRDS, offending)).message
    await api.made(CRDS, definition())


@pytest.mark.parametrize(
    ("seconds", "policy", "passes"),
    [(1, "Fail", False), (1, "Ignore", True), (10, "Fail", True)],
)
async def test_timeouts_are_honoured(
    api: Api, hook: Hook, seconds: int, policy: str, passes: bool
) -> None:
    hook.judges["/slow"] = lambda _: {"delay": 1.5}
    entry = hook.entry("/slow", timeoutSeconds=seconds, failurePolicy=policy)
    await api.made(VALIDATING, configuration("w", entry))
    answer = await api.post(CONFIGS, api.config())
    assert (answer.status == 201) is passes, answer.raw
    assert passes or f"timeout={seconds}s" in answer.message


def when_there(key: str, then: str) -> Any:
    """Adds a key where another one is there."""

    def judge(request: dict[str, Any]) -> dict[str, Any]:
        data = request["object"].get("data") or {}
        if key not in data:
            return {}
        return patch({"op": "add", "path": f"/data/{then}", "value": "yes"})

    return judge


async def test_the_second_sees_what_the_first_has_added(api: Api, hook: Hook) -> None:
    hook.judges |= {
        "/one": when_there("start", "stage-1"),
        "/two": when_there("stage-1", "stage-2"),
    }
    await api.made(MUTATING, configuration("w", hook.entry("/one"), hook.entry("/two")))
    made = await api.made(CONFIGS, api.config(start="yes"))
    assert made["data"] == {"start": "yes", "stage-1": "yes", "stage-2": "yes"}


@pytest.mark.parametrize("pruned", [False, True])
async def test_custom_resources_are_changed_and_pruned(api: Api, hook: Hook, pruned: bool) -> None:
    data = {
        "type": "object",
        "properties": {"start": {"type": "string"}, "stage-1": {"type": "string"}},
    }
    closed = {"openAPIV3Schema": {"type": "object", "properties": {"data": data}}}
    await api.made(CRDS, definition(version(schema=closed if pruned else FREE)))
    hook.judges |= {"/one": when_there("start", "stage-1"), "/two": when_there("start", "stage-2")}
    rules = [rule("gadgets", "example.com", "CREATE")]
    entries = [hook.entry(path, rules=rules) for path in ("/one", "/two")]
    await api.made(MUTATING, configuration("w", *entries))
    made = await api.made(GADGETS, {**gadget(), "data": {"start": "yes"}})
    wanted = {"start": "yes", "stage-1": "yes"} | ({} if pruned else {"stage-2": "yes"})
    assert made["data"] == wanted


async def test_custom_resources_are_changed_while_their_storage_changes(
    api: Api, hook: Hook
) -> None:
    both = [version("v1", schema=FREE), version("v2", schema=FREE, storage=False)]
    await api.made(CRDS, definition(*both))
    hook.judges["/one"] = when_there("start", "stage-1")
    rules = [rule("gadgets", "example.com", "CREATE", "UPDATE", versions="v1")]
    await api.made(MUTATING, configuration("w", hook.entry("/one", rules=rules)))
    await api.made(GADGETS, {**gadget(), "data": {"start": "yes"}})
    both[0]["storage"], both[1]["storage"] = False, True
    change = {"spec": {"versions": both}}
    assert (await api.patch(f"{CRDS}/gadgets.example.com", change)).status == 200
    answer = await api.patch(f"{GADGETS}/a", {"dummy": "test", "data": {"stage-1": None}})
    assert answer.status == 200, answer.raw
    assert answer.json["dummy"] == "test"
    assert answer.json["data"] == {"start": "yes", "stage-1": "yes"}


async def test_conditions_choose_what_is_changed(api: Api, hook: Hook) -> None:
    hook.judges["/add"] = add("a", "b")
    conditions = [{"name": "named", "expression": "object.metadata.name != 'skip-me'"}]
    await api.made(MUTATING, configuration("w", hook.entry("/add", matchConditions=conditions)))
    assert not (await api.made(CONFIGS, api.config("skip-me"))).get("data")
    assert (await api.made(CONFIGS, api.config("other")))["data"] == {"a": "b"}


@pytest.mark.parametrize(
    ("expressions", "policy", "told"),
    [
        # One that does not hold decides, whatever becomes of the others.
        (["object.data.x == 'y'", "false"], "Fail", None),
        (["object.data.x == 'y'"], "Ignore", None),
        (["object.data.x == 'y'", "true"], "Fail",
         ('configmaps "c" is forbidden: expression \'object.data.x == \'y\'\' resulted in error: '
         "no such key: data")),
        (["object.data.x == 'y'", "object.data.z == 'y'"], "Fail",
         ('configmaps "c" is forbidden: [expression \'object.data.x == \'y\'\' resulted in error: '
         "no such key: data, expression 'object.data.z == 'y'' resulted in error: no such key: "
         "data]")),
    ],
)  # fmt: skip
async def test_conditions_that_cannot_be_told(
    api: Api, hook: Hook, expressions: list[str], policy: str, told: str | None
) -> None:
    """The webhook is asked in none of these cases."""
    hook.judges["/no"] = lambda _: {"allowed": False}
    conditions = [{"name": f"n{at}", "expression": one} for at, one in enumerate(expressions)]
    entry = hook.entry("/no", matchConditions=conditions, failurePolicy=policy)
    await api.made(VALIDATING, configuration("w", entry))
    answer = await api.post(CONFIGS, {"metadata": {"name": "c"}})
    assert hook.requests == []
    if told is None:
        assert answer.status == 201
    else:
        assert (answer.status, answer.message) == (403, told)


async def test_an_added_init_container_has_its_defaults(api: Api, hook: Hook) -> None:
    init = [{"name": "init", "image": "busybox"}]
    hook.judges["/add"] = lambda _: patch(
        {"op": "add", "path": "/spec/initContainers", "value": init}
    )
    entry = hook.entry("/add", rules=[rule("pods", "", "CREATE")])
    await api.made(MUTATING, configuration("w", entry))
    (added,) = (await api.made(PODS, api.pod()))["spec"]["initContainers"]
    assert (added["name"], added["terminationMessagePolicy"]) == ("init", "File")


async def test_configurations_are_neither_changed_nor_held(api: Api, hook: Hook) -> None:
    rules = [{**EVERY, "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"],
              "resources": ["*"]}]  # fmt: skip
    label = {"op": "add", "path": "/metadata/labels", "value": {"changed": "yes"}}
    hook.judges |= {"/no": lambda _: {"allowed": False}, "/change": lambda _: patch(label)}
    entry = hook.entry("/no", rules=[{**rules[0], "operations": ["DELETE"]}])
    await api.made(VALIDATING, configuration("w", entry))
    await api.made(MUTATING, configuration("w", hook.entry("/change", rules=rules)))
    for path in (VALIDATING, MUTATING):
        made = await api.made(path, configuration("dummy", mine="yes"))
        assert made["metadata"]["labels"] == {"mine": "yes"}
        assert (await api.delete(f"{path}/dummy")).status == 200
    assert hook.requests == []
