"""Deciding what to do for one claim, and what becomes of one volume. Pure.

The rules are Kubernetes': a claim takes the smallest volume that suits it and is kept for nobody
else; one that was bound never takes another; a class may wait for a pod's node. Neighbours:
`volumes.model` has the nouns, `volumes.controller` acts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apimachinery import node_selector
from apimachinery.wire import JsonObject
from controllers.volumes.model import (
    LAZY,
    LOCAL,
    PROVISIONED_BY,
    SELECTED_NODE,
    Claim,
    StorageClass,
    Volume,
)

LOCAL_CLASS = "local-path"
"""The class of the nodes' own disks, under the name that users of small clusters know."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
LOCAL_MODES = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
"""What a directory on one node can be."""


@dataclass(frozen=True, slots=True)
class Node:
    """Where the first pod that uses a claim runs."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Bind:
    """Make the claim and this volume each other's."""

    volume: str


@dataclass(frozen=True, slots=True)
class Provision:
    """Make a volume of ours on this node."""

    node: Node
    storage_class: StorageClass


@dataclass(frozen=True, slots=True)
class AskProvisioner:
    """Somebody else's provisioner makes the volume."""

    provisioner: str
    node: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim's data are gone, or were never its own."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done now; an Event says why."""

    reason: str
    message: str
    bad: bool = False


Step = Bind | Provision | AskProvisioner | Lost | Wait


def for_claim(
    claim: Claim,
    named: Volume | None,
    candidates: Iterable[Volume],
    storage_class: StorageClass | None,
    node: Node | None,
) -> Step:
    """`named` is the volume of spec.volumeName; `candidates` are kept for nobody, or for this one."""
    if claim.volume:
        return _for_named(claim, named)
    candidates = list(candidates)
    reserved = [volume for volume in candidates if _is_kept_for(volume, claim)]
    if reserved:
        return Bind(reserved[0].meta.name)
    lazy = storage_class is not None and storage_class.lazy
    if lazy and node is None:
        return Wait(
            "WaitForFirstConsumer", "waiting for first consumer to be created before binding"
        )
    suiting = [volume for volume in candidates if suits(volume, claim, node if lazy else None)]
    if suiting:
        return Bind(min(suiting, key=lambda one: (one.size, one.meta.name)).meta.name)
    return _made(claim, storage_class, node)


def _for_named(claim: Claim, named: Volume | None) -> Step:
    if named is None:
        if claim.completed:
            text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
            return Lost("ClaimLost", text)
        return Wait("FailedBinding", f'volume "{claim.volume}" not found.', bad=True)
    if not named.claim_key or _is_kept_for(named, claim):
        return Bind(named.meta.name)
    if claim.completed:
        text = "Two claims are bound to the same volume, this one is bound incorrectly"
        return Lost("ClaimMisbound", text)
    text = f'volume "{claim.volume}" already bound to a different claim.'
    return Wait("FailedBinding", text, bad=True)


def _is_kept_for(volume: Volume, claim: Claim) -> bool:
    return volume.claim_key == claim.meta.key and volume.claim_uid in ("", claim.meta.uid)


def suits(volume: Volume, claim: Claim, node: Node | None) -> bool:
    """Whether a volume that nobody has is good for the claim (on that node)."""
    return (
        not volume.claim_key
        and not volume.meta.deleting
        and volume.phase in ("", "Pending", "Available")
        and volume.storage_class == (claim.storage_class or "")
        and volume.volume_mode == claim.volume_mode
        and volume.size >= claim.size
        and claim.modes <= volume.modes
        and claim.selector.matches(volume.meta.labels)
        and (node is None or _reaches(volume, node))
    )


def _reaches(volume: Volume, node: Node) -> bool:
    return volume.terms is None or node_selector.any_term(volume.terms, node.name, node.labels)


def _made(claim: Claim, storage_class: StorageClass | None, node: Node | None) -> Step:
    if storage_class is None or storage_class.provisioner == NO_PROVISIONER:
        if claim.storage_class and storage_class is None:
            text = f'storageclass.storage.k8s.io "{claim.storage_class}" not found'
            return Wait("ProvisioningFailed", text, bad=True)
        text = "no persistent volumes available for this claim and no storage class is set"
        return Wait("FailedBinding", text)
    if storage_class.provisioner != LOCAL:
        return AskProvisioner(storage_class.provisioner, node.name if node else "")
    if claim.volume_mode != "Filesystem" or not claim.modes <= LOCAL_MODES:
        text = (
            f'storage class "{storage_class.name}" makes directories on one node: '
            "only ReadWriteOnce and ReadWriteOncePod file systems"
        )
        return Wait("ProvisioningFailed", text, bad=True)
    if node is None:
        text = (
            f'storage class "{storage_class.name}" makes directories on nodes: '
            "its volumeBindingMode must be WaitForFirstConsumer"
        )
        return Wait("ProvisioningFailed", text, bad=True)
    return Provision(node, storage_class)


def phase_of(volume: Volume, claim: Claim | None) -> str:
    """What the volume's status says; `claim` is the one of its claimRef, if that exists."""
    if not volume.claim_key or not volume.claim_uid:
        return "Available"
    if claim is None or claim.meta.uid != volume.claim_uid:
        return "Released"
    if claim.volume == volume.meta.name:
        return "Bound"
    # Half way to a claim that has not heard of it, or that took another.
    return "Released" if claim.volume else (volume.phase or "Pending")


def local_class() -> JsonObject:
    """The default class: a directory on the node where the first pod runs."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": LOCAL_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": LOCAL,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": LAZY,
    }


def local_volume(claim: Claim, storage_class: StorageClass, node: Node) -> JsonObject:
    """A volume on a node's disk: a name for the agent, who alone knows where it lies."""
    name = f"pvc-{claim.meta.uid}"
    host = node.labels.get("kubernetes.io/hostname", node.name)
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {PROVISIONED_BY: LOCAL, SELECTED_NODE: node.name},
        },
        "spec": {
            "capacity": {"storage": claim.request},
            "accessModes": sorted(claim.modes),
            "claimRef": reference(claim),
            "persistentVolumeReclaimPolicy": storage_class.reclaim,
            "storageClassName": storage_class.name,
            "volumeMode": claim.volume_mode,
            "csi": {"driver": LOCAL, "volumeHandle": name},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def reference(claim: Claim) -> JsonObject:
    """How a volume names its claim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": claim.meta.namespace,
        "name": claim.meta.name,
        "uid": claim.meta.uid,
    }
