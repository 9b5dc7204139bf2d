"""Looks into commands and servers: which processes are looked at, and that the program notices nothing of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memcap.images.instrumented import INSIDE
from memcap.probe.programs import LOOKS
from memcap.probe.soak_work import SoakWork, parse_work

WORDS = "looks step=0.05 frames=5 duration=60"
BUSY = """
import sys, time
kept = []
end = time.monotonic() + 0.5
while time.monotonic() < end:
    kept.append(bytearray(100_000))
    time.sleep(0.01)
"""

pytestmark = [
    pytest.mark.allow_processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="containers are Linux"),
]


class Looked:
    """What a program that was looked at said, and what was seen of it."""

    def __init__(self, process: subprocess.CompletedProcess[str], journal: Path) -> None:
        self.code, self.output, self.errors = process.returncode, process.stdout, process.stderr
        text = journal.read_text("ascii") if journal.is_file() else ""
        self.events: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
        self.looks: SoakWork = parse_work(text.splitlines(), started=0.0)

    @property
    def pids(self) -> set[int]:
        return {look.pid for look in self.looks.python}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Looked]:
    """Return ``run(code, words)``, which runs ``code`` as a container with memcap's instruments would."""
    instruments = tmp_path / "instruments"
    shutil.copytree(INSIDE, instruments)
    for file in LOOKS:
        shutil.copy(file, instruments)

    def run(code: str, words: str = WORDS, *options: str, executable: str = sys.executable) -> Looked:
        journal = tmp_path / "workload.jsonl"
        if journal.is_file():
            journal.unlink()
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
        environ |= {
            "PYTHONPATH": str(instruments / "start"),
            "MEMCAP_INSTRUMENT": words,
            "MEMCAP_ARTEFACTS": str(tmp_path),
        }
        program = tmp_path / "program.py"
        program.write_text(code, encoding="utf-8")
        command = [executable, *options, str(program)]
        process = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        return Looked(process, journal)

    return run


def test_a_program_is_looked_at_and_its_lines_are_told(run: Callable[..., Looked], interpreter: str) -> None:
    seen = run(BUSY, executable=interpreter)
    assert (seen.code, seen.output, seen.errors) == (0, "", "")
    assert len(seen.looks.python) >= 2
    assert all(look.gc_objects and look.tracemalloc_bytes for look in seen.looks.python[:1])
    assert {event["event"] for event in seen.events} == {"python", "top"}
    assert seen.looks.sites is not None
    assert seen.looks.sites[0].source == "kept.append(bytearray(100_000))"


def test_what_the_program_sees_of_it(run: Callable[..., Looked], interpreter: str) -> None:
    code = (
        "import os, sys, threading\n"
        "ours = ('MEMCAP_INSTRUMENT', 'MEMCAP_ARTEFACTS', 'PYTHON')\n"
        "print([name for name in os.environ if name.startswith(ours)], threading.active_count())\n"
        "print([entry for entry in sys.path if 'instruments' in entry])\n"
    )
    assert run(code, executable=interpreter).output == "[] 1\n[]\n"


def test_garbage_is_collected_if_that_is_asked_for(run: Callable[..., Looked]) -> None:
    plain = "looks step=0.05 frames=0 duration=60"
    without, with_it = (run(BUSY, words).looks for words in (plain, f"{plain} collect"))
    assert with_it.python[0].gc_collections[2] > without.python[0].gc_collections[2]
    assert with_it.sites is None
    assert with_it.python[0].tracemalloc_bytes is None


FORKS = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        kept = bytearray(500_000)
        time.sleep(0.5)
        {end}
if os.fork() == 0:
    os._exit(0)
time.sleep(0.5)
for _ in range(4):
    os.wait()
"""


@pytest.mark.parametrize("end", ["raise SystemExit", "os._exit(0)"])
def test_workers_by_fork_are_looked_at_too(run: Callable[..., Looked], interpreter: str, end: str) -> None:
    """Warnings are errors, as of a fork with threads; a worker that ends before its first look leaves nothing."""
    seen = run(FORKS.format(end=end), WORDS, "-W", "error", executable=interpreter)
    assert (seen.code, seen.errors) == (0, "")
    assert len(seen.pids) == 4
    assert set(seen.looks.tops) == seen.pids


def test_what_grows_is_looked_for_in_each_process(run: Callable[..., Looked], interpreter: str) -> None:
    """Its modules are no longer in the path of the program when they are needed."""
    code = """
import os, time
kept = [0]
child = os.fork()
end = time.monotonic() + 5
while time.monotonic() < end:
    kept.append(bytearray(50_000 if child else 10_000))
    time.sleep(0.01)
if child:
    os.wait()
"""
    words = "looks step=0.05 frames=0 duration=0.5 explain=2"
    # CPython 3.13 warns of the thread that begins again after the fork.
    seen = run(code, words, "-W", "ignore::DeprecationWarning", executable=interpreter)
    assert (seen.code, seen.errors) == (0, "")
    assert len({each.pid for each in seen.looks.grown}) == len(seen.looks.grown) == 2
    for each in seen.looks.grown:
        assert each.holders[0].steps == ("module __main__.kept", "list")
        assert each.sites[0].source.startswith("kept.append(")
        assert each.seconds > each.since_seconds
    small, large = sorted(each.traced_bytes / each.holders[0].more for each in seen.looks.grown)
    assert [small, large] == pytest.approx([10_100, 50_100], rel=0.1)


def test_other_children_are_not_looked_at(run: Callable[..., Looked]) -> None:
    code = (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(0.3)'], check=True)\n"
    )
    assert len(run(code).pids) == 1


def test_what_takes_the_place_of_the_process_is_looked_at(run: Callable[..., Looked]) -> None:
    code = (
        "import os, sys, time\n"
        "if len(sys.argv) > 1: time.sleep(0.3)\n"
        "else: os.execl(sys.executable, sys.executable, __file__, 'again')\n"
    )
    seen = run(code)
    assert (seen.code, seen.errors, len(seen.pids)) == (0, "", 1)


def test_a_program_that_closes_all_files_is_still_looked_at(run: Callable[..., Looked]) -> None:
    assert len(run(f"import os\nos.closerange(3, 100)\n{BUSY}").looks.python) >= 2


def test_a_killed_program_leaves_a_top_from_before(run: Callable[..., Looked]) -> None:
    seen = run(
        f"{BUSY}\nimport os, signal; os.kill(os.getpid(), signal.SIGTERM)", "looks step=0.05 frames=1 duration=2"
    )
    assert seen.code == -15
    assert seen.looks.sites is not None


def test_the_handlers_of_the_program_stay_as_they_are(run: Callable[..., Looked]) -> None:
    seen = run("import signal; print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)")
    assert seen.output == "True\n"


def test_signals_that_the_program_blocks_and_waits_for_are_its_own(run: Callable[..., Looked]) -> None:
    code = (
        "import os, signal, time\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "time.sleep(0.1)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "time.sleep(0.1)\n"
        "print(int(signal.sigwait({signal.SIGTERM})))\n"
    )
    assert run(code).output == "15\n"


def test_a_journal_that_cannot_be_written_does_not_fail_the_program(run: Callable[..., Looked], tmp_path: Path) -> None:
    (tmp_path / "workload.jsonl").mkdir()
    seen = run(BUSY)
    assert (seen.code, seen.errors) == (0, "")


def test_programs_that_replace_sleep_and_threads_are_looked_at(run: Callable[..., Looked]) -> None:
    """As gevent does."""
    code = (
        "import _thread, time\nsleep = time.sleep\n"
        "time.sleep = _thread.start_new_thread = _thread.allocate_lock = None\n"
        "import os\nif os.fork() == 0:\n    sleep(0.3)\n    raise SystemExit\nsleep(0.4)\nos.wait()\n"
    )
    seen = run(code)
    assert (seen.code, seen.errors, len(seen.pids)) == (0, "", 2)


def test_a_journal_may_be_written_by_other_users(run: Callable[..., Looked], tmp_path: Path) -> None:
    run(BUSY)
    assert (tmp_path / "workload.jsonl").stat().st_mode & 0o777 == 0o666
