"""Which resources there are: `/api`, `/apis` and what lies directly below them.

Three forms, chosen by the Accept header: aggregated discovery v2 and v2beta1 (two requests tell
a client everything), and the old one document for each group version. All are made from the
scheme and kept until it changes. Neighbours: `apimachinery.scheme` (what is told),
`apiserver.documents` (ETag, 304).
"""

from collections.abc import Callable
from functools import lru_cache

import orjson

from apimachinery import resource as resources
from apimachinery import scheme, status, wire
from apiserver import documents, encoding, negotiation, routes
from apiserver.core import Core

_KIND = "APIGroupDiscoveryList"
_AGGREGATED = ("v2", "v2beta1")
_JSON = "application/json"

HEADERS_REMEMBERED = 64
"""Distinct Accept headers whose meaning is kept; clients of one kind send the same."""


async def handle(core: Core, request: wire.Request) -> wire.Response:
    """Answer for `/`, `/api`, `/apis`, `/api/V`, `/apis/G` or `/apis/G/V`."""
    parts = [part for part in request.path.split("/") if part]
    if not parts:
        return _document(core, request, "index", _JSON, _index)
    legacy = parts[0] == "api"
    if len(parts) == 1:
        version = aggregated_version(request.headers.get("accept", ""))
        if version:
            return _aggregated(core, request, version, legacy=legacy)
        make = _api_versions if legacy else _group_list
        return _plain(core, request, f"{parts[0]}-list", make)
    if legacy or len(parts) == 3:
        group, version = ("", parts[1]) if legacy else (parts[1], parts[2])
        return _group_version(core, request, group, version)
    return _group(core, request, parts[1])


@lru_cache(maxsize=HEADERS_REMEMBERED)
def aggregated_version(accept: str) -> str:
    """`v2`, `v2beta1`, or empty for the old form: the first that the client lists and we have."""
    for clause in accept.split(","):
        media_type, *raw = (part.strip() for part in clause.split(";"))
        parameters = dict(part.split("=", 1) for part in raw if "=" in part)
        if media_type == _JSON and "as" not in parameters:
            return ""
        known = parameters.get("v") in _AGGREGATED and parameters.get("as") == _KIND
        if media_type == _JSON and known and parameters.get("g") == "apidiscovery.k8s.io":
            return parameters["v"]
    return ""


def _aggregated(core: Core, request: wire.Request, version: str, *, legacy: bool) -> wire.Response:
    def make() -> bytes:
        items = []
        for group, versions in _groups(core).items():
            if (group == "") == legacy:
                items.append(_discovered_group(core, group, versions))
        listed = {
            "kind": _KIND,
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": items,
        }
        return orjson.dumps(listed)

    content_type = f"{_JSON};g=apidiscovery.k8s.io;v={version};as={_KIND}"
    name = f"aggregated-{version}-{'api' if legacy else 'apis'}"
    document = core.memo.document(core.scheme.generation, name, content_type, make)
    return documents.answer(request, document, {"Vary": "Accept"})


def _groups(core: Core) -> dict[str, tuple[str, ...]]:
    """Groups and their versions: ours, then those that other servers answer."""
    found = core.scheme.groups()
    if core.aggregation is None:
        return found
    for group, versions in core.aggregation.groups().items():
        own = found.get(group, ())
        found[group] = (*versions, *(one for one in own if one not in versions))
    return found


def _discovered_group(core: Core, group: str, versions: tuple[str, ...]) -> wire.JsonObject:
    return {
        "metadata": {"name": group} if group else {},
        "versions": [_discovered_version(core, group, version) for version in versions],
    }


def _discovered_version(core: Core, group: str, version: str) -> wire.JsonObject:
    elsewhere = core.aggregation.discovery(group, version) if core.aggregation else None
    return elsewhere or {
        "version": version,
        "resources": [_discovered(row) for row in _sorted(core.scheme, group, version)],
        "freshness": "Current",
    }


def _discovered(row: resources.Resource) -> wire.JsonObject:
    made: wire.JsonObject = {
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": sorted(row.verbs),
    }
    if row.short_names:
        made["shortNames"] = list(row.short_names)
    if row.categories:
        made["categories"] = list(row.categories)
    if row.subresources:
        made["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    "group": sub.group or row.group,
                    "version": sub.version or row.version,
                    "kind": sub.kind,
                },
                "verbs": sorted(sub.verbs),
            }
            for sub in sorted(row.subresources, key=lambda sub: sub.name)
        ]
    return made


def _plain(
    core: Core, request: wire.Request, name: str, make: Callable[[Core], wire.JsonObject]
) -> wire.Response:
    """The old form, in whatever the client takes."""
    form = negotiation.accepted(request.headers.get("accept", ""))
    return _document(core, request, name, form.media_type, make)


def _document(
    core: Core,
    request: wire.Request,
    name: str,
    media_type: str,
    make: Callable[[Core], wire.JsonObject],
) -> wire.Response:
    document = core.memo.document(
        core.scheme.generation,
        f"{name} {media_type}",
        media_type,
        lambda: encoding.encode(media_type, make(core)),
    )
    return documents.answer(request, document, {"Vary": "Accept"})


def _index(core: Core) -> wire.JsonObject:
    """Every path that answers something, for people with curl."""
    paths = ["/api", "/apis"]
    for group, versions in _groups(core).items():
        base = f"/apis/{group}" if group else "/api"
        paths += [base] if group else []
        paths += [f"{base}/{version}" for version in versions]
    paths += [path for path in routes.PATHS if path not in ("/", *paths)]
    return {"paths": sorted(set(paths))}


def _api_versions(core: Core) -> wire.JsonObject:
    address = f"{core.options.advertise_address}:{core.options.advertise_port}"
    return {
        "kind": "APIVersions",
        "versions": list(core.scheme.groups().get("", ())),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def _group_list(core: Core) -> wire.JsonObject:
    groups = _groups(core).items()
    described = [_described(group, versions) for group, versions in groups if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": described}


def _described(group: str, versions: tuple[str, ...]) -> wire.JsonObject:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _group(core: Core, request: wire.Request, group: str) -> wire.Response:
    versions = _groups(core).get(group)
    if not group or versions is None:
        raise status.path_not_found()
    described = {"kind": "APIGroup", "apiVersion": "v1", **_described(group, versions)}
    return _plain(core, request, f"group-{group}", lambda _: described)


def _group_version(core: Core, request: wire.Request, group: str, version: str) -> wire.Response:
    rows = _sorted(core.scheme, group, version)
    if not rows:
        raise status.path_not_found()
    head = {"kind": "APIResourceList", **({"apiVersion": "v1"} if group else {})}
    named = f"{group}/{version}" if group else version

    def make(_: Core) -> wire.JsonObject:
        listed = [entry for row in rows for entry in _resource_entries(row)]
        return {**head, "groupVersion": named, "resources": listed}

    return _plain(core, request, f"resources-{named}", make)


def _resource_entries(row: resources.Resource) -> list[wire.JsonObject]:
    """The old form: a resource, then each of its subresources as a row of its own."""
    entry: wire.JsonObject = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": sorted(row.verbs),
    }
    if row.short_names:
        entry["shortNames"] = list(row.short_names)
    if row.categories:
        entry["categories"] = list(row.categories)
    return [entry, *(_subresource_entry(row, sub) for sub in row.subresources)]


def _subresource_entry(row: resources.Resource, sub: resources.Subresource) -> wire.JsonObject:
    entry: wire.JsonObject = {
        "name": f"{row.plural}/{sub.name}",
        "singularName": "",
        "namespaced": row.namespaced,
        "kind": sub.kind,
        "verbs": sorted(sub.verbs),
    }
    if sub.group or sub.version:
        entry |= {"group": sub.group, "version": sub.version}
    return entry


def _sorted(table: scheme.Scheme, group: str, version: str) -> list[resources.Resource]:
    return sorted(table.in_group_version(group, version), key=lambda row: row.plural)
