"""Say which limit besides memory a workload broke. Pure."""

from __future__ import annotations

from memcap.measuring.last_words import LastWords
from memcap.model import OF_THE_LIMIT, RunLimit, RunLimits
from memcap.probe.report import Report
from memcap.units import format_bytes, format_seconds

SIGXCPU, SIGXFSZ = 24, 25
_NAMES = {SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ"}
_OF_SIGNAL = {SIGXCPU: RunLimit.CPU_TIME, SIGXFSZ: RunLimit.FILE_SIZE}


def broken_limit(report: Report, limits: RunLimits) -> str:
    """Return the detail of a run that the supervisor ended at a limit, or that had broken one when it ended."""
    if report.limit_exceeded == RunLimit.CPU_TIME.value:
        used = None if report.cpu_us is None else f"{format_seconds(report.cpu_us / 1e6)} were used"
        return _detail(RunLimit.CPU_TIME, limits, used or "more was used")
    return _detail(RunLimit.DISK, limits, "more was written")


def broken_by_error(report: Report, limits: RunLimits, words: LastWords) -> str | None:
    """Return the detail of a run that ended badly as the kernel refused it something; None for another cause."""
    signal = report.signal
    if signal is None and (report.exit_code or 0) - 128 == SIGXFSZ and limits.file_size_bytes is not None:
        signal = SIGXFSZ  # of a child, as a shell passes it on
    if signal == SIGXFSZ and limits.file_size_bytes is not None:
        return _detail(RunLimit.FILE_SIZE, limits, "a larger file was written (SIGXFSZ)")
    if signal in _NAMES:
        return f"signal {signal} ({_NAMES[signal]}): a limit of {_OF_SIGNAL[signal].words} that memcap did not set"
    if limits.file_size_bytes is not None and words.file_too_large is not None:
        return _detail(RunLimit.FILE_SIZE, limits, words.file_too_large)
    return None


def _detail(limit: RunLimit, limits: RunLimits, what: str) -> str:
    """Return ``the limit of file size is 1.0 MiB; …``."""
    set_to = {
        RunLimit.CPU_TIME: None if limits.cpu_time_seconds is None else format_seconds(limits.cpu_time_seconds),
        RunLimit.DISK: None if limits.disk_bytes is None else format_bytes(limits.disk_bytes),
        RunLimit.FILE_SIZE: None if limits.file_size_bytes is None else format_bytes(limits.file_size_bytes),
    }
    return f"{OF_THE_LIMIT}{limit.words} is {set_to[limit] or 'unknown'}; {what}"
