"""Run a cell with as good as no cap, then under the caps that the search asks for; the campaign is the only queue."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from memcap.campaign import Campaign
from memcap.errors import EngineError
from memcap.fitting.answer import Fit, conclude
from memcap.fitting.cold import COLD_RUNS, Cold, failed_cold, next_cold_cap, survived_cold
from memcap.fitting.recommendation import Recommendation, from_cold_start
from memcap.fitting.search import Goal, next_caps
from memcap.fitting.service_level import ServiceLevel, serving_seconds
from memcap.fitting.trials import Reference, Trial
from memcap.model import (
    COLD,
    CampaignResult,
    Cap,
    CaveatKind,
    Cell,
    CellResult,
    Ending,
    Environment,
    Measurement,
    Origin,
    PhaseName,
    ServerWorkload,
    remedy_of,
)
from memcap.units import format_bytes

FIRST_RUNS: Final = 3  # one after the other, as their times count
SLOWEST: Final = 3  # times the slowdown that is allowed: who takes longer need not be waited for
PATIENCE_SECONDS: Final = 5.0  # of short workloads on a busy machine
CYCLES: Final = "cycles"
_CAP_NAME: Final = "fit"
_KIB, _MIB = 1024, 1024 * 1024
_AHEAD_BYTES: Final = 64 * 4096  # what the kernel charges ahead for each CPU (MEMCG_CHARGE_BATCH)
_OF_RUNTIME_BYTES: Final = 32 * _MIB  # with less, a container may not even start

Tell = Callable[[Trial], None]


@dataclass(frozen=True, kw_only=True)
class Uncapped:
    """The first measurement: its result, and the cell with its cap."""

    cell: Cell
    result: CampaignResult

    @property
    def measured(self) -> CellResult:
        """Return the runs."""
        return self.result.cells[0]

    @property
    def is_as_expected(self) -> bool:
        """Tell whether all runs ended as they should; otherwise there is nothing to look for."""
        return all(run.ending is self.cell.expected_ending for run in self.measured.runs)


def uncapped(cell: Cell, ceiling_bytes: int) -> Cell:
    """Return ``cell`` with a cap that it never meets; under every cap it must end as it does there.

    An OOM kill that its suite expects is not what a cap is looked for by.
    """
    expected = Ending.COMPLETED if cell.expected_ending.is_oom else cell.expected_ending
    return replace(
        cell,
        benchmark=replace(cell.benchmark, expect={"*": expected}),
        cap=Cap(name=_CAP_NAME, bytes=ceiling_bytes),
        variant="uncapped",
    )


def measure_uncapped(campaign: Campaign, cell: Cell) -> Uncapped:
    """Return the runs of ``cell``, the only one of ``campaign``'s plan, one at a time, after a warm-up.

    It stops at the first that does not end as expected. Raises as ``Campaign.run`` does.
    """
    found = Uncapped(cell=cell, result=campaign.run(tell=_silent, save=_unsaved))
    while found.is_as_expected and len(found.measured.runs) < FIRST_RUNS:
        found = replace(found, result=campaign.extend({cell.id}, 1, tell=_silent, save=_unsaved))
    return found


def reference_of(first: Uncapped, machine: Environment) -> Reference:
    """Return what later runs are compared with. Raises EngineError where no memory was measured."""
    trials = tuple(trial_of(run, first.cell, alone=True) for run in first.measured.runs)
    is_server = any(run.server is not None for run in first.measured.runs)
    reference = Reference(trials=trials, ahead_bytes=_AHEAD_BYTES * (machine.cpus or 1), is_fixed=is_server)
    if not reference.need_bytes:
        raise EngineError("the first measurement has no figures of memory", remedy="Run `memcap doctor`.")
    return reference


def jobs_beside(first: Uncapped, reference: Reference, machine: Environment) -> int:
    """Return how many runs may be side by side: as many as have the CPUs that they use, and memory."""
    used = [run.cpu_seconds / run.wall_seconds for run in first.measured.runs if run.cpu_seconds and run.wall_seconds]
    by_cpus = (machine.cpus or 1) // max(1, math.ceil(max(used, default=1) - 0.1))
    by_memory = (machine.memory_bytes or 0) // max(2 * reference.peak_bytes, 1)
    return max(1, min(by_cpus, by_memory))


def search_caps(campaign: Campaign, first: Uncapped, reference: Reference, goal: Goal, *, tell: Tell) -> Fit:
    """Run caps until the search has no more wishes, and return its answer; ``tell`` gets each run.

    Raises EngineError for runs that say nothing about the workload, and as ``Campaign.extend`` does.
    """
    trials: list[Trial] = []
    limit = time_limit(first.measured.runs, goal)
    while caps := next_caps(goal, reference, trials):
        for times, sizes in _by_times(caps):
            cells = [first.cell if size == reference.cap_bytes else capped(first.cell, size, limit) for size in sizes]
            earlier = (*reference.trials, *trials)
            for trial in _run(campaign, cells, times, earlier, _Asked(first, goal.level, alone=len(caps) == 1)):
                trials.append(trial)
                tell(trial)
    return conclude(goal, reference, trials)


def confirm_cold(
    campaign: Campaign, first: Uncapped, fit: Fit, advice: Recommendation, *, tell: Tell
) -> tuple[Cold, Recommendation]:
    """Start from cold with the recommended cap, with larger ones if that is too little; return what to recommend then.

    Raises as ``search_caps`` does.
    """
    usual = _cold(first.cell)
    campaign.add([usual])
    found = campaign.extend({usual.id}, 1, tell=_silent, save=_unsaved)
    (before,) = next(done.runs for done in found.cells if done.cell.id == usual.id)
    if before.ending is not first.cell.expected_ending:
        return Cold(checked=False, reason=f"a cold start without a cap ended as {before.ending.value}"), advice
    kinds = {caveat.kind for caveat in before.caveats}
    if {CaveatKind.NOT_COLD, CaveatKind.MAPPED_ELSEWHERE} <= kinds:
        reason = "the image's files stayed in the page cache: something else has them open"
        return Cold(checked=False, reason=reason), advice
    reference = replace(fit.reference, trials=(trial_of(before, usual, alone=True),))
    limit = time_limit((before,), fit.goal)
    trials: list[Trial] = []

    def start(cap: int) -> None:
        asked = _Asked(first, fit.goal.level, alone=True)
        trials.extend(_run(campaign, [_cold(capped(first.cell, cap, limit))], 1, trials, asked))
        tell(trials[-1])

    while cap := next_cold_cap(advice.limit_bytes, reference, trials, step=max(fit.goal.resolution_bytes, _MIB)):
        start(cap)
    lived = survived_cold(reference, trials)
    low = max(failed_cold(reference, trials), default=0)
    good = [cap for cap, runs in lived.items() if cap > low and runs >= COLD_RUNS]
    cold = Cold(checked=True, minimum_cap_bytes=min(good, default=None))
    advised = from_cold_start(advice, cold)
    if advised.limit_bytes > advice.limit_bytes:
        for _ in range(COLD_RUNS):
            start(advised.limit_bytes)
    own = [trial for trial in trials if trial.cap_bytes == advised.limit_bytes]
    return replace(cold, survived=sum(trial.survived for trial in own), runs=len(own)), advised


def _cold(cell: Cell) -> Cell:
    return replace(cell, variant=f"{cell.variant}.{COLD}")


def time_limit(runs: Sequence[Measurement], goal: Goal) -> float:
    """Return after how many seconds a run is too slow in any case, if ``runs`` had as good as no cap."""
    longest = max(map(_until_done, runs))
    return PATIENCE_SECONDS + SLOWEST * goal.slowdown * longest


def _until_done(run: Measurement) -> float:
    """Return how long a run took; of a server, how long its start: the rest lasts as long as is configured."""
    starts = [phase.end_seconds for phase in run.server.phases if phase.name is PhaseName.START] if run.server else []
    return starts[0] if starts else run.wall_seconds or 0.0


def capped(cell: Cell, size: int, limit_seconds: float) -> Cell:
    """Return the variant of the uncapped ``cell`` that has the cap ``size``."""
    own, workload = cell.benchmark.time_limit_seconds, cell.benchmark.workload
    if isinstance(workload, ServerWorkload):
        ready = workload.ready
        limit = min(ready.time_limit_seconds, limit_seconds)
        workload = replace(workload, ready=replace(ready, time_limit_seconds=limit))
    benchmark = replace(cell.benchmark, workload=workload, time_limit_seconds=min(own or limit_seconds, limit_seconds))
    return replace(
        cell,
        benchmark=benchmark,
        cap=replace(cell.cap, bytes=size),  # the same name: cells that differ in their variant run side by side
        variant=short_size(size),
    )


@dataclass(frozen=True)
class _Asked:
    """What runs are compared with: those without a cap, and how well a server has to serve."""

    first: Uncapped
    level: ServiceLevel
    alone: bool

    def problem(self, run: Measurement) -> str:
        return self.level.problem(run, self.first.measured.runs)


def trial_of(run: Measurement, cell: Cell, *, alone: bool, problem: str = "") -> Trial:
    """Return what the search needs to know of a run of ``cell``; ``problem`` is why it does not do all the same."""
    return Trial(
        cap_bytes=cell.cap.bytes,
        survived=run.ending is cell.expected_ending and not problem,
        ending=run.ending,
        problem=problem if run.ending is cell.expected_ending else "",
        alone=alone,
        seconds=_seconds_of(run),
        wall_seconds=run.wall_seconds,
        cap_hits=run.oom.cap_hits,
        refaults=run.pressure.refaults,
        major_faults=run.major_faults,
        stall_seconds=run.pressure.stall_some_seconds,
        peak_bytes=run.peak_bytes,
        need_bytes=run.unreclaimable_peak_bytes,
        need_low_bytes=run.unreclaimable_peak_low_bytes,
    )


def _seconds_of(run: Measurement) -> float | None:
    """Return the time that a run took; of a workload of a fixed duration that of a cycle, of a server of its phases."""
    if run.server is not None:
        return serving_seconds(run.server)
    cycles = run.extra.get(CYCLES)
    return run.wall_seconds / cycles if run.wall_seconds is not None and cycles else run.wall_seconds


def short_size(size: int) -> str:
    """Return ``size`` as Docker takes it, and as a part of a cell's id: ``48m``, ``49664k``."""
    if size % _MIB == 0:
        return f"{size // _MIB}m"
    return f"{size // _KIB}k" if size % _KIB == 0 else f"{size}b"


def _run(campaign: Campaign, cells: Sequence[Cell], times: int, earlier: Sequence[Trial], asked: _Asked) -> list[Trial]:
    before = Counter(trial.cap_bytes for trial in earlier)
    campaign.add(cell for cell in cells if not before[cell.cap.bytes])
    result = campaign.extend({cell.id for cell in cells}, times, tell=_silent, save=_unsaved)
    runs = {done.cell.id: done.runs for done in result.cells}
    return [_telling(run, cell, asked) for cell in cells for run in runs[cell.id][before[cell.cap.bytes] :]]


def _telling(run: Measurement, cell: Cell, asked: _Asked) -> Trial:
    """Return the trial; a container that could not live with so little counts as a run that did not survive."""
    is_too_small = run.ending in (Ending.NOT_STARTED, Ending.LOST) and cell.cap.bytes < _OF_RUNTIME_BYTES
    if run.ending.is_infrastructure and not is_too_small:
        raise EngineError(
            f"a run with {format_bytes(cell.cap.bytes)} says nothing about the workload: {run.ending.explanation}; "
            f"{run.detail}",
            remedy=remedy_of(run.ending, run.detail, Origin.COMMAND),
        )
    return trial_of(run, cell, alone=asked.alone, problem=asked.problem(run))


def _by_times(caps: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return how often to run which caps."""
    groups: dict[int, list[int]] = {}
    for cap, times in Counter(caps).items():
        groups.setdefault(times, []).append(cap)
    return list(groups.items())


def _silent(_: object) -> None:
    """Tell nobody: the search tells of each run itself."""


def _unsaved(_: CampaignResult) -> None:
    """Keep nothing: the answer has all that matters."""
