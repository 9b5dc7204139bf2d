"""What grew between two snapshots of tracemalloc, as lines for a reader."""

from __future__ import annotations

import linecache
import tracemalloc
from tracemalloc import Snapshot, StatisticDiff

from memcap.testing.table import megabytes

_SHOWN = 3
_LEAST_PART = 0.01  # of all growth; less explains nothing
_CALLS = 4
_NOT_OF_THE_TEST = ("_pytest", "pluggy", "memcap/testing", "memcap/pytest_plugin", "memcap\\testing", "importlib")


def growth_lines(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Return the places whose allocations grew most, the latest call last, with what the line says."""
    ours = [tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, "*memcap*testing*")]
    differences = after.filter_traces(ours).compare_to(before.filter_traces(ours), "traceback")
    total = sum(each.size_diff for each in differences if each.size_diff > 0)
    grown = [each for each in differences if each.size_diff > _LEAST_PART * total][:_SHOWN]
    lines: list[str] = []
    for each in grown:
        blocks = "block" if abs(each.count_diff) == 1 else "blocks"
        lines.append(f"{megabytes(each.size_diff, signed=True)} in {each.count_diff:+d} {blocks}, allocated at")
        lines += _calls(each)
    return tuple(lines)


def _calls(difference: StatisticDiff) -> list[str]:
    frames = [frame for frame in difference.traceback if not any(word in frame.filename for word in _NOT_OF_THE_TEST)]
    found = frames or list(difference.traceback)
    shown = [frame for number, frame in enumerate(found) if number == 0 or frame != found[number - 1]][-_CALLS:]
    lines = []
    for frame in shown:
        lines.append(f"    {frame.filename}:{frame.lineno}")
        source = linecache.getline(frame.filename, frame.lineno).strip()
        if source:
            lines.append(f"        {source}")
    return lines
