"""What the parts of a soak wrote becomes an outcome; a view of days stays as small as one of hours."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest
from soak_notes import make_note

from factories import make_measurement
from memcap.model import SoakKind, SoakNote, SoakRules
from memcap.soaking import SoakLooks, judged

START = 5_000.0  # of the workload, on the machine's monotonic clock
MIB = 1024 * 1024


def note(kind: SoakKind = SoakKind.CALL, **rules: float) -> SoakNote:
    found = replace(make_note(kind), rules=SoakRules(**{"duration_seconds": 600.0, **rules}))  # type: ignore[arg-type]
    return replace(found, spec=replace(found.spec, cap_bytes=512 * MIB))


def memory(count: int, *, step: float = 1.0, leak: int = 0) -> Iterator[str]:
    head = {"soak": 1, "started_ns": int(START * 1e9), "wall_ns": 1_764_500_000 * 10**9, "step_ns": int(step * 1e9)}
    yield json.dumps(head)
    names = ("usage", "huge", "rss", "vms", "pss")
    for number in range(count):
        size = 50 * MIB + number * leak
        line = {"elapsed_ns": int(number * step * 1e9), "unreclaimable_bytes": size + 4096, "low_bytes": size}
        line |= {f"{name}_bytes": size for name in names} | {"process_count": 1, "threads": 2, "open_files": 7}
        yield json.dumps(line)


def work(count: int, *, step: float = 1.0, done: int = 10) -> Iterator[str]:
    for number in range(1, count):
        at = START + number * step
        line = {"event": "work", "at": at, "done": number * done, "p50": 0.1, "p95": 0.1, "p99": 0.1, "max": 0.2}
        yield json.dumps({**line, "metrics": {"kept": number}})
        look = {"event": "python", "at": at, "pid": 7, "gc_objects": 9, "gc_collections": [1, 2, 3], "took": 0.001}
        yield json.dumps({**look, "tracemalloc": [100, 200]})
    site = ["/app/sessions.py", 41, 900, 3, "kept.append(session)"]
    yield json.dumps({"event": "top", "at": START + count, "pid": 7, "sites": [site]})


def test_a_leak_is_judged_by_time_and_by_work() -> None:
    looks = SoakLooks(note())
    looks.read_memory(memory(300, leak=100_000))
    looks.read_work(work(300))
    found = judged(looks.note, looks, None)

    assert found.verdict.leak
    assert found.verdict.per_hour is not None
    assert found.verdict.per_hour.estimate == pytest.approx(3600 * 100_000, rel=0.02)
    assert found.verdict.per_work is not None
    assert found.verdict.per_work.estimate == pytest.approx(10_000, rel=0.02)
    assert found.elapsed_seconds == 299
    assert found.samples[-1].work is not None
    assert found.samples[-1].work.done == 2990
    assert found.samples[-1].python[0].tracemalloc_peak_bytes == 200
    assert found.top is not None
    assert found.top[0].line == 41


def test_the_usual_rule_looks_at_the_samples_that_are_shown() -> None:
    looks = SoakLooks(note(interval_seconds=60.0))
    looks.read_memory(memory(300, leak=100_000))

    assert judged(looks.note, looks, None).verdict.two_ends.samples == 5, "and not at the first one"


def test_what_is_looked_at_to_find_what_grows_is_not_judged() -> None:
    looks = SoakLooks(note(duration_seconds=200.0, explain_seconds=40.0))
    looks.read_memory(memory(240, leak=100_000))
    grown = {
        "event": "grown", "at": START + 230, "since": START + 201, "pid": 7, "types": [], "holders": [],
        "garbage": 0, "frozen": 0,
        "sites": [["/app/sessions.py", 41, 2_800_000, 280, "kept.append(session)"]], "traced": 2_800_000,
        "tracing": 30_000, "took": [0.1, 0.2],
    }  # fmt: skip
    other = {**grown, "pid": 8, "traced": 10}
    looks.read_work([*work(240), *map(json.dumps, (other, grown))])
    found = judged(looks.note, looks, None)

    assert found.series.seconds[-1] == 200
    assert found.samples[-1].memory.seconds == 200
    assert found.elapsed_seconds == 239
    assert [each.pid for each in found.grown] == [7, 8], "the most first"
    assert found.growth is not None
    assert (found.growth.traced_bytes, found.growth.processes) == (2_800_010, 2)
    assert found.grown_work == pytest.approx(290)
    assert found.grown_bytes == 28 * 100_000


def _top(pid: int, second: float, size: int) -> list[str]:
    """Return a look at a process and its list of lines."""
    at = START + second
    look = {"event": "python", "at": at, "pid": pid, "gc_objects": 9, "gc_collections": [1, 2, 3], "took": 0.001}
    top = {"event": "top", "at": at, "pid": pid, "sites": [["/app/worker.py", 41, size, 3, "kept.append(x)"]]}
    return [json.dumps({**look, "tracemalloc": [size, size]}), json.dumps(top)]


def test_what_a_worker_held_that_has_ended_does_not_live_at_the_end() -> None:
    looks = SoakLooks(note(interval_seconds=60.0))
    looks.read_memory(memory(600))
    looks.read_work([line for pid, second in ((8, 90.0), (9, 500.0), (10, 580.0)) for line in _top(pid, second, 1000)])

    found = judged(looks.note, looks, None)
    assert found.top is not None
    assert [site.bytes for site in found.top] == [2000]
    assert found.top_seconds == 500


def test_a_server_that_was_never_loaded_is_not_judged() -> None:
    looks = SoakLooks(note(SoakKind.SERVER))
    looks.read_memory(memory(300))

    assert judged(looks.note, looks, None).verdict.leak is None


def test_after_the_load_of_a_server_nothing_is_judged() -> None:
    looks = SoakLooks(note(SoakKind.SERVER))
    looks.read_memory(memory(300))
    line = {"event": "progress", "failed": 0, "p50": None, "p95": None, "p99": None, "max": None}
    looks.read_events(json.dumps({**line, "at": START + second, "done": 20 * second}) for second in range(10, 200))

    found = judged(looks.note, looks, None)
    assert found.series.seconds[-1] == 199
    assert found.samples[-1].memory.seconds == 299


def test_of_a_soak_that_wrote_nothing_nothing_is_known() -> None:
    looks = SoakLooks(note())
    looks.read_memory([])
    looks.read_work(work(3))
    found = judged(looks.note, looks, None)

    assert (found.samples, found.top, found.verdict.leak, found.elapsed_seconds) == ((), None, None, 0.0)


def test_a_command_that_ends_by_itself_leaks_although_it_gives_its_memory_back_at_the_end() -> None:
    lines = [*memory(120, leak=500_000)]
    for back in range(1, 6):
        look = json.loads(lines[-1])
        low = look["low_bytes"] // 2
        lines.append(json.dumps({**look, "elapsed_ns": int((119 + back) * 1e9), "low_bytes": low}))
    looks = SoakLooks(note(SoakKind.COMMAND))
    looks.read_memory(lines)

    assert judged(looks.note, looks, make_measurement()).verdict.leak


def seen(days: float) -> tuple[int, int]:
    """Return what a view of a soak holds after so many days of a look a minute, and how many looks."""
    rules = note(duration_seconds=7 * 86_400.0)
    count = int(days * 24 * 60)
    tracemalloc.start()
    try:
        looks = SoakLooks(rules, thinned=True)
        looks.read_memory(memory(count, step=60.0, leak=1000))
        looks.read_work(work(count, step=60.0))
        outcome = judged(rules, looks, None)
        return tracemalloc.get_traced_memory()[0], len(outcome.series.values)
    finally:
        tracemalloc.stop()


def test_a_view_of_seven_days_is_no_larger_than_one_of_a_day() -> None:
    seen(0.1)  # imports and caches
    day, week = seen(1), seen(7)
    assert week[0] < 1.2 * day[0]
    assert 256 <= week[1] <= 1024


def test_a_view_says_the_same_as_the_report() -> None:
    verdicts = []
    for thinned in (False, True):
        looks = SoakLooks(note(duration_seconds=86_400.0), thinned=thinned)
        looks.read_memory(memory(4000, step=20.0, leak=2000))
        verdicts.append(judged(looks.note, looks, None).verdict)
    whole, view = (each.per_hour for each in verdicts)
    assert verdicts[0].kind is verdicts[1].kind
    assert whole is not None
    assert view is not None
    assert view.estimate == pytest.approx(whole.estimate, rel=0.02)


@pytest.mark.parametrize(("freed", "leak"), [(50_000, None), (100, True)])
def test_a_rise_is_no_leak_if_most_of_it_was_garbage(freed: int, leak: bool | None) -> None:
    looks = SoakLooks(note())
    looks.read_memory(memory(300, leak=100_000))
    counts = [
        {"event": "python", "at": START + second, "pid": 7, "gc_objects": 9000 + 200 * second,
         "gc_collections": [second, 3, 0], "took": 0.001, "tracemalloc": None}
        for second in range(300)
    ]  # fmt: skip
    end = {"event": "collected", "at": START + 300, "pid": 7, "enabled": True, "gc_objects": [69_000, 69_000 - freed]}
    looks.read_work(map(json.dumps, [*counts, {**end, "freed": 0}]))

    found = judged(looks.note, looks, None)
    assert found.verdict.leak is leak
    assert ("was garbage" in found.verdict.reason) == (leak is None)
    assert found.garbage is not None
    assert found.garbage.freed_objects == freed
