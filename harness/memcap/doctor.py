"""Judge whether a machine and a daemon can measure memory well: facts in, findings out; nothing is asked or changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from memcap.engine.docker_facts import DaemonFacts
from memcap.errors import DaemonPermissionError, DaemonUnavailable
from memcap.machine import MachineFacts
from memcap.units import counted, format_bytes, format_seconds

GIB = 1024**3
MIB = 1024**2
# cgroup v2 got memory.peak in Linux 5.19 (commit 8e20d4b33266); v1 always had its high-water mark.
PEAK_KERNEL = (5, 19)
# The API of Docker 20.10: the first that says which cgroup version and driver it uses.
OLDEST_API = (1, 41)
CLOCK_SECONDS = 2.0


class Severity(str, Enum):
    """How much a finding matters: a problem makes measuring impossible or its figures wrong."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; ``remedy`` is empty where nothing is to be done."""

    subject: str
    level: Severity
    what: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class DoctorFacts:
    """Everything that is judged; exactly one of ``daemon`` and ``no_daemon`` is there."""

    machine: MachineFacts
    daemon: DaemonFacts | None = None
    no_daemon: DaemonUnavailable | None = None

    @property
    def same_machine(self) -> bool:
        """Tell whether the daemon runs on this machine, and not in a VM or a container beside it."""
        return (
            self.daemon is not None
            and not self.daemon.address.is_remote
            and (self.daemon.hostname, self.daemon.environment.kernel) == (self.machine.hostname, self.machine.kernel)
        )


def diagnose(facts: DoctorFacts, *, data_root_free_bytes: int | None = None) -> tuple[Finding, ...]:
    """Return what was found, in the order a reader wants it.

    ``data_root_free_bytes`` is the room where the daemon keeps images; None where it is not on this machine.
    """
    findings = [*_of_machine(facts.machine)]
    if facts.no_daemon is not None:
        findings.append(_no_daemon(facts.no_daemon))
    if facts.daemon is not None:
        findings += [
            _daemon(facts.daemon),
            _cap(facts.daemon),
            _swap(facts.daemon),
            _peak(facts.daemon),
            _memory(facts, facts.daemon),
            _disk(data_root_free_bytes),
            _storage(facts.daemon),
            _thp(facts.daemon),
            _clock(facts.daemon),
            _load(facts, facts.daemon),
            _leftovers(facts.daemon),
            *_daemon_warnings(facts.daemon),
        ]
    return tuple(findings)


def _of_machine(machine: MachineFacts) -> Iterator[Finding]:
    free = f"{format_bytes(machine.disk_free_bytes)} free for results"
    if machine.disk_free_bytes < 100 * MIB:
        yield _problem("results", free, "Make room on the disk of the working folder.")
    else:
        yield _ok("results", free)


def _no_daemon(error: DaemonUnavailable) -> Finding:
    subject = "permission" if isinstance(error, DaemonPermissionError) else "daemon"
    return _problem(subject, error.message, error.remedy)


def _daemon(daemon: DaemonFacts) -> Finding:
    what = f"{daemon.environment.engine} {daemon.environment.engine_version} answers, API {daemon.api_version}"
    if _numbers(daemon.api_version) < OLDEST_API:
        return _warning("daemon", f"{what}, which is old", "Upgrade to Docker 20.10 or newer.")
    return _ok("daemon", what + (", rootless" if daemon.is_rootless else ""))


def _cap(daemon: DaemonFacts) -> Finding:
    if daemon.is_rootless and daemon.environment.cgroup_version == 1:  # Podman claims to limit memory even so
        return _problem(
            "caps",
            "a rootless daemon cannot limit memory on cgroup v1",
            "Use cgroup v2 (boot with `systemd.unified_cgroup_hierarchy=1`), systemd and delegated controllers "
            "(https://rootlesscontaine.rs/getting-started/common/cgroup2/); or a daemon that runs as root.",
        )
    if daemon.can_cap_memory is False:
        return _problem(
            "caps",
            "the daemon cannot limit memory: its cgroup has no memory controller",
            "Rootless: run it under systemd, and delegate the controllers "
            "(https://rootlesscontaine.rs/getting-started/common/cgroup2/). "
            "Otherwise boot the kernel with `cgroup_enable=memory`.",
        )
    if daemon.can_limit_pids is False:
        return _warning("caps", "memory can be limited, the number of processes not", "Enable the pids controller.")
    version = daemon.environment.cgroup_version
    return _ok("caps", f"cgroup v{version or '?'} ({daemon.environment.cgroup_driver}) limits memory and processes")


def _swap(daemon: DaemonFacts) -> Finding:
    swap = daemon.kernel.swap_bytes if daemon.kernel else None
    if swap == 0:
        return _ok("swap", "there is none")
    if daemon.environment.swap_accounting is not False:
        return _ok("swap", "the daemon limits it")
    remedy = "Turn swap off (`sudo swapoff -a`), or boot the daemon's kernel with `swapaccount=1`."
    if swap is None:
        return _warning("swap", "the daemon cannot limit it; whether there is any is not known", remedy)
    return _problem("swap", f"{format_bytes(swap)} of it are there and the daemon cannot limit it", remedy)


def _peak(daemon: DaemonFacts) -> Finding:
    environment = daemon.environment
    if environment.cgroup_version is None:
        return _warning("peak", "the daemon does not say which cgroup version it uses", "Upgrade it.")
    kernel = _numbers(environment.kernel)
    if environment.cgroup_version == 2 and kernel and kernel < PEAK_KERNEL:
        return _warning(
            "peak",
            f"kernel {environment.kernel} keeps no high-water mark on cgroup v2; only sampled peaks are to be had",
            "Use a kernel of 5.19 or newer, or judge unreclaimable_peak.",
        )
    return _ok("peak", f"kernel {environment.kernel} keeps the high-water mark")


def _memory(facts: DoctorFacts, daemon: DaemonFacts) -> Finding:
    kernel, total = daemon.kernel, daemon.environment.memory_bytes
    free = kernel.memory_available_bytes if kernel else None
    if free is None and facts.same_machine:
        free = facts.machine.memory_available_bytes
    if free is None:
        what = f"{format_bytes(total)} in all, free not known" if total else "not known"
        least = total if total is not None else GIB
    else:
        what, least = f"{format_bytes(free)} free" + (f" of {format_bytes(total)}" if total else ""), free
    if least < 256 * MIB:
        return _problem("memory", what, "Give the daemon's machine or VM more memory, or stop other programs.")
    if least < GIB:
        return _warning("memory", what, "Caps above that meet the machine's own limit; give it more.")
    return _ok("memory", what)


def _disk(free: int | None) -> Finding:
    if free is None:
        return _ok("disk", "the daemon's is not known: it is on another machine or in a VM")
    what = f"{format_bytes(free)} free for images"
    if free < GIB:
        return _problem("disk", what, "Make room: `memcap gc --all`, `docker system prune`.")
    if free < 4 * GIB:
        return _warning("disk", what, "Make room before building images: `docker system prune`.")
    return _ok("disk", what)


def _storage(daemon: DaemonFacts) -> Finding:
    if daemon.storage_driver == "vfs":
        return _warning(
            "storage",
            "the vfs driver copies the whole image for each container: slow, and every run has a cold page cache",
            "Use overlay2: https://docs.docker.com/engine/storage/drivers/select-storage-driver/.",
        )
    return _ok("storage", f"driver {daemon.storage_driver}")


def _thp(daemon: DaemonFacts) -> Finding:
    setting = daemon.kernel.thp if daemon.kernel else None
    if setting is None:
        return _ok("thp", "transparent huge pages: not known" + _needs_image(daemon))
    what = f"transparent huge pages: {setting}"
    if setting == "always":
        return _warning(
            "thp",
            f"{what}; they make peaks larger and their spread about three times as wide",
            "On the daemon's machine: `echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled`.",
        )
    return _ok("thp", what)


def _clock(daemon: DaemonFacts) -> Finding:
    ahead = daemon.clock_ahead_seconds
    if ahead is None:
        return _ok("clock", "the daemon's is not known")
    if abs(ahead) > CLOCK_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        return _warning(
            "clock",
            f"the daemon's is {format_seconds(abs(ahead))} {direction} this machine's; leftovers may be misjudged",
            "Set both by NTP; a VM's clock lags after sleep: restart Docker Desktop or Colima.",
        )
    return _ok("clock", "the daemon's agrees with this machine's")


def _load(facts: DoctorFacts, daemon: DaemonFacts) -> Finding:
    load = daemon.kernel.load if daemon.kernel else None
    if load is None and facts.same_machine:
        load = facts.machine.load
    cpus = daemon.environment.cpus
    if load is None or cpus is None:
        return _ok("load", "the daemon's machine: not known" + _needs_image(daemon))
    what = f"{load:.1f} on {cpus} CPUs"
    if load > cpus:
        return _warning("load", f"{what}: times will be disturbed, memory hardly", "Stop other programs.")
    return _ok("load", what)


def _leftovers(daemon: DaemonFacts) -> Finding:
    if daemon.leftovers:
        return _warning(
            "leftovers", f"{counted(daemon.leftovers, 'container')} of earlier runs", "Remove with `memcap gc`."
        )
    in_use = f" ({daemon.containers_in_use} in use now)" if daemon.containers_in_use else ""
    return _ok("leftovers", f"none{in_use}")


def _daemon_warnings(daemon: DaemonFacts) -> Iterator[Finding]:
    """Pass the daemon's own warnings on, but for abilities (judged above) and networks (runs have none)."""
    for warning in daemon.warnings:
        if not re.search(r"\bNo .+ support|bridge-nf|insecure|without encryption", warning):
            text = re.sub(r"^WARNING:\s*", "", warning)
            yield _warning("daemon says", text, "See the manual of the engine: https://docs.docker.com/engine/.")


def _needs_image(daemon: DaemonFacts) -> str:
    return "" if daemon.kernel else " (after `memcap images build` it is)"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (6, 18) of ``6.18.44-x``; empty where it starts with none."""
    match = re.match(r"(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else ()


def _ok(subject: str, what: str) -> Finding:
    return Finding(subject=subject, level=Severity.OK, what=what)


def _warning(subject: str, what: str, remedy: str) -> Finding:
    return Finding(subject=subject, level=Severity.WARNING, what=what, remedy=remedy)


def _problem(subject: str, what: str, remedy: str) -> Finding:
    return Finding(subject=subject, level=Severity.PROBLEM, what=what, remedy=remedy)
