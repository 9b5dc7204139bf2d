"""What the runner writes in a soak, as a program of its own on the Pythons that this machine has."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memcap
from memcap.probe.report import parse_journal
from memcap.probe.soak_work import SoakWork, parse_work

PROBE = Path(memcap.__file__).parent / "probe"
WORKLOADS = """
import os
import signal
import threading
import time

def leaks():
    kept = []
    done = 0
    try:
        while True:
            kept.append(bytearray(100_000))
            time.sleep(0.01)
            done += 1
            yield {"done": done}
    finally:
        print("cleaned up")


def three_steps():
    yield {"left": 2}
    yield
    yield {"left": 0}


def call(size):
    time.sleep(0.01)
    return {"size": size}


def slow():
    while True:
        time.sleep(0.3)
        yield


def fails():
    yield {"done": 1}
    raise ValueError("no")


def forks():
    while True:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(3)
        os.kill(child, signal.SIGTERM)
        yield {"status": os.waitpid(child, 0)[1]}


def stops_itself(forks):
    while True:
        if forks and os.fork() == 0:
            os._exit(0)
        os.kill(os.getpid(), signal.SIGTERM)
        yield


def not_a_mapping():
    return 7


def leaves_garbage(off=False):
    import gc

    gc.disable()  # as if the collector of the oldest generation had no reason to begin
    kept = [[[]] for _ in range(20_000)]
    for each in kept:
        each[0].append(each)
    del kept, each
    if not off:
        gc.set_threshold(2**30)
        gc.enable()
    while True:
        time.sleep(0.01)
        yield
"""


def load_soak() -> Any:
    """Import the module from its file: in the package it is only cargo."""
    spec = spec_from_file_location("memcap_soak", PROBE / "memcap_soak.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


soak = load_soak()


class Soaked:
    """What a soak that has ended left behind."""

    def __init__(self, process: subprocess.CompletedProcess[str], text: str) -> None:
        self.code, self.output, self.errors = process.returncode, process.stdout, process.stderr
        self.events = [json.loads(line)["event"] for line in text.splitlines()]
        self.journal = parse_journal(text)
        self.looks: SoakWork = parse_work(text.splitlines(), started=0.0)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Soaked]:
    """Return ``run(target, duration, *options)``, which soaks a function of WORKLOADS with a step of 50 ms."""
    (tmp_path / "workloads.py").write_text(WORKLOADS, encoding="utf-8")
    journal = tmp_path / "workload.jsonl"

    def run(target: str, duration: float, *options: str, executable: str = sys.executable) -> Soaked:
        command = [executable, "-B", str(PROBE / "runner.py"), "--journal", str(journal), "--path", str(tmp_path)]
        journal.unlink(missing_ok=True)
        command += ["--duration", str(duration), "--soak", "0.05", *options, f"workloads:{target}"]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return Soaked(process, journal.read_text("ascii"))

    return run


@pytest.mark.allow_processes
def test_looks_at_a_generator(run: Callable[..., Soaked], interpreter: str) -> None:
    before = time.monotonic()
    ended = run("leaks", 0.5, executable=interpreter)
    assert (ended.code, ended.output, ended.errors) == (0, "cleaned up\n", "")
    assert "cycle" not in ended.events
    assert ended.journal.end is not None
    work, python = ended.looks.work, ended.looks.python
    assert len(work) == len(python) > 2
    assert (work[0].done, work[0].p50_seconds, work[0].metrics) == (0, None, {})
    assert work[-1].done == ended.journal.end.cycles
    assert [look.done for look in work] == sorted(look.done for look in work)
    assert before < work[0].seconds < python[0].seconds < work[-1].seconds < time.monotonic()
    for look in work[1:-1]:
        assert look.metrics == {"done": look.done}
        assert 0.01 <= look.p50_seconds <= look.p95_seconds <= look.p99_seconds <= look.max_seconds  # type: ignore[operator]
    assert all(look.tracemalloc_bytes is None for look in python)
    assert len(python[0].gc_collections) == 3
    assert python[0].gc_objects
    assert ended.looks.sites is None


@pytest.mark.allow_processes
def test_the_lines_that_allocated_what_lives(run: Callable[..., Soaked], interpreter: str) -> None:
    ended = run("leaks", 0.4, "--soak-frames", "5", executable=interpreter)
    assert ended.code == 0, ended.errors
    assert ended.events.count("top") > 1, "a killed program leaves one of those before"
    assert ended.looks.sites is not None
    largest = ended.looks.sites[0]
    cycles = ended.looks.work[-1].done
    assert Path(largest.file).name == "workloads.py"
    assert largest.source == "kept.append(bytearray(100_000))"
    assert cycles <= largest.count <= 3 * cycles, "the object, its bytes, and the list"
    assert largest.bytes >= cycles * 100_000
    assert ended.looks.python[-1].tracemalloc_bytes >= cycles * 100_000  # type: ignore[operator]
    assert not {Path(site.file).name for site in ended.looks.sites} & {"memcap_soak.py", "memcap_runner.py"}


@pytest.mark.allow_processes
def test_a_function_is_called_again_and_again(run: Callable[..., Soaked], interpreter: str) -> None:
    ended = run("call", 0.3, "--param", "size:int:7", executable=interpreter)
    assert (ended.code, ended.errors) == (0, "")
    assert ended.journal.end is not None
    assert ended.journal.end.metrics == {"size": 7}
    assert ended.looks.work[-1].done == ended.journal.end.cycles
    assert ended.looks.work[1].metrics == {"size": 7}


@pytest.mark.allow_processes
def test_a_generator_that_ends_by_itself_ends_the_soak(run: Callable[..., Soaked]) -> None:
    ended = run("three_steps", 3600)
    assert [(look.done, look.metrics) for look in ended.looks.work] == [(0, {}), (3, {"left": 0})]


@pytest.mark.allow_processes
def test_a_long_cycle_makes_a_later_look(run: Callable[..., Soaked]) -> None:
    ended = run("slow", 0.5)
    assert [look.done for look in ended.looks.work] == [0, 1, 2, 2]
    assert ended.looks.work[-1].max_seconds is None


@pytest.mark.allow_processes
def test_what_is_raised_is_told_after_a_last_look(run: Callable[..., Soaked]) -> None:
    ended = run("fails", 3600, "--soak-frames", "1")
    assert (ended.code, ended.events[-5:]) == (1, ["work", "python", "top", "collected", "raised"])
    assert ended.looks.work[-1].done == 1


@pytest.mark.allow_processes
def test_garbage_that_waits_is_collected_at_the_end_and_what_is_kept_is_not(run: Callable[..., Soaked]) -> None:
    (waiting,) = run("leaves_garbage", 0.2).looks.collected
    (kept,) = run("leaks", 0.2).looks.collected
    (switched_off,) = run("leaves_garbage", 0.2, "--param", "off:bool:true").looks.collected

    assert waiting.objects_before - waiting.objects_after >= 40_000
    assert kept.objects_before - kept.objects_after < 4_000
    assert (waiting.is_enabled, kept.is_enabled, switched_off.is_enabled) == (True, True, False)


@pytest.mark.allow_processes
def test_what_a_function_returns_is_checked(run: Callable[..., Soaked]) -> None:
    ended = run("not_a_mapping", 3600)
    assert ended.journal.raised is not None
    assert "must return or yield a mapping" in ended.journal.raised.message


@pytest.mark.allow_processes
@pytest.mark.parametrize("forks", ["false", "true"])
def test_sigterm_ends_the_soak_after_the_cycle(run: Callable[..., Soaked], forks: str) -> None:
    ended = run("stops_itself", 3600, "--param", f"forks:bool:{forks}")
    assert ended.code == 0
    assert ended.journal.end is not None
    assert ended.journal.end.cycles == 1


@pytest.mark.allow_processes
def test_children_of_the_workload_end_by_sigterm(run: Callable[..., Soaked]) -> None:
    ended = run("forks", 0.2)
    assert ended.looks.work[1].metrics == {"status": signal.SIGTERM}
    assert ended.code == 0


@pytest.mark.allow_processes
def test_garbage_is_collected_before_a_look(run: Callable[..., Soaked]) -> None:
    before, without = (run("three_steps", 1, *words).looks.python for words in (("--soak-collect",), ()))
    assert before[0].gc_collections[2] > without[0].gc_collections[2]


@given(st.lists(st.floats(min_value=0, max_value=1e6), max_size=soak.MOST_TIMES))
def test_percentiles_are_those_of_the_nearest_rank(seconds: list[float]) -> None:
    times = soak.Times()
    for each in seconds:
        times.add(each)
    found = times.summary()
    assert found["max"] == (max(seconds) if seconds else None)
    for percent in (50, 95, 99):
        value = found[f"p{percent}"]
        if not seconds:
            assert value is None
            continue
        assert value in seconds
        assert sum(each <= value for each in seconds) >= len(seconds) * percent / 100
        assert sum(each < value for each in seconds) < len(seconds) * percent / 100 + 1


def test_many_times_are_sampled_evenly() -> None:
    times = soak.Times()
    for number in range(100_000):
        times.add(float(number))
    found = times.summary()
    assert len(times._sample) == soak.MOST_TIMES
    assert found["max"] == 99_999
    assert found["p50"] == pytest.approx(50_000, rel=0.1)
    assert found["p95"] == pytest.approx(95_000, rel=0.03)


def looks_with(written: list[dict[str, Any]], **changes: Any) -> Any:
    options = {"frames": 0, "collects": False, "duration": 60.0, **changes}
    return soak.PythonLooks(lambda event, **fields: written.append({"event": event, **fields}), **options)


def test_objects_are_counted_less_often_where_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(soak.time, "perf_counter", lambda: clock[0])

    def slow_list(generation: None) -> list[object]:
        clock[0] += 0.02
        return [None] * 5

    monkeypatch.setattr(gc, "get_objects", slow_list)
    written: list[dict[str, Any]] = []
    looks = looks_with(written)
    for _ in range(5):
        looks.look()
        clock[0] += 0.7
    assert [each["gc_objects"] for each in written] == [5, None, None, 5, None]
    assert written[0]["took"] == pytest.approx(0.02)


def test_a_look_does_not_break_a_tuple_that_another_thread_makes() -> None:
    """Python raises SystemError where a tuple of unknown length is referred to by anyone else while it is made."""
    many = [[number] for number in range(50_000)]  # so that other threads wait for the count to end
    is_over = threading.Event()

    def look() -> None:
        for _ in range(30):
            assert soak.count_objects() > len(many)
        is_over.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=look)
    try:
        thread.start()
        while not is_over.is_set():
            assert len(tuple(number for number in range(23))) == 23
    finally:
        thread.join()
        sys.setswitchinterval(interval)


def test_a_python_without_a_list_of_objects_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(gc, "get_objects")
    written: list[dict[str, Any]] = []
    looks_with(written).look()
    assert written[0]["gc_objects"] is None


def test_no_sites_are_looked_for_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[dict[str, Any]] = []
    looks = looks_with(written, frames=1)
    try:
        monkeypatch.setattr(soak, "left_under_cap", lambda: 1)
        looks.top()
        assert written == []
        monkeypatch.setattr(soak, "left_under_cap", lambda: 2**40)
        looks.top()
    finally:
        looks._tracemalloc.stop()
    looks.top()
    assert [each["event"] for each in written] == ["top"]


def test_a_program_that_ends_tracemalloc_has_no_figure_of_it() -> None:
    written: list[dict[str, Any]] = []
    looks = looks_with(written, frames=1)
    looks._tracemalloc.stop()
    looks.look()
    assert written[0]["tracemalloc"] is None


@pytest.mark.parametrize(
    ("prefix", "expected"), [("", 1000 - 400 + 30 + 20), ("total_", 1000 - 400 + 7 + 8)], ids=["v2", "v1"]
)
def test_page_cache_is_room_under_the_cap(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str, expected: int
) -> None:
    statistics = "anon 5\nactive_file 30\ninactive_file 20\ntotal_active_file 7\ntotal_inactive_file 8\n"
    for name, text in (("usage", "400\n"), ("cap", "1000\n"), ("stat", statistics)):
        (tmp_path / name).write_text(text)
    places = (str(tmp_path / "usage"), str(tmp_path / "cap"), str(tmp_path / "stat"), prefix.encode())
    monkeypatch.setattr(soak, "CGROUPS", (("/none", "/none", "/none", b""), places))
    assert soak.left_under_cap() == expected


def test_without_a_cap_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cap").write_text("max\n")
    monkeypatch.setattr(soak, "CGROUPS", ((str(tmp_path / "cap"), str(tmp_path / "cap"), "/none", b""),))
    assert soak.left_under_cap() is None


def test_a_site_is_the_innermost_line_that_is_neither_ours_nor_of_an_import() -> None:
    own = soak.HERE + "memcap_runner.py"
    traces = [
        (0, 10, (("/app.py", 3), ("/main.py", 1)), 2),
        (0, 5, (("<frozen importlib._bootstrap>", 9), ("/app.py", 3)), 2),
        (0, 7, (("/tracemalloc.py", 1), (own, 4)), 2),
        (0, 90, (("/lib.py", 8),)),
    ]
    assert soak.largest_sites(traces, "/tracemalloc.py") == [("/lib.py", 8, 90, 1), ("/app.py", 3, 15, 2)]


def test_reading_lines_leaves_no_files_in_memory(tmp_path: Path) -> None:
    import linecache

    path = tmp_path / "read.py"
    path.write_text("one = 1\n    " + "x" * 500 + "\n")
    sites = [(str(path), 1, 5, 1), (str(path), 2, 5, 1), ("<string>", 1, 5, 1)]
    found = soak.sources_of(sites, {})
    assert found == {(str(path), 1): "one = 1", (str(path), 2): "x" * soak.LONGEST_SOURCE, ("<string>", 1): ""}
    assert str(path) not in linecache.cache
    path.unlink()
    assert soak.sources_of(sites[:1], found) == {(str(path), 1): "one = 1"}
