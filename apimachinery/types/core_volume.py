"""The volumes of a pod and where their content comes from.

Neighbours: `apimachinery.types.core_volume_plugins` has the sources that need foreign storage.
"""

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
    """An empty directory that lives as long as the pod."""

    medium: Annotated[str, Proto(1)] = Field(
        "", description="Empty for the node's disk, Memory for a RAM file system."
    )
    size_limit: Annotated[Quantity | None, Proto(2)] = Field(
        None, alias="sizeLimit", description="The most it may hold; the pod is evicted beyond it."
    )


class HostPathVolumeSource(Model):
    """A file or directory of the node itself."""

    path: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its path on the node.")
    type: Annotated[str | None, Proto(2)] = Field(
        None,
        description="What must be there, or is made: Directory, DirectoryOrCreate, File, …; empty checks nothing.",
    )


class SecretVolumeSource(Model):
    """The keys of a secret as files in memory."""

    secret_name: Annotated[str, Proto(1)] = Field(
        "", alias="secretName", description="Name of the secret."
    )
    items: Annotated[Items[KeyToPath], Proto(2)] = Field(
        (), description="Only these keys, and where; all keys where absent."
    )
    default_mode: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="defaultMode", description="Mode of the files; 0644 where absent."
    )
    optional: Annotated[bool | None, Proto(4)] = Field(
        None, description="Whether it may be missing."
    )


class ConfigMapVolumeSource(LocalObjectReference):
    """The keys of a config map as files."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    items: Annotated[Items[KeyToPath], Proto(2)] = Field(
        (), description="Only these keys, and where; all keys where absent."
    )
    default_mode: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="defaultMode", description="Mode of the files; 0644 where absent."
    )
    optional: Annotated[bool | None, Proto(4)] = Field(
        None, description="Whether it may be missing."
    )


class DownwardAPIVolumeFile(Model):
    """A file with something about the pod itself."""

    path: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="The file, relative to where the volume is mounted."
    )
    field_ref: Annotated[ObjectFieldSelector | None, Proto(2)] = Field(
        None, alias="fieldRef", description="A field of the pod."
    )
    resource_field_ref: Annotated[ResourceFieldSelector | None, Proto(3)] = Field(
        None, alias="resourceFieldRef", description="A request or limit of a container."
    )
    mode: Annotated[Int32 | None, Proto(4)] = Field(None, description="Mode of the file.")


class DownwardAPIVolumeSource(Model):
    """Files with facts about the pod itself."""

    items: Annotated[Items[DownwardAPIVolumeFile], Proto(1)] = Field((), description="The files.")
    default_mode: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="defaultMode", description="Mode of the files; 0644 where absent."
    )


class SecretProjection(LocalObjectReference):
    """The keys of a secret, as part of a projected volume."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    items: Annotated[Items[KeyToPath], Proto(2)] = Field(
        (), description="Only these keys, and where."
    )
    optional: Annotated[bool | None, Proto(4)] = Field(
        None, description="Whether it may be missing."
    )


class ConfigMapProjection(LocalObjectReference):
    """The keys of a config map, as part of a projected volume."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    items: Annotated[Items[KeyToPath], Proto(2)] = Field(
        (), description="Only these keys, and where."
    )
    optional: Annotated[bool | None, Proto(4)] = Field(
        None, description="Whether it may be missing."
    )


class DownwardAPIProjection(Model):
    """Facts about the pod, as part of a projected volume."""

    items: Annotated[Items[DownwardAPIVolumeFile], Proto(1)] = Field((), description="The files.")


class ServiceAccountTokenProjection(Model):
    """A token of the pod's service account, renewed as it ages."""

    audience: Annotated[str, Proto(1)] = Field(
        "", description="Who the token is meant for; the API server where absent."
    )
    expiration_seconds: Annotated[Int64 | None, Proto(2)] = Field(
        None, alias="expirationSeconds", description="Life of the token; an hour where absent."
    )
    path: Annotated[str, Proto(3), REQUIRED] = Field("", description="The file that holds it.")


class ClusterTrustBundleProjection(Model):
    """Trusted root certificates, as one file."""

    name: Annotated[str, Proto(1)] = Field("", description="Name of one bundle.")
    signer_name: Annotated[str, Proto(2)] = Field(
        "", alias="signerName", description="All bundles of this signer."
    )
    label_selector: Annotated[LabelSelector | None, Proto(3)] = Field(
        None, alias="labelSelector", description="Those of them with such labels."
    )
    optional: Annotated[bool | None, Proto(5)] = Field(
        None, description="Whether it may be missing."
    )
    path: Annotated[str, Proto(4), REQUIRED] = Field("", description="The file.")


class PodCertificateProjection(Model):
    """A private key and a certificate for it, renewed as it ages."""

    signer_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="signerName", description="Who signs it."
    )
    key_type: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="keyType", description="Kind of the key."
    )
    max_expiration_seconds: Annotated[Int32 | None, Proto(3)] = Field(
        None, alias="maxExpirationSeconds", description="The longest life that will do."
    )
    credential_bundle_path: Annotated[str, Proto(4)] = Field(
        "", alias="credentialBundlePath", description="File with key and certificates together."
    )
    key_path: Annotated[str, Proto(5)] = Field(
        "", alias="keyPath", description="File with the key alone."
    )
    certificate_chain_path: Annotated[str, Proto(6)] = Field(
        "", alias="certificateChainPath", description="File with the certificates alone."
    )
    user_annotations: Annotated[Mapping[str, str], Proto(7)] = Field(
        default_factory=dict, alias="userAnnotations", description="Annotations for the signer."
    )


class VolumeProjection(Model):
    """One part of a projected volume; exactly one is given."""

    secret: Annotated[SecretProjection | None, Proto(1)] = Field(
        None, description="Keys of a secret."
    )
    downward_api: Annotated[DownwardAPIProjection | None, Proto(2)] = Field(
        None, alias="downwardAPI", description="Facts about the pod."
    )
    config_map: Annotated[ConfigMapProjection | None, Proto(3)] = Field(
        None, alias="configMap", description="Keys of a config map."
    )
    service_account_token: Annotated[ServiceAccountTokenProjection | None, Proto(4)] = Field(
        None, alias="serviceAccountToken", description="A token."
    )
    cluster_trust_bundle: Annotated[ClusterTrustBundleProjection | None, Proto(5)] = Field(
        None, alias="clusterTrustBundle", description="Trusted certificates."
    )
    pod_certificate: Annotated[PodCertificateProjection | None, Proto(6)] = Field(
        None, alias="podCertificate", description="A certificate of the pod's own."
    )


class ProjectedVolumeSource(Model):
    """Several sources in one directory."""

    sources: Annotated[Items[VolumeProjection], Proto(1)] = Field((), description="The sources.")
    default_mode: Annotated[Int32 | None, Proto(2)] = Field(
        None, alias="defaultMode", description="Mode of the files; 0644 where absent."
    )


class PersistentVolumeClaimVolumeSource(Model):
    """The volume that a claim is bound to."""

    claim_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="claimName", description="Name of the claim."
    )
    read_only: Annotated[bool, Proto(2)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class NFSVolumeSource(Model):
    """A directory of an NFS server."""

    server: Annotated[str, Proto(1), REQUIRED] = Field("", description="The server.")
    path: Annotated[str, Proto(2), REQUIRED] = Field("", description="The directory it exports.")
    read_only: Annotated[bool, Proto(3)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )


class CSIVolumeSource(Model):
    """A volume that a storage driver makes for this pod alone."""

    driver: Annotated[str, Proto(1), REQUIRED] = Field("", description="The driver.")
    read_only: Annotated[bool | None, Proto(2)] = Field(
        None, alias="readOnly", description="Mount it read-only."
    )
    fs_type: Annotated[str, Proto(3)] = Field("", alias="fsType", description="File system.")
    volume_attributes: Annotated[Mapping[str, str], Proto(4)] = Field(
        default_factory=dict, alias="volumeAttributes", description="Parameters for the driver."
    )
    node_publish_secret_ref: Annotated[LocalObjectReference | None, Proto(5)] = Field(
        None, alias="nodePublishSecretRef", description="Secret for the driver."
    )


class EphemeralVolumeSource(Model):
    """A claim that is made for the pod and goes with it."""

    volume_claim_template: Annotated[PersistentVolumeClaimTemplate | None, Proto(1)] = Field(
        None, alias="volumeClaimTemplate", description="The claim."
    )


class ImageVolumeSource(Model):
    """The files of an image, read-only."""

    reference: Annotated[str, Proto(1)] = Field("", description="The image.")
    pull_policy: Annotated[str, Proto(2)] = Field(
        "", alias="pullPolicy", description="Always, IfNotPresent or Never."
    )


class VolumeSource(Model):
    """Where a volume's content comes from; exactly one is given, none is an empty directory."""

    host_path: Annotated[HostPathVolumeSource | None, Proto(1)] = Field(
        None, alias="hostPath", description="A path of the node."
    )
    empty_dir: Annotated[EmptyDirVolumeSource | None, Proto(2)] = Field(
        None, alias="emptyDir", description="An empty directory."
    )
    gce_persistent_disk: Annotated[GCEPersistentDiskVolumeSource | None, Proto(3)] = Field(
        None, alias="gcePersistentDisk", description="A Google disk."
    )
    aws_elastic_block_store: Annotated[AWSElasticBlockStoreVolumeSource | None, Proto(4)] = Field(
        None, alias="awsElasticBlockStore", description="An Amazon disk."
    )
    git_repo: Annotated[GitRepoVolumeSource | None, Proto(5)] = Field(
        None, alias="gitRepo", description="A Git repository (no longer supported)."
    )
    secret: Annotated[SecretVolumeSource | None, Proto(6)] = Field(None, description="A secret.")
    nfs: Annotated[NFSVolumeSource | None, Proto(7)] = Field(None, description="An NFS directory.")
    iscsi: Annotated[ISCSIVolumeSource | None, Proto(8)] = Field(None, description="An iSCSI disk.")
    glusterfs: Annotated[GlusterfsVolumeSource | None, Proto(9)] = Field(
        None, description="A Gluster volume."
    )
    persistent_volume_claim: Annotated[PersistentVolumeClaimVolumeSource | None, Proto(10)] = Field(
        None, alias="persistentVolumeClaim", description="What a claim is bound to."
    )
    rbd: Annotated[RBDVolumeSource | None, Proto(11)] = Field(
        None, description="A Rados block device."
    )
    flex_volume: Annotated[FlexVolumeSource | None, Proto(12)] = Field(
        None, alias="flexVolume", description="What a flex driver makes."
    )
    cinder: Annotated[CinderVolumeSource | None, Proto(13)] = Field(
        None, description="A Cinder volume."
    )
    cephfs: Annotated[CephFSVolumeSource | None, Proto(14)] = Field(
        None, description="A Ceph file system."
    )
    flocker: Annotated[FlockerVolumeSource | None, Proto(15)] = Field(
        None, description="A Flocker volume."
    )
    downward_api: Annotated[DownwardAPIVolumeSource | None, Proto(16)] = Field(
        None, alias="downwardAPI", description="Facts about the pod."
    )
    fc: Annotated[FCVolumeSource | None, Proto(17)] = Field(
        None, description="A Fibre Channel disk."
    )
    azure_file: Annotated[AzureFileVolumeSource | None, Proto(18)] = Field(
        None, alias="azureFile", description="An Azure file share."
    )
    config_map: Annotated[ConfigMapVolumeSource | None, Proto(19)] = Field(
        None, alias="configMap", description="A config map."
    )
    vsphere_volume: Annotated[VsphereVirtualDiskVolumeSource | None, Proto(20)] = Field(
        None, alias="vsphereVolume", description="A vSphere disk."
    )
    quobyte: Annotated[QuobyteVolumeSource | None, Proto(21)] = Field(
        None, description="A Quobyte volume."
    )
    azure_disk: Annotated[AzureDiskVolumeSource | None, Proto(22)] = Field(
        None, alias="azureDisk", description="An Azure disk."
    )
    photon_persistent_disk: Annotated[PhotonPersistentDiskVolumeSource | None, Proto(23)] = Field(
        None, alias="photonPersistentDisk", description="A Photon disk."
    )
    projected: Annotated[ProjectedVolumeSource | None, Proto(26)] = Field(
        None, description="Several sources together."
    )
    portworx_volume: Annotated[PortworxVolumeSource | None, Proto(24)] = Field(
        None, alias="portworxVolume", description="A Portworx volume."
    )
    scale_io: Annotated[ScaleIOVolumeSource | None, Proto(25)] = Field(
        None, alias="scaleIO", description="A ScaleIO volume."
    )
    storageos: Annotated[StorageOSVolumeSource | None, Proto(27)] = Field(
        None, description="A StorageOS volume."
    )
    csi: Annotated[CSIVolumeSource | None, Proto(28)] = Field(
        None, description="What a storage driver makes."
    )
    ephemeral: Annotated[EphemeralVolumeSource | None, Proto(29)] = Field(
        None, description="A claim of the pod's own."
    )
    image: Annotated[ImageVolumeSource | None, Proto(30)] = Field(
        None, description="The files of an image."
    )


class Volume(VolumeSource):
    """Something that containers of a pod can mount, and where its content comes from."""

    embedded: ClassVar[Mapping[type[Model], int]] = {VolumeSource: 2}

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name, unique in the pod.")
