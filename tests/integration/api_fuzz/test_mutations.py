"""Real requests, a little wrong: never a 5xx, never a change by a request that was refused.

Each case takes a request that the server accepts and spoils one part of it. The number of cases
fits a minute; `make stress` searches for longer.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apimachinery import protobuf
from tests.effort import examples

from . import target as targets
from .target import APPS, CORE, Sent, Target

EXAMPLES = 900
"""Cases a test."""
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
JSON_PATCH, APPLY = "application/json-patch+json", "application/apply-patch+yaml"
JSON, PROTOBUF = "application/json", "application/vnd.kubernetes.protobuf"
TOO_NEW = b"Too large resource version"

many = settings(
    max_examples=examples(EXAMPLES),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
weird = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 1.5, 1e308]),
    st.sampled_from(
        ["", "x", "a" * 300, "é\u2028", "\0", "../..", "1Gi", "-1", "$(A)", "%s", "{}"]
    ),
    st.sampled_from([[], {}, [None], [[]], [{}], {"": ""}, {"a": None}, {"$patch": "delete"}]),
    st.text(max_size=20),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(one, (*path, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn, good: Any) -> Any:
    """The value with something replaced, dropped, doubled or added."""
    value = json.loads(json.dumps(good))
    *way, last = draw(st.sampled_from(places(value)))
    parent = value
    for key in way:
        parent = parent[key]
    action = draw(st.sampled_from(["replace", "replace", "drop", "add", "wrap"]))
    if action == "replace":
        parent[last] = draw(weird)
    elif action == "drop":
        del parent[last]
    elif action == "wrap":
        parent[last] = [parent[last]]
    elif isinstance(parent, dict):
        parent[draw(st.text(max_size=10))] = draw(weird)
    else:
        parent.append(draw(weird))
    return value


@st.composite
def broken(draw: st.DrawFn, good: bytes) -> bytes:
    """The bytes cut, changed, doubled, or with others between."""
    at = draw(st.integers(0, max(len(good) - 1, 0)))
    action = draw(st.sampled_from(["cut", "flip", "insert", "remove", "double"]))
    if action == "cut":
        return good[:at]
    if action == "double":
        return good[:at] + good
    if action == "remove":
        return good[:at] + good[at + draw(st.integers(1, 8)) :]
    some = draw(st.binary(min_size=1, max_size=8))
    return good[:at] + some + good[at + (1 if action == "flip" else 0) :]


def attack(target: Target, sent: Sent) -> None:
    """Send it and judge: refused requests change nothing, and no answer is a fault."""
    before = target.state()
    code, body = target.send(sent)
    assert code < 500 or (code == 504 and TOO_NEW in body), (code, body[:500], sent)
    if code >= 400:
        if not body.startswith(b"404 page not found"):  # a path that nobody serves
            assert json.loads(body)["kind"] == "Status", (body[:300], sent)
        assert target.state() == before, (code, body[:300], sent)
    elif sent.method != "GET":
        target.reset()


creates = st.sampled_from(targets.BASE)


@many
@given(data=st.data())
def test_objects(target: Target, data: st.DataObject) -> None:
    path, good = data.draw(creates)
    body = json.dumps(data.draw(spoiled(good))).encode()
    if data.draw(st.booleans()):
        attack(target, Sent("POST", path, body))
    else:
        attack(target, Sent("PUT", f"{path}/{good['metadata']['name']}", body))


@many
@given(data=st.data())
def test_bytes(target: Target, data: st.DataObject) -> None:
    path, good = data.draw(creates)
    kind = data.draw(st.sampled_from([JSON, "application/yaml", PROTOBUF]))
    body = data.draw(broken(json.dumps(good).encode()))
    attack(target, Sent("POST", path, body, headers={"Content-Type": kind}))


@many
@given(data=st.data())
def test_protobuf(target: Target, data: st.DataObject) -> None:
    path, good = data.draw(creates)
    body = data.draw(broken(protobuf.encode(good)))
    attack(target, Sent("POST", path, body, headers={"Content-Type": PROTOBUF}))


PATCHES: list[tuple[str, Any]] = [
    (MERGE, {"data": {"a": "2"}, "metadata": {"labels": {"x": "y"}}}),
    (STRATEGIC, {"metadata": {"labels": {"x": "y"}, "finalizers": ["a/b"]}, "data": {"a": None}}),
    (JSON_PATCH, [{"op": "add", "path": "/data/x", "value": "y"}, {"op": "test", "path": "/kind", "value": "ConfigMap"}]),
    (JSON_PATCH, [{"op": "move", "from": "/data/a", "path": "/data/b"}, {"op": "copy", "from": "/data", "path": "/metadata/labels"}]),
    (APPLY, targets.MAP),
]  # fmt: skip
POD_PATCHES: list[tuple[str, Any]] = [
    (STRATEGIC, {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "$patch": "delete"}]}], "$setElementOrder/containers": [{"name": "app"}]}}),
    (STRATEGIC, {"spec": {"$retainKeys": ["containers"], "tolerations": [{"$patch": "replace"}]}}),
    (APPLY, {**targets.DEPLOYMENT}),
]  # fmt: skip


@many
@given(data=st.data())
def test_patches(target: Target, data: st.DataObject) -> None:
    simple = data.draw(st.booleans())
    kind, good = data.draw(st.sampled_from(PATCHES if simple else POD_PATCHES))
    path = f"{CORE}/configmaps/map" if simple else f"{APPS}/deployments/deployment"
    if not simple and kind == STRATEGIC:
        good = {"spec": {"template": good}}
    if data.draw(st.booleans()):
        path += data.draw(st.sampled_from(["/status", "/scale", "/nonsense", "x"]))
    patch = data.draw(spoiled(good))
    body = json.dumps(patch).encode()
    if data.draw(st.integers(0, 3)) == 0:
        body = data.draw(broken(body))
    query = (("fieldManager", "fuzz"),) if kind == APPLY else ()
    attack(target, Sent("PATCH", path, body, query, {"Content-Type": kind}))


PARAMETERS = (
    "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion",
    "resourceVersionMatch", "watch", "sendInitialEvents", "allowWatchBookmarks", "timeoutSeconds",
    "includeObject", "dryRun", "fieldManager", "fieldValidation", "force", "pretty",
    "gracePeriodSeconds", "propagationPolicy", "orphanDependents",
)  # fmt: skip
selectors = st.text(alphabet="ab=!,() in\t/.-é", max_size=25)
tokens = st.one_of(
    st.dictionaries(
        st.sampled_from(["v", "rv", "start", "x"]),
        st.one_of(st.sampled_from(["meta.k8s.io/v1", 1, -1, 2**70, "map\0", "../", None]), weird),
        max_size=4,
    ).map(lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")),
    st.binary(max_size=30).map(lambda value: base64.urlsafe_b64encode(value).decode()),
)
values = st.one_of(
    selectors,
    tokens,
    st.text(max_size=20),
    st.sampled_from(["true", "1", "0", "-1", "All", "Exact", "NotOlderThan", "Strict", "9" * 25]),
)
queries = st.lists(st.tuples(st.sampled_from(PARAMETERS), values), min_size=1, max_size=5)


@many
@given(data=st.data(), query=queries)
def test_queries(target: Target, data: st.DataObject, query: list[tuple[str, str]]) -> None:
    method = data.draw(st.sampled_from(["GET", "GET", "GET", "POST", "DELETE", "PATCH"]))
    path = f"{CORE}/configmaps" + ("" if method in ("POST", "GET") else "/map")
    body = {"POST": json.dumps(targets.MAP).encode(), "PATCH": b"{}"}.get(method, b"")
    headers = {"Content-Type": MERGE} if method == "PATCH" else {}
    attack(target, Sent(method, path, body, tuple(query), headers))


def segments() -> st.SearchStrategy[str]:
    known = [
        "api", "apis", "v1", "apps", "namespaces", "default", "pods", "pod", "log", "exec",
        "status", "scale", "deployments", "watch", "proxy", "openapi", "v3", "v2", "..", "%2e%2e",
        "%00", "", "a:b", "x" * 300, "%ff", "finalize", "token", "eviction", "binding", "nodes",
    ]  # fmt: skip
    return st.lists(st.sampled_from(known), max_size=8).map(lambda parts: "/" + "/".join(parts))


@many
@given(path=segments(), method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "X"]))  # fmt: skip
def test_paths(target: Target, path: str, method: str) -> None:
    code, body = target.send(Sent(method, path, b"" if method in ("GET", "HEAD") else b"{}"))
    assert code < 500 or code == 503, (code, body[:300], method, path)


HEADERS = (
    "Accept", "Content-Type", "Accept-Encoding", "Content-Encoding", "Authorization",
    "Impersonate-User", "Impersonate-Group", "Impersonate-Extra-X", "If-None-Match", "User-Agent",
    "Expect", "Upgrade", "Connection", "Sec-WebSocket-Protocol", "Sec-WebSocket-Key", "Range",
    "X-Forwarded-For", "Audit-Id", "Transfer-Encoding", "Cookie", "Warning",
)  # fmt: skip
pieces = st.sampled_from([
    "application/json", ";as=Table;v=v1;g=meta.k8s.io", ";q=", "x", "*/*", ",", "gzip", "Bearer ",
    "websocket", "v5.channel.k8s.io", "SPDY/3.1", "Upgrade", "chunked", "=", '"', "é", "\t", "0",
    "system:masters", "a.b.c", "100-continue", "bytes=0-", "application/yaml", "identity",
])  # fmt: skip
contents = st.lists(pieces, max_size=6).map("".join)


@many
@given(
    headers=st.dictionaries(st.sampled_from(HEADERS), contents, min_size=1, max_size=4),
    path=st.sampled_from(
        ["/configmaps/map", "/configmaps", "/pods/pod/exec?command=x", "/pods/pod/portforward",
         "/pods/pod/attach", "/pods/pod/log", "/services/service/proxy/x"]
    ),
)  # fmt: skip
def test_headers_and_upgrades(target: Target, headers: dict[str, str], path: str) -> None:
    lines = [f"GET {CORE}{path} HTTP/1.1", "Host: x", *(f"{k}: {v}" for k, v in headers.items())]
    if "Connection" not in headers:
        lines.append("Connection: close")
    first = target.raw("\r\n".join([*lines, "", ""]).encode())
    # No node runs the pod and nobody serves behind the service: 503 is the truth there.
    assert first[:9] in (b"HTTP/1.1 ", b"HTTP/1.0 ", b""), first[:200]
    assert first[9:10] != b"5" or first[9:12] == b"503", (first[:500], headers, path)


@many
@given(data=st.data())
def test_raw_http(target: Target, data: st.DataObject) -> None:
    length = len(json.dumps(targets.MAP))
    good = (
        f"POST {CORE}/configmaps?dryRun=All HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
    wrong = data.draw(broken(good)) + json.dumps(targets.MAP).encode() + b"\r\n\r\n"
    first = target.raw(wrong + b"0" * 200 + b"\r\n\r\n")
    assert not first or first[9:10] != b"5" or first[9:12] in (b"501", b"505"), (first[:300], wrong)


@pytest.mark.parametrize("depth", [100, 1000, 100_000])
@pytest.mark.parametrize(
    "brackets",
    [("[", "]"), ('{"a":', "}"), ("- ", ""), ("? ", "")],
    ids=["lists", "objects", "blocks", "keys"],
)
@pytest.mark.parametrize("kind", [JSON, "application/yaml", MERGE, JSON_PATCH, APPLY])
def test_deep_nesting(target: Target, depth: int, brackets: tuple[str, str], kind: str) -> None:
    opening, closing = brackets
    text = f"{opening * depth}1{closing * depth}"
    method = "POST" if kind in (JSON, "application/yaml") else "PATCH"
    path = f"{CORE}/configmaps" + ("" if method == "POST" else "/map")
    inside = text if depth < 1000 else '{"metadata":{"name":"x","deep":' + text + "}}"
    query = (("fieldManager", "fuzz"),)
    attack(target, Sent(method, path, inside.encode(), query, {"Content-Type": kind}))


def test_aliases_do_not_explode(target: Target) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    body = ("kind: ConfigMap\napiVersion: v1\n" + "\n".join(lines)).encode()
    headers = {"Content-Type": "application/yaml"}
    attack(target, Sent("POST", f"{CORE}/configmaps", body, headers=headers))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_oversized(target: Target, method: str) -> None:
    body = json.dumps({**targets.MAP, "data": {"x": "y" * 4_000_000}}).encode()
    path = f"{CORE}/configmaps" + ("" if method == "POST" else "/map")
    before = target.state()
    kind = MERGE if method == "PATCH" else JSON
    code, answer = target.send(Sent(method, path, body, headers={"Content-Type": kind}))
    assert (code, json.loads(answer)["reason"]) == (413, "RequestEntityTooLarge")
    target.close()
    assert target.state() == before
