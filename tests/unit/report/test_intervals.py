"""A figure that is an interval is one in every format, and what was not measured is nothing, never 0."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace

import pytest

from factories import MIB, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.model import Ending, Measurement, Metric, OomFacts
from memcap.report.formats import find_format
from memcap.report.view import View, build_view

CELL = "agents.crew-py312-128m"
LOW, HIGH = 4 * MIB, 90 * MIB
# As on cgroup v2 before Linux 5.19, with a supervisor that was ended before it could tell.
UNKNOWN = make_measurement(
    None, ending=Ending.TIMED_OUT, exit_code=None, wall_seconds=None, cpu_seconds=None, oom=OomFacts()
)


def _view(*runs: Measurement) -> View:
    return build_view(make_result(make_cell(CELL, runs)), is_judged=False)


def _unsure() -> View:
    first, *others = make_runs()
    doubtful = [replace(run, unreclaimable_peak_low_bytes=LOW, unreclaimable_peak_high_bytes=HIGH) for run in others]
    need = first.unreclaimable_peak_bytes
    certain = replace(first, unreclaimable_peak_low_bytes=need, unreclaimable_peak_high_bytes=need)
    return _view(certain, *doubtful, make_oom())


def _rendered(name: str, view: View) -> str:
    return find_format(name).render(view)


def _properties(view: View) -> Mapping[str, str]:
    found = ET.fromstring(_rendered("junit", view)).iter("property")
    return {each.attrib["name"]: each.attrib["value"] for each in found}


def test_csv_has_rows_for_both_ends() -> None:
    rows = [each for each in csv.DictReader(io.StringIO(_rendered("csv", _unsure()))) if each["cell"] == CELL]
    ends = [(each["run"], each["value"]) for each in rows if each["metric"] == "unreclaimable_peak_high"]
    assert ends == [("1", str(round(61.5 * MIB))), *((str(run), str(HIGH)) for run in range(2, 6)), ("6", "")]
    assert "unreclaimable_peak_low" not in _rendered("csv", _view(*make_runs()))


def test_junit_has_both_ends() -> None:
    found = _properties(_unsure())
    assert (found[f"{CELL}/unreclaimable_peak_low"], found[f"{CELL}/unreclaimable_peak_high"]) == (str(LOW), str(HIGH))
    assert not [name for name in _properties(_view(*make_runs())) if name.endswith(("_low", "_high"))]
    assert "5 values; the median lies in 4.0–90.0 MiB\n" in _rendered("junit", _unsure())  # noqa: RUF001


def test_bencher_and_benchmark_action_have_both_ends() -> None:
    measures = json.loads(_rendered("bencher", _unsure()))[CELL]
    need = measures["unreclaimable-peak-bytes"]
    assert (need["lower_value"], need["upper_value"]) == (LOW, HIGH)
    assert measures["peak-bytes"]["upper_value"] == int(62.6 * MIB)
    peak, needed, _ = json.loads(_rendered("benchmark-action", _unsure()))
    assert f"between: {LOW} and {HIGH} bytes" in needed["extra"].splitlines()
    assert "between" not in peak["extra"]


def test_json_and_texts_have_both_ends() -> None:
    (cell,) = json.loads(_rendered("json", _unsure()))["cells"]
    assert cell["metrics"]["unreclaimable_peak"]["interval"] == {"low": LOW, "high": HIGH}
    for name in ("terminal", "markdown", "comment", "html"):
        assert "4.0–90.0 MiB" in _rendered(name, _unsure())  # noqa: RUF001


def _between(low: float, high: float, cpuset: str = "") -> Measurement:
    ends = {"unreclaimable_peak_low_bytes": int(low * MIB), "unreclaimable_peak_high_bytes": int(high * MIB)}
    return make_measurement(unreclaimable_peak_bytes=int(low * MIB), cpuset=cpuset, **ends)


def test_ends_of_a_cell_that_accounting_cannot_tell_apart_are_one_figure() -> None:
    view = _view(_between(6.1, 6.1), _between(6.0, 6.8), _between(6.4, 6.4))
    assert view.cells[0].metric(Metric.UNRECLAIMABLE_PEAK).interval is None
    assert "memory: 6.4 MiB (cap" in view.reason


@pytest.mark.parametrize(("cpuset", "is_interval"), [("", False), ("1", True), ("0,1", False)])
def test_the_more_cpus_a_run_may_use_the_less_can_be_told_apart(cpuset: str, is_interval: bool) -> None:
    view = _view(*[_between(6, 6.5, cpuset)] * 3)  # two CPUs charge 512 KiB ahead, and the machine's lag by 160 KiB
    assert (view.cells[0].metric(Metric.UNRECLAIMABLE_PEAK).interval is not None) is is_interval


@pytest.mark.parametrize("name", ["terminal", "markdown", "comment", "html", "github", "junit"])
def test_what_was_not_measured_is_no_0_in_a_text(name: str) -> None:
    text = _rendered(name, _view(UNKNOWN, UNKNOWN)).partition("<script>")[0]
    assert not re.search(r"(?<![\d.])0(\.0)? (B|KiB|MiB|ms|s)\b", text)


def test_what_each_format_has_instead_of_0() -> None:
    view = _view(UNKNOWN, UNKNOWN)
    rows = list(csv.DictReader(io.StringIO(_rendered("csv", view))))
    assert {(each["metric"], each["value"], each["oom_kills"]) for each in rows} == {
        (metric, "", "") for metric in ("peak", "unreclaimable_peak", "rss_peak", "wall", "cpu")
    }
    (case,) = ET.fromstring(_rendered("junit", view)).iter("testcase")
    assert "time" not in case.attrib
    assert not [name for name in _properties(view) if "/" in name]
    assert json.loads(_rendered("bencher", view)) == {CELL: {}}
    assert json.loads(_rendered("benchmark-action", view)) == []
    assert json.loads(_rendered("pytest-benchmark", view))["benchmarks"] == []
    (cell,) = json.loads(_rendered("json", view))["cells"]
    assert (cell["metrics"], cell["until_end"]) == ({}, {})
