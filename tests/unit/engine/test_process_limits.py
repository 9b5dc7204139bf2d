"""What plain processes cannot have is refused before the first run."""

from __future__ import annotations

import pytest

from memcap.engine.process_limits import refuse_container_settings, refuse_uncounted
from memcap.errors import PlanError
from memcap.model import ContainerPolicy, Mount, MountKind, RunLimits, Ulimit

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("policy", "option"),
    [
        (ContainerPolicy(user="app"), "--user"),
        (ContainerPolicy(limits=RunLimits(cpus=1)), "--cpus"),
        (ContainerPolicy(limits=RunLimits(ulimits={"nofile": Ulimit(soft=64, hard=64)})), "--ulimit"),
        (ContainerPolicy(shm_size_bytes=128 * MIB), "--shm-size"),
        (ContainerPolicy(mounts=(Mount(kind=MountKind.VOLUME, target="/data"),)), r"a mount \(--volume, --mount\)"),
        (ContainerPolicy(mounts=(Mount(kind=MountKind.TMPFS, target="/data"),)), "--tmpfs"),
        (ContainerPolicy(read_only=True), "--read-only"),
        (ContainerPolicy(entrypoint=("tini",)), "--entrypoint"),
        (ContainerPolicy(working_directory="/srv"), "--workdir"),
        (ContainerPolicy(network="bridge"), "--network"),
        (ContainerPolicy(add_hosts=("db:10.0.0.5",)), "--add-host"),
    ],
)
def test_settings_of_containers(policy: ContainerPolicy, option: str) -> None:
    with pytest.raises(PlanError, match=f"^{option} .*needs a container") as refused:
        refuse_container_settings((policy,))
    assert "Docker" in refused.value.remedy


def test_all_settings_of_containers_are_named_at_once() -> None:
    with pytest.raises(PlanError) as refused:
        refuse_container_settings((ContainerPolicy(user="app", read_only=True), ContainerPolicy(user="root")))
    assert refused.value.message == (
        "--user (`user`), --read-only (`read_only`) need a container; the process engine has none"
    )
    assert refused.value.remedy == "Leave them out, or use Docker."


def test_limits_that_the_supervisor_keeps_are_accepted() -> None:
    limits = RunLimits(disk_bytes=MIB, file_size_bytes=MIB, cpu_time_seconds=1, core_bytes=MIB)
    refuse_container_settings((ContainerPolicy(shm_size_bytes=64 * MIB, limits=limits, entrypoint=()),))
    refuse_uncounted(limits, cgroup_version=2)
    refuse_uncounted(RunLimits(disk_bytes=MIB, file_size_bytes=MIB), cgroup_version=1)
    refuse_uncounted(RunLimits(file_size_bytes=MIB), cgroup_version=None)


@pytest.mark.parametrize("version", [None, 1])
def test_cpu_time_that_is_not_counted(version: int | None) -> None:
    with pytest.raises(PlanError, match="--cpu-time"):
        refuse_uncounted(RunLimits(cpu_time_seconds=1), cgroup_version=version)


def test_writes_that_are_not_counted() -> None:
    with pytest.raises(PlanError, match="--disk"):
        refuse_uncounted(RunLimits(disk_bytes=1), cgroup_version=None)
