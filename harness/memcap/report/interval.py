"""Between which figures the unreclaimable peak of runs lies, where that is in doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from memcap.model import CaveatKind, Measurement, Processors

_WHY: Final = {
    CaveatKind.SAMPLED_ONLY: "page cache came or went between two samples",
    CaveatKind.KERNEL_UNEXPLAINED: "cgroup v1 does not tell which kernel memory could be taken back",
}


def need_interval(
    runs: Sequence[Measurement], pick: Callable[[Sequence[float]], float], *, cpus: int | None
) -> tuple[float, float] | None:
    """Return both ends of the unreclaimable peak, each picked from those of ``runs`` (their median, or the largest).

    None where there is no doubt, or where nothing bounds it from above. As in each run, ends that the accounting of a
    machine with ``cpus`` CPUs cannot tell apart are one figure.
    """
    lows = [run.unreclaimable_peak_low_bytes for run in runs if run.unreclaimable_peak_low_bytes is not None]
    highs = [run.unreclaimable_peak_high_bytes for run in runs if run.unreclaimable_peak_high_bytes is not None]
    if not lows or len(highs) < len(lows):
        return None
    low, high = pick(lows), pick(highs)
    same = max(Processors.of(run.cpuset, machine=cpus).indistinct_bytes for run in runs)
    return (low, high) if high - low > same else None


def why_interval(runs: Sequence[Measurement]) -> str:
    """Return why the unreclaimable peak of ``runs`` is an interval; empty if that is not known."""
    kinds = {caveat.kind for run in runs for caveat in run.caveats}
    return next((words for kind, words in _WHY.items() if kind in kinds), "")
