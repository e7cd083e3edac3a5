"""Versions of a custom resource that a webhook converts: reads, writes, lists, watches, failures."""

import base64
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from apiserver.identity.pki import Pki
from apiserver.server import ApiServer
from apiserver.stores import open_store

from .conftest import Api
from .test_customresources import CRDS, definition, version

V1 = "/apis/example.com/v1/namespaces/default/gadgets"
V2 = "/apis/example.com/v2/namespaces/default/gadgets"


def spec(**properties: Any) -> dict[str, Any]:
    inner = {"type": "object", "properties": properties}
    return {"openAPIV3Schema": {"type": "object", "properties": {"spec": inner}}}


class Converter:
    """v1 says `size: "3cm"`, v2 says `length: 3`."""

    def __init__(self, keys: Pki) -> None:
        self._keys = keys
        self.port = 0
        self.asked: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}
        """Laid over the response."""

    def convert(self, obj: dict[str, Any], wanted: str) -> dict[str, Any]:
        made = {**obj, "apiVersion": wanted}
        given = obj.get("spec") or {}
        if wanted.endswith("/v2") and "size" in given:
            made["spec"] = {"length": int(given["size"].removesuffix("cm"))}
        if wanted.endswith("/v1") and "length" in given:
            made["spec"] = {"size": f"{given['length']}cm"}
        return made

    async def start(self) -> web.AppRunner:
        async def handle(request: web.Request) -> web.StreamResponse:
            review = orjson.loads(await request.read())
            asked = review["request"]
            self.asked.append(asked)
            made = [self.convert(one, asked["desiredAPIVersion"]) for one in asked["objects"]]
            response = {
                "uid": asked["uid"],
                "result": {"status": "Success"},
                "convertedObjects": made,
                **self.answer,
            }
            head = {"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1"}
            return web.json_response({**head, "response": response})

        app = web.Application()
        app.router.add_post("/convert", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        pair = self._keys.api_server(())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self.port = runner.addresses[0][1]
        return runner

    def definition(self, stored: str = "v1") -> dict[str, Any]:
        bundle = base64.b64encode(self._keys.ca.cert.read_bytes()).decode()
        client = {"url": f"https://127.0.0.1:{self.port}/convert", "caBundle": bundle}
        columns = [{"name": "Length", "type": "integer", "jsonPath": ".spec.length"}]
        made = definition(
            version(schema=spec(size={"type": "string"}), storage=stored == "v1"),
            version(
                "v2",
                schema=spec(length={"type": "integer"}, unit={"type": "string", "default": "cm"}),
                storage=stored == "v2",
                additionalPrinterColumns=columns,
            ),
        )
        webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
        made["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
        return made


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = ApiServer(open_store("memory"))
    await server.start()
    yield Api(server)
    await server.stop()


@pytest.fixture
async def converter(tmp_path: Path, api: Api) -> AsyncIterator[Converter]:
    made = Converter(Pki(tmp_path))
    runner = await made.start()
    await api.made(CRDS, made.definition())
    yield made
    await runner.cleanup()


def v1(name: str = "a", size: str = "3cm") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"size": size}}


def v2(name: str = "a", length: int = 3) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"length": length}}


async def test_each_version_is_read_as_itself(api: Api, converter: Converter) -> None:
    made = await api.made(V2, v2())
    assert (made["apiVersion"], made["spec"]) == ("example.com/v2", {"length": 3, "unit": "cm"})
    stored = (await api.get(f"{V1}/a")).json
    assert (stored["apiVersion"], stored["spec"]) == ("example.com/v1", {"size": "3cm"})
    asked = converter.asked[0]
    assert asked["desiredAPIVersion"] == "example.com/v1"
    assert asked["objects"][0]["spec"] == {"length": 3, "unit": "cm"}
    seen = (await api.get(f"{V2}/a")).json
    assert seen["metadata"]["uid"] == stored["metadata"]["uid"]


async def test_what_is_stored_is_not_converted(api: Api, converter: Converter) -> None:
    await api.made(V1, v1())
    assert (await api.get(f"{V1}/a")).json["spec"] == {"size": "3cm"}
    assert converter.asked == []


async def test_updates_and_patches_speak_their_version(api: Api, converter: Converter) -> None:
    made = await api.made(V2, v2())
    made["spec"]["length"] = 4
    answer = await api.put(f"{V2}/a", made)
    assert (answer.status, answer.json["spec"]["length"]) == (200, 4)
    answer = await api.patch(f"{V2}/a", {"spec": {"length": 5}})
    assert (answer.status, answer.json["spec"]["length"]) == (200, 5)
    config = {"apiVersion": "example.com/v2", "kind": "Gadget", **v2(length=6)}
    answer = await api.patch(f"{V2}/a", config, "apply", fieldManager="me", force="true")
    assert (answer.status, answer.json["spec"]["length"]) == (200, 6)
    assert (await api.get(f"{V1}/a")).json["spec"] == {"size": "6cm"}
    assert len(converter.asked) >= 6


async def test_lists_ask_once(api: Api, converter: Converter) -> None:
    for index in range(5):
        await api.made(V1, v1(f"g{index}", f"{index}cm"))
    found = (await api.get(V2)).json
    assert found["apiVersion"] == "example.com/v2"
    assert [one["spec"]["length"] for one in found["items"]] == [0, 1, 2, 3, 4]
    assert [len(one["objects"]) for one in converter.asked] == [5]
    assert (await api.get(V2)).json["items"] == found["items"]
    assert len(converter.asked) == 1, "what was converted once is known"
    table = (await api.get(V2, "application/json;as=Table;v=v1;g=meta.k8s.io")).json
    assert [row["cells"][1] for row in table["rows"]] == [0, 1, 2, 3, 4]


async def test_watches_show_their_version(api: Api, converter: Converter) -> None:
    await api.made(V1, v1())
    events = api.watch(V2, resourceVersion="0")
    first = await anext(events)
    assert (first["type"], first["object"]["spec"]["length"]) == ("ADDED", 3)
    assert (await api.patch(f"{V1}/a", {"spec": {"size": "4cm"}})).status == 200
    second = await anext(events)
    assert (second["type"], second["object"]["spec"]["length"]) == ("MODIFIED", 4)
    assert second["object"]["apiVersion"] == "example.com/v2"
    assert (await api.delete(f"{V1}/a")).status == 200
    third = await anext(events)
    assert (third["type"], third["object"]["spec"]["length"]) == ("DELETED", 4)
    await events.aclose()  # type: ignore[attr-defined]
    assert converter.asked


async def test_a_new_storage_version_reads_what_the_old_one_stored(
    api: Api, converter: Converter
) -> None:
    await api.made(V1, v1())
    changed = converter.definition(stored="v2")
    answer = await api.patch(f"{CRDS}/gadgets.example.com", {"spec": changed["spec"]})
    assert answer.json["status"]["storedVersions"] == ["v1", "v2"]
    assert (await api.get(f"{V2}/a")).json["spec"] == {"length": 3, "unit": "cm"}
    answer = await api.patch(f"{V2}/a", {"metadata": {"labels": {"x": "y"}}})
    assert answer.status == 200, answer.raw
    before = len(converter.asked)
    assert (await api.get(f"{V2}/a")).json["spec"]["length"] == 3
    assert len(converter.asked) == before, "now it is stored as v2"
    assert (await api.get(f"{V1}/a")).json["spec"] == {"size": "3cm"}


async def test_a_list_of_what_is_stored_in_both_versions(api: Api, converter: Converter) -> None:
    await api.made(V1, v1("old", "1cm"))
    changed = converter.definition(stored="v2")
    await api.patch(f"{CRDS}/gadgets.example.com", {"spec": changed["spec"]})
    await api.made(V2, v2("new", 2))
    for path, wanted in ((V2, [2, 1]), (V1, ["2cm", "1cm"])):
        found = (await api.get(path)).json["items"]
        assert [next(iter(one["spec"].values())) for one in found] == wanted
        assert {one["apiVersion"] for one in found} == {
            path.removeprefix("/apis/").partition("/namespaces")[0]
        }


async def test_policies_see_the_version_that_they_name(api: Api, converter: Converter) -> None:
    """Two policies about v2: one judges what is written as v1, one changes it."""
    group = "/apis/admissionregistration.k8s.io/v1"
    rule = {
        "apiGroups": ["example.com"],
        "apiVersions": ["v2"],
        "operations": ["CREATE"],
        "resources": ["gadgets"],
    }
    constraints = {"resourceRules": [rule]}
    few = {"expression": "object.apiVersion == 'example.com/v2' && object.spec.length <= 5"}
    judge = {"matchConstraints": constraints, "validations": [few]}
    await api.made(
        f"{group}/validatingadmissionpolicies", {"metadata": {"name": "p"}, "spec": judge}
    )
    bound = {"policyName": "p", "validationActions": ["Deny"]}
    await api.made(
        f"{group}/validatingadmissionpolicybindings", {"metadata": {"name": "p"}, "spec": bound}
    )
    assert (await api.post(V1, v1(size="6cm"))).status == 422
    expression = "Object{spec: Object.spec{length: object.spec.length + 1}}"
    change = {
        "matchConstraints": constraints,
        "reinvocationPolicy": "Never",
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {"expression": expression},
            }
        ],
    }
    await api.made(
        f"{group}/mutatingadmissionpolicies", {"metadata": {"name": "m"}, "spec": change}
    )
    await api.made(
        f"{group}/mutatingadmissionpolicybindings",
        {"metadata": {"name": "m"}, "spec": {"policyName": "m"}},
    )
    assert (await api.made(V1, v1(size="4cm")))["spec"] == {"size": "5cm"}
    assert (await api.post(V1, v1("b", size="5cm"))).status == 422
    assert converter.asked


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"result": {"status": "Failure", "message": "no such unit"}}, "failed: no such unit"),
        ({"convertedObjects": []}, "failed: returned 0 objects, expected 1"),
        ({"uid": "other"}, 'failed: expected response.uid="'),
        ({"result": {}}, "failed: response.result.status was '', not 'Success'"),
        (
            {"convertedObjects": [{"apiVersion": "example.com/v1", "metadata": {}}]},
            "failed: returned invalid converted object: invalid apiVersion: example.com/v1, want",
        ),
    ],
)
async def test_a_webhook_that_fails(
    api: Api, converter: Converter, answer: dict[str, Any], told: str
) -> None:
    await api.made(V1, v1())
    converter.answer = answer
    found = await api.get(f"{V2}/a")
    assert found.status == 500
    assert f"conversion webhook for example.com/v1, Kind=Gadget {told}" in found.message
    assert (await api.get(f"{V1}/a")).status == 200
    assert (await api.get(V2)).status == 500
    (event,) = [one async for one in api.watch(V2, resourceVersion="0")]
    assert (event["type"], event["object"]["code"]) == ("ERROR", 500)


async def test_a_webhook_that_is_not_there(api: Api, converter: Converter) -> None:
    await api.made(V1, v1())
    webhook = {"clientConfig": {"url": "https://127.0.0.1:1/convert", "caBundle": None}}
    spec = {"conversion": {"strategy": "Webhook", "webhook": webhook}}
    assert (await api.patch(f"{CRDS}/gadgets.example.com", {"spec": spec})).status == 200
    found = await api.get(f"{V2}/a")
    assert found.status == 500
    assert (
        'conversion webhook for example.com/v1, Kind=Gadget failed: Post "https://127.0.0.1:1/'
        in found.message
    )
    assert converter.asked == []


@pytest.mark.parametrize(
    ("conversion", "told"),
    [
        (
            {"strategy": "Webhook"},
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set",
        ),
        ({"strategy": "Other"}, 'spec.conversion.strategy: Unsupported value: "Other"'),
        (
            {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://x.y/"}}},
            "spec.conversion.conversionReviewVersions: Required value",
        ),
        (
            {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"]}},
            "spec.conversion.webhookClientConfig: Required value",
        ),
    ],
)
async def test_what_is_no_conversion(api: Api, conversion: dict[str, Any], told: str) -> None:
    made = definition()
    made["spec"]["conversion"] = conversion
    answer = await api.post(CRDS, made)
    assert answer.status == 422
    assert told in answer.message
