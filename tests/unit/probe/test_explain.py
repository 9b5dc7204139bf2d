"""When a soak looks for what grows, and what it says then, on the Pythons that this machine has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import memcap
from memcap.probe.soak_work import SoakWork, parse_work

PROBE = Path(memcap.__file__).parent / "probe"
WORKLOADS = """
import time

def leaks():
    kept = []
    try:
        while True:
            kept.append(bytearray(100_000))
            time.sleep(0.01)
            yield
    finally:
        print("cleaned up")


KEPT = []

def ends_soon():
    for _ in range(300):
        KEPT.append(bytearray(100_000))
        time.sleep(0.01)
        yield


def three_steps():
    yield
    yield
    yield
"""

Run = Callable[..., SoakWork]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return ``run(target, duration, *options)``, which soaks a function of WORKLOADS with a step of 50 ms."""
    (tmp_path / "workloads.py").write_text(WORKLOADS, encoding="utf-8")
    journal = tmp_path / "workload.jsonl"

    def run(target: str, duration: float, *options: str, executable: str = sys.executable) -> SoakWork:
        command = [executable, "-B", str(PROBE / "runner.py"), "--journal", str(journal), "--path", str(tmp_path)]
        command += ["--duration", str(duration), "--soak", "0.05", *options, f"workloads:{target}"]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (process.returncode, process.stderr) == (0, "")
        return parse_work(journal.read_text("ascii").splitlines(), started=0.0)

    return run


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PROBE))
    return __import__("memcap_explain")


@pytest.mark.allow_processes
def test_what_grows_is_looked_for_in_the_last_seconds(run: Run, interpreter: str) -> None:
    seen = run("leaks", 2.5, "--soak-explain", "2", executable=interpreter)
    (found,) = seen.grown
    first = seen.work[0].seconds
    assert found.since_seconds - first > 0.5
    assert found.seconds - first > 1.5, "the second look is made before the end"
    holder = found.holders[0]
    assert (holder.steps, holder.rooted) == (("generator leaks, variable 'kept'", "list"), True)
    assert holder.bytes == pytest.approx(holder.more * 100_056, rel=0.01)
    assert (Path(found.sites[0].file).name, found.sites[0].source) == (
        "workloads.py",
        "kept.append(bytearray(100_000))",
    )
    assert found.traced_bytes == pytest.approx(holder.bytes, rel=0.05)
    assert all(look.tracemalloc_bytes is None for look in seen.python), "none of it is on for the looks"


@pytest.mark.allow_processes
def test_a_generator_that_ends_before_says_what_grew_until_then(run: Run) -> None:
    (found,) = run("ends_soon", 3600.5, "--soak-explain", "3600").grown
    assert found.holders[0].steps == ("module workloads.KEPT", "list")


@pytest.mark.allow_processes
def test_without_time_for_it_nothing_is_looked_for(run: Run) -> None:
    assert run("three_steps", 3600, "--soak-explain", "10").grown == ()


def test_where_there_is_no_room_nothing_is_looked_for(explain: Any) -> None:
    told: list[dict[str, Any]] = []

    def write(event: str, **fields: Any) -> None:
        told.append(fields)

    explaining = explain.Explaining(write, __import__, lambda: 1024, begin=0.0, seconds=1.0, frames=1)
    explaining.look(1.0)
    explaining.look(2.0)
    explaining.end()
    assert [each["why_not"].startswith("there was no room under the cap") for each in told] == [True]
