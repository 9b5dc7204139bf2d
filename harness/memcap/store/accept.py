"""Make baselines of measured cells; the cells that were not chosen stay as they are. Which may be: judge/acceptance."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from memcap.errors import SelectionError
from memcap.model import (
    Accepted,
    Baseline,
    Baselines,
    CampaignResult,
    CellResult,
    Ends,
    Metric,
    peak_is_floor,
)
from memcap.model.names import cell_name, image_name
from memcap.run_growth import accepted_growth
from memcap.units import counted, listed

# A tag or the beginning of a digest, as version 0.1.0 had it in names: `_1_4`, `_v2`, `_latest`, `_0123456789ab`.
_TAG = re.compile(r"_(v?[0-9][a-z0-9_]*|latest|[0-9a-f]{7,})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class BaselineChange:
    """What accepting one cell does; ``old`` is None for a new cell.

    ``renamed`` are the ids that the cell had while its image was named with its tag.
    """

    old: Baseline | None
    new: Baseline
    renamed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """All baselines as they will be; ``same`` counts the chosen cells whose figures are those of their baselines."""

    baselines: Baselines
    changes: tuple[BaselineChange, ...]
    same: int


def select_cells(patterns: Sequence[str], known: Collection[str], *, what: str) -> tuple[str, ...]:
    """Return the ids of ``known`` that match any of the globs, in their order; all of them for no globs.

    Raises SelectionError, naming the nearest id of ``what`` (in words), for a glob that matches nothing.
    """
    for pattern in patterns:
        if not any(fnmatchcase(cell_id, pattern) for cell_id in known):
            near = get_close_matches(pattern, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It has {_some(sorted(known))}."
            raise SelectionError(f"no cell of {what} matches {pattern!r}", remedy=hint)
    return tuple(each for each in known if not patterns or any(fnmatchcase(each, pattern) for pattern in patterns))


def accept(
    baselines: Baselines,
    result: CampaignResult,
    *,
    cells: Collection[str],
    accepted: Accepted,
    images: Collection[str] = (),
) -> Acceptance:
    """Return ``baselines`` with the ``cells`` (ids) of ``result`` in place of the older ones, accepted as told.

    A cell whose figures are those of its baseline keeps it, with what was told when it was accepted, and gets only
    `seconds` if it has none. What version 0.1.0
    accepted of an image under the name of its tag gives way to the image's cell; ``images`` are names that stay.
    """
    known = dict(baselines.cells)
    images = {*images, *result.images}
    changes = []
    chosen = [cell for cell in result.cells if cell.cell.id in cells]
    for cell in chosen:
        old, new = known.get(cell.cell.id), _baseline(cell, result, accepted)
        renamed = _ids_with_tag(cell, result, known, images) if old is None else ()
        if old is None or not new.says_the_same_as(old):
            earlier = [known.pop(cell_id) for cell_id in renamed]
            changes.append(BaselineChange(old=earlier[-1] if earlier else old, new=new, renamed=renamed))
            known[cell.cell.id] = new
        elif old.seconds is None:  # it was accepted by a memcap that did not keep them
            known[cell.cell.id] = replace(old, seconds=new.seconds)
    return Acceptance(baselines=Baselines(cells=known), changes=tuple(changes), same=len(chosen) - len(changes))


def _ids_with_tag(
    cell: CellResult, result: CampaignResult, known: Collection[str], images: Collection[str]
) -> tuple[str, ...]:
    """Return the ids in ``known`` that the cell had when ids held the tag of an image that was named by reference."""
    facts = result.images.get(cell.cell.image)
    if facts is None:
        return ()
    plain = image_name(facts.reference)
    mine = cell_name(cell.cell.id)
    return tuple(
        cell_id
        for cell_id, name in ((cell_id, cell_name(cell_id)) for cell_id in sorted(known))
        if replace(name, image=mine.image) == mine
        and name.image not in images
        and name.image.startswith(plain)
        and _TAG.fullmatch(name.image.removeprefix(plain))
    )


def as_baselines(result: CampaignResult) -> tuple[Baselines, tuple[str, ...]]:
    """Return the cells of ``result`` as if they were accepted, and in words what of it is no baseline."""
    cells, left_out = {}, []
    for cell in result.cells:
        others = [run.ending for run in cell.runs if run.ending is not cell.cell.expected_ending]
        told = ", ".join(dict.fromkeys(ending.value for ending in others))
        if len(others) == len(cell.runs):
            left_out.append(
                f"{cell.cell.id}: no run ended {cell.cell.expected_ending.value} ({told or 'there is none'})"
            )
            continue
        if others:
            left_out.append(f"{len(others)} of {counted(len(cell.runs), 'run')} of {cell.cell.id} ({told})")
        found = _baseline(cell, result, Accepted(source=result.id))
        if peak_is_floor(cell.runs):
            left_out.append(f"peak of {cell.cell.id}: it was the container runtime's own start, whose size is random")
            found = replace(found, values={metric: each for metric, each in found.values.items()
                                           if metric is not Metric.PEAK})  # fmt: skip
        cells[cell.cell.id] = found
    return Baselines(cells=cells), tuple(left_out)


def _baseline(cell: CellResult, result: CampaignResult, accepted: Accepted) -> Baseline:
    return Baseline(
        cell_id=cell.cell.id,
        suite=cell.cell.suite,
        ending=cell.cell.expected_ending,
        runs=sum(run.ending is cell.cell.expected_ending for run in cell.runs),
        cap_bytes=cell.cell.cap.bytes,
        fingerprint=result.fingerprint(cell.cell.image),
        values=_values(cell),
        intervals=_intervals(cell),
        growth=accepted_growth(cell),
        accepted=accepted,
        seconds=_rounded(cell.seconds),
    )


def _rounded(seconds: float | None) -> float | None:
    """Return two digits of ``seconds``: more would change with every measurement."""
    return None if seconds is None else float(f"{seconds:.2g}")


def _values(cell: CellResult) -> dict[Metric, tuple[float, ...]]:
    """Return what later results are compared with: sizes. Times would change with each machine, and fill the diffs.

    A cell that is killed at its cap has none: its sizes are those of the cap. Nor has a soak, which is run once.
    """
    if cell.cell.expected_ending.is_oom or cell.cell.is_soak:
        return {}
    sizes = (metric for metric in Metric if metric.unit == "byte")
    return {metric: tuple(sorted(values)) for metric in sizes if (values := cell.values(metric))}


def _intervals(cell: CellResult) -> dict[Metric, Ends]:
    """Return the ends of the unreclaimable peaks where one of them is in doubt."""
    runs = [run for run in cell.runs if run.ending is cell.cell.expected_ending]
    lows = [run.unreclaimable_peak_low_bytes for run in runs if run.unreclaimable_peak_low_bytes is not None]
    highs = [run.unreclaimable_peak_high_bytes for run in runs if run.unreclaimable_peak_low_bytes is not None]
    if cell.cell.expected_ending.is_oom or cell.cell.is_soak or lows == highs:
        return {}
    known = [high for high in highs if high is not None]
    high = max(known) if len(known) == len(highs) else None
    return {Metric.UNRECLAIMABLE_PEAK: Ends(low=min(lows), high=high)}


def _some(names: Iterable[str]) -> str:
    return listed(list(names), 5) or "no cells"
