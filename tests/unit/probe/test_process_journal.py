"""Which processes a server had, from a journal that a kill may have cut off, or in which somebody else wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.model import ProcessMoment
from memcap.probe.fields import MOST_ITEMS, MOST_KIBIBYTES
from memcap.probe.process_journal import parse_processes
from memcap.strict import MOST_WHOLE

numbers = st.integers(min_value=0, max_value=MOST_KIBIBYTES)
names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=15)  # as csrc/text.h writes them
rows = st.tuples(numbers, numbers, numbers, names).map(list)
moments = st.tuples(numbers, st.lists(rows, max_size=3))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def line(nanoseconds: Any = 500_000_000, processes: Any = ((7, 1, 40, "python3"),)) -> str:
    return json.dumps({"elapsed_ns": nanoseconds, "peak_bytes": 5, "oom_kills": 0, "processes": processes})


@given(st.lists(moments, max_size=5))
def test_each_process_at_each_time(written: list[tuple[int, list[list[Any]]]]) -> None:
    expected = tuple(
        ProcessMoment(seconds=nanoseconds / 1e9, pid=pid, parent=parent, name=name, rss_bytes=kibibytes * 1024)
        for nanoseconds, table in written
        for pid, parent, kibibytes, name in table
    )
    assert parse_processes("".join(f"{line(*each)}\n" for each in written)) == expected


@given(st.integers(min_value=0, max_value=len(line()) - 1))
def test_a_line_that_was_cut_off_is_left_out(end: int) -> None:
    assert len(parse_processes(f"{line()}\n{line()[:end]}")) == 1


def test_a_run_that_is_no_servers_has_none() -> None:
    assert parse_processes("") == ()
    assert parse_processes('{"elapsed_ns": 5, "peak_bytes": 7}\n') == ()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "not JSON",
        "[]",
        "7",
        "null",
        '{"processes": [[7, 1, 40, "python3"]]}',
        line(-1),
        line(0.5),
        line(None),
        line(MOST_WHOLE + 1),
        line(processes=None),
        line(processes={}),
        line(processes=[7]),
        line(processes=[[7, 1, 40]]),
        line(processes=[[7, 1, 40, "python3", 5]]),
        line(processes=[[7, 1, 40, 5]]),
        line(processes=[[7, 1, "40", "python3"]]),
        line(processes=[[True, 1, 40, "python3"]]),
        line(processes=[[-7, 1, 40, "python3"]]),
        line(processes=[[7, 1, MOST_KIBIBYTES + 1, "python3"]]),
        line(processes=[[7, 1, 10**400, "python3"]]),
        line(processes=[[7, 1, 40, "python3"]] * (MOST_ITEMS + 1)),
        '{"elapsed_ns": 1, "elapsed_ns": 2, "processes": [[7, 1, 40, "python3"]]}',
    ],
)
def test_a_line_that_cannot_be_true_is_left_out_whole(wrong: str) -> None:
    assert parse_processes(f"{wrong}\n{line()}\n{wrong}\n") == parse_processes(line())


def test_a_line_with_one_wrong_process_is_left_out_whole() -> None:
    assert parse_processes(line(processes=[[7, 1, 40, "python3"], [8, 7, -1, "python3"]])) == ()


def test_a_name_is_bounded() -> None:
    (process,) = parse_processes(line(processes=[[7, 1, 40, "n" * 10**6]]))
    assert len(process.name) < 10_000


@given(json_values, json_values)
def test_anything_is_read_or_left_out(nanoseconds: Any, processes: Any) -> None:
    for each in parse_processes(line(nanoseconds, processes)):
        assert 0 <= each.rss_bytes <= MOST_KIBIBYTES * 1024


@given(st.text())
def test_any_text_is_read_or_left_out(text: str) -> None:
    assert parse_processes(text) == ()
