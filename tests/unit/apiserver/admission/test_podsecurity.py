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


def found(level: str, spec: dict, **metadata: object) -> list[str]:
    return [str(one) for one in Level(level).findings(Pod(metadata, spec))]


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
