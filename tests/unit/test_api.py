"""memcap as a library: what the page about it shows, with the fake engine; and what it must not do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest
from documents import python_blocks
from projects import make_project

import memcap
from factories import MIB, make_layer
from memcap import api
from memcap.cli import cli
from memcap.engine.fake import FakeEngine
from memcap.model import CLIENT_LAYER
from memcap.workflows import execute, fit
from memcap.workflows.caller import Tell
from memcap.workflows.options import CompareOptions, MeasureOptions, RunOptions
from memcap.workflows.ready import Ready
from memcap.workflows.request import CampaignRequest

HEAVY = ("docker", "pyperf", "pydantic", "rich", "requests", "click", "numpy", "psutil")
NEEDS_DOCKER = "memcap.profile("  # in tests/integration/test_python_api.py


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Let all campaigns run on the fake engine; what is returned says what cells need."""
    found: dict[str, int] = {}

    @contextmanager
    def made_ready(request: CampaignRequest, tell: Tell) -> Iterator[Ready]:
        tell("building nothing")
        pairs = {(cell.image.name, cell.benchmark.suite) for cell in request.plan.cells}
        layers = {(image, suite): make_layer(image, suite) for image, suite in pairs}
        layers[CLIENT_LAYER] = make_layer()
        yield Ready(engine=FakeEngine(found or {"*": 20 * MIB}), layers=layers)

    for module in (execute, fit):
        monkeypatch.setattr(module, "made_ready", made_ready)
    return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path)


@pytest.mark.usefixtures("needs", "project")
@pytest.mark.allow_processes  # git is asked who accepts
def test_the_page_tells_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    blocks = python_blocks("docs/python-api.md")
    for block in blocks:
        if NEEDS_DOCKER not in block:
            exec(compile(block, "docs/python-api.md", "exec"), names)

    printed = capsys.readouterr()
    assert printed.err == ""
    assert "size '128' has no unit" in printed.out
    assert "agents.llm-py312-128m new" in printed.out
    assert "building nothing" in names["messages"]
    assert sum(NEEDS_DOCKER in block for block in blocks) == 1


@pytest.mark.usefixtures("project")
@pytest.mark.allow_processes
def test_a_regression_is_a_verdict_and_no_error(needs: dict[str, int], capsys: pytest.CaptureFixture[str]) -> None:
    options = memcap.RunOptions(select=("agents.llm",))
    needs["*"] = 20 * MIB
    first = memcap.run(options=replace(options, accept=True))
    assert first.accepted
    assert first.accepted.count == 1
    needs["*"] = 30 * MIB
    worse = memcap.run(options=options)

    assert worse.judged
    assert worse.judged.exit_code == 99
    assert [verdict.state for verdict in worse.judged.verdicts] == [memcap.VerdictState.REGRESSED]
    assert memcap.check(worse.path).exit_code == 99
    assert memcap.check(worse.path, options=memcap.CheckOptions(against=str(worse.path))).exit_code == 0
    assert memcap.run(options=replace(options, no_check=True)).judged is None
    shard = memcap.run(options=replace(options, shard="1/1"))
    assert shard.judged is None
    assert memcap.merge(shard.path).exit_code == 99
    merged = memcap.merge(options=memcap.MergeOptions(results=(shard.path,), output=Path("all.json")))
    assert memcap.load_result("all.json") == merged.result
    assert worse.result.is_run, "`memcap check` finds it as the newest run"
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("project")
def test_a_workload_that_fails_as_it_is_has_no_fit(needs: dict[str, int]) -> None:
    needs["*"] = 1 << 50
    with pytest.raises(memcap.UnexpectedEnding) as failed:
        memcap.fit("some/image:1", ["true"])
    assert failed.value.exit_code == 97
    assert failed.value.measured.cells[0].runs[0].ending is memcap.Ending.OOM_KILLED


@pytest.mark.usefixtures("project")
def test_contradictions_are_reported_together() -> None:
    with pytest.raises(memcap.UsageError) as refused:
        memcap.run(options=memcap.RunOptions(max_runs=9, base_images=("a=b",)))
    assert "2 contradictions" in refused.value.message
    assert "--max-runs goes with --until-decided" in refused.value.message
    assert "--base-image goes with --base-ref" in refused.value.message


OPTIONS = (
    ("run", RunOptions(select=("agents", "a.b-c-d"), images=("a=b:1", "c"), runs=3, cold=True, base_ref="main")),
    ("run", RunOptions(root=Path("tests"), within="20min", no_check=True, keep_output=True, resume=Path("r.json"))),
    (
        "measure",
        MeasureOptions(
            caps=("1m", "2m"),
            jobs=2,
            container_options=memcap.ContainerOptions(user="app"),
            serving=memcap.ServingOptions(serve=True, ready="tcp://localhost:1", services=("db=postgres:15",)),
        ),
    ),
    ("compare", CompareOptions(words=("a.json", "b.json"), runs=7)),
)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_a_result_keeps_the_command_line_that_measures_it_again(name: str, options: Any) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    image = ["image"] if name == "measure" else []
    given = command.make_context(name, [*api.command_words(options), *image]).params

    for each in fields(options):
        if each.name not in ("container_options", "serving"):
            parsed = given.get(each.name, given.get("show_output"))
            assert parsed == getattr(options, each.name), each.name
    if name == "measure":
        assert given["user"] == "app"
        assert (given["serve"], given["ready"], given["services"]) == (True, "tcp://localhost:1", ("db=postgres:15",))


def test_every_name_is_there_and_no_other() -> None:
    assert set(memcap.__all__) == {*api.__all__, "__version__"}
    for name in memcap.__all__:
        assert getattr(memcap, name) is not None
    assert set(memcap.__all__) <= set(dir(memcap))
    with pytest.raises(AttributeError, match="has no attribute 'mesure'"):
        memcap.mesure  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.allow_processes
@pytest.mark.parametrize("name", ["__version__", "measure", "RunOptions"])
def test_importing_it_loads_nothing_heavy(name: str) -> None:
    code = f"import sys, memcap; memcap.{name}; print([each for each in {HEAVY!r} if each in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.allow_processes
def test_the_version_alone_imports_no_other_module_of_memcap() -> None:
    code = "import sys, memcap; print([each for each in sys.modules if each.startswith('memcap.')])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
