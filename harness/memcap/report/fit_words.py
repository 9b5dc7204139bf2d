"""The sentences of a fit, the same in every form, and what to paste."""

from __future__ import annotations

from collections import Counter

from memcap.fitting import Basis, Cold, Fit, Point, PointState, Recommendation, Rule, TimeLost
from memcap.stats import proportion
from memcap.units import counted, format_bytes
from memcap.untrusted import cut, printable

_NAME_WIDTH = 60
_LEAST = 0.0005  # of the time; less is none
_MIB = 1024 * 1024


def name_of(subject: str) -> str:
    """Return the subject as a part of a sentence: the beginning of a command says most."""
    return cut(printable(subject), _NAME_WIDTH)


def answer(fit: Fit, subject: str) -> str:
    """Return what was found, in a sentence or two; ``subject`` may be left out."""
    least, found = fit.minimum, fit.minimum.survival
    who, size = name_of(subject) or "The workload", format_bytes(least.cap_bytes)
    if fit.is_found:
        told = (
            f"{who} needs {size}: it survived {found.count} of {counted(found.total, 'run')} with that (95 % sure: "
            f"{100 * found.low:.0f} % of all runs or more would)"
        )
        told += f"; with {format_bytes(fit.below.cap_bytes)} {told_below(fit.below)}." if fit.below else "."
    else:
        told = f"{who} did not do with any cap that was tried, up to {format_bytes(fit.curve[-1].cap_bytes)}."
    if fit.is_floor:
        told += f" It may do with less, but Docker refuses caps below {format_bytes(fit.goal.floor_bytes)}."
    told += f" {_comfort(fit)}"
    return told + "".join(f" {doubt}" for doubt in doubts(fit))


def _comfort(fit: Fit) -> str:
    limit = f"{fit.goal.time_lost:.0%}"
    if fit.comfortable is None:
        size = format_bytes(fit.unreached_bytes)
        return f"No cap was found with which it loses at most {limit} of its time; {size} would never be reached."
    size, lost = format_bytes(fit.comfortable.cap_bytes), time_lost_in_words(fit.time_lost)
    if fit.comfortable.cap_bytes == fit.minimum.cap_bytes:
        return f"That is comfortable, too: {lost}."
    return f"It is comfortable from {size}: {lost} there, and more than {limit} with less."


def time_lost_in_words(lost: TimeLost | None) -> str:
    """Return how much time is lost, and how that is known, as a clause."""
    if lost is None:
        return "how much time it loses is not known"
    most = "" if lost.high is None else f"at most {_percent(lost.high)}"
    runs = counted(lost.runs, "run")
    loses = f"it loses {_percent(lost.estimate)} of its time" if lost.estimate >= _LEAST else "it loses no time"
    if lost.basis is Basis.NOT_REACHED:
        return "it loses no time, as it never reaches the cap"
    if lost.basis is Basis.STALLS:
        return f"{loses} to stalls ({most} in {runs}, by PSI)"
    if lost.basis is Basis.READ_AGAIN:
        by_clock = f" (by the clock {most}, 95 % sure, {runs})" if most else ""
        share = f"{_percent(lost.estimate)} of its time" if lost.estimate >= _LEAST else "no time"
        return f"reading pages again costs it {share}{by_clock}"
    sure = f"{most}, 95 % sure, {runs}" if most else f"too few runs for an interval: {runs}"
    return f"{loses} ({sure})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.1 else f"{100 * share:.0f} %"


def cold_in_words(cold: Cold | None, advice: Recommendation) -> str:
    """Return what cold starts showed; empty where none was asked for."""
    if cold is None:
        return ""
    if not cold.checked:
        return f"Cold starts were not checked: {cold.reason}. On a fresh machine it may need more."
    limit = format_bytes(advice.limit_bytes)
    if cold.minimum_cap_bytes is None:
        return f"It did not start from cold with {limit}, nor with any larger cap that was tried."
    found = proportion(cold.survived, cold.runs) if cold.runs else None
    sure = f" (95 % sure: {100 * found.low:.0f} % of all or more would)" if found else ""
    told = f"It survived {cold.survived} of {counted(cold.runs, 'cold start')} with {limit}{sure}."
    if advice.rule is Rule.COLD:
        size = format_bytes(cold.minimum_cap_bytes)
        told = f"From a cold start it needs {size}: the files of its image count then. {told}"
    return told


def doubts(fit: Fit) -> list[str]:
    """Return what the answer does not settle."""
    found = []
    if fit.reference.is_patchy:
        least, most = (format_bytes(each) for each in (fit.reference.least_need_bytes, fit.reference.need_bytes))
        found.append(
            f"Huge pages fill what the cap allows ({least} are needed without them, {most} were taken), so a larger "
            "cap may kill where a smaller one does not: --no-thp measures without them."
        )
    if fit.noisy:
        mixed = [format_bytes(point.cap_bytes) for point in fit.curve if 0 < point.survived < len(point.trials)]
        where = f"with {' and '.join(mixed)}" if mixed else "here, where a larger cap failed and a smaller one did not"
        found.append(f"To survive {where} is a matter of chance.")
    if not fit.confirmed:
        found.append("There were not enough runs to be sure of it: raise --max-runs.")
    if not fit.is_resolved and fit.below is not None:
        span = f"{format_bytes(fit.below.cap_bytes)} and {format_bytes(fit.minimum.cap_bytes)}"
        found.append(f"The least cap is somewhere between {span}: --max-runs {2 * fit.runs} says it more closely.")
    return found


def told_below(point: Point) -> str:
    """Return what happened with too small a cap, as the end of a sentence."""
    if point.state is PointState.SLOW:
        if point.slowdown is None:
            return "it took so long that it was stopped"
        return f"it took {point.slowdown:.2f} times as long as without a cap"
    worst = Counter(trial for trial in point.trials if not trial.survived).most_common(1)[0][0]
    lost = len(point.trials) - point.survived
    which = "the run" if len(point.trials) == 1 else f"{lost} of {len(point.trials)} runs"
    return f"in {which} {worst.problem}" if worst.problem else f"{which} ended as {worst.ending.value}"


def told_state(point: Point) -> str:
    """Return the state of a cap in a word or two."""
    if point.state is PointState.FAILED:
        return Counter(trial.outcome for trial in point.trials if not trial.survived).most_common(1)[0][0]
    return "too slow" if point.state is PointState.SLOW else point.state.value


def rule_in_words(advice: Recommendation) -> str:
    """Return how the recommended cap came about, why so, and its slack."""
    size, share = f"{advice.limit_bytes // _MIB} MiB", f"{advice.headroom:.0%}"
    slack = f"{format_bytes(advice.slack_bytes)} ({advice.slack:.0%}) above the minimum"
    if advice.rule is Rule.COMFORT:
        return f"Recommended: {size}, the comfortable cap, {slack}: with less, it loses time."
    if advice.rule is Rule.UNREACHED:
        return f"Recommended: {size}, which it never reaches, {slack}."
    what = "what a cold start needs" if advice.rule is Rule.COLD else "the minimum"
    return f"Recommended: {size}, {what} and {share}, {slack}: another input may need more; --headroom sets the share."


def pasted(advice: Recommendation) -> tuple[tuple[str, str], ...]:
    """Return name and text of what can be pasted.

    No swap, as it was measured without. Kubernetes gets the limit as the request, too: memory cannot be taken back from
    a container, and one that uses more than it requested is the first to be evicted.
    """
    size = advice.limit_bytes // _MIB
    return (
        ("docker run", f"docker run --memory {size}m --memory-swap {size}m …"),
        ("Compose", f"services:\n  app:\n    mem_limit: {size}m\n    memswap_limit: {size}m"),
        ("Kubernetes", f"resources:\n  requests:\n    memory: {size}Mi\n  limits:\n    memory: {size}Mi"),
    )
