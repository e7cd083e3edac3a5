"""Pulling, against a registry on loopback that speaks the protocol."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from kubelet.images import manifest, service
from kubelet.images.errors import (
    ImageError,
    InvalidImageError,
    PullError,
    UnreachableError,
)
from kubelet.images.interface import Credentials
from kubelet.images.registry import RegistryClient
from kubelet.images.service import LocalImages
from kubelet.images.store import ImageStore
from tests.unit.kubelet.images.archives import SampleImage, digest_of, sample, tar

IMAGE = sample(tar(("base", b"1")), tar(("top", b"2")))
LOGIN = Credentials("me", "secret")


@dataclass
class Registry:
    """One repository `team/app`; every answer can be spoilt by a test."""

    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    auth: str = ""
    port: int = 0
    requests: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}/team/app"

    def push(self, image: SampleImage, tag: str) -> None:
        self.manifests |= {tag: image.document, image.digest: image.document}
        self.blobs |= image.blobs()

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request.path)
        if request.path == "/token":
            if request.headers.get("Authorization") != "Basic bWU6c2VjcmV0":
                return web.Response(status=401)
            assert request.query["scope"] == "repository:team/app:pull"
            return web.json_response({"token": "t0k3n"})
        refused = self._refusal(request)
        if refused is not None:
            return refused
        kind, _, key = request.path.removeprefix("/v2/team/app/").partition("/")
        store = self.manifests if kind == "manifests" else self.blobs
        if key not in store:
            return web.Response(status=404)
        return web.Response(body=store[key])

    def _refusal(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self.auth == "bearer" and given != "Bearer t0k3n":
            realm = f'Bearer realm="http://127.0.0.1:{self.port}/token",service="reg"'
            return web.Response(status=401, headers={"WWW-Authenticate": realm})
        if self.auth == "basic" and given != "Basic bWU6c2VjcmV0":
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        return None


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    registry = Registry()
    app = web.Application()
    app.router.add_get("/{path:.*}", registry.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    registry.port = runner.addresses[0][1]
    registry.push(IMAGE, "v1")
    yield registry
    await runner.cleanup()


@pytest.fixture
def images(tmp_path: Path) -> LocalImages:
    return LocalImages(ImageStore(tmp_path))


async def test_a_pulled_image_is_in_the_store(registry: Registry, images: LocalImages) -> None:
    image = await images.pull(f"{registry.name}:v1")
    assert image.tags == (f"{registry.name}:v1",)
    assert image.digests == (f"{registry.name}@{IMAGE.digest}",)
    assert await images.status(f"{registry.name}@{IMAGE.digest}") == image
    assert [i.id for i in await images.list_images()] == [image.id]


async def test_by_digest(registry: Registry, images: LocalImages) -> None:
    image = await images.pull(f"{registry.name}@{IMAGE.digest}")
    assert image.tags == ()
    assert await images.status(f"{registry.name}@{IMAGE.digest}") == image


async def test_layers_that_are_here_are_not_fetched_again(
    registry: Registry, images: LocalImages
) -> None:
    await images.pull(f"{registry.name}:v1")
    registry.push(sample(IMAGE.layers[0], tar(("new", b"3"))), "v2")
    registry.requests.clear()
    await images.pull(f"{registry.name}:v2")
    fetched = [path for path in registry.requests if "/blobs/" in path]
    assert len(fetched) == 2  # The configuration and one layer.


async def test_an_index_is_searched_for_this_machine(
    registry: Registry, images: LocalImages
) -> None:
    entries = [
        {
            "digest": digest_of(b"other"),
            "size": 5,
            "platform": {"os": "linux", "architecture": "x"},
        },
        *(
            {
                "digest": IMAGE.digest,
                "size": len(IMAGE.document),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture in manifest.ARCHITECTURES.values()
        ),
    ]
    index = orjson.dumps({"schemaVersion": 2, "manifests": entries})
    registry.manifests["multi"] = index
    image = await images.pull(f"{registry.name}:multi")
    assert image.digests == (f"{registry.name}@{digest_of(index)}",)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_with_a_login(registry: Registry, images: LocalImages, auth: str) -> None:
    registry.auth = auth
    image = await images.pull(f"{registry.name}:v1", [Credentials("wrong", "x"), LOGIN])
    assert image.tags == (f"{registry.name}:v1",)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_without_the_login_it_is_denied(
    registry: Registry, images: LocalImages, auth: str
) -> None:
    registry.auth = auth
    with pytest.raises(PullError, match="failed to pull image"):
        await images.pull(f"{registry.name}:v1")


async def test_a_missing_image_says_how_to_bring_it(
    registry: Registry, images: LocalImages
) -> None:
    with pytest.raises(PullError, match=r"not found.*`bireme image import FILE`"):
        await images.pull(f"{registry.name}:none")


async def test_an_unreachable_registry_says_how_to_bring_the_image(images: LocalImages) -> None:
    with pytest.raises(PullError, match="`bireme image import FILE`"):
        await images.pull("127.0.0.1:1/app")


async def test_an_unreachable_registry_is_not_asked_again_for_a_while(
    registry: Registry, images: LocalImages
) -> None:
    port, registry.port = registry.port, 1
    with pytest.raises(UnreachableError, match="Cannot connect"):
        await images.pull(f"{registry.name}:v1")
    with pytest.raises(UnreachableError, match="could not be reached a moment ago"):
        await images.pull(f"{registry.name}:v2")
    registry.port = port
    assert (await images.pull(f"{registry.name}:v1")).tags


@pytest.mark.looptime
async def test_and_is_asked_when_the_while_is_over(images: LocalImages) -> None:
    for _ in range(2):
        with pytest.raises(UnreachableError, match="Cannot connect"):
            await images.pull("127.0.0.1:1/app")
        await asyncio.sleep(service.UNREACHABLE_SECONDS)


async def test_content_that_does_not_match_its_digest_is_refused(
    registry: Registry, images: LocalImages
) -> None:
    layer = digest_of(IMAGE.compressed[0])
    registry.blobs[layer] = bytes(len(registry.blobs[layer]))
    with pytest.raises(InvalidImageError, match="do not match"):
        await images.pull(f"{registry.name}:v1")
    assert await images.list_images() == []


async def test_a_longer_layer_is_refused(registry: Registry, images: LocalImages) -> None:
    layer = digest_of(IMAGE.compressed[0])
    registry.blobs[layer] += b"more"
    with pytest.raises(InvalidImageError, match="longer than"):
        await images.pull(f"{registry.name}:v1")


async def test_a_manifest_by_digest_must_match(registry: Registry, images: LocalImages) -> None:
    registry.manifests[IMAGE.digest] = b"{}"
    with pytest.raises(InvalidImageError, match="does not match"):
        await images.pull(f"{registry.name}@{IMAGE.digest}")


async def test_a_huge_manifest_is_refused(registry: Registry, images: LocalImages) -> None:
    registry.manifests["v1"] = bytes(manifest.MAX_DOCUMENT_BYTES + 1)
    with pytest.raises(InvalidImageError, match="more than"):
        await images.pull(f"{registry.name}:v1")


@pytest.mark.parametrize("document", [b"", b"[]", b'{"schemaVersion": 1}', b'{"manifests": [1]}'])
async def test_bad_manifests_are_errors_of_ours(
    registry: Registry, images: LocalImages, document: bytes
) -> None:
    registry.manifests["v1"] = document
    with pytest.raises(ImageError):
        await images.pull(f"{registry.name}:v1")


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("localhost:5000/a", "http"),
        ("127.0.0.1/a", "http"),
        ("[::1]:5/a", "http"),
        ("ghcr.io/a", "https"),
        ("10.0.0.1/a", "https"),
        ("reg.local/a", "http"),
    ],
)
def test_plain_http_only_to_loopback_and_by_name(name: str, scheme: str) -> None:
    from kubelet.images import reference

    client = RegistryClient(reference.parse(name), insecure=["reg.local"])
    assert client.base.partition(":")[0] == scheme
