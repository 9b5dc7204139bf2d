"""What one more agent needs, from a result with agents_1 to agents_200. Runs on the host; Python 3.8+.

python suites/optimization/scaling.py results/RESULT.json
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Sequence, Tuple

_MB = 1_000_000
_NAME = re.compile(r"agents_(\d+)_(before|after)")
Needs = Dict[int, List[int]]  # number of agents -> unreclaimable_peak of each run, in bytes


def needs(document: Dict[str, Any], form: str, image: str) -> Needs:
    """Return the needs of one form on one image; of several caps that of the largest."""
    found: Dict[int, Tuple[int, List[int]]] = {}
    for measured in document["memcap"]["cells"]:
        cell = measured["cell"]
        named = _NAME.fullmatch(cell["benchmark"])
        values = [run["unreclaimable_peak_bytes"] for run in measured["runs"] if run["ending"] == "completed"]
        if named and named[2] == form and cell["image"] == image and values:
            cap, count = cell["cap"]["bytes"], int(named[1])
            found[count] = max(found.get(count, (0, [])), (cap, values))
    return {count: values for count, (_, values) in sorted(found.items())}


def line(points: Sequence[Tuple[float, float]]) -> Tuple[float, float]:
    """Return what the line of least squares has at 0, and its slope."""
    x, y = (sum(point[axis] for point in points) / len(points) for axis in (0, 1))
    slope = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    return y - slope * x, slope


def marginal(found: Needs) -> Tuple[float, float, float, float]:
    """Return what one more agent needs: the median of the slopes of one line for each round of runs, their least and
    largest, and how likely the true median lies between these (the sign test: 1 - 2 ** (1 - rounds)).
    """
    rounds = min(map(len, found.values()))
    slopes = [line([(count, values[number]) for count, values in found.items()])[1] for number in range(rounds)]
    return median(slopes), min(slopes), max(slopes), 1 - 2.0 ** (1 - rounds)


def main(path: str) -> None:
    """Print the tables."""
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    images = sorted({cell["cell"]["image"] for cell in document["memcap"]["cells"]})
    for image in images:
        for form in ("before", "after"):
            found = needs(document, form, image)
            if len(found) < 3:
                continue
            start, slope = line([(count, median(values)) for count, values in found.items()])
            print(f"{image}, {form}")
            for count, values in found.items():
                need = median(values)
                off = (need - start - slope * count) / _MB
                print(
                    f"{count:6} agents {need / _MB:9.1f} MB {need / count / _MB:7.2f} MB each, {off:+.2f} off the line"
                )
            middle, low, high, confidence = marginal(found)
            print(
                f"  one more {middle / _MB:.3f} MB [{low / _MB:.3f}, {high / _MB:.3f}] ({confidence:.1%} of such "
                f"intervals hold the median), without any {start / _MB:.1f} MB"
            )


if __name__ == "__main__":
    main(sys.argv[1])
