"""`memcap run --until-decided` next to a fixed number of runs, on the project's own figures: verdicts, runs, bias.

``PYTHONPATH=tests python -m truth.spending`` resamples the runs that the baselines hold; docs/statistics.md has the
table.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from truth.table import Table

from memcap.config import find_root, load_config
from memcap.judge.looks import OPEN, PlannedLooks, distance, plan_looks
from memcap.judge.samples import compare, decide, worst
from memcap.model import Config, Metric, MetricVerdict, Rules, Tolerance, Verdict, VerdictState
from memcap.plan import Selection, make_plan
from memcap.store import load_baselines

PAGE = 4096
CHANGED = 10  # one cell in so many is changed
ACTUAL_CHANGES = {"none": 0.0, "half a tolerance": 0.5, "a tolerance": 1.0, "+5 %": 0.05, "+20 %": 0.2}


@dataclass(frozen=True, kw_only=True)
class Source:
    """The known runs of a cell, to draw from; all metrics of the cell that are judged."""

    cell_id: str
    values: Mapping[Metric, Sequence[float]]
    tolerances: Mapping[Metric, Tolerance]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The baseline of a cell, and the runs that it would have, for each metric."""

    base: Mapping[Metric, Sequence[float]]
    new: Mapping[Metric, Sequence[float]]
    is_changed: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The verdict on each cell, its metrics, and its runs."""

    verdicts: tuple[Verdict, ...]
    runs: tuple[int, ...]


def sources_of(config: Config, *, profile: str, image: str, runs: int) -> list[Source]:
    """Return the judged figures of the baselines of ``profile`` with ``runs`` runs."""
    known = load_baselines(config.baseline_directory).cells
    found = []
    for cell in make_plan(config, profile=profile, selection=Selection(images=(image,))).cells:
        baseline = known.get(cell.id)
        if baseline is None or baseline.runs != runs or cell.expected_ending.is_oom:
            continue
        tolerances = {**config.rules.tolerances, **cell.benchmark.tolerances}
        values = {metric: own for metric, own in baseline.values.items() if metric in tolerances and len(own) == runs}
        if values:
            found.append(Source(cell_id=cell.id, values=values, tolerances=tolerances))
    return found


def drawn_of(source: Source, change: str, runs: int, most: int, draw: random.Random) -> Drawn:
    """Draw a baseline and ``most`` new runs, moved by ``change``. Values between those known are drawn, too."""

    def some(metric: Metric, count: int) -> list[float]:
        known = source.values[metric]
        return [draw.choice(known) + draw.uniform(-PAGE / 2, PAGE / 2) for _ in range(count)]

    base = {metric: some(metric, runs) for metric in source.values}
    new = {metric: some(metric, most) for metric in source.values}
    size = ACTUAL_CHANGES[change]
    if change.endswith("tolerance"):
        new = {metric: [value + size * _margin(source, metric) for value in own] for metric, own in new.items()}
    else:
        new = {metric: [value * (1 + size) for value in own] for metric, own in new.items()}
    return Drawn(base=base, new=new, is_changed=size > 0)


def _margin(source: Source, metric: Metric) -> float:
    tolerance = source.tolerances[metric]
    return max(tolerance.absolute, tolerance.relative * mean(source.values[metric]))


def judged(
    sources: Sequence[Source], cells: Sequence[Drawn], runs: Sequence[int], rules: Rules, early_size: int
) -> tuple[Verdict, ...]:
    """Judge all cells together by the first ``runs`` of each, as a check does."""
    compared = [
        [
            compare(
                metric,
                cell.base[metric],
                cell.new[metric][:count],
                source.tolerances[metric],
                rules,
                is_early=count <= early_size,
            )
            for metric in source.values
        ]
        for source, cell, count in zip(sources, cells, runs, strict=True)
    ]
    decided = iter(decide([each for some in compared for each in some], rules))
    found = []
    for source, some in zip(sources, compared, strict=True):
        metrics: tuple[MetricVerdict, ...] = tuple(next(decided) for _ in some)
        state = worst(each.state for each in metrics)
        found.append(Verdict(cell_id=source.cell_id, state=state, summary="", metrics=metrics))
    return tuple(found)


def spend(sources: Sequence[Source], cells: Sequence[Drawn], looks: PlannedLooks, rules: Rules, limit: int) -> Outcome:
    """Give runs to the cells that are open, the most promising first, as `memcap run --until-decided` does."""
    rules = replace(rules, looks=len(looks.sizes), early_looks=looks.early)
    early_size = looks.sizes[0] if looks.early else 0
    runs = [looks.sizes[0]] * len(cells)
    for size in looks.sizes[1:]:
        verdicts = judged(sources, cells, runs, rules, early_size)
        for index in sorted(range(len(cells)), key=lambda each: distance(verdicts[each])):
            more = size - runs[index]
            if verdicts[index].state in OPEN and sum(runs) + more <= limit:
                runs[index] = size
    return Outcome(verdicts=judged(sources, cells, runs, rules, early_size), runs=tuple(runs))


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of many suites: shares of cells, runs of a cell, and the bias in standard errors of fixed runs."""

    same: float
    fixed_decided: float
    decided: float
    runs: float
    false_alarms: float
    regressed: float | None
    fixed_regressed: float | None
    bias: float


def simulate(
    sources: Sequence[Source], rules: Rules, *, change: str, runs: int, most: int, suites: int, seed: int = 0
) -> Figures:
    """Judge ``suites`` suites by ``runs`` fixed runs of each cell, and by spending no more than those in all."""
    draw = random.Random(f"{seed} {change}")
    looks = plan_looks(runs, most, rules, base_runs=[runs] * len(sources), early=True)
    pairs: list[tuple[Drawn, Verdict, Verdict]] = []
    spent = alarms = 0
    for _ in range(suites):
        changed = draw.randrange(CHANGED)
        cells = [
            drawn_of(source, change if index % CHANGED == changed else "none", runs, most, draw)
            for index, source in enumerate(sources)
        ]
        fixed = judged(sources, cells, [runs] * len(cells), rules, 0)
        found = spend(sources, cells, looks, rules, runs * len(cells))
        spent += sum(found.runs)
        pairs += zip(cells, fixed, found.verdicts, strict=True)
        alarms += any(
            verdict.state is VerdictState.REGRESSED and not cell.is_changed
            for cell, verdict in zip(cells, found.verdicts, strict=True)
        )
    moved = [pair for pair in pairs if pair[0].is_changed]
    settled = [(a, b) for _, a, b in pairs if a.state not in OPEN]
    return Figures(
        same=mean(a.state is b.state for a, b in settled),
        fixed_decided=mean(a.state not in OPEN for _, a, _ in pairs),
        decided=mean(b.state not in OPEN for _, _, b in pairs),
        runs=spent / len(pairs),
        false_alarms=alarms / suites,
        regressed=mean(b.state is VerdictState.REGRESSED for _, _, b in moved) if moved else None,
        fixed_regressed=mean(a.state is VerdictState.REGRESSED for _, a, _ in moved) if moved else None,
        bias=bias_of([(a, b) for _, a, b in moved or pairs]),
    )


def bias_of(pairs: Sequence[tuple[Verdict, Verdict]]) -> float:
    """Return by how much the second verdicts' shifts are off those of the first, in standard errors of the first.

    The first are of a fixed number of runs, so they have no bias of stopping. Each cell and metric has its own error.
    """
    shifts: dict[tuple[str, Metric], list[tuple[float, float]]] = {}
    for fixed, spent in pairs:
        for one, other in zip(fixed.metrics, spent.metrics, strict=True):
            if one.shift and other.shift:
                shifts.setdefault((fixed.cell_id, one.metric), []).append((one.shift.estimate, other.shift.estimate))
    ratios = []
    for each in shifts.values():
        error = stdev(one for one, _ in each) if len(each) > 1 else 0.0
        if error:
            ratios.append((mean(other - one for one, other in each) / error, len(each)))
    return sum(ratio * count for ratio, count in ratios) / sum(count for _, count in ratios) if ratios else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="ci")
    parser.add_argument("--image", default="py312")
    parser.add_argument("--suites", type=int, default=100)
    parser.add_argument("--max-runs", type=int, help="of a cell; by default 4 times the profile's, and the profile's")
    options = parser.parse_args()
    config = load_config(find_root(Path.cwd()))
    runs = config.profiles[options.profile].runs
    sources = sources_of(config, profile=options.profile, image=options.image, runs=runs)
    rows = []
    for most in [options.max_runs] if options.max_runs else [runs, 4 * runs]:
        for change in ACTUAL_CHANGES:
            got = simulate(sources, config.rules, change=change, runs=runs, most=most, suites=options.suites)
            found = "" if got.regressed is None else f"{got.regressed:.1%} ({got.fixed_regressed:.1%})"
            decided = f"{got.decided:.1%} ({got.fixed_decided:.1%})"
            rows.append((change, str(most), f"{got.runs:.2f}", decided, f"{got.same:.1%}", found,
                         f"{got.false_alarms:.1%}", f"{got.bias:+.3f}"))  # fmt: skip
    title = f"{len(sources)} cells, {options.suites} suites; in brackets: {runs} runs of each cell"
    columns = ("change", "most", "runs", "decided", "same", "regressed", "false alarms", "bias")
    print(Table(title=title, columns=columns, rows=rows).as_text())


if __name__ == "__main__":
    main()
