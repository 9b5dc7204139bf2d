"""The same workload again and again: how far apart the figures lie."""

from __future__ import annotations

from statistics import median

from integration.measuring import cell
from truth.lab import CAP, Bench, Lab, Run, known, spread, variation
from truth.table import Table, mib

from memcap.model import Metric

RUNS = 20
GOALS = {Metric.PEAK: 0.25, Metric.UNRECLAIMABLE_PEAK: 0.1}  # percent
OBJECTS_MIB = 59  # with the interpreter and the page tables, 64 MiB in all
WORKLOADS = {"held 0.1 s": 0.1, "let go at once": 0.0}
SETTINGS = {
    "one at a time": Bench(runs=RUNS),
    "one at a time, one core": Bench(runs=RUNS, cpusets=("0",)),
    "two at a time": Bench(runs=RUNS, jobs=2),
    "two at a time, a core each": Bench(runs=RUNS, jobs=2, cpusets=("0", "1")),
}


def experiment(lab: Lab) -> list[Table]:
    """Run a deterministic workload of 64 MiB of small objects many times in several settings."""
    rows = []
    for held, seconds in WORKLOADS.items():
        for setting, usual in SETTINGS.items():
            bench = Bench(runs=lab.times(RUNS), jobs=usual.jobs, cpusets=usual.cpusets)
            runs = lab.run(cell("objects", on=lab.image, cap=CAP, mib=OBJECTS_MIB, hold=seconds), bench)
            for metric in Metric:
                row = [held, setting, *_figures(metric, runs)]
                lab.say("  ".join(row))
                rows.append(row)
    notes = (
        f"n={lab.times(RUNS)} runs, each in a fresh container, after a warm-up; CV = sample standard deviation / mean.",
        "Goals: CV of peak at most 0.25 %, of unreclaimable_peak at most 0.1 %.",
    )
    columns = ("peak is", "runs", "metric", "median", "range", "CV", "goal")
    return [Table(title="Repeatability", columns=columns, rows=rows, notes=notes)]


def _figures(metric: Metric, runs: list[Run]) -> list[str]:
    values = known(run.measurement.value(metric) for run in runs)
    cv = variation(values)
    goal = GOALS.get(metric)
    verdict = "" if goal is None else "reached" if cv <= goal else f"missed ({goal} %)"
    if metric.unit == "second":
        shown = [f"{1000 * median(values):.0f} ms", f"{1000 * spread(values):.0f} ms"]
    else:
        shown = [mib(median(values)), f"{spread(values) / 1024:,.0f} KiB"]
    return [metric.value, *shown, f"{cv:.3f} %", verdict]
