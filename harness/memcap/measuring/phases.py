"""What each phase of a server's run needed, from the samples of the run and the marks of its phases. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memcap.measuring.workers import find_workers
from memcap.model import LoadOutcome, Moment, PhaseFigures, PhaseMark, PhaseName, ProcessMoment, ProcessRss

SETTLED: Final = 0.25  # of a phase, at its end


def phase_figures(
    series: Sequence[Moment],
    marks: Sequence[PhaseMark],
    *,
    loads: Sequence[LoadOutcome] = (),
    processes: Sequence[ProcessMoment] = (),
) -> tuple[PhaseFigures, ...]:
    """Return the figures of each phase in ``marks``.

    ``loads`` are those of the phases that are loads, in their order; a load that has none is a run that ended early.
    A moment belongs to the phase in which it lies, and one at a border to the later phase. ``series`` has maxima and
    minima of short spans, so a figure can be that of a span which began in the phase before.
    """
    outcomes = iter(loads)
    workers = find_workers(processes)
    return tuple(
        _figures(
            mark,
            [moment for moment in series if _is_in(mark, moment.seconds)],
            next(outcomes, None) if mark.name is PhaseName.LOAD else None,
            _resident([each for each in processes if _is_in(mark, each.seconds)], workers),
        )
        for mark in marks
    )


def _figures(
    mark: PhaseMark, moments: Sequence[Moment], load: LoadOutcome | None, processes: tuple[ProcessRss, ...]
) -> PhaseFigures:
    border = mark.end_seconds - SETTLED * (mark.end_seconds - mark.start_seconds)
    settled = [moment for moment in moments if moment.seconds >= border] or moments[-1:]
    return PhaseFigures(
        name=mark.name,
        start_seconds=mark.start_seconds,
        end_seconds=mark.end_seconds,
        level=mark.level,
        requests=load.completed + load.failed if load else None,
        connections=load.connections.most_open if load and load.connections else None,
        connections_opened=load.connections.opened if load and load.connections else None,
        peak_bytes=max((moment.usage for moment in moments), default=None),
        unreclaimable_peak_bytes=max((moment.unreclaimable for moment in moments), default=None),
        settled_low_bytes=min((min(moment.low, moment.unreclaimable) for moment in settled), default=None),
        settled_high_bytes=max((moment.unreclaimable for moment in settled), default=None),
        processes=processes,
    )


def _is_in(mark: PhaseMark, seconds: float) -> bool:
    return mark.start_seconds <= seconds < mark.end_seconds


def _resident(processes: Sequence[ProcessMoment], workers: frozenset[int]) -> tuple[ProcessRss, ...]:
    """Return the most that each process had resident, the largest first."""
    largest: dict[int, ProcessMoment] = {}
    for each in processes:
        if each.pid not in largest or each.rss_bytes > largest[each.pid].rss_bytes:
            largest[each.pid] = each
    return tuple(
        ProcessRss(pid=each.pid, name=each.name, rss_bytes=each.rss_bytes, is_worker=each.pid in workers)
        for each in sorted(largest.values(), key=lambda each: (-each.rss_bytes, each.pid))
    )
