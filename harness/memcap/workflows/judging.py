"""A result judged against baselines, or against nothing, with the exit code that says how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.config import folder_in_repository
from memcap.errors import MemcapError, TimeIsUp
from memcap.judge import judge, worst_exit_code
from memcap.model import Baselines, CampaignResult, CellResult, Config, Rules, Verdict, VerdictState
from memcap.report import View, build_view

if TYPE_CHECKING:
    from memcap.profile_diff import Explanation


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """What is compared: the result's file, and what it is judged against as it was named (None: the baselines).

    ``base_ref`` and ``base_images`` are those of `memcap run`.
    """

    result: Path
    against: str | None = None
    base_ref: str | None = None
    base_images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """A result, the project by whose rules it is judged, and the baselines.

    ``explained`` says how the base can be found of what became worse, if that is asked for. If ``time_is_up``, planned
    cells are missing for that reason.
    """

    config: Config
    result: CampaignResult
    baselines: Baselines
    explained: ExplainRequest | None = None
    time_is_up: bool = False


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A result, the view that reports are made of, and verdicts on the cells that did not end as they should."""

    result: CampaignResult
    verdicts: tuple[Verdict, ...]
    view: View

    @property
    def cells(self) -> tuple[CellResult, ...]:
        """Return the cells with their runs."""
        return self.result.cells

    @property
    def exit_code(self) -> int:
        """Return the code that `memcap` ends with: 0 if nothing was found wrong."""
        return self.view.exit_code


@dataclass(frozen=True, kw_only=True)
class Judged(Measured):
    """A result that was compared with baselines: it has a verdict on each cell."""

    case: Case

    @property
    def explained(self) -> tuple[Explanation, ...]:
        """Return what changed by line in the cells that became worse."""
        return self.view.explained


def judged(case: Case) -> Judged:
    """Judge the result of ``case``."""
    verdicts = tuple(judge(case.result, case.baselines, case.config.rules))
    view = build_view(
        case.result,
        verdicts,
        exit_code=_exit_code(verdicts, time_is_up=case.time_is_up),
        against=case.baselines.origin,
        project=folder_in_repository(case.config.root),
    )
    return Judged(result=case.result, verdicts=verdicts, view=view, case=case)


def unjudged(result: CampaignResult, *, root: Path | None = None, time_is_up: bool = False) -> Measured:
    """Compare ``result`` with nothing: only what did not end as it should has a verdict.

    ``root`` is the project, if there is one.
    """
    verdicts = judge(result, Baselines(cells={}), Rules(tolerances={}, minimum_runs=1))
    bad = tuple(verdict for verdict in verdicts if verdict.state is not VerdictState.NEW)
    view = build_view(
        result,
        bad,
        exit_code=_exit_code(bad, time_is_up=time_is_up),
        is_judged=False,
        project=folder_in_repository(root) if root else "",
    )
    return Measured(result=result, verdicts=bad, view=view)


class UnexpectedEnding(MemcapError):  # noqa: N818 - reads as what happened
    """A workload fails as it is, so that nothing else can be found out about it; ``measured`` has its runs."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        endings = dict.fromkeys(run.ending.value for cell in measured.cells for run in cell.runs)
        super().__init__(
            f"the workload did not end as expected: {', '.join(endings)}",
            remedy="`memcap measure` shows its runs; --show-output shows what it printed.",
        )
        self.exit_code = measured.exit_code


def _exit_code(verdicts: Sequence[Verdict], *, time_is_up: bool) -> int:
    """Return the code of what was found; if nothing was and ``time_is_up``, that of cells that are missing for it."""
    if not time_is_up:
        return worst_exit_code(verdicts)
    found = worst_exit_code(verdict for verdict in verdicts if verdict.state is not VerdictState.GONE)
    return found or TimeIsUp.exit_code
