"""Which measured cells may be baselines: those whose figures say something, of an environment like the old one's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from memcap.judge import judge
from memcap.judge.endings import remedy_for
from memcap.judge.environment import unlike
from memcap.judge.samples import worst
from memcap.judge.soaks import LONGER, NO_VERDICT
from memcap.judge.unjudged import find_beside
from memcap.model import Baseline, Baselines, CampaignResult, CellResult, MetricVerdict, Rules, Verdict, VerdictState
from memcap.run_growth import accepted_growth, growth_of_cell
from memcap.units import counted

_OR_EXPECT = "Or declare the ending in suite.toml (`expect`) and measure again."


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a measured cell cannot be a baseline, and what to do."""

    cell_id: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.cell_id}: {self.reason}. {self.remedy}"


def refusals(
    result: CampaignResult,
    baselines: Baselines,
    rules: Rules,
    *,
    cells: Collection[str],
    allow_undecided: bool = False,
    allow_unlike: bool = False,
) -> tuple[Refusal, ...]:
    """Return those of ``cells`` (ids) of ``result`` that cannot take the place of their baselines.

    A run that did not end as expected, fewer than ``rules.minimum_runs`` good ones, a soak that was too short, and an
    image that was measured beside another tag of it always refuse a cell; an environment unlike the baseline's and a
    comparison with it that is undecided do so unless they are allowed. A broken budget does not: it needs no baseline,
    and stays broken.
    """
    verdicts = {each.cell_id: each for each in judge(result, baselines, rules)}
    found = []
    for cell in result.cells:
        if cell.cell.id not in cells:
            continue
        refusal = _runs(cell, 1 if cell.cell.is_soak else rules.minimum_runs) or _soak(cell) or _beside(cell, result)
        old = baselines.cells.get(cell.cell.id)
        if old and not refusal and not allow_unlike:
            refusal = _environment(cell, old, result, rules)
        if old and not refusal and not allow_undecided:
            refusal = _undecided(verdicts[cell.cell.id], rules.minimum_runs)
        if refusal:
            found.append(refusal)
    return tuple(found)


def _runs(cell: CellResult, minimum_runs: int) -> Refusal | None:
    expected = cell.cell.expected_ending
    others = [run for run in cell.runs if run.ending is not expected and not run.ending.is_infrastructure]
    if others:
        runs = counted(len(cell.runs), "run")
        return Refusal(
            cell_id=cell.cell.id,
            reason=f"{len(others)} of {runs} ended {others[0].ending.value}, expected {expected.value}",
            remedy=f"{remedy_for(cell, others[0])} {_OR_EXPECT}".lstrip(),
        )
    good = sum(run.ending is expected for run in cell.runs)
    if good < minimum_runs:
        return Refusal(
            cell_id=cell.cell.id,
            reason=f"{counted(good, 'usable run')}, a baseline needs {minimum_runs}",
            remedy=f"Measure it with more runs: memcap run --runs {minimum_runs}",
        )
    return None


def _soak(cell: CellResult) -> Refusal | None:
    """Refuse a soak that was too short to tell whether it leaks."""
    if not cell.cell.is_soak or accepted_growth(cell) is not None:
        return None
    growth = growth_of_cell(cell)
    return Refusal(cell_id=cell.cell.id, reason=growth.words if growth else NO_VERDICT, remedy=LONGER)


def _beside(cell: CellResult, result: CampaignResult) -> Refusal | None:
    if cell.cell.image not in result.side_by_side:
        return None
    found = find_beside()
    return Refusal(cell_id=cell.cell.id, reason=found.summary, remedy=found.remedy)


def _environment(cell: CellResult, old: Baseline, result: CampaignResult, rules: Rules) -> Refusal | None:
    differs = unlike(old, result.fingerprint(cell.cell.image), cell, rules)
    if not differs.blocking:
        return None
    return Refusal(
        cell_id=cell.cell.id,
        reason=f"its baseline is of another environment: {'; '.join(differs.blocking)}",
        remedy="Accept it where the baselines were made; or, if the project has moved, with --allow-unlike.",
    )


def _undecided(verdict: Verdict, minimum_runs: int) -> Refusal | None:
    """Refuse what the figures leave open. A baseline that itself has too few of them is no reason to keep it."""
    open_states = (VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA)
    compared = [each for each in verdict.metrics if not _lacks_base(each, minimum_runs)]
    # A broken budget would hide the state of the metrics.
    state = worst(each.state for each in compared) if compared else VerdictState.UNCHANGED
    left_open = [each for each in compared if each.state is state and state in open_states]
    if not left_open and (verdict.metrics or verdict.state not in open_states):
        return None
    told = "; ".join(f"{each.metric.value}: {each.detail}" for each in left_open) or verdict.summary
    return Refusal(
        cell_id=verdict.cell_id,
        reason=f"compared with its baseline it is {left_open[0].state.value if left_open else verdict.state.value} "
        f"({told})",
        remedy="Measure it with more runs (memcap run --until-decided), or pass --allow-undecided.",
    )


def _lacks_base(metric: MetricVerdict, minimum_runs: int) -> bool:
    return metric.state is VerdictState.NOT_ENOUGH_DATA and len(metric.base_values) < minimum_runs
