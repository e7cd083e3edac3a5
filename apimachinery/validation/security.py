"""Rules about security contexts, of pods and of containers; and about sharing the host.

Neighbours: `pods` and `containers` ask. What a cluster allows is Pod Security's business
(`apiserver.admission.podsecurity`), not these rules'.
"""

import re

from apimachinery import status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

MAX_ID = 2**31 - 1
"""Highest number of a user or group."""
MAX_PROFILE = 4095
"""Characters of a profile's path."""
MAX_SYSCTL = 253
_SYSCTL_PART = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL = rf"^({_SYSCTL_PART}[\./])*{_SYSCTL_PART}$"
_SYSCTL_RE = re.compile(_SYSCTL)
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")

PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_POD_CHOICES = (
    ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
    ("supplementalGroupsPolicy", ("Merge", "Strict")),
    ("seLinuxChangePolicy", ("MountOption", "Recursive")),
)


def pod(spec: JsonObject, path: str) -> Errors:
    """The security context of a pod specification."""
    context = spec.get("securityContext")
    if not context:
        return []
    where = f"{path}.securityContext"
    errors: Errors = []
    for key in ("fsGroup", "runAsUser", "runAsGroup"):
        errors += common.in_range(context.get(key), f"{where}.{key}", 0, MAX_ID)
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        errors += common.in_range(group, f"{where}.supplementalGroups[{index}]", 0, MAX_ID)
    if context.get("sysctls"):
        errors += _sysctls(spec, context["sysctls"], f"{where}.sysctls")
    errors += _profiles(context, where)
    for key, valid in _POD_CHOICES:
        value = context.get(key)
        if value is not None and value not in valid:
            errors.append(status.not_supported(f"{where}.{key}", value, valid))
    return errors


def container(context: JsonObject | None, path: str, *, host_users: bool) -> Errors:
    """The security context of one container."""
    if not context:
        return []
    errors: Errors = []
    for key in ("runAsUser", "runAsGroup"):
        errors += common.in_range(context.get(key), f"{path}.{key}", 0, MAX_ID)
    mount = context.get("procMount")
    if mount is not None:
        valid = ("Default", "Unmasked")
        if mount not in valid:
            errors.append(status.not_supported(f"{path}.procMount", mount, valid))
        if host_users and mount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            errors.append(status.invalid_value(f"{path}.procMount", mount, detail))
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            errors.append(status.invalid_value(path, context, detail))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            detail = (
                "cannot set `allowPrivilegeEscalation` to false and "
                "`capabilities.Add` CAP_SYS_ADMIN"
            )
            errors.append(status.invalid_value(path, context, detail))
    return errors + _profiles(context, path)


def shared(spec: JsonObject, path: str) -> Errors:
    """What goes not together with the host's namespaces, or without its users."""
    errors: Errors = []
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        where = f"{path}.securityContext.shareProcessNamespace"
        errors.append(status.invalid_value(where, True, detail))
    if spec.get("hostUsers") is False:
        detail = "when `pod.Spec.HostUsers` is false"
        errors += (
            status.forbidden_field(f"{path}.{shown}", detail)
            for key, shown in (
                ("hostNetwork", "hostNetwork"),
                ("hostPID", "HostPID"),
                ("hostIPC", "HostIPC"),
            )
            if spec.get(key)
        )
    return errors


def _profiles(context: JsonObject, path: str) -> Errors:
    seccomp, armor = context.get("seccompProfile"), context.get("appArmorProfile")
    errors: Errors = []
    if seccomp is not None:
        errors += _profile(seccomp, f"{path}.seccompProfile", "seccomp", "seccompProfile")
        text = seccomp.get("localhostProfile")
        if seccomp.get("type") == "Localhost" and text is not None:
            where = f"{path}.seccompProfile.localhostProfile"
            errors += common.path_without_dots(text, where)
    if armor is not None:
        errors += _profile(armor, f"{path}.appArmorProfile", "AppArmor", "appArmorProfile")
        text = armor.get("localhostProfile")
        if armor.get("type") == "Localhost" and text is not None:
            errors += _armor_name(text, f"{path}.appArmorProfile.localhostProfile")
    return errors


def _profile(profile: JsonObject, path: str, what: str, field: str) -> Errors:
    """A kind of profile, and a name exactly where the kind is on the node."""
    kind, name = profile.get("type", ""), profile.get("localhostProfile")
    errors: Errors = []
    if not kind:
        detail = f"type is required when {field} is set"
        errors.append(status.required(f"{path}.type", detail))
    elif kind not in PROFILE_TYPES:
        errors.append(status.not_supported(f"{path}.type", kind, PROFILE_TYPES))
    where = f"{path}.localhostProfile"
    if kind == "Localhost":
        if name is None:
            detail = f"must be set when {what} type is Localhost"
            errors.append(status.required(where, detail))
    elif name is not None:
        shown = profile if what == "seccomp" else name
        detail = f"can only be set when {what} type is Localhost"
        errors.append(status.invalid_value(where, shown, detail))
    return errors


def _armor_name(text: str, path: str) -> Errors:
    errors: Errors = []
    if text != text.strip():
        detail = "must not be padded with whitespace"
        errors.append(status.invalid_value(path, text, detail))
    elif not text:
        detail = "must be set when AppArmor type is Localhost"
        errors.append(status.required(path, detail))
    if len(text) > MAX_PROFILE:
        errors.append(status.too_long(path, MAX_PROFILE))
    return errors


def _sysctls(spec: JsonObject, sysctls: list[JsonObject], path: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, one in enumerate(sysctls):
        where, name = f"{path}[{index}].name", one.get("name", "")
        if not name:
            errors.append(status.required(where))
        elif len(name) > MAX_SYSCTL or not _SYSCTL_RE.match(name):
            detail = f"must have at most {MAX_SYSCTL} characters and match regex {_SYSCTL}"
            errors.append(status.invalid_value(where, name, detail))
        elif name in seen:
            errors.append(status.duplicate(where, name))
        seen.add(name)
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") and dotted.startswith("net."):
            detail = "may not be specified when 'hostNetwork' is true"
            errors.append(status.invalid_value(where, name, detail))
        elif spec.get("hostIPC") and dotted.startswith(_IPC_SYSCTLS):
            detail = "may not be specified when 'hostIPC' is true"
            errors.append(status.invalid_value(where, name, detail))
    return errors
