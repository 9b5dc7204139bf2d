"""What the self-test prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from memcap.model import Metric
from memcap.report.selftest import render_selftest_json, selftest_document
from memcap.report.to_terminal import to_terminal
from memcap.selftest import MetricQuality, SelfTest

MIB = 1024 * 1024
NEED = MetricQuality(
    metric=Metric.UNRECLAIMABLE_PEAK,
    median=64 * MIB,
    margin=0.16 * MIB,
    false_alarm_rate=0.002,
    undecided_rate=0.0135,
    power={0.005: 0.981, 0.01: 1.0, 0.03: 1.0},
    detectable=0.0042,
)
FOUND = SelfTest(
    cell_ids=("selftest.held_64m-py312-512m",),
    sample_size=10,
    suite_size=20,
    resamplings=1000,
    false_alarm_rate=0.002,
    metrics=(NEED,),
)


def render_selftest(found: SelfTest, *, false_alarms: float) -> str:
    return to_terminal(selftest_document(found, false_alarms=false_alarms))


def test_the_text(golden: Callable[[str, str], None]) -> None:
    golden("report/selftest-80.txt", render_selftest(FOUND, false_alarms=0.01))


def test_more_false_alarms_than_promised_are_told_as_such() -> None:
    text = render_selftest(replace(FOUND, false_alarm_rate=0.02), false_alarms=0.01)

    assert "20 of 1000 suites had one, MORE than promised" in " ".join(text.split())


def test_a_tolerance_that_hides_small_rises_is_named() -> None:
    wide = replace(NEED, margin=MIB, power={0.005: 0.0, 0.01: 0.5, 0.03: 1.0})
    text = " ".join(render_selftest(replace(FOUND, metrics=(wide,)), false_alarms=0.01).split())

    assert "+0.5% is within the tolerance of unreclaimable_peak" in text
    assert "within the tolerance" not in render_selftest(FOUND, false_alarms=0.01)


def test_what_was_not_found_out_is_a_dash() -> None:
    unknown = replace(NEED, power={}, detectable=None)
    text = render_selftest(replace(FOUND, metrics=(unknown,), cell_ids=("a", "b")), false_alarms=0.01)

    assert text.startswith("Same code twice: a and 1 more cell")
    assert [line.split()[-1] for line in text.splitlines() if "found" in line and "suites" not in line] == ["-"] * 4


def test_the_json() -> None:
    document = json.loads(render_selftest_json(FOUND, false_alarms=0.01))

    assert document["schema"] == 1
    assert (document["resamplings"], document["false_alarm_rate"]) == (1000, 0.002)
    assert document["metrics"]["unreclaimable_peak"] == {
        "median": 64 * MIB,
        "tolerance": 0.16 * MIB,
        "false_alarm_rate": 0.002,
        "undecided_rate": 0.0135,
        "power": {"0.5%": 0.981, "1%": 1.0, "3%": 1.0},
        "minimum_detectable": 0.0042,
    }
