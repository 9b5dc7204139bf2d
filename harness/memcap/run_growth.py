"""Does memory leak in a run? The samples of its work, and the verdict on them: by cycles, by requests or by time.

Only the time in which it works counts: what comes before is set-up, what comes after is clean-up. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.leaks import LeakVerdict, Rate, Series, by_cycles, judge_series
from memcap.model import AcceptedGrowth, CellResult, Measurement, Moment, PhaseName, running
from memcap.units import format_bytes

CYCLE: Final = "cycle"
REQUEST: Final = "request"
HOUR: Final = "hour"
_LONGEST_EXIT: Final = 8  # so many times shorter than the run
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


def growth_of_cell(cell: CellResult) -> RunGrowth | None:
    """Return the verdict on a soak's run; None if it did not end as expected."""
    run = next((run for run in reversed(cell.runs) if run.ending is cell.cell.expected_ending), None)
    return growth_of_run(run) if run else None


def accepted_growth(cell: CellResult) -> AcceptedGrowth | None:
    """Return what a baseline keeps of a soak; None of other cells, and of a run that is too short to tell."""
    growth = growth_of_cell(cell) if cell.cell.is_soak else None
    if growth is None or growth.verdict.leak is None:
        return None
    verdict, rate = growth.verdict, growth.rate
    return AcceptedGrowth(
        kind=verdict.kind.value,
        leak=verdict.kind.leak is True,
        unit=growth.unit,
        rate=rate.estimate if rate else None,
        low=rate.low if rate else None,
        high=rate.high if rate else None,
    )


def _series_of(run: Measurement) -> tuple[Series, str]:
    if run.server is not None:
        return load_series(run) or _NOTHING, REQUEST
    cycles, moments = run.extra.get("cycles", 0), moments_of_cycles(run)
    if moments and cycles > 1:
        return by_cycles(*_columns(moments), run.cycle_tenths, cycles), CYCLE
    seconds, values = _columns(_until_exit(_working(run)[1:]))
    return Series(seconds=seconds, values=values), HOUR


def moments_of_cycles(run: Measurement) -> list[Moment]:
    """Return the moments between the end of a generator's first cycle and that of its last, which it has for sure.

    The first cycle sets up, so it does not count; nor does the clean-up after the last. The moments at both ends are
    left out, as their spans reach outside.
    """
    marks = run.cycle_tenths
    if not marks:
        return []
    return [moment for moment in _working(run) if marks[0] <= moment.seconds <= marks[-1]][1:-1]


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
    seconds, values = _columns([each for each in _working(run) if begin <= each.seconds < end])
    work = [requests * (second - begin) / (end - begin) for second in seconds]
    return Series(seconds=seconds, values=values, work=work)


def _working(run: Measurement) -> list[Moment]:
    """Return the moments at which the main program ran, in order: a damaged result may have them in any."""
    return sorted(running(run.series), key=lambda moment: moment.seconds)


def _until_exit(moments: list[Moment]) -> list[Moment]:
    """Leave out the end in which memory only falls: a program gives it back before it is seen to exit."""
    last, least = len(moments), len(moments) - len(moments) // _LONGEST_EXIT
    while last > max(1, least) and moments[last - 1].low < moments[last - 2].low:
        last -= 1
    return moments[:last]


def _columns(moments: Sequence[Moment]) -> tuple[list[float], list[int]]:
    """Return the times and the least memory of ``moments``."""
    return [moment.seconds for moment in moments], [moment.low for moment in moments]
