"""Which checks a level has in which version, as Kubernetes' releases added and changed them. Pure.

Neighbours: `baseline` and `restricted` (the checks), `levels` (what a namespace asks for).
"""

from functools import cache, partial

from apiserver.admission.podsecurity import baseline, restricted
from apiserver.admission.podsecurity.finding import Check, Finding, Pod

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"

NEWEST = 10_000
"""A minor version that is newer than all: `latest`."""

Row = tuple[int, int, Check]
"""From which minor version on, up to which one, what is checked."""


def _but_windows(check: Check) -> Check:
    """Some rules mean nothing there."""

    def checked(pod: Pod) -> Finding | None:
        return None if pod.is_windows else check(pod)

    return checked


def _but_own_users(check: Check) -> Check:
    """Root in a user namespace of its own is nobody on the node."""

    def checked(pod: Pod) -> Finding | None:
        return None if pod.spec.get("hostUsers") is False else check(pod)

    return checked


def _always(check: Check) -> Row:
    return (0, NEWEST, check)


def _sysctls() -> tuple[Row, ...]:
    """Each version that knows more of them has a check of its own."""
    ends = [*(since for since, _ in baseline.SYSCTLS[1:]), NEWEST]
    rows, known = [], frozenset[str]()
    for (since, added), end in zip(baseline.SYSCTLS, ends, strict=True):
        known |= added
        rows.append((since, end, partial(baseline.sysctls, allowed=known)))
    return tuple(rows)


_CAPABILITIES, _PATHS = _always(baseline.capabilities), _always(baseline.host_paths)
_SECCOMP = ((0, 19, baseline.seccomp_annotations), (19, NEWEST, baseline.seccomp))
_PROC_MOUNT = ((0, 35, baseline.proc_mount), (35, NEWEST, _but_own_users(baseline.proc_mount)))

_BASELINE: tuple[Row, ...] = (
    _always(baseline.apparmor),
    _CAPABILITIES,
    _always(baseline.host_namespaces),
    _PATHS,
    _always(baseline.host_ports),
    (34, NEWEST, baseline.probe_hosts),
    _always(baseline.privileged),
    *_PROC_MOUNT,
    (0, 31, partial(baseline.selinux, allowed=baseline.OLD_SELINUX_TYPES)),
    (31, NEWEST, baseline.selinux),
    *_SECCOMP,
    *_sysctls(),
    _always(baseline.host_process),
)

_STRICTER: dict[Row, Row] = {
    # Restricted has stricter checks of the same things, from some version on: each is told once.
    _CAPABILITIES: (0, 22, baseline.capabilities),
    _PATHS: (0, 0, baseline.host_paths),
    _SECCOMP[1]: (0, 0, baseline.seccomp),
    _PROC_MOUNT[1]: (35, NEWEST, baseline.proc_mount),
}

_RESTRICTED: tuple[Row, ...] = (
    *(_STRICTER.get(row, row) for row in _BASELINE),
    (8, 25, restricted.privilege_escalation),
    (25, NEWEST, _but_windows(restricted.privilege_escalation)),
    (22, 25, restricted.capabilities),
    (25, NEWEST, _but_windows(restricted.capabilities)),
    _always(restricted.volumes),
    (0, 35, restricted.non_root),
    (35, NEWEST, _but_own_users(restricted.non_root)),
    (23, 35, restricted.user),
    (35, NEWEST, _but_own_users(restricted.user)),
    (19, 25, restricted.seccomp),
    (25, NEWEST, _but_windows(restricted.seccomp)),
)

_ROWS: dict[str, tuple[Row, ...]] = {BASELINE: _BASELINE, RESTRICTED: _RESTRICTED}


@cache
def checks(level: str, minor: int) -> tuple[Check, ...]:
    """What a level checks in version 1.`minor`, in Kubernetes' order."""
    minor = min(minor, NEWEST - 1)
    return tuple(check for since, end, check in _ROWS.get(level, ()) if since <= minor < end)
