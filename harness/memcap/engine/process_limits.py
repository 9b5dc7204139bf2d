"""Settings of containers that plain processes cannot have. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from memcap.engine.base import SHM_BYTES
from memcap.errors import PlanError
from memcap.model import NO_NETWORK, ContainerPolicy, MountKind, RunLimits

_REMEDY: Final = "Leave it out, or use Docker."


def refuse_container_settings(policies: Iterable[ContainerPolicy]) -> None:
    """Raise PlanError naming all settings of ``policies`` that only a container can have."""
    asked = list(dict.fromkeys(setting for policy in policies for setting in _settings(policy)))
    if asked:
        needs = "needs" if len(asked) == 1 else "need"
        raise PlanError(
            f"{', '.join(asked)} {needs} a container; the process engine has none",
            remedy=_REMEDY if len(asked) == 1 else _REMEDY.replace("it", "them"),
        )


def _settings(policy: ContainerPolicy) -> Iterator[str]:
    """Yield the settings of ``policy`` that only a container can have."""
    limits, kinds = policy.limits, {mount.kind for mount in policy.mounts}
    asked = {
        "--user (`user`)": policy.user is not None,
        "--cpus (`cpus`)": limits.cpus is not None,
        "--ulimit (`ulimits`)": bool(limits.ulimits),
        "--shm-size (`shm_size`)": policy.shm_size_bytes not in (None, SHM_BYTES),
        "a mount (--volume, --mount)": bool(kinds - {MountKind.TMPFS}),
        "--tmpfs (`tmpfs`)": MountKind.TMPFS in kinds,
        "--read-only (`read_only`)": policy.read_only,
        "--entrypoint (`entrypoint`)": bool(policy.entrypoint),
        "--workdir (`workdir`)": policy.working_directory is not None,
        "--network (`network`)": policy.network not in (NO_NETWORK, "host"),
        "--add-host (`add_hosts`)": bool(policy.add_hosts),
    }
    return (setting for setting, is_asked in asked.items() if is_asked)


def refuse_uncounted(limits: RunLimits, *, cgroup_version: int | None) -> None:
    """Raise PlanError for a limit of what is not counted here: its breaking would not be seen."""
    if limits.cpu_time_seconds is not None and cgroup_version != 2:
        where = "without a cgroup of v2 the CPU time of plain processes is not counted"
        raise PlanError(f"--cpu-time (`container.cpu_time`) cannot be kept: {where}", remedy=_REMEDY)
    if limits.disk_bytes is not None and cgroup_version is None:
        where = "without a cgroup it is not counted what plain processes write"
        raise PlanError(f"--disk (`container.disk`) cannot be kept: {where}", remedy=_REMEDY)
