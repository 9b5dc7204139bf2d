"""Which cells should have been compared and could not be: a check that passes says that something was judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from memcap.model import Baselines, Rules, Verdict, VerdictState

_NOT_COMPARED = frozenset({VerdictState.NEW, VerdictState.INCOMPARABLE, VerdictState.NOT_ENOUGH_DATA})


def benchmark_of(cell_id: str) -> str:
    """Return ``suite.benchmark`` of a cell, without its variant."""
    return ".".join(cell_id.partition("-")[0].split(".")[:2])


def mark_unjudged(verdicts: Iterable[Verdict], baselines: Baselines, rules: Rules) -> tuple[Verdict, ...]:
    """Return ``verdicts``; those of cells that were not compared are marked if their benchmark has any baseline.

    A benchmark without one is new, and there is nothing yet to be judged by.
    """
    images: dict[str, set[str]] = {}
    for cell_id in baselines.cells:
        images.setdefault(benchmark_of(cell_id), set()).add(_image_of(cell_id))
    return tuple(_marked(each, images.get(benchmark_of(each.cell_id), set()), baselines, rules) for each in verdicts)


def _marked(verdict: Verdict, images: set[str], baselines: Baselines, rules: Rules) -> Verdict:
    if not images or verdict.state not in _NOT_COMPARED or (rules.allow_new and verdict.state is VerdictState.NEW):
        return verdict
    marked = replace(verdict, is_unjudged=True)
    if verdict.cell_id in baselines.cells:  # the verdict says why the two could not be compared
        return marked
    others = "others"
    if _image_of(verdict.cell_id) not in images:
        others = f"some in {', '.join(sorted(images))}"
    permit = "let new cells pass with --allow-new"
    return replace(
        marked,
        summary=f"{verdict.summary}, and its benchmark has {others}",
        remedy=f"{permit[0].upper()}{permit[1:]}."
        if baselines.origin
        else f"Accept it (memcap baseline accept CELL), or {permit}.",
    )


def _image_of(cell_id: str) -> str:
    return cell_id.rsplit("-", 2)[1]
