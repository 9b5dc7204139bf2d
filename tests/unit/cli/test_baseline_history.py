"""``memcap baseline history`` and ``prune`` on real repositories."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from projects import make_project
from repository import Repository, make_repository

from factories import CELL_ID, make_baseline, make_baselines, make_cell, make_fingerprint, make_runs
from memcap.cli.baseline import command
from memcap.errors import SelectionError
from memcap.model import Accepted, Baseline, BaselineVersion, CellHistory, Metric
from memcap.report.baselines import render_history
from memcap.report.sparkline import PLAIN
from memcap.store import load_baselines, save_baselines

pytestmark = pytest.mark.allow_processes

LLM = "agents.llm-py312-128m"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository whose project accepted crew_backed twice, and removed llm."""
    found = make_repository(make_project(tmp_path), monkeypatch)
    _accept(found, _baseline(62, reason=None), _baseline(30, LLM, reason=None))
    _accept(found, _baseline(70, reason="the crew keeps its tools"))
    (_folder(found) / "agents.json").unlink()
    _accept(found, _baseline(70, reason="the crew keeps its tools"))
    return found


def _folder(repository: Repository) -> Path:
    return repository.root / "results" / "baselines"


def _baseline(peak: float, cell_id: str = CELL_ID, *, reason: str | None) -> Baseline:
    accepted = Accepted(reason=reason, by="Ada Lovelace" if reason else None, source=None)
    return make_baseline(make_cell(cell_id, make_runs([peak] * 5)), accepted=accepted)


def _accept(repository: Repository, *baselines: Baseline) -> None:
    known = load_baselines(_folder(repository)).cells
    save_baselines(make_baselines(*known.values(), *baselines), _folder(repository))
    repository.commit()


def _run(repository: Repository, *arguments: str) -> Result:
    return CliRunner().invoke(command, [arguments[0], "--project", str(repository.root), *arguments[1:]])


def test_the_history_says_when_why_and_how_much(repository: Repository) -> None:
    result = _run(repository, "history", "--metric", "peak")
    assert result.exit_code == 0, result.output
    assert CELL_ID in result.output
    assert LLM not in result.output  # it has no baseline any more, and was not named
    assert "peak  ▁█  62.0 MiB to 70.0 MiB" in result.output
    assert "70.0 MiB    +12.9%" in result.output
    assert '"the crew keeps its tools", by Ada Lovelace' in result.output
    assert "committed by Ada Lovelace" in result.output  # of the first, which says nothing itself


def test_a_removed_cell_can_be_named(repository: Repository) -> None:
    output = _run(repository, "history", LLM).output
    assert "removed" in output
    assert "29.0 MiB" in output


def test_json_has_every_version(repository: Repository) -> None:
    document = json.loads(_run(repository, "history", "--json").output)
    (cell,) = document["cells"]
    assert document["metric"] == "unreclaimable_peak"
    assert cell["id"] == CELL_ID
    assert [each["median"] for each in cell["versions"]] == [69 * 2**20, 61 * 2**20]
    assert [each["reason"] for each in cell["versions"]] == ["the crew keeps its tools", None]
    assert cell["versions"][1]["commit"] == repository.git("rev-parse", "HEAD~2")[:7]


def test_the_newest_few_are_shown_and_the_others_counted(repository: Repository) -> None:
    output = _run(repository, "history", "--limit", "1").output
    assert "committed by" not in output
    assert "and 1 older (--limit)" in output


def test_an_unreadable_version_is_told_beside_the_others(repository: Repository) -> None:
    (_folder(repository) / "agents.json").write_text("<<<<<<< HEAD")
    result = _run(repository, "history")
    assert result.exit_code == 0
    assert "could not be read: " in result.stderr
    assert "git left a merge conflict" in result.stderr
    assert CELL_ID in result.stdout


def test_no_such_cell(repository: Repository) -> None:
    assert isinstance(_run(repository, "history", "agents.crow*").exception, SelectionError)


def _drift(count: int) -> CellHistory:
    hostile = Accepted(reason="a \x1b[31mred\x1b[0m reason " + "with many words " * 4, by="B\r\n", source="r" * 30)
    versions = [
        BaselineVersion(
            commit=f"{place:07x}" if place else None,
            date="2026-11-20",
            author="Ada",
            baseline=None if place == 3 else replace(_baseline(62 + place % 5, reason="why"), accepted=hostile),
        )
        for place in range(count)
    ]
    return CellHistory(cell_id=CELL_ID, versions=tuple(versions))


@pytest.mark.parametrize("levels", [{}, {"levels": PLAIN}])
def test_a_drawn_history_fits_and_obeys_nothing(
    golden: Callable[[str, str], None], levels: dict[str, str], tmp_path: Path
) -> None:
    text = render_history([_drift(60)], Metric.PEAK, limit=6, width=80, **levels)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert text.isascii() is bool(levels)
    golden(f"report/baseline-history{'-plain' if levels else ''}.txt", text)


@pytest.fixture
def full(repository: Repository) -> Repository:
    """Return a repository with baselines of cells that are there and of cells that are not."""
    origin = {"py310": "registry", "host": "this machine", "py39": "built from its Dockerfile"}
    ids = (
        CELL_ID,
        "agents.crew_backed-py312-256m",
        "agents.crew_backed.cold-py312-128m",
        "agents.crew_backed.20s-py312-128m",
        "agents.crew_backed-py310-128m",
        "agents.crew_backed-host-128m",
        LLM,
        *_GONE,
    )
    for cell_id in ids:
        image = cell_id.split("-")[1]
        fingerprint = make_fingerprint(image=image, image_origin=origin.get(image, "built"))
        _accept(repository, make_baseline(make_cell(cell_id), fingerprint=fingerprint))
    return repository


_GONE = {
    "agents.crew_backed-py312-1g": "there is no cap '1g'",
    "agents.crew_backed-py39-128m": "there is no image 'py39'",
    "agents.crew_backed.warm-py312-128m": "there is no variant 'warm'",
    "agents.gone-py312-128m": "the suite 'agents' has no benchmark 'gone'",
    "agents.llm-py312-256m": "the benchmark does not run under the cap '256m'",
    "streams.fixed-py312-128m": "there is no suite 'streams'",
}


def test_prune_removes_what_cannot_be_measured_any_more(full: Repository) -> None:
    before = load_baselines(_folder(full)).cells
    told = [f"{cell_id}: {why}" for cell_id, why in _GONE.items()]
    dry = _run(full, "prune", "--dry-run")
    assert dry.output.splitlines() == [*told, "Would remove 6 of 13 baselines."]
    assert load_baselines(_folder(full)).cells == before
    done = _run(full, "prune")
    assert done.output.splitlines()[:7] == [*told, "Removed 6 of 13 baselines."]
    assert f"Deleted {_folder(full) / 'streams.json'}" in done.output
    after = load_baselines(_folder(full)).cells
    assert after == {cell_id: each for cell_id, each in before.items() if cell_id not in _GONE}
    assert _run(full, "prune").output == "Removed 0 of 7 baselines.\n"
