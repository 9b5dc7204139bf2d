"""What the runner reads of its own memory, on this interpreter and kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import memcap
from memcap.probe.report import parse_journal

RUNNER = Path(memcap.__file__).parent / "probe" / "runner.py"
MIB = 1024 * 1024
WORKLOADS = """
import mmap

class Ring:
    def __init__(self, mib):
        self.itself = self
        self.data = mmap.mmap(-1, mib << 20)
        for _ in range(mib * 16):  # no large temporary, which malloc might keep
            self.data.write(b"x" * 65536)


class Result(dict):
    pass


def nothing():
    pass


def result(mib):
    told = Result(mib=mib)
    told.ring = Ring(mib)
    return told


def cycles(mib):
    ring = Ring(mib)
    yield {"mib": mib}
    yield {"mib": mib}


kept = []


def keeps(mib):
    kept.append(Ring(mib))


def fails():
    raise ValueError
"""
Run = Callable[..., Mapping[str, int | None]]


@pytest.fixture
def phases(tmp_path: Path) -> Run:
    """Return ``phases(function, *options)``: what the runner held in its phases, in bytes."""
    (tmp_path / "work.py").write_text(WORKLOADS)
    (tmp_path / "heavy.py").write_text("data = b'x' * (16 << 20)\ndef nothing():\n    pass\n")
    journal = tmp_path / "journal.jsonl"

    def run(target: str, *options: str) -> Mapping[str, int | None]:
        journal.unlink(missing_ok=True)
        command = [sys.executable, str(RUNNER), "--journal", str(journal), "--path", str(tmp_path), *options, target]
        subprocess.run(command, capture_output=True, timeout=60, check=False)
        return parse_journal(journal.read_text("ascii")).phases

    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("this kernel does not tell")
    return run


def known(value: int | None) -> int:
    assert value is not None
    return value


@pytest.mark.allow_processes
def test_nothing_adds_hardly_anything(phases: Run) -> None:
    found = phases("work:nothing")
    assert list(found) == ["interpreter", "imported", "returned", "left"]
    assert 2 * MIB < known(found["interpreter"]) < 64 * MIB
    assert abs(known(found["left"]) - known(found["interpreter"])) < 2 * MIB


@pytest.mark.allow_processes
def test_a_module_is_told_apart_from_the_interpreter(phases: Run) -> None:
    light, heavy = phases("work:nothing"), phases("heavy:nothing")
    more = known(heavy["imported"]) - known(light["imported"])
    assert abs(known(heavy["interpreter"]) - known(light["interpreter"])) < MIB
    assert 15 * MIB < more < 18 * MIB


@pytest.mark.allow_processes
def test_a_result_is_alive_at_the_return_and_collected_after_it(phases: Run) -> None:
    found = phases("work:result", "--param", "mib:int:32")
    assert 31 * MIB < known(found["returned"]) - known(found["imported"]) < 35 * MIB
    assert abs(known(found["left"]) - known(found["imported"])) < 2 * MIB


@pytest.mark.allow_processes
def test_what_a_workload_keeps_is_left(phases: Run) -> None:
    found = phases("work:keeps", "--param", "mib:int:8", "--warmups", "2")
    assert 23 * MIB < known(found["left"]) - known(found["imported"]) < 28 * MIB, "the warm-ups' too"


@pytest.mark.allow_processes
def test_a_generator_that_is_cut_short_leaves_nothing(phases: Run) -> None:
    found = phases("work:cycles", "--param", "mib:int:32", "--cycles", "1")
    assert abs(known(found["left"]) - known(found["imported"])) < 2 * MIB


@pytest.mark.allow_processes
def test_a_run_that_fails_has_the_phases_it_reached(phases: Run) -> None:
    assert list(phases("work:fails")) == ["interpreter", "imported"]
    assert list(phases("missing:function")) == ["interpreter"]


def test_a_phase_that_the_kernel_did_not_tell_is_none() -> None:
    lines = [{"event": "phase", "name": "interpreter", "bytes": None}, {"event": "phase", "name": "left", "bytes": 1.5}]
    assert parse_journal("".join(json.dumps(line) + "\n" for line in lines)).phases == {"interpreter": None}
