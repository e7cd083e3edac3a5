"""OpenAPI documents made from the scheme and the models, as bytes on demand.

A document is made when it is first asked for and kept until the scheme changes. The index names
each by a hash of what it is made from, so it costs no document. Neighbours:
`builder` puts a document together;
`apiserver.handlers.openapi` serves the bytes.
"""

import hashlib
import importlib.resources
from collections.abc import Callable, Iterable
from functools import cache

import orjson

from apimachinery.openapi import paths, protobuf
from apimachinery.openapi.builder import Builder
from apimachinery.openapi.schema import V2, V3
from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject

INFO = {"title": "Kubernetes", "version": "v1.36.0"}


@cache
def _fingerprint() -> bytes:
    """A hash of the code that documents are made from: it changes with every edit of a model."""
    digest = hashlib.sha256()
    for package in ("apimachinery", "apimachinery.openapi", "apimachinery.types"):
        for one in sorted(importlib.resources.files(package).iterdir(), key=lambda at: at.name):
            if one.name.endswith(".py") and one.is_file():
                digest.update(one.read_bytes())
    return digest.digest()


class Documents:
    """All documents of one scheme, each made when first asked for and kept."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._custom: dict[tuple[str, str, str], JsonObject] = {}
        self._made: dict[str, tuple[int, bytes]] = {}
        """By path ("v2", "index" and those of v3): the generation it was made for, and it."""
        self._changes = 0

    def publish(self, resource: Resource, schema: JsonObject) -> None:
        """The schema of a custom resource (its definition's `openAPIV3Schema`)."""
        self._custom[resource.gvr] = schema
        self._changes += 1

    def withdraw(self, resource: Resource) -> None:
        """Forget the schema of a custom resource."""
        if self._custom.pop(resource.gvr, None) is not None:
            self._changes += 1

    def index(self) -> bytes:
        """`/openapi/v3`: path of each group version → its URL with a hash."""
        return self._keep("index", self._index)

    def v3(self, path: str) -> bytes | None:
        """`/openapi/v3/<path>`, path is "api/v1" or "apis/apps/v1"; None when unknown."""
        rows = self._rows(path)
        return self._keep(path, lambda: self._document(rows)) if rows else None

    def v3_hash(self, path: str) -> str:
        """The hash that the index gives for this path: its ETag."""
        digest = hashlib.sha256(_fingerprint())
        for row in self._rows(path):
            digest.update(repr(row).encode())
            schema = self._schemas([row]).get(row.gvr)
            if schema is not None:
                digest.update(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))
        return digest.hexdigest().upper()

    def v2(self) -> bytes:
        """`/openapi/v2`, all groups in one document."""
        return self._keep("v2", self._swagger)

    def v2_protobuf(self) -> bytes:
        """The same document's schemas for clients that read protobuf only."""
        return self._keep("v2 protobuf", lambda: protobuf.encode(orjson.loads(self.v2())))

    def _keep(self, key: str, make: Callable[[], bytes]) -> bytes:
        generation = self._scheme.generation + self._changes
        found = self._made.get(key)
        if found is None or found[0] != generation:
            found = self._made[key] = (generation, make())
        return found[1]

    def _rows(self, path: str) -> list[Resource]:
        parts = path.split("/")
        if parts[0] == "api" and len(parts) == 2:
            return self._scheme.in_group_version("", parts[1])
        if parts[0] == "apis" and len(parts) == 3:
            return self._scheme.in_group_version(parts[1], parts[2])
        return []

    def _index(self) -> bytes:
        known = {}
        for group, versions in self._scheme.groups().items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                url = f"/openapi/v3/{path}?hash={self.v3_hash(path)}"
                known[path] = {"serverRelativeURL": url}
        return orjson.dumps({"paths": known})

    def _schemas(self, rows: Iterable[Resource]) -> dict[tuple[str, str, str], JsonObject]:
        """Schemas of custom resources: from their rows, or as published."""
        own = {row.gvr: row.custom.published for row in rows if row.custom is not None}
        return own | self._custom

    def _document(self, rows: list[Resource]) -> bytes:
        builder = Builder(self._scheme, self._schemas(rows), V3)
        made = {item.path: builder.path(item) for row in rows for item in paths.items(row)}
        for row in rows:
            builder.add(row)
        return orjson.dumps(
            {
                "openapi": "3.0.0",
                "info": INFO,
                "paths": made,
                "components": {"schemas": dict(sorted(builder.schemas.found.items()))},
            }
        )

    def _swagger(self) -> bytes:
        builder = Builder(self._scheme, self._schemas(self._scheme.all()), V2)
        made = {}
        for row in self._scheme.all():
            builder.add(row)
            made.update({item.path: builder.path(item) for item in paths.items(row)})
        return orjson.dumps(
            {
                "swagger": "2.0",
                "info": INFO,
                "paths": made,
                "definitions": dict(sorted(builder.schemas.found.items())),
            }
        )
