"""Drive a plan through an engine: order, repetition, warm-up, retry, interrupt, resume, progress. The only queue."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from memcap.engine.base import Engine
from memcap.errors import EngineError, Interrupted, PlanError
from memcap.launch import calibration_spec, eviction_spec, run_spec
from memcap.measure import measure
from memcap.model import (
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
from memcap.probe.report import Report, ReportError, parse_report

ATTEMPTS = 3  # a run that says nothing about the workload, or read its files from disk, is tried again
NO_CAP_BYTES = 2**62  # cgroup v1 spells "no limit" as the largest number of whole pages, 2**63 - 4096


@dataclass(frozen=True, kw_only=True)
class RunEnded:
    """A step of progress: one run is over. ``done`` and ``total`` count runs, warm-ups included."""

    cell_id: str
    warmup: bool
    measurement: Measurement
    done: int
    total: int


Layers = Mapping[tuple[str, str], Layer]  # (image name, suite name) -> layer
Tell = Callable[[RunEnded], None]
Save = Callable[[CampaignResult], None]
Queued = tuple[Cell, "Future[Measurement]"]


class Campaign:
    """One invocation: a plan, the layers to run it in, and the engine that executes its runs."""

    def __init__(self, plan: Plan, *, engine: Engine, layers: Layers, settings: CampaignSettings) -> None:
        self._plan = plan
        self._engine = engine
        self._layers = layers
        self._settings = settings
        self._numbers = itertools.count(1)
        self._done = self._total = self._supervisor_bytes = 0

    def run(self, *, tell: Tell, save: Save, earlier: Iterable[CellResult] = ()) -> CampaignResult:
        """Execute every run and return the result; ``save`` gets what there is after each group of cells.

        ``earlier`` are cells of an interrupted campaign; those with all their runs are kept. The cells of one
        benchmark and cap are run interleaved over their images. Raises PlanError before anything is run, EngineError,
        and Interrupted when the user stops it: what is finished has been saved then.
        """
        finished = {cell.cell.id: cell for cell in earlier if len(cell.runs) >= self._plan.runs}
        wanted = [cell for cell in self._plan.cells if cell.id not in finished]
        environment = self._engine.environment()
        result = self._result(environment, finished)
        if not wanted:
            return result
        for cell in wanted:  # a run that cannot be launched is found before the first container, not hours later
            run_spec(cell, self._layer(cell), self._settings, supervisor_bytes=0, attempt="")
        try:
            return self._run_groups(wanted, finished, environment, tell, save)
        except KeyboardInterrupt as error:
            raise Interrupted("stopped by the user") from error

    def _run_groups(
        self, wanted: list[Cell], finished: dict[str, CellResult], environment: Environment, tell: Tell, save: Save
    ) -> CampaignResult:
        self._total = len(wanted) * (self._plan.runs + self._plan.warmups)
        trial = self._calibrate(self._layer(wanted[0]))
        self._supervisor_bytes = trial.supervisor_bytes or 0
        self._cpus = CpuPool(trial.cpus)
        refuse_too_many_cpus(wanted, self._cpus.count)
        # A container beside a cold run would read the files that were just dropped from the page cache.
        jobs = 1 if any(cell.is_cold for cell in wanted) else self._settings.jobs
        with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="memcap-run") as pool:
            for group in _groups(wanted):
                warmups = self._run_all(group, self._plan.warmups, pool, environment, _warmups(tell))
                runs = self._run_all(group, self._plan.runs, pool, environment, tell)
                for cell in group:
                    finished[cell.id] = CellResult(
                        cell=summary_of(cell),
                        runs=keep_telling_series(runs[cell.id], cell.expected_ending),
                        warmups=keep_telling_series(warmups[cell.id], cell.expected_ending),
                    )
                result = self._result(environment, finished)
                save(result)
        return result

    def _result(self, environment: Environment, finished: Mapping[str, CellResult]) -> CampaignResult:
        return CampaignResult(
            id=self._settings.id,
            started=self._settings.started,
            command=self._settings.command,
            profile=self._plan.profile,
            runs=self._plan.runs,
            warmups=self._plan.warmups,
            environment=environment,
            images={layer.image.name: layer.image for layer in self._layers.values()},
            plan_cells=tuple(cell.id for cell in self._plan.cells),
            cells=tuple(finished[cell.id] for cell in self._plan.cells if cell.id in finished),
            policy=self._settings.policy,
        )

    def _layer(self, cell: Cell) -> Layer:
        return self._layers[cell.image.name, cell.benchmark.suite]

    def _calibrate(self, layer: Layer) -> Report:
        """Return the report of a run without a workload: what the supervisor itself needs, and the CPUs there are.

        The cap of every run is raised by the former. Raises PlanError where the run had no cap at all.
        """
        raw = self._engine.execute(calibration_spec(layer, self._settings))
        try:
            report = parse_report(raw.report or "")
        except ReportError as error:
            raise EngineError(
                f"a trial run in image {layer.image.reference!r} left no report: {raw.daemon_error or error}",
                remedy="Run `memcap doctor`; try `docker run --rm --memory 128m` with that image.",
            ) from error
        if report.cap_bytes is None or report.cap_bytes >= NO_CAP_BYTES:
            raise PlanError(
                "the daemon does not limit memory: a trial container with a cap ran without one; nothing was measured",
                remedy="A rootless daemon can limit memory only on cgroup v2 with systemd and delegated controllers "
                "(https://rootlesscontaine.rs/getting-started/common/cgroup2/); otherwise use a daemon that runs as "
                "root. `memcap doctor` says what the daemon tells of itself.",
            )
        return report

    def _run_all(
        self, group: tuple[Cell, ...], times: int, pool: ThreadPoolExecutor, environment: Environment, tell: Tell
    ) -> dict[str, list[Measurement]]:
        """Execute each cell ``times`` times, the cells taking turns, and return the measurements in order."""
        queue: list[Queued] = []
        measurements: dict[str, list[Measurement]] = {cell.id: [] for cell in group}
        try:
            for _ in range(times):
                queue += [(cell, pool.submit(self._run_once, cell, next(self._numbers), environment)) for cell in group]
            for cell, future in queue:
                measurement = _outcome(future, queue)
                measurements[cell.id].append(measurement)
                self._done += 1
                tell(
                    RunEnded(cell_id=cell.id, warmup=False, measurement=measurement, done=self._done, total=self._total)
                )
        except BaseException:
            for _, future in queue:
                future.cancel()
            self._engine.cancel()
            raise
        return measurements

    def _run_once(self, cell: Cell, number: int, environment: Environment) -> Measurement:
        with self._cpus.taken(cell.benchmark.quiet.cpus) as cpuset:
            for attempt in range(1, ATTEMPTS + 1):
                measurement = self._attempt(cell, f"{number}.{attempt}", cpuset, environment)
                # Somebody emptied the page cache since the warm-up; this attempt has filled it again.
                is_cold = any(caveat.kind is CaveatKind.COLD_PAGE_CACHE for caveat in measurement.caveats)
                if not measurement.ending.is_infrastructure and not is_cold:
                    break
        return measurement

    def _attempt(self, cell: Cell, attempt: str, cpuset: str, environment: Environment) -> Measurement:
        layer, settings = self._layer(cell), self._settings
        own = self._supervisor_bytes
        spec = run_spec(cell, layer, settings, supervisor_bytes=own, attempt=attempt, cpuset=cpuset)
        if cell.is_cold:
            self._engine.execute(eviction_spec(layer, settings, attempt=attempt))
        raw = self._engine.execute(spec)
        return measure(raw, spec, cpus=environment.cpus, standing=standing_caveats(layer, environment))


def refuse_too_many_cpus(cells: Iterable[Cell], cpus: int) -> None:
    """Raise PlanError for a benchmark that asks for more CPUs than containers may use here."""
    for cell in cells:
        asked = cell.benchmark.quiet.cpus
        if asked is not None and asked > cpus:
            raise PlanError(
                f"{cell.id} is to be pinned to {asked} CPUs; containers may use {cpus} here",
                remedy="Lower `quiet.cpus` in suite.toml or limits.toml, or give the daemon more CPUs.",
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
        variant=cell.variant,
        quiet=benchmark.quiet,
    )


def _groups(cells: Iterable[Cell]) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells that differ in their image or variant only, in the plan's order."""
    for _, group in itertools.groupby(cells, key=lambda c: (c.benchmark.suite, c.benchmark.name, c.cap.name)):
        yield tuple(group)


def _warmups(tell: Tell) -> Tell:
    return lambda event: tell(replace(event, warmup=True))


def _outcome(future: Future[Measurement], queue: list[Queued]) -> Measurement:
    """Wait for ``future``; an error of any run in the queue must not wait for its turn."""
    while not future.done():
        wait([future], timeout=0.5)
        for _, other in queue:
            if other.done() and other.exception() is not None:
                return other.result()
    return future.result()
