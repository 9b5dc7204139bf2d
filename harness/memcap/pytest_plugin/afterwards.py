"""The reports of a test that ran in a process of its own, also of one that did not survive it."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from memcap.pytest_plugin.apart import Ended, execute_apart
from memcap.pytest_plugin.figures import Figures, figures_of_report, keep
from memcap.testing.table import megabytes


def run_apart(item: pytest.Item, limit: int | None) -> list[pytest.TestReport]:
    """Run ``item`` in a process of its own and return its reports; whatever becomes of it, there is one.

    ``limit`` is in bytes.
    """
    ended = execute_apart(item, limit)
    reports = list(_reports(item, ended))
    _pass_on_warnings(item, ended)
    if not any(report.when == "teardown" for report in reports):
        reports += _reports_of_death(item, ended, limit)
    elif limit is not None and ended.whole_peak_bytes > limit:
        _refuse(reports, ended.whole_peak_bytes, limit)
    for report in reports:
        figures = figures_of_report(report)
        if figures is None and report.when == "call":
            keep(report.user_properties, Figures(metric="rss", is_alone=True, limit=limit, peak=ended.peak_bytes))
    return reports


def _reports(item: pytest.Item, ended: Ended) -> Iterator[pytest.TestReport]:
    for line in ended.lines:
        if "report" in line:
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=line["report"])
            report.nodeid = item.nodeid  # xdist names groups behind it
            report.location = item.location
            # JSON knows no tuples.
            report.sections = [(name, text) for name, text in report.sections]
            report.user_properties = [(name, value) for name, value in report.user_properties]
            if isinstance(report.longrepr, list):
                path, number, reason = report.longrepr
                report.longrepr = (path, number, reason)
            yield report


def _refuse(reports: list[pytest.TestReport], peak: int, limit: int) -> None:
    """Let a test fail that was over its limit for too short a time to be ended."""
    told = next((each for each in reports if each.when == "call"), reports[0])
    if told.outcome == "passed":
        told.outcome = "failed"
        told.longrepr = (
            f"memory_limit: the process of this test held {megabytes(peak)} at its peak, over its limit of "
            f"{megabytes(limit)}; it was over too soon to be ended"
        )
        figures = figures_of_report(told) or Figures(metric="rss", is_alone=True, limit=limit, peak=peak)
        keep(told.user_properties, replace(figures, ended="cap_exceeded"))


def _reports_of_death(item: pytest.Item, ended: Ended, limit: int | None) -> list[pytest.TestReport]:
    """Return what is to be said of a process that did not come to its end."""
    phase = ended.phase or "setup"
    told, ending = _reason(ended, limit)
    problems = [line["problem"] for line in ended.lines if "problem" in line]
    parts = [told, *problems, *_where(ended.stack)]
    sections = [(f"Captured {name} {phase}", text) for name, text in ended.output.items() if text]
    failed = _report(item, phase, "failed", "\n\n".join(parts), ended.seconds)
    failed.sections += sections
    keep(
        failed.user_properties,
        Figures(metric="rss", is_alone=True, limit=limit, peak=ended.peak_bytes, ended=ending),
    )
    _honour_xfail(item, failed)
    return [failed] if phase == "teardown" else [failed, _report(item, "teardown", "passed", None, 0.0)]


def _reason(ended: Ended, limit: int | None) -> tuple[str, str]:
    """Say why the process ended, and name its Ending."""
    where = {"": "before the test began", "setup": "in setup", "call": "in call", "teardown": "in teardown"}[
        ended.phase
    ]
    if ended.interrupted:
        return f"{ended.interrupted}\nThe process of this test was ended {where}.", "timed_out"
    if ended.over_limit is not None and limit is not None:
        text = (
            f"memory_limit: the process of this test held {megabytes(ended.over_limit)}, over its limit of "
            f"{megabytes(limit)}, and was ended {where}"
        )
        if not ended.phase:
            text += "\nWhat the test imports needs more than the limit already; raise max_mb."
        return text, "cap_exceeded"
    if ended.code < 0:
        name = signal.Signals(-ended.code).name
        if ended.oom_kills:
            return f"the kernel killed the process of this test {where}: its cgroup has no memory left", "oom_killed"
        by = "; somebody else did it" if name == "SIGKILL" else ""
        return f"the process of this test was ended {where} by {name}{by}", "crashed"
    return f"the process of this test ended {where} with exit code {ended.code} and no report", "failed"


def _where(stack: str) -> list[str]:
    """Return the part of the dumped stacks that is of the test: up to pytest's own calls."""
    shown = []
    for block in stack.strip().split("\n\n"):
        lines = block.splitlines()
        own = [line for line in lines if '"' in line]
        cut = next((i for i, line in enumerate(own) if "_pytest" in line or "pluggy" in line), len(own))
        if own[:cut]:
            shown.append("\n".join([lines[0], *own[:cut]]))
    return ["It was here then:\n" + "\n".join(shown)] if shown else []


def _report(item: pytest.Item, phase: Any, outcome: Any, text: str | None, seconds: float) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords=dict.fromkeys(item.keywords, 1),
        outcome=outcome,
        longrepr=text,
        when=phase,
        duration=seconds,
    )


def _honour_xfail(item: pytest.Item, report: pytest.TestReport) -> None:
    """Let a test that is marked to fail, without conditions, be one that did as expected."""
    mark = item.get_closest_marker("xfail")
    if mark is not None and not mark.args and not set(mark.kwargs) - {"reason", "strict"}:
        report.outcome = "skipped"
        report.wasxfail = str(mark.kwargs.get("reason", ""))


def _pass_on_warnings(item: pytest.Item, ended: Ended) -> None:
    for line in ended.lines:
        if "warning" in line:
            module, name = line["category"]
            kind = getattr(sys.modules.get(module), name, UserWarning)
            message = warnings.WarningMessage(line["warning"], kind, line["filename"], line["lineno"])
            item.config.hook.pytest_warning_recorded.call_historic(
                kwargs={"warning_message": message, "nodeid": item.nodeid, "when": "runtest", "location": None}
            )
