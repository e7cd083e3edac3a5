"""Rules about pods and pod templates.

Neighbours: `apimachinery.validation.containers` and `.volumes` for the parts,
`apimachinery.validation.scheduling` for affinity and tolerations, `.security` for who may do what,
`apimachinery.validation.pod_update` for what may change later.
"""

import re
from collections.abc import Sequence

from apimachinery import names, status
from apimachinery.validation import (
    common,
    containers,
    metadata,
    pod_system,
    resources,
    scheduling,
    security,
    volumes,
)
from apimachinery.validation.common import Errors
from apimachinery.validation.containers import Setting
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PREEMPTION = ("PreemptLowerPriority", "Never")
MAX_SECONDS = 2**31 - 1
MAX_HOST_NAME = 64
"""Characters that the kernel keeps."""
MAX_NAMESERVERS = 3
MAX_SEARCH = 32
MAX_SEARCH_CHARACTERS = 2048

MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COST = re.compile(r"-?(0|[1-9][0-9]{0,9})")

_LISTS = ("containers", "initContainers", "ephemeralContainers")
_SOUND = Seen(without=(*_LISTS, "volumes", "resources"))
"""Specifications but for the parts that are judged by themselves."""


def create(obj: JsonObject) -> Errors:
    """A new pod."""
    spec, meta = obj.get("spec") or {}, obj.get("metadata") or {}
    errors: Errors = []
    if meta.get("annotations"):
        errors += _annotations(meta["annotations"], spec, "metadata.annotations")
    errors += spec_errors(spec, "spec")
    for key in _LISTS[:2]:
        errors += containers.padded_images(spec.get(key) or (), f"spec.{key}")
    if spec.get("ephemeralContainers"):
        errors.append(status.forbidden_field("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        detail = "cannot be set until all schedulingGates have been cleared"
        errors.append(status.forbidden_field("spec.nodeName", detail))
    return errors


def pod_template(obj: JsonObject) -> Errors:
    """The kind PodTemplate."""
    return template(obj.get("template"), "template")


def template(value: JsonObject | None, path: str) -> Errors:
    """A pod template: labels, annotations and the specification."""
    if value is None:
        return [status.required(path)]
    meta, spec = value.get("metadata") or {}, value.get("spec") or {}
    # Kubernetes' paths leave out that labels and annotations are in the metadata.
    errors = common.labels(meta.get("labels"), f"{path}.labels")
    if meta.get("annotations"):
        errors += metadata.annotation_errors(meta["annotations"], f"{path}.annotations")
        errors += _annotations(meta["annotations"], spec, f"{path}.annotations")
    errors += spec_errors(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        errors.append(status.forbidden_field(f"{path}.spec.ephemeralContainers", detail))
    return errors


def _annotations(annotations: dict[str, str], spec: JsonObject, path: str) -> Errors:
    """Annotations that mean something."""
    errors: Errors = []
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(status.invalid_value(f"{path}[{MIRROR}]", annotations[MIRROR], detail))
    cost = annotations.get(DELETION_COST)
    if cost is not None and not (
        _COST.fullmatch(cost) and -MAX_SECONDS - 1 <= int(cost) <= MAX_SECONDS
    ):
        detail = "must be a 32bit integer"
        errors.append(status.invalid_value(f"{path}[{DELETION_COST}]", cost, detail))
    return errors


def spec_errors(spec: JsonObject, path: str) -> Errors:
    """A pod specification, defaulted."""
    known = spec.get("volumes") or ()
    errors = volumes.volumes(known, f"{path}.volumes") if known else []
    errors += _containers(spec, path)
    if spec.get("resources") is not None and not pod_system.on_windows(spec):
        errors += resources.of_pod(spec, f"{path}.resources")
    if spec.get("os") is not None or _any_signal(spec):
        errors += pod_system.check(spec, path)
    key = _SOUND.key(spec)
    if key in _SOUND:
        return errors
    rest = _rest(spec, path)
    if not rest:
        _SOUND.add(key)
    return errors + rest


def _any_signal(spec: JsonObject) -> bool:
    return any(
        "stopSignal" in one["lifecycle"]
        for key in _LISTS[:2]
        for one in spec.get(key) or ()
        if one.get("lifecycle")
    )


def _containers(spec: JsonObject, path: str) -> Errors:
    known = {one.get("name", ""): one for one in spec.get("volumes") or ()}
    taken: set[str] = set()
    errors: Errors = [] if spec.get("containers") else [status.required(f"{path}.containers")]
    for sort in _LISTS:
        items = spec.get(sort)
        if not items:
            continue
        setting = Setting(
            sort,
            spec.get("terminationGracePeriodSeconds"),
            spec.get("restartPolicy", ""),
            spec.get("hostUsers") is not False,
        )
        if sort == "ephemeralContainers":
            errors += _targets(items, f"{path}.{sort}", taken)
        errors += containers.containers(items, f"{path}.{sort}", known, setting, taken)
    return errors + containers.host_ports(spec, f"{path}.containers")


def _targets(items: list[JsonObject], path: str, others: set[str]) -> Errors:
    """A debugger looks at a container that stays."""
    return [
        status.not_found_value(f"{path}[{index}].targetContainerName", one["targetContainerName"])
        for index, one in enumerate(items)
        if one.get("targetContainerName") and one["targetContainerName"] not in others
    ]


def _rest(spec: JsonObject, path: str) -> Errors:
    """All but containers and volumes, in Kubernetes' order."""
    errors: Errors = []
    errors += common.one_of(spec.get("restartPolicy"), f"{path}.restartPolicy", RESTART_POLICIES)
    errors += common.one_of(spec.get("dnsPolicy"), f"{path}.dnsPolicy", DNS_POLICIES)
    errors += common.labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    errors += security.pod(spec, path)
    errors += scheduling.affinity(spec.get("affinity"), f"{path}.affinity")
    errors += _dns(spec, f"{path}.dnsConfig")
    errors += _gates(spec, path)
    errors += scheduling.spread(
        spec.get("topologySpreadConstraints"), f"{path}.topologySpreadConstraints"
    )
    errors += security.shared(spec, path) + _names(spec, path)
    errors += common.one_of(
        spec.get("preemptionPolicy"), f"{path}.preemptionPolicy", PREEMPTION, needed=False
    )
    if spec.get("overhead"):
        errors += resources.requirements({"limits": spec["overhead"]}, f"{path}.overhead")
    if spec.get("os") is not None:
        errors += _system(spec["os"].get("name"), f"{path}.os.name")
    return errors


def _gates(spec: JsonObject, path: str) -> Errors:
    """What a pod waits for: conditions before it is ready, and gates before it is scheduled."""
    errors: Errors = []
    for index, one in enumerate(spec.get("readinessGates") or ()):
        where, kind = f"{path}.readinessGates[{index}].conditionType", one.get("conditionType", "")
        errors += (status.invalid_value(where, kind, text) for text in names.qualified_name(kind))
    seen: set[str] = set()
    for index, one in enumerate(spec.get("schedulingGates") or ()):
        where, name = f"{path}.schedulingGates[{index}]", one.get("name", "")
        errors += (status.invalid_value(where, name, text) for text in names.qualified_name(name))
        if name in seen:
            errors.append(status.duplicate(where, name))
        seen.add(name)
    return errors


def _dns(spec: JsonObject, path: str) -> Errors:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None" and config is None:
        return [status.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
    if config is None:
        return []
    servers, search = config.get("nameservers") or (), config.get("searches") or ()
    if spec.get("dnsPolicy") == "None" and not servers:
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        return [status.required(f"{path}.nameservers", detail)]
    errors: Errors = []
    if len(servers) > MAX_NAMESERVERS:
        detail = f"must not have more than {MAX_NAMESERVERS} nameservers"
        errors.append(status.invalid_value(f"{path}.nameservers", servers, detail))
    for index, one in enumerate(servers):
        where = f"{path}.nameservers[{index}]"
        errors += (status.invalid_value(where, one, text) for text in names.ip_address(one))
    errors += _search(search, f"{path}.searches")
    for index, one in enumerate(config.get("options") or ()):
        if not one.get("name"):
            errors.append(status.required(f"{path}.options[{index}]", "must not be empty"))
    return errors


def _search(search: Sequence[str], path: str) -> Errors:
    errors: Errors = []
    if len(search) > MAX_SEARCH:
        detail = f"must not have more than {MAX_SEARCH} search paths"
        errors.append(status.invalid_value(path, search, detail))
    if len(" ".join(search)) > MAX_SEARCH_CHARACTERS:
        detail = (
            f"must not have more than {MAX_SEARCH_CHARACTERS} characters (including spaces) in "
            "the search list"
        )
        errors.append(status.invalid_value(path, search, detail))
    for index, one in enumerate(search):
        # A lone dot asks for names as they are; underscores are not unusual in search paths.
        shown = one.removesuffix(".")
        if one != "." and names.dns1123_subdomain(shown.replace("_", "-")):
            errors += (
                status.invalid_value(f"{path}[{index}]", shown, text)
                for text in names.dns1123_subdomain(shown)
            )
    return errors


def _names(spec: JsonObject, path: str) -> Errors:
    """Names of other things, how long the pod may run, whom it knows by address."""
    errors: Errors = []
    for key, check in (
        ("serviceAccountName", names.dns1123_subdomain),
        ("nodeName", names.dns1123_subdomain),
    ):
        errors += common.optional_name(spec.get(key), f"{path}.{key}", check)
    deadline = spec.get("activeDeadlineSeconds")
    errors += common.in_range(deadline, f"{path}.activeDeadlineSeconds", 1, MAX_SECONDS)
    for key in ("hostname", "subdomain"):
        errors += common.optional_name(spec.get(key), f"{path}.{key}", names.dns1123_label)
    if spec.get("hostnameOverride") is not None:
        errors += _own_host_name(spec, f"{path}.hostnameOverride")
    errors += scheduling.tolerations(spec.get("tolerations"), f"{path}.tolerations")
    for index, one in enumerate(spec.get("hostAliases") or ()):
        errors += _alias(one, f"{path}.hostAliases[{index}]")
    for key in ("priorityClassName", "runtimeClassName"):
        errors += common.optional_name(spec.get(key), f"{path}.{key}", names.dns1123_subdomain)
    return errors


def _own_host_name(spec: JsonObject, path: str) -> Errors:
    """What the kernel is told; the host keeps its own name."""
    name = spec["hostnameOverride"]
    errors: Errors = []
    if spec.get("hostNetwork"):
        detail = "may not be specified when `hostNetwork` is true"
        errors.append(status.forbidden_field(path, detail))
    if len(name) > MAX_HOST_NAME:
        errors.append(status.too_long(path, MAX_HOST_NAME))
    return errors + [
        status.invalid_value(path, name, text) for text in names.dns1123_subdomain(name)
    ]


def _alias(one: JsonObject, path: str) -> Errors:
    ip = one.get("ip", "")
    errors = [status.invalid_value(f"{path}.ip", ip, text) for text in names.ip_address(ip)]
    for index, host in enumerate(one.get("hostnames") or ()):
        where = f"{path}.hostnames[{index}]"
        errors += (
            status.invalid_value(where, host, text) for text in names.dns1123_subdomain(host)
        )
    return errors


def _system(name: str | None, path: str) -> Errors:
    if not name:
        return [status.required(path, "cannot be empty")]
    return common.one_of(name, path, ("linux", "windows"))
