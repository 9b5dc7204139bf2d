"""What the supervisor saw of a soak, from a journal that a kill or a full disk may have cut."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import LOOK_KEYS, soak_line

from memcap.model import MemoryLook
from memcap.probe.process_journal import parse_processes
from memcap.probe.report import parse_last_sample
from memcap.probe.soak_journal import LONGEST_LOOK, SoakJournal, SoakStart, last_look, parse_looks, stream_looks
from memcap.strict import MOST_WHOLE

START = '{"soak": 1, "started_ns": 7000000000, "wall_ns": 1764500000500000000, "step_ns": 500000000}\n'
LOOK = MemoryLook(
    seconds=0.5, unreclaimable_bytes=10, low_bytes=9, usage_bytes=20, huge_bytes=0, rss_bytes=30, vms_bytes=40,
    pss_bytes=25, processes=2, threads=3, open_files=8,
)  # fmt: skip
FIGURES = dict(zip(LOOK_KEYS, (10, 9, 20, 0, 30, 40, 25, 2, 3, 8), strict=True))
LINE = soak_line(500_000_000, **FIGURES)
numbers = st.none() | st.integers(min_value=0, max_value=MOST_WHOLE)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_all_of_it() -> None:
    assert parse_looks(START + LINE) == SoakJournal(started=7.0, started_wall=1764500000.5, looks=(LOOK,))
    assert list(stream_looks([START, LINE])) == [
        SoakStart(started=7.0, started_wall=1764500000.5, step_seconds=0.5),
        LOOK,
    ]
    assert last_look(START + LINE) == LOOK


@given(st.dictionaries(st.sampled_from(LOOK_KEYS), numbers))
def test_what_is_not_known_is_none(figures: dict[str, int | None]) -> None:
    (look,) = parse_looks(soak_line(7, **figures)).looks
    assert look.processes == figures.get("process_count")
    assert look.low_bytes == figures.get("low_bytes")
    assert look.pss_bytes == figures.get("pss_bytes")


def test_a_server_has_its_processes_in_it_and_a_killed_run_its_peaks() -> None:
    line = soak_line(500_000_000, **FIGURES, processes=[[7, 1, 40, "python3"]])
    assert parse_looks(START + line).looks == (LOOK,)
    assert [each.pid for each in parse_processes(START + line)] == [7]
    sample = parse_last_sample(START + line)
    assert sample is not None
    assert (sample.peak_bytes, sample.unreclaimable_peak_bytes) == (50, 40)


@given(st.integers(min_value=0, max_value=len(LINE) - 2))
def test_a_line_that_was_cut_spoils_no_other(end: int) -> None:
    later = soak_line(900_000_000, **FIGURES)
    looks = parse_looks(f"{START}{LINE}{LINE[:end]}\n{later}{later[:end]}").looks
    assert [look.seconds for look in looks] == [0.5, 0.9]


def test_a_journal_that_has_not_begun() -> None:
    assert parse_looks("") == SoakJournal(started=None, started_wall=None, looks=())
    assert last_look("") is None


def test_the_journal_of_another_run_has_no_looks() -> None:
    assert parse_looks('{"elapsed_ns": 5, "peak_bytes": 7, "oom_kills": 0}\n').looks == ()


def test_time_only_goes_on() -> None:
    times = [5, 7, 6, 7, 8]
    assert [look.seconds for look in parse_looks("".join(map(soak_line, times))).looks] == [5e-9, 7e-9, 8e-9]


def test_lines_are_read_as_they_come() -> None:
    def lines() -> Iterator[str]:
        yield START
        for number in itertools.count(1):
            yield soak_line(number)

    found = stream_looks(lines())
    seconds = [each.seconds for each in itertools.islice(found, 1000) if isinstance(each, MemoryLook)]
    assert len(seconds) == 999


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "not JSON",
        "[]",
        "7",
        "null",
        '"soak"',
        '["soak"]',
        '{"soak": 1}',
        '{"soak": 1, "started_ns": -1, "wall_ns": 5, "step_ns": 5}',
        '{"soak": 1, "started_ns": 1, "wall_ns": null, "step_ns": 5}',
        '{"elapsed_ns": 1, "unreclaimable_bytes": 5}',
        '{"elapsed_ns": 1, "elapsed_ns": 2}',
        soak_line(None),
        soak_line(0.5),
        soak_line(-1),
        soak_line(MOST_WHOLE + 1),
        soak_line(5, rss_bytes=-1),
        soak_line(5, rss_bytes="7"),
        soak_line(5, threads=True),
        soak_line(5, low_bytes=10**400),
        soak_line(5, open_files=[]),
        soak_line(5, padding="x" * LONGEST_LOOK),
    ],
)
def test_a_line_that_cannot_be_true_is_left_out_whole(wrong: str) -> None:
    assert parse_looks(f"{START}{wrong}\n{LINE}{wrong}\n") == parse_looks(START + LINE)
    assert last_look(f"{LINE}{wrong}\n") == LOOK


@given(st.dictionaries(st.sampled_from(("soak", "elapsed_ns", "started_ns", "wall_ns", *LOOK_KEYS)), json_values))
def test_any_object_is_read_or_left_out(data: dict[str, Any]) -> None:
    for look in parse_looks(json.dumps(data)).looks:
        assert look.seconds >= 0


@given(st.text())
def test_any_text_is_read_or_left_out(text: str) -> None:
    assert parse_looks(text) == SoakJournal(started=None, started_wall=None, looks=())
