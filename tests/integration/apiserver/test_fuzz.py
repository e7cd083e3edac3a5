"""Whatever is sent, the server has an answer of its own: never a 500.

Requests are made from a seed: objects of random kinds with fields of wrong types put in at random
places. A failure names the seed and the request; `--fuzz-seed`-like reruns are a matter of
changing SEEDS.
"""

import copy
import random
from typing import Any

import orjson
import pytest

from apimachinery import scheme
from apimachinery.types.base import facts

SEEDS = range(6)
REQUESTS = 250

WEIRD: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**63, 2**31, -(2**63), "", "x", "x" * 300, "é", "\0", "a/b",
    [], {}, [None], [[]], [{}], {"": ""}, {"a": None}, {"a": {"b": [1]}}, ["a", 1], "10.96.0.5",
    "1Gi", "-1", "9" * 30, "2020-01-01T00:00:00Z", [{"name": "a"}, {"name": "a"}], {"name": 5},
]  # fmt: skip
QUERY = (
    "labelSelector", "fieldSelector", "limit", "continue", "resourceVersionMatch", "watch",
    "sendInitialEvents", "timeoutSeconds", "pretty", "includeObject", "dryRun", "fieldManager",
    "fieldValidation", "force", "gracePeriodSeconds", "propagationPolicy",
)  # fmt: skip
VALUES = (*map(str, WEIRD), "a=b", "metadata.name=f1", "Exact", "NotOlderThan", "All", "Strict")
ACCEPTS = (
    "",
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,*/*;q=x",
)
PATCHES = ("merge", "strategic", "json", "apply")
COMMON = ("pods", "services", "deployments", "nodes", "namespaces", "secrets", "events", "jobs")


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        everything = list(scheme.BUILTIN.all())
        self.kinds = everything + [one for one in everything if one.plural in COMMON] * 5

    def filled(self, model: Any, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if depth < 0:
            return out
        for name, field in facts(model).items():
            if name in ("kind", "apiVersion", "metadata") or self.random.random() < 0.5:
                continue
            value: Any = self.random.choice([1, 80, True, "a", "10m", "TCP", "Always"])
            if hasattr(field.type, "model_fields"):
                value = self.filled(field.type, depth - 1)
            shapes = {"map": {"k": value}, "one": value}
            out[name] = shapes.get(field.shape, [value])
        return out

    def spoiled(self, obj: Any) -> Any:
        """The object with one to three values replaced or dropped, anywhere."""
        obj = copy.deepcopy(obj)
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            node = obj
            while isinstance(node, dict | list) and node:
                keys = list(node) if isinstance(node, dict) else range(len(node))
                key = self.random.choice(keys)
                if self.random.random() < 0.4 or not isinstance(node[key], dict | list):
                    node[key] = copy.deepcopy(self.random.choice(WEIRD))
                    break
                node = node[key]
        return obj

    def body(self, kind: scheme.Resource) -> Any:
        name = f"f{self.random.randrange(4)}"
        base: dict[str, Any] = {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {
                "name": name,
                "labels": {"a": "b"},
                "finalizers": ["a/b"],
                "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"}],
            },
            "target": {"kind": "Node", "name": "n"},
            "deleteOptions": {"gracePeriodSeconds": 1},
        }
        return self.spoiled(base | self.filled(kind.load_model(), 3))

    def json_patch(self) -> Any:
        paths = ["/spec", "/metadata/labels/a", "", "/metadata/name", "/kind", "/x/y", 5]
        operation = {
            "op": self.random.choice(["add", "remove", "replace", "test", "move", "copy", "zz"]),
            "path": self.random.choice(paths),
            "value": self.random.choice(WEIRD),
            "from": "/spec",
        }
        return [operation] * self.random.randrange(3)

    def request(self) -> dict[str, Any]:
        choose = self.random.choice
        kind = choose(self.kinds)
        base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        path = f"{base}{'/namespaces/default' if kind.namespaced else ''}/{kind.plural}"
        method = choose(["POST", "POST", "GET", "PUT", "PATCH", "DELETE"])
        if method != "POST" and self.random.random() < 0.8:
            path += f"/f{self.random.randrange(4)}"
            if kind.subresources and self.random.random() < 0.4:
                path += f"/{choose(kind.subresources).name}"
        elif method == "POST" and self.random.random() < 0.3 and kind.subresources:
            path += f"/f{self.random.randrange(4)}/{choose(kind.subresources).name}"
        query = {name: choose(VALUES) for name in self.random.sample(QUERY, choose([0, 0, 1, 3]))}
        headers = {"accept": choose(ACCEPTS)}
        body = None if method == "GET" else self.body(kind)
        if method == "PATCH":
            form = choose(PATCHES)
            headers["content-type"] = (
                f"application/{form}-patch+yaml"
                if form == "apply"
                else f"application/{'strategic-merge' if form == 'strategic' else form}-patch+json"
            )
            body = self.json_patch() if form == "json" else body
        return {"method": method, "path": path, "body": body, "headers": headers, "query": query}


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_request_is_a_fault_of_the_server(api, seed):
    maker = Maker(seed)
    for number in range(REQUESTS):
        request = maker.request()
        try:
            request["body"] = orjson.dumps(request["body"])
        except TypeError:
            continue  # beyond 64 bits: not to be said in this JSON writer
        answer = await api.send(**request)
        if answer.status >= 500:
            assert answer.status == 503, (seed, number, request, answer.raw)
        if not isinstance(answer.response.body, bytes):
            await answer.response.body.aclose()
