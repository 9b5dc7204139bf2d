"""Did the runs happen, and did they end as expected?"""

from __future__ import annotations

from collections import Counter
from typing import Final

from memcap.judge.finding import CellFinding, accepting
from memcap.model import (
    OF_NO_SUITE,
    Baseline,
    CellResult,
    Ending,
    Measurement,
    Origin,
    PhaseName,
    VerdictState,
    remedy_of,
)

_MUST_SERVE: Final = (
    "Read its output; check the load. A server stays in the foreground and answers requests until its stop signal."
)
_OF_CHILDREN: Final = (Ending.OOM_CHILD_NOTICED, Ending.OOM_CHILD_SWALLOWED, Ending.OOM_HUNG)


def find_infrastructure(cell: CellResult, minimum_runs: int) -> CellFinding | None:
    """Find cells whose runs mostly did not happen. What the others say of the workload, such as an OOM, comes first."""
    if cell.runs and _all_as_expected(cell):
        return None
    lost = [run for run in cell.runs if run.ending.is_infrastructure]
    sound = [run for run in cell.runs if not run.ending.is_infrastructure]
    if not cell.runs:
        return CellFinding(
            state=VerdictState.INFRASTRUCTURE, summary="no run was made", remedy="Run it again: memcap run"
        )
    if not lost or any(run.ending is not cell.cell.expected_ending for run in sound) or len(sound) >= minimum_runs:
        return None
    ending = lost[0].ending
    detail = f" ({lost[0].detail})" if lost[0].detail else ""
    return CellFinding(
        state=VerdictState.INFRASTRUCTURE,
        summary=f"{_in_runs(len(lost), len(cell.runs))} {ending.explanation}{detail}",
        remedy=remedy_for(cell, lost[0]),
    )


def find_ending(cell: CellResult, baseline: Baseline | None, *, origin: str) -> CellFinding | None:
    """Find runs that did not end as expected, and a baseline that was accepted when another ending was expected.

    ``origin`` is that of the baselines.
    """
    expected = cell.cell.expected_ending
    sound = [] if _all_as_expected(cell) else [run.ending for run in cell.runs if not run.ending.is_infrastructure]
    others = Counter(ending for ending in sound if ending is not expected)
    if others:
        # An OOM kill says more than what else went wrong beside it.
        ending = max(others, key=lambda each: (_is_memory(each), others[each]))
        example = next(run for run in cell.runs if run.ending is ending)
        summary = f"{_in_runs(others[ending], len(cell.runs))} {example.explanation}"
        if example.detail:
            summary += f" ({example.detail})"
        if expected is not Ending.COMPLETED:
            summary += f"; expected was {expected.value}"
        return CellFinding(
            state=state_of(ending, expected),
            summary=summary,
            remedy=remedy_for(cell, example)
            or f"If this is meant, remove {expected.value!r} from `expect` in suite.toml.",
            output=example.last_lines,
        )
    if baseline and baseline.ending is not expected:
        return CellFinding(
            state=VerdictState.ENDING_CHANGED,
            summary=f"ended {expected.value} as expected, but the baseline ended {baseline.ending.value}",
            remedy=accepting(cell, origin),
        )
    return _find_phase(cell)


def _find_phase(cell: CellResult) -> CellFinding | None:
    """Find runs of a server that ended as expected, but in another phase.

    A kill of a child says nothing of its phase: the server went on.
    """
    expected, ending = cell.cell.expected_phase, cell.cell.expected_ending
    if expected is None or ending in _OF_CHILDREN:
        return None
    others = Counter(phase for run in cell.runs if run.ending is ending and (phase := _last_phase(run)) is not None)
    del others[expected]
    if not others:
        return None
    phase, count = others.most_common(1)[0]
    return CellFinding(
        state=VerdictState.ENDING_CHANGED,
        summary=f"{_in_runs(count, len(cell.runs))} it ended {ending.value} as expected, but in the phase "
        f"{phase.value}; expected was {expected.value}",
        remedy=f"If this is meant, correct `phases.{expected.value}.expect` in suite.toml.",
    )


def _last_phase(run: Measurement) -> PhaseName | None:
    """Return the phase in which a server's run ended; one that was never ready was stopped after that."""
    names = [phase.name for phase in run.server.phases] if run.server else []
    if run.ending is Ending.NOT_READY and names[-1:] == [PhaseName.STOP]:
        names.pop()
    return names[-1] if names else None


def state_of(ending: Ending, expected: Ending) -> VerdictState:
    """Return what it means that a run had another ending than the expected one."""
    if ending.is_infrastructure:
        return VerdictState.INFRASTRUCTURE
    of_memory = _is_memory(ending) or _is_memory(expected) or ending is Ending.COMPLETED
    return VerdictState.ENDING_CHANGED if of_memory else VerdictState.WORKLOAD_FAILED


def _in_runs(count: int, total: int) -> str:
    """Return ``in 2 of 5 runs``, to begin a sentence that says what happened in them."""
    if count < total:
        return f"in {count} of {total} runs"
    return {1: "in the only run", 2: "in both runs"}.get(total, f"in all {total} runs")


def remedy_for(cell: CellResult, run: Measurement) -> str:
    """Return what to do about how one run of ``cell`` ended."""
    if run.server and run.ending is Ending.INCOMPLETE:
        return _MUST_SERVE
    origin = Origin.COMMAND if cell.cell.suite == OF_NO_SUITE else Origin.SUITE
    return remedy_of(run.ending, run.detail, origin)


def _all_as_expected(cell: CellResult) -> bool:
    expected = cell.cell.expected_ending
    return not [run for run in cell.runs if run.ending is not expected]


def _is_memory(ending: Ending) -> bool:
    return ending.is_oom or ending in (Ending.MEMORY_ERROR, Ending.CAP_EXCEEDED)
