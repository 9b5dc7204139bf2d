"""How long a run takes is learned when its cell is accepted, and stays until its figures change."""

from __future__ import annotations

from pathlib import Path

from factories import CELL_ID, make_cell, make_measurement, make_result
from memcap.model import Accepted, Baselines
from memcap.store import accept, load_baselines, save_baselines


def test_a_baseline_says_how_long_a_run_takes_until_its_figures_change(tmp_path: Path) -> None:
    def measured(peak: float, *seconds: float | None) -> Baselines:
        runs = [make_measurement(peak, wall_seconds=each) for each in seconds]
        return accept(known, make_result(make_cell(runs=runs)), cells=[CELL_ID], accepted=Accepted()).baselines

    known = Baselines()
    known = measured(62.5, None, None, None)
    assert known.cells[CELL_ID].seconds is None
    known = measured(62.5, 3.14159, 3.2, None)
    assert known.cells[CELL_ID].seconds == 3.2, "the median in two digits, for a baseline that had none"
    save_baselines(known, tmp_path)
    assert load_baselines(tmp_path) == known
    same = measured(62.5, 9.0, 9.0, 9.0)
    assert same == known, "the time alone is no change"
    assert save_baselines(same, tmp_path) == ()
    assert measured(80.0, 1234.0, 1234.0, 1234.0).cells[CELL_ID].seconds == 1200.0
