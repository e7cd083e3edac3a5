"""What the runtime is asked for, from a pod's spec."""

import pytest

from kubelet import configs
from kubelet.options import Options
from kubelet.runtime.config import DnsConfig, HostAlias, PortMapping, SeccompMode

RESOLV = "# c\nnameserver 1.1.1.1\nsearch corp.example\noptions timeout:1 ndots:2\n"


def pod(container: dict | None = None, **spec) -> dict:
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "u"},
        "spec": {"containers": [{"name": "app", "image": "i:1", **(container or {})}], **spec},
    }


def sandbox(tmp_path, **spec):
    return configs.sandbox_config(pod(**spec), 0, Options("node-1", tmp_path), RESOLV)


def container(tmp_path, values: dict, **spec):
    one = pod(values, **spec)
    return configs.container_config(
        one, one["spec"]["containers"][0], 2, env=[("A", "1")], mounts=[], node_memory=1 << 30,
        data_dir=tmp_path, annotations={},
    )  # fmt: skip


def test_cluster_dns(tmp_path) -> None:
    assert sandbox(tmp_path).dns == DnsConfig(
        ("10.96.0.10",),
        ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"),
        ("ndots:5",),
    )


def test_the_node_s_dns(tmp_path) -> None:
    expected = DnsConfig(("1.1.1.1",), ("corp.example",), ("timeout:1", "ndots:2"))
    assert sandbox(tmp_path, dnsPolicy="Default").dns == expected
    assert sandbox(tmp_path, hostNetwork=True).dns == expected


def test_own_dns_settings_go_on_top(tmp_path) -> None:
    extra = {
        "nameservers": ["9.9.9.9"],
        "searches": ["my.example"],
        "options": [{"name": "ndots", "value": "1"}, {"name": "edns0"}],
    }
    assert sandbox(tmp_path, dnsPolicy="None", dnsConfig=extra).dns == DnsConfig(
        ("9.9.9.9",), ("my.example",), ("ndots:1", "edns0")
    )
    assert sandbox(tmp_path, dnsConfig=extra).dns.options == ("ndots:1", "edns0")


def test_names(tmp_path) -> None:
    assert sandbox(tmp_path).hostname == "web-1"
    named = sandbox(tmp_path, hostname="h", subdomain="sub")
    assert (named.hostname, named.domain) == ("h", "sub.shop.svc.cluster.local")
    assert sandbox(tmp_path, hostNetwork=True).hostname == "node-1"


def test_a_long_name_is_cut_to_a_label(tmp_path) -> None:
    one = pod()
    one["metadata"]["name"] = "a" * 62 + "-b"
    assert configs.host_names(one, "cluster.local")[0] == "a" * 62


def test_ports_aliases_sysctls_and_cgroup(tmp_path) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1"}, {"containerPort": 81}]
    config = sandbox(
        tmp_path,
        container={"ports": ports},
        hostAliases=[{"ip": "1.2.3.4", "hostnames": ["x"]}],
        securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1024"}]},
    )
    assert config.port_mappings == (PortMapping(80, 8080, "TCP", "10.0.0.1"),)
    assert config.host_aliases == (HostAlias("1.2.3.4", ("x",)),)
    assert config.sysctls == {"net.core.somaxconn": "1024"}
    assert config.cgroup_parent == "/bireme/besteffort/podu"


def test_commands_are_expanded(tmp_path) -> None:
    config = container(tmp_path, {"command": ["echo", "$(A)"], "args": ["$$(A)", "$(B)"]})
    assert config.command == ("echo", "1")
    assert config.args == ("$(A)", "$(B)")
    assert config.log_path == "app/2.log"


def test_the_container_s_security_wins_over_the_pod_s(tmp_path) -> None:
    config = container(
        tmp_path,
        {
            "securityContext": {
                "runAsUser": 5,
                "allowPrivilegeEscalation": False,
                "capabilities": {"add": ["CAP_NET_ADMIN"], "drop": ["all"]},
            }
        },
        securityContext={
            "runAsUser": 1, "runAsGroup": 2, "fsGroup": 3, "supplementalGroups": [4, 3],
        },
    )  # fmt: skip
    security = config.security
    assert (security.run_as_user, security.run_as_group) == (5, 2)
    assert security.supplemental_groups == (4, 3)
    assert security.no_new_privileges
    assert security.capabilities_add == ("NET_ADMIN",)
    assert security.capabilities_drop == ("ALL",)


@pytest.mark.parametrize(
    ("context", "mode"),
    [
        ({}, SeccompMode.RUNTIME_DEFAULT),
        ({"privileged": True}, SeccompMode.UNCONFINED),
        ({"seccompProfile": {"type": "Unconfined"}}, SeccompMode.UNCONFINED),
        (
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}},
            SeccompMode.LOCALHOST,
        ),
    ],
)
def test_seccomp(tmp_path, context: dict, mode: SeccompMode) -> None:
    assert container(tmp_path, {"securityContext": context}).security.seccomp is mode


def test_a_seccomp_profile_cannot_lie_elsewhere(tmp_path) -> None:
    profile = {"type": "Localhost", "localhostProfile": "../../etc/passwd"}
    config = container(tmp_path, {"securityContext": {"seccompProfile": profile}})
    assert config.security.seccomp_profile_path.startswith(str(tmp_path / "seccomp"))


@pytest.mark.parametrize(
    ("reference", "policy"),
    [
        ("a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent"),
        ("host:5000/a", "Always"), ("host:5000/a:1", "IfNotPresent"),
        ("a@sha256:0", "IfNotPresent"),
    ],
)  # fmt: skip
def test_pull_policies(reference: str, policy: str) -> None:
    assert configs.default_pull_policy(reference) == policy
