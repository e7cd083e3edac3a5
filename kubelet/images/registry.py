"""Fetch images from registries: the pull half of the OCI distribution protocol, on aiohttp.

Every document and blob is checked against its digest while it streams in. Plain HTTP is spoken
only to loopback and to registries that were named as insecure. Storing is `service.py`'s business.
"""

import asyncio
import base64
import hashlib
import ipaddress
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from kubelet.images import manifest
from kubelet.images.errors import InvalidImageError, PullError, UnreachableError
from kubelet.images.interface import Credentials
from kubelet.images.reference import DEFAULT_REGISTRY, Reference

_DOCKER_HUB = "registry-1.docker.io"
# Name lookup included, which takes long where no name server answers.
CONNECT_TIMEOUT_SECONDS = 10.0
# Silence on an open connection.
READ_TIMEOUT_SECONDS = 60.0
ATTEMPTS = 3
RETRY_SECONDS = 1.0
_CHUNK_BYTES = 256 << 10
MAX_TOKEN_BYTES = 64 << 10
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Fetched:
    """A manifest for this machine, and its configuration, as they came."""

    digest: str
    manifest: manifest.Manifest
    config: bytes


class RegistryClient:
    """One registry, one repository, one set of credentials."""

    def __init__(
        self,
        reference: Reference,
        credentials: Credentials | None = None,
        insecure: Sequence[str] = (),
    ) -> None:
        self._reference = reference
        self._credentials = credentials
        host = reference.registry
        scheme = "http" if host in insecure or _is_loopback(host) else "https"
        address = _DOCKER_HUB if host == DEFAULT_REGISTRY else host
        self.base = f"{scheme}://{address}/v2/{reference.repository}"
        self._authorization = ""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(
            total=None, connect=CONNECT_TIMEOUT_SECONDS, sock_read=READ_TIMEOUT_SECONDS
        )
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def fetch(self, architecture: str) -> Fetched:
        """The manifest (chosen from an index if it is one) and the configuration."""
        wanted = self._reference.digest or self._reference.tag
        document = await self._manifest(wanted)
        digest = _digest(document)
        parsed = manifest.load(document, "the image manifest")
        if manifest.is_index(parsed):
            chosen = manifest.choose(parsed, architecture)
            document = await self._manifest(chosen.digest)
            parsed = manifest.load(document, "the image manifest")
        read = manifest.parse_manifest(parsed)
        config = await self._document(f"/blobs/{read.config.digest}", read.config.digest)
        # The digest is that of the index, if there is one: the tag points there.
        return Fetched(digest, read, config)

    async def download(self, layer: manifest.Descriptor, path: Path) -> None:
        """A layer's bytes, verified; started anew after a broken connection."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._download_once(layer, path)
            except (aiohttp.ClientError, TimeoutError) as error:
                if attempt == ATTEMPTS:
                    raise self._failed(error) from error
                await asyncio.sleep(RETRY_SECONDS * attempt)
            else:
                return

    async def _download_once(self, layer: manifest.Descriptor, path: Path) -> None:
        digest = hashlib.sha256()
        size = 0
        async with self._get(f"/blobs/{layer.digest}", {}) as response:
            with path.open("wb") as file:
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > layer.size:
                        raise InvalidImageError(
                            f"layer {layer.digest} is longer than the {layer.size} bytes it says"
                        )
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
        if "sha256:" + digest.hexdigest() != layer.digest:
            raise InvalidImageError(f"the bytes of layer {layer.digest} do not match its digest")

    async def _manifest(self, wanted: str) -> bytes:
        headers = {"Accept": ", ".join(manifest.ACCEPTED)}
        expected = wanted if wanted.startswith("sha256:") else ""
        return await self._document(f"/manifests/{wanted}", expected, headers)

    async def _document(
        self, path: str, expected: str, headers: Mapping[str, str] | None = None
    ) -> bytes:
        try:
            async with self._get(path, headers or {}) as response:
                data = await _bounded(response, manifest.MAX_DOCUMENT_BYTES)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._failed(error) from error
        if expected and _digest(data) != expected:
            raise InvalidImageError(f"what the registry sent does not match {expected}")
        return data

    def _failed(self, error: Exception) -> PullError:
        no_connection = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
        kind = UnreachableError if isinstance(error, no_connection) else PullError
        return kind(f'failed to pull image "{self._reference}": {_say(error)}')

    @asynccontextmanager
    async def _get(
        self, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None
        response = await self._request(path, headers)
        if response.status == 401:
            challenge = response.headers.get("WWW-Authenticate", "")
            response.release()
            await self._log_in(challenge)
            response = await self._request(path, headers)
        try:
            if response.status != 200:
                raise PullError(
                    f'failed to pull image "{self._reference}": {_explain(response.status)}'
                )
            yield response
        finally:
            response.release()

    async def _request(self, path: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        assert self._session is not None
        sent = dict(headers)
        if self._authorization:
            sent["Authorization"] = self._authorization
        # aiohttp drops the Authorization header when a blob is redirected to another host.
        return await self._session.get(self.base + path, headers=sent)

    async def _log_in(self, challenge: str) -> None:
        """Answer a 401: basic, or a token from the service that the registry names."""
        kind, _, rest = challenge.partition(" ")
        given = self._credentials
        if given is not None and given.registry_token:
            self._authorization = f"Bearer {given.registry_token}"
            return
        basic = _basic(given)
        if kind.lower() == "basic":
            self._authorization = basic
            return
        parameters = dict(_CHALLENGE.findall(rest))
        realm = parameters.get("realm", "")
        if kind.lower() != "bearer" or not _acceptable_realm(realm, self.base):
            raise PullError(
                f'failed to pull image "{self._reference}": the registry asks for a login '
                f'that is not understood ("{challenge:.80}")'
            )
        query = {"scope": f"repository:{self._reference.repository}:pull"}
        if "service" in parameters:
            query["service"] = parameters["service"]
        assert self._session is not None
        headers = {"Authorization": basic} if basic else {}
        async with self._session.get(realm, params=query, headers=headers) as response:
            if response.status != 200:
                raise PullError(
                    f'failed to pull image "{self._reference}": no access token from {realm} '
                    f"({_explain(response.status)})"
                )
            answer = manifest.load(await _bounded(response, MAX_TOKEN_BYTES), "the token answer")
        self._authorization = f"Bearer {answer.get('token') or answer.get('access_token')}"


def _basic(credentials: Credentials | None) -> str:
    if credentials is None or not credentials.username:
        return ""
    pair = f"{credentials.username}:{credentials.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _acceptable_realm(realm: str, base: str) -> bool:
    """Credentials go out encrypted, unless the registry itself is spoken to in the clear."""
    return realm.startswith("https://") or (
        base.startswith("http://") and realm.startswith("http://")
    )


def _is_loopback(registry: str) -> bool:
    host = registry.rsplit(":", 1)[0] if not registry.endswith("]") else registry
    host = host.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        data += chunk
        if len(data) > limit:
            raise InvalidImageError(f"the registry sent more than {limit} bytes for a document")
    return bytes(data)


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _explain(status: int) -> str:
    match status:
        case 401 | 403:
            return "access denied: the repository may not exist, or may need imagePullSecrets"
        case 404:
            return "not found in the registry"
        case 429:
            return "the registry allows no more pulls for now (429)"
        case _:
            return f"the registry answered {status}"


def _say(error: Exception) -> str:
    return str(error) or type(error).__name__
