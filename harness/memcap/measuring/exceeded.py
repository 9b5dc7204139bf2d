"""Say which limit besides memory a workload broke. Pure."""

from __future__ import annotations

from memcap.measuring.last_words import LastWords
from memcap.model import OF_THE_LIMIT, RawRun, RunLimit, RunSpec
from memcap.probe.report import Report
from memcap.probe.soak_journal import last_look
from memcap.units import format_bytes, format_seconds

SIGXCPU, SIGXFSZ = 24, 25
_NAMES = {SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ"}
_OF_SIGNAL = {SIGXCPU: RunLimit.CPU_TIME, SIGXFSZ: RunLimit.FILE_SIZE}


def broken_limit(report: Report, spec: RunSpec, raw: RawRun) -> str:
    """Return the detail of a run that the supervisor ended at a limit, or that had broken one when it ended."""
    if report.limit_exceeded == RunLimit.CPU_TIME.value:
        used = None if report.cpu_us is None else f"{format_seconds(report.cpu_us / 1e6)} were used"
        return _detail(RunLimit.CPU_TIME, spec, used or "more was used")
    if report.limit_exceeded == RunLimit.RSS.value:
        look = last_look(raw.supervisor_journal)
        held = None if look is None or look.rss_bytes is None else f"{format_bytes(look.rss_bytes)} were resident"
        return _detail(RunLimit.RSS, spec, held or "more was resident")
    return _detail(RunLimit.DISK, spec, "more was written")


def broken_by_error(report: Report, spec: RunSpec, words: LastWords) -> str | None:
    """Return the detail of a run that ended badly as the kernel refused it something; None for another cause."""
    limits = spec.policy.limits
    signal = report.signal
    if signal is None and (report.exit_code or 0) - 128 == SIGXFSZ and limits.file_size_bytes is not None:
        signal = SIGXFSZ  # of a child, as a shell passes it on
    if signal == SIGXFSZ and limits.file_size_bytes is not None:
        return _detail(RunLimit.FILE_SIZE, spec, "a larger file was written (SIGXFSZ)")
    if signal in _NAMES:
        return f"signal {signal} ({_NAMES[signal]}): a limit of {_OF_SIGNAL[signal].words} that memcap did not set"
    if limits.file_size_bytes is not None and words.file_too_large is not None:
        return _detail(RunLimit.FILE_SIZE, spec, words.file_too_large)
    return None


def _detail(limit: RunLimit, spec: RunSpec, what: str) -> str:
    """Return ``the limit of file size is 1.0 MiB; …``."""
    limits = spec.policy.limits
    if limit is RunLimit.CPU_TIME:
        set_to = None if limits.cpu_time_seconds is None else format_seconds(limits.cpu_time_seconds)
    else:
        sizes = {
            RunLimit.DISK: limits.disk_bytes,
            RunLimit.FILE_SIZE: limits.file_size_bytes,
            RunLimit.RSS: spec.max_rss_bytes,
        }
        size = sizes[limit]
        set_to = None if size is None else format_bytes(size)
    return f"{OF_THE_LIMIT}{limit.words} is {set_to or 'unknown'}; {what}"
