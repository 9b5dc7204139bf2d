"""An older revision beside the head: what is said of it, what is saved, what is refused. With a real git repository."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_cell, make_image, make_oom, make_plan_cell, make_result, make_runs
from memcap.cli.progress import say
from memcap.config import load_config
from memcap.errors import ConfigError, UsageError
from memcap.images.this_machine import HOST, on_this_machine
from memcap.model import Metric, Plan
from memcap.plan import Selection, make_plan
from memcap.revision import Base, in_base
from memcap.store import load_result
from memcap.workflows.base_ref import (
    base_path,
    base_revision,
    judged_against,
    saver,
    tell_where,
)
from memcap.workflows.selection import refuse_resuming

pytestmark = pytest.mark.allow_processes

BENCHMARK = '[benchmarks.NAME]\ncall = "work:f"\ncaps = ["64m"]\n'
EVERYTHING = Selection()
CELL = make_plan_cell()


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project in a repository: at `before` there is none, at `broken` a bad one; `old` has f and old."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    write(tmp_path, "README", "nothing yet")
    write(tmp_path, "images/py312/Dockerfile", "FROM scratch\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message=before")
    git(tmp_path, "tag", "before")
    for tag, suite in (("broken", "[benchmarks.f]\ncal = 1\n"), ("old", _benchmarks("f", "old"))):
        write(tmp_path, "limits.toml", '[caps]\n64m = "64m"\n[profiles.quick]\n')
        write(tmp_path, "suites/demo/suite.toml", suite)
        write(tmp_path, "suites/demo/work.py", "def f():\n    pass\n")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", f"--message={tag} code")
        git(tmp_path, "tag", tag)
    write(tmp_path, "suites/demo/suite.toml", _benchmarks("f", "young"))
    return tmp_path


def _benchmarks(*names: str) -> str:
    return "".join(BENCHMARK.replace("NAME", name) for name in names)


def base_at(project: Path, ref: str, *, images: tuple[str, ...] = (), selection: Selection = EVERYTHING) -> Base:
    config = load_config(project)
    plan = make_plan(config, profile="quick", selection=selection)
    with base_revision(ref, config, plan, selection=selection, images=images, tell=say) as base:
        assert base is not None
        for suite in base.suites.values():
            assert (suite.directory / "work.py").is_file()
        return base


def test_the_base_is_read_from_its_revision_and_what_it_lacks_is_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = base_at(project, "old")
    assert [cell.id for cell in base.plan.cells] == ["demo.f-py312-64m"]
    assert not base.suites["demo"].directory.exists(), "it is there as long as it is needed"
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == f"base: old is {git(project, 'rev-parse', 'old')[:12]} (old code)"
    assert rest == [
        "new, as old does not have it: demo.young-py312-64m",
        "gone, only old has it; not measured: demo.old-py312-64m",
    ]


def test_no_revision_no_base(project: Path) -> None:
    config = load_config(project)
    with base_revision(None, config, make_plan(config, profile="quick", selection=EVERYTHING), selection=EVERYTHING,
                       images=(), tell=say) as base:  # fmt: skip
        assert base is None


def test_a_revision_without_a_project_makes_everything_new(project: Path) -> None:
    assert base_at(project, "before").new == ("demo.f-py312-64m", "demo.young-py312-64m")


def test_mistakes_of_the_base_are_named_with_its_revision(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"broken:suites/demo/suite\.toml:2"):
        base_at(project, "broken")
    assert git(project, "worktree", "list").count("\n") == 0


def test_on_this_machine_itself_the_base_runs_here_too(project: Path) -> None:
    config = on_this_machine(load_config(project))
    plan = make_plan(config, profile="quick", selection=EVERYTHING)
    with base_revision("old", config, plan, selection=EVERYTHING, images=(), tell=say) as base:
        assert base is not None
        assert [cell.image for cell in base.plan.cells] == [HOST]


SHOP = Selection(images=("shop:new",))


def test_an_image_built_elsewhere_needs_its_older_self_to_be_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (same,) = base_at(project, "old", selection=SHOP).plan.cells
    assert "shop:new is the same on both sides" in capsys.readouterr().err
    (other,) = base_at(project, "old", selection=SHOP, images=("shop:new=shop:old",)).plan.cells
    assert "same on both sides" not in capsys.readouterr().err
    assert (same.image.reference, other.image.reference) == ("shop:new", "shop:old")
    assert same.image.name == other.image.name == "shop"


def test_a_name_that_is_bound_on_both_sides(project: Path) -> None:
    bound = Selection(images=("prod=shop/prod:1.1",))
    (cell,) = base_at(project, "old", selection=bound, images=("prod=shop/prod:1.0",)).plan.cells
    assert (cell.id, cell.image.reference) == ("demo.f-prod-64m", "shop/prod:1.0")


@pytest.mark.parametrize("pair", ["shop:new", "shop:new=", "shop:other=shop:old", "py312=shop:old", "=shop:old"])
def test_a_stand_in_for_nothing_is_refused(project: Path, pair: str) -> None:
    with pytest.raises(UsageError, match="is not IMAGE=REFERENCE"):
        base_at(project, "old", selection=SHOP, images=(pair,))


BASE = Base(plan=Plan(profile="quick", cells=(CELL,), runs=1, warmups=0), suites={}, new=(), gone=())


def both_sides() -> tuple[str, str]:
    return CELL.id, in_base(CELL)


def test_each_side_is_saved_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "nightly.json"
    images = {"py312": make_image(), "py312.base": make_image("py312.base", digest="sha256:old")}
    whole = make_result(*map(make_cell, both_sides()), images=images)
    saver(path, BASE)(whole)
    saver(path, BASE)(whole)  # each group of cells
    assert base_path(path) == tmp_path / "nightly.base.json"
    head, older = load_result(path), load_result(base_path(path))
    assert (head.id, older.id) == (whole.id, f"{whole.id}.base")
    for side in (head, older):
        assert [cell.cell.id for cell in side.cells] == [CELL.id]
    assert older.images["py312"].digest == "sha256:old"


def test_without_a_base_the_result_is_saved_as_it_is(tmp_path: Path) -> None:
    saver(tmp_path / "nightly.json", None)(make_result())
    assert [path.name for path in tmp_path.iterdir()] == ["nightly.json"]
    assert load_result(tmp_path / "nightly.json") == make_result()


def test_the_head_is_judged_against_what_was_measured_beside_it(project: Path) -> None:
    older, newer = make_runs([50, 51]), make_runs([70, 71])
    ids = both_sides()
    images = {name: make_image(name, reference="memcap/py312:1") for name in ("py312", "py312.base")}
    whole = make_result(make_cell(ids[0], newer), make_cell(ids[1], older), images=images)
    head, baselines = judged_against(whole, BASE, load_config(project))
    assert [cell.cell.id for cell in head.cells] == list(baselines.cells) == [CELL.id]
    assert baselines.cells[CELL.id].values[Metric.PEAK] == (50 << 20, 51 << 20)
    assert baselines.cells[CELL.id].fingerprint == head.fingerprint("py312")


def test_without_a_base_the_projects_baselines_count(project: Path) -> None:
    whole = make_result()
    assert judged_against(whole, None, load_config(project))[0] is whole
    assert judged_against(whole, None, load_config(project))[1].cells == {}


def test_a_base_that_did_not_run_as_it_should_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, (ours, older) = tmp_path / "nightly.json", both_sides()
    whole = make_result(make_cell(ours), make_cell(older, [make_oom()]))
    tell_where(path, whole, BASE, tell=say)
    assert capsys.readouterr().err.splitlines() == [
        f"result: {path}",
        f"result of the base: {tmp_path / 'nightly.base.json'}",
        f"base: {CELL.id}: no run ended completed (oom_killed)",
    ]
    tell_where(path, make_result(), None, tell=say)
    assert capsys.readouterr().err == f"result: {path}\n"


@pytest.mark.parametrize("words", [("--base-ref", "main"), ("--base-ref=main",)])
def test_a_campaign_with_a_base_is_not_resumed(words: tuple[str, ...]) -> None:
    begun = make_result(command=("memcap", "run", *words))
    with pytest.raises(UsageError, match="side by side"):
        refuse_resuming(begun)
    refuse_resuming(replace(begun, command=("memcap", "run")))
