"""helm, unmodified: a chart with values and hooks, through its whole life."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bireme.testing import Cluster

HELM = Path(__file__).parents[3] / ".clients" / "helm" / "helm"
"""`make clients` puts it there."""

CHART = """
apiVersion: v2
name: shop
version: 0.1.0
appVersion: "1.2"
"""
VALUES = "replicas: 1\ncolour: red\n"
TEMPLATES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {colour: "{{ .Values.colour }}"}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {app: "{{ .Release.Name }}"}
  ports: [{port: 80, name: http}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec: {containers: [{name: web, image: busybox}]}
"""
HOOK = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: "{{ .Release.Name }}-before"
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
data: {revision: "{{ .Release.Revision }}"}
"""
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shelves.shop.example.com}
spec:
  group: shop.example.com
  scope: Namespaced
  names: {kind: Shelf, plural: shelves, singular: shelf}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object}}}}
"""
SHELF = """
apiVersion: shop.example.com/v1
kind: Shelf
metadata: {name: "{{ .Release.Name }}"}
spec: {}
"""

Helm = Callable[..., str]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    files = {
        "Chart.yaml": CHART,
        "values.yaml": VALUES,
        "templates/all.yaml": TEMPLATES,
        "templates/hook.yaml": HOOK,
    }
    for name, text in files.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop"


@pytest.fixture
def helm(bireme_cluster_function: Cluster, tmp_path: Path) -> Helm:
    homes = {
        f"HELM_{kind}_HOME": str(tmp_path / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
    }

    def run(*arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [str(HELM), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=bireme_cluster_function.environment() | homes,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture
def get(bireme_cluster_function: Cluster) -> Callable[[str, str], str]:
    """One field of an object."""

    def read(what: str, path: str) -> str:
        return bireme_cluster_function.kubectl("get", *what.split(), "-o", f"jsonpath={path}")

    return read


def test_the_life_of_a_release(helm: Helm, get: Callable[..., str], chart: Path) -> None:
    assert "STATUS: deployed" in helm("install", "one", chart)
    assert get("configmap one", "{.data.colour}") == "red"
    assert get("configmap one-before", "{.data.revision}") == "1"

    helm("upgrade", "one", chart, "--set", "colour=blue,replicas=2")
    assert get("configmap one", "{.data.colour}") == "blue"
    assert get("deployment one", "{.spec.replicas}") == "2"
    assert get("configmap one-before", "{.data.revision}") == "2"

    helm("rollback", "one", "1")
    assert get("configmap one", "{.data.colour}") == "red"
    history = json.loads(helm("history", "one", "-o", "json"))
    assert [(one["revision"], one["status"]) for one in history] == [
        (1, "superseded"),
        (2, "superseded"),
        (3, "deployed"),
    ]

    helm("uninstall", "one")
    assert (
        get("configmaps,services,deployments -l app.kubernetes.io/managed-by=Helm", "{.items}")
        == "[]"
    )
    assert json.loads(helm("list", "-o", "json")) == []


def test_releases_are_listed(helm: Helm, chart: Path) -> None:
    helm("install", "one", chart)
    helm("install", "two", chart, "--namespace", "apart", "--create-namespace")
    (found,) = json.loads(helm("list", "-o", "json"))
    assert (found["name"], found["status"], found["chart"]) == ("one", "deployed", "shop-0.1.0")
    everywhere = json.loads(helm("list", "--all-namespaces", "-o", "json"))
    assert sorted(one["name"] for one in everywhere) == ["one", "two"]


def test_the_status_shows_objects(helm: Helm, chart: Path) -> None:
    helm("install", "one", chart)
    found = helm("status", "one")
    assert "==> v1/Deployment" in found
    assert "==> v1/Service" in found


def test_a_dry_run_on_the_server_stores_nothing(
    helm: Helm, get: Callable[..., str], chart: Path
) -> None:
    assert 'colour: "red"' in helm("install", "one", chart, "--dry-run=server")
    assert get("configmaps one --ignore-not-found", "{.metadata.name}") == ""


def test_objects_of_others_are_not_taken_over(
    helm: Helm, bireme_cluster_function: Cluster, chart: Path
) -> None:
    bireme_cluster_function.kubectl("create", "configmap", "one")
    assert "cannot be imported into the current release" in helm("install", "one", chart, code=1)


def test_client_side_merges(helm: Helm, get: Callable[..., str], chart: Path) -> None:
    """As all releases of version 3 were made."""
    helm("install", "one", chart, "--server-side=false")
    helm("upgrade", "one", chart, "--server-side=false", "--set", "colour=blue")
    assert get("configmap one", "{.data.colour}") == "blue"


def test_definitions_come_first(helm: Helm, get: Callable[..., str], chart: Path) -> None:
    (chart / "crds").mkdir()
    (chart / "crds" / "shelf.yaml").write_text(DEFINITION)
    (chart / "templates" / "shelf.yaml").write_text(SHELF)
    helm("install", "one", chart)
    assert get("shelves one", "{.metadata.name}") == "one"


def test_a_value_that_does_not_fit(helm: Helm, chart: Path) -> None:
    told = helm("install", "one", chart, "--set", "replicas=-1", code=1)
    assert "spec.replicas: Invalid value: -1: must be greater than or equal to 0" in told
