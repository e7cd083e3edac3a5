"""Rules about the system that a pod says its nodes have: what only one of them knows.

Neighbour: `pods` asks where a pod names a system, or a container a signal.
"""

import signal

from apimachinery import status
from apimachinery.validation import common
from apimachinery.validation.common import Errors
from apimachinery.wire import JsonObject

LINUX, WINDOWS = "linux", "windows"
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
_NOT_ON_LINUX = "windows options cannot be set for a linux pod"
_OF_POD = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace")
_OF_POD_CONTEXT = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
)
_MAY_BE_FALSE = ("hostPID", "hostIPC", "sysctls")
_OF_CONTEXT = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)
_REAL_TIME = tuple(
    sorted(
        [f"SIGRTMIN{number}" for number in ("", *(f"+{one}" for one in range(1, 16)))]
        + [f"SIGRTMAX{number}" for number in ("", *(f"-{one}" for one in range(1, 15)))]
    )
)
_SIGNALS = {
    LINUX: tuple(
        sorted(
            {one.name for one in signal.Signals if not one.name.startswith("SIGRT")}
            | {"SIGIOT", "SIGCLD", "SIGPOLL", *_REAL_TIME}
        )
    ),
    WINDOWS: ("SIGKILL", "SIGTERM"),
}


def on_windows(spec: JsonObject) -> bool:
    return (spec.get("os") or {}).get("name") == WINDOWS


def check(spec: JsonObject, path: str) -> Errors:
    """What goes not with the system that a pod names."""
    errors = _signals(spec, path)
    match (spec.get("os") or {}).get("name"):
        case "linux":
            return errors + _windows_options(spec, path)
        case "windows":
            return errors + _unknown_to_windows(spec, path)
        case _:
            return errors


def _unknown_to_windows(spec: JsonObject, path: str) -> Errors:
    context = spec.get("securityContext") or {}
    errors: Errors = []
    if spec.get("resources") is not None:
        detail = "may not be set for a windows pod"
        errors.append(status.forbidden_field(f"{path}.resources", detail))
    errors += _given(spec, _OF_POD, path)
    errors += _given(context, _OF_POD_CONTEXT, f"{path}.securityContext")
    for key in _LISTS:
        for index, one in enumerate(spec.get(key) or ()):
            where = f"{path}.{key}[{index}].securityContext"
            own = one.get("securityContext") or {}
            errors += (
                status.forbidden_field(f"{where}.{field}", _NOT_ON_WINDOWS)
                for field in _OF_CONTEXT
                if own.get(field) is not None
            )
    return errors


def _given(holder: JsonObject, fields: tuple[str, ...], path: str) -> Errors:
    return [
        status.forbidden_field(f"{path}.{field}", _NOT_ON_WINDOWS)
        for field in fields
        if (holder.get(field) if field in _MAY_BE_FALSE else holder.get(field) is not None)
    ]


def _windows_options(spec: JsonObject, path: str) -> Errors:
    holders = [(path, spec)]
    holders += [
        (f"{path}.{key}[{index}]", one)
        for key in _LISTS
        for index, one in enumerate(spec.get(key) or ())
    ]
    return [
        status.forbidden_field(f"{where}.securityContext.windowsOptions", _NOT_ON_LINUX)
        for where, one in holders
        if (one.get("securityContext") or {}).get("windowsOptions") is not None
    ]


def _signals(spec: JsonObject, path: str) -> Errors:
    """Signals that end a container have the names of its system."""
    known = _SIGNALS.get((spec.get("os") or {}).get("name", ""))
    errors: Errors = []
    for key in _LISTS[:2]:
        for index, one in enumerate(spec.get(key) or ()):
            name = (one.get("lifecycle") or {}).get("stopSignal")
            where = f"{path}.{key}[{index}].lifecycle.stopSignal"
            if name is None:
                continue
            if known is None:
                detail = "may not be set for containers with empty `spec.os.name`"
                errors.append(status.forbidden_field(where, detail))
            else:
                errors += common.one_of(name, where, known)
    return errors
