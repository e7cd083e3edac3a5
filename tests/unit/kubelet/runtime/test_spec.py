"""config.json from what a pod asks and what a node can give."""

from dataclasses import replace

import pytest

from kubelet.images.interface import ImageConfig
from kubelet.runtime.config import (
    ContainerConfig,
    Mount,
    Propagation,
    Resources,
    SeccompMode,
    Security,
)
from kubelet.runtime.errors import CreateContainerError
from kubelet.runtime.interface import ProcessUser
from kubelet.runtime.oci import defaults, spec

ALL = frozenset(defaults.CAPABILITY_NAMES)
LIMITS = spec.NodeLimits(
    machine="x86_64",
    capabilities=ALL,
    oom_score_floor=None,
    open_files_hard=4096,
    limits_swap=True,
    unified={},
    devices=(("/dev/kmsg", "c", 1, 11),),
)
AROUND = spec.Surroundings(
    namespaces={"pid": None, "network": "/ns/net"},
    cgroup="/bireme/podu1/c1",
    hostname="web-0",
    files=(("/etc/hosts", "/state/hosts"),),
    shm_path="/state/shm",
)
CONFIG = ContainerConfig(name="main", image="app", command=("run",))
IMAGE = ImageConfig(entrypoint=("entry",), command=("default",), env=("A=image", "B=image"))


def build(
    config: ContainerConfig = CONFIG, limits: spec.NodeLimits = LIMITS, image: ImageConfig = IMAGE
) -> spec.JsonObject:
    return spec.build(config, image, ProcessUser(1, 2, (3,)), AROUND, limits)


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ((), (), ["entry", "default"]),
        ((), ("x",), ["entry", "x"]),
        (("c",), (), ["c"]),
        (("c",), ("x", "y"), ["c", "x", "y"]),
    ],
)
def test_command_and_args_as_in_kubernetes(command, args, expected) -> None:
    config = replace(CONFIG, command=command, args=args)
    assert build(config)["process"]["args"] == expected


def test_nothing_to_run_is_an_error() -> None:
    with pytest.raises(CreateContainerError, match="no command specified"):
        build(replace(CONFIG, command=()), image=ImageConfig())


def test_the_pods_environment_wins_over_the_images() -> None:
    config = replace(CONFIG, env=(("B", "pod"), ("C", "x=y")), tty=True)
    env = dict(entry.split("=", 1) for entry in build(config)["process"]["env"])
    assert env == {
        "PATH": defaults.PATH,
        "HOSTNAME": "web-0",
        "TERM": "xterm",
        "A": "image",
        "B": "pod",
        "C": "x=y",
    }


def test_user_and_directory() -> None:
    process = build(image=replace(IMAGE, working_dir="/srv"))["process"]
    assert process["user"] == {"uid": 1, "gid": 2, "additionalGids": [3]}
    assert process["cwd"] == "/srv"
    assert build(replace(CONFIG, working_dir="/own"))["process"]["cwd"] == "/own"


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        (Security(), defaults.CAPABILITIES),
        (Security(capabilities_drop=("ALL",)), frozenset()),
        (Security(capabilities_drop=("ALL",), capabilities_add=("NET_ADMIN",)), {"NET_ADMIN"}),
        (Security(capabilities_drop=("CAP_KILL",)), defaults.CAPABILITIES - {"KILL"}),
        (Security(capabilities_add=("ALL",)), ALL),
        (
            Security(capabilities_add=("ALL",), capabilities_drop=("SYS_ADMIN",)),
            ALL - {"SYS_ADMIN"},
        ),
        (Security(capabilities_add=("cap_sys_time",)), defaults.CAPABILITIES | {"SYS_TIME"}),
        (Security(privileged=True, capabilities_drop=("ALL",)), ALL),
    ],
)
def test_capabilities(security: Security, expected: frozenset[str]) -> None:
    assert spec.capability_set(security, ALL) == expected


def test_what_the_agent_lacks_cannot_be_given() -> None:
    available = ALL - {"SYS_RESOURCE", "KILL"}
    assert spec.capability_set(Security(privileged=True), available) == available
    assert spec.capability_set(Security(), available) == defaults.CAPABILITIES - {"KILL"}


@pytest.mark.parametrize(("floor", "expected"), [(None, -998), (0, 0), (-999, -998)])
def test_the_oom_score_is_clamped(floor: int | None, expected: int) -> None:
    config = replace(CONFIG, resources=Resources(oom_score_adj=-998))
    limits = replace(LIMITS, oom_score_floor=floor)
    assert build(config, limits)["process"]["oomScoreAdj"] == expected


def test_open_files_are_clamped() -> None:
    assert build()["process"]["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 4096, "hard": 4096}]


def test_limits() -> None:
    wanted = Resources(
        cpu_shares=512,
        cpu_quota=50_000,
        cpu_period=100_000,
        memory_limit_bytes=64 << 20,
        pids_limit=10,
        hugepage_limits={"2MB": 1},
    )
    assert build(replace(CONFIG, resources=wanted))["linux"]["resources"] == {
        "devices": [{"allow": False, "access": "rwm"}],
        "cpu": {"shares": 512, "quota": 50_000, "period": 100_000},
        "memory": {"limit": 64 << 20, "swap": 64 << 20},
        "pids": {"limit": 10},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 1}],
    }


def test_without_limits_nothing_is_set() -> None:
    assert list(build()["linux"]["resources"]) == ["devices"]


def test_swap_is_not_mentioned_where_the_kernel_does_not_count_it() -> None:
    config = replace(CONFIG, resources=Resources(memory_limit_bytes=1 << 20))
    resources = build(config, replace(LIMITS, limits_swap=False))["linux"]["resources"]
    assert resources["memory"] == {"limit": 1 << 20}


def test_namespaces_with_and_without_files() -> None:
    assert build()["linux"]["namespaces"] == [
        {"type": "pid"},
        {"type": "network", "path": "/ns/net"},
    ]


def destinations(document: spec.JsonObject) -> list[str]:
    return [mount["destination"] for mount in document["mounts"]]


def test_a_pods_mount_replaces_the_drivers() -> None:
    config = replace(CONFIG, mounts=(Mount("/etc/hosts", "/mine"), Mount("/dev/shm/", "/tmpfs")))
    document = build(config)
    found = {mount["destination"]: mount["source"] for mount in document["mounts"]}
    assert found["/etc/hosts"] == "/mine"
    assert "/dev/shm" not in found
    assert found["/dev/shm/"] == "/tmpfs"


def test_parents_are_mounted_before_children() -> None:
    mounts = (Mount("/a/b/c", "/3"), Mount("/a", "/1"), Mount("/a/b", "/2"))
    assert destinations(build(replace(CONFIG, mounts=mounts)))[-3:] == ["/a", "/a/b", "/a/b/c"]


@pytest.mark.parametrize(
    ("propagation", "option", "root"),
    [
        (Propagation.PRIVATE, "rprivate", "private"),
        (Propagation.HOST_TO_CONTAINER, "rslave", "rslave"),
        (Propagation.BIDIRECTIONAL, "rshared", "shared"),
    ],
)
def test_propagation(propagation: Propagation, option: str, root: str) -> None:
    document = build(replace(CONFIG, mounts=(Mount("/a", "/b", True, propagation),)))
    assert document["mounts"][-1]["options"] == ["rbind", option, "ro"]
    assert document["linux"]["rootfsPropagation"] == root


def test_files_of_the_driver_are_read_only_with_a_read_only_root() -> None:
    document = build(replace(CONFIG, security=Security(read_only_rootfs=True)))
    hosts = next(m for m in document["mounts"] if m["destination"] == "/etc/hosts")
    assert hosts["options"][-1] == "ro"
    assert document["root"]["readonly"]


def test_an_ordinary_container_is_masked_and_filtered() -> None:
    linux = build()["linux"]
    assert "/proc/kcore" in linux["maskedPaths"]
    assert "/proc/sys" in linux["readonlyPaths"]
    assert linux["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "devices" not in linux


def test_a_privileged_container_is_neither() -> None:
    document = build(replace(CONFIG, security=Security(privileged=True)))
    linux = document["linux"]
    assert "maskedPaths" not in linux
    assert "readonlyPaths" not in linux
    assert "seccomp" not in linux
    assert linux["devices"] == [
        {"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o660}
    ]
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]


def test_seccomp_modes() -> None:
    unconfined = Security(seccomp=SeccompMode.UNCONFINED)
    assert "seccomp" not in build(replace(CONFIG, security=unconfined))["linux"]
    own = replace(CONFIG, security=Security(seccomp=SeccompMode.LOCALHOST))
    document = spec.build(own, IMAGE, ProcessUser(0, 0), AROUND, LIMITS, {"defaultAction": "X"})
    assert document["linux"]["seccomp"] == {"defaultAction": "X"}
