"""``memcap run --accept``: make the first baselines of benchmarks that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memcap.judge.acceptance import Refusal, refusals
from memcap.model import Accepted, VerdictState
from memcap.model.names import cell_name
from memcap.report import View
from memcap.store import accept, ignored_files, save_baselines, user_name
from memcap.units import counted
from memcap.workflows.caller import Tell
from memcap.workflows.judging import Case

REASON = "first baseline"


@dataclass(frozen=True, kw_only=True)
class FirstBaselines:
    """How many cells were accepted, the files that hold them, and the cells that could not be accepted."""

    count: int
    files: tuple[Path, ...]
    refused: tuple[Refusal, ...]

    @property
    def is_any(self) -> bool:
        """Tell whether any cell was accepted."""
        return self.count > 0

    def report(self, tell: Tell) -> None:
        """Tell what was accepted, and what was not."""
        if self.is_any:
            named = ", ".join(map(str, self.files))
            tell(f"accepted {counted(self.count, 'cell')} as the first baselines of their benchmarks: {named}")
        elif not self.refused:
            tell("accepted nothing: every benchmark that was measured has baselines, or failed")
        for each in self.refused:
            tell(f"not accepted: {each}")


def warn_of_ignored(files: Sequence[Path], root: Path, *, tell: Tell) -> None:
    """Say which of the files of baselines git would never commit: a clone would have nothing to judge by."""
    for path in ignored_files(root, files):
        tell(
            f"git ignores {path}, so it would be in no commit and judge nothing in CI; `git check-ignore -v {path}` "
            "says by which line, and `!/results/baselines/*` in .gitignore takes files out"
        )


def accept_first(case: Case, view: View, *, tell: Tell) -> FirstBaselines:
    """Accept the cells of ``view`` that are new and whose benchmarks have no baselines in ``case``. Raises NotWritten.

    ``tell`` hears of files that git ignores.
    """
    result, config, baselines = case.result, case.config, case.baselines
    known = {cell_name(cell_id).full_benchmark for cell_id in baselines.cells}
    new = {
        cell.id
        for cell in view.cells
        if cell.verdict and cell.verdict.state is VerdictState.NEW and cell_name(cell.id).full_benchmark not in known
    }
    refused = refusals(result, baselines, config.rules, cells=new)
    good = new - {each.cell_id for each in refused}
    accepted = Accepted(reason=REASON, by=user_name(config.root), source=result.id)
    done = accept(baselines, result, cells=good, accepted=accepted)
    files = save_baselines(done.baselines, config.baseline_directory) if good else ()
    warn_of_ignored(files, config.root, tell=tell)
    return FirstBaselines(count=len(done.changes), files=files, refused=refused)
