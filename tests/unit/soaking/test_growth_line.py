"""The line of a verdict's growth, and since when memory is level."""

from __future__ import annotations

import pytest
from soaks import make_soak, recorded, stretched

from memcap.leaks import LeakClass, Series, judge_series
from memcap.model import PythonLook, SoakSample
from memcap.soaking import growth_line, growth_rate, level_since, looks_by_process, warm_up_end

MB = 1_000_000
LEAK = Series(seconds=list(range(400)), values=[100 * MB + 10_000 * each for each in range(400)])


def test_the_line_of_a_leak_runs_through_its_envelope() -> None:
    line = growth_line(LEAK, judge_series(LEAK))

    assert line is not None
    assert line.first == pytest.approx(100 * MB + 10_000 * line.start, abs=20_000)
    assert line.last - line.first == pytest.approx(10_000 * (line.end - line.start), rel=0.01)
    assert all(end >= 0 for end in line.spread)


def test_it_begins_after_the_warm_up() -> None:
    series = recorded("leak_and_cycles")
    verdict = judge_series(series)
    line, end = growth_line(series, verdict), warm_up_end(series, verdict)

    assert line is not None
    assert end is not None
    assert line.start >= end > series.seconds[0]


@pytest.mark.parametrize("name", ["bounded_deque", "lru_cache", "jobs_kept"])
def test_what_rose_once_is_no_line_and_is_level_since(name: str) -> None:
    series = recorded(name)
    verdict = judge_series(series)
    since = level_since(verdict)

    assert growth_line(series, verdict) is None
    assert growth_rate(verdict) is None
    assert since is not None
    later = [point.bytes for point in verdict.envelope if point.seconds >= since]
    rise = verdict.envelope[-1].bytes - verdict.envelope[0].bytes
    assert min(later) >= verdict.envelope[-1].bytes - 0.1 * rise
    assert series.seconds[0] < since < series.seconds[-1]


@pytest.mark.parametrize("name", ["idle", "jobs", "leak_bytes"])
def test_others_are_never_level(name: str) -> None:
    assert level_since(judge_series(recorded(name))) is None


def test_too_few_samples_have_no_line_and_no_warm_up() -> None:
    few = Series(seconds=[0, 1], values=[MB, MB])
    verdict = judge_series(few)

    assert verdict.kind is LeakClass.NOT_ENOUGH_DATA
    assert growth_line(few, verdict) is None
    assert warm_up_end(few, verdict) is None


def test_the_looks_of_each_process_are_in_order() -> None:
    memory = make_soak(stretched(recorded("idle"), 1)).samples[0].memory
    looks = [tuple(PythonLook(seconds=at, pid=pid, gc_objects=at) for pid in (7, 9)) for at in (1, 2)]
    found = looks_by_process([SoakSample(memory=memory, python=each) for each in looks])

    assert {pid: [look.gc_objects for look in each] for pid, each in found.items()} == {7: [1, 2], 9: [1, 2]}
