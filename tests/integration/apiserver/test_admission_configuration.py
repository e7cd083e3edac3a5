"""The file that configures admission: who is exempt from PodSecurity, and what is the default."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from apimachinery import wire
from apiserver.admission import plugins
from apiserver.server import ApiServer
from apiserver.settings import BadConfiguration
from apiserver.stores import open_store

from .conftest import PODS, Api

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SECURITY = {
    "apiVersion": "pod-security.admission.config.k8s.io/v1",
    "kind": "PodSecurityConfiguration",
    "defaults": {"enforce": "baseline", "warn": "restricted", "warn-version": "v1.30"},
    "exemptions": {
        "usernames": ["robot"],
        "runtimeClasses": ["vm"],
        "namespaces": ["kube-system"],
    },
}


def written(path: Path, *configured: Any, **more: Any) -> Path:
    document = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "PodSecurity", "configuration": one} for one in configured],
        **more,
    }
    file = path / "admission.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    configured = plugins.configured(written(tmp_path, SECURITY))
    server = ApiServer(open_store("memory"), configured=configured)
    await server.start()
    yield Api(server)
    await server.stop()


def host(api: Api, name: str, **more: Any) -> dict[str, Any]:
    return api.pod(name, hostNetwork=True, **more)


async def test_defaults_hold_where_a_namespace_says_nothing(api: Api) -> None:
    refused = await api.post(PODS, host(api, "a"))
    assert refused.status == 403
    assert 'violates PodSecurity "baseline:latest": host namespaces' in refused.message
    warned = await api.post(PODS, api.pod("b"))
    assert warned.status == 201
    assert 'would violate PodSecurity \\"restricted:v1.30\\"' in warned.headers["Warning"]
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    await api.patch("/api/v1/namespaces/default", {"metadata": {"labels": labels}})
    assert (await api.post(PODS, host(api, "a"))).status == 201


async def test_who_is_exempt(api: Api) -> None:
    for user, path, pod in (
        ("robot", PODS, host(api, "a")),
        ("admin", PODS.replace("default", "kube-system"), host(api, "a")),
        ("admin", PODS, host(api, "b", runtimeClassName="vm")),
    ):
        if pod["spec"].get("runtimeClassName"):
            kind = {"metadata": {"name": "vm"}, "handler": "vm"}
            await api.made("/apis/node.k8s.io/v1/runtimeclasses", kind)
        sender = wire.UserInfo(user, groups=("system:masters",))
        answer = await api.send("POST", path, pod, user=sender)
        assert answer.status == 201, answer.raw
        assert "Warning" not in answer.headers


async def test_labels_of_an_exempt_namespace_are_ignored_and_that_is_said(api: Api) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    answer = await api.patch("/api/v1/namespaces/kube-system", {"metadata": {"labels": labels}})
    assert answer.headers["Warning"] == (
        '299 - "namespace \\"kube-system\\" is exempt from Pod Security, and the policy '
        '(enforce=restricted:latest) will be ignored"'
    )


def changed(**more: Any) -> dict[str, Any]:
    return {**SECURITY, **more}


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        (changed(kind="Other"), "must be a PodSecurityConfiguration of pod-security"),
        (changed(exemption={}), "PodSecurityConfiguration has no field 'exemption'"),
        (changed(defaults={"enforce": "high"}), "defaults.enforce: 'high' must be one of"),
        (changed(defaults={"warn-version": "1.3"}), "defaults.warn-version: '1.3' must be"),
        (changed(defaults=[]), ""),
        (changed(defaults=["x"]), "defaults must be a map"),
        (changed(exemptions={"users": []}), "exemptions has no field 'users'"),
        (changed(exemptions={"usernames": [""]}), "exemptions.usernames[0]: '' must not be empty"),
        (changed(exemptions={"namespaces": ["a", "a"]}), "namespaces[1]: 'a' is there twice"),
        (changed(exemptions={"namespaces": ["A"]}), "exemptions.namespaces[0]: 'A' is no name"),
        (changed(exemptions={"runtimeClasses": "vm"}), "runtimeClasses must be a list of texts"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, configured: Any, said: str) -> None:
    file = written(tmp_path, configured)
    if not said:
        plugins.configured(file)
        return
    with pytest.raises(BadConfiguration, match=re.escape(said)) as problem:
        plugins.configured(file)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "Other"}, "must be an AdmissionConfiguration of apiserver.config.k8s.io/v1"),
        ({"plugin": []}, "AdmissionConfiguration has no field 'plugin'"),
        ({"plugins": {}}, ""),
        ({"plugins": [{"configuration": {}}]}, "plugins[0] needs a name"),
        ({"plugins": [{"name": "PodSecurity", "path": "x"}] * 2}, "x cannot be read (No such"),
        ({"plugins": [{"name": "A", "configuration": {}}] * 2}, "plugins[1]: A is there twice"),
        ({"plugins": [{"name": "A", "configuration": {}}]}, "plugin A takes no configuration"),
        ({"plugins": [{"name": "A"}]}, "plugins[0] needs one of configuration and path"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = written(tmp_path, **change)
    if not said:
        assert plugins.configured(file) == plugins.Configured()
        return
    with pytest.raises(BadConfiguration, match=re.escape(said)):
        plugins.configured(file)


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("a: [")
    with pytest.raises(BadConfiguration, match=r"broken\.yaml is no YAML"):
        plugins.configured(file)


def test_a_plugin_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "pods.yaml").write_text(yaml.safe_dump(SECURITY))
    file = written(tmp_path, plugins=[{"name": "PodSecurity", "path": "pods.yaml"}])
    assert plugins.configured(file).pod_security.usernames == {"robot"}
