"""What the rules of KRR and of Kubernetes' VPA would recommend for a run that was measured: ``python … RESULT.json``.

These are the rules as their sources state them, applied to memcap's samples; it is not their software. Both see memory
only when it is scraped, so what they say depends on when that is: all moments are tried, and the range is printed.
The working set of cAdvisor (usage without inactive file pages) lies between usage without page cache and usage.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from memcap.model import Moment
from memcap.store import load_result

MIB = 1024 * 1024
STEP = 0.25  # seconds between the beginnings of scraping that are tried
KRR_BUFFER = 0.15  # robusta_krr/strategies/simple.py
VPA_MARGIN = 0.15  # recommender/logic/recommender.go
VPA_FIRST_BUCKET, VPA_GROWTH = 1e7, 0.05  # recommender/model/aggregations_config.go


def scraped(series: Sequence[Moment], interval: float, offset: float) -> list[int]:
    """Return the working set without page cache, in bytes, at ``offset`` and every ``interval`` seconds after it."""
    found = []
    at = offset
    while at <= series[-1].seconds:
        moment = min(series, key=lambda each: abs(each.seconds - at))
        found.append(moment.usage - moment.file)
        at += interval
    return found


def krr(samples: Sequence[int]) -> float:
    """Return the request and limit of KRR's strategy "simple": the largest sample and 15 %, without its least value."""
    return max(samples) * (1 + KRR_BUFFER)


def vpa(samples: Sequence[int]) -> float:
    """Return the target of VPA's recommender: P90 of the daily peaks and 15 %, without its least value.

    A run is part of one day, so there is one peak, counted as the end of its bucket in a histogram of growing buckets.
    """
    end, width = VPA_FIRST_BUCKET, VPA_FIRST_BUCKET
    while end <= max(samples):
        width *= 1 + VPA_GROWTH
        end += width
    return end * (1 + VPA_MARGIN)


def spread(
    series: Sequence[Moment], interval: float, rule: Callable[[Sequence[int]], float]
) -> tuple[float, float, float]:
    """Return the least and the most that ``rule`` says, and in which part of the cases it is below the true need."""
    need = max(moment.usage - moment.file for moment in series)
    offsets = [STEP * number for number in range(int(interval / STEP))]
    told = [rule(samples) for offset in offsets if (samples := scraped(series, interval, offset))]
    return min(told), max(told), sum(value < need for value in told) / len(told)


def main(path: Path) -> None:
    """Print a line for each rule and interval."""
    series = load_result(path).cells[0].runs[0].series
    need = max(moment.usage - moment.file for moment in series)
    print(f"{series[-1].seconds:.0f} s, {need / MIB:.1f} MiB at most without page cache")
    for name, rule, interval in (("KRR", krr, 30.0), ("KRR", krr, 15.0), ("VPA", vpa, 15.0)):
        least, most, short = spread(series, interval, rule)
        print(
            f"{name}, scraped every {interval:g} s: {least / MIB:.0f} to {most / MIB:.0f} MiB; too little {short:.0%}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
