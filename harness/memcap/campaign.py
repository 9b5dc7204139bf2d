"""Drive a plan through an engine: order, repetition, warm-up, retry, interrupt, resume, progress. The only queue."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

from memcap.calibration import Calibration, calibrate
from memcap.engine.base import Engine
from memcap.errors import Interrupted, PlanError, TimeIsUp
from memcap.launch import eviction_spec, run_spec
from memcap.measure import measure, output_tail
from memcap.model import (
    METRICS_VERSION,
    PROCESS_ENGINE,
    CampaignResult,
    CampaignSettings,
    Caveat,
    CaveatKind,
    Cell,
    CellResult,
    CellSummary,
    Ending,
    Environment,
    Layer,
    Measurement,
    Plan,
)
from memcap.pinning import CpuPool
from memcap.units import format_seconds

ATTEMPTS = 3  # a run that says nothing about the workload, or read its files from disk, is tried again


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A step of progress: one run is over. ``done`` and ``total`` count runs, warm-ups included.

    ``last`` says that the cell has no more runs to come, as far as is known. Some workloads last as long as is
    configured: ``known_seconds`` is what that makes of the runs that are over, ``known_seconds_left`` of those to come.
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

    def heed(self) -> None:
        """Raise TimeIsUp if it is over."""
        if self.clock() >= self.end:
            raise TimeIsUp(f"time is up: the campaign may take {format_seconds(self.seconds)}")


Layers = Mapping[tuple[str, str], Layer]  # (image name, suite name) -> layer
Tell = Callable[[RunEnded], None]
Save = Callable[[CampaignResult], None]
Queued = tuple[Cell, "Future[Measurement]"]


class Campaign:
    """One invocation: a plan, the layers to run it in, and the engine that executes its runs.

    After ``deadline`` no further run is begun, and runs under way are stopped.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        engine: Engine,
        layers: Layers,
        settings: CampaignSettings,
        deadline: Deadline | None = None,
    ) -> None:
        self._plan = plan
        self._engine = engine
        self._layers = layers
        self._settings = settings
        self._deadline = deadline or Deadline(seconds=math.inf, end=math.inf)
        self._environment = engine.environment()
        self._finished: dict[str, CellResult] = {}
        self._numbers = itertools.count(1)
        self._done = self._total = 0
        self._known_seconds = self._known_seconds_left = 0.0
        self._shares: dict[str, float] = {}  # cell id -> how long each of its runs takes of the campaign's time
        self._calibration: Calibration | None = None
        self._cpus: CpuPool | None = None

    def run(self, *, tell: Tell, save: Save, earlier: Iterable[CellResult] = ()) -> CampaignResult:
        """Execute every run and return the result; ``save`` gets what there is after each group of cells.

        ``earlier`` are cells of an interrupted campaign; those with all their runs are kept. The cells of one
        benchmark and cap are run interleaved over their images. Raises PlanError before anything is run, EngineError,
        Interrupted when the user stops it, and TimeIsUp: what is finished has been saved then.
        """
        self._finished = {cell.cell.id: cell for cell in earlier if len(cell.runs) >= self._plan.runs}
        wanted = [cell for cell in self._plan.cells if cell.id not in self._finished]
        for cell in wanted:  # a run that cannot be launched is found before the first container, not hours later
            run_spec(cell, self._layer(cell), self._settings, attempt="")
        return self._measure(wanted, warmups=self._plan.warmups, runs=self._plan.runs, tell=tell, save=save)

    def extend(self, cells: Collection[str], times: int, *, tell: Tell, save: Save) -> CampaignResult:
        """Give each of ``cells`` (ids) so many more runs, interleaved as before, and return the whole result.

        There are no further warm-ups: what they read is in the page cache since, and a run that finds it evicted is
        repeated anyway. Raises as ``run`` does.
        """
        chosen = [cell for cell in self._plan.cells if cell.id in cells]
        return self._measure(chosen, warmups=0, runs=times, tell=tell, save=save)

    def add(self, cells: Iterable[Cell]) -> None:
        """Take further cells into the plan; `extend` runs them."""
        self._plan = replace(self._plan, cells=(*self._plan.cells, *cells))

    def _measure(self, cells: list[Cell], *, warmups: int, runs: int, tell: Tell, save: Save) -> CampaignResult:
        if not cells:
            return self.result()
        self._deadline.heed()
        self._total += len(cells) * (runs + warmups)
        # A container beside a cold run would read the files that were just dropped from the page cache.
        jobs = 1 if any(cell.is_cold for cell in cells) else self._settings.jobs
        self._shares = {
            cell.id: cell.configured_seconds / min(jobs, len(group) * runs)
            for group in _groups(cells)
            for cell in group
        }
        self._known_seconds_left += sum(self._shares.values()) * (runs + warmups)
        with _stoppable():
            cpus = self._calibrated(cells)
            with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="memcap-run") as pool:
                for group in _groups(cells):
                    before = self._run_all(group, warmups, pool, cpus, _warmups(tell))
                    measured = self._run_all(group, runs, pool, cpus, tell)
                    for cell in group:
                        self._finished[cell.id] = _grown(
                            self._finished.get(cell.id), cell, measured[cell.id], before[cell.id]
                        )
                    save(self.result())
        return self.result()

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
            environment=self._environment,
            images={layer.image.name: layer.image for layer in self._layers.values()},
            plan_cells=tuple(cell.id for cell in self._plan.cells),
            cells=tuple(self._finished[cell.id] for cell in self._plan.cells if cell.id in self._finished),
            policy=self._settings.policy,
            metrics_version=METRICS_VERSION,
        )

    def _layer(self, cell: Cell) -> Layer:
        return self._layers[cell.image.name, cell.benchmark.suite]

    def _run_all(
        self, group: tuple[Cell, ...], times: int, pool: ThreadPoolExecutor, cpus: CpuPool, tell: Tell
    ) -> dict[str, list[Measurement]]:
        """Execute each cell ``times`` times, the cells taking turns, and return the measurements in order.

        Every second turn goes through them backwards: none is always the one before, or after, another.
        """
        queue: list[Queued] = []
        measurements: dict[str, list[Measurement]] = {cell.id: [] for cell in group}
        try:
            for turn in range(times):
                order = reversed(group) if turn % 2 else group
                queue += [(cell, pool.submit(self._run_once, cell, next(self._numbers), cpus)) for cell in order]
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
                        last=len(measurements[cell.id]) == times,
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
                self._deadline.heed()
        return future.result()

    def _run_once(self, cell: Cell, number: int, cpus: CpuPool) -> Measurement:
        limit = cell.benchmark.time_limit_seconds or self._settings.time_limit_seconds
        spent = 0.0
        with cpus.taken(cell.benchmark.quiet.pin_cpus) as cpuset:
            for attempt in range(1, ATTEMPTS + 1):
                self._deadline.heed()
                measurement = self._attempt(cell, f"{number}.{attempt}", cpuset)
                wall = measurement.wall_seconds or 0.0
                spent += wall
                # Somebody emptied the page cache since the warm-up; this attempt has filled it again. But a figure that
                # is merely in doubt is not worth more time than the run may take.
                is_cold = any(caveat.kind is CaveatKind.COLD_PAGE_CACHE for caveat in measurement.caveats)
                if not measurement.ending.is_infrastructure and not (is_cold and spent + wall <= limit):
                    break
        return measurement

    def _attempt(self, cell: Cell, attempt: str, cpuset: str) -> Measurement:
        layer, settings = self._layer(cell), self._settings
        spec = run_spec(cell, layer, settings, attempt=attempt, cpuset=cpuset)
        if self._calibration:
            spec = self._calibration.applied_to(spec)
        if cell.is_cold:
            self._engine.execute(eviction_spec(layer, settings, attempt=attempt))
        raw = self._engine.execute(spec)
        cpus = self._environment.cpus
        found = measure(raw, spec, cpus=cpus, standing=standing_caveats(layer, self._environment))
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


def standing_caveats(layer: Layer, environment: Environment) -> tuple[Caveat, ...]:
    """Return the caveats that hold for every run in this layer on this machine."""
    caveats = []
    if layer.image.mutable:
        detail = f"{layer.image.reference} may name another image tomorrow"
        caveats.append(Caveat(kind=CaveatKind.MUTABLE_TAG, detail=detail))
    if layer.image.architecture != environment.architecture:
        detail = f"{layer.image.architecture} image on {environment.architecture}"
        caveats.append(Caveat(kind=CaveatKind.EMULATED, detail=detail))
    if environment.engine == PROCESS_ENGINE:
        by = "a cgroup of its own" if environment.cgroup_version else "RLIMIT_DATA and memcap's watchdog"
        detail = f"measured as a plain process of this machine, capped by {by}"
        caveats.append(Caveat(kind=CaveatKind.NO_CONTAINER, detail=detail))
    return tuple(caveats)


def keep_telling_series(runs: list[Measurement], expected: Ending) -> tuple[Measurement, ...]:
    """Return the runs; memory over time is kept of the first, and of those that did not end as expected.

    The others' would be much the same, and most of a result file.
    """
    return tuple(
        run if place == 0 or run.ending is not expected else replace(run, series=()) for place, run in enumerate(runs)
    )


def _grown(earlier: CellResult | None, cell: Cell, runs: list[Measurement], warmups: list[Measurement]) -> CellResult:
    """Return what is known of ``cell`` with these runs added."""
    before = earlier or CellResult(cell=summary_of(cell), runs=())
    return replace(
        before,
        runs=keep_telling_series([*before.runs, *runs], cell.expected_ending),
        warmups=(*before.warmups, *keep_telling_series(warmups, cell.expected_ending)),
    )


def summary_of(cell: Cell) -> CellSummary:
    """Return what results keep of a cell."""
    benchmark = cell.benchmark
    return CellSummary(
        id=cell.id,
        suite=benchmark.suite,
        benchmark=benchmark.name,
        image=cell.image.name,
        cap=cell.cap,
        expected_ending=cell.expected_ending,
        budget=benchmark.budget,
        tolerances=benchmark.tolerances,
        extra_metrics=benchmark.extra_metrics,
        thresholds=benchmark.thresholds,
        alerts=benchmark.alerts,
        advice=benchmark.advice,
        variant=cell.variant,
        quiet=benchmark.quiet,
    )


def _groups(cells: Iterable[Cell]) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells that differ in their image or variant only, in the plan's order."""
    for _, group in itertools.groupby(cells, key=lambda c: (c.benchmark.suite, c.benchmark.name, c.cap.name)):
        yield tuple(group)


def _warmups(tell: Tell) -> Tell:
    return lambda event: tell(replace(event, warmup=True, last=False))
