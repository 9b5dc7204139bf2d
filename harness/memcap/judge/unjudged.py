"""Which cells should have been compared and could not be: a check that passes says that something was judged."""

from __future__ import annotations

from memcap.judge.finding import CellFinding, accepting
from memcap.model import Baselines, CellResult, Rules, VerdictState
from memcap.model.names import cell_name
from memcap.run_growth import growth_of_cell

_NOT_COMPARED = frozenset({VerdictState.NEW, VerdictState.INCOMPARABLE, VerdictState.NOT_ENOUGH_DATA})


def images_with_baselines(baselines: Baselines) -> dict[str, set[str]]:
    """Return the images in which a benchmark (``suite.benchmark``) has baselines."""
    images: dict[str, set[str]] = {}
    for name in map(cell_name, baselines.cells):
        images.setdefault(name.full_benchmark, set()).add(name.image)
    return images


def is_unjudged(state: VerdictState, others: set[str], rules: Rules) -> bool:
    """Tell whether a cell of that state fails the check because it was not judged.

    ``others`` are the images in which its benchmark has baselines. Without any there is nothing yet to be judged by.
    """
    return bool(others) and state in _NOT_COMPARED and not (rules.allow_new and state is VerdictState.NEW)


def find_new(cell: CellResult, origin: str, others: set[str]) -> CellFinding:
    """Return what to say of a cell without a baseline, whose benchmark has some in the images ``others``."""
    summary = f"{origin} has no such cell" if origin else "there is no baseline to compare with"
    if cell.cell.is_soak and (growth := growth_of_cell(cell)) is not None:
        summary = f"{growth.words}; {summary}"
    if not others:
        return CellFinding(state=VerdictState.NEW, summary=summary, remedy=accepting(cell, origin))
    known = cell.cell.image in others
    which = "others" if known else f"some in {', '.join(sorted(others))}"
    renamed = f"If this is another build of {min(others)}: --image {min(others)}=REFERENCE"
    remedies = (
        *(() if known or len(others) > 1 else (renamed,)),
        *(() if origin else (accepting(cell, origin, before="If it is new"),)),
        "Let new cells pass: --allow-new",
    )
    return CellFinding(
        state=VerdictState.NEW, summary=f"{summary}, and its benchmark has {which}", remedy=". ".join(remedies)
    )


def find_beside() -> CellFinding:
    """Return what to say of a cell whose image was measured beside another tag of it."""
    return CellFinding(
        state=VerdictState.NEW,
        summary="its image was measured beside another tag of it, so baselines do not apply",
        remedy="Measure one of them, or name it: --image NAME=REFERENCE",
    )
