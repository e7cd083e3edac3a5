"""Pod security: what each level finds, in Kubernetes' words."""

import pytest

from apiserver.admission.podsecurity import levels
from apiserver.admission.podsecurity.finding import Pod
from apiserver.admission.podsecurity.levels import Level, Policy

HARDENED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def found(level: str, spec: dict, version: str = "latest", **metadata: object) -> list[str]:
    return [str(one) for one in Level(level, version).findings(Pod(metadata, spec))]


def container(name: str = "c", **more: object) -> dict:
    return {"name": name, "image": "b", **more}


def secured(name: str = "c", **context: object) -> dict:
    return container(name, securityContext=context)


def test_a_plain_pod_is_baseline_but_not_restricted() -> None:
    spec = {"containers": [container()]}
    assert found("baseline", spec) == []
    assert found("restricted", spec) == [
        (
            'allowPrivilegeEscalation != false (container "c" must set '
            "securityContext.allowPrivilegeEscalation=false)"
        ),
        (
            'unrestricted capabilities (container "c" must set '
            'securityContext.capabilities.drop=["ALL"])'
        ),
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
        (
            'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to '
            '"RuntimeDefault" or "Localhost")'
        ),
    ]


def test_a_hardened_pod_is_restricted() -> None:
    assert found("restricted", {"containers": [secured(**HARDENED)]}) == []


def test_a_windows_pod_needs_less() -> None:
    spec = {"os": {"name": "windows"}, "containers": [secured(runAsNonRoot=True)]}
    assert found("restricted", spec) == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"hostNetwork": True, "hostPID": True},
            "host namespaces (hostNetwork=true, hostPID=true)",
        ),
        (
            {"containers": [secured(privileged=True), secured("d", privileged=True)]},
            'privileged (containers "c", "d" must not set securityContext.privileged=true)',
        ),
        (
            {"containers": [secured(capabilities={"add": ["NET_ADMIN", "CHOWN"]})]},
            (
                'non-default capabilities (container "c" must not include "NET_ADMIN" in '
                "securityContext.capabilities.add)"
            ),
        ),
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
            'hostPath volumes (volume "v")',
        ),
        (
            {"initContainers": [container(ports=[{"containerPort": 1, "hostPort": 80}])]},
            'hostPort (container "c" uses hostPort 80)',
        ),
        (
            {"containers": [secured(procMount="Unmasked")]},
            'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            "forbidden sysctls (kernel.msgmax)",
        ),
        (
            {"securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}},
            (
                'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; '
                "user may not be set)"
            ),
        ),
        (
            {"securityContext": {"windowsOptions": {"hostProcess": True}}},
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
            'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
        ),
        (
            {"containers": [container(livenessProbe={"httpGet": {"host": "1.2.3.4"}})]},
            'probe or lifecycle host (container "c" uses probe or lifecycle host "1.2.3.4")',
        ),
    ],
)
def test_the_baseline_refuses(spec: dict, told: str) -> None:
    assert found("baseline", spec) == [told]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
            'restricted volume types (volume "v" uses restricted volume type "hostPath")',
        ),
        ({"securityContext": {"runAsUser": 0}}, "runAsUser=0 (pod must not set runAsUser=0)"),
        (
            {"containers": [secured(**HARDENED | {"runAsNonRoot": False})]},
            'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
        ),
        (
            {
                "containers": [
                    secured(**HARDENED | {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}})
                ]
            },
            (
                'unrestricted capabilities (container "c" must not include "CHOWN" in '
                "securityContext.capabilities.add)"
            ),
        ),
        (
            {"containers": [secured(**HARDENED | {"seccompProfile": {"type": "Unconfined"}})]},
            (
                'seccompProfile (container "c" must not set securityContext.seccompProfile.type to '
                '"Unconfined")'
            ),
        ),
    ],
)
def test_the_restricted_level_refuses(spec: dict, told: str) -> None:
    assert found("restricted", spec) == [told]


PLAIN = {"containers": [container()]}
WINDOWS = {"os": {"name": "windows"}, "containers": [secured(runAsNonRoot=True)]}
ROOT = {"hostUsers": False, "containers": [secured(**HARDENED | {"runAsNonRoot": False})],
        "securityContext": {"runAsUser": 0}}  # fmt: skip
UNMASKED = {"hostUsers": False, "containers": [secured(**HARDENED, procMount="Unmasked")]}
ADDING = {"containers": [secured(**HARDENED | {"capabilities": {"drop": ["ALL"],
                                                                "add": ["CHOWN"]}})]}  # fmt: skip
UNCONFINED = {"containers": [secured(**HARDENED | {"seccompProfile": {"type": "Unconfined"}})]}


def sysctl(name: str) -> dict:
    return {"securityContext": {"sysctls": [{"name": name, "value": "1"}]}}


@pytest.mark.parametrize(
    ("level", "spec", "without", "since", "reason"),
    [
        # What came with a version: it is not found in the one before.
        ("restricted", PLAIN, "v1.7", "v1.8", "allowPrivilegeEscalation != false"),
        ("restricted", PLAIN, "v1.18", "v1.19", "seccompProfile"),
        ("restricted", PLAIN, "v1.21", "v1.22", "unrestricted capabilities"),
        ("restricted", ADDING, "v1.21", "v1.22", "unrestricted capabilities"),
        ("restricted", {"securityContext": {"runAsUser": 0}}, "v1.22", "v1.23", "runAsUser=0"),
        ("baseline", UNCONFINED, "v1.18", "v1.19", "seccompProfile"),
        ("baseline", {"containers": [container(livenessProbe={"tcpSocket": {"host": "h"}})]},
         "v1.33", "v1.34", "probe or lifecycle host"),
        # What was allowed with a version: it is found in the one before.
        ("restricted", WINDOWS, "v1.25", "v1.24", "allowPrivilegeEscalation != false"),
        ("restricted", WINDOWS, "v1.25", "v1.24", "unrestricted capabilities"),
        ("restricted", WINDOWS, "v1.25", "v1.24", "seccompProfile"),
        ("restricted", ROOT, "v1.35", "v1.34", "runAsNonRoot != true"),
        ("restricted", ROOT, "latest", "v1.34", "runAsUser=0"),
        ("baseline", UNMASKED, "v1.35", "v1.34", "procMount"),
        ("baseline", sysctl("net.ipv4.ip_local_reserved_ports"), "v1.27", "v1.26",
         "forbidden sysctls"),
        ("baseline", sysctl("net.ipv4.tcp_keepalive_time"), "v1.29", "v1.28", "forbidden sysctls"),
        ("baseline", sysctl("net.ipv4.tcp_rmem"), "v1.32", "v1.31", "forbidden sysctls"),
        ("baseline", {"securityContext": {"seLinuxOptions": {"type": "container_engine_t"}}},
         "v1.31", "v1.30", "seLinuxOptions"),
    ],
)  # fmt: skip
def test_versions_differ(level: str, spec: dict, without: str, since: str, reason: str) -> None:
    def told(version: str) -> bool:
        return any(one.split(" (")[0] == reason for one in found(level, spec, version))

    assert told(since)
    assert not told(without)


def test_what_is_stricter_is_told_once() -> None:
    """In old versions the baseline's own check stands in for the restricted one."""

    def reasons(spec: dict, version: str) -> list[str]:
        return [one.split(" (")[0] for one in found("restricted", spec, version)]

    adding = {"containers": [secured(**HARDENED | {"capabilities": {"add": ["NET_ADMIN"]}})]}
    assert reasons(adding, "v1.21") == ["non-default capabilities"]
    assert reasons(adding, "v1.22") == ["unrestricted capabilities"]
    assert reasons(UNMASKED, "latest") == ["procMount"]
    assert found("baseline", {"containers": [container()]}, "v1.18", annotations={
        "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
        "container.seccomp.security.alpha.kubernetes.io/c": "localhost/x",
    }) == [
        'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    ]  # fmt: skip


def test_a_pods_own_word_counts_whatever_its_containers_say() -> None:
    spec = {"securityContext": {"runAsNonRoot": False}, "containers": [secured(**HARDENED)]}
    assert found("restricted", spec) == [
        "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"
    ]


def test_an_apparmor_annotation() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/c"
    assert found("baseline", {}, annotations={key: "unconfined"}) == [
        f'forbidden AppArmor profile (annotation {key}="unconfined")'
    ]
    assert found("baseline", {}, annotations={key: "localhost/mine"}) == []


@pytest.mark.parametrize(
    ("labels", "enforce", "audit", "warn"),
    [
        ({}, "privileged:latest", "privileged:latest", "privileged:latest"),
        # Who refuses is warned, too: of workloads whose pods will be refused.
        ({"enforce": "baseline"}, "baseline:latest", "privileged:latest", "baseline:latest"),
        ({"enforce": "baseline", "enforce-version": "v1.22", "warn-version": "v1.23"},
         "baseline:v1.22", "privileged:latest", "baseline:v1.23"),
        ({"enforce": "restricted", "enforce-version": "v1.30"},
         "restricted:v1.30", "privileged:latest", "restricted:v1.30"),
        ({"enforce": "baseline", "warn": "privileged", "audit": "restricted"},
         "baseline:latest", "restricted:latest", "privileged:latest"),
        # What is none refuses most, and says nothing elsewhere.
        ({"enforce": "x"}, "restricted:latest", "privileged:latest", "privileged:latest"),
        ({"enforce": "baseline", "warn": "x", "audit": "x", "enforce-version": "1"},
         "baseline:latest", "privileged:latest", "privileged:latest"),
    ],
)  # fmt: skip
def test_what_labels_ask_for(labels: dict[str, str], enforce: str, audit: str, warn: str) -> None:
    given = {levels.PREFIX + key: value for key, value in labels.items()}
    policy = levels.policy(given, Policy())
    assert [str(policy.enforce), str(policy.audit), str(policy.warn)] == [enforce, audit, warn]


def test_what_namespaces_that_say_nothing_get() -> None:
    defaults = Policy(Level("baseline"), Level("restricted"), Level("restricted"))
    assert levels.policy({"a": "b"}, defaults) == defaults
    said = levels.policy({f"{levels.PREFIX}enforce": "privileged"}, defaults)
    assert said == Policy(Level("privileged"), defaults.audit, defaults.warn)


def test_labels_that_say_nothing() -> None:
    enforce = levels.PREFIX + "enforce"
    (problem,) = levels.errors({enforce: "high"})
    assert "must be one of privileged, baseline, restricted" in problem.message()
    (problem,) = levels.errors({f"{enforce}-version": "1.30"})
    assert 'must be "latest" or "v1.x"' in problem.message()
