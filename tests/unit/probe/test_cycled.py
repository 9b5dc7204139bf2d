"""When the cycles of a generator ended, as the runner tells it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import memcap
from memcap.probe.report import WorkloadJournal, parse_journal

RUNNER = Path(memcap.__file__).parent / "probe" / "runner.py"
WORKLOADS = """
import time

def pauses():
    try:
        while True:
            time.sleep(0.05)
            yield
    finally:
        time.sleep(0.2)

def nothing():
    pass
"""
pytestmark = pytest.mark.allow_processes


def journal(folder: Path, target: str, *options: str) -> WorkloadJournal:
    (folder / "workloads.py").write_text(WORKLOADS)
    words = ["--journal", str(folder / "journal"), "--path", str(folder), *options, f"workloads:{target}"]
    subprocess.run([sys.executable, str(RUNNER), *words], check=True)
    return parse_journal((folder / "journal").read_text())


def test_the_end_of_the_first_and_of_the_last_cycle(tmp_path: Path) -> None:
    began = time.monotonic()
    found = journal(tmp_path, "pauses", "--cycles", "3")
    lasted = time.monotonic() - began
    assert found.cycled is not None
    first, last = found.cycled.first, found.cycled.last
    assert last - first == pytest.approx(sum(cycle.seconds for cycle in found.cycles[1:]))
    assert first > 0.04, "the kernel counts in hundredths of a second"
    assert last < lasted - 0.2, "the clean-up is no cycle"


def test_warm_ups_come_before(tmp_path: Path) -> None:
    found = journal(tmp_path, "pauses", "--cycles", "1", "--warmups", "1")
    assert found.cycled is not None
    assert found.cycled.first == found.cycled.last
    assert found.cycled.first > 0.05 + 0.2 + 0.04


def test_without_cycles_there_are_no_times(tmp_path: Path) -> None:
    assert journal(tmp_path, "pauses", "--cycles", "0").cycled is None
    assert journal(tmp_path, "nothing").cycled is None
