"""What a claim is filled from, said in the old way and in the new one."""

import pytest

from apimachinery import scheme
from apimachinery.wire import UserInfo
from apiserver.registry.claims import Claims
from apiserver.registry.strategy import Context

CLAIM = {"kind": "PersistentVolumeClaim", "name": "a"}
SNAPSHOT = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "a"}
OTHER = {"apiGroup": "example.com", "kind": "Backup", "name": "a"}
FAR = {**SNAPSHOT, "namespace": "far"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, {}),
        ({"dataSource": CLAIM}, {"dataSource": CLAIM, "dataSourceRef": CLAIM}),
        ({"dataSourceRef": SNAPSHOT}, {"dataSource": SNAPSHOT, "dataSourceRef": SNAPSHOT}),
        ({"dataSource": OTHER}, {}),
        ({"dataSourceRef": OTHER}, {"dataSource": OTHER, "dataSourceRef": OTHER}),
        ({"dataSourceRef": FAR}, {"dataSourceRef": FAR}),
    ],
)
def test_both_ways_are_said(given, kept):
    obj = {"metadata": {"name": "c"}, "spec": dict(given)}
    strategy = Claims(scheme.PERSISTENTVOLUMECLAIMS)
    strategy.prepare_create(obj, Context(user=UserInfo("u"), now=0.0))
    assert obj["spec"] == kept
    assert obj["status"] == {"phase": "Pending"}
