"""`memcap run --accept` and `--allow-new`: the first baselines, and what a check says of cells without one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from factories import MIB, make_layer
from memcap.cli import run as cli_run
from memcap.cli.check import command as check_command
from memcap.engine.fake import FakeEngine
from memcap.errors import BaselineRefused, UsageError
from memcap.model import NOT_JUDGED
from memcap.store import load_baselines
from memcap.workflows import execute
from memcap.workflows.caller import Tell
from memcap.workflows.ready import Ready
from memcap.workflows.request import CampaignRequest

LIMITS = """\
[caps]
128m = "128MiB"
256m = "256MiB"
[profiles.quick]
caps = ["128m"]
warmups = 0
"""
SUITE = '[benchmarks.calm]\ncommand = ["true"]\n[benchmarks.leak]\ncommand = ["true"]\n'
CALM, LEAK = "demo.calm-py312-128m", "demo.leak-py312-128m"
NEEDS = {"*": 20 * MIB}

pytestmark = pytest.mark.allow_processes  # git is asked who accepts


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "limits.toml": LIMITS,
        "suites/demo/suite.toml": SUITE,
        "images/py312/Dockerfile": "FROM scratch\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(*words: str, needs: Mapping[str, int] = NEEDS) -> Result:
        @contextmanager
        def made_ready(request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
            yield Ready(engine=FakeEngine(needs), layers={("py312", "demo"): make_layer("py312", "demo")})

        monkeypatch.setattr(execute, "made_ready", made_ready)
        monkeypatch.setattr("sys.argv", ["memcap", "run", *words])
        return CliRunner().invoke(cli_run.command, ["--project", str(project), *words])

    return invoke


def accepted(project: Path) -> dict[str, str | None]:
    cells = load_baselines(project / "results" / "baselines").cells
    return {cell_id: each.accepted.reason for cell_id, each in cells.items()}


def test_the_first_run_makes_the_baselines_and_the_second_accepts_nothing(run: Any, project: Path) -> None:
    first = run("--accept")
    assert first.exit_code == 0, first.output
    assert accepted(project) == dict.fromkeys((CALM, LEAK), "first baseline")
    assert "accepted 2 cells as the first baselines" in first.stderr
    assert "Next: review the new files in results/baselines, and commit them" in first.stdout

    again = run("--accept")
    assert again.exit_code == 0
    assert again.stdout.startswith("2 unchanged.")
    assert "accepted nothing" in again.stderr


def test_a_regression_is_never_accepted(run: Any, project: Path) -> None:
    run("demo.calm", "--accept")
    before = (project / "results" / "baselines" / "demo.json").read_text()
    worse = run("demo.calm", "--accept", needs={"*": 60 * MIB})
    assert worse.exit_code == 99
    assert (project / "results" / "baselines" / "demo.json").read_text() == before


def test_a_new_cell_of_a_benchmark_with_baselines_is_not_accepted_either(run: Any, project: Path) -> None:
    run("demo.calm", "--accept")
    larger = ("demo.calm-py312-256m", "--accept")
    refused = run(*larger)
    assert refused.exit_code == NOT_JUDGED
    assert refused.stdout.startswith("Not judged: 1 new. (exit code 94)")
    assert "--allow-new" in refused.stdout
    assert refused.stdout.count("baseline accept") == 1
    allowed = run(*larger, "--allow-new", "--json")
    assert allowed.exit_code == 0
    assert json.loads(allowed.stdout)["cells"][0]["is_unjudged"] is False
    assert list(accepted(project)) == [CALM]
    assert "there are no baselines" not in json.loads(allowed.stdout)["reason"]


def test_what_cannot_be_a_baseline_is_refused_with_a_reason(run: Any, project: Path) -> None:
    few = run("--runs", "2", "--accept")
    assert "Next:" not in few.stdout  # accepting would be refused as well
    assert few.exit_code == BaselineRefused.exit_code
    assert f"not accepted: {CALM}: 2 usable runs, a baseline needs 5" in few.stderr
    killed = run("--accept", needs={LEAK: 1 << 40, "*": 20 * MIB})
    assert killed.exit_code == 97
    assert list(accepted(project)) == [CALM]


def test_check_allows_new_cells_too(run: Any, project: Path) -> None:
    run("demo.calm", "--accept")
    for result in (project / "results").glob("*.json"):  # ids of one second are in no order
        result.unlink()
    run("demo.calm-py312-256m")
    assert CliRunner().invoke(check_command, ["--project", str(project)]).exit_code == NOT_JUDGED
    assert CliRunner().invoke(check_command, ["--project", str(project), "--allow-new"]).exit_code == 0


def test_baselines_of_a_renamed_benchmark_are_told(run: Any, project: Path) -> None:
    run("--accept")
    suite = project / "suites" / "demo" / "suite.toml"
    suite.write_text(SUITE.replace("calm", "quiet"))
    renamed = run("demo.quiet")
    assert renamed.exit_code == 0
    assert "no benchmark, of demo.calm. If it was renamed" in renamed.stderr
    assert "memcap baseline prune" in renamed.stderr
    assert "baseline prune" not in run("demo.leak").stderr, "nothing is new"
    assert "baseline prune" not in run("demo.quiet", "--no-check").stderr


def test_default_tolerances_find_a_rise(run: Any) -> None:
    """Nothing was judged in a project without [tolerances], and that passed."""
    assert run("demo.calm", "--accept").exit_code == 0
    assert run("demo.calm", needs={"*": 21 * MIB}).exit_code == 99


@pytest.mark.parametrize("option", [("--no-check",), ("--base-ref", "main")])
def test_what_is_not_judged_by_the_baselines_cannot_be_accepted(run: Any, option: tuple[str, ...]) -> None:
    refused = run("--accept", *option)
    assert isinstance(refused.exception, UsageError)
    assert option[0] in str(refused.exception)
