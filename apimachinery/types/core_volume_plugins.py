"""Volume sources of foreign storage systems: served and stored, mounted by nobody here."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Items, Model, Proto
from apimachinery.types.core_reference import LocalObjectReference


class AWSElasticBlockStoreVolumeSource(Model):
    """An Amazon disk."""

    volume_id: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="volumeID", description="Id of the volume."
    )
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    partition: Annotated[Int32, Proto(3)] = 0
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class AzureDiskVolumeSource(Model):
    """An Azure disk."""

    disk_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="diskName")
    disk_uri: Annotated[str, Proto(2), REQUIRED] = Field("", alias="diskURI")
    caching_mode: Annotated[str, Proto(3)] = Field(
        "", alias="cachingMode", json_schema_extra={"default": "ReadWrite"}
    )
    fs_type: Annotated[str, Proto(4)] = Field(
        "", alias="fsType", description="File system.", json_schema_extra={"default": "ext4"}
    )
    read_only: Annotated[bool | None, Proto(5)] = Field(
        None,
        alias="readOnly",
        description="Mount it read-only.",
        json_schema_extra={"default": False},
    )
    kind: Annotated[str, Proto(6)] = Field("", json_schema_extra={"default": "Shared"})


class AzureFileVolumeSource(Model):
    """An Azure file share."""

    secret_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="secretName")
    share_name: Annotated[str, Proto(2), REQUIRED] = Field("", alias="shareName")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class CephFSVolumeSource(Model):
    """A Ceph file system."""

    monitors: Annotated[Items[str], Proto(1), REQUIRED] = ()
    path: Annotated[str, Proto(2)] = ""
    user: Annotated[str, Proto(3)] = Field("", description="User to act as.")
    secret_file: Annotated[str, Proto(4)] = Field("", alias="secretFile")
    secret_ref: Annotated[LocalObjectReference | None, Proto(5)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    read_only: Annotated[bool, Proto(6)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class CinderVolumeSource(Model):
    """An OpenStack disk."""

    volume_id: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="volumeID", description="Id of the volume."
    )
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    secret_ref: Annotated[LocalObjectReference | None, Proto(4)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )


class FCVolumeSource(Model):
    """A Fibre Channel disk."""

    target_wwns: Annotated[Items[str], Proto(1)] = Field((), alias="targetWWNs")
    lun: Annotated[Int32 | None, Proto(2)] = None
    fs_type: Annotated[str, Proto(3)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    wwids: Annotated[Items[str], Proto(5)] = ()


class FlexVolumeSource(Model):
    """A volume that a flex driver makes."""

    driver: Annotated[str, Proto(1), REQUIRED] = ""
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    secret_ref: Annotated[LocalObjectReference | None, Proto(3)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    options: Annotated[Mapping[str, str], Proto(5)] = Field(default_factory=dict)


class FlockerVolumeSource(Model):
    """A Flocker volume."""

    dataset_name: Annotated[str, Proto(1)] = Field("", alias="datasetName")
    dataset_uuid: Annotated[str, Proto(2)] = Field("", alias="datasetUUID")


class GCEPersistentDiskVolumeSource(Model):
    """A Google disk."""

    pd_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="pdName")
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    partition: Annotated[Int32, Proto(3)] = 0
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class GitRepoVolumeSource(Model):
    """A Git repository, cloned at the start; no longer supported."""

    repository: Annotated[str, Proto(1), REQUIRED] = ""
    revision: Annotated[str, Proto(2)] = ""
    directory: Annotated[str, Proto(3)] = ""


class GlusterfsVolumeSource(Model):
    """A Gluster volume."""

    endpoints: Annotated[str, Proto(1), REQUIRED] = ""
    path: Annotated[str, Proto(2), REQUIRED] = ""
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class ISCSIVolumeSource(Model):
    """An iSCSI disk."""

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
    secret_ref: Annotated[LocalObjectReference | None, Proto(10)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    initiator_name: Annotated[str, Proto(12)] = Field("", alias="initiatorName")


class PhotonPersistentDiskVolumeSource(Model):
    """A Photon disk."""

    pd_id: Annotated[str, Proto(1), REQUIRED] = Field("", alias="pdID")
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")


class PortworxVolumeSource(Model):
    """A Portworx volume."""

    volume_id: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="volumeID", description="Id of the volume."
    )
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class QuobyteVolumeSource(Model):
    """A Quobyte volume."""

    registry: Annotated[str, Proto(1), REQUIRED] = ""
    volume: Annotated[str, Proto(2), REQUIRED] = ""
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    user: Annotated[str, Proto(4)] = Field("", description="User to act as.")
    group: Annotated[str, Proto(5)] = ""
    tenant: Annotated[str, Proto(6)] = ""


class RBDVolumeSource(Model):
    """A Rados block device."""

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
    secret_ref: Annotated[LocalObjectReference | None, Proto(7)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )
    read_only: Annotated[bool, Proto(8)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class ScaleIOVolumeSource(Model):
    """A ScaleIO volume."""

    gateway: Annotated[str, Proto(1), REQUIRED] = ""
    system: Annotated[str, Proto(2), REQUIRED] = ""
    secret_ref: Annotated[LocalObjectReference | None, Proto(3), REQUIRED] = Field(
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


class StorageOSVolumeSource(Model):
    """A StorageOS volume."""

    volume_name: Annotated[str, Proto(1)] = Field(
        "", alias="volumeName", description="Name of the volume."
    )
    volume_namespace: Annotated[str, Proto(2)] = Field("", alias="volumeNamespace")
    fs_type: Annotated[str, Proto(3)] = Field("", alias="fsType", description="File system.")
    read_only: Annotated[bool, Proto(4)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    secret_ref: Annotated[LocalObjectReference | None, Proto(5)] = Field(
        None, alias="secretRef", description="Secret with the credentials."
    )


class VsphereVirtualDiskVolumeSource(Model):
    """A vSphere disk."""

    volume_path: Annotated[str, Proto(1), REQUIRED] = Field("", alias="volumePath")
    fs_type: Annotated[str, Proto(2)] = Field("", alias="fsType", description="File system.")
    storage_policy_name: Annotated[str, Proto(3)] = Field("", alias="storagePolicyName")
    storage_policy_id: Annotated[str, Proto(4)] = Field("", alias="storagePolicyID")
