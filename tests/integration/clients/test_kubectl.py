"""Real kubectl on a custom resource, from its definition to its end."""

import json
from typing import Any

import pytest

from bireme.testing import Cluster, ClusterError

from . import widgets


def apply(cluster: Cluster, obj: dict[str, Any], *flags: str) -> str:
    return cluster.kubectl("apply", *flags, "-f", "-", stdin=json.dumps(obj))


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_get_shows_the_definitions_columns(cluster: Cluster) -> None:
    apply(cluster, widgets.widget())
    head, row = rows(cluster.kubectl("get", "wd"))
    assert head == ["NAME", "SIZE", "READY", "AGE"]
    assert row[:2] == ["a", "3"]
    assert rows(cluster.kubectl("get", "wd", "-o", "wide"))[0] == [
        "NAME", "SIZE", "READY", "COLOR", "AGE",
    ]  # fmt: skip


def test_get_all_includes_the_category(cluster: Cluster) -> None:
    apply(cluster, widgets.widget())
    assert "widget.example.com/a" in cluster.kubectl("get", "all")


def test_explain(cluster: Cluster) -> None:
    assert "How big it is." in cluster.kubectl("explain", "widget.spec.size")
    assert "weight\t<integer>" in cluster.kubectl("explain", "widget", "--recursive")


def test_apply_three_ways(cluster: Cluster) -> None:
    parts = [{"name": "x", "weight": 1}, {"name": "z", "weight": 2}]
    assert "created" in apply(cluster, widgets.widget(parts=parts))
    assert "unchanged" in apply(cluster, widgets.widget(parts=parts))
    assert "configured" in apply(cluster, widgets.widget(parts=parts[:1], size=4))
    spec = json.loads(cluster.kubectl("get", "wd", "a", "-o", "json"))["spec"]
    assert spec == {"size": 4, "color": "red", "parts": [{"name": "x", "weight": 1}]}


def test_server_side_apply_names_the_conflict(cluster: Cluster) -> None:
    apply(cluster, widgets.widget(), "--server-side", "--field-manager=one")
    with pytest.raises(ClusterError, match=r'conflict with "one": \.spec\.size'):
        apply(cluster, widgets.widget(size=4), "--server-side", "--field-manager=two")
    forced = ("--server-side", "--field-manager=two", "--force-conflicts")
    assert "serverside-applied" in apply(cluster, widgets.widget(size=4), *forced)


def test_an_unknown_field_is_named(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r'unknown field "spec\.sise"'):
        apply(cluster, widgets.widget(sise=1))


def test_scale_and_wait(cluster: Cluster) -> None:
    apply(cluster, widgets.widget())
    assert "scaled" in cluster.kubectl("scale", "widget/a", "--replicas=5")
    condition = {"type": "Ready", "status": "True"}
    change = json.dumps({"status": {"conditions": [condition]}})
    cluster.kubectl("patch", "wd", "a", "--type=merge", "--subresource=status", "-p", change)
    assert "condition met" in cluster.kubectl("wait", "wd/a", "--for=condition=Ready")
    assert rows(cluster.kubectl("get", "wd"))[1][:3] == ["a", "5", "True"]


def test_field_selectors(cluster: Cluster) -> None:
    apply(cluster, widgets.widget("r"))
    apply(cluster, widgets.widget("b", color="blue"))
    names = ("-o", "name", "--field-selector")
    assert cluster.kubectl("get", "wd", *names, "spec.color=blue").split() == [
        "widget.example.com/b"
    ]
    with pytest.raises(ClusterError, match="field label not supported"):
        cluster.kubectl("get", "wd", "--field-selector", "spec.size=3")


def test_edit_like_commands(cluster: Cluster) -> None:
    apply(cluster, widgets.widget())
    cluster.kubectl("label", "wd", "a", "x=y")
    cluster.kubectl("annotate", "wd", "a", "x=y")
    assert "size: 3" in cluster.kubectl("get", "wd", "-l", "x=y", "-o", "yaml")
    assert "Size:" in cluster.kubectl("describe", "wd", "a")
    replaced = json.dumps(widgets.widget(size=7))
    cluster.kubectl("replace", "-f", "-", stdin=replaced)
    assert cluster.kubectl("get", "wd", "a", "-o", "jsonpath={.spec.size}") == "7"


def test_deleting_the_definition_deletes_its_objects(bireme_cluster_function: Cluster) -> None:
    cluster = bireme_cluster_function
    apply(cluster, widgets.definition())
    apply(cluster, widgets.widget())
    cluster.kubectl("delete", "crd", "widgets.example.com", "--timeout=10s")
    with pytest.raises(ClusterError):
        cluster.kubectl("get", "wd")
    apply(cluster, widgets.definition())
    assert cluster.kubectl("get", "widgets.example.com") == ""


def test_a_namespace_takes_its_objects_along(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "going")
    apply(cluster, widgets.widget() | {"metadata": {"name": "a", "namespace": "going"}})
    cluster.kubectl("delete", "namespace", "going", "--timeout=10s")
    assert cluster.kubectl("get", "wd", "-A") == ""
