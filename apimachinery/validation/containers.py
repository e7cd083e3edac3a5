"""Rules about containers of all three sorts.

Neighbours: `pods` calls `containers` for each list of them; `env`, `mounts`, `probes`, `resources`
and `security` judge the parts.
"""

from collections.abc import Sequence
from typing import NamedTuple

from apimachinery import names, status
from apimachinery.validation import common, env, mounts, probes, resources, security
from apimachinery.validation.common import Errors
from apimachinery.validation.mounts import Volumes
from apimachinery.validation.seen import Seen
from apimachinery.wire import JsonObject

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
RESIZED = ("cpu", "memory")
RESIZE_POLICIES = ("NotRequired", "RestartContainer")
RESTART_ACTIONS = ("Restart", "RestartAllContainers")
MAX_RESTART_RULES = 20
MAX_EXIT_CODES = 255
RESTART_POLICIES = ("Always", "Never", "OnFailure")

NOT_OF_INIT = ("lifecycle", *probes.PROBES)
NOT_OF_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    *probes.PROBES,
    "lifecycle",
)

NOT_EPHEMERAL = "cannot be set for an Ephemeral Container"


class Setting(NamedTuple):
    """What a container is judged by besides itself."""

    sort: str = "containers"
    """The list in which it stands."""
    grace: int | None = None
    """Seconds that the pod has to end."""
    restart: str = ""
    """The pod's restart policy."""
    host_users: bool = True


_SOUND = Seen(without=("volumeMounts", "volumeDevices"))
"""Containers judged in their setting; mounts name each pod's own volume."""


def containers(
    items: Sequence[JsonObject], path: str, volumes: Volumes, setting: Setting, taken: set[str]
) -> Errors:
    """All containers of one list. `taken` are the names in use already; it grows."""
    errors: Errors = []
    for index, one in enumerate(items):
        where = f"{path}[{index}]"
        key = _SOUND.key(one, by=setting)
        if key not in _SOUND:
            found = _container(one, where, setting)
            if not found:
                _SOUND.add(key)
            errors += found
        if one.get("volumeMounts") or one.get("volumeDevices"):
            errors += mounts.check(one, where, volumes)
            if setting.sort == "ephemeralContainers":
                errors += _no_sub_paths(one, where)
        name = one.get("name", "")
        if name and name in taken:
            errors.append(status.duplicate(f"{where}.name", name))
        taken.add(name)
    return errors


def _container(one: JsonObject, path: str, setting: Setting) -> Errors:
    errors = common.name(one.get("name"), f"{path}.name", names.dns1123_label)
    if not one.get("image"):
        errors.append(status.required(f"{path}.image"))
    policy = one.get("terminationMessagePolicy")
    errors += common.one_of(policy, f"{path}.terminationMessagePolicy", MESSAGE_POLICIES)
    if one.get("ports"):
        errors += _ports(one["ports"], f"{path}.ports")
    if one.get("env"):
        errors += env.variables(one["env"], f"{path}.env")
    if one.get("envFrom"):
        errors += env.sources(one["envFrom"], f"{path}.envFrom")
    errors += common.one_of(one.get("imagePullPolicy"), f"{path}.imagePullPolicy", PULL_POLICIES)
    errors += resources.requirements(one.get("resources"), f"{path}.resources")
    if one.get("resizePolicy"):
        errors += _resize(one["resizePolicy"], f"{path}.resizePolicy", setting.restart)
    errors += security.container(
        one.get("securityContext"), f"{path}.securityContext", host_users=setting.host_users
    )
    return errors + _of_sort(one, path, setting)


def _of_sort(one: JsonObject, path: str, setting: Setting) -> Errors:
    """What depends on whether it is a main, an init or an ephemeral container."""
    if setting.sort == "ephemeralContainers":
        return [
            status.forbidden_field(f"{path}.{key}", NOT_EPHEMERAL)
            for key in NOT_OF_EPHEMERAL
            if one.get(key)
        ]
    errors: Errors = []
    restart = one.get("restartPolicy")
    if restart is not None:
        errors += common.one_of(restart, f"{path}.restartPolicy", RESTART_POLICIES)
    if one.get("restartPolicyRules"):
        errors += _restart_rules(one, path)
    if setting.sort == "initContainers":
        errors += _host_ports([one], path.rpartition("[")[0])
        if restart != "Always":
            detail = "may not be set for init containers without restartPolicy=Always"
            errors += (
                status.forbidden_field(f"{path}.{key}", detail)
                for key in NOT_OF_INIT
                if one.get(key) is not None
            )
            return errors
    return errors + probes.check(one, path, setting.grace)


def _restart_rules(one: JsonObject, path: str) -> Errors:
    """Which ends of a container lead to another start, whatever the policy says."""
    rules, where = one["restartPolicyRules"], f"{path}.restartPolicyRules"
    errors: Errors = []
    if one.get("restartPolicy") is None:
        detail = "must specify restartPolicy when restart rules are used"
        errors.append(status.required(f"{path}.restartPolicy", detail))
    if len(rules) > MAX_RESTART_RULES:
        errors.append(status.too_many(where, len(rules), MAX_RESTART_RULES))
    for index, rule in enumerate(rules[:MAX_RESTART_RULES]):
        place, codes = f"{where}[{index}]", rule.get("exitCodes")
        errors += common.one_of(rule.get("action"), f"{place}.action", RESTART_ACTIONS)
        if codes is None:
            errors.append(status.required(f"{place}.exitCodes", "must be specified"))
            continue
        errors += common.one_of(
            codes.get("operator"), f"{place}.exitCodes.operator", ("In", "NotIn")
        )
        many = len(codes.get("values") or ())
        if many > MAX_EXIT_CODES:
            errors.append(status.too_many(f"{place}.exitCodes.values", many, MAX_EXIT_CODES))
    return errors


def _no_sub_paths(one: JsonObject, path: str) -> Errors:
    return [
        status.forbidden_field(f"{path}.volumeMounts[{index}].{key}", NOT_EPHEMERAL)
        for index, mount in enumerate(one.get("volumeMounts") or ())
        for key in ("subPath", "subPathExpr")
        if mount.get(key)
    ]


def _ports(ports: Sequence[JsonObject], path: str) -> Errors:
    errors: Errors = []
    taken: set[str] = set()
    for index, one in enumerate(ports):
        where = f"{path}[{index}]"
        name = one.get("name")
        if name:
            problems = names.port_name(name)
            errors += (status.invalid_value(f"{where}.name", name, text) for text in problems)
            if not problems and name in taken:
                errors.append(status.duplicate(f"{where}.name", name))
            taken.add(name)
        number = one.get("containerPort") or 0
        if not number:
            errors.append(status.required(f"{where}.containerPort"))
        else:
            errors += common.port(number, f"{where}.containerPort")
        if one.get("hostPort"):
            errors += common.port(one["hostPort"], f"{where}.hostPort")
        errors += common.one_of(one.get("protocol"), f"{where}.protocol", PROTOCOLS)
    return errors


def _resize(policies: Sequence[JsonObject], path: str, restart: str) -> Errors:
    """Kubernetes names the list, not its item."""
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate(policies):
        resource, policy = one.get("resourceName", ""), one.get("restartPolicy", "")
        if resource in seen:
            errors.append(status.duplicate(f"{path}[{index}]", resource))
        seen.add(resource)
        errors += common.one_of(resource, path, RESIZED)
        errors += common.one_of(policy, path, RESIZE_POLICIES)
        if restart == "Never" and policy != "NotRequired":
            detail = "must be 'NotRequired' when `restartPolicy` is 'Never'"
            errors.append(status.invalid_value(path, policy, detail))
    return errors


def host_ports(spec: JsonObject, path: str) -> Errors:
    """Ports of the host: each once, and the same as the container's on the host's network."""
    main = spec.get("containers") or ()
    errors = _host_ports(main, path)
    if spec.get("hostNetwork"):
        detail = "must match `containerPort` when `hostNetwork` is true"
        for index, one in enumerate(main):
            errors += (
                status.invalid_value(
                    f"{path}[{index}].ports[{number}].hostPort", port["hostPort"], detail
                )
                for number, port in enumerate(one.get("ports") or ())
                if port.get("hostPort") and port["hostPort"] != port.get("containerPort")
            )
    return errors


def _host_ports(items: Sequence[JsonObject], path: str) -> Errors:
    """Two containers of a pod cannot have the same port of the host."""
    seen: set[str] = set()
    errors: Errors = []
    for index, one in enumerate(items):
        for number, port in enumerate(one.get("ports") or ()):
            if port.get("hostPort"):
                key = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
                if key in seen:
                    where = f"{path}[{index}].ports[{number}].hostPort"
                    errors.append(status.duplicate(where, key))
                seen.add(key)
    return errors


def padded_images(items: Sequence[JsonObject], path: str) -> Errors:
    """Templates may have images with blanks around them, pods may not."""
    detail = "must not have leading or trailing whitespace"
    return [
        status.invalid_value(f"{path}[{index}].image", one["image"], detail)
        for index, one in enumerate(items)
        if one.get("image") and one["image"] != one["image"].strip()
    ]
