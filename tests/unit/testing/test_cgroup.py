"""What is read of cgroups, from files as kernels write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.errors import MemcapError
from memcap.testing.cgroup import CgroupFolder, own_cgroup


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


V2 = {
    "cgroup.controllers": "memory pids\n",
    "app/memory.current": "9000\n",
    "app/memory.stat": "anon 4000\nfile 9999\nkernel 700\nshmem 300\nslab_reclaimable 200\nsock 50\n"
    "inactive_anon 4300\nactive_anon 0\nunevictable 0\n",
    "app/memory.events": "low 0\nmax 3\noom 1\noom_kill 2\n",
}
V1 = {
    "memory/docker/abc/memory.limit_in_bytes": "1000000\n",
    "memory/docker/abc/memory.stat": "cache 999\nrss 1\ntotal_rss 4000\ntotal_shmem 300\n"
    "total_inactive_anon 0\ntotal_active_anon 4300\ntotal_unevictable 0\n",
    "memory/docker/abc/memory.kmem.usage_in_bytes": "500\n",
    "memory/docker/abc/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
}


def test_version_2(tmp_path: Path) -> None:
    write(tmp_path, {**V2, "membership": "0::/app\n"})
    found = own_cgroup(root=tmp_path, membership=tmp_path / "membership")

    assert found == CgroupFolder(version=2, path=tmp_path / "app")
    assert found.unreclaimable_bytes() == 4000 + 300 + 700 - 200 + 50
    assert found.oom_kills() == 2


def test_version_2_of_older_kernels_tells_parts_of_the_kernel_s_memory(tmp_path: Path) -> None:
    stat = "anon 4000\nshmem 300\nslab 500\nslab_reclaimable 200\nkernel_stack 30\npagetables 40\n"
    stat += "inactive_anon 4300\nactive_anon 0\nunevictable 0\n"
    write(tmp_path, {**V2, "app/memory.stat": stat})

    assert CgroupFolder(version=2, path=tmp_path / "app").unreclaimable_bytes() == 4000 + 300 + 500 + 30 + 40 - 200


@pytest.mark.parametrize(("listed", "more"), [(8 << 30, 8 << 30), (-(3 << 30), -(3 << 30)), (4096, 0), (-4096, 0)])
def test_pages_that_lie_on_another_list(tmp_path: Path, listed: int, more: int) -> None:
    """Lazily freed pages are no need, locked ones of files are; the lists lag behind a little."""
    stat = f"anon {4 << 30}\nshmem 0\nkernel 0\ninactive_anon {4 << 30}\nactive_anon {listed}\nunevictable 0\n"
    write(tmp_path, {**V2, "app/memory.stat": stat})

    assert CgroupFolder(version=2, path=tmp_path / "app").unreclaimable_bytes() == (4 << 30) + more


def test_version_1(tmp_path: Path) -> None:
    write(tmp_path, {**V1, "membership": "5:cpu,cpuacct:/other\n4:memory:/docker/abc\n"})
    found = own_cgroup(root=tmp_path, membership=tmp_path / "membership")

    assert found == CgroupFolder(version=1, path=tmp_path / "memory" / "docker" / "abc")
    assert found.unreclaimable_bytes() == 4000 + 300 + 500
    assert found.oom_kills() == 1


def test_a_container_sees_its_own_cgroup_as_the_mount(tmp_path: Path) -> None:
    files = {name.replace("docker/abc/", ""): text for name, text in V1.items()}
    write(tmp_path, {**files, "membership": "4:memory:/docker/abc\n"})

    assert own_cgroup(root=tmp_path, membership=tmp_path / "membership").path == tmp_path / "memory"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"membership": "0::/\n", "cgroup.controllers": "memory\n", "memory.stat": "anon 1\n"}, id="v2 root"
        ),
        pytest.param(
            {"membership": "4:memory:/\n", "memory/memory.limit_in_bytes": "9223372036854771712\n"}, id="v1 root"
        ),
        pytest.param({"membership": "4:memory:/\n"}, id="not mounted"),
        pytest.param({}, id="no cgroups"),
    ],
)
def test_the_whole_machine_is_no_cgroup(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)

    with pytest.raises(MemcapError, match="cannot be measured"):
        own_cgroup(root=tmp_path, membership=tmp_path / "membership")


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(MemcapError, match=r"memory\.stat"):
        CgroupFolder(version=2, path=tmp_path).unreclaimable_bytes()
    assert CgroupFolder(version=2, path=tmp_path).oom_kills() is None
