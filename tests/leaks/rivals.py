"""Other rules for a leak, on the same series: each takes times and bytes, and says whether it calls them a leak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise

import numpy as np
from scipy.stats import kendalltau, linregress

MB = 1_000_000
HOUR = 3600
Rule = Callable[[Sequence[float], Sequence[float]], bool]


def two_ends(_: Sequence[float], values: Sequence[float]) -> bool:
    """Compare the means of the first and the last tenth: over 50 MB is a leak."""
    tenth = max(1, len(values) // 10)
    return bool(np.mean(values[-tenth:]) - np.mean(values[:tenth]) > 50 * MB)


def ends_by_percent(_: Sequence[float], values: Sequence[float]) -> bool:
    """Compare the means of the first and the last tenth: over 10 % is a leak."""
    tenth = max(1, len(values) // 10)
    return bool(np.mean(values[-tenth:]) > 1.1 * np.mean(values[:tenth]))


def slope_over(seconds: Sequence[float], values: Sequence[float]) -> bool:
    """Draw the line of least squares: over 10 MB an hour is a leak."""
    return bool(linregress(seconds, values).slope * HOUR > 10 * MB)


def slope_significant(seconds: Sequence[float], values: Sequence[float]) -> bool:
    """Draw the line of least squares: one that rises with 99 % certainty is a leak."""
    line = linregress(seconds, values)
    return bool(line.slope > 0 and line.pvalue < 0.01)


def mann_kendall(seconds: Sequence[float], values: Sequence[float]) -> bool:
    """Test for a trend by Kendall's tau alone: one upwards with 99 % certainty is a leak."""
    found = kendalltau(seconds, values)
    return bool(found.statistic > 0 and found.pvalue < 0.01)


def psleak(_: Sequence[float], values: Sequence[float]) -> bool:
    """Take batches of 1, 2, 4, 8 and 8 parts, as psleak doubles its calls: a leak grows in each by more than before.

    Source: ``_check_mem`` of psleak, whose batches have 200, 400, 800, 1600 and 1600 calls.
    """
    marks = [round((len(values) - 1) * done / 23) for done in accumulate((1, 2, 4, 8, 8), initial=0)]
    grown = [values[after] - values[before] for before, after in pairwise(marks)]
    return all(now > max(0.0, before) for before, now in pairwise([0.0, *grown]))


RULES: dict[str, Rule] = {
    "first and last tenth, over 50 MB": two_ends,
    "first and last tenth, over 10 %": ends_by_percent,
    "least squares, over 10 MB an hour": slope_over,
    "least squares, p < 0.01": slope_significant,
    "Mann-Kendall alone, p < 0.01": mann_kendall,
    "psleak's retries": psleak,
}
