"""Signs of trouble to come: told, but no reason to fail a check."""

from __future__ import annotations

from memcap.judge.limits import unit_of, values_of
from memcap.leaks import CycleGrowth, cycle_growth
from memcap.model import Alert, AlertKind, AlertLimits, CellResult, Measurement, Metric
from memcap.run_growth import CYCLE, growth_of_cell, moments_of_cycles, rate_words
from memcap.stats import median
from memcap.units import format_bytes, format_seconds

_FEWEST_CYCLES = 7  # the first sets up, and each of the three parts that are compared has two
_FEWEST_MOMENTS = 8


def alerts(cell: CellResult, limits: AlertLimits) -> tuple[Alert, ...]:
    """Return what should be looked at in ``cell``. One that is expected to be OOM-killed alerts nobody."""
    if cell.cell.expected_ending.is_oom:
        return ()
    found = (_near_cap(cell, limits), _growth(cell, limits), _gc_overhead(cell, limits))
    return (*(each for each in found if each), *_metrics(cell))


def _near_cap(cell: CellResult, limits: AlertLimits) -> Alert | None:
    """Tell a need near the cap. Not by ``peak``: page cache fills any cap, and makes room when asked."""
    needs, cap = cell.highest_values(Metric.UNRECLAIMABLE_PEAK), cell.cell.cap.bytes
    if limits.cap_share is None or not needs or max(needs) <= limits.cap_share * cap:
        return None
    detail = (
        f"unreclaimable_peak {format_bytes(max(needs))} is {max(needs) / cap:.0%} of the cap of {format_bytes(cap)}"
    )
    return Alert(kind=AlertKind.NEAR_CAP, detail=detail)


def _growth(cell: CellResult, limits: AlertLimits) -> Alert | None:
    """Report workloads of many cycles that hold more after each of them, up to the last.

    One run that leaks is enough. Of runs that are too short for that verdict, half of all must have grown.
    """
    above = limits.growth_bytes
    if cell.cell.is_soak:
        return _leak(cell) if above is not None else None
    judged = [run for run in cell.runs if run.ending is cell.cell.expected_ending]
    long = [run for run in judged if run.extra.get("cycles", 0) >= _FEWEST_CYCLES]
    found = [] if above is None else [grown for run in long if (grown := _grown(run, above)) is not None]
    leaks = [each for each in found if each.is_leak]
    if not leaks and (not found or 2 * len(found) < len(judged)):
        return None
    found = leaks or found
    usual = sorted(found, key=lambda each: each.amount)[len(found) // 2]
    runs = f" in {len(found)} of {len(judged)} runs" if len(judged) > 1 else ""
    return Alert(
        kind=AlertKind.GROWTH,
        detail=f"unreclaimable memory grew by {format_bytes(usual.amount)} from the first to the last tenth of the "
        f"cycles{runs}: {_pace(usual)}",
    )


def _leak(cell: CellResult) -> Alert | None:
    """Report a soak that leaks, also where its baseline does or there is none."""
    growth = growth_of_cell(cell)
    if growth is None or not growth.verdict.leak:
        return None
    return Alert(kind=AlertKind.GROWTH, detail=f"unreclaimable memory grew up to the end: {growth.words}")


def _grown(run: Measurement, above: int) -> CycleGrowth | None:
    """Return the growth over the cycles of a run that has enough, if it goes on and is more than ``above`` bytes."""
    moments = moments_of_cycles(run)
    if len(moments) < _FEWEST_MOMENTS:
        return None
    seconds, lows = [moment.seconds for moment in moments], [moment.low for moment in moments]
    return cycle_growth(seconds, lows, run.cycle_tenths, run.extra["cycles"], above=above)


def _pace(growth: CycleGrowth) -> str:
    """Return the growth of one cycle, and how sure it is that this goes on."""
    pace, verdict = f"about {format_bytes(growth.per_cycle)} per cycle", growth.verdict
    if verdict is None:
        return f"{pace}; the run is too short to tell a leak from a cache"
    rate, detectable = verdict.per_work, verdict.detectable_bytes_per_work
    if verdict.leak and rate is not None:
        return f"{verdict.kind.label}, {rate_words(rate, CYCLE)}"
    told = f"{pace}; not enough data to tell a leak from a cache"
    if detectable is None:
        return told
    return f"{told}, a leak of {format_bytes(detectable)} per cycle would have been found"


def _gc_overhead(cell: CellResult, limits: AlertLimits) -> Alert | None:
    shares = [
        (run.python.gc.seconds / run.wall_seconds, run.python.gc.seconds)
        for run in cell.runs
        if run.python and run.python.gc and run.wall_seconds
    ]
    if limits.gc_share is None or not shares:
        return None
    share, seconds = sorted(shares)[len(shares) // 2]
    if share <= limits.gc_share:
        return None
    return Alert(
        kind=AlertKind.GC_OVERHEAD,
        detail=f"the garbage collector took {share:.0%} of the run's time ({format_seconds(seconds)})",
    )


def _metrics(cell: CellResult) -> tuple[Alert, ...]:
    return tuple(
        Alert(
            kind=AlertKind.METRIC,
            detail=f"{name} is {median(values):g} {unit_of(cell, name)}, above {limit:g}",
        )
        for name, limit in cell.cell.alerts.items()
        if (values := values_of(cell, name)) and median(values) > limit
    )
