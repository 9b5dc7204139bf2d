"""Settings of containers that plain processes cannot have. Pure."""

from __future__ import annotations

from typing import Final

from memcap.engine.base import SHM_BYTES
from memcap.errors import PlanError
from memcap.model import ContainerPolicy, RunLimits

_REMEDY: Final = "Leave it out, or use Docker."


def refuse_container_settings(policy: ContainerPolicy) -> None:
    """Raise PlanError for a user, quota of CPUs, ulimits or size of /dev/shm."""
    limits = policy.limits
    asked = {
        "--user (`container.user`)": policy.user is not None,
        "--cpus (`container.cpus`)": limits.cpus is not None,
        "--ulimit (`container.ulimits`)": bool(limits.ulimits),
        "--shm-size (`container.shm_size`)": policy.shm_size_bytes not in (None, SHM_BYTES),
    }
    for setting, is_asked in asked.items():
        if is_asked:
            raise PlanError(f"{setting} needs a container; the process engine has none", remedy=_REMEDY)


def refuse_uncounted(limits: RunLimits, *, cgroup_version: int | None) -> None:
    """Raise PlanError for a limit of what is not counted here: its breaking would not be seen."""
    if limits.cpu_time_seconds is not None and cgroup_version != 2:
        where = "without a cgroup of v2 the CPU time of plain processes is not counted"
        raise PlanError(f"--cpu-time (`container.cpu_time`) cannot be kept: {where}", remedy=_REMEDY)
    if limits.disk_bytes is not None and cgroup_version is None:
        where = "without a cgroup it is not counted what plain processes write"
        raise PlanError(f"--disk (`container.disk`) cannot be kept: {where}", remedy=_REMEDY)
