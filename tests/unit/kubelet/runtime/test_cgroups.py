"""Control groups of both versions, on directories that look like them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelet.runtime.config import Resources
from kubelet.runtime.oci.cgroups import CgroupsV1, CgroupsV2, Usage, detect, weight_of_shares

POD = "/bireme/podu1"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    write(tmp_path / "cgroup.controllers", "cpuset cpu io memory pids\n")
    write(tmp_path / "cgroup.subtree_control", "cpu")
    return tmp_path


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    for name in ("cpu,cpuacct", "memory", "pids", "systemd", "unified"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    (tmp_path / "cpuacct").symlink_to("cpu,cpuacct")
    write(
        tmp_path / "self",
        "9:name=systemd:/\n4:memory:/\n3:cpu,cpuacct:/\n2:pids:/\n0::/\n",
    )
    return tmp_path


def test_the_version_is_found(tmp_path: Path, v1: Path) -> None:
    assert isinstance(detect(v1, v1 / "self"), CgroupsV1)
    write(tmp_path / "two/cgroup.controllers", "")
    assert isinstance(detect(tmp_path / "two", v1 / "self"), CgroupsV2)


def test_v2_delegates_controllers_on_the_way_down(v2: Path) -> None:
    CgroupsV2(v2).prepare_pod(POD, None)
    # Each write is one controller: the file of the kernel collects, a plain one keeps the last.
    assert (v2 / "cgroup.subtree_control").read_text() in {"+memory", "+pids", "+cpuset", "+io"}
    assert (v2 / "bireme/podu1").is_dir()


def test_v2_limits(v2: Path) -> None:
    pod = v2 / "bireme/podu1"
    for name in ("cpu.weight", "cpu.max", "memory.max", "pids.max"):
        write(pod / name, "max")
    wanted = Resources(cpu_shares=512, cpu_quota=50_000, memory_limit_bytes=1 << 20, pids_limit=7)
    CgroupsV2(v2).update(POD, wanted)
    assert (pod / "cpu.weight").read_text() == "20"
    assert (pod / "cpu.max").read_text() == "50000 100000"
    assert (pod / "memory.max").read_text() == "1048576"
    assert (pod / "pids.max").read_text() == "7"


def test_v2_usage(v2: Path) -> None:
    pod = v2 / "bireme/podu1"
    write(pod / "memory.current", "1000\n")
    write(pod / "memory.stat", "anon 5\ninactive_file 300\n")
    write(pod / "memory.events", "low 0\noom 2\noom_kill 1\n")
    write(pod / "cpu.stat", "usage_usec 42\nuser_usec 1\n")
    write(pod / "pids.current", "3\n")
    assert CgroupsV2(v2).usage(POD) == Usage(42_000, 1000, 700, 3, 1)


def test_v1_usage(v1: Path) -> None:
    groups = detect(v1, v1 / "self")
    write(v1 / "memory" / POD[1:] / "memory.usage_in_bytes", "1000\n")
    write(v1 / "memory" / POD[1:] / "memory.stat", "total_inactive_file 300\n")
    write(v1 / "memory" / POD[1:] / "memory.oom_control", "under_oom 0\noom_kill 1\n")
    write(v1 / "cpuacct" / POD[1:] / "cpuacct.usage", "42\n")
    write(v1 / "pids" / POD[1:] / "pids.current", "3\n")
    assert groups.usage(POD) == Usage(42, 1000, 700, 3, 1)


def test_v1_limits_of_a_pod(v1: Path) -> None:
    groups = detect(v1, v1 / "self")
    groups.prepare_pod(POD, Resources(cpu_shares=100, cpu_quota=5000, memory_limit_bytes=4096))
    assert (v1 / "cpu" / POD[1:] / "cpu.shares").read_text() == "100"
    assert (v1 / "cpu" / POD[1:] / "cpu.cfs_quota_us").read_text() == "5000"
    assert (v1 / "memory" / POD[1:] / "memory.limit_in_bytes").read_text() == "4096"


def test_a_group_that_is_gone_has_used_nothing(v1: Path, v2: Path) -> None:
    assert detect(v1, v1 / "self").usage("/none") == Usage()
    assert CgroupsV2(v2).usage("/none") == Usage()


def test_removal_takes_what_is_below_and_leaves_the_parents(v1: Path) -> None:
    groups = detect(v1, v1 / "self")
    groups.prepare_pod(POD, None)
    (v1 / "memory" / POD[1:] / "container").mkdir()
    groups.remove(POD)
    groups.remove(POD)
    for controller in ("cpu", "memory", "pids"):
        assert (v1 / controller / "bireme").is_dir()
        assert not (v1 / controller / "bireme/podu1").exists()


@given(st.integers(0, 300_000))
def test_weights_stay_in_range(shares: int) -> None:
    assert 1 <= weight_of_shares(shares) <= 10_000


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (512, 20), (1024, 39), (262_144, 10_000)])
def test_weights_as_the_runtimes_make_them(shares: int, weight: int) -> None:
    assert weight_of_shares(shares) == weight


@pytest.mark.parametrize(
    ("controllers", "extra"),
    [("cpu memory pids", {"memory.oom.group": "1"}), ("hugetlb", {}), ("", {})],
)
def test_v2_asks_nothing_of_memory_where_there_is_no_such_controller(
    tmp_path: Path, controllers: str, extra: dict[str, str]
) -> None:
    write(tmp_path / "cgroup.controllers", controllers)
    assert CgroupsV2(tmp_path).unified() == extra
