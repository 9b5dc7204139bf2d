"""The bench of the laboratory: run a workload so many times on the real engine, and keep all that it reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

from integration.measuring import launched

from memcap.measuring import measure
from memcap.model import CaveatKind, Cell, ContainerPolicy, Ending, Measurement, RawRun, RunSpec, Suite
from memcap.probe.report import Report, parse_report

if TYPE_CHECKING:
    from docker import DockerClient

FOLDER = Path(__file__).parent / "suite"
SUITE = Suite(name="truth", directory=FOLDER, description="", benchmarks=())
CAP = "2g"
ATTEMPTS = 3  # as campaigns do, of runs that say nothing about the workload


class ExperimentError(RuntimeError):
    """A run did not do what the experiment is about."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: what memcap says of it, and what the supervisor reported."""

    measurement: Measurement
    report: Report


@dataclass(frozen=True, kw_only=True)
class Bench:
    """How the runs of one workload are made. ``cpusets`` take turns, one for each run."""

    runs: int
    warmups: int = 1
    jobs: int = 1
    cpusets: tuple[str, ...] = ("",)
    suite: Suite = SUITE
    policy: ContainerPolicy = field(default_factory=ContainerPolicy)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where experiments are made.

    ``runs`` overrides how often each experiment repeats its runs; ``short``: what can be shown in minutes where the
    daemon's processor is emulated. ``programs`` are parts of names of the section of that name, empty for all of them;
    ``fresh``: what was found before counts for nothing.
    """

    client: DockerClient
    image: str
    runs: int | None
    short: bool
    say: Callable[[str], None]
    programs: tuple[str, ...] = ()
    fresh: bool = False

    def times(self, usual: int) -> int:
        """Return how often to run what is usually run ``usual`` times."""
        return self.runs or usual

    @property
    def warmups(self) -> int:
        """Return how many runs go before those that count: they fill the page cache, which is no need."""
        return 0 if self.short else 1

    def run(self, one: Cell, bench: Bench) -> list[Run]:
        """Execute a cell; the warm-ups are left out. Raises ExperimentError if one did not complete."""
        with launched(self.client, one, suite=bench.suite) as (engine, spec), ThreadPoolExecutor(bench.jobs) as pool:
            cpus = engine.environment().cpus

            def execute(number: int) -> Run:
                varied = replace(spec, cpuset=bench.cpusets[number % len(bench.cpusets)], policy=bench.policy)
                for attempt in range(ATTEMPTS):
                    varied = replace(varied, name=f"{spec.name}-{number}.{attempt}")
                    raw = engine.execute(varied)
                    if not measure(raw, varied, cpus=cpus).ending.is_infrastructure:
                        break
                return read(raw, varied, cpus=cpus)

            done = list(pool.map(execute, range(bench.runs + bench.warmups)))
        return done[bench.warmups :]


def read(raw: RawRun, spec: RunSpec, *, cpus: int | None) -> Run:
    """Return what a run that must have completed yielded. Raises ExperimentError."""
    measurement = measure(raw, spec, cpus=cpus)
    if measurement.ending is not Ending.COMPLETED or raw.report is None:
        raise ExperimentError(
            f"{' '.join(spec.argv)}: {measurement.ending.value}, {measurement.detail}\n{measurement.output_tail}"
        )
    return Run(measurement=measurement, report=parse_report(raw.report))


def known(values: Iterable[float | None]) -> list[float]:
    """Return the values that there are."""
    return [value for value in values if value is not None]


def peaks(runs: Iterable[Run]) -> list[float]:
    """Return the metric ``peak`` of each run."""
    return known(run.measurement.peak_bytes for run in runs)


def needs(runs: Iterable[Run]) -> list[float]:
    """Return the metric ``unreclaimable_peak`` of each run."""
    return known(run.measurement.unreclaimable_peak_bytes for run in runs)


def floors(runs: Iterable[Run], metric: Callable[[Iterable[Run]], list[float]]) -> list[float]:
    """Return what empty runs add to a metric.

    On cgroup v2 the peak of an empty run can be the container runtime's own start, which is over before a larger
    workload reaches its peak.
    """
    runs = list(runs)
    starting = any(each.kind is CaveatKind.PEAK_NEAR_FLOOR for run in runs for each in run.measurement.caveats)
    return needs(runs) if starting else metric(runs)


def variation(values: list[float]) -> float:
    """Return the coefficient of variation (sample standard deviation / mean) in percent."""
    return 100 * stdev(values) / mean(values) if len(values) > 1 and mean(values) else 0.0


def spread(values: list[float]) -> float:
    """Return the range."""
    return max(values) - min(values)
