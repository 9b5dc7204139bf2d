"""``memcap plan`` and the options it shares with ``memcap run``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from factories import make_environment
from memcap.cli.option_groups import filled
from memcap.cli.plan import command
from memcap.cli.selection import selection_options
from memcap.errors import ConfigError, DaemonUnavailable, PlanError, SelectionError, UsageError
from memcap.plan import Selection
from memcap.workflows import plan as planning
from memcap.workflows.options import SelectionOptions, sort_words

FILES = {
    "limits.toml": """\
[caps]
128m = "128MiB"
2g = "2GiB"
[profiles.quick]
runs = 3
warmups = 1
""",
    "suites/demo/suite.toml": """\
[benchmarks.leak]
command = ["true"]
caps = ["128m", "2g"]
budget = "10MiB"
budget_margin = "20%"
expect = { 128m = "oom_killed" }
[benchmarks.calm]
command = ["true"]
""",
    "images/py312/Dockerfile": "FROM scratch\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


class ClosableClient:
    def close(self) -> None:
        """Have nothing to close."""


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return ``answer(memory_bytes)``; until it is called, no daemon answers."""

    def nobody() -> None:
        raise DaemonUnavailable("no Docker daemon answers at tcp://nowhere", remedy="Start it.")

    def answer(memory_bytes: int) -> None:
        monkeypatch.setattr(planning, "connect", ClosableClient)
        monkeypatch.setattr(planning, "environment", lambda client: make_environment(memory_bytes=memory_bytes))

    monkeypatch.setattr(planning, "connect", nobody)
    return answer


def plan(project: Path, *words: str) -> Result:
    return CliRunner().invoke(command, [*words, "--project", str(project)])


@pytest.mark.usefixtures("daemon")
def test_the_table_says_what_a_run_would_do(project: Path) -> None:
    result = plan(project)
    assert result.exit_code == 0, result.output
    assert (
        result.output
        == """\
cell                  cap        budget               expected ending  runs
--------------------  ---------  -------------------  ---------------  ----
demo.leak-py312-128m  128.0 MiB  peak 10.0 MiB +20 %  oom_killed       3
demo.leak-py312-2g    2.0 GiB    peak 10.0 MiB +20 %  completed        3
demo.calm-py312-128m  128.0 MiB  -                    completed        3

Profile quick: 3 cells, 9 runs and 3 warm-ups.
Tolerances: peak 1 % or 512.0 KiB, unreclaimable_peak 0.25 % or 256.0 KiB,
rss_peak 1 % or 512.0 KiB (the defaults).
Not checked against a daemon: no Docker daemon answers at tcp://nowhere
"""
    )


def test_a_soak_is_planned_once(project: Path, daemon: Callable[[int], None]) -> None:
    daemon(4 * 2**30)
    suite = project / "suites" / "demo" / "suite.toml"
    suite.write_text(suite.read_text().replace("[benchmarks.calm]", "[benchmarks.calm]\nsoak = true"))

    text = plan(project).output
    assert "demo.calm-py312-128m  128.0 MiB  -                    completed        1 (soak)" in text
    assert "Profile quick: 3 cells, 7 runs and 2 warm-ups." in text
    counted = json.loads(plan(project, "--json").output)
    assert (counted["runs"], counted["total_runs"], counted["total_warmups"]) == (3, 7, 2)


def test_json_says_the_same(project: Path, daemon: Callable[[int], None]) -> None:
    daemon(4 * 2**30)
    result = plan(project, "demo.leak", "--cap", "128m", "--runs", "2", "--warmups", "0", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {
        "schema": 1,
        "profile": "quick",
        "runs": 2,
        "warmups": 0,
        "total_runs": 2,
        "total_warmups": 0,
        "configured_seconds": 0,
        "cells": [
            {
                "id": "demo.leak-py312-128m",
                "suite": "demo",
                "benchmark": "leak",
                "image": "py312",
                "image_reference": None,
                "cap": "128m",
                "cap_bytes": 128 * 2**20,
                "budget": {
                    "metric": "peak",
                    "limit_bytes": 10 * 2**20,
                    "margin": 0.2,
                    "ceiling_bytes": 12 * 2**20,
                },
                "expected_ending": "oom_killed",
                "tolerances": {
                    "peak": {"relative": 0.01, "absolute": 512 * 1024},
                    "unreclaimable_peak": {"relative": 0.0025, "absolute": 256 * 1024},
                    "rss_peak": {"relative": 0.01, "absolute": 512 * 1024},
                },
            }
        ],
        "daemon": {"memory_bytes": 4 * 2**30, "note": ""},
        "problems": [],
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_a_cap_above_the_daemons_memory_is_an_error_after_the_table(
    project: Path, daemon: Callable[[int], None], as_json: bool
) -> None:
    daemon(2**30)
    result = plan(project, *(["--json"] if as_json else []))
    assert isinstance(result.exception, PlanError)
    assert result.exception.exit_code == 24
    assert "cap 2g: 2.0 GiB is more than the 1.0 GiB" in str(result.exception)
    assert "Docker Desktop > Settings > Resources" in str(result.exception)
    assert "demo.leak-py312-2g" in result.output
    if as_json:
        assert [problem["subject"] for problem in json.loads(result.output)["problems"]] == ["cap 2g"]


@pytest.mark.usefixtures("daemon")
def test_mistakes_reach_the_caller_as_what_they_are(project: Path, tmp_path: Path) -> None:
    assert isinstance(plan(project, "demos").exception, SelectionError)
    (project / "limits.toml").write_text("")
    assert isinstance(plan(project).exception, ConfigError)
    assert CliRunner().invoke(command, ["--runs", "0"]).exit_code == 2
    assert CliRunner().invoke(command, ["--project", str(tmp_path / "nowhere")]).exit_code == 2


def no_daemon_is_asked() -> None:
    pytest.fail("--check asks no daemon")


def test_a_check_of_what_is_right_is_silent(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "connect", no_daemon_is_asked)
    for words in ([], ["demo.leak", "--cap", "2g"], ["--profile", "quick"]):
        result = plan(project, "--check", *words)
        assert (result.exit_code, result.output) == (0, "")


def test_a_check_finds_all_mistakes_of_all_files(project: Path) -> None:
    (project / "limits.toml").write_text('[caps]\n128m = 128\n2g = "2g"\n[profiles.quick]\n')
    with (project / "suites/demo/suite.toml").open("a") as file:
        file.write("clam = true\n")
    found = plan(project, "--check").exception
    assert isinstance(found, ConfigError)
    assert {(problem.file.as_posix(), problem.key) for problem in found.problems} == {
        ("limits.toml", "caps.128m"),
        ("suites/demo/suite.toml", "benchmarks.calm.clam"),
    }


def test_a_check_needs_the_profile_only_if_it_is_named(project: Path) -> None:
    limits = project / "limits.toml"
    limits.write_text(limits.read_text().replace("quick", "mine"))
    assert plan(project, "--check").exit_code == 0
    assert isinstance(plan(project, "--check", "--profile", "quick").exception, SelectionError)
    assert isinstance(plan(project, "--check", "--cap", "3g").exception, SelectionError)
    assert isinstance(plan(project, "--check", "--json").exception, UsageError)


@pytest.mark.usefixtures("daemon")
def test_the_project_is_found_from_inside_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "suites" / "demo")
    result = CliRunner().invoke(command, ["demo.calm"])
    assert result.exit_code == 0, result.output
    assert "1 cell, 3 runs" in result.output


def test_words_are_sorted_by_their_form() -> None:
    assert sort_words(("agents", "agents.crew", "agents.crew-py312-128m", "agents.*", "s[ab]", "demo")) == {
        "suites": ("agents", "demo"),
        "benchmarks": ("agents.crew",),
        "cells": ("agents.crew-py312-128m", "agents.*", "s[ab]"),
    }


def test_the_options_become_a_selection(tmp_path: Path) -> None:
    seen: dict[str, object] = {}

    @click.command
    @selection_options
    @click.option("--force", is_flag=True)
    @filled(options=SelectionOptions)
    def probe(options: SelectionOptions, force: bool) -> None:
        seen.update(profile=options.profile, selection=options.selection, root=options.root, force=force)

    words = [
        "demo",
        "demo.leak",
        "*-2g",
        "-i",
        "py312",
        "-i",
        "a/b:1",
        "-c",
        "2g",
        "-t",
        "slow",
        "--runs",
        "7",
        "--cold",
        "--duration",
        "90s",
    ]
    assert CliRunner().invoke(probe, [*words, "-p", "ci", "-C", str(tmp_path), "--force"]).exit_code == 0
    assert seen == {
        "profile": "ci",
        "selection": Selection(
            suites=("demo",),
            benchmarks=("demo.leak",),
            cells=("*-2g",),
            images=("py312", "a/b:1"),
            caps=("2g",),
            tags=("slow",),
            runs=7,
            cold=True,
            duration_seconds=90.0,
        ),
        "root": tmp_path,
        "force": True,
    }
    assert CliRunner().invoke(probe, []).exit_code == 0
    assert seen == {"profile": "quick", "selection": Selection(), "root": None, "force": False}


@pytest.mark.usefixtures("daemon")
def test_a_suite_that_would_take_too_long_is_an_error_after_the_table(project: Path) -> None:
    file = project / "suites" / "demo" / "suite.toml"
    file.write_text('[suite]\ntotal = "5min"\n' + FILES["suites/demo/suite.toml"], encoding="utf-8")
    result = plan(project)  # three cells of two minutes
    assert isinstance(result.exception, PlanError)
    assert "suite demo: one run of each of its cells in py312 (3) may take 6 min 0 s" in str(result.exception)
    assert "demo.leak-py312-2g" in result.output
    assert plan(project, "demo.leak").exit_code == 0


@pytest.mark.usefixtures("daemon")
def test_what_has_a_length_says_how_long_it_takes(project: Path) -> None:
    (project / "suites" / "demo" / "work.py").write_text("def run():\n    yield\n", encoding="utf-8")
    suite = '[benchmarks.long]\ncall = "work:run"\nduration = "5min"\n[benchmarks.calm]\ncommand = ["true"]\n'
    (project / "suites" / "demo" / "suite.toml").write_text(suite, encoding="utf-8")
    said = "Profile quick: 2 cells, 6 runs and 2 warm-ups. Servers and what has a `duration` take 20 min 0 s of it"
    assert said in " ".join(plan(project).output.split())
    assert json.loads(plan(project, "--json").output)["configured_seconds"] == 1200


@pytest.mark.usefixtures("daemon")
def test_a_result_that_could_not_be_written_is_a_problem(project: Path) -> None:
    (project / "results").touch()
    refused = plan(project)
    assert isinstance(refused.exception, PlanError)
    assert f"result: {project / 'results'} is not a folder. Make it writable" in str(refused.exception)
