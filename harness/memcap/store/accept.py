"""Make baselines of measured cells; the cells that were not chosen stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from memcap.errors import SelectionError
from memcap.model import Baseline, Baselines, CampaignResult, CellResult, Metric


@dataclass(frozen=True, kw_only=True)
class BaselineChange:
    """What accepting one cell does; ``old`` is None for a new cell."""

    old: Baseline | None
    new: Baseline

    @property
    def is_change(self) -> bool:
        """Tell whether the file will differ."""
        return self.old != self.new


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a measured cell cannot be a baseline, and what to do."""

    cell_id: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.cell_id}: {self.reason}. {self.remedy}"


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """All baselines as they will be, and how that came about."""

    baselines: Baselines
    changes: tuple[BaselineChange, ...]
    refusals: tuple[Refusal, ...]


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


def accept(baselines: Baselines, result: CampaignResult, *, cells: Collection[str], minimum_runs: int) -> Acceptance:
    """Return ``baselines`` with the ``cells`` (ids) of ``result`` in place of the older ones.

    A cell is refused if a run did not end as expected, or if fewer than ``minimum_runs`` did.
    """
    accepted = dict(baselines.cells)
    changes, refusals = [], []
    for cell in result.cells:
        if cell.cell.id not in cells:
            continue
        refusal = _refusal(cell, minimum_runs)
        if refusal:
            refusals.append(refusal)
            continue
        new = _baseline(cell, result)
        changes.append(BaselineChange(old=accepted.get(cell.cell.id), new=new))
        accepted[cell.cell.id] = new
    return Acceptance(baselines=Baselines(cells=accepted), changes=tuple(changes), refusals=tuple(refusals))


def _refusal(cell: CellResult, minimum_runs: int) -> Refusal | None:
    expected = cell.cell.expected_ending
    others = [run.ending for run in cell.runs if run.ending is not expected and not run.ending.is_infrastructure]
    if others:
        return Refusal(
            cell_id=cell.cell.id,
            reason=f"{len(others)} of {len(cell.runs)} runs ended {others[0].value}, expected {expected.value}",
            remedy=f"{others[0].remedy} Or declare the ending in suite.toml (`expect`) and measure again.".lstrip(),
        )
    good = sum(run.ending is expected for run in cell.runs)
    if good < minimum_runs:
        return Refusal(
            cell_id=cell.cell.id,
            reason=f"{good} usable runs, a baseline needs {minimum_runs}",
            remedy=f"Measure it with more runs: memcap run --runs {minimum_runs}",
        )
    return None


def _baseline(cell: CellResult, result: CampaignResult) -> Baseline:
    return Baseline(
        cell_id=cell.cell.id,
        suite=cell.cell.suite,
        ending=cell.cell.expected_ending,
        runs=sum(run.ending is cell.cell.expected_ending for run in cell.runs),
        cap_bytes=cell.cell.cap.bytes,
        fingerprint=result.fingerprint(cell.cell.image),
        values=_values(cell),
    )


def _values(cell: CellResult) -> dict[Metric, tuple[float, ...]]:
    """Return what later results are compared with: sizes. Times would change with each machine, and fill the diffs.

    A cell that is killed at its cap has none: its sizes are those of the cap.
    """
    if cell.cell.expected_ending.is_oom:
        return {}
    sizes = (metric for metric in Metric if metric.unit == "byte")
    return {metric: tuple(sorted(values)) for metric in sizes if (values := cell.values(metric))}


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    if not shown:
        return "no cells"
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")
