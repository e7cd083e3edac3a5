"""Rules about containers: image, ports, environment, mounts, probes, hooks, resources.

Neighbours: `apimachinery.validation.pods` calls `containers` for each list of them;
`apimachinery.validation.resources` judges amounts.
"""

from collections.abc import Collection, Sequence
from typing import Any

from apimachinery import names, status
from apimachinery.validation import common, resources
from apimachinery.validation.common import Errors
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
PROPAGATION = ("Bidirectional", "HostToContainer", "None")
MAX_UID = 2**31 - 1

FIELD_PATHS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_SOURCES_TEXT = (
    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
    "`fileKeyRef`"
)


_SOUND = Seen(without=("volumeMounts",))
"""Containers judged by whether the host's network is theirs; mounts name each pod's own volume."""


def containers(
    items: Sequence[JsonObject],
    path: str,
    volumes: Collection[str],
    *,
    init: bool = False,
    ephemeral: bool = False,
    host_network: bool = False,
) -> Errors:
    """All containers of one list; their names are compared with other lists' by the caller."""
    errors: Errors = []
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        errors += _known_or_judged(one, where, volumes, host_network=host_network)
        sidecar = init and one.get("restartPolicy") == "Always"
        if init and not sidecar:
            errors += _without(one, where, "init")
        elif ephemeral:
            errors += _without(one, where, "ephemeral", "ports", "resources")
        else:
            errors += _probes(one, where)
        if init and one.get("restartPolicy"):
            errors += common.one_of(
                one["restartPolicy"], f"{where}.restartPolicy", ("Always", "Never", "OnFailure")
            )
    return errors


def _without(one: JsonObject, path: str, what: str, *more: str) -> Errors:
    """What init and ephemeral containers may not have."""
    fields = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe", *more)
    return [
        status.forbidden_field(f"{path}.{key}", f"must not be set for {what} containers")
        if what == "init"
        else status.forbidden_field(f"{path}.{key}", "cannot be set for an Ephemeral Container")
        for key in fields
        if one.get(key)
    ]


def _known_or_judged(
    one: JsonObject, path: str, volumes: Collection[str], *, host_network: bool
) -> Errors:
    key = _SOUND.key(one, by=host_network)
    if key in _SOUND:
        mounts = one.get("volumeMounts")
        return _mounts(mounts, f"{path}.volumeMounts", volumes) if mounts else []
    errors = _container(one, path, volumes, host_network=host_network)
    if not errors:
        _SOUND.add(key)
    return errors


def _container(
    one: JsonObject, path: str, volumes: Collection[str], *, host_network: bool
) -> Errors:
    errors = common.name(one.get("name"), f"{path}.name", names.dns1123_label)
    image = one.get("image", "")
    if not image:
        errors.append(status.required(f"{path}.image"))
    elif image != image.strip():
        detail = "must not have leading or trailing whitespace"
        errors.append(status.invalid_value(f"{path}.image", image, detail))
    policy = one.get("terminationMessagePolicy")
    errors += common.one_of(policy, f"{path}.terminationMessagePolicy", MESSAGE_POLICIES)
    errors += common.one_of(one.get("imagePullPolicy"), f"{path}.imagePullPolicy", PULL_POLICIES)
    if one.get("ports"):
        errors += _ports(one["ports"], f"{path}.ports", host_network=host_network)
    for index, variable in enumerate(one.get("env") or ()):
        errors += _variable(variable, f"{path}.env[{index}]")
    for index, source in enumerate(one.get("envFrom") or ()):
        errors += _env_from(source, f"{path}.envFrom[{index}]")
    if one.get("volumeMounts"):
        errors += _mounts(one["volumeMounts"], f"{path}.volumeMounts", volumes)
    if one.get("lifecycle"):
        errors += _lifecycle(one["lifecycle"], f"{path}.lifecycle")
    if one.get("securityContext"):
        errors += _security(one["securityContext"], f"{path}.securityContext")
    return errors + resources.requirements(one.get("resources"), f"{path}.resources")


def _ports(ports: Sequence[JsonObject], path: str, *, host_network: bool) -> Errors:
    errors: Errors = []
    for index, one in enumerate(ports):
        where = f"{path}[{index}]"
        if one.get("name"):
            errors += (
                status.invalid_value(f"{where}.name", one["name"], problem)
                for problem in names.port_name(one["name"])
            )
        number, host = one.get("containerPort") or 0, one.get("hostPort") or 0
        if not number:
            errors.append(status.required(f"{where}.containerPort"))
        else:
            errors += common.port(number, f"{where}.containerPort")
        if host:
            errors += common.port(host, f"{where}.hostPort")
            if host_network and host != number:
                detail = "must match `containerPort` when `hostNetwork` is true"
                errors.append(status.invalid_value(f"{where}.hostPort", host, detail))
        errors += common.one_of(one.get("protocol"), f"{where}.protocol", PROTOCOLS)
    if len(ports) > 1:
        named = ((f"{path}[{n}].name", one.get("name")) for n, one in enumerate(ports))
        errors += common.unique(named)
    return errors


def _variable(one: JsonObject, path: str) -> Errors:
    name = one.get("name", "")
    if not name:
        errors = [status.required(f"{path}.name")]
    else:
        errors = [
            status.invalid_value(f"{path}.name", name, problem) for problem in names.env_name(name)
        ]
    source = one.get("valueFrom")
    if source is None:
        return errors
    where = f"{path}.valueFrom"
    given = [key for key in ENV_SOURCES if source.get(key) is not None]
    if not given:
        errors.append(status.invalid_value(where, "", _ENV_SOURCES_TEXT))
    elif one.get("value"):
        detail = "may not be specified when `value` is not empty"
        errors.append(status.invalid_value(where, "", detail))
    elif len(given) > 1:
        detail = "may not have more than one field specified at a time"
        errors.append(status.invalid_value(where, "", detail))
    for key in given:
        errors += _source(key, source[key], f"{where}.{key}")
    return errors


def _source(key: str, one: JsonObject, path: str) -> Errors:
    if key == "fieldRef":
        return field_ref(one, path, FIELD_PATHS[2:])
    if key == "resourceFieldRef":
        return resource_ref(one, path)
    if key == "fileKeyRef":
        wanted = [part for part in ("volumeName", "path", "key") if not one.get(part)]
        return [status.required(f"{path}.{part}") for part in wanted]
    errors = [] if one.get("name") else [status.required(f"{path}.name")]
    if not one.get("key"):
        return [*errors, status.required(f"{path}.key")]
    errors += (
        status.invalid_value(f"{path}.key", one["key"], problem)
        for problem in names.config_key(one["key"])
    )
    return errors


def field_ref(one: JsonObject, path: str, valid: Sequence[str]) -> Errors:
    """A field of the pod itself, as variables and downward API files name it."""
    text = one.get("fieldPath", "")
    if not text:
        return [status.required(f"{path}.fieldPath")]
    base, bracket, key = text.partition("['")
    if bracket and base in FIELD_PATHS[:2] and key.endswith("']"):
        check = names.qualified_name(key[:-2].lower())
        return [status.invalid_value(f"{path}.fieldPath", text, problem) for problem in check]
    if text in FIELD_PATHS and text not in valid:
        return [status.not_supported(f"{path}.fieldPath", text, valid)]
    if text not in FIELD_PATHS:
        detail = f"error converting fieldPath: field label not supported: {text}"
        return [status.invalid_value(f"{path}.fieldPath", text, detail)]
    return []


def resource_ref(one: JsonObject, path: str, *, needs_container: bool = False) -> Errors:
    """An amount of a container, as variables and downward API files name it."""
    if needs_container and not one.get("containerName"):
        return [status.required(f"{path}.containerName")]
    resource = one.get("resource", "")
    if not resource:
        return [status.required(f"{path}.resource")]
    kind, _, name = resource.partition(".")
    if kind not in ("limits", "requests") or not name:
        valid = [
            f"{kind}.{name}"
            for kind in ("limits", "requests")
            for name in ("cpu", "ephemeral-storage", "memory")
        ]
        return [status.not_supported(f"{path}.resource", resource, valid)]
    return []


def _env_from(one: JsonObject, path: str) -> Errors:
    given = [key for key in ("configMapRef", "secretRef") if one.get(key) is not None]
    if not given:
        detail = "must specify one of: `configMapRef` or `secretRef`"
        return [status.invalid_value(path, "", detail)]
    if len(given) > 1:
        detail = "may not have more than one field specified at a time"
        return [status.invalid_value(path, "", detail)]
    where = f"{path}.{given[0]}.name"
    errors = common.name(one[given[0]].get("name"), where, names.dns1123_subdomain)
    prefix = one.get("prefix")
    if prefix:
        errors += (
            status.invalid_value(f"{path}.prefix", prefix, problem)
            for problem in names.env_name(prefix)
        )
    return errors


def _mounts(mounts: Sequence[JsonObject], path: str, volumes: Collection[str]) -> Errors:
    errors: Errors = []
    taken: set[str] = set()
    for index, one in enumerate(mounts):
        where = f"{path}[{index}]"
        name, target = one.get("name", ""), one.get("mountPath", "")
        if not name:
            errors.append(status.required(f"{where}.name"))
        elif name not in volumes:
            errors.append(status.not_found_value(f"{where}.name", name))
        if not target:
            errors.append(status.required(f"{where}.mountPath"))
        elif target in taken:
            detail = "must be unique"
            errors.append(status.invalid_value(f"{where}.mountPath", target, detail))
        taken.add(target)
        for key in ("subPath", "subPathExpr"):
            if one.get(key):
                errors += common.path_without_dots(one[key], f"{where}.{key}")
        if one.get("subPath") and one.get("subPathExpr"):
            detail = "subPathExpr and subPath are mutually exclusive"
            expression = one["subPathExpr"]
            errors.append(status.invalid_value(f"{where}.subPathExpr", expression, detail))
        if one.get("mountPropagation"):
            errors += common.one_of(
                one["mountPropagation"], f"{where}.mountPropagation", PROPAGATION
            )
    return errors


def _probes(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = one.get(key)
        if probe is None:
            continue
        where = f"{path}.{key}"
        errors += _probe(probe, where)
        if key != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            value = probe["successThreshold"]
            errors.append(status.invalid_value(f"{where}.successThreshold", value, "must be 1"))
        grace = probe.get("terminationGracePeriodSeconds")
        if grace is not None:
            field = f"{where}.terminationGracePeriodSeconds"
            if key == "readinessProbe":
                detail = "must not be set for readinessProbes"
                errors.append(status.invalid_value(field, grace, detail))
            elif grace <= 0:
                errors.append(status.invalid_value(field, grace, "must be greater than 0"))
    return errors


def _probe(probe: JsonObject, path: str) -> Errors:
    errors = handler(probe, path, ("exec", "httpGet", "tcpSocket", "grpc"))
    for key in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        errors += common.non_negative(probe.get(key), f"{path}.{key}")
    return errors


def handler(one: JsonObject, path: str, kinds: Sequence[str]) -> Errors:
    """Exactly one action, and a sound one."""
    given = [key for key in kinds if one.get(key) is not None]
    if not given:
        return [status.required(path, "must specify a handler type")]
    errors: Errors = [
        status.forbidden_field(f"{path}.{key}", "may not specify more than 1 handler type")
        for key in given[1:]
    ]
    key = given[0]
    return errors + _action(key, one[key], f"{path}.{key}")


def _action(kind: str, action: JsonObject, path: str) -> Errors:
    if kind == "exec":
        return [] if action.get("command") else [status.required(f"{path}.command")]
    if kind == "sleep":
        return common.non_negative(action.get("seconds"), f"{path}.seconds")
    errors: Errors = []
    if kind == "httpGet":
        if not action.get("path"):
            errors.append(status.required(f"{path}.path"))
        errors += common.one_of(action.get("scheme"), f"{path}.scheme", ("HTTP", "HTTPS"))
        for index, header in enumerate(action.get("httpHeaders") or ()):
            where = f"{path}.httpHeaders[{index}].name"
            name: Any = header.get("name", "")
            errors += (
                status.invalid_value(where, name, problem) for problem in names.http_header(name)
            )
    return errors + common.port(action.get("port"), f"{path}.port")


def _lifecycle(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key in ("postStart", "preStop"):
        if one.get(key) is not None:
            kinds = ("exec", "httpGet", "tcpSocket", "sleep")
            errors += handler(one[key], f"{path}.{key}", kinds)
    return errors


def _security(one: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key in ("runAsUser", "runAsGroup"):
        errors += common.in_range(one.get(key), f"{path}.{key}", 0, MAX_UID)
    if one.get("allowPrivilegeEscalation") is False:
        if one.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(status.invalid_value(path, one, detail))
        if "SYS_ADMIN" in ((one.get("capabilities") or {}).get("add") or ()):
            detail = (
                "cannot set `allowPrivilegeEscalation` to false and "
                "`capabilities.Add` CAP_SYS_ADMIN"
            )
            errors.append(status.invalid_value(path, one, detail))
    return errors
