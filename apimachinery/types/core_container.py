"""core_container models."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import (
    REQUIRED,
    Int32,
    Items,
    ListType,
    MergeKey,
    Model,
    Proto,
    Quantity,
)
from apimachinery.types.core_probe import Lifecycle, Probe
from apimachinery.types.core_reference import (
    LocalObjectReference,
    ObjectFieldSelector,
    ResourceFieldSelector,
)
from apimachinery.types.core_security import SecurityContext


class ContainerPort(Model):
    """ContainerPort."""

    name: Annotated[str, Proto(1)] = ""
    host_port: Annotated[Int32, Proto(2)] = Field(0, alias="hostPort")
    container_port: Annotated[Int32, Proto(3), REQUIRED] = Field(0, alias="containerPort")
    protocol: Annotated[str, Proto(4)] = Field("", json_schema_extra={"default": "TCP"})
    host_ip: Annotated[str, Proto(5)] = Field("", alias="hostIP")


class ConfigMapEnvSource(LocalObjectReference):
    """ConfigMapEnvSource."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    optional: Annotated[bool | None, Proto(2)] = None


class SecretEnvSource(LocalObjectReference):
    """SecretEnvSource."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    optional: Annotated[bool | None, Proto(2)] = None


class EnvFromSource(Model):
    """EnvFromSource."""

    prefix: Annotated[str, Proto(1)] = ""
    config_map_ref: Annotated[ConfigMapEnvSource | None, Proto(2)] = Field(
        None, alias="configMapRef"
    )
    secret_ref: Annotated[SecretEnvSource | None, Proto(3)] = Field(None, alias="secretRef")


class ConfigMapKeySelector(LocalObjectReference):
    """ConfigMapKeySelector."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    key: Annotated[str, Proto(2), REQUIRED] = ""
    optional: Annotated[bool | None, Proto(3)] = None


class SecretKeySelector(LocalObjectReference):
    """SecretKeySelector."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    key: Annotated[str, Proto(2), REQUIRED] = ""
    optional: Annotated[bool | None, Proto(3)] = None


class FileKeySelector(Model):
    """FileKeySelector."""

    volume_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="volumeName")
    path: Annotated[str, Proto(2), REQUIRED] = ""
    key: Annotated[str, Proto(3), REQUIRED] = ""
    optional: Annotated[bool | None, Proto(4)] = Field(None, json_schema_extra={"default": False})


class EnvVarSource(Model):
    """EnvVarSource."""

    field_ref: Annotated[ObjectFieldSelector | None, Proto(1)] = Field(None, alias="fieldRef")
    resource_field_ref: Annotated[ResourceFieldSelector | None, Proto(2)] = Field(
        None, alias="resourceFieldRef"
    )
    config_map_key_ref: Annotated[ConfigMapKeySelector | None, Proto(3)] = Field(
        None, alias="configMapKeyRef"
    )
    secret_key_ref: Annotated[SecretKeySelector | None, Proto(4)] = Field(
        None, alias="secretKeyRef"
    )
    file_key_ref: Annotated[FileKeySelector | None, Proto(5)] = Field(None, alias="fileKeyRef")


class EnvVar(Model):
    """EnvVar."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    value: Annotated[str, Proto(2)] = ""
    value_from: Annotated[EnvVarSource | None, Proto(3)] = Field(None, alias="valueFrom")


class ResourceClaim(Model):
    """ResourceClaim."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    request: Annotated[str, Proto(2)] = ""


class ResourceRequirements(Model):
    """ResourceRequirements."""

    limits: Annotated[Mapping[str, Quantity], Proto(1)] = Field(default_factory=dict)
    requests: Annotated[Mapping[str, Quantity], Proto(2)] = Field(default_factory=dict)
    claims: Annotated[Items[ResourceClaim], Proto(3), ListType("map", "name")] = ()


class ContainerResizePolicy(Model):
    """ContainerResizePolicy."""

    resource_name: Annotated[str, Proto(1), REQUIRED] = Field("", alias="resourceName")
    restart_policy: Annotated[str, Proto(2), REQUIRED] = Field("", alias="restartPolicy")


class ContainerRestartRuleOnExitCodes(Model):
    """ContainerRestartRuleOnExitCodes."""

    operator: Annotated[str, Proto(1), REQUIRED] = ""
    values: Annotated[Items[Int32], Proto(2), ListType("set")] = ()


class ContainerRestartRule(Model):
    """ContainerRestartRule."""

    action: Annotated[str, Proto(1), REQUIRED] = ""
    exit_codes: Annotated[ContainerRestartRuleOnExitCodes | None, Proto(2)] = Field(
        None, alias="exitCodes"
    )


class VolumeMount(Model):
    """VolumeMount."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    read_only: Annotated[bool, Proto(2)] = Field(False, alias="readOnly")
    recursive_read_only: Annotated[str, Proto(7)] = Field("", alias="recursiveReadOnly")
    mount_path: Annotated[str, Proto(3), REQUIRED] = Field("", alias="mountPath")
    sub_path: Annotated[str, Proto(4)] = Field("", alias="subPath")
    mount_propagation: Annotated[str, Proto(5)] = Field("", alias="mountPropagation")
    sub_path_expr: Annotated[str, Proto(6)] = Field("", alias="subPathExpr")


class VolumeDevice(Model):
    """VolumeDevice."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    device_path: Annotated[str, Proto(2), REQUIRED] = Field("", alias="devicePath")


class Container(Model):
    """Container."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    image: Annotated[str, Proto(2)] = ""
    command: Annotated[Items[str], Proto(3)] = ()
    args: Annotated[Items[str], Proto(4)] = ()
    working_dir: Annotated[str, Proto(5)] = Field("", alias="workingDir")
    ports: Annotated[
        Items[ContainerPort],
        Proto(6),
        MergeKey("containerPort"),
        ListType("map", "containerPort", "protocol"),
    ] = ()
    env_from: Annotated[Items[EnvFromSource], Proto(19)] = Field((), alias="envFrom")
    env: Annotated[Items[EnvVar], Proto(7), MergeKey("name"), ListType("map", "name")] = ()
    resources: Annotated[ResourceRequirements | None, Proto(8)] = None
    resize_policy: Annotated[Items[ContainerResizePolicy], Proto(23)] = Field(
        (), alias="resizePolicy"
    )
    restart_policy: Annotated[str, Proto(24)] = Field("", alias="restartPolicy")
    restart_policy_rules: Annotated[Items[ContainerRestartRule], Proto(25)] = Field(
        (), alias="restartPolicyRules"
    )
    volume_mounts: Annotated[
        Items[VolumeMount], Proto(9), MergeKey("mountPath"), ListType("map", "mountPath")
    ] = Field((), alias="volumeMounts")
    volume_devices: Annotated[
        Items[VolumeDevice], Proto(21), MergeKey("devicePath"), ListType("map", "devicePath")
    ] = Field((), alias="volumeDevices")
    liveness_probe: Annotated[Probe | None, Proto(10)] = Field(None, alias="livenessProbe")
    readiness_probe: Annotated[Probe | None, Proto(11)] = Field(None, alias="readinessProbe")
    startup_probe: Annotated[Probe | None, Proto(22)] = Field(None, alias="startupProbe")
    lifecycle: Annotated[Lifecycle | None, Proto(12)] = None
    termination_message_path: Annotated[str, Proto(13)] = Field("", alias="terminationMessagePath")
    termination_message_policy: Annotated[str, Proto(20)] = Field(
        "", alias="terminationMessagePolicy"
    )
    image_pull_policy: Annotated[str, Proto(14)] = Field("", alias="imagePullPolicy")
    security_context: Annotated[SecurityContext | None, Proto(15)] = Field(
        None, alias="securityContext"
    )
    stdin: Annotated[bool, Proto(16)] = False
    stdin_once: Annotated[bool, Proto(17)] = Field(False, alias="stdinOnce")
    tty: Annotated[bool, Proto(18)] = False


class EphemeralContainerCommon(Model):
    """EphemeralContainerCommon."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    image: Annotated[str, Proto(2), REQUIRED] = ""
    command: Annotated[Items[str], Proto(3)] = ()
    args: Annotated[Items[str], Proto(4)] = ()
    working_dir: Annotated[str, Proto(5)] = Field("", alias="workingDir")
    ports: Annotated[
        Items[ContainerPort],
        Proto(6),
        MergeKey("containerPort"),
        ListType("map", "containerPort", "protocol"),
    ] = ()
    env_from: Annotated[Items[EnvFromSource], Proto(19)] = Field((), alias="envFrom")
    env: Annotated[Items[EnvVar], Proto(7), MergeKey("name"), ListType("map", "name")] = ()
    resources: Annotated[ResourceRequirements | None, Proto(8)] = None
    resize_policy: Annotated[Items[ContainerResizePolicy], Proto(23)] = Field(
        (), alias="resizePolicy"
    )
    restart_policy: Annotated[str, Proto(24)] = Field("", alias="restartPolicy")
    restart_policy_rules: Annotated[Items[ContainerRestartRule], Proto(25)] = Field(
        (), alias="restartPolicyRules"
    )
    volume_mounts: Annotated[
        Items[VolumeMount], Proto(9), MergeKey("mountPath"), ListType("map", "mountPath")
    ] = Field((), alias="volumeMounts")
    volume_devices: Annotated[
        Items[VolumeDevice], Proto(21), MergeKey("devicePath"), ListType("map", "devicePath")
    ] = Field((), alias="volumeDevices")
    liveness_probe: Annotated[Probe | None, Proto(10)] = Field(None, alias="livenessProbe")
    readiness_probe: Annotated[Probe | None, Proto(11)] = Field(None, alias="readinessProbe")
    startup_probe: Annotated[Probe | None, Proto(22)] = Field(None, alias="startupProbe")
    lifecycle: Annotated[Lifecycle | None, Proto(12)] = None
    termination_message_path: Annotated[str, Proto(13)] = Field("", alias="terminationMessagePath")
    termination_message_policy: Annotated[str, Proto(20)] = Field(
        "", alias="terminationMessagePolicy"
    )
    image_pull_policy: Annotated[str, Proto(14)] = Field("", alias="imagePullPolicy")
    security_context: Annotated[SecurityContext | None, Proto(15)] = Field(
        None, alias="securityContext"
    )
    stdin: Annotated[bool, Proto(16)] = False
    stdin_once: Annotated[bool, Proto(17)] = Field(False, alias="stdinOnce")
    tty: Annotated[bool, Proto(18)] = False


class EphemeralContainer(EphemeralContainerCommon):
    """EphemeralContainer."""

    embedded: ClassVar[Mapping[type[Model], int]] = {EphemeralContainerCommon: 1}

    target_container_name: Annotated[str, Proto(2)] = Field("", alias="targetContainerName")
