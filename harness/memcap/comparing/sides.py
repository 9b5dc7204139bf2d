"""What one side needs more than the other, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from memcap.comparing.match import Match, Matched
from memcap.comparing.parts import Part, part_bytes
from memcap.judge import EXIT_CODES
from memcap.judge.endings import find_ending, find_infrastructure
from memcap.judge.finding import CellFinding
from memcap.judge.looks import is_early, rules_of_looks
from memcap.judge.samples import compare, decide, level
from memcap.model import (
    DEFAULT_TOLERANCES,
    UNCAPPED,
    CampaignResult,
    CellResult,
    Metric,
    MetricVerdict,
    Quiet,
    Rules,
    Tolerance,
    VerdictState,
    peak_is_floor,
)
from memcap.stats import Shift, median, relative_change, shift

ANSWER: Final = Metric.UNRECLAIMABLE_PEAK  # the metric that says which side needs more: what must fit under the cap


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One figure on both sides: the values of the runs that ended as expected, and how far they are apart.

    ``state`` None: told, not judged. ``shift`` None: too few values for an interval. All are in ``unit``.
    """

    name: str
    unit: str
    base_values: tuple[float, ...]
    values: tuple[float, ...]
    shift: Shift | None = None
    margin: float | None = None
    probability: float | None = None
    state: VerdictState | None = None
    detail: str = ""

    @property
    def base(self) -> float:
        """Return the median of the base."""
        return median(self.base_values)

    @property
    def against(self) -> float:
        """Return the median of the other side."""
        return median(self.values)

    @property
    def moved(self) -> float:
        """Return how much more the other side has: the shift, or without one the difference of the medians."""
        return self.shift.estimate if self.shift else self.against - self.base

    @property
    def is_beyond(self) -> bool:
        """Tell whether the whole interval is beyond the tolerance. ``state`` is what all that was compared allows."""
        return bool(
            self.shift and self.margin is not None and (self.shift.low > self.margin or self.shift.high < -self.margin)
        )

    @property
    def change(self) -> float | None:
        """Return ``moved`` as a fraction of the base, None where that is nothing, or less (see docs/compare.md)."""
        return relative_change(self.base, self.base + self.moved) if self.base > 0 else None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One benchmark on both sides. ``state`` is what is said of ANSWER, or with a ``summary`` why nothing is.

    ``extras`` are the workload's own metrics. They are told, not judged, as nobody says which way is better.
    """

    match: Match
    state: VerdictState
    metrics: tuple[Difference, ...] = ()
    parts: tuple[Difference, ...] = ()
    extras: tuple[Difference, ...] = ()
    summary: str = ""
    remedy: str = ""

    @property
    def name(self) -> str:
        """Return the benchmark's name."""
        return self.match.name

    @property
    def answer(self) -> Difference | None:
        """Return the difference in ANSWER, None where nothing could be compared."""
        return next((each for each in self.metrics if each.name == ANSWER.value), None)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sides by their ``labels`` (base, against), and their benchmarks in the order in which they were measured.

    ``incomparable`` names what forbids to judge the figures, ``differs`` what else is not alike, ``alone`` the ids of
    cells that one side lacks.
    """

    labels: tuple[str, str]
    pairs: tuple[Pair, ...]
    alone: tuple[str, ...]
    incomparable: tuple[str, ...]
    differs: tuple[str, ...]
    confidence: float

    @property
    def exit_code(self) -> int:
        """Return the code of what kept a benchmark from being compared; a difference is an answer, no failure."""
        return max((EXIT_CODES.get(pair.state, 0) for pair in self.pairs if not pair.metrics), default=0)

    @property
    def is_more(self) -> bool:
        """Tell whether any judged metric of any benchmark rose."""
        return any(each.state is VerdictState.REGRESSED for pair in self.pairs for each in pair.metrics)


@dataclass(frozen=True, kw_only=True)
class _Figure:
    """The values of one metric or part on both sides; ``judged_as`` has its tolerance, None: it is not judged.

    ``in_check``: `memcap check` would judge it, too.
    """

    name: str
    unit: str
    judged_as: Metric | None
    base: tuple[float, ...]
    new: tuple[float, ...]
    in_check: bool = False
    is_part: bool = False


def compare_sides(
    matched: Matched, results: tuple[CampaignResult, CampaignResult], rules: Rules, *, labels: tuple[str, str]
) -> Comparison:
    """Return what ``against`` needs more than ``base``; ``results`` hold them, and may be one and the same.

    What `memcap check` judges of ``against`` is judged as it does it: together, and by the looks and tolerances of
    ``against``. Everything else, such as the parts, is judged together, too, but apart from that.
    """
    rules = rules_of_looks(rules, results[1])
    incomparable, differs = _unlike(matched, results)
    stoppers = [_stopper(match, rules, labels) for match in matched.matches]
    figures = [
        () if stopper else tuple(_figures(match, rules))
        for match, stopper in zip(matched.matches, stoppers, strict=True)
    ]
    early = [is_early(match.against, results[1]) for match in matched.matches]
    verdicts = [None for each in figures for _ in each] if incomparable else _judged(matched, figures, rules, early)
    confidence = 1 - level(rules)
    found = iter(verdicts)
    pairs = []
    for match, stopper, some in zip(matched.matches, stoppers, figures, strict=True):
        differences = [(each.is_part, _difference(each, next(found), confidence)) for each in some]
        metrics = tuple(difference for is_part, difference in differences if not is_part)
        parts = tuple(difference for is_part, difference in differences if is_part)
        extras = () if stopper else tuple(_extras(match, confidence))
        pair = Pair(match=match, state=VerdictState.INCOMPARABLE, metrics=metrics, parts=parts, extras=extras)
        pairs.append(_concluded(pair, stopper, incomparable))
    return Comparison(
        labels=labels,
        pairs=tuple(pairs),
        alone=matched.alone,
        incomparable=incomparable,
        differs=differs,
        confidence=confidence,
    )


def _judged(
    matched: Matched, figures: list[tuple[_Figure, ...]], rules: Rules, early: list[bool]
) -> list[MetricVerdict | None]:
    """Return the verdict on each figure, None for one that is only told."""
    compared = [
        (
            each.in_check,
            compare(
                each.judged_as,
                each.base,
                each.new,
                _tolerance(match, each.judged_as, rules),
                rules,
                is_early=comes_early and each.in_check,
            ),
        )
        for match, some, comes_early in zip(matched.matches, figures, early, strict=True)
        for each in some
        if each.judged_as
    ]
    # More comparisons need more certainty: were the parts among them, `check` could be sure of what this is not.
    decided = {
        kind: iter(decide([each for in_check, each in compared if in_check is kind], rules)) for kind in (True, False)
    }
    return [next(decided[each.in_check]) if each.judged_as else None for some in figures for each in some]


def _concluded(pair: Pair, stopper: CellFinding | None, incomparable: tuple[str, ...]) -> Pair:
    if stopper is not None:
        return replace(pair, state=stopper.state, summary=stopper.summary, remedy=stopper.remedy)
    if incomparable:
        return replace(pair, summary="; ".join(incomparable))
    if pair.answer is None or pair.answer.state is None:
        return replace(
            pair, state=VerdictState.NOT_ENOUGH_DATA, summary=f"{ANSWER.value} was not measured on both sides"
        )
    return replace(pair, state=pair.answer.state)


def _stopper(match: Match, rules: Rules, labels: tuple[str, str]) -> CellFinding | None:
    """Return why the figures of a benchmark say nothing: runs were lost, did not end as expected, or are OOM kills."""
    for cell, label in ((match.against, labels[1]), (match.base, labels[0])):
        finding = find_infrastructure(cell, rules.minimum_runs) or find_ending(cell, None, origin="the base")
        if finding is not None:
            return replace(finding, summary=f"{label}: {finding.summary}")
    base, new = match.base.cell.expected_ending, match.against.cell.expected_ending
    if base is not new:
        told = f"{labels[0]} ended {base.value}, {labels[1]} {new.value}, each as expected"
        return CellFinding(state=VerdictState.ENDING_CHANGED, summary=told)
    if base.is_oom:
        return CellFinding(state=VerdictState.UNCHANGED, summary=f"both ended {base.value}, as expected")
    return None


def _figures(match: Match, rules: Rules) -> Iterator[_Figure]:
    """Yield what both sides have figures of; wall and CPU times are not judged."""
    in_check = {**rules.tolerances, **match.against.cell.tolerances}
    for metric in Metric:
        base, new = match.base.values(metric), match.against.values(metric)
        is_random = metric is Metric.PEAK and peak_is_floor((*match.base.runs, *match.against.runs))
        if base and new:
            yield _Figure(
                name=metric.value,
                unit=metric.unit,
                judged_as=metric if metric in DEFAULT_TOLERANCES and not is_random else None,
                base=base,
                new=new,
                in_check=metric in in_check,
            )
    for part in Part:
        base, new = _part_values(match.base, part), _part_values(match.against, part)
        if base and new:
            yield _Figure(name=part.value, unit="byte", judged_as=ANSWER, base=base, new=new, is_part=True)


def _extras(match: Match, confidence: float) -> Iterator[Difference]:
    for name, unit in match.against.cell.extra_metrics.items():
        base, new = match.base.extra_values(name), match.against.extra_values(name)
        if base and new:
            apart = shift(base, new, confidence=confidence)
            yield Difference(name=name, unit=unit, base_values=base, values=new, shift=apart)


def _part_values(cell: CellResult, part: Part) -> tuple[float, ...]:
    found = (part_bytes(run, part) for run in cell.runs if run.ending is cell.cell.expected_ending)
    return tuple(value for value in found if value is not None)


def _tolerance(match: Match, metric: Metric, rules: Rules) -> Tolerance:
    """Return the tolerance of ``metric``; parts are judged by that of what they are parts of."""
    return {**DEFAULT_TOLERANCES, **rules.tolerances, **match.against.cell.tolerances}[metric]


def _difference(figure: _Figure, verdict: MetricVerdict | None, confidence: float) -> Difference:
    told = Difference(name=figure.name, unit=figure.unit, base_values=figure.base, values=figure.new)
    if verdict is None:
        return replace(told, shift=shift(figure.base, figure.new, confidence=confidence))
    return replace(
        told,
        shift=verdict.shift,
        margin=verdict.margin,
        probability=verdict.probability,
        state=verdict.state,
        detail=verdict.detail,
    )


def _unlike(
    matched: Matched, results: tuple[CampaignResult, CampaignResult]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name what differs between the sides, apart from what their images are meant to differ in.

    First what forbids to judge figures, then what is only told.
    """
    forbids: list[tuple[str, object, object]] = []
    told: list[tuple[str, object, object]] = []
    for match in matched.matches:
        base, new = match.base.cell, match.against.cell
        there, here = results[0].fingerprint(base.image), results[1].fingerprint(new.image)
        for name in ("isolation", "architecture", "cgroup_version", "metrics_version"):
            forbids.append((name.replace("_", " "), getattr(there, name), getattr(here, name)))
        if there.page_size_bytes and here.page_size_bytes:  # older results do not tell
            forbids.append(("page size in bytes", there.page_size_bytes, here.page_size_bytes))
        caps = base.cap.limit_bytes or UNCAPPED, new.cap.limit_bytes or UNCAPPED
        forbids.append((f"cap of {match.name} in bytes", *caps))
        told.append(("libc", there.libc, here.libc))
        told.append((f"quiet of {match.name}", _settings(base.quiet), _settings(new.quiet)))
        if base.image == new.image:
            told.append((f"Python of {base.image}", there.python_version, here.python_version))
            told.append((f"digest of {base.image}", there.image_digest, here.image_digest))
    for name in ("kernel", "cpus", "engine_version", "memcap_version"):
        told.append((name.replace("_", " "), *(getattr(result.environment, name) for result in results)))
    return tuple(_differing(forbids)), tuple(_differing(told))


def _settings(quiet: Quiet) -> str:
    return f"{quiet.pin_cpus or 'all'} CPUs, thp {str(quiet.thp).lower()}, aslr {str(quiet.aslr).lower()}"


def _differing(facts: Iterable[tuple[str, object, object]]) -> dict[str, None]:
    return dict.fromkeys(f"{name}: {base} and {new}" for name, base, new in facts if base != new)
