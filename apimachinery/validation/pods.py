"""Rules about pods and pod templates.

Neighbours: `apimachinery.validation.containers` and `.volumes` for the parts,
`apimachinery.validation.scheduling` for affinity and tolerations,
`apimachinery.validation.pod_update` for what may change later.
"""

from apimachinery import names, status
from apimachinery.validation import common, containers, metadata, resources, scheduling, volumes
from apimachinery.validation.common import Errors
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PREEMPTION = ("Never", "PreemptLowerPriority")
MAX_SECONDS = 2**31 - 1
MAX_NAMESERVERS = 3
MAX_SEARCH = 32
MAX_SEARCH_CHARACTERS = 2048

_SOUND = Seen(without=("containers", "initContainers", "ephemeralContainers", "volumes"))
"""Specifications but for the parts that are judged by themselves."""


def create(obj: JsonObject) -> Errors:
    return spec_errors(obj.get("spec") or {}, "spec")


def pod_template(obj: JsonObject) -> Errors:
    """The kind PodTemplate."""
    return template(obj.get("template"), "template")


def template(value: JsonObject | None, path: str) -> Errors:
    """A pod template: labels, annotations and the specification."""
    if value is None:
        return [status.required(path)]
    meta = value.get("metadata") or {}
    errors = common.labels(meta.get("labels"), f"{path}.metadata.labels")
    if meta.get("annotations"):
        errors += metadata.annotation_errors(meta["annotations"], f"{path}.metadata.annotations")
    return errors + spec_errors(value.get("spec") or {}, f"{path}.spec")


def spec_errors(spec: JsonObject, path: str) -> Errors:
    """A pod specification, defaulted."""
    known = spec.get("volumes") or ()
    errors = volumes.volumes(known, f"{path}.volumes") if known else []
    errors += _containers(spec, path)
    key = _SOUND.key(spec)
    if key in _SOUND:
        return errors
    rest = (
        _policies(spec, path)
        + _names(spec, path)
        + scheduling.constraints(spec, path)
        + _host(spec, path)
    )
    if not rest:
        _SOUND.add(key)
    return errors + rest


def _containers(spec: JsonObject, path: str) -> Errors:
    known = {one.get("name", "") for one in spec.get("volumes") or ()}
    main, init = spec.get("containers") or (), spec.get("initContainers") or ()
    extra = spec.get("ephemeralContainers") or ()
    host = bool(spec.get("hostNetwork"))
    errors: Errors = []
    if not main:
        errors.append(status.required(f"{path}.containers"))
    errors += containers.containers(main, f"{path}.containers", known, host_network=host)
    if init:
        where = f"{path}.initContainers"
        errors += containers.containers(init, where, known, init=True, host_network=host)
    if extra:
        where = f"{path}.ephemeralContainers"
        errors += containers.containers(extra, where, known, ephemeral=True)
    if len(main) + len(init) + len(extra) > 1:
        errors += common.unique(
            (f"{path}.{key}[{index}].name", one.get("name"))
            for key in ("containers", "initContainers", "ephemeralContainers")
            for index, one in enumerate(spec.get(key) or ())
        )
        errors += _host_ports(spec, path)
    if spec.get("resources"):
        errors += resources.requirements(spec["resources"], f"{path}.resources")
    return errors


def _host_ports(spec: JsonObject, path: str) -> Errors:
    """Two containers of a pod cannot have the same port of the host."""
    seen: set[str] = set()
    errors: Errors = []
    for index, one in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(one.get("ports") or ()):
            if port.get("hostPort"):
                key = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
                if key in seen:
                    where = f"{path}.containers[{index}].ports[{number}].hostPort"
                    errors.append(status.duplicate(where, key))
                seen.add(key)
    return errors


def _policies(spec: JsonObject, path: str) -> Errors:
    errors = common.one_of(spec.get("restartPolicy"), f"{path}.restartPolicy", RESTART_POLICIES)
    errors += common.one_of(spec.get("dnsPolicy"), f"{path}.dnsPolicy", DNS_POLICIES)
    errors += _dns(spec, path)
    errors += common.non_negative(
        spec.get("terminationGracePeriodSeconds"), f"{path}.terminationGracePeriodSeconds"
    )
    deadline = spec.get("activeDeadlineSeconds")
    errors += common.in_range(deadline, f"{path}.activeDeadlineSeconds", 1, MAX_SECONDS)
    errors += common.one_of(
        spec.get("preemptionPolicy"), f"{path}.preemptionPolicy", PREEMPTION, needed=False
    )
    return errors


def _dns(spec: JsonObject, path: str) -> Errors:
    config = spec.get("dnsConfig") or {}
    servers, search = config.get("nameservers") or (), config.get("searches") or ()
    errors: Errors = []
    if spec.get("dnsPolicy") == "None" and not servers:
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        errors.append(status.required(f"{path}.dnsConfig.nameservers", detail))
    if len(servers) > MAX_NAMESERVERS:
        detail = f"must not have more than {MAX_NAMESERVERS} nameservers"
        errors.append(status.invalid_value(f"{path}.dnsConfig.nameservers", servers, detail))
    for index, one in enumerate(servers):
        where = f"{path}.dnsConfig.nameservers[{index}]"
        errors += (status.invalid_value(where, one, text) for text in names.ip_address(one))
    if len(search) > MAX_SEARCH:
        detail = f"must not have more than {MAX_SEARCH} search paths"
        errors.append(status.invalid_value(f"{path}.dnsConfig.searches", search, detail))
    if len(" ".join(search)) > MAX_SEARCH_CHARACTERS:
        detail = f"must not have more than {MAX_SEARCH_CHARACTERS} characters (including spaces)"
        errors.append(status.invalid_value(f"{path}.dnsConfig.searches", search, detail))
    for index, one in enumerate(config.get("options") or ()):
        if not one.get("name"):
            errors.append(status.required(f"{path}.dnsConfig.options[{index}].name"))
    return errors


def _names(spec: JsonObject, path: str) -> Errors:
    errors: Errors = []
    for key, check in (
        ("serviceAccountName", names.dns1123_subdomain),
        ("nodeName", names.dns1123_subdomain),
        ("hostname", names.dns1123_label),
        ("subdomain", names.dns1123_label),
        ("priorityClassName", names.dns1123_subdomain),
        ("runtimeClassName", names.dns1123_subdomain),
    ):
        errors += common.optional_name(spec.get(key), f"{path}.{key}", check)
    for index, one in enumerate(spec.get("imagePullSecrets") or ()):
        if not one.get("name"):
            errors.append(status.required(f"{path}.imagePullSecrets[{index}].name"))
    for index, one in enumerate(spec.get("readinessGates") or ()):
        where = f"{path}.readinessGates[{index}].conditionType"
        errors += common.name(one.get("conditionType", ""), where, names.qualified_name)
    for index, one in enumerate(spec.get("schedulingGates") or ()):
        where = f"{path}.schedulingGates[{index}].name"
        errors += common.name(one.get("name", ""), where, names.qualified_name)
    if spec.get("schedulingGates") and spec.get("nodeName"):
        detail = "cannot be set until all schedulingGates have been cleared"
        errors.append(status.forbidden_field(f"{path}.nodeName", detail))
    return errors


def _host(spec: JsonObject, path: str) -> Errors:
    """Security context, host aliases, operating system, overhead."""
    errors: Errors = []
    security = spec.get("securityContext") or {}
    for key in ("runAsUser", "runAsGroup", "fsGroup"):
        where = f"{path}.securityContext.{key}"
        errors += common.in_range(security.get(key), where, 0, containers.MAX_UID)
    for index, group in enumerate(security.get("supplementalGroups") or ()):
        where = f"{path}.securityContext.supplementalGroups[{index}]"
        errors += common.in_range(group, where, 0, containers.MAX_UID)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        where = f"{path}.securityContext.shareProcessNamespace"
        errors.append(status.invalid_value(where, True, detail))
    for index, one in enumerate(spec.get("hostAliases") or ()):
        where = f"{path}.hostAliases[{index}]"
        ip = one.get("ip", "")
        errors += (
            status.invalid_value(f"{where}.ip", ip, problem) for problem in names.ip_address(ip)
        )
        for number, host in enumerate(one.get("hostnames") or ()):
            errors += (
                status.invalid_value(f"{where}.hostnames[{number}]", host, problem)
                for problem in names.dns1123_subdomain(host)
            )
    if spec.get("os") is not None:
        name = spec["os"].get("name")
        errors += common.one_of(name, f"{path}.os.name", ("linux", "windows"))
    return errors + resources.amounts(spec.get("overhead"), f"{path}.overhead")
