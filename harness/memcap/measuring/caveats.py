"""Find reasons to doubt the figures of one run."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from memcap.measuring.interval import Interval, untouched_at_least
from memcap.measuring.kernel import SOME_FILE_BYTES, supervisor_bytes
from memcap.model import PAGE_BYTES, Caveat, CaveatKind, Neighbour, Processors, RawRun, RunSpec, charged_ahead
from memcap.probe.report import Report
from memcap.units import counted, format_bytes

SUPERVISOR_JITTER_BYTES = 4 * PAGE_BYTES  # its stack begins at a random address, so it touches a page more or less
CLOCK_STEP_NS = 500_000_000
BUSY_PERCENT_PER_CPU = 200  # two programs wait for each CPU
MUCH_ELSEWHERE_BYTES = 32 * 1024 * 1024  # an interpreter with its libraries maps about 10 MiB
NOT_EXECUTABLE, NOT_FOUND = 126, 127
MUCH_UNWAITED_US = 50_000
MUCH_UNWAITED_SHARE = 0.1


def caveats_of(report: Report, raw: RawRun, spec: RunSpec, need: Interval | None, cpus: Processors) -> Iterator[Caveat]:
    """Yield what makes the figures doubtful."""
    yield from _cap_caveats(report, spec)
    yield from _interval_caveats(report, need, cpus)
    yield from _peak_caveats(report, spec, need, cpus=cpus.run)
    yield from _need_caveats(report)
    yield from _surroundings(report, cpus=cpus.machine)
    yield from _neighbours(report, raw)
    yield from _supervisor(report, spec)
    if spec.cpuset and raw.cpuset is not None and raw.cpuset != spec.cpuset:
        got = f"CPUs {raw.cpuset}" if raw.cpuset else "all CPUs"
        detail = f"the run was to be pinned to CPUs {spec.cpuset}, the daemon gave it {got}"
        yield Caveat(kind=CaveatKind.SETTING_REFUSED, detail=detail)
    if raw.output_truncated:
        yield Caveat(
            kind=CaveatKind.OUTPUT_TRUNCATED,
            detail=f"only the last {format_bytes(len(raw.output))} of the workload's standard output were kept",
        )
    yield from _reach(report, raw)
    flag, kills = raw.oom_killed_flag, report.oom_kills
    if flag is not None and kills is not None and flag != (kills > 0):
        yield Caveat(
            kind=CaveatKind.DOCKER_DISAGREES,
            detail=f"the kernel counted {kills} OOM kills, the daemon says OOMKilled={str(flag).lower()}",
        )


def _reach(report: Report, raw: RawRun) -> Iterator[Caveat]:
    """Yield whether the workload could have changed the report, and whether the daemon tells something else."""
    if report.apart is False:
        yield Caveat(kind=CaveatKind.WITHIN_REACH, detail="the supervisor runs as the workload's user")
    told, left_with = raw.exit_code, _exit_code(report)
    if told is not None and left_with is not None and told != left_with:
        detail = f"the supervisor ended with exit code {left_with}, the daemon says {told}"
        yield Caveat(kind=CaveatKind.DOCKER_DISAGREES, detail=detail)


def _exit_code(report: Report) -> int | None:
    """Return what the supervisor ends with: as a shell does."""
    if report.exec_errno is not None:
        return NOT_FOUND if report.exec_errno == errno.ENOENT else NOT_EXECUTABLE
    return 128 + report.signal if report.signal is not None else report.exit_code


def _supervisor(report: Report, spec: RunSpec) -> Iterator[Caveat]:
    own = supervisor_bytes(report, spec)
    if own is not None and abs(own - spec.supervisor_bytes) > SUPERVISOR_JITTER_BYTES:
        raised = f"the cap was raised by {format_bytes(spec.supervisor_bytes)}"
        yield Caveat(
            kind=CaveatKind.SUPERVISOR_BYTES_DIFFER, detail=f"{raised}, the supervisor needed {format_bytes(own)}"
        )


def _cap_caveats(report: Report, spec: RunSpec) -> Iterator[Caveat]:
    asked = spec.cap_bytes + spec.supervisor_bytes
    applied = report.cap_bytes
    if applied is None or applied // PAGE_BYTES != asked // PAGE_BYTES:
        got = "none" if applied is None else format_bytes(applied)
        yield Caveat(kind=CaveatKind.CAP_NOT_AS_ASKED, detail=f"asked for {format_bytes(asked)}, the kernel has {got}")
    swapped = max(report.at_peak.swap or 0, report.at_end.swap or 0, report.swap_peak_bytes or 0)
    if swapped:
        yield Caveat(kind=CaveatKind.SWAP_USED, detail=f"{format_bytes(swapped)} were in swap")
    elif report.swap_cap_bytes:
        yield Caveat(kind=CaveatKind.SWAP_USED, detail="the container may swap; the daemon did not turn it off")


def _interval_caveats(report: Report, need: Interval | None, cpus: Processors) -> Iterator[Caveat]:
    """Yield why the unreclaimable peak is an interval, where it is one."""
    if need is None or need.high == need.estimate:
        return
    if need.high is None:
        detail = (
            f"unreclaimable_peak is the largest of {counted(report.samples, 'sample')}; nothing bounds it from above"
        )
        yield Caveat(kind=CaveatKind.SAMPLED_ONLY, detail=detail)
        return
    more = format_bytes(need.high - need.estimate)
    ends = f"unreclaimable_peak may be up to {more} more than {format_bytes(need.estimate)}"
    doubted = (report.doubted_peak_bytes or 0) - (report.unreclaimable_peak_bytes or 0)
    if doubted > cpus.indistinct_bytes and report.cgroup_version == 1:
        detail = (
            f"{ends}: cgroup v1 does not tell which kernel memory, locked or lazily freed pages could be taken back"
        )
        yield Caveat(kind=CaveatKind.KERNEL_UNEXPLAINED, detail=detail)
    else:
        detail = f"{ends}: between two of {counted(report.samples, 'sample')} page cache came or went"
        yield Caveat(kind=CaveatKind.SAMPLED_ONLY, detail=detail)


def _peak_caveats(report: Report, spec: RunSpec, need: Interval | None, *, cpus: int | None) -> Iterator[Caveat]:
    peak, cap = report.peak_bytes, report.cap_bytes
    if report.cgroup_version is None:
        return
    if peak is None:
        yield Caveat(kind=CaveatKind.PEAK_MISSING, detail="the kernel keeps no high-water mark for this cgroup")
        return
    if report.peak_at_start_bytes is not None and peak <= report.peak_at_start_bytes:
        start = f"the peak of {format_bytes(peak)} was the container runtime's own start, before the workload's"
        yield Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail=start)
    at_cap = cap is not None and peak >= cap - charged_ahead(cpus)
    file = report.max_file_bytes or 0
    # Only what counters prove to be page cache is called so.
    cache = peak - need.high if need is not None and need.high is not None else 0
    if at_cap and not report.oom_kills and cache > SOME_FILE_BYTES:
        slow = f", {counted(report.refaults, 'page')} read again" if report.refaults else ""
        detail = f"peak is the cap because of {format_bytes(cache)} of page cache{slow}"
        yield Caveat(kind=CaveatKind.CAP_FILLED_BY_CACHE, detail=detail)
    # Where it is not known what was read, a major fault and page cache tell, which may be of a file that was written.
    read = report.disk_read_bytes if report.disk_read_bytes is not None else file if report.major_faults else 0
    was_cold = read > SOME_FILE_BYTES and file > SOME_FILE_BYTES
    if spec.cold and not was_cold:
        detail = f"{format_bytes(read)} read from disk, {format_bytes(file)} of page cache: the files were still cached"
        yield Caveat(kind=CaveatKind.NOT_COLD, detail=detail)
    # At the cap the kernel drops pages and reads them back: that tells of the cap, not of a cold start.
    elif was_cold and not spec.cold and not at_cap:
        detail = f"{format_bytes(read)} read from disk, up to {format_bytes(file)} of page cache in the peak"
        yield Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail=detail)


def _need_caveats(report: Report) -> Iterator[Caveat]:
    """Yield what the figures hold, or miss, beside the need of the program as it is."""
    if untouched_at_least(report):
        huge = format_bytes(report.at_peak.huge or 0)
        detail = f"{huge} of the unreclaimable peak are huge pages, however little of each was touched"
        yield Caveat(kind=CaveatKind.HUGE_PAGES, detail=detail)
    elsewhere = report.mapped_elsewhere_bytes or 0
    if elsewhere > MUCH_ELSEWHERE_BYTES:
        detail = f"{format_bytes(elsewhere)} of mapped files were in memory that this container was not charged for"
        yield Caveat(kind=CaveatKind.MAPPED_ELSEWHERE, detail=detail)
    waited_for = report.user_us + report.system_us
    unwaited = 0 if report.cpu_us is None else report.cpu_us - waited_for
    if unwaited > MUCH_UNWAITED_US and unwaited > MUCH_UNWAITED_SHARE * waited_for:
        detail = f"processes that nobody waited for used {unwaited / 1e6:.2f} s of CPU time"
        yield Caveat(kind=CaveatKind.NOT_WAITED_FOR, detail=detail)


def _surroundings(report: Report, *, cpus: int | None) -> Iterator[Caveat]:
    if report.throttled_periods:
        yield Caveat(kind=CaveatKind.THROTTLED, detail=f"in {counted(report.throttled_periods, 'period')}")
    if report.load_percent is not None and report.load_percent > BUSY_PERCENT_PER_CPU * (cpus or 1):
        load = f"the machine's load was {report.load_percent / 100:.1f} on {cpus or 'unknown'} CPUs"
        yield Caveat(kind=CaveatKind.NOISY_NEIGHBOUR, detail=load)
    if report.clock_step_ns is not None and report.clock_step_ns > CLOCK_STEP_NS:
        yield Caveat(kind=CaveatKind.CLOCK_STEPPED, detail=f"by {report.clock_step_ns / 1e9:.1f} s during the run")
    for name, applied in (("thp", report.thp_off), ("aslr", report.aslr_off)):
        if applied is False:
            yield Caveat(kind=CaveatKind.SETTING_REFUSED, detail=f"{name} could not be turned off in the container")


def _neighbours(report: Report, raw: RawRun) -> Iterator[Caveat]:
    """Yield a doubt about other campaigns whose containers could use the same CPUs; pinned apart they are none."""
    near = dict.fromkeys(each.campaign for each in raw.neighbours if _shares_cpu(each, report.cpus))
    if near:
        detail = f"another campaign of memcap had a container on the same CPUs: {', '.join(near)}"
        yield Caveat(kind=CaveatKind.NOISY_NEIGHBOUR, detail=detail)


def _shares_cpu(neighbour: Neighbour, own: tuple[int, ...]) -> bool:
    """Tell whether the neighbour may use one of our CPUs; its cpuset is as Docker takes it: "0-2,5", empty for all."""
    if not neighbour.cpuset or not own:
        return True
    for part in neighbour.cpuset.split(","):
        first, _, last = part.partition("-")
        if any(int(first) <= cpu <= int(last or first) for cpu in own):
            return True
    return False
