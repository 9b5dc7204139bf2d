"""What a soaked workload said of itself, from a journal that a kill cut off, or in which somebody else wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.model import AllocationSite, FinalCollection, Grown, GrownType, Holder, PythonLook, WorkLook
from memcap.probe.soak_work import SoakWork, TopLook, parse_work, read_looks
from memcap.strict import MOST_WHOLE

STARTED = 100.0
WORK = {
    "event": "work", "at": 101.5, "done": 9, "p50": 0.1, "p95": 0.2, "p99": 0.3, "max": 0.4,
    "metrics": {"lag": 2, "odd": None},
}  # fmt: skip
PYTHON = {
    "event": "python", "at": 102.5, "pid": 7, "gc_objects": 5, "gc_collections": [3, 2, 1], "tracemalloc": [10, 20],
    "took": 0.01,
}  # fmt: skip
TOP = {"event": "top", "at": 103.5, "pid": 7, "sites": [["/app.py", 3, 900, 2, "x = []"], ["/b.py", 1, 5, 1, ""]]}
GROWN = {
    "event": "grown", "at": 105.5, "since": 104.5, "pid": 7, "sites": [["/app.py", 3, 900, 2, "x = []"]],
    "types": [["app.Page", 5, 9]], "holders": [["builtins.list", 4, 700, True, ["module app.PAGES", "list"]]],
    "garbage": 3, "frozen": 2, "traced": 950, "tracing": 80, "took": [0.25, 0.5],
}  # fmt: skip
COLLECTED = {"event": "collected", "at": 106.5, "pid": 7, "enabled": True, "gc_objects": [900, 40], "freed": 4096}
WHOLE = [WORK, PYTHON, TOP, GROWN, COLLECTED]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def parse(*events: Any) -> SoakWork:
    return parse_work((json.dumps(event) for event in events), started=STARTED)


def test_each_line_is_a_look() -> None:
    found = parse({"event": "start"}, *WHOLE)
    assert found.work == (
        WorkLook(
            seconds=1.5, done=9, p50_seconds=0.1, p95_seconds=0.2, p99_seconds=0.3, max_seconds=0.4,
            metrics={"lag": 2, "odd": None},
        ),
    )  # fmt: skip
    assert found.python == (
        PythonLook(
            seconds=2.5, pid=7, gc_objects=5, gc_collections=(3, 2, 1), tracemalloc_bytes=10, tracemalloc_peak_bytes=20,
            took_seconds=0.01,
        ),
    )  # fmt: skip
    assert found.sites == (
        AllocationSite(file="/app.py", line=3, bytes=900, count=2, source="x = []"),
        AllocationSite(file="/b.py", line=1, bytes=5, count=1, source=""),
    )


def test_what_grew_is_told_or_why_not() -> None:
    found, other = parse(GROWN, {"event": "grown", "at": 105.5, "since": 104.5, "pid": 8, "why_not": "no room"}).grown
    assert found == Grown(
        seconds=5.5, since_seconds=4.5, pid=7,
        sites=(AllocationSite(file="/app.py", line=3, bytes=900, count=2, source="x = []"),),
        types=(GrownType(name="app.Page", before=5, now=9),),
        holders=(Holder(kind="builtins.list", more=4, bytes=700, rooted=True, steps=("module app.PAGES", "list")),),
        garbage=3, frozen=2, traced_bytes=950, tracing_bytes=80, took_seconds=0.75,
    )  # fmt: skip
    assert other == Grown(seconds=5.5, since_seconds=4.5, pid=8, why_not="no room")


def test_the_last_collection_says_what_it_freed() -> None:
    whole = FinalCollection(seconds=6.5, pid=7, is_enabled=True, objects_before=900, objects_after=40, freed_bytes=4096)
    assert parse(COLLECTED, {**COLLECTED, "freed": None}).collected == (whole, replace(whole, freed_bytes=None))


def test_what_was_not_measured_is_none() -> None:
    found = parse(
        {**WORK, "p50": None, "p95": None, "p99": None, "max": None},
        {**PYTHON, "gc_objects": None, "gc_collections": [], "tracemalloc": None, "took": None},
    )
    assert found.work[0].p50_seconds is None
    assert found.python == (PythonLook(seconds=2.5, pid=7),)
    assert found.sites is None


def test_the_last_top_of_each_process_counts() -> None:
    found = parse(
        {**TOP, "sites": [["/old.py", 1, 10**6, 1, ""]]},
        TOP,
        {**TOP, "pid": 8, "sites": [["/b.py", 1, 2000, 3, "y"]]},
    )
    assert found.sites == (
        AllocationSite(file="/b.py", line=1, bytes=2005, count=4, source="y"),
        AllocationSite(file="/app.py", line=3, bytes=900, count=2, source="x = []"),
    )


def test_a_process_without_sites_is_not_one_that_said_nothing() -> None:
    assert parse({**TOP, "sites": []}).sites == ()


def test_a_look_before_the_start_is_one_at_the_start() -> None:
    assert parse({**WORK, "at": 99.0}).work[0].seconds == 0.0


def test_looks_come_as_lines_do() -> None:
    taken: list[str] = []

    def lines() -> Any:
        for event in WHOLE:
            taken.append(event["event"])  # type: ignore[arg-type]
            yield json.dumps(event)

    looks = read_looks(lines(), started=STARTED)
    next(looks)
    assert taken == ["work"]


@pytest.mark.parametrize("event", WHOLE, ids=["work", "python", "top", "grown", "collected"])
@given(data=st.data())
def test_a_line_that_was_cut_off_is_left_out(event: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(event)
    end = data.draw(st.integers(min_value=0, max_value=len(text) - 1))
    assert parse_work([text[:end]], started=STARTED) == SoakWork()


@pytest.mark.parametrize("event", WHOLE, ids=["work", "python", "top", "grown", "collected"])
@given(data=st.data())
def test_a_line_that_lacks_a_field_is_left_out(event: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(event)))
    assert parse({name: value for name, value in event.items() if name != key}) == SoakWork()


@pytest.mark.parametrize("event", WHOLE, ids=["work", "python", "top", "grown", "collected"])
@given(data=st.data())
def test_fields_of_somebody_else_raise_nothing(event: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(event)))
    found = parse({**event, key: data.draw(json_values)})
    looks: list[WorkLook | PythonLook | TopLook] = [*found.work, *found.python, *found.tops.values()]
    for seconds in [look.seconds for look in looks]:
        assert 0 <= seconds < float("inf")
    assert found.sites is None or all(site.bytes >= 0 for site in found.sites)


@given(st.lists(st.text(max_size=20) | json_values.map(json.dumps), max_size=5))
def test_lines_of_somebody_else_are_left_out(lines: list[str]) -> None:
    found = parse_work([*lines, json.dumps(WORK), *lines], started=STARTED)
    assert [look.done for look in found.work] == [9]


@pytest.mark.parametrize(
    "wrong",
    [
        {**WORK, "done": -1},
        {**WORK, "done": MOST_WHOLE + 1},
        {**WORK, "done": True},
        {**WORK, "p50": -0.1},
        {**WORK, "at": float("nan")},
        {**WORK, "metrics": []},
        {**PYTHON, "tracemalloc": [1]},
        {**PYTHON, "gc_collections": [1.5]},
        {**PYTHON, "pid": "7"},
        {**TOP, "sites": [["/app.py", 3, 900, 2]]},
        {**TOP, "sites": [[3, "/app.py", 900, 2, ""]]},
        {**TOP, "sites": {"a": 1}},
        {**COLLECTED, "gc_objects": [900]},
        {**COLLECTED, "gc_objects": [900, None]},
        {**COLLECTED, "enabled": 1},
        {**COLLECTED, "freed": -1},
    ],
)
def test_what_cannot_be_true_is_left_out(wrong: dict[str, Any]) -> None:
    assert parse(wrong) == SoakWork()
