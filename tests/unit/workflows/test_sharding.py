"""`memcap run --shard` and `memcap merge`, from files to exit codes. With the fake engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from repository import make_repository

from factories import make_environment, make_layer
from memcap.cli import merge as cli_merge
from memcap.cli import run as cli_run
from memcap.cli.check import command as check
from memcap.engine.fake import FakeEngine
from memcap.errors import DaemonUnavailable, FileExistsAlready, Interrupted, UsageError
from memcap.model import Environment
from memcap.shards import ShardsMissing
from memcap.store import as_baselines, load_result, save_baselines, save_result
from memcap.workflows import execute, sharding
from memcap.workflows import plan as planning
from memcap.workflows.caller import Tell
from memcap.workflows.ready import Ready
from memcap.workflows.request import CampaignRequest

LIMITS = """\
[caps]
128m = "128MiB"
[profiles.quick]
runs = 5
warmups = 0
[tolerances.unreclaimable_peak]
relative = "1%"
"""
NAMES = ("a", "b", "c", "d", "e")
IDS = tuple(f"demo.{name}-py312-128m" for name in NAMES)
Run = Callable[..., Result]

pytestmark = pytest.mark.allow_processes  # git is asked for the commit


@pytest.fixture
def project(tmp_path: Path) -> Path:
    suite = "".join(f'[benchmarks.{name}]\ncommand = ["true"]\n' for name in NAMES)
    for name, text in {
        "limits.toml": LIMITS,
        "suites/demo/suite.toml": suite,
        "images/py312/Dockerfile": "FROM scratch\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what calls `memcap run` in the project; the layers are made up."""

    def invoke(*words: str | Path, engine: FakeEngine | None = None) -> Result:
        @contextmanager
        def made_ready(request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
            yield Ready(engine=engine or FakeEngine({}), layers={("py312", "demo"): make_layer("py312")})

        def environment(engine: str) -> Environment:
            return FakeEngine({}).environment()

        def connect() -> None:
            raise DaemonUnavailable("no daemon here")

        monkeypatch.setattr(planning, "connect", connect)
        monkeypatch.setattr(execute, "made_ready", made_ready)
        monkeypatch.setattr(sharding, "_environment", environment)
        return CliRunner().invoke(cli_run.command, ["--project", str(project), *map(str, words)])

    return invoke


@pytest.fixture
def merge(project: Path) -> Run:
    def invoke(*words: str | Path) -> Result:
        return CliRunner().invoke(cli_merge.command, ["--project", str(project), *map(str, words)])

    return invoke


def measure(run: Run, project: Path, count: int, *words: str, engine: FakeEngine | None = None) -> list[Path]:
    """Measure all shards and return their files."""
    paths = [project / "shards" / f"{number}.json" for number in range(1, count + 1)]
    for number, path in enumerate(paths, start=1):
        run("--shard", f"{number}/{count}", "--output", path, *words, engine=engine)
        assert path.exists()
    return paths


def accept(run: Run, project: Path) -> None:
    """Make baselines of a run of everything."""
    path = project / "before.json"
    run("--output", path)
    save_baselines(as_baselines(load_result(path))[0], project / "results" / "baselines")


def test_the_shards_have_the_cells_of_the_plan_and_are_judged_together(run: Run, merge: Run, project: Path) -> None:
    accept(run, project)
    grown = FakeEngine({IDS[1]: 90 << 20, IDS[3]: 90 << 20})
    paths = measure(run, project, 3, engine=grown)
    cells = [[cell.cell.id for cell in load_result(path).cells] for path in paths]
    assert sorted(cell_id for own in cells for cell_id in own) == list(IDS)

    together = merge(*paths, "--output", project / "all.json", "--json")
    whole = run("--output", project / "whole.json", "--json", engine=grown)

    assert together.exit_code == whole.exit_code == 99, together.output
    verdicts = [
        {cell["id"]: cell["verdict"] for cell in json.loads(each.stdout)["cells"]} for each in (together, whole)
    ]
    assert verdicts[0] == verdicts[1]
    assert {cell_id for cell_id, verdict in verdicts[0].items() if verdict == "regressed"} == {IDS[1], IDS[3]}
    again = CliRunner().invoke(check, ["--project", str(project), str(project / "all.json"), "--json"])
    assert again.exit_code == 99
    assert json.loads(again.stdout) == json.loads(together.stdout)


def test_a_shard_is_not_judged_and_the_others_are_not_gone(run: Run, project: Path) -> None:
    accept(run, project)
    done = run("--shard", "2/3", engine=FakeEngine(dict.fromkeys(IDS, 90 << 20)))

    assert done.exit_code == 0, done.output
    assert "shard 2/3: 2 of 5 cells (about 12.5 s of 31.2 s)\n" in done.stderr
    assert "shard 2/3 is not judged by itself: memcap merge judges all 3 together\n" in done.stderr
    assert "gone" not in done.stdout
    [path] = (project / "results").glob("*.json")  # no --output: where results are
    facts = load_result(path).shard
    assert facts is not None
    assert (str(facts.shard), facts.plan_cells, facts.commit) == ("2/3", IDS, None)


def test_shards_of_other_commits_are_refused(
    run: Run, merge: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = make_repository(project, monkeypatch)
    repository.commit("one")
    first, second = measure(run, project, 2)
    facts = load_result(first).shard
    assert facts is not None
    assert facts.commit == repository.git("rev-parse", "HEAD").strip()
    (project / "README").touch()
    other = repository.commit("two")
    told = merge(first, second, "-o", project / "all.json").stderr
    assert f"measured at the commit {facts.commit[:12]}, judged by the baselines and rules of {other[:12]}\n" in told
    run("--shard", "2/2", "--output", second, "--force")

    refused = merge(first, second)

    assert isinstance(refused.exception, UsageError)
    assert f"commit: {facts.commit} ({first})" in refused.exception.message


def test_a_workload_that_fails_fails_its_shard(run: Run, project: Path) -> None:
    [first, _] = measure(run, project, 2)
    bad = load_result(first).plan_cells[0]
    assert run("--shard", "1/2", engine=FakeEngine({bad: 1 << 40})).exit_code == 97


def test_the_newest_run_is_no_shard(run: Run, project: Path) -> None:
    run("--shard", "1/2")
    refused = CliRunner().invoke(check, ["--project", str(project)])
    assert isinstance(refused.exception, UsageError)
    [path] = (project / "results").glob("*.json")
    named = CliRunner().invoke(check, ["--project", str(project), str(path)])
    assert named.exit_code == 0
    assert "is shard 1/2: judged by itself, without the other cells of its plan" in named.stderr


def test_more_shards_than_cells_are_valid_results_that_say_so(run: Run, merge: Run, project: Path) -> None:
    paths = measure(run, project, 7)
    [empty, *_] = [number for number, path in enumerate(paths, start=1) if not load_result(path).cells]
    again = run("--shard", f"{empty}/7")

    assert again.exit_code == 0
    assert f"shard {empty}/7 has no cells, as the plan has 5: nothing was measured\n" in again.stderr
    assert "Nothing was measured." in again.stdout
    assert run("--shard", f"{empty}/7", "--dry-run").exit_code == 0
    resumed = run("--resume", paths[empty - 1])
    assert isinstance(resumed.exception, UsageError)
    assert "nothing to resume" in resumed.exception.message
    assert merge(*paths).exit_code == 0
    [path] = [each for each in (project / "results").glob("*.json") if load_result(each).merged_from]
    assert [cell.cell.id for cell in load_result(path).cells] == list(IDS)


def test_durations_divide_the_plan(run: Run, project: Path) -> None:
    run("--output", project / "long.json")
    known = load_result(project / "long.json")
    slow = [
        replace(cell, runs=tuple(replace(each, wall_seconds=100.0) for each in cell.runs)) if place == 2 else cell
        for place, cell in enumerate(known.cells)
    ]
    save_result(replace(known, cells=tuple(slow)), project / "long.json", overwrite=True)

    shown = run("--shard", "1/2", "--durations", project / "long.json", "--dry-run")

    assert [cell_id for cell_id in IDS if cell_id in shown.stdout] == [IDS[2]]
    lost = run("--shard", "1/2", "--durations", project / "nothing.json")
    assert isinstance(lost.exception, UsageError)
    assert "nothing.json" in lost.exception.message


def test_shards_that_were_divided_by_other_durations_are_refused(run: Run, merge: Run, project: Path) -> None:
    first, second = measure(run, project, 2)
    accept(run, project)
    known = load_result(project / "before.json")
    long = [replace(run, wall_seconds=100.0) for run in known.cells[0].runs]
    save_result(
        replace(known, cells=(replace(known.cells[0], runs=tuple(long)),)), project / "other.json", overwrite=True
    )
    run("--shard", "2/2", "--durations", project / "other.json", "--output", second, "--force")
    refused = merge(first, second)
    assert isinstance(refused.exception, UsageError)
    assert "not divided alike" in refused.exception.message
    assert list((project / "results").glob("*.json")) == []


def test_an_interrupted_shard_is_resumed_as_the_shard_that_it_is(run: Run, merge: Run, project: Path) -> None:
    class Stopped(FakeEngine):
        def execute(self, spec):  # type: ignore[no-untyped-def]
            if len(self.runs) == 6:
                raise Interrupted("stopped")
            return super().execute(spec)

    paths = [project / "1.json", project / "2.json"]
    assert isinstance(run("--shard", "1/2", "-o", paths[0], engine=Stopped({})).exception, Interrupted)
    run("--shard", "2/2", "-o", paths[1])
    incomplete = merge(*paths)
    resumed = run("--resume", paths[0])

    assert resumed.exit_code == 0, resumed.output
    assert "shard 1/2 is not judged by itself" in resumed.stderr
    assert merge(*paths, "-o", project / "all.json").exit_code == 0
    assert load_result(project / "all.json").complete
    assert incomplete.exit_code == 27, "there is no baseline of what is missing, and it must not pass unseen"
    assert "not measured: " in incomplete.stderr


def test_a_cell_that_is_missing_and_has_a_baseline_is_gone_as_in_a_check(run: Run, merge: Run, project: Path) -> None:
    accept(run, project)
    paths = measure(run, project, 2)
    first = load_result(paths[0])
    save_result(replace(first, cells=first.cells[1:]), paths[0], overwrite=True)

    merged = merge(*paths, "-o", project / "all.json")

    assert merged.exit_code == 95
    assert "1 gone" in merged.stdout
    assert "memcap run --resume SHARD" in merged.stdout
    judged = CliRunner().invoke(check, ["--project", str(project), str(project / "all.json")])
    assert (judged.exit_code, judged.stdout) == (merged.exit_code, merged.stdout)


def test_all_shards_have_the_interim_checks_of_the_whole_plan(run: Run, merge: Run, project: Path) -> None:
    accept(run, project)
    words = ("--until-decided", "--max-runs", "20")
    paths = measure(run, project, 3, *words)
    whole = run("--output", project / "whole.json", *words)

    assert whole.exit_code == 0, whole.output
    assert {load_result(path).looks for path in paths} == {load_result(project / "whole.json").looks}
    assert merge(*paths, "-o", project / "all.json").exit_code == 0
    assert load_result(project / "all.json").looks == load_result(project / "whole.json").looks


def test_a_merged_result_is_not_resumed(run: Run, merge: Run, project: Path) -> None:
    merge(*measure(run, project, 2), "-o", project / "all.json")
    refused = run("--resume", project / "all.json")
    assert isinstance(refused.exception, UsageError)
    assert "was merged of 2 shards, and cannot be resumed" in refused.exception.message
    assert "merge them again" in refused.exception.remedy


def test_a_missing_shard_and_a_file_that_is_there_write_nothing(run: Run, merge: Run, project: Path) -> None:
    paths = measure(run, project, 3)
    target = project / "all.json"
    missing = merge(paths[0], paths[2], "-o", target)
    assert isinstance(missing.exception, ShardsMissing)
    assert not target.exists()

    target.write_text("mine")
    assert isinstance(merge(*paths, "-o", target).exception, FileExistsAlready)
    assert target.read_text() == "mine"
    assert merge(*paths, "-o", target, "--force").exit_code == 0


def test_mixed_machines_are_told(run: Run, merge: Run, project: Path) -> None:
    paths = measure(run, project, 2)
    other = replace(load_result(paths[1]), environment=make_environment(engine="fake", host="elsewhere"))
    here = make_environment(engine="fake", host="here", kernel="5.0")
    save_result(replace(load_result(paths[0]), environment=here), paths[0], overwrite=True)
    save_result(other, paths[1], overwrite=True)

    refused = merge(*paths)
    assert isinstance(refused.exception, UsageError)
    assert f"kernel: 5.0 ({paths[0]}), 6.1.0 ({paths[1]})" in refused.exception.message
    done = merge(project / "shards", "--allow-mixed", "--json")
    assert done.exit_code == 0, done.output
    assert "the machines differ in kernel: 5.0" in done.stderr
    assert {cell["host"] for cell in json.loads(done.stdout)["cells"]} == {"here", "elsewhere"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--shard", "1/2", "--resume", "limits.toml"), "--shard cannot be combined with --resume"),
        (("--shard", "1/2", "--accept"), "--accept cannot be combined with --shard"),
        (("--shard", "1/2", "--explain"), "--explain cannot be combined with --shard"),
        (("--durations", "limits.toml"), "--durations goes with --shard"),
        (("--shard", "9/8"), "--shard: '9/8' is not a shard"),
    ],
)
def test_what_means_nothing_with_a_shard_is_refused(run: Run, words: tuple[str, ...], complaint: str) -> None:
    refused = run(*words)
    assert isinstance(refused.exception, UsageError)
    assert complaint in str(refused.exception)


@pytest.mark.parametrize("words", [("nothing.json",), (".",)])
def test_files_that_are_not_there_are_named(merge: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    refused = merge(*[tmp_path / "empty" / word for word in words])
    assert isinstance(refused.exception, UsageError)
    assert str(tmp_path / "empty") in refused.exception.message
