"""Charts: what is in them, and that each can be drawn."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import view_of_every_verdict, view_of_many

from factories import MIB, make_cell, make_measurement, make_oom, make_result
from memcap.errors import UsageError
from memcap.model import Metric, MetricVerdict, Moment, VerdictState
from memcap.report import charts
from memcap.report.charts import distribution, distribution_of_extra, memory, pictured, summary, write_charts
from memcap.report.document import Chart
from memcap.report.drawing import Intervals, Stack, Strips
from memcap.report.svg import THEMES, inline, standalone
from memcap.report.view import CellView, MetricView, build_view
from memcap.stats import tenths


def make_moments(*usages: float) -> tuple[Moment, ...]:
    return tuple(
        Moment(seconds=0.01 * number, usage=int(usage * MIB), anon=int(usage * MIB), file=0, shmem=0, kernel=0, low=0)
        for number, usage in enumerate(usages)
    )


def cell_view(*runs: Any) -> CellView:
    return build_view(make_result(make_cell(runs=runs)), is_judged=False).cells[0]


def metric_view(*values: float, metric: Metric = Metric.PEAK, **changes: Any) -> MetricView:
    verdict = MetricVerdict(metric=metric, state=VerdictState.REGRESSED, base=None, new=None)
    return MetricView(metric=metric, values=values, summary=None, verdict=replace(verdict, **changes), change=None)


def strips(chart: Chart | None) -> Strips:
    assert chart is not None
    assert isinstance(chart.drawing, Strips)
    return chart.drawing


def stack(chart: Chart | None) -> Stack:
    assert chart is not None
    assert isinstance(chart.drawing, Stack)
    return chart.drawing


def test_a_distribution_has_base_and_measured_values_and_the_band_between() -> None:
    base = tuple(MIB * value for value in (60.0, 61.0, 62.0))
    view = metric_view(MIB * 70.0, MIB * 71.0, base_values=base, base=61.0 * MIB, margin=1.0 * MIB)
    drawing = strips(distribution(view))
    assert drawing.heading == "peak (MiB)"
    assert drawing.sides == (("baseline", (60, 61, 62)), ("measured", (70, 71)))
    assert drawing.band == (60, 62)
    svg = standalone(drawing)
    assert svg.count("h0") == 5
    assert "peak (MiB)" in svg


def test_without_a_baseline_there_is_one_side_and_without_a_verdict_no_chart() -> None:
    view = metric_view(0.25, 0.5, metric=Metric.WALL)
    assert strips(distribution(view)).heading == "wall (ms)"
    assert strips(distribution(view)).sides == (("measured", (250, 500)),)
    assert distribution(replace(view, verdict=None)) is None
    assert distribution(metric_view()) is None


def test_values_of_a_workload_that_are_all_the_same_are_no_chart() -> None:
    assert strips(distribution_of_extra("gc", "ms", (1.0, 2.0))).heading == "gc (ms)"
    assert distribution_of_extra("gc", "ms", (1.0, 1.0)) is None


def test_memory_over_time_has_the_cap_in_it() -> None:
    drawing = stack(memory(cell_view(make_oom(series=make_moments(10, 100, 128), cap_bytes=128 * MIB))))
    assert (drawing.line, drawing.is_reached) == ((128, "cap 128.0 MiB"), True)
    assert drawing.top > 128
    svg = standalone(drawing)
    assert "cap 128.0 MiB" in svg
    assert ">anon<" in svg


def test_the_exit_is_not_drawn_as_memory_that_was_given_back() -> None:
    chart = memory(cell_view(make_measurement(61, series=make_moments(10, 60, 61, 61, 0.5))))
    assert chart is not None
    assert stack(chart).whole == (10, 60, 61, 61)
    assert "Memory over 0.0 seconds: at most 61.0 MiB of the cap of 128.0 MiB; at the end 61.0 MiB" in chart.words


def test_the_end_of_the_cycles_is_marked() -> None:
    run = make_measurement(61, series=make_moments(10, 60, 61, 4, 4, 4), cycle_tenths=tenths((0.0, 0.025)))
    drawing = stack(memory(cell_view(run)))
    assert drawing.ends == (0.025, "end of the cycles")
    assert "end of the cycles" in standalone(drawing)
    assert stack(memory(cell_view(make_measurement(61, series=make_moments(10, 61))))).ends is None


def test_states_tell_where_the_program_ran() -> None:
    moments = make_moments(5, 60, 61, 20, 9)
    moments = tuple(replace(moment, running=place in (1, 2, 3)) for place, moment in enumerate(moments))
    assert stack(memory(cell_view(make_measurement(61, series=moments)))).whole == (60, 61, 20)


def test_a_cap_far_above_does_not_flatten_the_curve() -> None:
    run = make_measurement(10, series=make_moments(5, 10), cap_bytes=128 * MIB)
    drawing = stack(memory(cell_view(run)))
    assert drawing.line[1] == "↑ cap 128.0 MiB, 13 times the peak"
    assert drawing.top < 20


def test_the_run_that_did_not_end_as_expected_is_pictured() -> None:
    fine, killed = make_measurement(series=make_moments(1, 2)), make_oom(series=make_moments(1, 2))
    assert pictured(cell_view(fine, killed)) == killed
    assert pictured(cell_view(fine, fine)) == fine
    assert pictured(cell_view(make_measurement())) is None
    assert memory(cell_view(make_measurement(series=make_moments(1)))) is None


def test_a_long_series_keeps_its_peak() -> None:
    usages = [10.0] * 999
    usages[500] = 90.0
    drawing = stack(memory(cell_view(make_measurement(90, series=make_moments(*usages)))))
    assert len(drawing.whole) <= charts.MOST_MOMENTS
    assert max(drawing.whole) == 90


def test_the_summary_shows_what_changed_worst_first() -> None:
    chart = summary(view_of_every_verdict())
    assert chart is not None
    assert isinstance(chart.drawing, Intervals)
    assert [row.state for row in chart.drawing.rows] == ["regressed", "undecided"]
    (row, _) = chart.drawing.rows
    assert row.estimate == pytest.approx(12.16)
    assert row.within == pytest.approx(2.0)
    assert "agents.regressed-py312-128m · peak" in standalone(chart.drawing)


def test_where_nothing_was_compared_there_is_no_summary() -> None:
    assert summary(view_of_many(2, VerdictState.NEW)) is None


def test_themes_have_the_same_colours_and_a_file_has_no_variable() -> None:
    assert set(THEMES["light"]) == set(THEMES["dark"])
    assert "var(" not in standalone(Strips(heading="x", sides=(("measured", (1.0,)),)))


def test_inline_and_as_a_file_a_chart_has_the_same_texts() -> None:
    drawing = stack(memory(cell_view(make_oom(series=make_moments(10, 100, 128), cap_bytes=128 * MIB))))
    texts = [re.findall(r"<text[^>]*>([^<]*)", svg) for svg in (inline(drawing), standalone(drawing))]
    assert texts[0] == texts[1]
    ET.fromstring(standalone(drawing))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e12)), min_size=2, max_size=60))
def test_any_curve_can_be_drawn(points: list[tuple[float, float]]) -> None:
    points = sorted(points)
    series = tuple(value for _, value in points)
    drawing = Stack(heading="x", seconds=tuple(at for at, _ in points), parts=(("anon", series), ("file", series)),
                    whole=series, top=max(series) or 1, line=(max(series), "cap"), is_reached=True)  # fmt: skip
    ET.fromstring(standalone(drawing))
    assert "nan" not in inline(drawing)


def test_charts_are_written_of_cells_that_are_not_fine(tmp_path: Path) -> None:
    folder = tmp_path / "charts"
    written = write_charts(view_of_every_verdict(), folder, most_cells=1)
    assert sorted(path.name for path in written) == [
        "01-agents.regressed-py312-128m.peak.png",
        "01-agents.regressed-py312-128m.peak.svg",
        "01-agents.regressed-py312-128m.rss_peak.png",
        "01-agents.regressed-py312-128m.rss_peak.svg",
        "summary.png",
        "summary.svg",
    ]
    assert sorted(folder.iterdir()) == sorted(written)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written if path.suffix == ".png")
    assert all(path.read_text(encoding="utf-8").startswith("<svg") for path in written if path.suffix == ".svg")


def test_without_the_extra_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UsageError, match="charts need packages") as raised:
        write_charts(view_of_every_verdict(), tmp_path)
    assert "memcap[report]" in raised.value.remedy
