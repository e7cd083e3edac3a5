"""The environment of a container: env, envFrom, references, service variables, $(VAR) expansion.

`Environment.resolve` fetches what is referred to and puts everything in Kubernetes' order of
precedence; the functions below it are pure. Neighbours: `kubelet.starting` calls it, `kubelet.configs`
expands commands with `expand`, `kubelet.volumes.downward` shares `field_value`.
"""

import asyncio
import base64
import binascii
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from apimachinery import meta, requests, scheme
from apimachinery import status as errors
from apimachinery.client.rest import Client
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from kubelet import desired as reading
from kubelet import envfiles
from kubelet.images import reference as image_names
from kubelet.images.interface import Credentials
from kubelet.options import Capacity, Options

_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")
_SUBSCRIPT = re.compile(r"(metadata\.(?:labels|annotations))\['([^']+)'\]")
_ENV_NAME = re.compile(r"[ -<>-~]+")
"""Printable ASCII without `=`: what may be a variable's name."""


SERVICES_WAIT_S = 5.0
"""Longer than the services of a cluster take to arrive; a start is not held up for more."""


ReadFile = Callable[[str, str], Awaitable[bytes | None]]
"""(volume, path) of the pod → the file's content."""
Fetched = dict[tuple[str, str], JsonObject | None]


class ConfigMissingError(Exception):
    """Something that the container's environment refers to does not exist (yet)."""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """What service variables tell about one service."""

    namespace: str
    name: str
    cluster_ip: str
    ports: tuple[tuple[str, int, str], ...]
    """(name, port, protocol)."""


def service_view(obj: JsonObject) -> ServiceView:
    spec = obj.get("spec") or {}
    return ServiceView(
        namespace=meta.namespace(obj),
        name=meta.name(obj),
        cluster_ip=str(spec.get("clusterIP") or ""),
        ports=tuple(
            (str(p.get("name") or ""), int(p["port"]), str(p.get("protocol") or "TCP"))
            for p in spec.get("ports") or ()
        ),
    )


class Services(Protocol):
    """The services that there are; an Informer's mirror in life."""

    def values(self) -> Iterable[ServiceView]: ...

    async def synced(self) -> None:
        """All that there are have been heard of once."""


class Environment:
    """Resolves environments; reads ConfigMaps and Secrets anew for each container start."""

    def __init__(
        self, client: Client, options: Options, capacity: Capacity, services: Services
    ) -> None:
        self._client = client
        self._options = options
        self._capacity = capacity
        self._services = services

    async def resolve(
        self, pod: JsonObject, spec: JsonObject, ips: Sequence[str], read_file: ReadFile
    ) -> list[tuple[str, str]]:
        """Service variables, then envFrom, then env: later ones win. ConfigMissingError, ApiError."""
        fetched: Fetched = {}
        values: dict[str, str] = {}
        # An agent that has just started knows no services yet; one that cannot get them goes on.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SERVICES_WAIT_S):
                await self._services.synced()
        for source in spec.get("envFrom") or ():
            values |= await self._from_source(pod, source, fetched)
        services = self._service_variables(pod)
        known = {**services, **values}
        for entry in spec.get("env") or ():
            name = str(entry["name"])
            if "fileKeyRef" in (entry.get("valueFrom") or {}):
                value = await _from_file(entry["valueFrom"]["fileKeyRef"], read_file)
            else:
                value = await self._value(pod, spec, entry, known, ips, fetched)
            if value is not None:
                known[name] = values[name] = value
        return list({**services, **values}.items())

    async def pull_secrets(self, pod: JsonObject, image: str) -> list[Credentials]:
        """Logins from `imagePullSecrets` for the image's registry; missing secrets give none."""
        registry = image_names.parse(image).registry
        found: list[Credentials] = []
        for entry in pod["spec"].get("imagePullSecrets") or ():
            try:
                secret = await self._client.get(
                    scheme.SECRETS, entry["name"], reading.namespace(pod)
                )
            except errors.NotFound:
                continue
            found += credentials(secret, registry)
        return found

    def _service_variables(self, pod: JsonObject) -> dict[str, str]:
        namespace = reading.namespace(pod)
        links = pod["spec"].get("enableServiceLinks")
        result: dict[str, str] = {}
        for view in self._services.values():
            is_api = (view.namespace, view.name) == ("default", "kubernetes")
            if is_api or (view.namespace == namespace and links is not False):
                result |= service_variables(view)
        return result

    async def _from_source(
        self,
        pod: JsonObject,
        source: JsonObject,
        fetched: Fetched,
    ) -> dict[str, str]:
        reference = source.get("configMapRef") or source.get("secretRef") or {}
        is_secret = "secretRef" in source
        data = await self._data(pod, reference, fetched, is_secret=is_secret)
        prefix = str(source.get("prefix") or "")
        return {
            prefix + key: value
            for key, value in (data or {}).items()
            if _ENV_NAME.fullmatch(prefix + key)
        }

    async def _value(
        self,
        pod: JsonObject,
        spec: JsonObject,
        entry: JsonObject,
        known: Mapping[str, str],
        ips: Sequence[str],
        fetched: Fetched,
    ) -> str | None:
        source = entry.get("valueFrom")
        if not source:
            return expand(str(entry.get("value") or ""), known)
        if "fieldRef" in source:
            path = str(source["fieldRef"].get("fieldPath") or "")
            return field_value(pod, path, self._options, ips)
        if "resourceFieldRef" in source:
            return resource_value(pod, spec, source["resourceFieldRef"], self._capacity)
        is_secret = "secretKeyRef" in source
        reference = source.get("secretKeyRef") or source.get("configMapKeyRef") or {}
        data = await self._data(pod, reference, fetched, is_secret=is_secret)
        key = str(reference.get("key") or "")
        if data is not None and key in data:
            return data[key]
        if reference.get("optional"):
            return None
        kind = "Secret" if is_secret else "ConfigMap"
        where = f"{reading.namespace(pod)}/{reference.get('name')}"
        raise ConfigMissingError(f"couldn't find key {key} in {kind} {where}")

    async def _data(
        self,
        pod: JsonObject,
        reference: JsonObject,
        fetched: Fetched,
        *,
        is_secret: bool,
    ) -> dict[str, str] | None:
        """The texts of a ConfigMap or Secret; None when it is missing and may be."""
        resource = scheme.SECRETS if is_secret else scheme.CONFIGMAPS
        name = str(reference.get("name") or "")
        obj = await self._fetch(resource, reading.namespace(pod), name, fetched)
        if obj is None:
            if reference.get("optional"):
                return None
            raise ConfigMissingError(f'{resource.singular} "{name}" not found')
        if is_secret:
            return {key: decode_text(value) for key, value in (obj.get("data") or {}).items()}
        return {key: str(value) for key, value in (obj.get("data") or {}).items()}

    async def _fetch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        fetched: Fetched,
    ) -> JsonObject | None:
        key = (resource.plural, name)
        if key not in fetched:
            try:
                fetched[key] = await self._client.get(resource, name, namespace)
            except errors.NotFound:
                fetched[key] = None
        return fetched[key]


async def _from_file(reference: JsonObject, read_file: ReadFile) -> str | None:
    """A value that an earlier container wrote; None if it may be missing and is."""
    volume, path = str(reference.get("volumeName") or ""), str(reference.get("path") or "")
    key = str(reference.get("key") or "")
    data = await read_file(volume, path)
    if data is not None and len(data) > envfiles.FILE_MAX:
        raise ConfigMissingError(f"file {path} of volume {volume} is larger than 64 KiB")
    values = envfiles.parse(data.decode("utf-8", "replace")) if data is not None else {}
    if key in values or reference.get("optional"):
        return values.get(key)
    what = "file" if data is None else f"key {key} in file"
    raise ConfigMissingError(f"couldn't find {what} {path} of volume {volume}")


def decode_text(value: str) -> str:
    """A Secret's value as an environment can hold it."""
    try:
        return base64.b64decode(value).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def expand(text: str, values: Mapping[str, str]) -> str:
    """$(NAME) by its value, $$ by $; a name that is not there stays as it is written."""

    def one(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return values.get(match[2], match[0])

    return _REFERENCE.sub(one, text)


def expand_known(text: str, values: Mapping[str, str]) -> str:
    """As `expand`, for what must not keep a reference. Raises ConfigMissingError."""
    for match in _REFERENCE.finditer(text):
        if match[1] != "$" and match[2] not in values:
            raise ConfigMissingError(f"missing value for {match[2]!r} in {text!r}")
    return expand(text, values)


def service_variables(view: ServiceView) -> dict[str, str]:
    """NAME_SERVICE_HOST and friends, and the older docker-link ones, for a service with an IP."""
    if not view.cluster_ip or view.cluster_ip == "None" or not view.ports:
        return {}
    prefix = view.name.upper().replace("-", "_")
    host = view.cluster_ip
    result = {
        f"{prefix}_SERVICE_HOST": host,
        f"{prefix}_SERVICE_PORT": str(view.ports[0][1]),
    }
    for name, port, _ in view.ports:
        if name:
            result[f"{prefix}_SERVICE_PORT_{name.upper().replace('-', '_')}"] = str(port)
    for index, (_, port, protocol) in enumerate(view.ports):
        literal = f"[{host}]" if ":" in host else host
        url = f"{protocol.lower()}://{literal}:{port}"
        if index == 0:
            result[f"{prefix}_PORT"] = url
        base = f"{prefix}_PORT_{port}_{protocol.upper()}"
        result |= {
            base: url,
            f"{base}_PROTO": protocol.lower(),
            f"{base}_PORT": str(port),
            f"{base}_ADDR": host,
        }
    return result


def field_value(pod: JsonObject, path: str, options: Options, ips: Sequence[str] = ()) -> str:
    """What `fieldRef` gives; whole maps in the format of the downward API's files."""
    metadata = pod["metadata"]
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript:
        of = "labels" if subscript[1].endswith("labels") else "annotations"
        return str((metadata.get(of) or {}).get(subscript[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return map_lines(metadata.get(path.partition(".")[2]) or {})
    simple = {
        "metadata.name": metadata.get("name"),
        "metadata.namespace": metadata.get("namespace"),
        "metadata.uid": metadata.get("uid"),
        "spec.nodeName": pod["spec"].get("nodeName"),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName"),
        "status.hostIP": options.address,
        "status.hostIPs": options.address,
        "status.podIP": _pod_ip(pod, ips, options),
        "status.podIPs": ",".join(ips) or _pod_ip(pod, ips, options),
    }
    if path not in simple:
        raise ConfigMissingError(f"unsupported fieldPath: {path}")
    return str(simple[path] or "")


def _pod_ip(pod: JsonObject, ips: Sequence[str], options: Options) -> str:
    if ips:
        return ips[0]
    if pod["spec"].get("hostNetwork"):
        return options.address
    return str((pod.get("status") or {}).get("podIP") or "")


def map_lines(values: Mapping[str, str]) -> str:
    """key="escaped value", sorted, one a line."""
    # JSON's escapes are those that readers of these files undo.
    return "\n".join(
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(values.items())
    )


def resource_value(
    pod: JsonObject, spec: JsonObject, reference: JsonObject, capacity: Capacity
) -> str:
    """What `resourceFieldRef` gives: whole units of the divisor, rounded up."""
    name = reference.get("containerName")
    if name:
        try:
            spec = reading.container_spec(pod, name)
        except KeyError:
            raise ConfigMissingError(f"container {name} not found") from None
    kind, _, which = str(reference.get("resource") or "").partition(".")
    texts = (spec.get("resources") or {}).get(kind) or {}
    value = texts.get(which)
    if value is None and kind == "limits":
        # No limit: all that the node has.
        value = {
            "cpu": f"{capacity.cpu_milli}m",
            "memory": str(capacity.memory_bytes),
            "ephemeral-storage": str(capacity.ephemeral_bytes),
        }.get(which)
    divisor = str(reference.get("divisor") or "1")
    if divisor == "0":
        divisor = "1"
    # In thousandths for processors, whole units else: exact for every divisor that is allowed.
    amount = requests.amount(which, value) if value is not None else 0
    unit = max(requests.amount(which, divisor), 1)
    return str(-(-amount // unit))


def credentials(secret: JsonObject, registry: str) -> list[Credentials]:
    """The logins for one registry in a dockerconfigjson or dockercfg Secret; nonsense gives none.

    A login is never shown to a registry that it was not made for.
    """
    data = secret.get("data") or {}
    try:
        if ".dockerconfigjson" in data:
            entries = json.loads(decode_text(data[".dockerconfigjson"])).get("auths") or {}
        else:
            entries = json.loads(decode_text(data.get(".dockercfg", "e30=")))
        return [_login(entry) for key, entry in entries.items() if _host(key) == registry]
    except (ValueError, AttributeError, KeyError):
        return []


def _host(key: str) -> str:
    """The registry that a key of `auths` means: `https://index.docker.io/v1/` is `docker.io`."""
    host = key.partition("://")[2] or key
    host = host.partition("/")[0]
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host


def _login(entry: JsonObject) -> Credentials:
    user, password = entry.get("username"), entry.get("password")
    if not user and entry.get("auth"):
        user, _, password = decode_text(entry["auth"]).partition(":")
    return Credentials(str(user or ""), str(password or ""), str(entry.get("registrytoken") or ""))
