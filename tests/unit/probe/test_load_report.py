"""What the load client counts, and how it reports it."""

from __future__ import annotations

import json
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.engine.docker_create import CLIENT_LOG_BYTES
from memcap.model import MOST_SAMPLES
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


def test_progress_counts_from_the_start_and_times_what_came_since_the_last_one() -> None:
    tally = Tally()
    tally.begin(100.0)
    for seconds in (0.001, 0.001, 0.001, 0.05):
        tally.add_latency(seconds)
        tally.add_completed(101.0)
    first = tally.progress()
    assert (first["done"], first["failed"], first["max"]) == (4, 0, 0.05)
    assert [first["p50"], first["p95"]] == [pytest.approx(0.001, rel=0.01), pytest.approx(0.05, rel=0.01)]
    tally.add_latency(0.2)
    tally.add_error(102.0, "status", "GET /: 500")
    tally.add_error(102.0, "connect", "GET /: refused")
    second = tally.progress()
    assert (second["done"], second["failed"], second["max"]) == (4, 2, 0.2)
    nothing = {"p50": None, "p95": None, "p99": None, "max": None}
    assert tally.progress() == {"done": 4, "failed": 2, **nothing}
    whole = tally.latency.quantiles(50)
    assert whole is not None
    assert whole["p50"] == pytest.approx(0.001, rel=0.01), "the report is about all of it"


def test_seven_days_need_no_more_memory_than_their_first_hour() -> None:
    tally = Tally()
    tally.begin(0.0)

    def send(since: int, until: int) -> int:
        """Send a request every ten seconds, tell the progress every ten minutes; return the bytes that are held."""
        for now in range(since, until, 10):
            tally.add_sent(now)
            tally.add_latency(now % 7000 / 1000)
            if now % 70:
                tally.add_completed(now)
            else:
                tally.add_error(now, "status", f"GET /: 500 {now}")
            if now % 600 == 0:
                json.dumps(tally.progress())
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        hour = send(0, 3600)
        week = send(3600, 7 * 24 * 3600)
    finally:
        tracemalloc.stop()
    assert tally.sent == 60480
    assert week - hour < 40_000, "of counts that are no longer small numbers, which Python shares"


def test_the_lines_of_the_longest_soak_fit_into_the_log() -> None:
    """When a log is full, its first lines go, and those say when the phases began."""
    times = dict.fromkeys(("p50", "p95", "p99", "max"), 1234.567891)
    line = json.dumps({**times, "done": 10**11, "failed": 10**11, "event": "progress", "at": 12345678.123456789})
    stored = {"log": line + "\n", "stream": "stdout", "time": "2026-11-30T16:47:36.123456789Z"}  # Docker's json-file
    assert MOST_SAMPLES * len(json.dumps(stored) + "\n") < CLIENT_LOG_BYTES / 2


def test_a_load_that_did_not_begin() -> None:
    report = Tally().report()
    assert report["started"] is report["ended"] is report["achieved_rate"] is report["latency_seconds"] is None
