"""One container of a pod: image, command, environment, ports, mounts, resources."""

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
    """A port that a container listens on."""

    name: Annotated[str, Proto(1)] = Field(
        "", description="Name by which services and probes find the port."
    )
    host_port: Annotated[Int32, Proto(2)] = Field(
        0, alias="hostPort", description="The same port on the node's own address."
    )
    container_port: Annotated[Int32, Proto(3), REQUIRED] = Field(
        0, alias="containerPort", description="Number of the port, 1 to 65535."
    )
    protocol: Annotated[str, Proto(4)] = Field(
        "", description="TCP, UDP or SCTP.", json_schema_extra={"default": "TCP"}
    )
    host_ip: Annotated[str, Proto(5)] = Field(
        "", alias="hostIP", description="The node's address on which the host port is bound."
    )


class ConfigMapEnvSource(LocalObjectReference):
    """Takes every key of a config map as a variable."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    optional: Annotated[bool | None, Proto(2)] = Field(
        None, description="Whether it may be missing."
    )


class SecretEnvSource(LocalObjectReference):
    """Takes every key of a secret as a variable."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    optional: Annotated[bool | None, Proto(2)] = Field(
        None, description="Whether it may be missing."
    )


class EnvFromSource(Model):
    """Takes many variables at once."""

    prefix: Annotated[str, Proto(1)] = Field(
        "", description="Put before each key to make the variable's name."
    )
    config_map_ref: Annotated[ConfigMapEnvSource | None, Proto(2)] = Field(
        None, alias="configMapRef", description="From this config map."
    )
    secret_ref: Annotated[SecretEnvSource | None, Proto(3)] = Field(
        None, alias="secretRef", description="From this secret."
    )


class ConfigMapKeySelector(LocalObjectReference):
    """One key of a config map."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    key: Annotated[str, Proto(2), REQUIRED] = Field("", description="The key.")
    optional: Annotated[bool | None, Proto(3)] = Field(
        None, description="Whether map or key may be missing."
    )


class SecretKeySelector(LocalObjectReference):
    """One key of a secret."""

    embedded: ClassVar[Mapping[type[Model], int]] = {LocalObjectReference: 1}

    key: Annotated[str, Proto(2), REQUIRED] = Field("", description="The key.")
    optional: Annotated[bool | None, Proto(3)] = Field(
        None, description="Whether secret or key may be missing."
    )


class FileKeySelector(Model):
    """One key of a file of variables in a volume."""

    volume_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="volumeName", description="The volume."
    )
    path: Annotated[str, Proto(2), REQUIRED] = Field("", description="The file in it.")
    key: Annotated[str, Proto(3), REQUIRED] = Field("", description="The key.")
    optional: Annotated[bool | None, Proto(4)] = Field(
        None,
        description="Whether file or key may be missing.",
        json_schema_extra={"default": False},
    )


class EnvVarSource(Model):
    """Where a variable's value comes from; exactly one is given."""

    field_ref: Annotated[ObjectFieldSelector | None, Proto(1)] = Field(
        None, alias="fieldRef", description="A field of the pod."
    )
    resource_field_ref: Annotated[ResourceFieldSelector | None, Proto(2)] = Field(
        None, alias="resourceFieldRef", description="A request or limit of a container."
    )
    config_map_key_ref: Annotated[ConfigMapKeySelector | None, Proto(3)] = Field(
        None, alias="configMapKeyRef", description="A key of a config map."
    )
    secret_key_ref: Annotated[SecretKeySelector | None, Proto(4)] = Field(
        None, alias="secretKeyRef", description="A key of a secret."
    )
    file_key_ref: Annotated[FileKeySelector | None, Proto(5)] = Field(
        None, alias="fileKeyRef", description="A key of a file in a volume."
    )


class EnvVar(Model):
    """One environment variable."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")
    value: Annotated[str, Proto(2)] = Field(
        "", description="Its value; $(NAME) stands for a variable defined before."
    )
    value_from: Annotated[EnvVarSource | None, Proto(3)] = Field(
        None, alias="valueFrom", description="Where its value comes from instead."
    )


class ResourceClaim(Model):
    """A resource claim of the pod that this container uses."""

    name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Name of the claim in the pod."
    )
    request: Annotated[str, Proto(2)] = Field(
        "", description="One request of the claim; all where absent."
    )


class ResourceRequirements(Model):
    """How much of each resource is needed, and how much may be used."""

    limits: Annotated[Mapping[str, Quantity], Proto(1)] = Field(
        default_factory=dict, description="The most that may be used."
    )
    requests: Annotated[Mapping[str, Quantity], Proto(2)] = Field(
        default_factory=dict, description="What is set aside; the limit where absent."
    )
    claims: Annotated[Items[ResourceClaim], Proto(3), ListType("map", "name")] = Field(
        (), description="Resource claims that are used."
    )


class ContainerResizePolicy(Model):
    """What a change of one resource means for a running container."""

    resource_name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", alias="resourceName", description="The resource."
    )
    restart_policy: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="restartPolicy", description="NotRequired, or RestartContainer."
    )


class ContainerRestartRuleOnExitCodes(Model):
    """Exit codes that a rule is about."""

    operator: Annotated[str, Proto(1), REQUIRED] = Field("", description="In or NotIn.")
    values: Annotated[Items[Int32], Proto(2), ListType("set")] = Field((), description="The codes.")


class ContainerRestartRule(Model):
    """What to do when a container ends in some way."""

    action: Annotated[str, Proto(1), REQUIRED] = Field("", description="Restart is the only one.")
    exit_codes: Annotated[ContainerRestartRuleOnExitCodes | None, Proto(2)] = Field(
        None, alias="exitCodes", description="The exit codes that it is about."
    )


class VolumeMount(Model):
    """Where a volume of the pod appears in a container."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name of the volume.")
    read_only: Annotated[bool, Proto(2)] = Field(
        False, alias="readOnly", description="Mount it read-only."
    )
    recursive_read_only: Annotated[str, Proto(7)] = Field(
        "", alias="recursiveReadOnly", description="Whether mounts below it are read-only too."
    )
    mount_path: Annotated[str, Proto(3), REQUIRED] = Field(
        "", alias="mountPath", description="Where it appears."
    )
    sub_path: Annotated[str, Proto(4)] = Field(
        "", alias="subPath", description="Show only this path of the volume."
    )
    mount_propagation: Annotated[str, Proto(5)] = Field(
        "",
        alias="mountPropagation",
        description="Whether later mounts pass between node and container.",
    )
    sub_path_expr: Annotated[str, Proto(6)] = Field(
        "", alias="subPathExpr", description="Like subPath, with $(NAME) for variables."
    )


class VolumeDevice(Model):
    """Where a block volume appears in a container."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name of the claim's volume.")
    device_path: Annotated[str, Proto(2), REQUIRED] = Field(
        "", alias="devicePath", description="Path of the device."
    )


class Container(Model):
    """One process image that runs in the pod, with its resources, probes and mounts."""

    name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Name, unique in the pod; it cannot change."
    )
    image: Annotated[str, Proto(2)] = Field(
        "", description="Image that the container is made from."
    )
    command: Annotated[Items[str], Proto(3)] = Field(
        (),
        description="Program and first arguments, instead of the image's entry point; no shell is involved.",
    )
    args: Annotated[Items[str], Proto(4)] = Field(
        (), description="Arguments, instead of the image's."
    )
    working_dir: Annotated[str, Proto(5)] = Field(
        "",
        alias="workingDir",
        description="Directory that the program starts in; the image's where absent.",
    )
    ports: Annotated[
        Items[ContainerPort],
        Proto(6),
        MergeKey("containerPort"),
        ListType("map", "containerPort", "protocol"),
    ] = Field(
        (),
        description="Ports that the container listens on; listing them is information for others.",
    )
    env_from: Annotated[Items[EnvFromSource], Proto(19)] = Field(
        (),
        alias="envFrom",
        description="Variables taken from config maps and secrets; later ones win, `env` wins over all.",
    )
    env: Annotated[Items[EnvVar], Proto(7), MergeKey("name"), ListType("map", "name")] = Field(
        (), description="Variables."
    )
    resources: Annotated[ResourceRequirements | None, Proto(8)] = Field(
        None, description="Requests and limits."
    )
    resize_policy: Annotated[Items[ContainerResizePolicy], Proto(23)] = Field(
        (), alias="resizePolicy", description="What changes of resources mean while it runs."
    )
    restart_policy: Annotated[str, Proto(24)] = Field(
        "",
        alias="restartPolicy",
        description="Its own restart policy; Always makes an init container a sidecar.",
    )
    restart_policy_rules: Annotated[Items[ContainerRestartRule], Proto(25)] = Field(
        (),
        alias="restartPolicyRules",
        description="Rules that are looked at before the restart policy.",
    )
    volume_mounts: Annotated[
        Items[VolumeMount], Proto(9), MergeKey("mountPath"), ListType("map", "mountPath")
    ] = Field((), alias="volumeMounts", description="Volumes and where they appear.")
    volume_devices: Annotated[
        Items[VolumeDevice], Proto(21), MergeKey("devicePath"), ListType("map", "devicePath")
    ] = Field((), alias="volumeDevices", description="Block volumes and where they appear.")
    liveness_probe: Annotated[Probe | None, Proto(10)] = Field(
        None, alias="livenessProbe", description="When it fails, the container is restarted."
    )
    readiness_probe: Annotated[Probe | None, Proto(11)] = Field(
        None,
        alias="readinessProbe",
        description="While it fails, services send nothing to the pod.",
    )
    startup_probe: Annotated[Probe | None, Proto(22)] = Field(
        None,
        alias="startupProbe",
        description="Until it has succeeded once, the other probes wait.",
    )
    lifecycle: Annotated[Lifecycle | None, Proto(12)] = Field(
        None, description="What is done after the start and before the stop."
    )
    termination_message_path: Annotated[str, Proto(13)] = Field(
        "",
        alias="terminationMessagePath",
        description="File whose content becomes the message of the container's end.",
    )
    termination_message_policy: Annotated[str, Proto(20)] = Field(
        "",
        alias="terminationMessagePolicy",
        description="File, or FallbackToLogsOnError: the end of the log where there is no file.",
    )
    image_pull_policy: Annotated[str, Proto(14)] = Field(
        "", alias="imagePullPolicy", description="Always, IfNotPresent or Never."
    )
    security_context: Annotated[SecurityContext | None, Proto(15)] = Field(
        None, alias="securityContext", description="What its processes may do."
    )
    stdin: Annotated[bool, Proto(16)] = Field(
        False, description="Keep standard input open, for attach."
    )
    stdin_once: Annotated[bool, Proto(17)] = Field(
        False, alias="stdinOnce", description="Close it when the first client leaves."
    )
    tty: Annotated[bool, Proto(18)] = Field(False, description="Give it a terminal.")


class EphemeralContainerCommon(Model):
    """What an ephemeral container shares with ordinary ones."""

    name: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="Name, unique in the pod; it cannot change."
    )
    image: Annotated[str, Proto(2), REQUIRED] = Field(
        "", description="Image that the container is made from."
    )
    command: Annotated[Items[str], Proto(3)] = Field(
        (),
        description="Program and first arguments, instead of the image's entry point; no shell is involved.",
    )
    args: Annotated[Items[str], Proto(4)] = Field(
        (), description="Arguments, instead of the image's."
    )
    working_dir: Annotated[str, Proto(5)] = Field(
        "",
        alias="workingDir",
        description="Directory that the program starts in; the image's where absent.",
    )
    ports: Annotated[
        Items[ContainerPort],
        Proto(6),
        MergeKey("containerPort"),
        ListType("map", "containerPort", "protocol"),
    ] = Field(
        (),
        description="Ports that the container listens on; listing them is information for others.",
    )
    env_from: Annotated[Items[EnvFromSource], Proto(19)] = Field(
        (),
        alias="envFrom",
        description="Variables taken from config maps and secrets; later ones win, `env` wins over all.",
    )
    env: Annotated[Items[EnvVar], Proto(7), MergeKey("name"), ListType("map", "name")] = Field(
        (), description="Variables."
    )
    resources: Annotated[ResourceRequirements | None, Proto(8)] = Field(
        None, description="Requests and limits."
    )
    resize_policy: Annotated[Items[ContainerResizePolicy], Proto(23)] = Field(
        (), alias="resizePolicy", description="What changes of resources mean while it runs."
    )
    restart_policy: Annotated[str, Proto(24)] = Field(
        "",
        alias="restartPolicy",
        description="Its own restart policy; Always makes an init container a sidecar.",
    )
    restart_policy_rules: Annotated[Items[ContainerRestartRule], Proto(25)] = Field(
        (),
        alias="restartPolicyRules",
        description="Rules that are looked at before the restart policy.",
    )
    volume_mounts: Annotated[
        Items[VolumeMount], Proto(9), MergeKey("mountPath"), ListType("map", "mountPath")
    ] = Field((), alias="volumeMounts", description="Volumes and where they appear.")
    volume_devices: Annotated[
        Items[VolumeDevice], Proto(21), MergeKey("devicePath"), ListType("map", "devicePath")
    ] = Field((), alias="volumeDevices", description="Block volumes and where they appear.")
    liveness_probe: Annotated[Probe | None, Proto(10)] = Field(
        None, alias="livenessProbe", description="When it fails, the container is restarted."
    )
    readiness_probe: Annotated[Probe | None, Proto(11)] = Field(
        None,
        alias="readinessProbe",
        description="While it fails, services send nothing to the pod.",
    )
    startup_probe: Annotated[Probe | None, Proto(22)] = Field(
        None,
        alias="startupProbe",
        description="Until it has succeeded once, the other probes wait.",
    )
    lifecycle: Annotated[Lifecycle | None, Proto(12)] = Field(
        None, description="What is done after the start and before the stop."
    )
    termination_message_path: Annotated[str, Proto(13)] = Field(
        "",
        alias="terminationMessagePath",
        description="File whose content becomes the message of the container's end.",
    )
    termination_message_policy: Annotated[str, Proto(20)] = Field(
        "",
        alias="terminationMessagePolicy",
        description="File, or FallbackToLogsOnError: the end of the log where there is no file.",
    )
    image_pull_policy: Annotated[str, Proto(14)] = Field(
        "", alias="imagePullPolicy", description="Always, IfNotPresent or Never."
    )
    security_context: Annotated[SecurityContext | None, Proto(15)] = Field(
        None, alias="securityContext", description="What its processes may do."
    )
    stdin: Annotated[bool, Proto(16)] = Field(
        False, description="Keep standard input open, for attach."
    )
    stdin_once: Annotated[bool, Proto(17)] = Field(
        False, alias="stdinOnce", description="Close it when the first client leaves."
    )
    tty: Annotated[bool, Proto(18)] = Field(False, description="Give it a terminal.")


class EphemeralContainer(EphemeralContainerCommon):
    """A container added to a running pod, to look at it."""

    embedded: ClassVar[Mapping[type[Model], int]] = {EphemeralContainerCommon: 1}

    target_container_name: Annotated[str, Proto(2)] = Field(
        "", alias="targetContainerName", description="The container whose processes it sees."
    )
