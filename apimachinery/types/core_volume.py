"""core_volume models."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Int64, Items, Model, Proto, Quantity
from apimachinery.types.core_claim import PersistentVolumeClaimTemplate
from apimachinery.types.core_reference import (
    KeyToPath,
    LocalObjectReference,
    ObjectFieldSelector,
    ResourceFieldSelector,
)
from apimachinery.types.core_volume_plugins import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFileVolumeSource,
    CephFSVolumeSource,
    CinderVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GitRepoVolumeSource,
    GlusterfsVolumeSource,
    ISCSIVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    RBDVolumeSource,
    ScaleIOVolumeSource,
    StorageOSVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from apimachinery.types.meta import LabelSelector


class EmptyDirVolumeSource(Model):
    """EmptyDirVolumeSource."""

    medium: Annotated[str, Proto(1)] = ""
    size_limit: Annotated[Quantity | None, Proto(2)] = Field(None, alias="sizeLimit")


class HostPathVolumeSource(Model):
    """HostPathVolumeSource."""

    path: Annotated[str, Proto(1), REQUIRED] = ""
    type: Annotated[str | None, Proto(2)] = None


class SecretVolumeSource(Model):
    """SecretVolumeSource."""

    secret_name: Annotated[str, Proto(1)] = Field("", alias="secretName")
    items: Annotated[Items[KeyToPath], Proto(2)] = ()
    default_mode: Annotated[Int32 | None, Proto(3)] = Field(None, alias="defaultMode")
    optional: Annotated[bool | None, Proto(4)] = None


class ConfigMapVolumeSource(LocalObjectReference):
    """ConfigMapVolumeSource."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    items: Annotated[Items[KeyToPath], Proto(2)] = ()
    default_mode: Annotated[Int32 | None, Proto(3)] = Field(None, alias="defaultMode")
    optional: Annotated[bool | None, Proto(4)] = None


class DownwardAPIVolumeFile(Model):
    """DownwardAPIVolumeFile."""

    path: Annotated[str, Proto(1), REQUIRED] = ""
    field_ref: Annotated[ObjectFieldSelector | None, Proto(2)] = Field(None, alias="fieldRef")
    resource_field_ref: Annotated[ResourceFieldSelector | None, Proto(3)] = Field(
        None, alias="resourceFieldRef"
    )
    mode: Annotated[Int32 | None, Proto(4)] = None


class DownwardAPIVolumeSource(Model):
    """DownwardAPIVolumeSource."""

    items: Annotated[Items[DownwardAPIVolumeFile], Proto(1)] = ()
    default_mode: Annotated[Int32 | None, Proto(2)] = Field(None, alias="defaultMode")


class SecretProjection(LocalObjectReference):
    """SecretProjection."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    items: Annotated[Items[KeyToPath], Proto(2)] = ()
    optional: Annotated[bool | None, Proto(4)] = None


class ConfigMapProjection(LocalObjectReference):
    """ConfigMapProjection."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    items: Annotated[Items[KeyToPath], Proto(2)] = ()
    optional: Annotated[bool | None, Proto(4)] = None


class DownwardAPIProjection(Model):
    """DownwardAPIProjection."""

    items: Annotated[Items[DownwardAPIVolumeFile], Proto(1)] = ()


class ServiceAccountTokenProjection(Model):
    """ServiceAccountTokenProjection."""

    audience: Annotated[str, Proto(1)] = ""
    expiration_seconds: Annotated[Int64 | None, Proto(2)] = Field(None, alias="expirationSeconds")
    path: Annotated[str, Proto(3), REQUIRED] = ""


class ClusterTrustBundleProjection(Model):
    """ClusterTrustBundleProjection."""

    name: Annotated[str, Proto(1)] = ""
    signer_name: Annotated[str, Proto(2)] = Field("", alias="signerName")
    label_selector: Annotated[LabelSelector | None, Proto(3)] = Field(None, alias="labelSelector")
    optional: Annotated[bool | None, Proto(5)] = None
    path: Annotated[str, Proto(4), REQUIRED] = ""


class PodCertificateProjection(Model):
    """PodCertificateProjection."""

    signer_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="signerName")
    key_type: Annotated[str, Proto(2), REQUIRED] = Field("", alias="keyType")
    max_expiration_seconds: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="maxExpirationSeconds"
    )
    credential_bundle_path: Annotated[str, Proto(4)] = Field("", alias="credentialBundlePath")
    key_path: Annotated[str, Proto(5)] = Field("", alias="keyPath")
    certificate_chain_path: Annotated[str, Proto(6)] = Field("", alias="certificateChainPath")
    user_annotations: Annotated[Mapping[str, str], Proto(7)] = Field(
        default_factory=dict, alias="userAnnotations"
    )


class VolumeProjection(Model):
    """VolumeProjection."""

    secret: Annotated[SecretProjection | None, Proto(1)] = None
    downward_api: Annotated[DownwardAPIProjection | None, Proto(2)] = Field(
        None, alias="downwardAPI"
    )
    config_map: Annotated[ConfigMapProjection | None, Proto(3)] = Field(None, alias="configMap")
    service_account_token: Annotated[ServiceAccountTokenProjection | None, Proto(4)] = Field(
        None, alias="serviceAccountToken"
    )
    cluster_trust_bundle: Annotated[ClusterTrustBundleProjection | None, Proto(5)] = Field(
        None, alias="clusterTrustBundle"
    )
    pod_certificate: Annotated[PodCertificateProjection | None, Proto(6)] = Field(
        None, alias="podCertificate"
    )


class ProjectedVolumeSource(Model):
    """ProjectedVolumeSource."""

    sources: Annotated[Items[VolumeProjection], Proto(1)] = ()
    default_mode: Annotated[Int32 | None, Proto(2)] = Field(None, alias="defaultMode")


class PersistentVolumeClaimVolumeSource(Model):
    """PersistentVolumeClaimVolumeSource."""

    claim_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="claimName")
    read_only: Annotated[bool, Proto(2)] = Field(False, alias="readOnly")


class NFSVolumeSource(Model):
    """NFSVolumeSource."""

    server: Annotated[str, Proto(1), REQUIRED] = ""
    path: Annotated[str, Proto(2), REQUIRED] = ""
    read_only: Annotated[bool, Proto(3)] = Field(False, alias="readOnly")


class CSIVolumeSource(Model):
    """CSIVolumeSource."""

    driver: Annotated[str, Proto(1), REQUIRED] = ""
    read_only: Annotated[bool | None, Proto(2)] = Field(None, alias="readOnly")
    fs_type: Annotated[str, Proto(3)] = Field("", alias="fsType")
    volume_attributes: Annotated[Mapping[str, str], Proto(4)] = Field(
        default_factory=dict, alias="volumeAttributes"
    )
    node_publish_secret_ref: Annotated[LocalObjectReference | None, Proto(5)] = Field(
        None, alias="nodePublishSecretRef"
    )


class EphemeralVolumeSource(Model):
    """EphemeralVolumeSource."""

    volume_claim_template: Annotated[PersistentVolumeClaimTemplate | None, Proto(1), REQUIRED] = (
        Field(None, alias="volumeClaimTemplate")
    )


class ImageVolumeSource(Model):
    """ImageVolumeSource."""

    reference: Annotated[str, Proto(1)] = ""
    pull_policy: Annotated[str, Proto(2)] = Field("", alias="pullPolicy")


class VolumeSource(Model):
    """VolumeSource."""

    host_path: Annotated[HostPathVolumeSource | None, Proto(1)] = Field(None, alias="hostPath")
    empty_dir: Annotated[EmptyDirVolumeSource | None, Proto(2)] = Field(None, alias="emptyDir")
    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Proto(3)] = Field(
        None, alias="gcePersistentDisk"
    )
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Proto(4)] = Field(
        None, alias="awsElasticBlockStore"
    )
    git_repo: Annotated[GitRepoVolumeSource | None, Proto(5)] = Field(None, alias="gitRepo")
    secret: Annotated[SecretVolumeSource | None, Proto(6)] = None
    nfs: Annotated[NFSVolumeSource | None, Proto(7)] = None
    iscsi: Annotated[ISCSIVolumeSource | None, Proto(8)] = None
    glusterfs: Annotated[GlusterfsVolumeSource | None, Proto(9)] = None
    persistent_volume_claim: Annotated[PersistentVolumeClaimVolumeSource | None, Proto(10)] = Field(
        None, alias="persistentVolumeClaim"
    )
    rbd: Annotated[RBDVolumeSource | None, Proto(11)] = None
    flex_volume: Annotated[FlexVolumeSource | None, Proto(12)] = Field(None, alias="flexVolume")
    cinder: Annotated[CinderVolumeSource | None, Proto(13)] = None
    cephfs: Annotated[CephFSVolumeSource | None, Proto(14)] = None
    flocker: Annotated[FlockerVolumeSource | None, Proto(15)] = None
    downward_api: Annotated[DownwardAPIVolumeSource | None, Proto(16)] = Field(
        None, alias="downwardAPI"
    )
    fc: Annotated[FCVolumeSource | None, Proto(17)] = None
    azure_file: Annotated[AzureFileVolumeSource | None, Proto(18)] = Field(None, alias="azureFile")
    config_map: Annotated[ConfigMapVolumeSource | None, Proto(19)] = Field(None, alias="configMap")
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Proto(20)] = Field(
        None, alias="vsphereVolume"
    )
    quobyte: Annotated[QuobyteVolumeSource | None, Proto(21)] = None
    azure_disk: Annotated[AzureDiskVolumeSource | None, Proto(22)] = Field(None, alias="azureDisk")
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Proto(23)] = Field(
        None, alias="photonPersistentDisk"
    )
    projected: Annotated[ProjectedVolumeSource | None, Proto(26)] = None
    portworx_volume: Annotated[PortworxVolumeSource | None, Proto(24)] = Field(
        None, alias="portworxVolume"
    )
    scale_io: Annotated[ScaleIOVolumeSource | None, Proto(25)] = Field(None, alias="scaleIO")
    storageos: Annotated[StorageOSVolumeSource | None, Proto(27)] = None
    csi: Annotated[CSIVolumeSource | None, Proto(28)] = None
    ephemeral: Annotated[EphemeralVolumeSource | None, Proto(29)] = None
    image: Annotated[ImageVolumeSource | None, Proto(30)] = None


class Volume(VolumeSource):
    """Volume."""

    embedded: ClassVar[Mapping[type[Model], int]] = {VolumeSource: 2}

    name: Annotated[str, Proto(1), REQUIRED] = ""
