"""``memcap run --accept``: make the first baselines of benchmarks that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.cli.progress import say
from memcap.units import counted

if TYPE_CHECKING:
    from memcap.judge.acceptance import Refusal
    from memcap.model import Baselines, CampaignResult, Config
    from memcap.report import View

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

    def tell(self) -> None:
        """Say what was accepted, and what was not."""
        if self.is_any:
            named = ", ".join(map(str, self.files))
            say(f"accepted {counted(self.count, 'cell')} as the first baselines of their benchmarks: {named}")
        elif not self.refused:
            say("accepted nothing: every benchmark that was measured has baselines, or failed")
        for each in self.refused:
            say(f"not accepted: {each}")


def warn_of_ignored(files: Sequence[Path], root: Path) -> None:
    """Say which of the files of baselines git would never commit: a clone would have nothing to judge by."""
    from memcap.store import ignored_files

    for path in ignored_files(root, files):
        say(
            f"git ignores {path}, so it would be in no commit and judge nothing in CI; `git check-ignore -v {path}` "
            "says by which line, and `!/results/baselines/*` in .gitignore takes files out"
        )


def accept_first(result: CampaignResult, view: View, config: Config, baselines: Baselines) -> FirstBaselines:
    """Accept the cells of ``view`` that are new and whose benchmarks have none of ``baselines``. Raises NotWritten."""
    from memcap.judge.acceptance import refusals
    from memcap.judge.unjudged import benchmark_of
    from memcap.model import Accepted, VerdictState
    from memcap.store import accept, save_baselines, user_name

    known = {benchmark_of(cell_id) for cell_id in baselines.cells}
    new = {
        cell.id
        for cell in view.cells
        if cell.verdict and cell.verdict.state is VerdictState.NEW and benchmark_of(cell.id) not in known
    }
    refused = refusals(result, baselines, config.rules, cells=new)
    good = new - {each.cell_id for each in refused}
    accepted = Accepted(reason=REASON, by=user_name(config.root), source=result.id)
    done = accept(baselines, result, cells=good, accepted=accepted)
    files = save_baselines(done.baselines, config.baseline_directory) if good else ()
    warn_of_ignored(files, config.root)
    return FirstBaselines(count=len(done.changes), files=files, refused=refused)
