"""The sentences and figures of a soak, the same in every form."""

from __future__ import annotations

from typing import Final

from memcap.leaks import LeakClass, LeakVerdict, Rate
from memcap.model import STOPPED_BEFORE_ITS_TIME, Ending, limit_of
from memcap.report.document import Level
from memcap.report.grown import cause_in_words, is_elsewhere, line_in_words
from memcap.report.text import NOTHING, lowered, number, sentence
from memcap.soaking import SoakOutcome, level_since
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import printable

_MB: Final = 1_000_000
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 31_557_600
_UNITS: Final = ((_YEAR, "year", 2), (_DAY, "day", 3), (_HOUR, "hour", 2), (_MINUTE, "minute", 2), (1, "second", 0))
_MOST_YEARS: Final = 100
_LONGER: Final = (60, 120, 300, 600, 900, 1800, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY)
_EARLY: Final = 0.98  # of the duration
_INSTANT: Final = 0.001
_SMALL: Final = 10  # bytes
_SHORTEST_WARM_UP: Final = 1.0
_SAID_BY_DETAIL: Final = (Ending.LIMIT_EXCEEDED, Ending.TIMED_OUT)  # which limit it was
_SHAPES: Final = {
    LeakClass.FLAT: "memory stayed level",
    LeakClass.STEP: "memory rose at once, and was level after {since}",
    LeakClass.BOUNDED_CACHE: "a cache that was full after {since}",
    LeakClass.SAWTOOTH: "memory rose and fell again, as with a garbage collector",
    LeakClass.PERIODIC: "memory came and went in regular periods",
}


def answer(outcome: SoakOutcome) -> str:
    """Return what was found, in a sentence or two: how it ended if not as asked, and whether it leaks."""
    told = verdict_in_words(outcome)
    if outcome.is_running:
        asked = outcome.rules.duration_seconds
        so_far = f"{elapsed(min(outcome.elapsed_seconds, asked))} of {format_seconds(asked)}"
        return f"So far ({so_far}): {lowered(told)}"
    ended = ending_in_words(outcome)
    return f"{ended} {told}" if ended else told


def level_of(outcome: SoakOutcome) -> Level:
    """Return how the answer is to be taken."""
    if ending_in_words(outcome) or outcome.verdict.leak:
        return Level.BAD
    return Level.UNSURE if outcome.verdict.leak is None else Level.GOOD


def ending_in_words(outcome: SoakOutcome) -> str:
    """Return how the soak ended in a sentence; empty if it ended as asked, or goes on."""
    run = outcome.measurement
    if run is None or run.ending is Ending.COMPLETED:
        return ""
    why = run.detail if run.detail and run.ending in _SAID_BY_DETAIL else run.explanation
    return f"Ended after {elapsed(outcome.elapsed_seconds)}: {printable(why)}."


def ended_early(outcome: SoakOutcome) -> bool:
    """Tell whether the workload ended before its time, by itself or as somebody stopped it."""
    is_whole = outcome.elapsed_seconds >= _EARLY * outcome.rules.duration_seconds
    return outcome.measurement is not None and outcome.measurement.ending is Ending.COMPLETED and not is_whole


def was_stopped(outcome: SoakOutcome) -> bool:
    """Tell whether somebody stopped the soak before its time."""
    return outcome.measurement is not None and outcome.measurement.detail == STOPPED_BEFORE_ITS_TIME


def verdict_in_words(outcome: SoakOutcome) -> str:
    """Return whether it leaks, how fast, and what a run of this length shows."""
    verdict = outcome.verdict
    if verdict.leak is None:
        return _not_enough(outcome)
    if not verdict.leak:
        level = level_since(verdict)
        shape = _SHAPES[verdict.kind].format(since="some time" if level is None else roughly(level))
        return f"Does not leak: {shape}.{_detectable(verdict)}"
    pace = rate_in_words(verdict.per_hour, "an hour") if verdict.per_hour else "memory"
    faster = "faster and faster, on average " if verdict.kind is LeakClass.SUPERLINEAR_LEAK else ""
    warm = verdict.warm_up_seconds or 0
    since = f" after a warm-up of {roughly(warm)}" if warm >= _SHORTEST_WARM_UP else ""
    to_cap = time_to_cap(outcome)
    reached = f"; reaches the cap of {format_bytes(outcome.cap_bytes)} in {to_cap}" if to_cap else ""
    return f"Leaks {faster}{pace}{since}{_cause(outcome)}{reached}."


def _cause(outcome: SoakOutcome) -> str:
    """Return who holds what leaks, if that was looked for and found; of compiled code, its line in the twin."""
    grown = outcome.growth
    if grown is None:
        return ""
    if is_elsewhere(grown, outcome.grown_bytes):
        living = outcome.living
        return (
            f": {line_in_words(living[0])}, in compiled code" if living else ", most of it not in Python's own memory"
        )
    cause = cause_in_words(grown, unit=outcome.kind.unit, work=outcome.grown_work)
    return f": {cause}" if cause else ""


def time_to_cap(outcome: SoakOutcome) -> str:
    """Return how long until a leak reaches the cap; empty where there is no leak or no cap, or the cap was reached."""
    seconds = outcome.verdict.seconds_to_cap
    was_reached = outcome.measurement is not None and outcome.measurement.ending.is_oom
    if seconds is None or limit_of(outcome.cap_bytes) is None or was_reached:
        return ""
    simulated = f" ({roughly(seconds * outcome.rules.rate)} simulated)" if outcome.rules.rate != 1 else ""
    return f"about {roughly(seconds)}{simulated}"


def _detectable(verdict: LeakVerdict) -> str:
    found = verdict.detectable_bytes_per_hour
    return "" if found is None else f" A leak of {bytes_text(found)} an hour or more would have been found."


def _not_enough(outcome: SoakOutcome) -> str:
    told = f"Not enough data: {outcome.verdict.reason}."
    if outcome.is_running or ending_in_words(outcome):
        return told
    if ended_early(outcome):
        by_whom = "The soak was stopped" if was_stopped(outcome) else "The workload ended by itself"
        remedy = "let it run to its end" if was_stopped(outcome) else "use one that goes on"
        return f"{told} {by_whom}; {remedy}."
    return f"{told} Run it for {roughly(_longer(outcome.rules.duration_seconds))}."


def _longer(seconds: float) -> float:
    """Return a length that is twice as long at least, and a round one where there is one."""
    return next((each for each in _LONGER if each >= 2 * seconds), 2 * seconds)


def reason_in_words(verdict: LeakVerdict) -> str:
    """Return why the series is what it is called, as a sentence."""
    return f"{sentence(verdict.reason)}."


def rate_in_words(rate: Rate, per: str = "") -> str:
    """Return a rate with its interval: ``3.1 MiB an hour (2.9 to 3.3)``; a unit that all have is written once."""
    middle, low, high = (bytes_text(each) for each in (rate.estimate, rate.low, rate.high))
    named = f"{middle} {per}" if per else middle
    if low == high == middle:
        return named
    if len({each.rpartition(" ")[2] for each in (middle, low, high)}) == 1:
        low, high = low.rpartition(" ")[0], high.rpartition(" ")[0]
    return f"{named} ({low} to {high})"


def divided(rate: Rate, by: float) -> Rate:
    """Return ``rate`` for another unit, of which there are ``by``."""
    return Rate(estimate=rate.estimate / by, low=rate.low / by, high=rate.high / by)


def bytes_text(value: float | None) -> str:
    """Return bytes for a reader, few of them with their fraction."""
    if value is None:
        return NOTHING
    if 0.005 <= abs(value) < _SMALL:
        return f"{value:.2g} B"
    if abs(value) < _SMALL:
        return "0 B"  # and not -0
    return format_bytes(value)


def whole(value: int | None) -> str:
    """Return a count with its thousands apart."""
    return NOTHING if value is None else f"{value:,}"


def work_in_words(outcome: SoakOutcome) -> str:
    """Return how much was done, and at what pace; empty where it was not counted."""
    unit = outcome.kind.unit
    looks = [sample.work for sample in outcome.samples if sample.work]
    if not unit or not looks:
        return ""
    last = looks[-1]
    pace = pace_in_words(last.done, last.seconds)
    return f"{last.done:,} {unit if last.done == 1 else f'{unit}s'}{f', {pace}' if pace else ''}"


def pace_in_words(done: int, seconds: float) -> str:
    """Return the work of each second; empty where too little time passed."""
    return f"{number(float(f'{done / seconds:.3g}'))} a second" if seconds >= _INSTANT else ""


def megabytes(value: float | None) -> str:
    """Return bytes in MB (1000-based), as the usual rule counts them."""
    return NOTHING if value is None else f"{value / _MB:,.1f} MB"


def elapsed(seconds: float) -> str:
    """Return how long after the start something was."""
    return format_seconds(seconds) if seconds >= 1 else f"{seconds:.1f} s"


def roughly(seconds: float) -> str:
    """Return a time in whole units: ``12 minutes``, ``41 hours``."""
    if seconds > _MOST_YEARS * _YEAR:
        return f"more than {_MOST_YEARS} years"
    size, noun = next((size, noun) for size, noun, least in _UNITS if seconds >= least * size)
    return counted(round(seconds / size), noun)
