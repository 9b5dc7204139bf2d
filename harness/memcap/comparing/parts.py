"""What a benchmark's need is made of, as one run tells it. docs/compare.md has the definitions and their limits."""

from __future__ import annotations

from enum import Enum

from memcap.model import Measurement


class Part(str, Enum):
    """A part of what a benchmark needs; the first three and the container's floor add up to ``unreclaimable_peak``."""

    INTERPRETER = "interpreter"
    IMPORTS = "imports"
    WORKLOAD = "workload"
    SLACK = "slack"


def part_bytes(run: Measurement, part: Part) -> int | None:
    """Return the bytes of ``part`` in one run; None for a command, or where the run did not get that far.

    Interpreter: what the runner held before it imported the workload. Imports: how much more it held before the first
    call. Workload: the rest of ``unreclaimable_peak`` without the container's floor. Slack, which is within the
    workload's part: how much more than before the first call is held when the result was dropped and collected.
    """
    phases = run.phases
    if phases is None or phases.interpreter_bytes is None:
        return None
    if part is Part.INTERPRETER:
        return phases.interpreter_bytes
    imported = phases.imported_bytes
    if imported is None:
        return None
    if part is Part.IMPORTS:
        return imported - phases.interpreter_bytes
    if part is Part.SLACK:
        return None if phases.left_bytes is None else phases.left_bytes - imported
    if run.unreclaimable_peak_bytes is None or run.floor_bytes is None:
        return None
    return run.unreclaimable_peak_bytes - run.floor_bytes - imported
