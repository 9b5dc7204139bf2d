"""Going on with an interrupted campaign: its plan is found again from its cells."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from factories import make_cell, make_image, make_result
from memcap.cli.run import command
from memcap.config import load_config
from memcap.errors import DaemonUnavailable, SelectionError, UsageError
from memcap.model import CallWorkload, Config
from memcap.workflows import plan as planning
from memcap.workflows.selection import plan_of

SUITE = '[benchmarks.leak]\ncommand = ["true"]\n[benchmarks.calm]\ncommand = ["true"]\n'
IDS = ("demo.leak-py312-128m", "demo.leak-other_1-128m", "demo.calm-py312-128m")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name, text in {
        "limits.toml": '[caps]\n128m = "128m"\n[profiles.quick]\nruns = 3\nwarmups = 2\n',
        "suites/demo/suite.toml": SUITE,
        "images/py312/Dockerfile": "FROM scratch\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return load_config(tmp_path)


@pytest.mark.parametrize("variant", ["", ".cold"])
def test_the_plan_of_an_interrupted_campaign_is_the_same(config: Config, variant: str) -> None:
    ids = tuple(name.replace("-", f"{variant}-", 1) for name in IDS)
    images = {"py312": make_image("py312"), "other_1": make_image("other_1", reference="other:1")}
    warmups = 0 if variant else 4
    begun = make_result(make_cell(ids[0]), plan_cells=ids, images=images, runs=7, warmups=warmups)

    plan = plan_of(begun, config)

    assert {cell.id for cell in plan.cells} == set(ids)
    assert {cell.is_cold for cell in plan.cells} == {bool(variant)}
    assert (plan.runs, plan.warmups) == (7, warmups)
    assert {cell.image.reference for cell in plan.cells} == {None, "other:1"}


def test_a_name_that_was_bound_stays_bound(config: Config) -> None:
    images = {"py312": make_image("py312", reference="shop/prod:1.1")}
    plan = plan_of(make_result(make_cell(IDS[0]), images=images), config)
    assert [(cell.id, cell.image.reference) for cell in plan.cells] == [(IDS[0], "shop/prod:1.1")]


def test_a_benchmark_that_is_gone_is_named(config: Config) -> None:
    with pytest.raises(SelectionError, match="gone"):
        plan_of(make_result(make_cell("demo.gone.cold-py312-128m")), config)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--max-runs", "9"), "--max-runs goes with --until-decided"),
        (("--until-decided", "--no-check"), "--no-check does not"),
        (("--base-image", "shop:new=shop:old"), "--base-image goes with --base-ref"),
        (("--base-ref", "main", "--resume", "limits.toml"), "--base-ref does not go with --resume"),
    ],
)
def test_options_that_mean_nothing_together_are_refused_before_anything_is_read(
    config: Config, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(config.root)
    refused = CliRunner().invoke(command, words)
    assert isinstance(refused.exception, UsageError)
    assert complaint in str(refused.exception)


def test_an_interrupted_campaign_of_another_length_goes_on_with_that(config: Config) -> None:
    suite = config.root / "suites" / "demo"
    (suite / "suite.toml").write_text('[benchmarks.long]\ncall = "work:long"\nduration = "5min"\n', encoding="utf-8")
    (suite / "work.py").write_text("def long():\n    yield\n", encoding="utf-8")
    begun = make_result(make_cell("demo.long.20s-py312-128m"), images={"py312": make_image("py312")})
    [cell] = plan_of(begun, load_config(config.root)).cells
    assert cell.id == "demo.long.20s-py312-128m"
    assert isinstance(cell.benchmark.workload, CallWorkload)
    assert cell.benchmark.workload.duration_seconds == 20


def test_a_dry_run_prints_the_plan_and_runs_nothing(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> None:
        raise DaemonUnavailable("no daemon here", remedy="")

    monkeypatch.setattr(planning, "connect", nobody)
    shown = CliRunner().invoke(command, ["--dry-run", "--project", str(config.root)])
    assert shown.exit_code == 0, shown.output
    assert "demo.leak-py312-128m" in shown.output
    assert "Profile quick: 2 cells, 6 runs and 4 warm-ups." in shown.output
    assert not config.results_directory.exists()
