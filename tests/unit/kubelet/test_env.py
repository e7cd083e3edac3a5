"""Environments: precedence, references, expansion, service variables."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import status as errors
from kubelet import env, envfiles
from kubelet.env import ConfigMissingError, Environment, ServiceView, expand
from kubelet.options import Capacity, Options

CAPACITY = Capacity(4000, 8 << 30, 100 << 30)


class Api:
    def __init__(self, **objects: dict) -> None:
        self.objects = objects

    async def get(self, resource, name, namespace=""):
        key = f"{resource.plural}_{name}"
        if key not in self.objects:
            raise errors.not_found(resource.plural, name)
        return self.objects[key]


class Mirror(dict):
    """What an informer of services shows."""

    async def synced(self) -> None: ...


def options(tmp_path) -> Options:
    return Options("node-1", tmp_path, address="10.0.0.1")


def pod(**spec) -> dict:
    return {
        "metadata": {
            "name": "web", "namespace": "default", "uid": "u", "labels": {"app": "web"},
            "annotations": {"a": 'x"y'},
        },
        "spec": {"nodeName": "node-1", "serviceAccountName": "default", **spec},
    }  # fmt: skip


async def resolve(
    tmp_path, container, api=None, services=(), the_pod=None, files=()
) -> dict[str, str]:
    async def read(volume: str, path: str) -> bytes | None:
        return dict(files).get(f"{volume}/{path}")

    mirror = Mirror({view.name: view for view in services})
    environment = Environment(api or Api(), options(tmp_path), CAPACITY, mirror)
    return dict(await environment.resolve(the_pod or pod(), container, ("10.1.0.5",), read))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)", "1"),
        ("$$(A)", "$(A)"),
        ("$(B)", "$(B)"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("x$(A)$(A)y", "x11y"),
        ("$", "$"),
        ("$$", "$"),
        ("$()", "$()"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_dollars_stays(text: str) -> None:
    assert expand(text, {"A": "1"}) == text


@given(st.text())
def test_a_doubled_dollar_is_the_way_to_write_any_text(text: str) -> None:
    assert expand(text.replace("$", "$$"), {}) == text


async def test_env_wins_over_env_from_and_both_over_services(tmp_path) -> None:
    api = Api(configmaps_c={"data": {"A": "map", "B": "map", "DB_SERVICE_HOST": "mine"}})
    container = {
        "envFrom": [{"configMapRef": {"name": "c"}}],
        "env": [
            {"name": "A", "value": "own"},
            {"name": "C", "value": "$(B)-$(A)-$(DB_SERVICE_PORT)"},
        ],
    }
    db = ServiceView("default", "db", "10.96.0.9", (("", 5432, "TCP"),))
    values = await resolve(tmp_path, container, api, [db])
    assert values["A"] == "own"
    assert values["B"] == "map"
    assert values["C"] == "map-own-5432"
    assert values["DB_SERVICE_HOST"] == "mine"


async def test_a_prefix_and_a_secret(tmp_path) -> None:
    secret = {"data": {"pass": base64.b64encode(b"s3").decode()}}
    container = {
        "envFrom": [{"secretRef": {"name": "s"}, "prefix": "X_"}],
        "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pass"}}}],
    }
    values = await resolve(tmp_path, container, Api(secrets_s=secret))
    assert values == {"X_pass": "s3", "P": "s3"}


async def test_missing_things_are_named(tmp_path) -> None:
    with pytest.raises(ConfigMissingError, match='configmap "c" not found'):
        await resolve(tmp_path, {"envFrom": [{"configMapRef": {"name": "c"}}]})
    reference = {"name": "c", "key": "k"}
    container = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": reference}}]}
    with pytest.raises(ConfigMissingError, match="couldn't find key k in ConfigMap default/c"):
        await resolve(tmp_path, container, Api(configmaps_c={"data": {}}))


async def test_optional_things_may_be_missing(tmp_path) -> None:
    reference = {"name": "c", "key": "k", "optional": True}
    container = {
        "envFrom": [{"configMapRef": {"name": "c", "optional": True}}],
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": reference}}],
    }
    assert await resolve(tmp_path, container) == {}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations", 'a="x\\"y"'),
        ("status.podIP", "10.1.0.5"),
        ("status.hostIP", "10.0.0.1"),
        ("spec.nodeName", "node-1"),
    ],
)
async def test_field_references(tmp_path, path: str, value: str) -> None:
    container = {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}
    assert await resolve(tmp_path, container) == {"A": value}


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", "1", "1"),
        ("limits.cpu", "1m", "250"),
        ("requests.memory", "1Mi", "64"),
        ("limits.memory", "1Gi", "8"),
        ("requests.cpu", "0", "0"),
    ],
)
def test_resource_references(resource: str, divisor: str, value: str) -> None:
    spec = {"resources": {"limits": {"cpu": "250m"}, "requests": {"memory": "64Mi"}}}
    reference = {"resource": resource, "divisor": divisor}
    assert env.resource_value(pod(), spec, reference, CAPACITY) == value


async def test_services_of_other_namespaces_are_not_told_but_the_api_is(tmp_path) -> None:
    services = [
        ServiceView("other", "db", "10.96.0.9", (("", 1, "TCP"),)),
        ServiceView("default", "kubernetes", "10.96.0.1", (("https", 443, "TCP"),)),
        ServiceView("default", "headless", "None", (("", 1, "TCP"),)),
    ]
    the_pod = pod(enableServiceLinks=False)
    values = await resolve(tmp_path, {}, services=services, the_pod=the_pod)
    assert values["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert values["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"
    assert values["KUBERNETES_PORT_443_TCP"] == "tcp://10.96.0.1:443"
    assert not any("DB" in key or "HEADLESS" in key for key in values)


def test_a_login_is_shown_only_to_its_registry() -> None:
    auth = base64.b64encode(b"me:pw").decode()
    auths = {"https://index.docker.io/v1/": {"auth": auth}, "ghcr.io": {"username": "u"}}
    text = base64.b64encode(json.dumps({"auths": auths}).encode()).decode()
    secret = {"data": {".dockerconfigjson": text}}
    (login,) = env.credentials(secret, "docker.io")
    assert (login.username, login.password) == ("me", "pw")
    assert env.credentials(secret, "evil.example") == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A='x y'\nB='2'\n", {"A": "x y", "B": "2"}),
        ("# A='no'\n\nA=plain \n", {"A": "plain"}),
        ("A='two\nlines' # said\nB='$(A)'", {"A": "two\nlines", "B": "$(A)"}),
        ("A='1'\nA='2'", {"A": "2"}),
        ("nothing\n=x\n", {}),
    ],
)
def test_files_of_variables(text: str, values: dict[str, str]) -> None:
    assert envfiles.parse(text) == values


async def test_a_variable_from_a_file(tmp_path) -> None:
    def entry(name: str, key: str, *, path: str = "env", optional: bool = False) -> dict:
        reference = {"volumeName": "v", "path": path, "key": key, "optional": optional}
        return {"name": name, "valueFrom": {"fileKeyRef": reference}}

    files = [("v/env", b"A='1'")]
    entries = [entry("X", "A"), entry("Y", "B", optional=True), {"name": "Z", "value": "$(X)2"}]
    found = await resolve(tmp_path, {"env": entries}, files=files)
    assert (found["X"], found["Z"], "Y" in found) == ("1", "12", False)
    for bad in (entry("X", "B"), entry("X", "A", path="no")):
        with pytest.raises(ConfigMissingError, match="of volume v"):
            await resolve(tmp_path, {"env": [bad]}, files=files)
