"""What a soak is launched with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import make_layer, make_plan_cell, make_server, make_settings
from memcap.model import CallWorkload, CommandWorkload, RunSpec, SoakRules, Workload
from memcap.run_spec import run_spec
from memcap.soak_spec import looks_into_programs, soak_spec

CALL = CallWorkload(call="workloads:crew", warmups=2, cycles=5, duration_seconds=3.0)
COMMAND = CommandWorkload(argv=("python", "app.py"))
RULES = SoakRules(duration_seconds=3600)
SETTINGS = make_settings(time_limit_seconds=60)


def spec_of(workload: Workload, rules: SoakRules = RULES) -> RunSpec:
    return soak_spec(make_plan_cell(workload=workload), make_layer(), SETTINGS, attempt="1", rules=rules)


def test_a_function_is_called_for_the_duration() -> None:
    spec = spec_of(CALL)
    assert spec.argv[-5:] == ("--duration", "3600.0", "--soak", "7.5", "workloads:crew")
    assert not {"--warmups", "--cycles", "--soak-frames", "--soak-collect"} & set(spec.argv)
    assert spec.time_limit_seconds == 3660


def test_nothing_is_projected_and_what_is_projected_elsewhere_need_not_be_returned() -> None:
    cell = make_plan_cell(workload=CALL)
    metrics = {"kept": "items", "kept_at_100": "items"}
    benchmark = replace(cell.benchmark, extra_metrics=metrics, projections={"kept": (100,)})
    spec = soak_spec(replace(cell, benchmark=benchmark), make_layer(), SETTINGS, attempt="1", rules=RULES)
    assert (spec.projections, spec.metrics) == ({}, ("kept",))


def test_what_is_looked_at_in_a_function() -> None:
    spec = spec_of(CALL, replace(RULES, frames=25, collects=True))
    assert spec.argv[-6:-1] == ("--soak", "7.5", "--soak-frames", "25", "--soak-collect")
    assert "MEMCAP_INSTRUMENT" not in spec.env


def test_a_command_is_the_same_but_for_the_rate_and_its_time() -> None:
    usual = run_spec(make_plan_cell(workload=COMMAND), make_layer(), SETTINGS, attempt="1")
    assert spec_of(COMMAND) == replace(
        usual, env={**usual.env, "MEMCAP_RATE": "1"}, time_limit_seconds=3600 + usual.time_limit_seconds
    )


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (replace(RULES, frames=25), "looks step=7.5 frames=25 duration=3600.0"),
        (replace(RULES, collects=True), "looks step=7.5 frames=0 duration=3600.0 collect"),
    ],
)
def test_a_command_is_looked_into_if_that_is_asked_for(rules: SoakRules, words: str) -> None:
    spec = spec_of(COMMAND, rules)
    assert spec.argv == COMMAND.argv
    assert spec.env["MEMCAP_INSTRUMENT"] == words
    assert spec.env["MEMCAP_ARTEFACTS"] == "/memcap/out"
    assert spec.env["PYTHONPATH"] == "/memcap/instruments/start:/memcap/suite:/memcap/deps"
    assert spec.artefacts is None


def test_a_server_is_asked_what_grows_after_its_warm_up_and_the_duration() -> None:
    server = replace(make_server(), warm_up_seconds=5.0)
    spec = spec_of(server, replace(RULES, explain_seconds=600.0))
    assert spec.env["MEMCAP_INSTRUMENT"] == "looks step=7.5 frames=0 duration=3605.0 explain=600.0"
    assert spec_of(CALL, replace(RULES, explain_seconds=600.0)).argv[-3:-1] == ("--soak-explain", "600.0")


def test_which_layers_need_an_instrument() -> None:
    assert looks_into_programs(COMMAND, replace(RULES, frames=1))
    assert looks_into_programs(COMMAND, replace(RULES, collects=True))
    assert not looks_into_programs(COMMAND, RULES)
    assert not looks_into_programs(CALL, replace(RULES, frames=1, collects=True))


@pytest.mark.parametrize(("rate", "word"), [(1.0, "1"), (60.0, "60"), (0.5, "0.5")])
def test_the_workload_is_told_how_fast_time_goes(rate: float, word: str) -> None:
    assert spec_of(CALL, replace(RULES, rate=rate)).env["MEMCAP_RATE"] == word
