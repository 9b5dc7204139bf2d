"""What workloads printed: the end of it where a run failed, and all that was kept where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from memcap.model import Measurement
from memcap.report.figures import run_name
from memcap.report.text import all_lines, last_lines, wrapped
from memcap.report.view import CellView, ProblemView, View

_SHOWN_RUNS = 3


def ends_of_output(view: View, width: int) -> Iterator[str]:
    """Yield the last lines of what each workload printed that did not end as expected."""
    for problem in view.problems:
        if lines := last_lines(problem.output, width):
            yield "\n".join([wrapped(f"The end of the output{_of(problem, view)}:", width), *lines])


def whole_output(view: View, width: int) -> Iterator[str]:
    """Yield what was kept of the output of each cell: of the runs that did not end as expected, or of the last one."""
    for cell in view.cells:
        shown = shown_runs(cell)
        for run in shown:
            title = wrapped(f"Output of {cell.id}, {run_name(run, cell.runs)}:", width)
            yield "\n".join([title, *all_lines(run.output_tail, width)])
        if cell.runs and not shown:
            yield wrapped(f"Output of {cell.id}: nothing was printed, or it was not kept (run --show-output).", width)


def shown_runs(cell: CellView) -> tuple[Measurement, ...]:
    """Return the first runs that did not end as expected and whose output was kept; if there are none, the last one."""
    kept = [run for run in cell.runs if run.output_tail]
    expected = cell.cell.expected_ending if cell.cell else None
    others = [run for run in kept if run.ending is not expected]
    return tuple(others[:_SHOWN_RUNS] or kept[-1:])


def _of(problem: ProblemView, view: View) -> str:
    return f" of {problem.cell_ids[0]}" if len(view.cells) > 1 else ""
