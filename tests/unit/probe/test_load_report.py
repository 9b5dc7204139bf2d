"""What the load client counts, and how it reports it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.probe.memcap_load import client
from memcap.probe.memcap_load.client import Histogram, Tally


@given(st.lists(st.floats(min_value=2e-6, max_value=9000), min_size=1, max_size=300))
def test_percentiles_are_within_a_percent_of_the_nearest_rank(durations: list[float]) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    found = histogram.quantiles(50, 95, 99)
    assert found is not None
    assert found["max"] == max(durations)
    for percent in (50, 95, 99):
        exact = sorted(durations)[math.ceil(percent * len(durations) / 100) - 1]
        assert found[f"p{percent}"] == pytest.approx(exact, rel=0.01)


def test_durations_out_of_range_are_in_the_outer_buckets() -> None:
    histogram = Histogram()
    for duration in (-1e-9, 0.0, 1e9):
        histogram.add(duration)
    found = histogram.quantiles(1, 99)
    assert found is not None
    assert found["p1"] <= client.SHORTEST * client.BUCKET_WIDTH
    assert found["p99"] == pytest.approx(10000, rel=0.05)
    assert found["max"] == 1e9


def test_nothing_has_no_percentiles() -> None:
    assert Histogram().quantiles(50) is None


def test_a_tally() -> None:
    tally = Tally()
    tally.begin(100.0)
    for now in (99.999, 100.5, 101.0):
        tally.add_sent(now)
    tally.add_completed(101.2)
    tally.add_error(101.3, "status", "GET /: 500 " + "x" * 1000)
    tally.add_error(103.9, "status", "another")
    report = tally.report()
    assert (report["sent"], report["completed"]) == (3, 1)
    assert report["errors"] == {"status": {"count": 2, "example": "GET /: 500 " + "x" * 189}}
    assert report["achieved_rate"] == pytest.approx(2 / 1.001)
    assert report["started"]["monotonic_seconds"] == 100.0
    assert report["ended"]["monotonic_seconds"] == 103.9
    assert report["ended"]["wall_seconds"] - report["started"]["wall_seconds"] == pytest.approx(3.9, abs=0.1)
    assert report["per_second"] == [
        {"second": 0, "sent": 2, "done": 0, "errors": 0},
        {"second": 1, "sent": 1, "done": 1, "errors": 1},
        {"second": 2, "sent": 0, "done": 0, "errors": 0},
        {"second": 3, "sent": 0, "done": 0, "errors": 1},
    ]


def test_seconds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_SECONDS", 3)
    tally = Tally()
    tally.begin(0.0)
    for now in range(10):
        tally.add_sent(float(now))
    assert [row["sent"] for row in tally.report()["per_second"]] == [1, 1, 8]


def test_a_load_that_did_not_begin() -> None:
    report = Tally().report()
    assert report["started"] is report["ended"] is report["achieved_rate"] is report["latency_seconds"] is None
