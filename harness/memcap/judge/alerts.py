"""Signs of trouble to come: told, but no reason to fail a check."""

from __future__ import annotations

from memcap.judge.limits import unit_of, values_of
from memcap.model import Alert, AlertKind, AlertLimits, CellResult, Measurement, Metric
from memcap.stats import median
from memcap.units import format_bytes, format_seconds

_FEWEST_CYCLES = 20  # with fewer, a workload has hardly begun, and its first tenth is its setting up


def alerts(cell: CellResult, limits: AlertLimits) -> tuple[Alert, ...]:
    """Return what should be looked at in ``cell``. One that is expected to be OOM-killed alerts nobody."""
    if cell.cell.expected_ending.is_oom:
        return ()
    found = (_near_cap(cell, limits), _growth(cell, limits), _gc_overhead(cell, limits))
    return (*(each for each in found if each), *_metrics(cell))


def _near_cap(cell: CellResult, limits: AlertLimits) -> Alert | None:
    """Tell a need near the cap. Not by ``peak``: page cache fills any cap, and makes room when asked."""
    needs, cap = cell.values(Metric.UNRECLAIMABLE_PEAK), cell.cell.cap.bytes
    if limits.cap_share is None or not needs or max(needs) <= limits.cap_share * cap:
        return None
    detail = (
        f"unreclaimable_peak {format_bytes(max(needs))} is {max(needs) / cap:.0%} of the cap of {format_bytes(cap)}"
    )
    return Alert(kind=AlertKind.NEAR_CAP, detail=detail)


def _growth(cell: CellResult, limits: AlertLimits) -> Alert | None:
    """Tell workloads of many cycles that need more at their end than after their first tenth."""
    found = [grown for run in cell.runs if run.ending is cell.cell.expected_ending
             and (grown := _grown(run)) is not None]  # fmt: skip
    if limits.growth_bytes is None or not found or median(found) <= limits.growth_bytes:
        return None
    return Alert(
        kind=AlertKind.GROWTH,
        detail=f"unreclaimable memory grew by {format_bytes(median(found))} between the first and the last tenth "
        "of the run's time",
    )


def _grown(run: Measurement) -> int | None:
    """Return how much more the least need of the last tenth of the time is than that of the second, in bytes.

    The least of each, so that the sawtooth of a garbage collector or a cache is no growth.
    """
    if run.extra.get("cycles", 0) < _FEWEST_CYCLES or len(run.series) < 2:
        return None
    end = run.series[-1].seconds
    early = [each.low for each in run.series if 0.1 * end <= each.seconds <= 0.2 * end]
    late = [each.low for each in run.series if each.seconds >= 0.9 * end]
    return min(late) - min(early) if early and late else None


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
