"""A `memcap run` goes straight to the engine: few modules direct it, and none calls one that stands above it."""

from __future__ import annotations

from pathlib import Path

from imported import imported_modules
from stops import Stop, climbs, stops_of_run

MOST_STOPS = 20


def test_a_run_makes_few_stops_and_does_not_climb(tmp_path: Path) -> None:
    stops = stops_of_run(tmp_path)

    assert {"memcap.cli.run", "memcap.workflows.execute", "memcap.campaign"} <= {stop.module for stop in stops}
    assert len(stops) <= MOST_STOPS, "\n".join(map(str, stops))
    assert climbs(stops, imported_modules()) == []


def test_a_call_of_what_imports_the_caller_is_a_climb() -> None:
    down, up, beside = Stop("a", "c", "f"), Stop("c", "a", "f"), Stop("c", "d", "f")

    assert climbs([down, up, beside], {"a": {"b"}, "b": {"c"}}) == [up]
