"""Charts: what is put into the specifications, and that each of them draws."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from views import view_of_every_verdict, view_of_many

from factories import MIB, make_cell, make_measurement, make_oom, make_result
from memcap.errors import UsageError
from memcap.model import Metric, MetricVerdict, Moment, VerdictState
from memcap.report import charts
from memcap.report.charts import Chart, distribution, filled, memory, pictured, summary, write_charts
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


def drawn(chart: Chart | None) -> str:
    """Return the chart as SVG; Vega complains by an exception, or draws nothing."""
    import vl_convert

    assert chart is not None
    svg = vl_convert.vegalite_to_svg(filled(chart))
    assert isinstance(svg, str)
    return svg


def test_a_distribution_has_base_and_measured_values_and_the_band_between() -> None:
    base = tuple(MIB * value for value in (60.0, 61.0, 62.0))
    view = metric_view(MIB * 70.0, MIB * 71.0, base_values=base, base=61.0 * MIB, margin=1.0 * MIB)
    chart = distribution(view)
    assert chart is not None
    assert chart.params == {"heading": "peak (MiB)", "scale": MIB}
    assert chart.data["samples"] == [
        {"side": "baseline", "value": list(base)},
        {"side": "measured", "value": [70 * MIB, 71 * MIB]},
    ]
    assert chart.data["margin"] == [{"low": 60 * MIB, "high": 62 * MIB}]
    svg = drawn(chart)
    assert svg.count('aria-roledescription="point"') == 5
    assert "peak (MiB)" in svg
    assert "@" not in svg.replace("@font-face", "")


def test_without_a_baseline_there_is_one_side() -> None:
    chart = distribution(metric_view(0.25, 0.5, metric=Metric.WALL))
    assert chart is not None
    assert chart.params == {"heading": "wall (ms)", "scale": 0.001}
    assert [row["side"] for row in chart.data["samples"]] == ["measured"]
    assert drawn(chart)


def test_without_values_there_is_no_distribution() -> None:
    assert distribution(metric_view()) is None


def test_memory_over_time_has_the_cap_in_it() -> None:
    chart = memory(cell_view(make_oom(series=make_moments(10, 100, 128), cap_bytes=128 * MIB)))
    assert chart is not None
    assert chart.data["lines"] == [{"bytes": 128 * MIB, "label": "cap 128.0 MiB", "reached": True}]
    assert float(chart.params["top"]) > 128 * MIB
    svg = drawn(chart)
    assert "cap 128.0 MiB" in svg
    assert all(f">{part}<" in svg for part in ("anon", "shmem", "kernel", "file"))


def test_the_exit_is_not_drawn_as_memory_that_was_given_back() -> None:
    chart = memory(cell_view(make_measurement(61, series=make_moments(10, 60, 61, 61, 0.5))))
    assert chart is not None
    (columns,) = chart.data["moments"]
    assert columns["usage"] == [each * MIB for each in (10, 60, 61, 61)]
    assert "Memory over 0.0 seconds: at most 61.0 MiB of the cap of 128.0 MiB; at the end 61.0 MiB" in chart.words


def test_the_end_of_the_cycles_is_marked() -> None:
    run = make_measurement(61, series=make_moments(10, 60, 61, 4, 4, 4), cycle_tenths=tenths((0.0, 0.025)))
    chart = memory(cell_view(run))
    assert chart is not None
    assert chart.data["ends"] == [{"seconds": 0.025, "label": "end of the cycles"}]
    assert "end of the cycles" in drawn(chart)
    assert "end of the cycles" not in drawn(memory(cell_view(make_measurement(61, series=make_moments(10, 61)))))


def test_states_tell_where_the_program_ran() -> None:
    moments = make_moments(5, 60, 61, 20, 9)
    moments = tuple(replace(moment, running=place in (1, 2, 3)) for place, moment in enumerate(moments))
    chart = memory(cell_view(make_measurement(61, series=moments)))
    assert chart is not None
    (columns,) = chart.data["moments"]
    assert columns["usage"] == [each * MIB for each in (60, 61, 20)]


def test_a_cap_far_above_does_not_flatten_the_curve() -> None:
    run = make_measurement(10, series=make_moments(5, 10), cap_bytes=128 * MIB)
    chart = memory(cell_view(run))
    assert chart is not None
    assert chart.data["lines"][0]["label"] == "↑ cap 128.0 MiB, 13 times the peak"
    assert float(chart.params["top"]) < 20 * MIB


def test_the_run_that_did_not_end_as_expected_is_pictured() -> None:
    fine, killed = make_measurement(series=make_moments(1, 2)), make_oom(series=make_moments(1, 2))
    assert pictured(cell_view(fine, killed)) == killed
    assert pictured(cell_view(fine, fine)) == fine
    assert pictured(cell_view(make_measurement())) is None
    assert memory(cell_view(make_measurement(series=make_moments(1)))) is None


def test_a_long_series_keeps_its_peak() -> None:
    usages = [10.0] * 999
    usages[500] = 90.0
    chart = memory(cell_view(make_measurement(90, series=make_moments(*usages))))
    assert chart is not None
    (columns,) = chart.data["moments"]
    assert len(columns["usage"]) <= charts.MOST_MOMENTS
    assert max(columns["usage"]) == 90 * MIB


def test_the_summary_shows_what_changed_worst_first() -> None:
    chart = summary(view_of_every_verdict())
    assert chart is not None
    assert [row["verdict"] for row in chart.data["shifts"]] == ["regressed", "undecided"]
    (row, _) = chart.data["shifts"]
    assert row["estimate"] == pytest.approx(12.16)
    assert row["within_high"] == pytest.approx(2.0)
    svg = drawn(chart)
    assert "agents.regressed-py312-128m · peak" in svg


def test_where_nothing_was_compared_there_is_no_summary() -> None:
    assert summary(view_of_many(2, VerdictState.NEW)) is None


@pytest.mark.parametrize("theme", sorted(charts.THEMES))
def test_themes_have_every_colour(theme: str) -> None:
    for name in charts.SPECS:
        charts.coloured(charts.specification(name), {**charts.THEMES[theme], "font": "serif"})
    assert set(charts.THEMES[theme]) == set(charts.THEMES["light"])


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
