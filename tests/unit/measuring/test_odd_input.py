"""Reports and journals that nobody sane would write: each is a measurement that can be stored and read again."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import END, LOAD_ERROR, RAISED, SPEC, START, journal_of, measured

from factories import make_raw, make_report
from memcap.measuring import measure
from memcap.measuring.returned import MOST_METRICS
from memcap.model import Ending, Measurement
from memcap.store.codec import SIGNED, plain
from memcap.store.validate import validate
from memcap.strict import wrong_numbers

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted(json.loads(make_report()))
KEYS = ("event", "implementation", "version", "flags", "type", "message", "metrics", "cycles", "gc", "seconds")
reports = st.dictionaries(st.sampled_from(FIELDS), st.integers() | values).map(
    lambda changes: json.dumps({**json.loads(make_report()), **changes})
)
events = st.builds(
    lambda event, changes: json.dumps({**event, **changes}),
    st.sampled_from([START, LOAD_ERROR, RAISED, END]),
    st.dictionaries(st.sampled_from(KEYS), values),
)

odd_numbers: st.SearchStrategy[Any] = st.sampled_from([-1, True, 10**400, 1e300, math.nan, math.inf, "1", None, [], {}])
samples = st.fixed_dictionaries(
    {"elapsed_ns": st.integers() | odd_numbers, "peak_bytes": st.integers() | odd_numbers},
    optional={"unreclaimable_peak_bytes": st.integers() | odd_numbers},
).map(json.dumps)


@given(
    report=st.none() | st.text() | reports,
    journal=st.text() | st.lists(events | st.text(max_size=20), max_size=4).map("\n".join),
    output=st.text(),
    exit_code=st.none() | st.integers(min_value=0, max_value=255),
    flag=st.none() | st.booleans(),
    samples=st.text() | samples,
)
def test_whatever_is_left_is_a_measurement(
    report: str | None,
    journal: str,
    output: str,
    exit_code: int | None,
    flag: bool | None,
    samples: str,
) -> None:
    raw = make_raw(
        workload_journal=journal,
        supervisor_journal=samples,
        error_output=output,
        exit_code=exit_code,
        oom_killed_flag=flag,
    )
    found = measure(replace(raw, report=report), SPEC, cpus=2)
    assert isinstance(found, Measurement)
    text = json.dumps(plain(found))
    assert wrong_numbers(json.loads(text), signed=SIGNED) == [], "a result file with it can be read again"
    assert validate(Measurement, "it", text) == found
    if found.ending.is_oom:
        assert found.oom.kills or flag, "an OOM is proven, never guessed"


@pytest.mark.parametrize(
    "line",
    [
        '{"elapsed_ns": 1, "peak_bytes": true, "unreclaimable_peak_bytes": 1}',
        '{"elapsed_ns": 1, "peak_bytes": -1, "unreclaimable_peak_bytes": 1}',
        '{"elapsed_ns": 1, "peak_bytes": 1.5, "unreclaimable_peak_bytes": 1}',
        f'{{"elapsed_ns": 1, "peak_bytes": {10**400}, "unreclaimable_peak_bytes": 1}}',
        f'{{"elapsed_ns": {"9" * 6000}, "peak_bytes": 1, "unreclaimable_peak_bytes": 1}}',
        '{"elapsed_ns": NaN, "peak_bytes": 1, "unreclaimable_peak_bytes": 1}',
    ],
)
def test_figures_that_no_supervisor_notes_are_left_out(line: str) -> None:
    good = '{"elapsed_ns": 500000000, "peak_bytes": 50, "unreclaimable_peak_bytes": 40}'
    lost = measured(make_raw("", exit_code=1, supervisor_journal=line))
    assert (lost.ending, lost.peak_bytes, lost.caveats) == (Ending.LOST, None, ())
    assert measured(make_raw("", exit_code=1, supervisor_journal=f"{good}\n{line}")).peak_bytes == 50


@pytest.mark.parametrize("field", ["peak_bytes", "user_us", "wall_ns", "samples"])
@pytest.mark.parametrize("value", ["true", "-1", "1.5", str(10**400), "9" * 6000, "NaN", "1e999"])
def test_a_report_that_cannot_be_true_is_infrastructure(field: str, value: str) -> None:
    report = make_report(**{field: 8_765_432_1}).replace("87654321", value)
    found = measured(make_raw(report, exit_code=0))
    assert found.ending is Ending.LOST
    assert found.ending.is_infrastructure
    assert "the supervisor's report" in found.detail
    assert field in found.detail or "digits" in found.detail
    assert len(found.detail) < 300


@pytest.mark.parametrize(
    "report",
    [
        {"unreclaimable_peak_bytes": 5, "at_peak": {"huge": 2**53}},
        {"supervisor_bytes": 2**63 - 1},
        {"series": [[0, 2**53, 1, 1, 1, 1, 1, 1]]},
        {"user_us": 2**63 - 1, "system_us": 2**63 - 1, "cpu_us": None},
    ],
)
def test_a_report_that_contradicts_itself_can_be_stored(report: dict[str, Any]) -> None:
    spec = replace(SPEC, supervisor_unseen_bytes=4096)
    found = measure(make_raw(make_report(**report)), spec, cpus=2)
    assert wrong_numbers(json.loads(json.dumps(plain(found))), signed=SIGNED) == []


def test_words_of_any_length_are_stored_short() -> None:
    event = {"event": "raised", "type": "ValueError", "message": "x" * 3_000_000}
    raw = make_raw(make_report(exit_code=1), workload_journal=journal_of(START, event))
    assert len(measured(raw).detail) < 5000
    assert len(measured(make_raw(daemon_error="x" * 3_000_000)).detail) < 5000


def test_metrics_that_are_not_declared_are_bounded() -> None:
    metrics = {f"m{number}": number for number in range(2 * MOST_METRICS)}
    raw = make_raw(workload_journal=journal_of(START, {**END, "metrics": metrics}))
    declared = replace(SPEC, metrics=("m1999",))
    assert len(measured(raw).extra) == MOST_METRICS
    found = measure(raw, declared, cpus=2)
    assert (len(found.extra), found.extra["m1999"]) == (MOST_METRICS + 1, 1999)
