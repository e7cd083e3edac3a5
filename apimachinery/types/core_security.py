"""core_security models."""

from typing import Annotated

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int64, Items, Model, Proto


class Capabilities(Model):
    """Capabilities."""

    add: Annotated[Items[str], Proto(1)] = ()
    drop: Annotated[Items[str], Proto(2)] = ()


class SELinuxOptions(Model):
    """SELinuxOptions."""

    user: Annotated[str, Proto(1)] = ""
    role: Annotated[str, Proto(2)] = ""
    type: Annotated[str, Proto(3)] = ""
    level: Annotated[str, Proto(4)] = ""


class SeccompProfile(Model):
    """SeccompProfile."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    localhost_profile: Annotated[str, Proto(2)] = Field("", alias="localhostProfile")


class AppArmorProfile(Model):
    """AppArmorProfile."""

    type: Annotated[str, Proto(1), REQUIRED] = ""
    localhost_profile: Annotated[str, Proto(2)] = Field("", alias="localhostProfile")


class WindowsSecurityContextOptions(Model):
    """WindowsSecurityContextOptions."""

    gmsa_credential_spec_name: Annotated[str, Proto(1)] = Field("", alias="gmsaCredentialSpecName")
    gmsa_credential_spec: Annotated[str, Proto(2)] = Field("", alias="gmsaCredentialSpec")
    run_as_user_name: Annotated[str, Proto(3)] = Field("", alias="runAsUserName")
    host_process: Annotated[bool | None, Proto(4)] = Field(None, alias="hostProcess")


class SecurityContext(Model):
    """SecurityContext."""

    capabilities: Annotated[Capabilities | None, Proto(1)] = None
    privileged: Annotated[bool | None, Proto(2)] = None
    se_linux_options: Annotated[SELinuxOptions | None, Proto(3)] = Field(
        None, alias="seLinuxOptions"
    )
    windows_options: Annotated[WindowsSecurityContextOptions | None, Proto(10)] = Field(
        None, alias="windowsOptions"
    )
    run_as_user: Annotated[Int64 | None, Proto(4)] = Field(None, alias="runAsUser")
    run_as_group: Annotated[Int64 | None, Proto(8)] = Field(None, alias="runAsGroup")
    run_as_non_root: Annotated[bool | None, Proto(5)] = Field(None, alias="runAsNonRoot")
    read_only_root_filesystem: Annotated[bool | None, Proto(6)] = Field(
        None, alias="readOnlyRootFilesystem"
    )
    allow_privilege_escalation: Annotated[bool | None, Proto(7)] = Field(
        None, alias="allowPrivilegeEscalation"
    )
    proc_mount: Annotated[str, Proto(9)] = Field("", alias="procMount")
    seccomp_profile: Annotated[SeccompProfile | None, Proto(11)] = Field(
        None, alias="seccompProfile"
    )
    app_armor_profile: Annotated[AppArmorProfile | None, Proto(12)] = Field(
        None, alias="appArmorProfile"
    )


class Sysctl(Model):
    """Sysctl."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    value: Annotated[str, Proto(2), REQUIRED] = ""


class PodSecurityContext(Model):
    """PodSecurityContext."""

    se_linux_options: Annotated[SELinuxOptions | None, Proto(1)] = Field(
        None, alias="seLinuxOptions"
    )
    windows_options: Annotated[WindowsSecurityContextOptions | None, Proto(8)] = Field(
        None, alias="windowsOptions"
    )
    run_as_user: Annotated[Int64 | None, Proto(2)] = Field(None, alias="runAsUser")
    run_as_group: Annotated[Int64 | None, Proto(6)] = Field(None, alias="runAsGroup")
    run_as_non_root: Annotated[bool | None, Proto(3)] = Field(None, alias="runAsNonRoot")
    supplemental_groups: Annotated[Items[Int64], Proto(4)] = Field((), alias="supplementalGroups")
    supplemental_groups_policy: Annotated[str, Proto(12)] = Field(
        "", alias="supplementalGroupsPolicy"
    )
    fs_group: Annotated[Int64 | None, Proto(5)] = Field(None, alias="fsGroup")
    sysctls: Annotated[Items[Sysctl], Proto(7)] = ()
    fs_group_change_policy: Annotated[str, Proto(9)] = Field("", alias="fsGroupChangePolicy")
    seccomp_profile: Annotated[SeccompProfile | None, Proto(10)] = Field(
        None, alias="seccompProfile"
    )
    app_armor_profile: Annotated[AppArmorProfile | None, Proto(11)] = Field(
        None, alias="appArmorProfile"
    )
    se_linux_change_policy: Annotated[str, Proto(13)] = Field("", alias="seLinuxChangePolicy")
