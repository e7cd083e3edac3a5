"""What a process may do: users, capabilities, profiles, kernel parameters."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int64, Items, Model, Proto


class Capabilities(Model):
    """Capabilities added to and dropped from the runtime's default."""

    add: Annotated[Items[str], Proto(1)] = Field((), description="Those added.")
    drop: Annotated[Items[str], Proto(2)] = Field(
        (), description="Those dropped; ALL drops every one."
    )


class SELinuxOptions(Model):
    """The SELinux label of a process."""

    user: Annotated[str, Proto(1)] = Field("", description="User part of the label.")
    role: Annotated[str, Proto(2)] = Field("", description="Role part.")
    type: Annotated[str, Proto(3)] = Field("", description="Type part.")
    level: Annotated[str, Proto(4)] = Field("", description="Level part.")


class SeccompProfile(Model):
    """Which system calls are allowed."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="RuntimeDefault, Unconfined or Localhost."
    )
    localhost_profile: Annotated[str, Proto(2)] = Field(
        "", alias="localhostProfile", description="File of the profile on the node, for Localhost."
    )


class AppArmorProfile(Model):
    """The AppArmor profile of a process."""

    type: Annotated[str, Proto(1), REQUIRED] = Field(
        "", description="RuntimeDefault, Unconfined or Localhost."
    )
    localhost_profile: Annotated[str, Proto(2)] = Field(
        "",
        alias="localhostProfile",
        description="Name of a profile loaded on the node, for Localhost.",
    )


class WindowsSecurityContextOptions(Model):
    """What only Windows containers have."""

    gmsa_credential_spec_name: Annotated[str, Proto(1)] = Field(
        "", alias="gmsaCredentialSpecName", description="Name of the GMSA credential."
    )
    gmsa_credential_spec: Annotated[str, Proto(2)] = Field(
        "", alias="gmsaCredentialSpec", description="The GMSA credential itself."
    )
    run_as_user_name: Annotated[str, Proto(3)] = Field(
        "", alias="runAsUserName", description="User of the process."
    )
    host_process: Annotated[bool | None, Proto(4)] = Field(
        None, alias="hostProcess", description="Whether it runs as a process of the host."
    )


class SecurityContext(Model):
    """What the processes of one container may do; it overrides the pod's."""

    capabilities: Annotated[Capabilities | None, Proto(1)] = Field(
        None, description="Capabilities added and dropped."
    )
    privileged: Annotated[bool | None, Proto(2)] = Field(
        None, description="All powers of the host."
    )
    se_linux_options: Annotated[SELinuxOptions | None, Proto(3)] = Field(
        None, alias="seLinuxOptions", description="SELinux label."
    )
    windows_options: Annotated[WindowsSecurityContextOptions | None, Proto(10)] = Field(
        None, alias="windowsOptions", description="For Windows only."
    )
    run_as_user: Annotated[Int64 | None, Proto(4)] = Field(
        None,
        alias="runAsUser",
        description="User id of the first process; the image's where absent.",
    )
    run_as_group: Annotated[Int64 | None, Proto(8)] = Field(
        None, alias="runAsGroup", description="Group id of the first process."
    )
    run_as_non_root: Annotated[bool | None, Proto(5)] = Field(
        None, alias="runAsNonRoot", description="Refuse to start as user 0."
    )
    read_only_root_filesystem: Annotated[bool | None, Proto(6)] = Field(
        None,
        alias="readOnlyRootFilesystem",
        description="Mount the container's own files read-only.",
    )
    allow_privilege_escalation: Annotated[bool | None, Proto(7)] = Field(
        None,
        alias="allowPrivilegeEscalation",
        description="Whether a process may gain more powers than its parent.",
    )
    proc_mount: Annotated[str, Proto(9)] = Field(
        "", alias="procMount", description="How /proc is shown: Default or Unmasked."
    )
    seccomp_profile: Annotated[SeccompProfile | None, Proto(11)] = Field(
        None, alias="seccompProfile", description="Allowed system calls."
    )
    app_armor_profile: Annotated[AppArmorProfile | None, Proto(12)] = Field(
        None, alias="appArmorProfile", description="AppArmor profile."
    )


class Sysctl(Model):
    """A kernel parameter, set for the pod."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Name of the parameter.")
    value: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its value.")


class PodSecurityContext(Model):
    """What the processes of all containers of a pod may do."""

    se_linux_options: Annotated[SELinuxOptions | None, Proto(1)] = Field(
        None, alias="seLinuxOptions", description="SELinux label."
    )
    windows_options: Annotated[WindowsSecurityContextOptions | None, Proto(8)] = Field(
        None, alias="windowsOptions", description="For Windows only."
    )
    run_as_user: Annotated[Int64 | None, Proto(2)] = Field(
        None, alias="runAsUser", description="User id of first processes."
    )
    run_as_group: Annotated[Int64 | None, Proto(6)] = Field(
        None, alias="runAsGroup", description="Group id of first processes."
    )
    run_as_non_root: Annotated[bool | None, Proto(3)] = Field(
        None, alias="runAsNonRoot", description="Refuse to start as user 0."
    )
    supplemental_groups: Annotated[Items[Int64], Proto(4)] = Field(
        (), alias="supplementalGroups", description="More groups of every first process."
    )
    supplemental_groups_policy: Annotated[str, Proto(12)] = Field(
        "",
        alias="supplementalGroupsPolicy",
        description="Merge with the image's groups, or Strict: only those given.",
    )
    fs_group: Annotated[Int64 | None, Proto(5)] = Field(
        None, alias="fsGroup", description="Group that owns volumes and that every process is in."
    )
    sysctls: Annotated[Items[Sysctl], Proto(7)] = Field(
        (), description="Kernel parameters of the pod."
    )
    fs_group_change_policy: Annotated[str, Proto(9)] = Field(
        "",
        alias="fsGroupChangePolicy",
        description="When ownership of a volume is changed: Always or OnRootMismatch.",
    )
    seccomp_profile: Annotated[SeccompProfile | None, Proto(10)] = Field(
        None, alias="seccompProfile", description="Allowed system calls."
    )
    app_armor_profile: Annotated[AppArmorProfile | None, Proto(11)] = Field(
        None, alias="appArmorProfile", description="AppArmor profile."
    )
    se_linux_change_policy: Annotated[str, Proto(13)] = Field(
        "",
        alias="seLinuxChangePolicy",
        description="How volumes get their label: Recursive or MountOption.",
    )
