"""The default seccomp profile."""

import pytest

from kubelet.runtime.oci import defaults, seccomp


def allowed(capabilities: frozenset[str]) -> set[str]:
    profile = seccomp.default_profile("x86_64", capabilities)
    return {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args")
        for name in rule["names"]
    }


@pytest.mark.parametrize(
    "name",
    [
        "mount",
        "unshare",
        "setns",
        "clone3",
        "bpf",
        "init_module",
        "kexec_load",
        "keyctl",
        "add_key",
        "io_uring_setup",
        "perf_event_open",
        "reboot",
        "settimeofday",
        "swapon",
        "userfaultfd",
    ],
)
def test_dangerous_calls_are_not_allowed(name: str) -> None:
    assert name not in allowed(defaults.CAPABILITIES)


@pytest.mark.parametrize("name", ["read", "execve", "futex", "openat2", "statx", "chroot"])
def test_ordinary_calls_are(name: str) -> None:
    assert name in allowed(defaults.CAPABILITIES)


def test_a_capability_opens_what_it_is_for() -> None:
    assert "mount" in allowed(frozenset({"SYS_ADMIN"}))
    assert "settimeofday" in allowed(frozenset({"SYS_TIME"}))


def test_clone_may_not_make_namespaces() -> None:
    profile = seccomp.default_profile("x86_64", defaults.CAPABILITIES)
    (rule,) = [rule for rule in profile["syscalls"] if rule["names"] == ["clone"]]
    (argument,) = rule["args"]
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000):
        assert argument["value"] & flag
    assert argument["value"] & 0x40000000
    assert argument["valueTwo"] == 0


def test_clone3_is_as_if_the_kernel_lacked_it() -> None:
    profile = seccomp.default_profile("x86_64", defaults.CAPABILITIES)
    (rule,) = [rule for rule in profile["syscalls"] if rule["names"] == ["clone3"]]
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_no_call_has_two_rules_without_arguments() -> None:
    profile = seccomp.default_profile("x86_64", frozenset(defaults.CAPABILITY_NAMES))
    names = [n for rule in profile["syscalls"] if not rule.get("args") for n in rule["names"]]
    assert len(names) == len(set(names))
