"""Two samples of one metric -> what is said of it, one check at a time, since more comparisons need more certainty.

The rule and where it comes from: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from memcap.model import Metric, MetricVerdict, Rules, Tolerance, VerdictState
from memcap.stats import (
    Shift,
    benjamini_hochberg,
    detectable_rise,
    median,
    probability_of_rise,
    shift,
    values_needed,
)

# Of the hypotheses "it did not rise by more than the margin" and "it did not fall by more", those that the figures
# speak for are set aside, and the others are held to a stricter level for it. Without that a lone regression among
# hundreds of steady cells could never be found with 5 runs. Valid as such p-values are larger than uniform ones where
# nothing changed: Q. Zhao, D. Small, W. Su, "Multiple Testing When Many p-Values Are Uniformly Conservative", JASA 114
# (2019).
_SET_ASIDE = 0.5
# 3 runs next to 7 lie all on one side by chance once in 120: that is 5/6 of 1 %.
EARLY_SHARE = 5 / 6


@dataclass(frozen=True, kw_only=True)
class SampleComparison:
    """One metric before the whole check is known; ``probability`` is None where nothing is left to test."""

    verdict: MetricVerdict
    probability: float | None = None
    rose: bool = False


def compare(
    metric: Metric,
    base: Sequence[float],
    new: Sequence[float],
    tolerance: Tolerance,
    rules: Rules,
    *,
    is_early: bool = False,
) -> SampleComparison:
    """Compare ``new`` with ``base``; less is better. Asked in this order: identical? enough values? how far apart?

    An early check (``is_early``) can say "unchanged", and does not test for a change.
    """
    made = partial(MetricVerdict, metric=metric, new=median(new) if new else None, base_values=tuple(base))
    if not base:
        return SampleComparison(verdict=made(base=None, state=VerdictState.NEW, detail="not in the baseline"))
    centre = median(base)
    margin = max(tolerance.absolute, tolerance.relative * centre)
    made = partial(made, base=centre, margin=margin)
    if sorted(base) == sorted(new) or len({*base, *new}) == 1:
        same = Shift(estimate=0.0, low=0.0, high=0.0, confidence=1.0)
        unchanged = made(state=VerdictState.UNCHANGED, detail="identical values", shift=same, detectable=margin)
        return SampleComparison(verdict=unchanged)
    confidence = confidence_of(rules, is_early=is_early)
    least_new = 0 if is_early else rules.minimum_runs
    few = _few(len(base), len(new), (rules.minimum_runs, least_new), confidence)
    if few:
        return SampleComparison(verdict=made(state=VerdictState.NOT_ENOUGH_DATA, detail=few))
    verdict = made(
        state=VerdictState.UNDECIDED,
        shift=shift(base, new, confidence=confidence),
        detectable=detectable_rise(base, new, margin=margin, confidence=confidence),
    )
    if is_early:
        return SampleComparison(verdict=verdict)
    rise = probability_of_rise(base, new, margin=margin)
    fall = probability_of_rise(new, base, margin=margin)
    likelier = min(rise, fall)
    if likelier > _SET_ASIDE:
        return SampleComparison(verdict=verdict)
    return SampleComparison(verdict=verdict, probability=likelier / _SET_ASIDE, rose=rise < fall)


def decide(compared: Sequence[SampleComparison], rules: Rules) -> tuple[MetricVerdict, ...]:
    """Return the verdicts on everything that one check compared, in its order."""
    tested = [each for each in compared if each.probability is not None]
    corrected = iter(benjamini_hochberg([each.probability for each in tested if each.probability is not None]))
    return tuple(
        _decided(each, next(corrected) if each.probability is not None else None, level(rules), len(tested))
        for each in compared
    )


def level(rules: Rules) -> float:
    """Return how likely a false alarm may be in one look at the figures."""
    return rules.false_alarms / (rules.looks - rules.early_looks)


def confidence_of(rules: Rules, *, is_early: bool) -> float:
    """Return the confidence of the intervals of one check.

    With an early check, all checks together call a cell unchanged that moved by more than its tolerance at most as
    often as ``false_alarms`` says: the early one has the larger share of that, since its few runs can do with no less.
    """
    if not rules.early_looks:
        return 1 - level(rules)
    share = EARLY_SHARE if is_early else (1 - EARLY_SHARE) / (rules.looks - rules.early_looks)
    return 1 - 2 * share * rules.false_alarms


def _decided(compared: SampleComparison, probability: float | None, alpha: float, tested: int) -> MetricVerdict:
    verdict = compared.verdict
    found, margin = verdict.shift, verdict.margin
    if verdict.state is not VerdictState.UNDECIDED or found is None or margin is None:
        return verdict
    if probability is not None and probability <= alpha:
        state = VerdictState.REGRESSED if compared.rose else VerdictState.IMPROVED
        detail = "rose beyond tolerance" if compared.rose else "fell beyond tolerance"
    elif -margin <= found.low and found.high <= margin:
        state, detail = VerdictState.UNCHANGED, "within tolerance"
    else:
        state, detail = VerdictState.UNDECIDED, "too much scatter to tell"
        if tested > 1 and (found.low > margin or found.high < -margin):  # the interval is that of one comparison
            detail = f"is beyond tolerance by itself, but that is not certain among {tested} open comparisons"
    return replace(verdict, state=state, detail=detail, probability=probability)


@lru_cache(maxsize=1024)
def _few(base: int, new: int, least: tuple[int, int], confidence: float) -> str:
    """Return how many more values are needed, and where; nothing if there are enough.

    ``least`` is how many there must be in the baseline, and here, whatever the confidence.
    """
    minimum = least[0]
    more_base, more_new = max(0, minimum - base), max(0, least[1] - new)
    # A baseline stays as it is, so what is missing is first looked for in what can be measured now.
    needed = values_needed(max(base, minimum), confidence=confidence)
    if needed is None:
        more_base = max(more_base, (values_needed(minimum, confidence=confidence) or minimum) - base)
        needed = values_needed(base + more_base, confidence=confidence)
    more_new = max(more_new, (needed or new) - new)
    told = [f"{more} more {where}" for more, where in ((more_new, "here"), (more_base, "in the baseline")) if more]
    return f"needs {' and '.join(told)}" if told else ""


def worst(states: Iterable[VerdictState]) -> VerdictState:
    """Return the state of a cell whose metrics have ``states``. A metric that is new says nothing about the others."""
    return min(states, key=_WORST_FIRST.index)


_WORST_FIRST = (
    VerdictState.REGRESSED,
    VerdictState.NOT_ENOUGH_DATA,
    VerdictState.UNDECIDED,
    VerdictState.IMPROVED,
    VerdictState.UNCHANGED,
    VerdictState.NEW,
)
