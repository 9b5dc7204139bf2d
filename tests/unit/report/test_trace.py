"""Traces of runs and soaks: times in microseconds, phases, kills, and figures known beforehand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soaks import make_calls, make_soak, recorded, stretched
from traces import of_kind, read_trace
from views import hostile_view

from factories import MIB, make_cell, make_measurement, make_oom, make_result
from memcap.leaks import Series
from memcap.model import Ending, Measurement, Moment, OomFacts, PhaseFigures, PhaseName, ProcessMoment, ServerRun
from memcap.report.soak_trace import soak_trace
from memcap.report.trace import render_trace
from memcap.report.trace_events import Slice, TraceProcess, trace_text
from memcap.report.view import build_view

SERIES = tuple(
    Moment(seconds=seconds, usage=(10 + at) * MIB, anon=(5 + at) * MIB, file=2 * MIB, shmem=MIB, kernel=MIB,
           low=(4 + at) * MIB, running=at < 3)
    for at, seconds in enumerate((0.0, 0.25, 0.5, 0.75))
)  # fmt: skip


def trace_of(*runs: Measurement) -> list[dict[str, Any]]:
    return read_trace(render_trace(build_view(make_result(make_cell(runs=runs)), is_judged=False)))


def test_memory_over_time_is_counters() -> None:
    events = trace_of(make_measurement(series=SERIES))
    memory = of_kind(events, "C", "memory")

    assert [each["ts"] for each in memory] == [0, 250_000, 500_000, 750_000]
    assert memory[1]["args"] == {"anon": 6 * MIB, "shmem": MIB, "kernel": MIB, "file": 2 * MIB}
    assert [each["args"]["bytes"] for each in of_kind(events, "C", "usage")] == [10 * MIB, 11 * MIB, 12 * MIB, 13 * MIB]
    assert of_kind(events, "C", "unreclaimable")[0]["args"] == {"most": 7 * MIB, "least": 4 * MIB}
    assert [(each["ts"], each["args"]["bytes"]) for each in of_kind(events, "C", "cap")] == [
        (0, 128 * MIB),
        (750_000, 128 * MIB),
    ]


def test_each_run_is_a_process_with_a_name() -> None:
    events = trace_of(make_measurement(series=SERIES), make_measurement(), make_oom(series=SERIES))
    names = {each["pid"]: each["args"]["name"] for each in of_kind(events, "M", "process_name")}

    assert names == {
        1: "agents.crew_backed-py312-128m run 1: completed",
        2: "agents.crew_backed-py312-128m run 2: completed",
        3: "agents.crew_backed-py312-128m run 3: oom_killed",
    }


def test_a_run_without_a_cap_has_none() -> None:
    assert of_kind(trace_of(make_measurement(series=SERIES, cap_bytes=None)), "C", "cap") == []


def test_a_kill_of_the_main_process_is_at_its_end() -> None:
    (kill,) = of_kind(trace_of(make_oom(series=SERIES, wall_seconds=0.6)), "i")

    assert (kill["name"], kill["ts"], kill["s"]) == ("OOM kill", 600_000, "p")
    assert kill["args"] == {"processes killed": 1, "who": "the main process"}


def test_a_kill_of_a_child_is_where_memory_was_highest_and_says_so() -> None:
    swallowed = make_measurement(series=SERIES, ending=Ending.OOM_CHILD_SWALLOWED, oom=OomFacts(kills=2))
    (kill,) = of_kind(trace_of(swallowed), "i")

    assert kill["ts"] == 500_000  # the last moment is one of the exit
    assert kill["args"]["processes killed"] == 2
    assert "not recorded" in kill["args"]["when"]


@pytest.mark.parametrize("oom", [OomFacts(kills=0), OomFacts(kills=None)])
def test_no_kill_is_no_mark(oom: OomFacts) -> None:
    assert of_kind(trace_of(make_measurement(series=SERIES, oom=oom)), "i") == []


def test_cycles_are_slices_up_to_the_end() -> None:
    run = make_measurement(series=SERIES, cycle_tenths=(0.1, 0.2, 0.3), wall_seconds=0.75)
    slices = [(each["name"], each["ts"], each["dur"]) for each in of_kind(trace_of(run), "X")]

    assert slices == [
        ("workload", 0, 750_000),
        ("start and first cycle", 0, 100_000),
        ("cycles, tenth 1 of 2", 100_000, 100_000),
        ("cycles, tenth 2 of 2", 200_000, 100_000),
        ("clean-up", 300_000, 450_000),
    ]


def test_phases_of_a_server_are_slices_and_workers_counters() -> None:
    phases = (
        PhaseFigures(name=PhaseName.START, start_seconds=0.0, end_seconds=0.2),
        PhaseFigures(name=PhaseName.LOAD, start_seconds=0.2, end_seconds=0.5, level=1.0, requests=30, peak_bytes=MIB),
        PhaseFigures(name=PhaseName.STOP, start_seconds=0.45, end_seconds=0.75),
    )
    worker = ProcessMoment(seconds=0.3, pid=9, parent=7, name="gunicorn", rss_bytes=3 * MIB)
    run = make_measurement(series=SERIES, server=ServerRun(phases=phases, process_series=(worker,)))
    events = trace_of(run)
    found = {each["name"]: each for each in of_kind(events, "X")}

    assert (found["load"]["ts"], found["load"]["dur"]) == (200_000, 250_000)  # it ends where the next one begins
    assert found["load"]["args"] == {"peak": MIB, "requests": 30}
    assert of_kind(events, "C", "RSS of gunicorn (9)")[0]["args"] == {"bytes": 3 * MIB}


def test_a_run_without_samples_has_its_length_and_its_end() -> None:
    events = trace_of(make_oom(wall_seconds=1.25))

    assert of_kind(events, "C") == []
    assert [(each["ts"], each["dur"]) for each in of_kind(events, "X")] == [(0, 1_250_000)]
    assert [each["ts"] for each in of_kind(events, "i")] == [1_250_000]


def test_a_result_without_runs_is_an_empty_trace() -> None:
    assert read_trace(render_trace(build_view(make_result(make_cell(runs=())), is_judged=False))) == []


@given(st.text(max_size=40))
def test_any_name_can_be_read(text: str) -> None:
    view = hostile_view(text)
    cells = tuple(replace(each, runs=tuple(replace(run, series=SERIES) for run in each.runs)) for each in view.cells)
    document = render_trace(replace(view, cells=cells))

    assert read_trace(document)
    assert document.isascii()
    process = TraceProcess(1, text)
    process.row(text, [Slice(name=text, start=0.0, end=1.0, facts={"detail": text})])
    process.mark(text, 1.0, {"detail": text})
    assert read_trace(trace_text([process], {"campaign": text}))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=8))
def test_slices_never_overlap(spans: list[tuple[float, float]]) -> None:
    process = TraceProcess(1, "x")
    process.row("phases", [Slice(name="x", start=start, end=end, facts={}) for start, end in spans])
    assert len(of_kind(read_trace(trace_text([process], {})), "X")) == len(spans)


def test_a_soak_has_its_samples_and_its_series() -> None:
    leak = make_calls(stretched(recorded("leak_bytes"), 30))
    events = read_trace(soak_trace(leak))
    rss = of_kind(events, "C", "RSS of all processes")

    assert [each["args"]["bytes"] for each in rss] == [each.memory.rss_bytes for each in leak.samples]
    assert [each["ts"] for each in rss] == [round(each.memory.seconds * 1e6) for each in leak.samples]
    assert len(of_kind(events, "C", "judged memory")) == len(leak.series.seconds)
    assert of_kind(events, "C", "work")[-1]["args"]["done"] == leak.samples[-1].work.done  # type: ignore[union-attr]
    assert of_kind(events, "C", "PID 12: tracemalloc")
    first, *between, last = of_kind(events, "C", "growth line")
    assert len(between) > 100  # viewers draw steps
    assert leak.verdict.per_hour is not None
    rate = (last["args"]["bytes"] - first["args"]["bytes"]) / (last["ts"] - first["ts"]) * 3600 * 1e6
    assert rate == pytest.approx(leak.verdict.per_hour.estimate, rel=1e-6)
    (verdict,) = of_kind(events, "X", "linear leak")
    assert verdict["args"]["leak"] is True


def test_the_warm_up_of_a_soak_is_a_slice() -> None:
    whole = stretched(recorded("leak_bytes"), 30)
    leak = make_soak(whole)
    leak = replace(leak, verdict=replace(leak.verdict, warm_up_seconds=60.0))
    warm_up, judged = (each for each in of_kind(read_trace(soak_trace(leak)), "X") if each["name"] != "workload")

    assert (warm_up["name"], judged["name"]) == ("warm-up", "linear leak")
    assert warm_up["dur"] == 60_000_000
    assert judged["ts"] == warm_up["ts"] + warm_up["dur"]


def test_the_kill_of_a_soak_is_marked_at_its_end() -> None:
    soak = make_soak(stretched(recorded("leak_bytes"), 30), measurement=make_oom())
    (kill,) = of_kind(read_trace(soak_trace(soak)), "i")

    assert kill["ts"] == round(soak.elapsed_seconds * 1e6)
    assert kill["args"] == {"processes killed": 1, "who": "the main process"}


def test_a_soak_that_has_only_begun_is_a_trace() -> None:
    begun = make_soak(Series(seconds=[], values=[]), samples=(), measurement=None, environment=None)
    text = soak_trace(begun)

    assert [each["args"]["ending"] for each in of_kind(read_trace(text), "X")] == ["running"]
    assert json.loads(text)["otherData"] == {"soak": begun.id, "started": begun.started, "image": "py312"}
