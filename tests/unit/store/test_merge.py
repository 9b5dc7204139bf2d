"""Two branches that accept: baseline files as git merges them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from repository import Repository, make_repository

from factories import make_baseline, make_cell, make_fingerprint, make_runs
from memcap.model import Accepted, Baseline, Baselines
from memcap.store import load_baselines, save_baselines

pytestmark = pytest.mark.allow_processes

NAMES = ("a", "b", "c", "d", "e")


def _id(name: str) -> str:
    return f"agents.{name}-py312-128m"


def _baseline(name: str, peak: float = 62, **changes: object) -> Baseline:
    cell = make_cell(_id(name), make_runs(peak + step / 10 for step in range(5)))
    accepted = Accepted(reason=f"{peak} MiB", by="Ada", source=f"20261120T043000-quick-{peak:04.0f}")
    return make_baseline(cell, accepted=accepted, **changes)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with five baselines on `main`, and a branch `other` of the same commit."""
    found = make_repository(tmp_path, monkeypatch)
    _accept(found, *(_baseline(name) for name in NAMES))
    found.git("branch", "other")
    return found


def _accept(repository: Repository, *baselines: Baseline) -> None:
    known = dict(load_baselines(repository.root).cells)
    save_baselines(Baselines(cells=known | {each.cell_id: each for each in baselines}), repository.root)
    repository.commit()


@pytest.mark.parametrize("other", [name for name in NAMES if name != "c"])
def test_branches_that_accept_different_cells_merge_by_themselves(repository: Repository, other: str) -> None:
    here = _baseline("c", 70, fingerprint=make_fingerprint(image_digest="sha256:1"))
    there = _baseline(other, 80, fingerprint=make_fingerprint(image_digest="sha256:2"))
    _accept(repository, here)
    repository.git("switch", "--quiet", "other")
    _accept(repository, there)
    repository.git("merge", "--quiet", "main")
    assert load_baselines(repository.root).cells == {
        **{_id(name): _baseline(name) for name in NAMES},
        here.cell_id: here,
        there.cell_id: there,
    }


@pytest.mark.parametrize(("new", "changed"), [("bb", "c"), ("bb", "b"), ("f", "e"), ("0", "a")])
def test_a_new_cell_merges_with_a_change_of_its_neighbour(repository: Repository, new: str, changed: str) -> None:
    _accept(repository, _baseline(new, 70))
    repository.git("switch", "--quiet", "other")
    _accept(repository, _baseline(changed, 80))
    repository.git("merge", "--quiet", "main")
    merged = load_baselines(repository.root).cells
    assert (merged[_id(new)], merged[_id(changed)]) == (_baseline(new, 70), _baseline(changed, 80))


def test_a_cell_that_both_accepted_is_one_conflict_that_names_both_reasons(repository: Repository) -> None:
    _accept(repository, _baseline("c", 70, fingerprint=make_fingerprint(image_digest="sha256:1")))
    repository.git("switch", "--quiet", "other")
    _accept(repository, _baseline("c", 80, fingerprint=make_fingerprint(image_digest="sha256:2")))
    repository.git("merge", "--quiet", "main", fails=True)
    text = (repository.root / "agents.json").read_text()
    assert text.count("<<<<<<<") == 1
    (conflict,) = re.findall(r"<<<<<<<.*>>>>>>>", text, re.DOTALL)
    assert '"reason": "70 MiB"' in conflict
    assert '"reason": "80 MiB"' in conflict
    assert "agents." not in conflict  # no other cell, and not the name of this one, which stands right above
    assert text[: text.index("<<<<<<<")].rstrip().endswith(f'"{_id("c")}": {{')
    repository.git("checkout", "--quiet", "--theirs", "agents.json")
    assert load_baselines(repository.root).cells[_id("c")].accepted.reason == "70 MiB"
