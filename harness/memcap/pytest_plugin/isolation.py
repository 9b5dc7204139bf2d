"""Run tests in processes of their own: those with a memory limit, and all memory tests when figures are asked for."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import cast

import pytest

from memcap.pytest_plugin.afterwards import run_apart
from memcap.pytest_plugin.figures import figures_of_report
from memcap.pytest_plugin.settings import MemcapWarning, memory_settings
from memcap.testing.table import MEGABYTE

_RUNS = "memcap_runs"  # an attribute of a report; unlike its user properties it is not printed anywhere


class Isolation:
    """Take over the tests that need a process of their own."""

    def __init__(self, config: pytest.Config, *, platform: str = sys.platform) -> None:
        self._runs: int | None = config.getoption("--memcap-runs")
        self._can_limit = platform != "win32"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run ``item`` apart if it needs that; leave it to pytest otherwise."""
        settings = memory_settings(item)
        limit = None if settings.process_mb is None else int(settings.process_mb * MEGABYTE)
        if limit is not None and not self._can_limit:
            warnings.warn(
                MemcapWarning(
                    f"{item.nodeid}: memory_limit is skipped, as Windows has no limit to set; memory is still tracked"
                ),
                stacklevel=1,
            )
            limit = None
        repeats = self._runs if settings.is_memory_test else None
        if limit is None and repeats is None:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports(item, limit, repeats or 1):
            item.ihook.pytest_runtest_logreport(report=report)
        tear_down_others(item, nextitem)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def runs_of(report: pytest.TestReport) -> list[dict[str, object]]:
    """Return outcome, seconds, figures and failure of each run that ``report`` stands for; one of them is its own."""
    found: list[dict[str, object]] = getattr(report, _RUNS, [])
    return found


def _reports(item: pytest.Item, limit: int | None, times: int) -> Sequence[pytest.TestReport]:
    """Return what is to be reported of ``item``, also of what interrupts it here, such as pytest-timeout's signal."""
    call = pytest.CallInfo.from_call(
        lambda: _run_repeatedly(item, limit, times), when="call", reraise=(pytest.exit.Exception, KeyboardInterrupt)
    )
    if call.excinfo is None:
        return call.result
    gone = pytest.CallInfo.from_call(lambda: None, when="teardown")
    # The type of what a call returned does not matter to a report.
    broken = cast("pytest.CallInfo[None]", call)
    return [pytest.TestReport.from_item_and_call(item, each) for each in (broken, gone)]


def _run_repeatedly(item: pytest.Item, limit: int | None, times: int) -> Sequence[pytest.TestReport]:
    """Return the reports of the first run that failed, or of the last; the figures of all go with it.

    A test that is skipped is so every time, and one that was interrupted would be again.
    """
    runs: list[dict[str, object]] = []
    failed: Sequence[pytest.TestReport] | None = None
    for _ in range(times):
        reports = run_apart(item, limit)
        told = _telling(reports)
        properties = list(told.user_properties)
        runs.append(
            {"outcome": told.outcome, "seconds": told.duration, "properties": properties, "text": told.longreprtext}
        )
        if failed is None and any(report.outcome != "passed" for report in reports):
            failed = reports
        figures = figures_of_report(told)
        if told.outcome == "skipped" or (figures is not None and figures.ended == "timed_out"):
            break
    telling = failed or reports
    setattr(_telling(telling), _RUNS, runs)
    return telling


def _telling(reports: Sequence[pytest.TestReport]) -> pytest.TestReport:
    """Return the report of the call, or of what came instead of it; of several tries, that of the last."""
    return next((each for each in reversed(reports) if each.when == "call" or each.outcome != "passed"), reports[0])


def tear_down_others(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Tear down what earlier tests left for this one, such as fixtures of its module, unless the next one needs it."""
    state = item.session._setupstate
    call = pytest.CallInfo.from_call(lambda: state.teardown_exact(nextitem), when="teardown")
    if call.excinfo is not None:
        report = pytest.TestReport.from_item_and_call(item, call)
        item.ihook.pytest_runtest_logreport(report=report)
