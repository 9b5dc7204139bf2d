"""The test suites of other projects with a memory limit for all tests: whatever passes without it must pass with it.

    python tests/truth/foreign_suites.py [--max-mb 200] [--times 1] FOLDER...

Each FOLDER is an unpacked source distribution. Its tests run by turns without the plugin and with ``memcap_max_mb``, on
the Python that runs this: make an environment with memcap, pytest and what the projects' tests need. Prints a row of a
table for each project, and every test whose outcome differs. The exit code is 1 if one does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET  # of pytest's own making
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Session:
    """One session of pytest: the outcome of each test, and how long it took."""

    outcomes: dict[str, str]
    seconds: float


def run(folder: Path, options: list[str]) -> Session:
    """Run the tests of ``folder``."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        words = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--junitxml={report}", *options]
        began = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *words], cwd=folder, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - began
        if not report.exists():
            sys.exit(f"{folder.name}: pytest ended with exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
        outcomes = {}
        for case in ET.parse(report).iter("testcase"):
            kinds = sorted({child.tag for child in case} & {"failure", "error", "skipped"})
            outcomes[f"{case.get('classname')}::{case.get('name')}"] = "+".join(kinds) or "passed"
    return Session(outcomes=outcomes, seconds=seconds)


def compare(folder: Path, max_mb: float, times: int) -> bool:
    """Print what differs with the plugin; tell whether nothing does."""
    without, limited = [], []
    for _ in range(times):
        without.append(run(folder, ["-p", "no:memcap"]))
        limited.append(run(folder, ["-o", f"memcap_max_mb={max_mb:g}"]))
    counted = Counter(without[0].outcomes.values())
    told = ", ".join(f"{number} {outcome}" for outcome, number in counted.most_common())
    before, after = (median(each.seconds for each in sessions) for sessions in (without, limited))
    known = {(name, outcome) for each in without for name, outcome in each.outcomes.items()}
    differing = sorted({pair for each in limited for pair in each.outcomes.items()} - known)
    times_told = f"{before:.1f} s | {after:.1f} s"
    print(f"| {folder.name} | {len(without[0].outcomes)} | {told} | {len(differing)} | {times_told} |", flush=True)
    for name, outcome in differing:
        print(f"    {name}: {outcome}")
    return not differing


def main() -> int:
    """Compare all projects of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--max-mb", type=float, default=200.0)
    parser.add_argument("--times", type=int, default=1)
    given = parser.parse_args()
    print("| project | tests | outcomes without | other outcomes | without | with memcap_max_mb |")
    print("|---|---|---|---|---|---|")
    differing = [folder for folder in given.folders if not compare(folder, given.max_mb, given.times)]
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
