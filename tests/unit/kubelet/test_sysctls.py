"""Which kernel settings a pod may ask for, and how they are spelled."""

import pytest

from kubelet import sysctls


@pytest.mark.parametrize(
    ("name", "dotted"),
    [
        ("kernel.shm_rmid_forced", "kernel.shm_rmid_forced"),
        ("net/ipv4/tcp_syncookies", "net.ipv4.tcp_syncookies"),
        ("net/ipv4/conf/eth0.1/rp_filter", "net.ipv4.conf.eth0/1.rp_filter"),
    ],
)
def test_slashes_are_another_spelling(name: str, dotted: str) -> None:
    assert sysctls.dotted(name) == dotted


@pytest.mark.parametrize(("name", "allowed"), [("net/ipv4/tcp_wmem", True), ("kernel.sem", False)])
def test_only_safe_ones_are_let_in(name: str, *, allowed: bool) -> None:
    pod = {"spec": {"securityContext": {"sysctls": [{"name": name, "value": "1"}]}}}
    refusal = "" if allowed else f'forbidden sysctl: "{name}" not allowlisted'
    assert sysctls.forbidden(pod) == refusal
