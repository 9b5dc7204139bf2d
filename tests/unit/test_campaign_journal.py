"""A campaign with a journal: each run is on disk before it is told, and an interrupt loses none of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_layer, make_plan, make_plan_cell, make_settings
from memcap.campaign import Campaign, RunEnded
from memcap.engine.fake import FakeEngine
from memcap.errors import Interrupted
from memcap.model import CampaignResult, RawRun, RunSpec
from memcap.store import Journal, NotWritten, journal_path, load_interrupted, save_result

FOUR = tuple(make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313"))
PLAN = make_plan(*FOUR, runs=3, warmups=1)
LAYERS = {(name, "agents"): make_layer(name) for name in ("py312", "py313")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


def counts(result: CampaignResult) -> dict[str, tuple[int, int]]:
    return {cell.cell.id: (len(cell.warmups), len(cell.runs)) for cell in result.cells}


def run(path: Path, *, stop_at: int = 0, engine: FakeEngine | None = None, jobs: int = 1) -> FakeEngine:
    """Run the campaign, or continue it, until so many runs were told."""
    made = engine or FakeEngine({})
    campaign = Campaign(PLAN, engine=made, layers=LAYERS, settings=make_settings(jobs=jobs), journal=Journal(path))

    def tell(event: RunEnded) -> None:
        on_disk = counts(load_interrupted(path))[event.cell_id]
        assert sum(on_disk) >= sum(event.cell_id == cell for cell in told) + 1
        told.append(event.cell_id)
        if event.done == stop_at:
            raise KeyboardInterrupt

    told: list[str] = []
    exists = path.exists() or journal_path(path).exists()
    earlier = load_interrupted(path).cells if exists else ()
    try:
        campaign.run(tell=tell, save=lambda result: save_result(result, path, overwrite=True), earlier=earlier)
    except Interrupted:
        if not stop_at:
            raise
    return made


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("stop_at", [1, 2, 5, 8, 9, 15])
def test_an_interrupt_anywhere_leaves_the_missing_runs_to_be_made(path: Path, stop_at: int, jobs: int) -> None:
    run(path, stop_at=stop_at, jobs=jobs)
    kept = counts(load_interrupted(path))
    assert sum(map(sum, kept.values())) >= stop_at

    rest = run(path)
    made = [spec.cell_id for spec in rest.runs if spec.cell_id != "calibration"]
    assert len(made) == 16 - sum(map(sum, kept.values()))
    assert counts(load_interrupted(path)) == {cell.id: (1, 3) for cell in FOUR}


def test_a_cell_whose_last_run_is_in_the_journal_alone_gets_into_the_result(path: Path) -> None:
    """As after a kill between the last run of a group and its saving."""
    run(path)
    whole = load_interrupted(path)
    save_result(replace(whole, cells=whole.cells[:2]), path, overwrite=True)
    Journal(path).begin(whole, whole.cells[2:])

    assert run(path).runs == [], "not even the trial run"
    assert counts(load_interrupted(path)) == {cell.id: (1, 3) for cell in FOUR}
    assert journal_path(path).read_text().count("\n") == 1


def test_finished_cells_are_saved_before_they_leave_the_journal(path: Path) -> None:
    run(path, stop_at=9)  # the first group, and one run
    whole = load_interrupted(path)
    path.unlink()
    Journal(path).begin(whole, whole.cells)

    class Dead(FakeEngine):
        def execute(self, spec: RunSpec) -> RawRun:
            raise Interrupted("killed")

    with pytest.raises(Interrupted):
        run(path, engine=Dead({}))
    assert counts(load_interrupted(path)) == counts(whole)


def test_a_full_disk_ends_the_campaign_and_keeps_what_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add = Journal.add
    added: list[object] = []

    def full(self: Journal, *arguments: object, **details: object) -> None:
        if len(added) == 6:
            raise NotWritten("no space left")
        added.append(arguments)
        add(self, *arguments, **details)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", full)
        with pytest.raises(NotWritten):
            run(path)
    assert sum(map(sum, counts(load_interrupted(path)).values())) == 6
    assert len(run(path).runs) == 1 + 16 - 6
