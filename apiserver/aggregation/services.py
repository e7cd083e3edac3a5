"""APIService objects as values, their condition, and the discovery of their servers. Pure.

Neighbours: `aggregator` passes requests on and asks the servers how they are.
"""

from dataclasses import dataclass

from apimachinery.wire import JsonObject

PORT = 443
AVAILABLE = "Available"


@dataclass(frozen=True, slots=True)
class Service:
    """One APIService that another server answers."""

    name: str
    group: str
    version: str
    namespace: str
    service: str
    port: int
    ca_bundle: str
    insecure: bool
    group_priority: int
    version_priority: int

    @property
    def host(self) -> str:
        """The name that its certificate is made for."""
        return f"{self.service}.{self.namespace}.svc"

    @property
    def path(self) -> str:
        return f"/apis/{self.group}/{self.version}"


def read(obj: JsonObject) -> Service | None:
    """The service of an APIService object; None for what this server answers itself."""
    spec = obj.get("spec") or {}
    reference = spec.get("service")
    if not reference:
        return None
    return Service(
        name=obj["metadata"]["name"],
        group=spec.get("group", ""),
        version=spec.get("version", ""),
        namespace=reference.get("namespace", ""),
        service=reference.get("name", ""),
        port=reference.get("port") or PORT,
        ca_bundle=spec.get("caBundle") or "",
        insecure=bool(spec.get("insecureSkipTLSVerify")),
        group_priority=spec.get("groupPriorityMinimum") or 0,
        version_priority=spec.get("versionPriority") or 0,
    )


def condition(reason: str, message: str, *, available: bool) -> JsonObject:
    """The condition `Available`."""
    return {
        "type": AVAILABLE,
        "status": "True" if available else "False",
        "reason": reason,
        "message": message,
    }


def local() -> JsonObject:
    """Of an APIService without a server of its own."""
    return condition("Local", "Local APIServices are always available", available=True)


def discovered(listed: JsonObject, group: str, version: str) -> list[JsonObject]:
    """An APIResourceList in the form of aggregated discovery: subresources under their resources."""
    rows: dict[str, JsonObject] = {}
    for one in listed.get("resources") or ():
        name, _, part = str(one.get("name", "")).partition("/")
        kind = {
            "group": one.get("group") or group,
            "version": one.get("version") or version,
            "kind": one.get("kind", ""),
        }
        row = rows.setdefault(name, {"resource": name, "verbs": []})
        if part:
            sub = {"subresource": part, "responseKind": kind, "verbs": one.get("verbs") or []}
            row.setdefault("subresources", []).append(sub)
            continue
        row["responseKind"] = kind
        row["scope"] = "Namespaced" if one.get("namespaced") else "Cluster"
        row["singularResource"] = one.get("singularName", "")
        row["verbs"] = one.get("verbs") or []
        for key in ("shortNames", "categories"):
            if one.get(key):
                row[key] = one[key]
    return list(rows.values())
