"""Pieces of storage that claims are bound to."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Items, Model, Proto, Quantity, Time, TypedModel
from apimachinery.types.core_affinity import NodeSelector
from apimachinery.types.core_reference import ObjectReference, SecretReference
from apimachinery.types.core_volume import HostPathVolumeSource, NFSVolumeSource
from apimachinery.types.core_volume_plugins import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    FCVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from apimachinery.types.meta import ObjectMeta


class AzureFilePersistentVolumeSource(Model):
    """An Azure file share, as a persistent volume."""

    secret_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="secretName")
    share_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="shareName")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    secret_namespace: Annotated[str, Proto(4)] = Field("", alias="secretNamespace")


class CSIPersistentVolumeSource(Model):
    """A volume of a storage driver, as a persistent volume."""

    driver: Annotated[str, Proto(1), REQUIRED] = ""
    volume_handle: Annotated[str, Proto(2), REQUIRED] = Field("", alias="volumeHandle")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    fs_type: Annotated[str, Proto(4)] = Field("", alias="fsType", description="File system.")
    volume_attributes: Annotated[Mapping[str, str], Proto(5)] = Field(
        default_factory=dict, alias="volumeAttributes"
    )
    controller_publish_secret_ref: Annotated[SecretReference | None, Proto(6)] = Field(
        None, alias="controllerPublishSecretRef"
    )
    node_stage_secret_ref: Annotated[SecretReference | None, Proto(7)] = Field(
        None, alias="nodeStageSecretRef"
    )
    node_publish_secret_ref: Annotated[SecretReference | None, Proto(8)] = Field(
        None, alias="nodePublishSecretRef"
    )
    controller_expand_secret_ref: Annotated[SecretReference | None, Proto(9)] = Field(
        None, alias="controllerExpandSecretRef"
    )
    node_expand_secret_ref: Annotated[SecretReference | None, Proto(10)] = Field(
        None, alias="nodeExpandSecretRef"
    )


class CephFSPersistentVolumeSource(Model):
    """A Ceph file system, as a persistent volume."""

    monitors: Annotated[Items[str], Proto(1), REQUIRED] = ()
    path: Annotated[str, Proto(2)] = ""
    user: Annotated[str, Proto(3)] = Field("", description="User to act as.")
    secret_file: Annotated[str, Proto(4)] = Field("", alias="secretFile")
    secret_ref: Annotated[SecretReference | None, Proto(5)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    read_only: Annotated[bool, Proto(6)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class CinderPersistentVolumeSource(Model):
    """An OpenStack disk, as a persistent volume."""

    volume_id: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="volumeID", description="Id of the volume."
    )
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    secret_ref: Annotated[SecretReference | None, Proto(4)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )


class FlexPersistentVolumeSource(Model):
    """A volume of a flex driver, as a persistent volume."""

    driver: Annotated[str, Proto(1), REQUIRED] = ""
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    secret_ref: Annotated[SecretReference | None, Proto(3)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    options: Annotated[Mapping[str, str], Proto(5)] = Field(default_factory=dict)


class GlusterfsPersistentVolumeSource(Model):
    """A Gluster volume, as a persistent volume."""

    endpoints: Annotated[str, Proto(1), REQUIRED] = ""
    path: Annotated[str, Proto(2), REQUIRED] = ""
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    endpoints_namespace: Annotated[str, Proto(4)] = Field("", alias="endpointsNamespace")


class ISCSIPersistentVolumeSource(Model):
    """An iSCSI disk, as a persistent volume."""

    target_portal: Annotated[str, Proto(1), REQUIRED] = Field("", alias="targetPortal")
    iqn: Annotated[str, Proto(2), REQUIRED] = ""
    lun: Annotated[Int32, Proto(3), REQUIRED] = 0
    iscsi_interface: Annotated[str, Proto(4)] = Field(
        "", alias="iscsiInterface", json_schema_extra={"default": "default"}
    )
    fs_type: Annotated[str, Proto(5)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(6)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    portals: Annotated[Items[str], Proto(7)] = ()
    chap_auth_discovery: Annotated[bool, Proto(8)] = Field(False, alias="chapAuthDiscovery")
    chap_auth_session: Annotated[bool, Proto(11)] = Field(False, alias="chapAuthSession")
    secret_ref: Annotated[SecretReference | None, Proto(10)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    initiator_name: Annotated[str, Proto(12)] = Field("", alias="initiatorName")


class LocalVolumeSource(Model):
    """A disk or directory of one node."""

    path: Annotated[str, Proto(1), REQUIRED] = Field("", description="The disk or directory.")
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")


class RBDPersistentVolumeSource(Model):
    """A Rados block device, as a persistent volume."""

    monitors: Annotated[Items[str], Proto(1), REQUIRED] = ()
    image: Annotated[str, Proto(2), REQUIRED] = ""
    fs_type: Annotated[str, Proto(3)] = Field("", alias="fsType", description="File system.")
    pool: Annotated[str, Proto(4)] = Field("", json_schema_extra={"default": "rbd"})
    user: Annotated[str, Proto(5)] = Field(
        "", description="User to act as.", json_schema_extra={"default": "admin"}
    )
    keyring: Annotated[str, Proto(6)] = Field(
        "", json_schema_extra={"default": "/etc/ceph/keyring"}
    )
    secret_ref: Annotated[SecretReference | None, Proto(7)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    read_only: Annotated[bool, Proto(8)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class ScaleIOPersistentVolumeSource(Model):
    """A ScaleIO volume, as a persistent volume."""

    gateway: Annotated[str, Proto(1), REQUIRED] = ""
    system: Annotated[str, Proto(2), REQUIRED] = ""
    secret_ref: Annotated[SecretReference | None, Proto(3), REQUIRED] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    ssl_enabled: Annotated[bool, Proto(4)] = Field(False, alias="sslEnabled")
    protection_domain: Annotated[str, Proto(5)] = Field("", alias="protectionDomain")
    storage_pool: Annotated[str, Proto(6)] = Field("", alias="storagePool")
    storage_mode: Annotated[str, Proto(7)] = Field(
        "", alias="storageMode", json_schema_extra={"default": "ThinProvisioned"}
    )
    volume_name: Annotated[str, Proto(8)] = Field(
        "", alias="volumeName", description="Name of the volume."
    )
    fs_type: Annotated[str, Proto(9)] = Field(
        "", alias="fsType", description="File system.", json_schema_extra={"default": "xfs"}
    )
    read_only: Annotated[bool, Proto(10)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class StorageOSPersistentVolumeSource(Model):
    """A StorageOS volume, as a persistent volume."""

    volume_name: Annotated[str, Proto(1)] = Field(
        "", alias="volumeName", description="Name of the volume."
    )
    volume_namespace: Annotated[str, Proto(2)] = Field("", alias="volumeNamespace")
    fs_type: Annotated[str, Proto(3)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    secret_ref: Annotated[ObjectReference | None, Proto(5)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )


class PersistentVolumeSource(Model):
    """Where the storage is; exactly one is given."""

    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Proto(1)] = Field(
        None, alias="gcePersistentDisk", description="A Google disk."
    )
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Proto(2)] = Field(
        None, alias="awsElasticBlockStore", description="An Amazon disk."
    )
    host_path: Annotated[HostPathVolumeSource | None, Proto(3)] = Field(
        None, alias="hostPath", description="A path of the node."
    )
    glusterfs: Annotated[GlusterfsPersistentVolumeSource | None, Proto(4)] = Field(
        None, description="A Gluster volume."
    )
    nfs: Annotated[NFSVolumeSource | None, Proto(5)] = Field(None, description="An NFS directory.")
    rbd: Annotated[RBDPersistentVolumeSource | None, Proto(6)] = Field(
        None, description="A Rados block device."
    )
    iscsi: Annotated[ISCSIPersistentVolumeSource | None, Proto(7)] = Field(
        None, description="An iSCSI disk."
    )
    cinder: Annotated[CinderPersistentVolumeSource | None, Proto(8)] = Field(
        None, description="A Cinder volume."
    )
    cephfs: Annotated[CephFSPersistentVolumeSource | None, Proto(9)] = Field(
        None, description="A Ceph file system."
    )
    fc: Annotated[FCVolumeSource | None, Proto(10)] = Field(
        None, description="A Fibre Channel disk."
    )
    flocker: Annotated[FlockerVolumeSource | None, Proto(11)] = Field(
        None, description="A Flocker volume."
    )
    flex_volume: Annotated[FlexPersistentVolumeSource | None, Proto(12)] = Field(
        None, alias="flexVolume", description="What a flex driver makes."
    )
    azure_file: Annotated[AzureFilePersistentVolumeSource | None, Proto(13)] = Field(
        None, alias="azureFile", description="An Azure file share."
    )
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Proto(14)] = Field(
        None, alias="vsphereVolume", description="A vSphere disk."
    )
    quobyte: Annotated[QuobyteVolumeSource | None, Proto(15)] = Field(
        None, description="A Quobyte volume."
    )
    azure_disk: Annotated[AzureDiskVolumeSource | None, Proto(16)] = Field(
        None, alias="azureDisk", description="An Azure disk."
    )
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Proto(17)] = Field(
        None, alias="photonPersistentDisk", description="A Photon disk."
    )
    portworx_volume: Annotated[PortworxVolumeSource | None, Proto(18)] = Field(
        None, alias="portworxVolume", description="A Portworx volume."
    )
    scale_io: Annotated[ScaleIOPersistentVolumeSource | None, Proto(19)] = Field(
        None, alias="scaleIO", description="A ScaleIO volume."
    )
    local: Annotated[LocalVolumeSource | None, Proto(20)] = None
    storageos: Annotated[StorageOSPersistentVolumeSource | None, Proto(21)] = Field(
        None, description="A StorageOS volume."
    )
    csi: Annotated[CSIPersistentVolumeSource | None, Proto(22)] = Field(
        None, description="What a storage driver makes."
    )


class VolumeNodeAffinity(Model):
    """The nodes that can reach a volume."""

    required: Annotated[NodeSelector | None, Proto(1)] = Field(None, description="The nodes.")


class PersistentVolumeSpec(PersistentVolumeSource):
    """What is wanted of the persistent volume."""

    embedded: ClassVar[Mapping[type[Model], int]] = {PersistentVolumeSource: 2}

    capacity: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, description="What it has."
    )
    access_modes: Annotated[Items[str], Proto(3)] = Field(
        (), alias="accessModes", description="How it can be mounted."
    )
    claim_ref: Annotated[ObjectReference | None, Proto(4)] = Field(
        None, alias="claimRef", description="The claim that it is bound to."
    )
    persistent_volume_reclaim_policy: Annotated[str, Proto(5)] = Field(
        "",
        alias="persistentVolumeReclaimPolicy",
        description="What becomes of it when the claim is gone: Retain or Delete.",
    )
    storage_class_name: Annotated[str, Proto(6)] = Field(
        "", alias="storageClassName", description="Its class."
    )
    mount_options: Annotated[Items[str], Proto(7)] = Field(
        (), alias="mountOptions", description="Options that it is mounted with."
    )
    volume_mode: Annotated[str | None, Proto(8)] = Field(
        None, alias="volumeMode", description="Filesystem or Block."
    )
    node_affinity: Annotated[VolumeNodeAffinity | None, Proto(9)] = Field(
        None, alias="nodeAffinity", description="Nodes that can reach it."
    )
    volume_attributes_class_name: Annotated[str, Proto(10)] = Field(
        "", alias="volumeAttributesClassName", description="Class of changeable properties."
    )


class PersistentVolumeStatus(Model):
    """What was last observed of the persistent volume."""

    phase: Annotated[str, Proto(1)] = Field("", description="Available, Bound, Released or Failed.")
    message: Annotated[str, Proto(2)] = Field("", description="A sentence: why.")
    reason: Annotated[str, Proto(3)] = Field("", description="One word: why.")
    last_phase_transition_time: Annotated[Time, Proto(4)] = Field(
        "", alias="lastPhaseTransitionTime", description="When the phase last changed."
    )


class PersistentVolume(TypedModel):
    """A piece of storage that claims can be bound to."""

    metadata: Annotated[ObjectMeta, Proto(1)] = Field(
        default_factory=ObjectMeta, description="Name, labels and the rest that every object has."
    )
    spec: Annotated[PersistentVolumeSpec, Proto(2)] = Field(
        default_factory=PersistentVolumeSpec, description="What is wanted."
    )
    status: Annotated[PersistentVolumeStatus, Proto(3)] = Field(
        default_factory=PersistentVolumeStatus,
        description="What was last observed; written by the system.",
    )
