"""Judge series whose truth is known, and count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from leaks.generate import HOUR, MB, Truth, bounded_deque, series, steady_leak
from leaks.rivals import RULES
from truth.table import Table

from memcap.leaks import LeakClass, LeakVerdict, Series, judge_series

# Seeds below were looked at while the judge was written; those from here on never were.
REPORTED = 2_000_000
LEAST = 0.99
ADDED = 0.95  # a detectable rate is found 19 times of 20, as elsewhere in memcap
MOST_UNDECIDED = 0.05
TWENTY = 20
DURATIONS = ((120, 600), (600, HOUR), (HOUR, 6 * HOUR), (6 * HOUR, 24 * HOUR + 1))
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A series with the verdict on it, and which other rules call it a leak."""

    truth: Truth
    verdict: LeakVerdict
    called: frozenset[str] = frozenset()

    @property
    def above(self) -> bool:
        """Tell whether this is a leak at or above the rate that the verdict says it would have found."""
        detectable = self.verdict.detectable_bytes_per_hour
        return bool(self.truth.leak and detectable is not None and self.truth.rate * HOUR >= detectable)


def judge(truth: Truth, *, with_rivals: bool = False) -> Judged:
    """Return the verdict on one series."""
    found = judge_series(Series(seconds=truth.seconds, values=truth.values, work=truth.work))
    called = (name for name, rule in RULES.items() if with_rivals and rule(truth.seconds, truth.values))
    return Judged(truth=truth, verdict=found, called=frozenset(called))


def judge_all(seeds: Iterable[int], *, with_rivals: bool = False) -> Iterator[Judged]:
    """Yield the verdicts on the series of these seeds."""
    for seed in seeds:
        yield judge(series(seed), with_rivals=with_rivals)


@dataclass(frozen=True, kw_only=True)
class Score:
    """How right a rule is: of those it calls leaks, of the leaks it should find, and of series that do not leak."""

    precision: float
    recall: float
    found: float
    false_alarms: float


def score(judged: Sequence[Judged], called: Sequence[bool]) -> Score:
    """Return the score of a rule that says ``called``; what is too short to judge does not count."""
    pairs = [(each, said) for each, said in zip(judged, called, strict=True) if each.truth.leak is not None]
    leaks = [said for each, said in pairs if each.truth.leak]
    others = [said for each, said in pairs if not each.truth.leak]
    above = [said for each, said in pairs if each.above]
    said = sum(leaks) + sum(others)
    return Score(
        precision=sum(leaks) / said if said else 1.0,
        recall=sum(above) / len(above) if above else 1.0,
        found=sum(leaks) / len(leaks) if leaks else 1.0,
        false_alarms=sum(others) / len(others) if others else 0.0,
    )


def undecided(judged: Sequence[Judged]) -> float:
    """Return the share of series, of those long enough, that the judge says nothing about."""
    enough = [each for each in judged if each.truth.leak is not None]
    return sum(each.verdict.leak is None for each in enough) / len(enough)


def confusion(judged: Sequence[Judged]) -> Table:
    """Return how often each class was called what."""
    counts = Counter((each.truth.kind, each.verdict.kind) for each in judged)
    kinds = [*LeakClass]
    return Table(
        title="Confusion",
        columns=("truth", *(kind.value for kind in kinds)),
        rows=[[kind.value, *(str(counts[kind.value, said]) for said in kinds)] for kind in kinds],
        notes=(f"{len(judged)} series. Most leaks called flat or otherwise are below the detectable rate.",),
    )


def rules(judged: Sequence[Judged]) -> Table:
    """Return the scores of memcap and of the other rules; what memcap misses of its own goals is wrong."""
    scores = {"memcap": score(judged, [each.verdict.leak is True for each in judged])}
    scores |= {name: score(judged, [name in each.called for each in judged]) for name in RULES}
    own, silent = scores["memcap"], undecided(judged)
    above = sum(each.above for each in judged)
    missed = (
        f"precision is {own.precision:.2%}" if own.precision < LEAST else "",
        f"recall is {own.recall:.2%}" if own.recall < LEAST else "",
        f"{silent:.2%} are undecided" if silent > MOST_UNDECIDED else "",
    )
    return Table(
        title="Rules",
        columns=("rule", "precision", "recall at the detectable rate", "of all leaks found", "false alarms"),
        rows=[
            [name, f"{of.precision:.1%}", f"{of.recall:.1%}", f"{of.found:.1%}", f"{of.false_alarms:.1%}"]
            for name, of in scores.items()
        ],
        notes=(
            f"{above} of {sum(each.truth.leak is True for each in judged)} leaks are at or above the detectable rate.",
            f"memcap says not_enough_data of {silent:.1%} of the series that are long enough.",
        ),
        wrong=[each for each in missed if each],
    )


def injected(judged: Sequence[Judged]) -> Table:
    """Add a leak at exactly the rate that was called detectable to what does not leak, and judge again."""
    rows, wrong = [], []
    kinds = (LeakClass.FLAT, LeakClass.SAWTOOTH, LeakClass.PERIODIC)
    for kind in kinds:
        found = [
            judge(leaking(each.truth, detectable)).verdict.leak is True
            for each in judged
            if each.truth.kind == kind.value and (detectable := each.verdict.detectable_bytes_per_hour)
        ]
        rows.append([kind.value, str(len(found)), f"{sum(found) / len(found):.1%}"])
        if sum(found) < ADDED * len(found):
            wrong.append(f"of {kind.value} with a leak at the detectable rate, {rows[-1][-1]} are found")
    return Table(
        title="A leak at the detectable rate, added", columns=("to", "series", "found"), rows=rows, wrong=wrong
    )


def leaking(truth: Truth, bytes_per_hour: float) -> Truth:
    """Return the series with a steady leak in it."""
    began = truth.seconds[0]
    added = [(second - began) * bytes_per_hour / HOUR for second in truth.seconds]
    values = tuple(round((value + more) / 4096) * 4096 for value, more in zip(truth.values, added, strict=True))
    return replace(truth, kind="linear_leak", values=values, leak=True, rate=bytes_per_hour / HOUR)


def detectable(judged: Sequence[Judged]) -> Table:
    """Return how small a leak runs of some length would have found."""
    rows = []
    for shortest, longest in DURATIONS:
        rates = sorted(
            each.verdict.detectable_bytes_per_hour / MB
            for each in judged
            if shortest <= each.truth.seconds[-1] < longest and each.verdict.detectable_bytes_per_hour is not None
        )
        quartiles = [rates[len(rates) * part // 4] for part in (1, 2, 3)]
        rows.append([f"{shortest / 60:.0f} to {longest // 60} min", *(f"{rate:,.2f}" for rate in quartiles)])
    columns = ("length", "a quarter below", "median, MB an hour", "a quarter above")
    return Table(title="Detectable rates", columns=columns, rows=rows)


def intervals(judged: Sequence[Judged]) -> Table:
    """Return how often the interval holds the true rate of a linear leak that was called one."""
    held, widths = [], []
    for each in judged:
        rate = each.verdict.per_hour
        if (
            each.truth.kind == each.verdict.kind.value == LeakClass.LINEAR_LEAK.value
            and rate
            and each.truth.work is None
        ):
            held.append(rate.low <= each.truth.rate * HOUR <= rate.high)
            widths.append((rate.high - rate.low) / 2 / rate.estimate)
    rows = [[str(len(held)), f"{sum(held) / len(held):.1%}", f"{median(widths):.1%}"]]
    return Table(
        title="Intervals of the rate (99 %)", columns=("leaks", "hold the truth", "median half width"), rows=rows
    )


def twenty() -> Table:
    """Judge the two that must be right each time: a leak of 3 MB a minute, and a deque that fills, in 2 minutes."""
    rows, wrong = [], []
    for maker in (steady_leak, bounded_deque):
        judged = [judge(maker(seed)) for seed in range(REPORTED, REPORTED + TWENTY)]
        right = sum(each.verdict.kind.value == each.truth.kind for each in judged)
        rows.append([judged[0].truth.detail, judged[0].truth.kind, f"{right} of {TWENTY}"])
        if right < TWENTY:
            wrong.append(f"{rows[-1][0]}: {rows[-1][-1]}")
    return Table(title="Two minutes, a sample a second", columns=("series", "class", "right"), rows=rows, wrong=wrong)
