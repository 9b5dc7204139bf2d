"""Does a soak leak, and more than its baseline does?"""

from __future__ import annotations

from memcap.judge.finding import CellFinding, accepting
from memcap.model import AcceptedGrowth, Baseline, CellResult, VerdictState
from memcap.run_growth import RunGrowth, growth_of_cell

NO_VERDICT = "no run ended as expected"
LONGER = "Let it run longer: `duration` or `cycles` in suite.toml, or the load of a server."


def find_soak(cell: CellResult, baseline: Baseline, *, origin: str) -> CellFinding:
    """Compare a soak with its baseline, by what docs/decisions/0015-soak-cells.md says."""
    growth, old = growth_of_cell(cell), baseline.growth
    if growth is None or growth.verdict.leak is None:
        return CellFinding(
            state=VerdictState.NOT_ENOUGH_DATA,
            summary=growth.words if growth else NO_VERDICT,
            remedy=LONGER,
        )
    if old is None:
        return CellFinding(
            state=VerdictState.NEW,
            summary=f"{growth.words}; the baseline is of no soak",
            remedy=accepting(cell, origin),
        )
    state, words = _compared(growth, old)
    before = {
        VerdictState.REGRESSED: "Find what is kept (memcap profile); if it is meant",
        VerdictState.IMPROVED: "Keep the gain",
    }.get(state)
    remedy = "" if before is None else accepting(cell, origin, before=before) or f"{before.partition(';')[0]}."
    return CellFinding(state=state, summary=f"{growth.words}; {words}", remedy=remedy)


def _compared(growth: RunGrowth, old: AcceptedGrowth) -> tuple[VerdictState, str]:
    """Return what became of the growth, and what the baseline said."""
    if not growth.verdict.leak:
        if not old.leak:
            return VerdictState.UNCHANGED, f"nor does the baseline leak ({old.words})"
        return VerdictState.IMPROVED, f"the baseline leaks ({old.words})"
    if not old.leak:
        return VerdictState.REGRESSED, f"the baseline does not leak ({old.words})"
    rate = growth.rate
    if rate is None or old.low is None or old.high is None or growth.unit != old.unit:
        return VerdictState.UNCHANGED, f"the baseline leaks, too ({old.words})"
    if rate.low > old.high:
        return VerdictState.REGRESSED, f"faster than the baseline ({old.words})"
    if rate.high < old.low:
        return VerdictState.IMPROVED, f"slower than the baseline ({old.words})"
    return VerdictState.UNCHANGED, f"as fast as the baseline ({old.words})"
