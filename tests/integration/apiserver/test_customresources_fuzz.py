"""Mutated definitions and objects: whatever comes, the answer is never a 5xx, and nothing gets stuck.

Seeded; a failure names its seed and the request. Found this way: selectable fields without a path,
a definition without a name.
"""

import asyncio
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Api
from .test_customresources import CRDS, GADGET, GADGETS, definition, gadget, gone, schema, version

DEFINITIONS, OBJECTS = 120, 8

VALUES: list[Any] = [
    None, True, 0, -1, 2**40, 1.5, "", "x", "object", "array", "string", "[", "(a", ".spec.", {}, [],
    {"a": 1}, ["a"], [{}], {"type": "object"}, {"type": "array"}, "x" * 300, {"x": {"type": "string"}},
]  # fmt: skip
KEYS = [
    "type", "default", "enum", "pattern", "nullable", "properties", "items", "additionalProperties",
    "anyOf", "oneOf", "allOf", "not", "required", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-int-or-string", "x-kubernetes-embedded-resource", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-validations", "minimum",
    "maxItems", "multipleOf", "format", "maxLength", "deprecated", "served", "storage",
    "selectableFields", "scale", "status", "subresources", "additionalPrinterColumns", "jsonPath",
    "conversion", "metadata",
]  # fmt: skip


def rich() -> dict[str, Any]:
    """A definition that uses most of what there is."""
    item = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 1}},
    }
    spec = schema(
        size={"type": "integer", "minimum": 1},
        port={"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+$"},
        parts={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": item,
        },
        free={"type": "object", "additionalProperties": {"type": "string", "format": "email"}},
        pod={
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
    )
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    return definition(
        version(
            schema=spec,
            subresources={"status": {}, "scale": scale},
            selectableFields=[{"jsonPath": ".spec.size"}],
            additionalPrinterColumns=[
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                {"name": "Part", "type": "string", "jsonPath": ".spec.parts[0].name"},
            ],
        ),
        version("v2", storage=False),
    )


FULL = gadget(
    size=2,
    port="80",
    parts=[{"name": "a"}, {"name": "b", "weight": 3}],
    free={"k": "a@b.c"},
    pod={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}},
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from places(one, (*path, key))


def mutated(obj: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The object with up to three places changed."""
    obj = copy.deepcopy(obj)
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(list(places(obj)))
        holder: Any = obj
        for key in way:
            holder = holder[key]
        if isinstance(holder[last], dict) and chance.random() < 0.5:
            holder[last][chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))
        else:
            holder[last] = copy.deepcopy(chance.choice(VALUES))
    return obj


async def send(api: Api, method: str, path: str, body: Any = None, kind: str = "merge") -> int:
    if method == "PATCH":
        answer = await api.patch(path, body, kind, fieldManager="fuzz")
    else:
        answer = await api.send(method, path, body)
    assert answer.status < 500, (method, path, body, answer.raw)
    return answer.status


async def objects(api: Api, chance: random.Random) -> None:
    """Writes of mutated objects, through every door, and reads of what they leave."""
    for _ in range(OBJECTS):
        body = mutated(FULL, chance)
        await send(api, "POST", GADGETS, body)
        await send(api, "PATCH", GADGET, body)
        await send(
            api,
            "PATCH",
            GADGET,
            {**body, "apiVersion": "example.com/v1", "kind": "Gadget"},
            "apply",
        )
        await send(api, "PATCH", f"{GADGET}/status", {"status": chance.choice(VALUES)})
        await send(api, "PATCH", f"{GADGET}/scale", {"spec": {"replicas": chance.choice(VALUES)}})
        for path in (GADGET, f"{GADGET}/scale", GADGETS, GADGETS.replace("v1", "v2")):
            await send(api, "GET", path)
    table = await api.get(GADGETS, "application/json;as=Table;v=v1;g=meta.k8s.io")
    assert table.status < 500, table.raw


@pytest.mark.parametrize("seed", range(3))
async def test_no_request_breaks_the_server(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(DEFINITIONS):
        body = mutated(rich(), chance) if chance.random() < 0.9 else rich()
        if await send(api, "POST", CRDS, body) != 201:
            continue
        await objects(api, chance)
        await send(api, "GET", "/openapi/v3/apis/example.com/v1")
        await send(
            api, "PATCH", f"{CRDS}/gadgets.example.com", mutated({"spec": rich()["spec"]}, chance)
        )
        await send(api, "GET", GADGETS)
        await send(api, "DELETE", f"{CRDS}/gadgets.example.com")
        async with asyncio.timeout(30):
            await _emptied(api)


async def _emptied(api: Api) -> None:
    """The definition goes once nothing holds its objects."""
    if await send(api, "GET", GADGET) == 200:
        await send(api, "PATCH", GADGET, {"metadata": {"finalizers": None}})
    await gone(api, f"{CRDS}/gadgets.example.com")
