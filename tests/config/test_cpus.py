"""The number of CPUs that may be used: by affinity, and by the limits of control groups of both versions."""

from pathlib import Path

import pytest

from penstock.config import cpus


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where proc and sys are; 64 CPUs by affinity."""
    monkeypatch.setattr(cpus, "_affinity", lambda: 64)
    return tmp_path


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_limits_affinity_counts(root: Path) -> None:
    assert cpus.usable(str(root)) == 64


@pytest.mark.parametrize(
    "text, count",
    [
        ("200000 100000\n", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("max 100000", 64),
        ("0 100000", 64),
        ("junk", 64),
    ],
)
def test_a_limit_of_version_2(root: Path, text: str, count: int) -> None:
    write(root, "proc/self/cgroup", "0::/app\n")
    write(root, "sys/fs/cgroup/app/cpu.max", text)
    assert cpus.usable(str(root)) == count


def test_the_lowest_limit_on_the_way_up_holds(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/system.slice/app.service\n")
    write(root, "sys/fs/cgroup/system.slice/app.service/cpu.max", "800000 100000")
    write(root, "sys/fs/cgroup/system.slice/cpu.max", "300000 100000")
    assert cpus.usable(str(root)) == 3


def test_a_container_whose_own_group_is_the_root_of_what_it_sees(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/../../docker/0123\n")
    write(root, "sys/fs/cgroup/cpu.max", "400000 100000")
    assert cpus.usable(str(root)) == 4


@pytest.mark.parametrize("folder", ["cpu,cpuacct", "cpu"])
def test_a_limit_of_version_1(root: Path, folder: str) -> None:
    write(root, "proc/self/cgroup", "4:memory:/x\n3:cpu,cpuacct:/docker/0123\n")
    write(root, f"sys/fs/cgroup/{folder}/docker/0123/cpu.cfs_quota_us", "250000\n")
    write(root, f"sys/fs/cgroup/{folder}/docker/0123/cpu.cfs_period_us", "100000\n")
    assert cpus.usable(str(root)) == 3


def test_version_1_without_a_limit(root: Path) -> None:
    write(root, "proc/self/cgroup", "3:cpu,cpuacct:/\n")
    write(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    write(root, "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    assert cpus.usable(str(root)) == 64


def test_this_machine_has_at_least_one() -> None:
    assert cpus.usable() >= 1
