"""The sentences of a fit, the same in every form, and what to paste."""

from __future__ import annotations

from collections import Counter

from memcap.fit import Fit, Point, PointState, Recommendation
from memcap.report.text import printable
from memcap.units import counted, format_bytes

_NAME_WIDTH = 60
_MIB = 1024 * 1024


def name_of(subject: str) -> str:
    """Return the subject as a part of a sentence: the beginning of a command says most."""
    shown = printable(subject)
    return shown if len(shown) <= _NAME_WIDTH else f"{shown[: _NAME_WIDTH - 1]}…"


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
    size = format_bytes(fit.comfortable_bytes)
    if fit.comfortable is None:
        told += f" With {size}, which was not tried, the cap would never be reached."
    elif fit.comfortable_bytes == least.cap_bytes:
        told += " That is comfortable, too: nothing is taken away that it uses again."
    else:
        told += f" It is comfortable from {size}: with less, what it uses is taken away and read again."
    return told + "".join(f" {doubt}" for doubt in doubts(fit))


def doubts(fit: Fit) -> list[str]:
    """Return what the answer does not settle."""
    found = []
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
    ending = Counter(trial.ending for trial in point.trials if not trial.survived).most_common(1)[0][0]
    lost = len(point.trials) - point.survived
    which = "the run" if len(point.trials) == 1 else f"{lost} of {len(point.trials)} runs"
    return f"{which} ended as {ending.value}"


def told_state(point: Point) -> str:
    """Return the state of a cap in a word or two."""
    if point.state is PointState.FAILED:
        return Counter(trial.ending.value for trial in point.trials if not trial.survived).most_common(1)[0][0]
    return "too slow" if point.state is PointState.SLOW else point.state.value


def rule_in_words(advice: Recommendation) -> str:
    """Return how the recommended cap came about, and why so."""
    size = f"{advice.limit_bytes // _MIB} MiB"
    if advice.is_for_comfort:
        return (
            f"Recommended: {size}, the comfortable cap, which is more than the minimum and {advice.headroom:.0%}: with "
            "less, the kernel takes away what the program needs again."
        )
    return (
        f"Recommended: {size}, the minimum and {advice.headroom:.0%} (at least the comfortable cap, in whole MiB): the "
        "minimum is that of this input, and another may need more; --headroom sets the share."
    )


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
