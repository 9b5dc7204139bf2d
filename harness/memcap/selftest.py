"""How good is the gate, on figures of one and the same code? Pure resampling: values in, rates out.

The runs of a cell are split into two samples by lot, again and again, and the gate is asked what changed. Whatever it
finds is a false alarm. Then the one sample is raised by a little, and the gate must find that.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memcap.judge.samples import SampleComparison, compare, decide, level
from memcap.model import CellResult, Metric, MetricVerdict, Rules, Tolerance, VerdictState, peak_is_floor
from memcap.stats import median, values_needed

RISES: Final = (0.005, 0.01, 0.03)


@dataclass(frozen=True, kw_only=True)
class Material:
    """The runs of one cell that samples are drawn from: for each metric a value a run, in the same order."""

    cell_id: str
    values: Mapping[Metric, tuple[float, ...]]
    tolerances: Mapping[Metric, Tolerance]

    @property
    def runs(self) -> int:
        """Return how many runs there are."""
        return len(next(iter(self.values.values()), ()))


@dataclass(frozen=True, kw_only=True)
class MetricQuality:
    """How the gate does on one metric; rates are fractions, figures are in the metric's unit.

    ``false_alarm_rate`` is the share of whole suites with a false regression in this metric, ``undecided_rate`` that of
    single comparisons. ``power`` says how often a rise in one cell of the suite is found: rise (0.01 = 1 %) → share.
    ``detectable`` is the rise that single comparisons would find 19 times of 20, as a fraction of the median.
    """

    metric: Metric
    median: float
    margin: float
    false_alarm_rate: float
    undecided_rate: float
    power: Mapping[float, float]
    detectable: float | None


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """What resampling has shown. ``false_alarm_rate`` is the share of whole suites with any false regression."""

    cell_ids: tuple[str, ...]
    sample_size: int
    suite_size: int
    resamplings: int
    false_alarm_rate: float
    metrics: tuple[MetricQuality, ...]


def material(cell: CellResult, rules: Rules) -> Material:
    """Return the figures of ``cell`` that a check would judge, of the runs that have all of them."""
    tolerances = {**rules.tolerances, **cell.cell.tolerances}
    if cell.cell.expected_ending.is_oom:  # judged by its ending alone
        return Material(cell_id=cell.cell.id, values={}, tolerances=tolerances)
    sound = [run for run in cell.runs if run.ending is cell.cell.expected_ending]
    metrics = [
        metric
        for metric in Metric
        if metric in tolerances
        and any(run.value(metric) is not None for run in sound)
        and not (metric is Metric.PEAK and peak_is_floor(sound))
    ]
    rows = [[run.value(metric) for metric in metrics] for run in sound]
    whole = [row for row in rows if None not in row]
    columns = zip(*whole, strict=True) if whole else ()
    values = {
        metric: tuple(value for value in column if value is not None)
        for metric, column in zip(metrics, columns, strict=False)
    }
    return Material(cell_id=cell.cell.id, values=values, tolerances=tolerances)


def smallest_sample(rules: Rules) -> int:
    """Return how many runs a side the gate needs to say anything."""
    confidence = 1 - level(rules)
    enough = (
        size for size in range(rules.minimum_runs, 101) if (values_needed(size, confidence=confidence) or 101) <= size
    )
    return next(enough)


def selftest(
    materials: Sequence[Material], rules: Rules, *, sample_size: int = 10, suite_size: int, resamplings: int = 1000
) -> SelfTest:
    """Judge ``resamplings`` suites of ``suite_size`` cells in which nothing changed, then a rise in one cell of each.

    Each of ``materials`` must hold two samples or more, and samples be large enough for the gate (ValueError). Where
    there are fewer materials than cells, they take turns. The same material always gives the same answer.
    """
    if sample_size < smallest_sample(rules):
        raise ValueError(f"the gate says nothing of samples of {sample_size} runs")
    if not materials or any(each.runs < 2 * sample_size for each in materials):
        raise ValueError(f"two samples of {sample_size} runs are needed of each cell")
    draw = random.Random(0)  # noqa: S311 - nothing secret
    cells = [materials[index % len(materials)] for index in range(suite_size)]
    tallies = {metric: _Tally(metric) for metric in Metric if any(metric in each.values for each in materials)}
    suites_with_alarm = 0
    for turn in range(resamplings):
        samples = {
            (index, metric): pair
            for index, cell in enumerate(cells)
            for metric, pair in _two_samples(cell, draw.sample(range(cell.runs), 2 * sample_size)).items()
        }
        compared = {
            (index, metric): compare(metric, base, new, cells[index].tolerances[metric], rules)
            for (index, metric), (base, new) in samples.items()
        }
        suites_with_alarm += _count(compared.values(), rules, tallies)
        chosen = turn % suite_size
        for metric in cells[chosen].values:
            # Only what is tested for a rise or a fall has a part in the correction for many comparisons.
            others = [
                each for key, each in compared.items() if key != (chosen, metric) and each.probability is not None
            ]
            tallies[metric].raised += 1
            base, new = samples[chosen, metric]
            for rise in RISES:
                higher = [value * (1 + rise) for value in new]
                raised = compare(metric, base, higher, cells[chosen].tolerances[metric], rules)
                found = decide([raised, *others], rules)[0]
                tallies[metric].found[rise] += found.state is VerdictState.REGRESSED
    return SelfTest(
        cell_ids=tuple(each.cell_id for each in materials),
        sample_size=sample_size,
        suite_size=suite_size,
        resamplings=resamplings,
        false_alarm_rate=suites_with_alarm / resamplings,
        metrics=tuple(tally.quality(resamplings) for tally in tallies.values()),
    )


class _Tally:
    """What was counted of one metric so far."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.suites_with_alarm = 0
        self.undecided = 0
        self.raised = 0
        self.found = dict.fromkeys(RISES, 0)
        self.bases: list[float] = []
        self.margins: list[float] = []
        self.detectable: list[float] = []

    def add(self, verdict: MetricVerdict) -> None:
        """Take in one comparison of figures in which nothing changed."""
        self.undecided += verdict.state is VerdictState.UNDECIDED
        if verdict.base is not None and verdict.margin is not None:
            self.bases.append(verdict.base)
            self.margins.append(verdict.margin)
            if verdict.detectable is not None and verdict.base:
                self.detectable.append(verdict.detectable / verdict.base)

    def quality(self, resamplings: int) -> MetricQuality:
        """Return the rates; each resampling was one suite."""
        return MetricQuality(
            metric=self.metric,
            median=median(self.bases),
            margin=median(self.margins),
            false_alarm_rate=self.suites_with_alarm / resamplings,
            undecided_rate=self.undecided / len(self.bases),
            power={rise: found / self.raised for rise, found in self.found.items()} if self.raised else {},
            detectable=median(self.detectable) if self.detectable else None,
        )


def _count(compared: Iterable[SampleComparison], rules: Rules, tallies: Mapping[Metric, _Tally]) -> bool:
    """Judge one suite in which nothing changed, and count what is said of it; tell whether a regression was seen."""
    verdicts = decide(list(compared), rules)
    for verdict in verdicts:
        tallies[verdict.metric].add(verdict)
    alarmed = {verdict.metric for verdict in verdicts if verdict.state is VerdictState.REGRESSED}
    for metric in alarmed:
        tallies[metric].suites_with_alarm += 1
    return bool(alarmed)


def _two_samples(cell: Material, chosen: Sequence[int]) -> dict[Metric, tuple[list[float], list[float]]]:
    """Return the figures of the first half of the ``chosen`` runs, and of the second, for each metric."""
    middle = len(chosen) // 2
    return {
        metric: ([values[run] for run in chosen[:middle]], [values[run] for run in chosen[middle:]])
        for metric, values in cell.values.items()
    }
