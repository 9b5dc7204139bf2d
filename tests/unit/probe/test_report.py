"""The probe's files as the host reads them: whole, cut off, of another format, and full of somebody else's lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_report
from memcap.model import GcFacts, ProcessPeak
from memcap.probe.report import (
    Cycle,
    Cycled,
    End,
    Failure,
    ReportError,
    WorkloadJournal,
    parse_journal,
    parse_report,
)

START = {"event": "start", "implementation": "cpython", "version": "3.12.7", "flags": {"isolated": 0, "utf8_mode": 1}}
GC = {"collections": [3, 2, 1], "collected": [30, 20, 10], "uncollectable": [0, 0, 0], "seconds": 0.25}
EVENTS = (
    START,
    {"event": "cycle", "seconds": 0.5, "metrics": {"entries": 1}},
    {"event": "cycle", "seconds": 0.25, "metrics": {"entries": 2.5}},
    {"event": "cycled", "first": 0.75, "last": 1.0},
    {"event": "raised", "type": "ValueError", "message": "no\nluck ☕"},
    {"event": "end", "cycles": 2, "metrics": {"entries": 2.5}, "gc": GC},
)
JOURNAL = "".join(json.dumps(event) + "\n" for event in EVENTS)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_a_good_report_is_read_whole() -> None:
    report = parse_report(
        make_report(
            peak_bytes=1234,
            exit_code=3,
            at_peak={"anon": 7, "kernel": None},
            processes=[{"pid": 7, "parent_pid": 1, "name": "python3", "vm_hwm_bytes": 99, "pss_bytes": 33}],
        )
    )
    assert (report.peak_bytes, report.exit_code, report.signal) == (1234, 3, None)
    assert (report.at_peak.anon, report.at_peak.kernel) == (7, None)
    (process,) = report.processes
    assert process.peak == ProcessPeak(pid=7, name="python3", vm_hwm_bytes=99, pss_bytes=33)


def test_what_this_version_does_not_know_is_passed_over() -> None:
    assert parse_report(make_report(of_tomorrow=1)) == parse_report(make_report())


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '"format"', "[" * 100_000])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(ReportError):
        parse_report(text)


@pytest.mark.parametrize("number", [0, 2, None, "3"])
def test_a_report_of_another_format_is_refused(number: object) -> None:
    with pytest.raises(ReportError, match="not of format 3"):
        parse_report(make_report(format=number))


@pytest.mark.parametrize("name", [name for name in json.loads(make_report()) if name not in ("format", "series")])
def test_each_field_must_be_there(name: str) -> None:
    data = json.loads(make_report())
    del data[name]
    with pytest.raises(ReportError, match=f"lacks a field: '{name}'"):
        parse_report(json.dumps(data))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("peak_bytes", "12"),
        ("peak_bytes", 1.5),
        ("peak_bytes", 2**63),
        ("user_us", None),
        ("user_us", True),
        ("timed_out", 0),
        ("at_peak", None),
        ("processes", {}),
        ("processes", [{"pid": 1, "parent_pid": 1, "name": None, "vm_hwm_bytes": 1, "pss_bytes": None}]),
    ],
)
def test_a_field_of_another_type_is_refused(name: str, value: object) -> None:
    data = {**json.loads(make_report()), name: value}
    with pytest.raises(ReportError, match="malformed"):
        parse_report(json.dumps(data))


@given(st.integers(min_value=0, max_value=len(make_report().rstrip()) - 1))
def test_a_report_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ReportError):
        parse_report(make_report()[:length])


def test_a_good_journal_is_read_whole() -> None:
    journal = parse_journal(JOURNAL)
    assert journal.start is not None
    assert (journal.start.implementation, journal.start.version) == ("cpython", "3.12.7")
    assert journal.start.flags == {"isolated": 0, "utf8_mode": 1}
    assert journal.cycles == (
        Cycle(seconds=0.5, metrics={"entries": 1}),
        Cycle(seconds=0.25, metrics={"entries": 2.5}),
    )
    assert journal.cycled == Cycled(first=0.75, last=1.0)
    assert journal.raised == Failure(type="ValueError", message="no\nluck ☕")
    assert journal.load_error is None
    assert journal.end == End(
        cycles=2,
        metrics={"entries": 2.5},
        gc=GcFacts(collections=(3, 2, 1), collected=(30, 20, 10), uncollectable=(0, 0, 0), seconds=0.25),
    )


def test_no_journal_has_no_events() -> None:
    assert parse_journal("") == WorkloadJournal()


def test_lines_of_somebody_else_are_left_out() -> None:
    noise = ("not json", "{}", "[]", "7", '"end"', '{"event": "unknown"}', '{"event": []}', "\x00\ud800", "[" * 100_000)
    lines = [line for pair in zip(JOURNAL.splitlines(), noise, strict=False) for line in pair]
    assert parse_journal("\n".join((*noise, *lines))) == parse_journal(JOURNAL)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "start"},
        {**START, "flags": {"isolated": "0"}},
        {"event": "raised", "type": 1, "message": ""},
        {"event": "cycle", "seconds": "1", "metrics": {}},
        {"event": "cycled", "first": None, "last": 1},
        {"event": "end", "cycles": 1.5, "metrics": {}, "gc": None},
        {"event": "end", "cycles": None, "metrics": {"entries": "many"}, "gc": None},
        {"event": "end", "cycles": None, "metrics": {}, "gc": {**GC, "collected": "abc"}},
    ],
)
def test_an_event_that_the_runner_would_not_write_is_left_out(event: dict[str, Any]) -> None:
    assert parse_journal(json.dumps(event)) == WorkloadJournal()


def test_a_metric_that_is_no_figure_is_told_and_the_others_are_kept() -> None:
    metrics = {"infinite": None, "huge": 1, "flag": True, "x" * 201: 1}
    text = json.dumps({"event": "end", "cycles": None, "metrics": metrics, "gc": None})
    (end,) = (parse_journal(text).end,)
    assert end is not None
    assert end.metrics == {"infinite": None, "huge": 1, "flag": 1}
    for huge in (str(10**300), str(-(10**300)), "NaN", "1e999"):
        huge_end = parse_journal(text.replace('"huge": 1', f'"huge": {huge}')).end
        assert huge_end is not None
        assert huge_end.metrics == {"infinite": None, "huge": None, "flag": 1}


@given(st.integers(min_value=0, max_value=len(JOURNAL)))
def test_a_journal_cut_off_anywhere_tells_what_was_written_whole(length: int) -> None:
    """Its last line is lost unless only its newline is missing; nothing is invented."""
    cut = JOURNAL[:length]
    whole = [line for line in JOURNAL.splitlines() if line in cut.splitlines()]
    journal = parse_journal(cut)
    assert journal == parse_journal("\n".join(whole))
    events = [journal.start, *journal.cycles, journal.cycled, journal.raised, journal.end]
    assert len([event for event in events if event is not None]) == len(whole)


@given(
    st.lists(st.text() | json_values.map(json.dumps), max_size=3).map("\n".join),
    st.sampled_from([parse_report, parse_journal]),
)
def test_arbitrary_text_is_no_reason_to_fail(text: str, parse: Callable[[str], object]) -> None:
    try:
        parse(text)
    except ReportError:
        assert parse is parse_report


@given(st.dictionaries(st.sampled_from(sorted({key for event in EVENTS for key in event})), json_values))
def test_arbitrary_fields_are_no_reason_to_fail(changes: dict[str, Any]) -> None:
    for event in EVENTS:
        parse_journal(json.dumps({**event, **changes}))
        parse_journal(json.dumps({**event, **changes, "event": event["event"]}))
