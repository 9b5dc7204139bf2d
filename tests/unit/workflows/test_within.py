"""`memcap run --within`: what is said, kept and judged when the time is up. With the fake engine and a clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from factories import make_layer
from memcap.campaign import Deadline
from memcap.cli import run as cli_run
from memcap.engine.fake import FakeEngine
from memcap.errors import SizeError, TimeIsUp, UsageError
from memcap.model import CampaignResult, Profile, RawRun, RunSpec
from memcap.store import as_baselines, load_result, save_baselines
from memcap.workflows import execute
from memcap.workflows import run as running
from memcap.workflows.caller import Tell
from memcap.workflows.ready import Ready
from memcap.workflows.request import CampaignRequest

LIMITS = """\
[caps]
128m = "128MiB"
[profiles.quick]
runs = 2
warmups = 0
[tolerances.peak]
relative = "1%"
[tolerances.unreclaimable_peak]
relative = "1%"
[judge]
minimum_runs = 2
"""
DEADLINE_OF = running.deadline_of
CALM, LEAK = "demo.calm-py312-128m", "demo.leak-py312-128m"


class Timed(FakeEngine):
    """Let each execution take a second of its clock, and the runs of ``hungry`` cells more than their cap."""

    now = 0.0

    def __init__(self, *hungry: str) -> None:
        super().__init__(dict.fromkeys(hungry, 1 << 40))

    def execute(self, spec: RunSpec) -> RawRun:
        self.now += 1
        return super().execute(spec)


class Wild(Timed):
    """Give runs by turns figures far below and far above: no number of them tells where the middle is.

    ``now`` makes them others than those of another: identical values are decided.
    """

    def __init__(self, now: float = 0) -> None:
        super().__init__()
        self.now = now

    def execute(self, spec: RunSpec) -> RawRun:
        raw = super().execute(spec)
        peak = (40 << 20) + int(self.now) % 2 * (40 << 20) + int(self.now)
        return replace(raw, report=json.dumps(json.loads(raw.report or "") | {"peak_bytes": peak}))


pytestmark = pytest.mark.allow_processes  # git is asked for the commit of a shard


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in {
        "limits.toml": LIMITS,
        "suites/demo/suite.toml": '[benchmarks.calm]\ncommand = ["true"]\n[benchmarks.leak]\ncommand = ["true"]\n',
        "images/py312/Dockerfile": "FROM scratch\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(*words: str, engine: Timed | None = None) -> Result:
        timed = engine or Timed()

        @contextmanager
        def made_ready(request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
            yield Ready(engine=timed, layers={("py312", "demo"): make_layer("py312")})

        def deadline_of(within: str | None, profile: Profile, *, began: float) -> Deadline | None:
            found = DEADLINE_OF(within, profile, began=timed.now)
            return found and Deadline(seconds=found.seconds, end=found.end, clock=lambda: timed.now)

        monkeypatch.setattr(execute, "made_ready", made_ready)
        monkeypatch.setattr(running, "deadline_of", deadline_of)
        return CliRunner().invoke(cli_run.command, ["--project", str(project), *words])

    return invoke


def only_result(project: Path) -> Path:
    [path] = (project / "results").glob("*.json")
    return path


def measured(path: Path) -> list[str]:
    result: CampaignResult = load_result(path)
    return [cell.cell.id for cell in result.cells]


def test_what_is_finished_is_kept_and_judged_and_what_lacks_is_measured_later(run: Any, project: Path) -> None:
    stopped = run("--within", "4s")  # the trial run, two of the first cell, one of the second

    assert stopped.exit_code == TimeIsUp.exit_code
    path = only_result(project)
    assert "time is up: the campaign may take 4.0 s; not measured: demo.leak-py312-128m. Kept: 3 runs" in stopped.stderr
    assert f"(1 of 2 cells finished; {LEAK} has 1 of 2). To continue: memcap run --resume {path}\n" in stopped.stderr
    assert stopped.stdout.startswith(
        "Failed: 1 new, 1 not measured. (exit code 27)\n\nNext: memcap run --resume RESULT\n"
    )
    assert measured(path) == [CALM]

    rest = run("--resume", str(path), "--within", "3s")
    assert rest.exit_code == 0, rest.output
    assert measured(path) == [CALM, LEAK]


def test_the_profile_may_say_it_and_the_option_takes_its_place(run: Any, project: Path) -> None:
    limits = project / "limits.toml"
    limits.write_text(LIMITS.replace("warmups = 0", 'warmups = 0\nwithin = "4s"'))
    assert run().exit_code == TimeIsUp.exit_code
    assert run("--within", "1min").exit_code == 0


def test_a_run_of_an_unfinished_cell_is_an_error_and_is_kept(run: Any, project: Path) -> None:
    stopped = run("--within", "2s")
    assert isinstance(stopped.exception, TimeIsUp)
    assert f"Kept: 1 run (0 of 2 cells finished; {CALM} has 1 of 2)" in str(stopped.exception)
    [journal] = (project / "results").iterdir()
    path = journal.with_suffix("")
    assert str(stopped.exception).endswith(f"memcap run --resume {path}")

    engine = Timed()
    assert run("--resume", str(path), engine=engine).exit_code == 0
    assert [spec.cell_id for spec in engine.runs[1:]] == [CALM, LEAK, LEAK]
    assert measured(path) == [CALM, LEAK]
    assert list((project / "results").iterdir()) == [path], "the journal is part of the result now"


def test_no_run_at_all_is_an_error_that_writes_nothing(run: Any, project: Path) -> None:
    stopped = run("--within", "1s")
    assert isinstance(stopped.exception, TimeIsUp)
    assert str(stopped.exception) == "time is up: the campaign may take 1.0 s\n  No run was kept."
    assert not (project / "results").exists()


def test_unjudged_figures_have_the_code_too(run: Any) -> None:
    stopped = run("--within", "4s", "--no-check")
    assert stopped.exit_code == TimeIsUp.exit_code
    assert "). 1 planned cell not measured. (exit code 27)" in " ".join(stopped.stdout.split())


@pytest.mark.parametrize(("hungry", "code"), [((CALM,), 97), ((LEAK,), TimeIsUp.exit_code)])
def test_what_was_found_has_the_say_and_a_baseline_of_what_lacks_has_not(
    run: Any, project: Path, hungry: tuple[str, ...], code: int
) -> None:
    """Without that, every campaign of a project with baselines would end as if the infrastructure had failed."""
    run("--output", str(project / "all.json"))
    save_baselines(as_baselines(load_result(project / "all.json"))[0], project / "results" / "baselines")
    stopped = run("--within", "4s", engine=Timed(*hungry))
    assert stopped.exit_code == code, stopped.output
    assert "1 gone" in stopped.stdout


def test_cells_that_would_get_more_runs_stay_undecided_and_are_judged(run: Any, project: Path) -> None:
    run("--runs", "10", "--output", str(project / "all.json"), engine=Wild())
    save_baselines(as_baselines(load_result(project / "all.json"))[0], project / "results" / "baselines")

    words = ("--runs", "10", "--until-decided", "--max-runs", "40", "--max-total-runs", "80")
    stopped = run(
        *words, "--within", "25s", engine=Wild(100)
    )  # the trial run, three of each, seven more of each, and four of what comes then

    assert stopped.exit_code == 0, stopped.output
    path = only_result(project)
    assert "10 more runs" in stopped.stderr
    assert "no cell gets more runs, what is undecided stays so" in stopped.stderr
    assert f"memcap run --resume {path} --until-decided\n" in stopped.stderr
    assert "2 undecided" in stopped.stdout
    assert [len(cell.runs) for cell in load_result(path).cells] == [10, 10]
    gone_on = run(
        "--resume", str(path), "--until-decided", "--max-total-runs", "80", "--within", "1h", engine=Wild(200)
    )
    assert "time is up" not in gone_on.stderr
    assert [len(cell.runs) for cell in load_result(path).cells] == [40, 40]


@pytest.mark.parametrize("text", ["20", "soon"])
def test_a_time_that_cannot_be_read_is_refused_before_anything_is_run(run: Any, text: str) -> None:
    engine = Timed()
    assert isinstance(run("--within", text, engine=engine).exception, SizeError)
    assert engine.runs == []


def test_a_shard_whose_time_is_up_is_kept_without_its_missing_cells(run: Any, project: Path) -> None:
    stopped = run("--shard", "1/1", "--within", "4s")
    assert stopped.exit_code == TimeIsUp.exit_code
    result = load_result(only_result(project))
    assert (result.plan_cells, [cell.cell.id for cell in result.cells]) == ((CALM, LEAK), [CALM])
    assert run("--resume", str(only_result(project))).exit_code == 0
    assert load_result(only_result(project)).complete


def test_no_time_at_all_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="--within 0s leaves no time"):
        DEADLINE_OF("0s", Profile(name="quick"), began=0.0)
