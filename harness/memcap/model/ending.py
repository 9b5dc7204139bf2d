"""How runs end, and why a figure may be doubted: the two enums with their words for the user."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from memcap.model.out_of_memory import REFUSED


class Ending(str, Enum):
    """How the workload ended. OOM endings are proven by the cgroup's kill counter, never by exit code 137."""

    COMPLETED = "completed"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    LOAD_FAILED = "load_failed"
    NOT_READY = "not_ready"
    SERVICE_FAILED = "service_failed"
    MEMORY_ERROR = "memory_error"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OOM_KILLED = "oom_killed"
    OOM_CHILD_NOTICED = "oom_child_noticed"
    OOM_CHILD_SWALLOWED = "oom_child_swallowed"
    OOM_HUNG = "oom_hung"
    OOM_GROUP_KILLED = "oom_group_killed"
    MACHINE_OOM = "machine_oom"
    CAP_EXCEEDED = "cap_exceeded"
    STORAGE_FULL = "storage_full"
    LIMIT_EXCEEDED = "limit_exceeded"
    KILLED_FROM_OUTSIDE = "killed_from_outside"
    NOT_STARTED = "not_started"
    LOST = "lost"

    @property
    def is_oom(self) -> bool:
        """Tell whether the kernel killed a process of the container at its cap."""
        return self.value.startswith("oom_")

    @property
    def is_infrastructure(self) -> bool:
        """Tell whether the run says nothing about the workload: it may be tried again."""
        return self in (Ending.KILLED_FROM_OUTSIDE, Ending.MACHINE_OOM, Ending.NOT_STARTED, Ending.LOST)

    @property
    def never_ran(self) -> bool:
        """Tell whether the workload did not run at all: the run's figures are not its own."""
        return self in (Ending.LOAD_FAILED, Ending.NOT_STARTED)

    @property
    def explanation(self) -> str:
        """Say in one line what happened."""
        return _ENDINGS[self][0]

    @property
    def remedy(self) -> str:
        """Say in one line what to do about it; `remedy_of` knows more of one run."""
        return _ENDINGS[self][1]


_ENDINGS: dict[Ending, tuple[str, str]] = {
    Ending.COMPLETED: ("the workload ended by itself with exit code 0", ""),
    Ending.FAILED: ("the workload ended with an error of its own", "Read its output."),
    Ending.INCOMPLETE: (
        "the workload ended with exit code 0, but its function did not return, or not all of the declared metrics",
        "Return every name of `metrics` in suite.toml with a finite number; end the process in no other way.",
    ),
    Ending.LOAD_FAILED: (
        "the workload could not be loaded or started",
        "Check `call` or `command` in suite.toml, and that the image has what it needs.",
    ),
    Ending.NOT_READY: (
        "the server was not ready within its time limit",
        "Read its output; check `ready`, or give it longer (`ready_timeout`).",
    ),
    Ending.SERVICE_FAILED: (
        "a service that the server needs failed",
        "Read the service's last lines; check its `command`, `ready`, `cap` and `files`.",
    ),
    Ending.MEMORY_ERROR: ("the workload reported that it was out of memory, and ended", REFUSED),
    Ending.CRASHED: ("the workload was ended by a signal that was not ours", "Read its output; try it alone."),
    Ending.TIMED_OUT: ("the time limit ended the workload", "Raise `time_limit` or shorten the workload."),
    Ending.OOM_KILLED: ("the kernel killed the main process at the cap", "Raise the cap or lower the need."),
    Ending.OOM_CHILD_NOTICED: (
        "the kernel killed a child process at the cap, and the workload ended with an error",
        "Raise the cap or lower the need of the children.",
    ),
    Ending.OOM_CHILD_SWALLOWED: (
        "the kernel killed a child process at the cap, and the workload ended with exit code 0 all the same",
        "Check the exit status of children; results may be incomplete.",
    ),
    Ending.OOM_HUNG: (
        "the kernel killed a child process at the cap, and the workload then hung until its time limit",
        "multiprocessing.Pool waits for ever for a killed worker; use concurrent.futures.",
    ),
    Ending.OOM_GROUP_KILLED: (
        "the kernel killed the whole container at the cap (memory.oom.group, as Kubernetes does), the supervisor too",
        "Raise the cap or lower the need; without a supervisor there are no figures of this run.",
    ),
    Ending.MACHINE_OOM: (
        "the kernel killed a process for want of memory on the machine or in a cgroup above, not at this cap",
        "Give the daemon's machine more memory, or run fewer containers at once (`--jobs 1`).",
    ),
    Ending.CAP_EXCEEDED: (
        "memcap's watchdog ended it above the cap (no cgroup on this machine)",
        "Raise the cap or lower the need.",
    ),
    Ending.STORAGE_FULL: (
        "the workload ran out of space in a file system of limited size, such as /dev/shm or a tmpfs",
        "Use less of it, or make /dev/shm larger: --shm-size, or `container.shm_size` in limits.toml.",
    ),
    Ending.LIMIT_EXCEEDED: (
        "the workload broke a limit of disk, file size, CPU time or, in a soak, RSS",
        "Raise the limit (--disk, --file-size, --cpu-time, or these keys of `container` in limits.toml), or use less.",
    ),
    Ending.KILLED_FROM_OUTSIDE: ("somebody else stopped the container", "Run it again."),
    Ending.NOT_STARTED: ("the container never started", "The detail says why; `memcap doctor` looks at the daemon."),
    Ending.LOST: ("the container ended without a report", "Run `memcap doctor`; run it again."),
}


class CaveatKind(str, Enum):
    """A reason to doubt a figure."""

    COLD_PAGE_CACHE = "cold_page_cache"
    SWAP_USED = "swap_used"
    CAP_NOT_AS_ASKED = "cap_not_as_asked"
    PEAK_MISSING = "peak_missing"
    PEAK_NEAR_FLOOR = "peak_near_floor"
    SUPERVISOR_BYTES_DIFFER = "supervisor_bytes_differ"
    OUTPUT_TRUNCATED = "output_truncated"
    MUTABLE_TAG = "mutable_tag"
    EMULATED = "emulated"
    DOCKER_DISAGREES = "docker_disagrees"
    WITHIN_REACH = "within_reach"
    SAMPLED_ONLY = "sampled_only"
    KERNEL_UNEXPLAINED = "kernel_unexplained"
    HUGE_PAGES = "huge_pages"
    MAPPED_ELSEWHERE = "mapped_elsewhere"
    NOT_WAITED_FOR = "not_waited_for"
    CAP_FILLED_BY_CACHE = "cap_filled_by_cache"
    THROTTLED = "throttled"
    NOISY_NEIGHBOUR = "noisy_neighbour"
    CLOCK_STEPPED = "clock_stepped"
    SETTING_REFUSED = "setting_refused"
    NOT_COLD = "not_cold"
    NO_CONTAINER = "no_container"
    UNLIKE_ENVIRONMENT = "unlike_environment"
    NOT_RECORDED = "not_recorded"
    RECORD_CUT_SHORT = "record_cut_short"
    SNAPSHOTS_ONLY = "snapshots_only"
    CHILDREN_NOT_FOLLOWED = "children_not_followed"
    COUNTED_LITTLE = "counted_little"
    ENDED_OTHERWISE = "ended_otherwise"
    ATTACHED_LATE = "attached_late"
    ATTACHED_TO_ONE = "attached_to_one"
    LOAD_MISSED_RATE = "load_missed_rate"
    LOAD_CLIENT_SLOW = "load_client_slow"
    LOAD_ERRORS = "load_errors"

    @property
    def remedy(self) -> str:
        """Say in one line how to get rid of the doubt."""
        return _CAVEATS[self]

    def decides(self, *, judged: bool) -> bool:
        """Tell whether it can change what is decided by the figures: reports show such a caveat in full.

        If they are ``judged`` against baselines, so do doubts about `peak` alone.
        """
        return self in _DECIDING or (judged and self in _DECIDING_ON_PEAK)


_CAVEATS: dict[CaveatKind, str] = {
    CaveatKind.COLD_PAGE_CACHE: "Keep at least one warm-up run; close other memory-hungry programs.",
    CaveatKind.SWAP_USED: "Turn swap accounting on, or swap off, on the daemon's machine.",
    CaveatKind.CAP_NOT_AS_ASKED: "Run `memcap doctor`; the daemon's kernel rounds or refuses the cap.",
    CaveatKind.PEAK_MISSING: "Use a kernel of 5.19 or newer (cgroup v2 memory.peak), or judge unreclaimable_peak.",
    CaveatKind.PEAK_NEAR_FLOOR: "Use a larger workload, or judge unreclaimable_peak.",
    CaveatKind.SUPERVISOR_BYTES_DIFFER: "Run again; the cap was raised by another run's supervisor bytes.",
    CaveatKind.OUTPUT_TRUNCATED: "Print less, or raise `container.output_limit` in limits.toml.",
    CaveatKind.MUTABLE_TAG: "Refer to the image by digest, so that the same image is measured next time.",
    CaveatKind.EMULATED: "Use an image of the daemon's own architecture.",
    CaveatKind.DOCKER_DISAGREES: "None needed: the cgroup's counter is the proof; the daemon's word is support.",
    CaveatKind.WITHIN_REACH: (
        "Give the daemon's user namespace the user 63636 (rootless: /etc/subuid), if the workload is not trusted."
    ),
    CaveatKind.SAMPLED_ONLY: "Hold memory for longer than the sample interval, or shorten it (`sample_interval`).",
    CaveatKind.KERNEL_UNEXPLAINED: "Measure on cgroup v2, which tells them apart.",
    CaveatKind.HUGE_PAGES: "Measure without huge pages: `--no-thp`, or `quiet = { thp = false }` in suite.toml.",
    CaveatKind.MAPPED_ELSEWHERE: "Measure a cold start (`--cold`): on a fresh machine these files count.",
    CaveatKind.NOT_WAITED_FOR: "rss_peak may miss such a process; unreclaimable_peak and cpu do not.",
    CaveatKind.CAP_FILLED_BY_CACHE: "Judge unreclaimable_peak: peak only says that the page cache took what it could.",
    CaveatKind.THROTTLED: (
        "Times are not comparable. Lift the limit: --cpus, `container.cpus` in limits.toml, or that of a cgroup above."
    ),
    CaveatKind.NOISY_NEIGHBOUR: "For times, stop other programs and campaigns, and use --jobs 1; bytes hardly change.",
    CaveatKind.CLOCK_STEPPED: "None needed for figures, which use the monotonic clock; dates of this run may be wrong.",
    CaveatKind.SETTING_REFUSED: "Do without the setting, or allow it in the container's security policy.",
    CaveatKind.NOT_COLD: "Nothing else may use the image's files at the same time; stop other containers of it.",
    CaveatKind.NO_CONTAINER: "Use Docker for figures that are comparable across machines.",
    CaveatKind.NOT_RECORDED: "Python must read PYTHONPATH (no -I, -E or -S), and the process must not end at once.",
    CaveatKind.RECORD_CUT_SHORT: "None needed: the sites are those of the highest mark before the kill.",
    CaveatKind.SNAPSHOTS_ONLY: "Use memray where there is a wheel of it: it misses no peak.",
    CaveatKind.CHILDREN_NOT_FOLLOWED: "Add --follow-fork.",
    CaveatKind.COUNTED_LITTLE: (
        "The rest may be of children (--follow-fork), of a program that replaced Python (exec), or memory that malloc "
        "and mmap were not asked for: tmpfs, kernel buffers, thread stacks, what malloc keeps after free."
    ),
    CaveatKind.ENDED_OTHERWISE: "Read its output; if it ran out of memory or time, raise --cap or --time-limit.",
    CaveatKind.ATTACHED_LATE: "Profile from the start: `memcap profile --image IMAGE -- CMD` with the same load.",
    CaveatKind.ATTACHED_TO_ONE: "Profile from the start, with --follow-fork.",
    CaveatKind.LOAD_MISSED_RATE: "Lower the rate, or raise `concurrency` of the load if all connections were busy.",
    CaveatKind.LOAD_CLIENT_SLOW: "Lower the rate, or free a CPU for the load client: its lateness is in the latency.",
    CaveatKind.LOAD_ERRORS: "Read the server's output; a server that answers errors does less than it would.",
    CaveatKind.UNLIKE_ENVIRONMENT: (
        "If a cell regressed, find what grew. `memcap run --base-ref REF` measures both revisions in one environment."
    ),
}

_DECIDING = frozenset(
    {
        CaveatKind.SWAP_USED,
        CaveatKind.CAP_NOT_AS_ASKED,
        CaveatKind.CAP_FILLED_BY_CACHE,
        CaveatKind.SAMPLED_ONLY,
        CaveatKind.KERNEL_UNEXPLAINED,
        CaveatKind.HUGE_PAGES,
        CaveatKind.MAPPED_ELSEWHERE,
        CaveatKind.EMULATED,
        CaveatKind.SETTING_REFUSED,
        CaveatKind.NOT_COLD,
        CaveatKind.UNLIKE_ENVIRONMENT,
        CaveatKind.LOAD_MISSED_RATE,
        CaveatKind.LOAD_ERRORS,
        # Of profiles: what is not in the record cannot be blamed.
        CaveatKind.NOT_RECORDED,
        CaveatKind.SNAPSHOTS_ONLY,
        CaveatKind.CHILDREN_NOT_FOLLOWED,
        CaveatKind.ENDED_OTHERWISE,
        CaveatKind.ATTACHED_LATE,
        CaveatKind.ATTACHED_TO_ONE,
    }
)
_DECIDING_ON_PEAK = frozenset({CaveatKind.PEAK_MISSING, CaveatKind.PEAK_NEAR_FLOOR, CaveatKind.COLD_PAGE_CACHE})


@dataclass(frozen=True, kw_only=True)
class Caveat:
    """One doubt about one run's or comparison's figures."""

    kind: CaveatKind
    detail: str
