"""Soaks for programs: JSON, CSV, the folder of files, and the list of soaks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from soaks import make_calls, make_soak, recorded, samples_of, stretched

from factories import make_oom
from memcap.leaks import Series
from memcap.model import MemoryLook, SoakKind, SoakRules, SoakSample, WorkLook
from memcap.report.soak_csv import soak_csv
from memcap.report.soak_files import soak_files
from memcap.report.soak_json import soak_json
from memcap.report.soak_list import list_document, list_json
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.soaking import SoakOutcome, SoakStanding, SoakState

WHOLE = stretched(recorded("leak_bytes"), 30)
FEW = Series(seconds=WHOLE.seconds[::20], values=WHOLE.values[::20])
LEAK = make_calls(FEW, rules=SoakRules(duration_seconds=3600, frames=25), samples=make_calls(FEW).samples[:3])
STANDING = SoakStanding(
    id=LEAK.id,
    name="python -m app --serve --forever",
    image="py312",
    started=LEAK.started,
    state=SoakState.RUNNING,
    elapsed_seconds=3592,
    duration_seconds=7200,
    container=LEAK.container,
)


def read(outcome: SoakOutcome) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(soak_json(outcome), parse_constant=refuse)


def test_json_of_a_leak(golden: Callable[[str, str], None]) -> None:
    golden("report/soak/leak.json", soak_json(LEAK))


def test_the_verdict_has_the_promised_keys() -> None:
    verdict = read(LEAK)["verdict"]

    assert (verdict["class"], verdict["leak"]) == ("linear_leak", True)
    assert verdict["rate_interval"][0] <= verdict["rate_bytes_per_hour"] <= verdict["rate_interval"][1]
    assert verdict["rate_bytes_per_cycle"] == pytest.approx(verdict["rate_bytes_per_hour"] / 72_000, rel=0.02)
    assert verdict["rate_bytes_per_request"] is None
    assert verdict["seconds_to_cap"] > 0
    assert isinstance(verdict["detectable_bytes_per_hour"], int)
    assert all(len(column) == verdict["windows"] for column in verdict["envelope"].values())


def test_a_simulated_hour_has_its_own_rate() -> None:
    fast = read(replace(LEAK, rules=replace(LEAK.rules, rate=10)))["verdict"]

    assert fast["rate_bytes_per_simulated_hour"] == pytest.approx(fast["rate_bytes_per_hour"] / 10, abs=1)
    assert read(LEAK)["verdict"]["rate_bytes_per_simulated_hour"] is None


def test_requests_are_no_cycles() -> None:
    verdict = read(replace(LEAK, kind=SoakKind.SERVER))["verdict"]

    assert verdict["rate_bytes_per_cycle"] is None
    assert verdict["rate_bytes_per_request"] > 0


def test_unknown_is_null_and_never_zero() -> None:
    nothing = make_soak(
        Series(seconds=[], values=[]), samples=(SoakSample(memory=MemoryLook(seconds=0.0)),), measurement=None
    )
    found = read(replace(nothing, environment=None, container=""))

    for key in ("ending", "exit_code", "detail", "peaks", "gc", "top_allocations", "environment", "container"):
        assert found[key] is None, key
    assert set(found["samples"][0].values()) == {found["samples"][0]["time"], 0.0, None}
    verdict = found["verdict"]
    assert verdict["leak"] is None
    assert {verdict[key] for key in ("rate_bytes_per_hour", "rate_interval", "detectable_bytes_per_hour", "windows",
                                     "warm_up_seconds", "seconds_to_cap")} == {None}  # fmt: skip
    assert found["two_ends"]["above_threshold"] is None
    assert found["running"] is True


def test_an_ending_and_its_exit_code() -> None:
    found = read(replace(LEAK, measurement=make_oom(detail="at the cap")))

    assert (found["ending"], found["detail"], found["exit_code"]) == ("oom_killed", "at the cap", 97)
    assert found["peaks"]["oom_kills"] == 1


def test_all_samples_are_there_and_the_series_is_columns() -> None:
    outcome = make_soak(WHOLE, samples=samples_of(WHOLE, 100))
    found = read(outcome)

    assert len(found["samples"]) == 100
    assert len(found["series"]["seconds"]) == len(found["series"]["bytes"]) == len(WHOLE.seconds)
    assert found["series"]["work"] is None


def test_a_sample_is_a_row_of_csv() -> None:
    rows = list(csv.DictReader(soak_csv(LEAK).splitlines()))

    assert len(rows) == len(LEAK.samples)
    last, look = rows[-1], LEAK.samples[-1]
    assert last["time"] == "2026-11-30T10:03:52.500+00:00" or last["time"].startswith("2026-11-30T10:0")
    assert int(last["unreclaimable_bytes"]) == look.memory.unreclaimable_bytes
    assert look.work is not None
    assert int(last["work_done"]) == look.work.done
    assert int(last["gc_objects"]) == look.python[0].gc_objects
    assert last["pss_bytes"] == ""
    assert float(last["metric:sessions"]) == look.work.metrics["sessions"]
    assert rows[0]["metric:hit_rate"] == ""


def test_figures_of_python_are_sums_over_its_processes() -> None:
    sample = LEAK.samples[-1]
    look = sample.python[0]
    two = replace(sample, python=(look, replace(look, pid=99, tracemalloc_bytes=None)))
    (row,) = csv.DictReader(soak_csv(replace(LEAK, samples=(two,))).splitlines())

    assert int(row["gc_objects"]) == 2 * (look.gc_objects or 0)
    assert int(row["tracemalloc_bytes"]) == look.tracemalloc_bytes


def test_the_name_of_a_metric_is_no_formula() -> None:
    work = WorkLook(seconds=0, done=1, metrics={'"\n=1+1': 2.0})
    outcome = replace(LEAK, samples=(SoakSample(memory=MemoryLook(seconds=0), work=work),))

    assert len(soak_csv(outcome).splitlines()) == 2


def test_a_folder_has_every_form() -> None:
    files = soak_files(LEAK)

    assert list(files) == [
        "samples.csv", "soak.json", "soak.md", "index.html", "openmetrics.txt", "trace.json", "memory.svg",
    ]  # fmt: skip
    assert all(len(text) > 100 for text in files.values())
    assert "](memory.svg)" in files["soak.md"]
    assert len(soak_files(make_soak(Series(seconds=[], values=[]), samples=()))) == 6


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_list_of_soaks(golden: Callable[[str, str], None], width: int) -> None:
    ended = replace(STANDING, id="20261129T080000-soak-77aa", state=SoakState.ENDED, elapsed_seconds=7200)
    new = replace(STANDING, id="20261130T120000-soak-9c0d", elapsed_seconds=1.5)
    level = make_soak(recorded("idle")).verdict
    document = list_document([STANDING, ended, new], {STANDING.id: LEAK.verdict, ended.id: level})
    text = to_terminal(document, Terminal(width=width))

    golden(f"report/soak/list-{width}.txt", text)
    for soak in (STANDING, ended, new):
        assert soak.id in text, "an id is there to be copied"


def test_no_soak_is_told() -> None:
    assert to_terminal(list_document([])) == "There is no soak on this daemon.\n"
    assert json.loads(list_json([])) == {"soaks": []}


def test_the_list_as_json() -> None:
    (first, second) = json.loads(list_json([STANDING, replace(STANDING, id="x")], {STANDING.id: LEAK.verdict}))["soaks"]

    assert (first["state"], first["container"], first["verdict"]["class"]) == (
        "running", LEAK.container, "linear_leak"
    )  # fmt: skip
    assert second["verdict"] is None
    assert first["duration_seconds"] == 7200
