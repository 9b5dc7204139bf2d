"""Does memory leak in a run? The samples of its work, and the verdict on them: by cycles, by requests or by time. Pure.

Only the time in which it works counts: what comes before is set-up, what comes after is clean-up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.leaks import LeakVerdict, Rate, Series, by_cycles, judge_series
from memcap.model import Measurement, Moment, PhaseName, running
from memcap.units import format_bytes

CYCLE: Final = "cycle"
REQUEST: Final = "request"
HOUR: Final = "hour"
_NOTHING: Final = Series(seconds=(), values=())


@dataclass(frozen=True, kw_only=True)
class RunGrowth:
    """The verdict on a run, and by what it was judged: ``unit`` is CYCLE, REQUEST or HOUR."""

    verdict: LeakVerdict
    unit: str

    @property
    def rate(self) -> Rate | None:
        """Return the growth by ``unit``."""
        return self.verdict.per_hour if self.unit == HOUR else self.verdict.per_work

    @property
    def detectable(self) -> float | None:
        """Return the smallest leak by ``unit`` that would have been found."""
        verdict = self.verdict
        return verdict.detectable_bytes_per_hour if self.unit == HOUR else verdict.detectable_bytes_per_work

    @property
    def words(self) -> str:
        """Return the class with the rate of a leak, or with what would have been found."""
        label, rate, detectable = self.verdict.kind.label, self.rate, self.detectable
        if self.verdict.leak and rate is not None:
            return f"{label}, {rate_words(rate, self.unit)}"
        if detectable is None:
            return f"{label}: {self.verdict.reason}"
        return f"{label}; a leak of {format_bytes(detectable)} per {self.unit} would have been found"


def rate_words(rate: Rate, unit: str) -> str:
    """Return ``1.0 MiB per cycle (0.9 MiB to 1.1 MiB)``."""
    return f"{format_bytes(rate.estimate)} per {unit} ({format_bytes(rate.low)} to {format_bytes(rate.high)})"


def growth_of_run(run: Measurement) -> RunGrowth:
    """Return the verdict on ``run``: a server's load by its requests, a generator by its cycles, others by time.

    Of several loads, it is the one with the most requests.
    """
    series, unit = _series_of(run)
    verdict = judge_series(series)
    return RunGrowth(verdict=verdict, unit=unit if verdict.per_work is not None else HOUR)


def _series_of(run: Measurement) -> tuple[Series, str]:
    if run.server is not None:
        return load_series(run) or _NOTHING, REQUEST
    cycles, moments = run.extra.get("cycles", 0), moments_of_cycles(run)
    if moments and cycles > 1:
        return by_cycles(*_columns(moments), run.cycle_tenths, cycles), CYCLE
    seconds, values = _columns(running(run.series))
    return Series(seconds=seconds, values=values), HOUR


def moments_of_cycles(run: Measurement) -> list[Moment]:
    """Return the moments between the end of a generator's first cycle and that of its last, which it has for sure.

    The first cycle sets up, so it does not count; nor does the clean-up after the last. The moments at both ends are
    left out, as their spans reach outside.
    """
    marks = run.cycle_tenths
    if not marks:
        return []
    return [moment for moment in running(run.series) if marks[0] <= moment.seconds <= marks[-1]][1:-1]


def load_series(run: Measurement) -> Series | None:
    """Return the least memory of each sample in a server's load with the most requests, and the requests until then.

    They are taken to be sent evenly. None for a run without a load.
    """
    phases = run.server.phases if run.server else ()
    loads = [phase for phase in phases if phase.name is PhaseName.LOAD and phase.requests]
    if not loads:
        return None
    load = max(loads, key=lambda phase: phase.requests or 0)
    begin, end, requests = load.start_seconds, load.end_seconds, load.requests or 0
    seconds, values = _columns([each for each in running(run.series) if begin <= each.seconds < end])
    work = [requests * (second - begin) / (end - begin) for second in seconds]
    return Series(seconds=seconds, values=values, work=work)


def _columns(moments: Sequence[Moment]) -> tuple[list[float], list[int]]:
    """Return times and least memory of ``moments``, in order: a damaged result may have them in any."""
    ordered = sorted(moments, key=lambda moment: moment.seconds)
    return [moment.seconds for moment in ordered], [moment.low for moment in ordered]
