"""The chart of a soak: no peak is lost, however long it was, and the limits are drawn where they are near."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soaks import make_calls, make_soak, recorded, stretched

from factories import MIB
from memcap.leaks import Series
from memcap.model import NO_CAP_BYTES
from memcap.report.drawing import GrowthChart
from memcap.report.soak_chart import MOST_COLUMNS, soak_chart, thinned
from memcap.report.svg import inline, standalone
from memcap.soaking import SoakOutcome

LEAK = make_calls(stretched(recorded("leak_bytes"), 30))


def growth(outcome: SoakOutcome) -> GrowthChart:
    chart = soak_chart(outcome)
    assert chart is not None
    assert isinstance(chart.drawing, GrowthChart)
    return chart.drawing


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e12)), min_size=1, max_size=300), st.integers(1, 40))
def test_the_least_and_the_most_are_always_drawn(points: list[tuple[float, float]], columns: int) -> None:
    points.sort()
    kept = thinned(points, columns)

    assert len(kept) <= max(2 * columns, 1)
    assert list(kept) == sorted(set(kept) if len(points) > 2 * columns else kept)
    for most in (min, max):
        assert most(value for _, value in kept) == most(value for _, value in points)


def test_it_has_the_verdicts_parts() -> None:
    drawing = growth(LEAK)

    assert drawing.unit == "min"
    assert len(drawing.points) <= 2 * MOST_COLUMNS
    assert len(drawing.envelope) == len(drawing.windows) == LEAK.verdict.windows
    assert drawing.warm_up == pytest.approx(LEAK.verdict.warm_up_seconds or 0, abs=1) or drawing.warm_up
    assert drawing.slope is not None
    assert drawing.slope.state == "leak"
    assert drawing.far == "↑ cap 512.0 MiB"
    assert drawing.beside is None


def test_limits_are_lines_where_they_are_near() -> None:
    near = growth(make_soak(recorded("leak_bytes"), cap_bytes=12 * MIB))
    assert near.lines == ((12.0, "cap 12.0 MiB"),)
    assert near.far == ""

    rules = replace(LEAK.rules, max_rss_bytes=20 * MIB)
    resident = growth(replace(LEAK, rules=rules, cap_bytes=NO_CAP_BYTES))
    assert [label for _, label in resident.lines] == ["max RSS 20.0 MiB"]
    assert resident.beside is not None
    assert resident.beside[0] == "RSS"
    assert growth(replace(LEAK, rules=replace(rules, max_rss_bytes=900 * MIB))).beside is None


@pytest.mark.parametrize(("times", "unit"), [(1, "s"), (30, "min"), (180, "h"), (5000, "days")])
def test_time_has_a_unit_that_is_easy_to_read(times: float, unit: str) -> None:
    assert growth(make_soak(stretched(recorded("idle"), times))).unit == unit


@pytest.mark.parametrize("count", [0, 1])
def test_a_sample_is_no_chart(count: int) -> None:
    assert soak_chart(make_soak(Series(seconds=[0.0] * count, values=[MIB] * count))) is None
    assert soak_chart(make_soak(Series(seconds=[0.0, 0.0], values=[MIB, MIB]))) is None


@pytest.mark.parametrize("name", ["leak_bytes", "lru_cache", "cycles", "jobs", "idle"])
def test_it_can_be_drawn_in_a_page_and_as_a_file(name: str) -> None:
    drawing = growth(make_soak(recorded(name)))

    ET.fromstring(standalone(drawing))
    ET.fromstring(inline(drawing, "memory"))
    assert "nan" not in standalone(drawing)
