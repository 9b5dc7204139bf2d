"""Drive a plan through an engine: order, repetition, warm-up, retry, interrupt, resume, progress. The only queue."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from memcap.admission import Admission, Seat
from memcap.calibration import Calibration, calibrate
from memcap.dispatch import Dispatcher, Task
from memcap.engine.base import Engine
from memcap.engine.patient import Activity, PatientEngine
from memcap.errors import Interrupted, PlanError, TimeIsUp
from memcap.measuring import measure, without_secrets
from memcap.measuring.output_tail import output_tail
from memcap.measuring.standing import standing_caveats
from memcap.model import (
    METRICS_VERSION,
    START_SECONDS,
    CampaignResult,
    CampaignSettings,
    CaveatKind,
    Cell,
    CellResult,
    CellSummary,
    Ending,
    Layer,
    Measurement,
    Plan,
    RunSpec,
    ServerWorkload,
)
from memcap.run_spec import eviction_spec, run_spec
from memcap.serving_spec import BodyFiles, serving_spec
from memcap.store import Journal
from memcap.turns import Group, Missing, grouped, tasks_of
from memcap.units import format_seconds

ATTEMPTS = 3  # a run that says nothing about the workload, or read its files from disk, is tried again


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A step of progress: one run is over. ``done`` and ``total`` count runs, warm-ups included.

    ``last``: the cell has no more runs to come, as far as is known. Some workloads last as long as is configured:
    ``known_seconds`` is what that makes of the runs that are over, ``known_seconds_left`` of those to come.
    """

    cell_id: str
    warmup: bool
    measurement: Measurement
    last: bool
    done: int
    total: int
    known_seconds: float = 0.0
    known_seconds_left: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """How long something may take, and when that is over by ``clock``."""

    seconds: float
    end: float
    clock: Callable[[], float] = time.monotonic

    def raise_if_expired(self) -> None:
        """Raise TimeIsUp if it is over."""
        if self.clock() >= self.end:
            raise TimeIsUp(f"time is up: the campaign may take {format_seconds(self.seconds)}")


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What was measured of what a cell of a group is missing; the lists grow."""

    missing: Missing
    group: Group
    warmups: list[Measurement] = field(default_factory=list)
    runs: list[Measurement] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing is missing any more."""
        return len(self.warmups) == self.missing.warmups and len(self.runs) == self.missing.runs


Layers = Mapping[tuple[str, str], Layer]  # (image name, suite name) -> layer
Tell = Callable[[RunEnded], None]
Save = Callable[[CampaignResult], None]


class Campaign:
    """One invocation: a plan, the layers to run it in, and the engine that executes its runs.

    After ``deadline`` no further run is begun, and runs under way are stopped. Each run is in ``journal`` before it is
    reported.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        engine: Engine,
        layers: Layers,
        settings: CampaignSettings,
        deadline: Deadline | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._plan = plan
        self._engine = PatientEngine(engine, wait_seconds=settings.daemon_wait_seconds)
        self._layers = layers
        self._settings = settings
        self._deadline = deadline or Deadline(seconds=math.inf, end=math.inf)
        self._journal = journal
        self._environment = engine.environment()
        self._files = BodyFiles()
        self._finished: dict[str, CellResult] = {}
        self._begun: dict[str, CellResult] = {}  # cells of an interrupted campaign that have some of their runs
        self._recorded: list[str] = []  # the cell of each run; appending is safe in any thread
        self._numbers = itertools.count(1)
        self._done = self._total = 0
        self._known_seconds = self._known_seconds_left = 0.0
        self._shares: dict[str, float] = {}  # cell id -> how long each of its runs takes of the campaign's time
        self._calibration: Calibration | None = None
        self._admission: Admission | None = None

    def run(self, *, tell: Tell, save: Save, earlier: Iterable[CellResult] = ()) -> CampaignResult:
        """Execute every run and return the result; ``save`` gets what there is after each group of cells.

        ``earlier`` are cells of an interrupted campaign; their runs are kept, and only the missing ones are made. The
        cells of one benchmark and cap are run interleaved over their images. Raises PlanError before anything is run,
        EngineError if the daemon stays away, Interrupted when the user stops it, TimeIsUp, and NotWritten: finished
        cells have been saved then, and the runs of others are in the journal.
        """
        plan = self._plan
        for known in earlier:
            (self._finished if len(known.runs) >= plan.runs_of(known.cell.id) else self._begun)[known.cell.id] = known
            self._recorded += [known.cell.id] * len(known.runs)
        wanted = [cell for cell in plan.cells if cell.id not in self._finished]
        for cell in wanted:  # a run that cannot be launched is found before the first container, not hours later
            self._spec(cell, attempt="")
        missing = []
        for cell in wanted:
            warmups = max(0, plan.warmups_of(cell.id) - len(self._before(cell).warmups))
            missing.append(self._missing(cell, warmups, plan.runs_of(cell.id) - len(self._before(cell).runs)))
        if self._journal is not None:
            if self._finished:
                save(self.result())  # the last runs of a cell may have been in the journal only
            unfinished = [cell for name, cell in self._begun.items() if name not in self._finished]
            self._journal.begin(self.result(), unfinished)
        return self._measure(missing, tell=tell, save=save)

    def extend(self, cells: Collection[str], times: int, *, tell: Tell, save: Save) -> CampaignResult:
        """Give each of ``cells`` (ids) so many more runs, interleaved as before, and return the whole result.

        There are no further warm-ups: what they read is in the page cache since, and a run that finds it evicted is
        repeated anyway. Raises as ``run`` does.
        """
        chosen = [self._missing(cell, 0, times) for cell in self._plan.cells if cell.id in cells]
        return self._measure(chosen, tell=tell, save=save)

    def add(self, cells: Iterable[Cell]) -> None:
        """Take further cells into the plan; `extend` runs them."""
        self._plan = replace(self._plan, cells=(*self._plan.cells, *cells))

    @property
    def activity(self) -> Activity:
        """Return what is going on at this moment."""
        return replace(self._engine.activity, done=self._done, total=self._total)

    @property
    def recorded(self) -> Mapping[str, int]:
        """Return how many runs each planned cell has, in the result or in the journal."""
        counts = Counter(self._recorded)
        return {cell.id: counts[cell.id] for cell in self._plan.cells}

    def _measure(self, missing: Sequence[Missing], *, tell: Tell, save: Save) -> CampaignResult:
        cells = [each.cell for each in missing]
        if not cells:
            return self.result()
        self._deadline.raise_if_expired()
        self._total += sum(each.runs + each.warmups for each in missing)
        at_once = min(self._settings.jobs, sum(each.runs for each in missing))
        for each in missing:
            share = self._shares[each.cell.id] = self._seconds_of(each.cell) / at_once
            self._known_seconds_left += share * (each.runs + each.warmups)
        with _stoppable(), Dispatcher(self._calibrated(cells), self._run_and_record) as dispatcher:
            try:
                self._run_all(self._ordered(missing), dispatcher, tell, save)
            except BaseException:
                self._engine.cancel()
                raise
        return self.result()

    def _seconds_of(self, cell: Cell) -> float:
        """Return how long a run of ``cell`` takes, as far as somebody knows; else 0."""
        return self._settings.expected_seconds.get(cell.id, cell.configured_seconds)

    def _ordered(self, missing: Iterable[Missing]) -> list[Group]:
        """Return the cells in groups; those that take most of the machine, and for longest, first.

        So no long run is left for the end, nor many that have no room beside each other.
        """
        groups = list(grouped(missing))
        if self._settings.jobs > 1:
            groups.sort(key=lambda group: -max(self._share_of_machine(each.cell) for each in group))
        return groups

    def _share_of_machine(self, cell: Cell) -> float:
        """Return the seconds of the whole machine that a run of ``cell`` takes."""
        share = max(1 / self._settings.jobs, cell.memory_bytes / (self._environment.memory_bytes or math.inf))
        return (START_SECONDS + self._seconds_of(cell)) * share

    def _missing(self, cell: Cell, warmups: int, runs: int) -> Missing:
        before = self._before(cell)
        return Missing(
            cell=cell, warmups=warmups, runs=runs, warmups_before=len(before.warmups), runs_before=len(before.runs)
        )

    def _before(self, cell: Cell) -> CellResult:
        """Return what was measured of ``cell`` until now."""
        known = self._finished.get(cell.id) or self._begun.get(cell.id)
        return known or CellResult(cell=CellSummary.of(cell), runs=())

    def _calibrated(self, cells: list[Cell]) -> Admission:
        """Learn once what the supervisor needs; return the machine's room. Raises PlanError if ``cells`` want more."""
        if self._admission is None:
            self._calibration = calibrate(self._engine, self._layer(cells[0]), self._settings)
            self._admission = Admission(
                jobs=self._settings.jobs, cpus=self._calibration.cpus, memory_bytes=self._environment.memory_bytes
            )
        refuse_too_many_cpus(cells, self._admission.cpu_count)
        return self._admission

    def result(self) -> CampaignResult:
        """Return what is finished."""
        return CampaignResult(
            id=self._settings.id,
            started=self._settings.started,
            command=self._settings.command,
            profile=self._plan.profile,
            runs=self._plan.runs,
            warmups=self._plan.warmups,
            looks=self._settings.looks,
            early_looks=self._settings.early_looks,
            environment=self._environment,
            images={layer.image.name: layer.image for layer in self._layers.values()},
            plan_cells=tuple(cell.id for cell in self._plan.cells),
            cells=tuple(self._finished[cell.id] for cell in self._plan.cells if cell.id in self._finished),
            policy=self._settings.policy,
            metrics_version=METRICS_VERSION,
            shard=self._settings.shard,
        )

    def _layer(self, cell: Cell) -> Layer:
        return self._layers[cell.image.name, cell.benchmark.suite]

    def _run_all(self, groups: Sequence[Group], dispatcher: Dispatcher, tell: Tell, save: Save) -> None:
        """Execute what is missing, and save after each group that is complete."""
        found = {each.cell.id: _Found(missing=each, group=group) for group in groups for each in group}
        tasks = itertools.chain.from_iterable(tasks_of(group, self._numbers) for group in groups)
        for task, measurement in dispatcher.run(tasks, self._deadline.raise_if_expired):
            cell_id, own = task.cell.id, found[task.cell.id]
            (own.warmups if task.is_warmup else own.runs).append(measurement)
            self._done += 1
            self._known_seconds += self._shares[cell_id]
            self._known_seconds_left -= self._shares[cell_id]
            tell(
                RunEnded(
                    cell_id=cell_id,
                    warmup=task.is_warmup,
                    measurement=measurement,
                    last=not task.is_warmup and len(own.runs) == own.missing.runs,
                    done=self._done,
                    total=self._total,
                    known_seconds=self._known_seconds,
                    known_seconds_left=self._known_seconds_left,
                )
            )
            of_group = [found[each.cell.id] for each in own.group]
            if all(each.is_complete for each in of_group):
                self._finish(of_group, save)

    def _finish(self, group: Sequence[_Found], save: Save) -> None:
        """Save the cells of a group, and only then leave their runs out of the journal."""
        for each in group:
            cell = each.missing.cell
            self._finished[cell.id] = _grown(self._before(cell), each, cell.expected_ending)
        save(self.result())
        if self._journal is not None:
            self._journal.fold(self.result(), {each.missing.cell.id for each in group})

    def _run_and_record(self, task: Task, seat: Seat) -> Measurement:
        measurement = self._run_once(task, seat)
        if self._journal is not None:
            self._journal.add(CellSummary.of(task.cell), measurement, number=task.number, is_warmup=task.is_warmup)
        if not task.is_warmup:
            self._recorded.append(task.cell.id)
        return measurement

    def _run_once(self, task: Task, seat: Seat) -> Measurement:
        limit = task.cell.benchmark.time_limit_seconds or self._settings.time_limit_seconds
        spent = 0.0
        for attempt in range(1, ATTEMPTS + 1):
            self._deadline.raise_if_expired()
            seat.take_again()
            measurement = self._attempt(task.cell, f"{task.serial}.{attempt}", seat)
            wall = measurement.wall_seconds or 0.0
            spent += wall
            # Somebody emptied the page cache since the warm-up; this attempt has filled it again. But a figure that
            # is merely in doubt is not worth more time than the run may take.
            is_cold = any(caveat.kind is CaveatKind.COLD_PAGE_CACHE for caveat in measurement.caveats)
            if not measurement.ending.is_infrastructure and not (is_cold and spent + wall <= limit):
                break
        return measurement

    def _spec(self, cell: Cell, *, attempt: str, cpuset: str = "") -> RunSpec:
        layer, workload = self._layer(cell), cell.benchmark.workload
        spec = run_spec(cell, layer, self._settings, attempt=attempt, cpuset=cpuset)
        if not isinstance(workload, ServerWorkload):
            return spec
        return serving_spec(spec, workload, layer, self._layers, files=self._files)

    def _attempt(self, cell: Cell, attempt: str, seat: Seat) -> Measurement:
        layer, settings = self._layer(cell), self._settings
        spec = replace(self._spec(cell, attempt=attempt, cpuset=seat.cpuset), ended=seat.free)
        if self._calibration:
            spec = self._calibration.applied_to(spec)
        if cell.is_cold:
            self._engine.execute(eviction_spec(layer, settings, attempt=attempt))
        raw = without_secrets(self._engine.execute(spec), spec)
        found = measure(raw, spec, cpus=self._environment.cpus, standing=standing_caveats(layer, self._environment))
        return replace(found, output_tail=output_tail(raw)) if settings.keep_output else found


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn Ctrl-C inside the block into Interrupted."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted("stopped by the user") from error


def refuse_too_many_cpus(cells: Iterable[Cell], cpus: int) -> None:
    """Raise PlanError for a benchmark that asks for more CPUs than containers may use here."""
    for cell in cells:
        asked = cell.benchmark.quiet.pin_cpus
        if asked is not None and asked > cpus:
            raise PlanError(
                f"{cell.id} is to be pinned to {asked} CPUs; containers may use {cpus} here",
                remedy="Lower `quiet.pin_cpus` in suite.toml or limits.toml, or give the daemon more CPUs.",
            )


def keep_telling_series(runs: list[Measurement], expected: Ending) -> tuple[Measurement, ...]:
    """Return the runs; memory over time is kept of the first, and of those that did not end as expected.

    The others' would be much the same, and most of a result file.
    """
    return tuple(
        run if place == 0 or run.ending is not expected else replace(run, series=()) for place, run in enumerate(runs)
    )


def _grown(before: CellResult, found: _Found, expected: Ending) -> CellResult:
    """Return what is known of a cell with these runs added."""
    return replace(
        before,
        runs=keep_telling_series([*before.runs, *found.runs], expected),
        warmups=keep_telling_series([*before.warmups, *found.warmups], expected),
    )
