"""Claims and volumes: who takes which, what is made, what is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.volumes import model, plan
from controllers.volumes.model import LOCAL, StorageClass

NODE = plan.Node("n1", {"kubernetes.io/hostname": "n1"})
LAZY = StorageClass("local-path", LOCAL, True, "Delete")


def claim(size: str = "1Gi", status: Any = None, uid: str = "c1", **spec: Any) -> model.Claim:
    annotations = spec.pop("annotations", {})
    return model.claim_of(
        {
            "metadata": {
                "name": "data",
                "namespace": "default",
                "uid": uid,
                "annotations": annotations,
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": size}},
                **spec,
            },
            "status": status or {},
        }
    )


def volume(name: str = "v1", size: str = "1Gi", **more: Any) -> model.Volume:
    labels = more.pop("labels", {})
    phase = more.pop("phase", "Available")
    return model.volume_of(
        {
            "metadata": {"name": name, "uid": name, "labels": labels},
            "spec": {
                "capacity": {"storage": size},
                "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
                "hostPath": {"path": "/x"},
                **more,
            },
            "status": {"phase": phase},
        }
    )


def reference(uid: str, name: str = "data") -> dict[str, str]:
    return {"namespace": "default", "name": name, "uid": uid}


def step(wanted: model.Claim, *volumes: model.Volume, **more: Any) -> plan.Step:
    named = next((one for one in volumes if one.meta.name == wanted.volume), None)
    return plan.for_claim(wanted, named, volumes, more.get("cls"), more.get("node"))


def test_the_smallest_that_suits() -> None:
    volumes = volume("big", "9Gi"), volume("fit", "2Gi"), volume("tiny", "1Mi")
    assert step(claim("1Gi"), *volumes) == plan.Bind("fit")


@pytest.mark.parametrize(
    "other",
    [
        volume(storageClassName="fast"),
        volume(accessModes=["ReadWriteMany"]),
        volume(volumeMode="Block"),
        volume(claimRef=reference("x", "somebody")),
        volume(claimRef=reference("an-earlier-claim")),
        volume(phase="Released"),
    ],
)
def test_what_does_not_suit(other: model.Volume) -> None:
    found = step(claim(), other)
    assert isinstance(found, plan.Wait)
    assert found.reason == "FailedBinding"


def test_a_selector_chooses() -> None:
    wanted = claim(selector={"matchLabels": {"disk": "ssd"}})
    assert step(wanted, volume("a"), volume("b", labels={"disk": "ssd"})) == plan.Bind("b")


def test_what_is_kept_by_name_comes_first() -> None:
    kept = volume("kept", "9Gi", claimRef={"namespace": "default", "name": "data"})
    assert step(claim(), volume("free"), kept) == plan.Bind("kept")


def test_a_class_that_waits_for_the_pod() -> None:
    wanted = claim(storageClassName="local-path")
    found = step(wanted, cls=LAZY)
    assert isinstance(found, plan.Wait)
    assert found.reason == "WaitForFirstConsumer"
    assert step(wanted, cls=LAZY, node=NODE) == plan.Provision(NODE, LAZY)


def test_a_volume_of_another_node_is_not_taken_by_a_class_that_waits() -> None:
    elsewhere = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n2"]}
    terms = {"required": {"nodeSelectorTerms": [{"matchExpressions": [elsewhere]}]}}
    there = volume(storageClassName="local-path", nodeAffinity=terms)
    wanted = claim(storageClassName="local-path")
    assert step(wanted, there, cls=LAZY, node=NODE) == plan.Provision(NODE, LAZY)


@pytest.mark.parametrize("spec", [{"accessModes": ["ReadWriteMany"]}, {"volumeMode": "Block"}])
def test_what_a_directory_cannot_be_is_refused(spec: dict[str, Any]) -> None:
    found = step(claim(storageClassName="local-path", **spec), cls=LAZY, node=NODE)
    assert isinstance(found, plan.Wait)
    assert (found.reason, found.bad) == ("ProvisioningFailed", True)


def test_others_provisioners_are_asked() -> None:
    cls = StorageClass("fast", "csi.example.com", False, "Delete")
    found = step(claim(storageClassName="fast"), cls=cls)
    assert found == plan.AskProvisioner("csi.example.com", "")


def test_a_claim_that_was_bound_never_takes_another() -> None:
    bound = claim(volumeName="gone", annotations={model.COMPLETED: "yes"})
    assert isinstance(step(bound, volume("other")), plan.Lost)
    fresh = step(claim(volumeName="gone"), volume("other"))
    assert isinstance(fresh, plan.Wait)
    misbound = claim(volumeName="v1", annotations={model.COMPLETED: "yes"})
    assert isinstance(step(misbound, volume(claimRef=reference("other"))), plan.Lost)


def test_phases() -> None:
    bound = claim(volumeName="v1")
    assert plan.phase_of(volume(), None) == "Available"
    assert plan.phase_of(volume(claimRef=reference("c1")), bound) == "Bound"
    assert plan.phase_of(volume(claimRef=reference("c1")), None) == "Released"
    assert plan.phase_of(volume(claimRef=reference("c1")), claim(uid="c2")) == "Released"


@given(st.lists(st.integers(1, 50), max_size=8), st.integers(1, 50))
def test_no_claim_gets_less_than_it_asks_for(sizes: list[int], wanted: int) -> None:
    volumes = [volume(f"v{n}", f"{size}Gi") for n, size in enumerate(sizes)]
    found = step(claim(f"{wanted}Gi"), *volumes)
    enough = [size for size in sizes if size >= wanted]
    if enough:
        assert isinstance(found, plan.Bind)
        assert sizes[int(found.volume[1:])] == min(enough)
    else:
        assert isinstance(found, plan.Wait)
