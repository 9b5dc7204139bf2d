"""The short form: does a program die a little below memcap's interval, and live a little above it?

That takes some runs instead of twenty, where the daemon's processor is emulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from truth.lab import Lab
from truth.programs.judged import intervals
from truth.programs.measured import measure_program
from truth.programs.model import MIB, Program
from truth.programs.plainly import LEAST_BYTES, MOST_BYTES, charged_ahead, run_plainly
from truth.programs.search import PAGE, resolution

from memcap.model import Ending

COLUMNS = ("program", "what", "memcap", "dies below", "lives above", "ends far below", "verdict")
FAR_BELOW = 0.8  # not less, as small containers do not even start on cgroup v2


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was said of a program and seen of it: the ends in bytes, None where there is none or it was not tried."""

    program: Program
    low: int
    high: int | None
    died_below: bool | None
    lived_above: bool | None
    ending_below: Ending

    def problems(self) -> list[str]:
        """Return what is wrong."""
        found = []
        if self.died_below is False:
            found.append("it lives with less than memcap says it needs")
        if self.lived_above is False:
            found.append("it dies with more than memcap says it needs")
        if not (self.ending_below.is_oom or self.ending_below in (Ending.MEMORY_ERROR, Ending.NOT_STARTED)):
            found.append(f"it ended below with {self.ending_below.value}")
        return found

    def row(self) -> list[str]:
        """Return the cells of the table."""
        high = "no end" if self.high is None else f"{self.high / MIB:.2f}"
        return [
            self.program.name,
            self.program.what,
            f"{self.low / MIB:.2f}" if self.low == self.high else f"{self.low / MIB:.2f} to {high}",
            _shown(self.died_below),
            _shown(self.lived_above),
            self.ending_below.value,
            "; ".join(self.problems()) or "ok",
        ]


def check_program(lab: Lab, program: Program, reference: str) -> Checked:
    """Measure a program, and try with Docker alone a cap below and one above what memcap says.

    Raises RuntimeError where it does not complete with room to spare.
    """
    run_plainly(lab.client, reference, program, MOST_BYTES)  # its files are in the page cache then
    runs = measure_program(lab.client, program, reference, cap_bytes=MOST_BYTES, runs=lab.times(1))
    said = intervals(runs)
    if not said or any(run.ending is not Ending.COMPLETED for run in runs):
        raise RuntimeError(f"it did not complete with memcap: {runs[0].ending.value}, {runs[0].detail}")
    low, high = min(one.low for one in said), _largest([one.high for one in said])
    below = _whole_pages(low - charged_ahead(lab.client) - resolution(low))
    lived_above = None
    if high is not None:
        above = _whole_pages(high + charged_ahead(lab.client) + resolution(high))
        lived_above = run_plainly(lab.client, reference, program, above).lived
    died_below = None if below < LEAST_BYTES else not run_plainly(lab.client, reference, program, below).lived
    far_below = max(_whole_pages(int(low * FAR_BELOW)), LEAST_BYTES)
    (ended,) = measure_program(lab.client, program, reference, cap_bytes=far_below, runs=1)
    return Checked(
        program=program,
        low=low,
        high=high,
        died_below=died_below,
        lived_above=lived_above,
        ending_below=ended.ending,
    )


def _largest(ends: Sequence[int | None]) -> int | None:
    """Return the largest end; none where one of them has no bound."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _whole_pages(number: int) -> int:
    return number // PAGE * PAGE


def _shown(answer: bool | None) -> str:
    return "not tried" if answer is None else "yes" if answer else "no"
