"""Many p-values at once: what each is worth when chance had that many tries."""

from __future__ import annotations

from collections.abc import Sequence


def holm(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected for being several: among all of them a false alarm is as likely as each one says.

    Source: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 6 (1979).
    """
    ranked = sorted(range(len(probabilities)), key=lambda index: probabilities[index])
    corrected, largest = dict.fromkeys(ranked, 1.0), 0.0
    for rank, index in enumerate(ranked):
        largest = max(largest, min(1.0, probabilities[index] * (len(ranked) - rank)))
        corrected[index] = largest
    return tuple(corrected[index] for index in range(len(probabilities)))


def benjamini_hochberg(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected so that, of those at most q, a share of at most q is expected to be false.

    Holds for independent tests, and for such as rise and fall together. Source: Y. Benjamini and Y. Hochberg,
    "Controlling the False Discovery Rate", J. R. Statist. Soc. B 57 (1995).
    """
    ranked = sorted(range(len(probabilities)), key=lambda index: probabilities[index], reverse=True)
    corrected, smallest = [1.0] * len(ranked), 1.0
    for smaller, index in enumerate(ranked):
        smallest = min(smallest, probabilities[index] * (len(ranked) / (len(ranked) - smaller)))
        corrected[index] = smallest
    return tuple(corrected)
