"""Tables: ages, cells, columns, and what each kind prints."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import scheme, table
from apimachinery.table import Cells, IncludeObject, human_duration
from apimachinery.tables.base import Since

BORN = "2026-11-24T07:00:00Z"
NOW = 1_795_503_600.0 + 17  # BORN and 17 seconds


def meta(name: str = "x", **more: Any) -> dict[str, Any]:
    return {"name": name, "creationTimestamp": BORN, **more}


def printed(group: str, kind: str, obj: dict[str, Any]) -> dict[str, Any]:
    """The row as a dict by column name."""
    printer = table.printer(group, kind)
    cells = printer.cells(obj).fill(NOW)
    return {column.name: cell for column, cell in zip(printer.columns, cells, strict=True)}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (5 * 86400 + 3 * 3600, "5d3h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages_read_as_in_kubectl(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


CELL = st.one_of(
    st.text(max_size=5),
    st.integers(-9, 9),
    st.booleans(),
    st.builds(Since, st.floats(0, 1e9), st.text(max_size=3), st.text(max_size=3)),
)


@given(st.lists(CELL, max_size=6))
def test_json_and_filled_cells_are_the_same(values: list[Any]) -> None:
    cells = Cells(values)
    assert orjson.loads(cells.json(NOW)) == cells.fill(NOW)


def test_ages_are_read_late() -> None:
    cells = table.printer("", "ConfigMap").cells({"metadata": meta()})
    assert cells.fill(NOW) == ["x", 0, "17s"]
    assert cells.json(NOW + 3600) == b'["x",0,"60m"]'


def test_every_printer_survives_an_empty_object() -> None:
    for resource in scheme.builtin().all():
        printer = table.printer(resource.group, resource.kind)
        assert len(printer.cells({}).fill(NOW)) == len(printer.columns)


def test_kinds_without_a_printer_show_name_and_age() -> None:
    assert printed("example.com", "Widget", {"metadata": meta()}) == {"Name": "x", "Age": "17s"}


def test_rows_carry_metadata_unless_told() -> None:
    obj = {"kind": "ConfigMap", "metadata": meta(), "data": {"a": "b"}}
    cells = table.printer("", "ConfigMap").cells(obj)
    assert table.row(cells, NOW, obj)["object"] == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta(),
    }
    assert table.row(cells, NOW, obj, IncludeObject.OBJECT)["object"] == obj
    assert table.row(cells, NOW, obj, IncludeObject.NONE)["object"] is None


@pytest.mark.parametrize(("phase", "said"), [("Succeeded", 1), ("Failed", 1), ("Running", 0)])
def test_rows_of_pods_tell_that_they_have_ended(phase: str, said: int) -> None:
    obj = {"metadata": meta(), "status": {"phase": phase}}
    cells = table.printer("", "Pod").cells(obj)
    found = table.row(cells, NOW, obj).get("conditions", [])
    assert [one["reason"] for one in found] == [phase] * said
    ready = orjson.loads(table.row_json(cells, NOW, orjson.dumps(table.partial_metadata(obj))))
    assert ready == table.row(cells, NOW, obj)


def test_only_some_metrics_of_an_autoscaler_are_shown() -> None:
    metric = {"type": "Pods", "pods": {"target": {"averageValue": "1"}}}
    obj = {"metadata": meta(), "spec": {"metrics": [metric] * 4}}
    cells = table.printer("autoscaling", "HorizontalPodAutoscaler").cells(obj).fill(NOW)
    assert cells[2] == "<unknown>/1, <unknown>/1 + 2 more..."


def test_ready_bytes_make_the_same_table() -> None:
    obj = {"metadata": meta()}
    printer = table.printer("", "ConfigMap")
    cells = printer.cells(obj)
    partial = table.partial_metadata(obj)
    rows = [table.row_json(cells, NOW, orjson.dumps(partial)), table.row_json(cells, NOW)]
    made = orjson.loads(table.table_json(printer, rows, {"resourceVersion": "7"}))
    expected = table.table(
        printer,
        [table.row(cells, NOW, obj), table.row(cells, NOW, obj, IncludeObject.NONE)],
        {"resourceVersion": "7"},
    )
    assert made == expected
    assert made["columnDefinitions"][0]["format"] == "name"


def test_later_watch_events_have_no_columns() -> None:
    made = table.table(table.GENERIC, [], {}, with_columns=False)
    assert made["columnDefinitions"] is None


def test_a_deployment() -> None:
    row = printed(
        "apps",
        "Deployment",
        {
            "metadata": meta("dep"),
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "dep"}},
                "template": {"spec": {"containers": [{"name": "app", "image": "nginx:2"}]}},
            },
            "status": {"replicas": 2, "updatedReplicas": 1},
        },
    )
    assert list(row.values()) == ["dep", "0/2", 1, 0, "17s", "app", "nginx:2", "app=dep"]


def test_a_node() -> None:
    node = {
        "metadata": meta("fake-1", labels={"node-role.kubernetes.io/control-plane": ""}),
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
        },
    }
    row = printed("", "Node", node)
    assert row["Status"] == "Ready,SchedulingDisabled"
    assert row["Roles"] == "control-plane"
    assert row["Internal-IP"] == "10.0.0.1"
    assert row["External-IP"] == "<none>"


def test_a_node_that_reports_nothing() -> None:
    assert printed("", "Node", {"metadata": meta()})["Status"] == "Unknown"


@pytest.mark.parametrize(
    ("spec", "address", "ports"),
    [
        ({"clusterIP": "10.96.0.1", "ports": [{"port": 80}]}, "<none>", "80/TCP"),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080, "protocol": "UDP"}]},
            "<none>",
            "80:30080/UDP",
        ),
        ({"type": "LoadBalancer"}, "<pending>", "<none>"),
        ({"type": "ExternalName", "externalName": "a.b"}, "a.b", "<none>"),
    ],
)
def test_services(spec: dict[str, Any], address: str, ports: str) -> None:
    row = printed("", "Service", {"metadata": meta(), "spec": spec})
    assert row["External-IP"] == address
    assert row["Port(s)"] == ports
    assert row["Cluster-IP"] == spec.get("clusterIP", "<none>")


def test_many_endpoints_are_counted() -> None:
    addresses = [{"ip": f"10.0.0.{n}"} for n in range(5)]
    obj = {"metadata": meta(), "subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}
    text = printed("", "Endpoints", obj)["Endpoints"]
    assert text == "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more..."


def test_an_endpoint_slice() -> None:
    obj = {
        "metadata": meta(),
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"]}],
    }
    row = printed("discovery.k8s.io", "EndpointSlice", obj)
    assert (row["Ports"], row["Endpoints"]) == ("80", "10.0.0.1")


def test_an_event_that_repeats() -> None:
    event = {
        "metadata": meta("e"),
        "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{a}"},
        "type": "Warning",
        "reason": "BackOff",
        "message": " again\n",
        "source": {"component": "kubelet", "host": "n1"},
        "firstTimestamp": BORN,
        "lastTimestamp": BORN,
        "count": 4,
    }
    assert list(printed("", "Event", event).values()) == [
        "17s",
        "Warning",
        "BackOff",
        "pod/web",
        "spec.containers{a}",
        "kubelet, n1",
        "again",
        "17s",
        4,
        "e",
    ]


@pytest.mark.parametrize(
    ("status", "word", "duration"),
    [
        ({}, "Running", ""),
        ({"startTime": BORN}, "Running", "17s"),
        (
            {
                "startTime": BORN,
                "completionTime": "2026-11-24T07:02:30Z",
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            "Complete",
            "2m30s",
        ),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, "Suspended", ""),
    ],
)
def test_jobs(status: dict[str, Any], word: str, duration: str) -> None:
    row = printed(
        "batch", "Job", {"metadata": meta(), "spec": {"completions": 3}, "status": status}
    )
    assert (row["Status"], row["Duration"], row["Completions"]) == (word, duration, "0/3")


def test_an_autoscaler() -> None:
    target = {"type": "Utilization", "averageUtilization": 80}
    obj = {
        "metadata": meta(),
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "web"},
            "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
    assert printed("autoscaling", "HorizontalPodAutoscaler", obj)["Targets"] == "cpu: <unknown>/80%"
    obj["status"] = {
        "currentMetrics": [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 9}}}
        ]
    }
    assert printed("autoscaling", "HorizontalPodAutoscaler", obj)["Targets"] == "cpu: 9%/80%"


def test_a_bound_claim() -> None:
    obj = {
        "metadata": meta(),
        "spec": {"volumeName": "pv1", "storageClassName": "fast"},
        "status": {
            "phase": "Bound",
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
        },
    }
    row = printed("", "PersistentVolumeClaim", obj)
    assert (row["Status"], row["Capacity"], row["Access Modes"]) == ("Bound", "1Gi", "RWO,ROX")


def test_a_quota() -> None:
    status = {"hard": {"pods": "10", "limits.cpu": "4"}, "used": {"pods": "3"}}
    row = printed("", "ResourceQuota", {"metadata": meta(), "status": status})
    assert (row["Request"], row["Limit"]) == ("pods: 3/10", "limits.cpu: 0/4")


def test_roles_of_both_groups_are_different_things() -> None:
    assert "Share" in printed("offers.bireme.dev", "Role", {"metadata": meta()})
    assert "Created At" in printed("rbac.authorization.k8s.io", "Role", {"metadata": meta()})


def test_a_framework() -> None:
    obj = {
        "metadata": meta("f1"),
        "spec": {"name": "toil", "roles": ["batch"]},
        "status": {
            "connected": True,
            "active": True,
            "used": {"gpu": "1", "memory": "1Gi", "cpu": "2"},
        },
    }
    row = printed("offers.bireme.dev", "Framework", obj)
    assert (row["Status"], row["Used"]) == ("Active", "cpu=2,memory=1Gi,gpu=1")


@pytest.mark.parametrize(
    ("group", "kind", "obj", "column", "text"),
    [
        ("", "Node", {"metadata": meta(labels={"kubernetes.io/role": "edge"})}, "Roles", "edge"),
        (
            "certificates.k8s.io",
            "CertificateSigningRequest",
            {
                "spec": {"expirationSeconds": 3600},
                "status": {"conditions": [{"type": "Approved"}], "certificate": "x"},
            },
            "Condition",
            "Approved,Issued",
        ),
        (
            "certificates.k8s.io",
            "CertificateSigningRequest",
            {"status": {"conditions": [{"type": "Denied"}, {"type": "Failed"}]}},
            "Condition",
            "Denied,Failed",
        ),
        (
            "apiregistration.k8s.io",
            "APIService",
            {
                "spec": {"service": {"namespace": "n", "name": "s"}},
                "status": {"conditions": [{"type": "Available", "status": "False", "reason": "R"}]},
            },
            "Available",
            "False (R)",
        ),
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicyBinding",
            {"spec": {"policyName": "p", "paramRef": {"name": "r"}}},
            "ParamRef",
            "*/r",
        ),
        (
            "rbac.authorization.k8s.io",
            "ClusterRoleBinding",
            {"subjects": [{"kind": "ServiceAccount", "namespace": "n", "name": "s"}]},
            "ServiceAccounts",
            "n/s",
        ),
        (
            "networking.k8s.io",
            "IngressClass",
            {"spec": {"parameters": {"apiGroup": "g", "kind": "K", "name": "n"}}},
            "Parameters",
            "K.g/n",
        ),
        (
            "networking.k8s.io",
            "Ingress",
            {"spec": {"tls": [{}], "rules": [{"host": "a.b"}]}},
            "Ports",
            "80, 443",
        ),
        (
            "networking.k8s.io",
            "IPAddress",
            {"spec": {"parentRef": {"resource": "services", "namespace": "n", "name": "s"}}},
            "ParentRef",
            "services/n/s",
        ),
        (
            "discovery.k8s.io",
            "EndpointSlice",
            {"ports": [{"port": n} for n in range(1, 6)]},
            "Ports",
            "1,2,3 + 2 more...",
        ),
        ("batch", "Job", {"spec": {"parallelism": 3}}, "Completions", "0/1 of 3"),
        ("batch", "Job", {"metadata": {"deletionTimestamp": BORN}}, "Status", "Terminating"),
        (
            "batch",
            "Job",
            {"status": {"startTime": "soon", "completionTime": "later"}},
            "Duration",
            "<unknown>",
        ),
        (
            "batch",
            "CronJob",
            {"spec": {"suspend": True}, "status": {"lastScheduleTime": BORN}},
            "Last Schedule",
            "17s",
        ),
        (
            "apps",
            "ControllerRevision",
            {
                "metadata": {
                    "ownerReferences": [
                        {
                            "apiVersion": "apps/v1",
                            "kind": "DaemonSet",
                            "name": "d",
                            "controller": True,
                        }
                    ]
                }
            },
            "Controller",
            "daemonset.apps/d",
        ),
        (
            "storage.k8s.io",
            "StorageClass",
            {"metadata": meta(annotations={"storageclass.kubernetes.io/is-default-class": "true"})},
            "Name",
            "x (default)",
        ),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema", {}, "MissingPL", "?"),
        (
            "",
            "ComponentStatus",
            {"conditions": [{"type": "Healthy", "status": "True", "message": "ok"}]},
            "Status",
            "Healthy",
        ),
        ("offers.bireme.dev", "Framework", {"status": {"removed": True}}, "Status", "Removed"),
        ("", "ConfigMap", {"metadata": {"creationTimestamp": "yesterday"}}, "Age", "<unknown>"),
        (
            "",
            "Endpoints",
            {"subsets": [{"addresses": [{"ip": "fd00::1"}], "ports": [{"port": 1}]}]},
            "Endpoints",
            "[fd00::1]:1",
        ),
        (
            "",
            "Event",
            {"eventTime": BORN, "series": {"count": 7, "lastObservedTime": BORN}},
            "Count",
            7,
        ),
    ],
)
def test_single_cells(group: str, kind: str, obj: Any, column: str, text: Any) -> None:
    assert printed(group, kind, obj)[column] == text


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (
            {"type": "Pods", "pods": {"target": {"averageValue": "10"}}},
            "<unknown>/10",
        ),
        ({"type": "Object", "object": {"target": {"value": "2k"}}}, "<unknown>/2k"),
        ({"type": "Odd"}, "<unknown>"),
    ],
)
def test_targets_of_autoscalers(metric: Any, text: str) -> None:
    obj = {"metadata": meta(), "spec": {"metrics": [metric]}}
    assert printed("autoscaling", "HorizontalPodAutoscaler", obj)["Targets"] == text
