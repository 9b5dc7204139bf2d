"""The last step of `run`, `check` and `measure`: judge, print, and end with the code that says how it went."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from memcap.cli.output import emit
from memcap.cli.progress import caller
from memcap.cli.reports import Reports, Wanted, terminal_text, write_reports
from memcap.errors import BaselineRefused, Interrupted
from memcap.units import listed

if TYPE_CHECKING:
    from memcap.model import Config
    from memcap.report import View
    from memcap.workflows.caller import Tell
    from memcap.workflows.judging import Case, Judged, Measured

_NAMED = 3  # benchmarks that are listed


@dataclass(frozen=True, kw_only=True)
class Printing:
    """How a result is shown: as JSON, in detail, with the output of the workload; and the reports that are written."""

    as_json: bool = False
    verbose: bool = False
    show_output: bool = False
    wanted: tuple[Wanted, ...] = ()

    def text(self, view: View) -> str:
        """Return ``view`` as a terminal's text."""
        return terminal_text(view, verbose=self.verbose, show_output=self.show_output)

    def write_reports(self, view: View, config: Config | None) -> None:
        """Write the reports that were asked for, of the project ``config``."""
        reports = Reports(wanted=self.wanted, suites=config.suites if config else {})
        write_reports(view, reports, print_to_stderr=self.as_json)


_PLAIN = Printing()


def conclude(case: Case, printing: Printing, *, accept: bool = False) -> NoReturn:
    """Judge the result of ``case``, print the verdicts, write the reports and exit with the code.

    What became worse is explained by line if that is asked for. ``accept`` makes the first baselines of benchmarks.
    """
    from memcap.workflows.judging import judged

    def text() -> str:
        return _check_json(view) if printing.as_json else printing.text(view)

    calling, found = caller(), judged(case)
    view = found.view
    if case.explained:
        from memcap.workflows.explain import explain

        try:
            view = explain(found, calling).view
        except (Interrupted, KeyboardInterrupt):
            emit(text())  # the verdicts are there
            raise
    first = None
    if accept:
        from memcap.workflows.first_baselines import accept_first

        first = accept_first(case, view, tell=calling.tell)
    if first and first.is_any:
        view = replace(view, next_step="review the new files in results/baselines, and commit them")
    elif first and first.refused:
        view = replace(view, next_step="")  # each refusal says what to do
    emit(text())
    printing.write_reports(view, case.config)
    if first:
        first.report(calling.tell)
    _tell_of_lost_benchmarks(found, calling.tell)
    raise SystemExit(view.exit_code or (BaselineRefused.exit_code if first and first.refused else 0))


def _check_json(view: View) -> str:
    from memcap.report.json import render_check_json

    return render_check_json(view)


def _tell_of_lost_benchmarks(found: Judged, tell: Tell) -> None:
    """Say which baselines of the project have no benchmark, where a new cell may be that of a renamed one."""
    from memcap.model import VerdictState
    from memcap.store import lost_benchmarks

    baselines = found.case.baselines
    is_new = any(verdict.state is VerdictState.NEW for verdict in found.verdicts)
    if is_new and not baselines.origin and (lost := lost_benchmarks(found.case.config, baselines)):
        shown = listed(lost, _NAMED)
        tell(
            f"the project has baselines, but no benchmark, of {shown}. If it was renamed, accept the new cells, and "
            "remove the old baselines: memcap baseline prune"
        )


def conclude_unjudged(found: Measured, printing: Printing = _PLAIN, config: Config | None = None) -> NoReturn:
    """Print the figures of a result that is compared with nothing; exit with its code.

    JSON is that of `measure --json`.
    """
    from memcap.report.json import render_measure_json

    emit(render_measure_json(found.result) if printing.as_json else printing.text(found.view))
    printing.write_reports(found.view, config)
    raise SystemExit(found.exit_code)
