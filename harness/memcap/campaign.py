"""Drive a plan through an engine: order, repetition, warm-up, retry, interrupt, resume, progress. The only queue."""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

from memcap.calibration import Calibration, calibrate
from memcap.engine.base import Engine
from memcap.engine.patient import Activity, PatientEngine
from memcap.errors import Interrupted, PlanError, TimeIsUp
from memcap.measuring import measure, without_secrets
from memcap.measuring.output_tail import output_tail
from memcap.measuring.standing import standing_caveats
from memcap.model import (
    METRICS_VERSION,
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
from memcap.pinning import CpuPool
from memcap.run_spec import eviction_spec, run_spec
from memcap.serving_spec import BodyFiles, serving_spec
from memcap.store import Journal
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
class _Missing:
    """How many warm-ups and runs a cell is to get."""

    cell: Cell
    warmups: int
    runs: int


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Which run of its cell one is, counted from 0."""

    number: int
    is_warmup: bool


Layers = Mapping[tuple[str, str], Layer]  # (image name, suite name) -> layer
Tell = Callable[[RunEnded], None]
Save = Callable[[CampaignResult], None]
Queued = tuple[Cell, "Future[Measurement]"]


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
        self._cpus: CpuPool | None = None

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
            before = self._before(cell)
            warmups = max(0, plan.warmups_of(cell.id) - len(before.warmups))
            missing.append(_Missing(cell=cell, warmups=warmups, runs=plan.runs_of(cell.id) - len(before.runs)))
        if self._journal is not None:
            self._fold(save)  # the last runs of a cell may have been in the journal only
        return self._measure(missing, tell=tell, save=save)

    def extend(self, cells: Collection[str], times: int, *, tell: Tell, save: Save) -> CampaignResult:
        """Give each of ``cells`` (ids) so many more runs, interleaved as before, and return the whole result.

        There are no further warm-ups: what they read is in the page cache since, and a run that finds it evicted is
        repeated anyway. Raises as ``run`` does.
        """
        chosen = [_Missing(cell=cell, warmups=0, runs=times) for cell in self._plan.cells if cell.id in cells]
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

    def _measure(self, missing: Sequence[_Missing], *, tell: Tell, save: Save) -> CampaignResult:
        cells = [each.cell for each in missing]
        if not cells:
            return self.result()
        self._deadline.raise_if_expired()
        self._total += sum(each.runs + each.warmups for each in missing)
        # A container beside a cold run would read the files that were just dropped from the page cache.
        jobs = 1 if any(cell.is_cold for cell in cells) else self._settings.jobs
        for group in _groups(missing):
            at_once = min(jobs, sum(each.runs for each in group))
            for each in group:
                share = self._shares[each.cell.id] = each.cell.configured_seconds / at_once
                self._known_seconds_left += share * (each.runs + each.warmups)
        with _stoppable():
            cpus = self._calibrated(cells)
            with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="memcap-run") as pool:
                for group in _groups(missing):
                    before = self._run_all(group, pool, cpus, _warmups(tell), is_warmup=True)
                    measured = self._run_all(group, pool, cpus, tell, is_warmup=False)
                    for cell in (each.cell for each in group):
                        self._finished[cell.id] = _grown(
                            self._before(cell), measured[cell.id], before[cell.id], cell.expected_ending
                        )
                    self._fold(save)
        return self.result()

    def _before(self, cell: Cell) -> CellResult:
        """Return what was measured of ``cell`` until now."""
        return {**self._begun, **self._finished}.get(cell.id) or CellResult(cell=CellSummary.of(cell), runs=())

    def _fold(self, save: Save) -> None:
        """Save the finished cells, and only then leave their runs out of the journal."""
        if self._finished:
            save(self.result())
        if self._journal is not None:
            self._journal.begin(
                self.result(), [cell for name, cell in self._begun.items() if name not in self._finished]
            )

    def _calibrated(self, cells: list[Cell]) -> CpuPool:
        """Learn once what the supervisor needs; return the CPUs there are. Raises PlanError if ``cells`` want more."""
        if self._cpus is None:
            self._calibration = calibrate(self._engine, self._layer(cells[0]), self._settings)
            self._cpus = CpuPool(self._calibration.cpus)
        refuse_too_many_cpus(cells, self._cpus.count)
        return self._cpus

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

    def _run_all(
        self, group: tuple[_Missing, ...], pool: ThreadPoolExecutor, cpus: CpuPool, tell: Tell, *, is_warmup: bool
    ) -> dict[str, list[Measurement]]:
        """Execute what is missing of each cell, the cells taking turns, and return the measurements in order.

        Every second turn goes through them backwards: none is always the one before, or after, another.
        """
        queue: list[Queued] = []
        times = {each.cell.id: each.warmups if is_warmup else each.runs for each in group}
        measurements: dict[str, list[Measurement]] = {cell_id: [] for cell_id in times}
        try:
            for turn in range(max(times.values())):
                order = [each.cell for each in group if turn < times[each.cell.id]]
                for cell in reversed(order) if turn % 2 else order:
                    before = self._before(cell)
                    place = _Place(number=turn + len(before.warmups if is_warmup else before.runs), is_warmup=is_warmup)
                    queue.append((cell, pool.submit(self._run_and_record, cell, next(self._numbers), cpus, place)))
            for cell, future in queue:
                measurement = self._outcome(future, queue)
                measurements[cell.id].append(measurement)
                self._done += 1
                self._known_seconds += self._shares[cell.id]
                self._known_seconds_left -= self._shares[cell.id]
                tell(
                    RunEnded(
                        cell_id=cell.id,
                        warmup=False,
                        measurement=measurement,
                        last=len(measurements[cell.id]) == times[cell.id],
                        done=self._done,
                        total=self._total,
                        known_seconds=self._known_seconds,
                        known_seconds_left=self._known_seconds_left,
                    )
                )
        except BaseException:
            for _, future in queue:
                future.cancel()
            self._engine.cancel()
            raise
        return measurements

    def _outcome(self, future: Future[Measurement], queue: list[Queued]) -> Measurement:
        """Wait for ``future``; an error of any run in the queue must not wait for its turn, nor the end of the time."""
        while not future.done():
            wait([future], timeout=0.5)
            for _, other in queue:
                if other.done() and other.exception() is not None:
                    return other.result()
            if not future.done():
                self._deadline.raise_if_expired()
        return future.result()

    def _run_and_record(self, cell: Cell, number: int, cpus: CpuPool, place: _Place) -> Measurement:
        measurement = self._run_once(cell, number, cpus)
        if self._journal is not None:
            self._journal.add(CellSummary.of(cell), measurement, number=place.number, is_warmup=place.is_warmup)
        if not place.is_warmup:
            self._recorded.append(cell.id)
        return measurement

    def _run_once(self, cell: Cell, number: int, cpus: CpuPool) -> Measurement:
        limit = cell.benchmark.time_limit_seconds or self._settings.time_limit_seconds
        spent = 0.0
        with cpus.taken(cell.benchmark.quiet.pin_cpus) as cpuset:
            for attempt in range(1, ATTEMPTS + 1):
                self._deadline.raise_if_expired()
                measurement = self._attempt(cell, f"{number}.{attempt}", cpuset)
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

    def _attempt(self, cell: Cell, attempt: str, cpuset: str) -> Measurement:
        layer, settings = self._layer(cell), self._settings
        spec = self._spec(cell, attempt=attempt, cpuset=cpuset)
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


def _grown(before: CellResult, runs: list[Measurement], warmups: list[Measurement], expected: Ending) -> CellResult:
    """Return what is known of a cell with these runs added."""
    return replace(
        before,
        runs=keep_telling_series([*before.runs, *runs], expected),
        warmups=keep_telling_series([*before.warmups, *warmups], expected),
    )


def _shared_by_a_group(missing: _Missing) -> tuple[str, str, str]:
    cell = missing.cell
    return cell.benchmark.suite, cell.benchmark.name, cell.cap.name


def _groups(missing: Iterable[_Missing]) -> Iterator[tuple[_Missing, ...]]:
    """Yield the cells that differ in their image or variant only, in the plan's order."""
    for _, group in itertools.groupby(missing, key=_shared_by_a_group):
        yield tuple(group)


def _warmups(tell: Tell) -> Tell:
    return lambda event: tell(replace(event, warmup=True, last=False))
