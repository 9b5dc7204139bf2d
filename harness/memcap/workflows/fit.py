"""``memcap fit``: how small can the cap be?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from memcap.calibration import measure_page_cost
from memcap.campaign import Campaign
from memcap.fitting import Goal, Reference, ServiceLevel, Trial, recommend
from memcap.fitting.driving import (
    Uncapped,
    confirm_cold,
    jobs_beside,
    measure_uncapped,
    reference_of,
    search_caps,
    uncapped,
)
from memcap.model import Caveat
from memcap.report.fit import FitReport
from memcap.report.fit_words import name_of
from memcap.units import format_bytes, format_seconds, parse_bytes, parse_seconds
from memcap.workflows.caller import Caller, Tell
from memcap.workflows.judging import UnexpectedEnding, unjudged
from memcap.workflows.ready import made_ready
from memcap.workflows.request import new_campaign
from memcap.workflows.subject import Subject, find_subject
from memcap.workflows.subject_options import FitOptions

_MIB: Final = 1024 * 1024
_USUAL_RUNS: Final = 16  # of anonymous memory: six to find the cap, seven to time it, three from cold
_WITHOUT_MEMORY_BYTES: Final = 1024 * _MIB  # as good as no cap, where the daemon does not say how much it has


def fit(options: FitOptions, caller: Caller) -> FitReport:
    """Return how small the cap of what ``options`` name can be. Raises as `fit_subject` does, SizeError, UsageError."""
    options.validate()
    subject = find_subject(options, tell=caller.tell)
    ceiling = subject.cell.cap.bytes if options.cap else None
    return fit_subject(subject, _goal(options), headroom=options.headroom, ceiling_bytes=ceiling, caller=caller)


def _goal(options: FitOptions) -> Goal:
    goal = Goal(
        resolution_bytes=parse_bytes(options.resolution),
        slowdown=options.slowdown,
        time_lost=options.time_lost,
        precise=options.precise,
        level=ServiceLevel(max_errors=options.max_errors, added_latency_seconds=parse_seconds(options.added_latency)),
    )
    if options.max_runs is None:
        return goal
    return replace(goal, max_runs=options.max_runs, max_runs_if_steady=options.max_runs)


def fit_subject(
    subject: Subject, goal: Goal, *, headroom: float, ceiling_bytes: int | None, caller: Caller
) -> FitReport:
    """Return the fit of ``subject``.

    Raises UnexpectedEnding if it does not end well even without a cap, and as `execute` does.
    """
    tell, name = caller.tell, new_campaign("fit")
    cell = uncapped(subject.cell, ceiling_bytes or goal.floor_bytes)
    request = replace(subject, cell=cell).request("fit", name, warmups=1)
    with made_ready(request, tell) as ready:
        machine = ready.engine.environment()
        if ceiling_bytes is None:
            cell = uncapped(subject.cell, (machine.memory_bytes or 2 * _WITHOUT_MEMORY_BYTES) // 2 // _MIB * _MIB)
        settings = request.settings(caller.argv, jobs=machine.cpus or 1)
        tell(f"{name_of(subject.name)}: first measurement, with a cap of {format_bytes(cell.cap.bytes)}")
        plan = replace(request.plan, cells=(cell,))
        campaign = Campaign(plan, engine=ready.engine, layers=ready.layers, settings=settings)
        first = measure_uncapped(campaign, cell)
        if not first.is_as_expected:
            raise UnexpectedEnding(unjudged(first.result))  # it fails as it is: that comes first
        reference = reference_of(first, machine)
        need, peak = format_bytes(reference.need_bytes), format_bytes(reference.peak_bytes)
        tell(f"it holds {need} that cannot be taken back, and {peak} in all")
        goal = replace(goal, jobs=jobs_beside(first, reference, machine))
        if any(trial.stall_seconds is None for trial in reference.trials):  # no PSI
            goal = replace(goal, page_cost=measure_page_cost(ready.engine, ready.layer, settings))
        telling = _Telling(reference, tell)
        found = search_caps(campaign, first, reference, goal, tell=telling)
        advice = recommend(found, headroom=headroom)
        tell(f"from a cold start, with {format_bytes(advice.limit_bytes)}")
        cold, advice = confirm_cold(campaign, first, found, advice, tell=telling)
    facts = first.result.images[subject.cell.image.name]
    return FitReport(
        id=name.id,
        started=name.started,
        subject=subject.name,
        image=facts,
        environment=machine,
        fit=found,
        recommendation=advice,
        cold=cold,
        caveats=_deciding_caveats(first),
    )


def _deciding_caveats(first: Uncapped) -> tuple[Caveat, ...]:
    return tuple(caveat for run in first.measured.runs for caveat in run.caveats if caveat.kind.decides(judged=False))


class _Telling:
    """Tell of each run in a line, and about how long the rest takes: a search cannot say how many there are."""

    def __init__(self, reference: Reference, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._reference = reference
        self._tell = tell
        self._count = 0
        self._clock = clock
        self._started = clock()

    def __call__(self, trial: Trial) -> None:
        self._count += 1
        passed = self._clock() - self._started
        left = max(_USUAL_RUNS - self._count, 1) * passed / self._count
        size = "no cap" if trial.cap_bytes >= self._reference.cap_bytes else format_bytes(trial.cap_bytes)
        took, usual = "", self._reference.seconds
        if trial.survived and trial.seconds is not None and usual:
            took = f", {trial.seconds / usual:.2f} times as long" + ("" if trial.alone else " beside another")
        self._tell(f"[{self._count}, about {format_seconds(left)} left] {size}: {trial.outcome}{took}")
