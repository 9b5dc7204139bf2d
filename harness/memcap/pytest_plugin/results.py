"""Write what memory tests needed as a result of memcap, which `memcap report` and `memcap check` read.

Every test is a cell ``pytest.NAME-host-CAP``: NAME is made of its id, CAP of its memory limit. Tests that shared
pytest's process with others have the variant ``shared``: their figures depend on what ran before, and are not compared
with those of tests in processes of their own. None is compared with a container's.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from memcap import __version__
from memcap.errors import MemcapError
from memcap.model import (
    METRICS_VERSION,
    NO_CAP_BYTES,
    PROCESS_ENGINE,
    UNCAPPED,
    CampaignResult,
    Cap,
    Caveat,
    CaveatKind,
    CellResult,
    CellSummary,
    Ending,
    Environment,
    Measurement,
)
from memcap.model.names import new_campaign_id
from memcap.pytest_plugin.cell_names import SUITE, cell_name
from memcap.pytest_plugin.figures import Figures, figures_of
from memcap.pytest_plugin.isolation import runs_of
from memcap.pytest_plugin.settings import CONTAINERS
from memcap.units import counted

_IMAGE = "host"
_SHARED = "shared"
# The figures that are not defined as one of memcap's metrics are kept under names of their own.
_EXTRA = {"memory_start": "byte", "memory_peak": "byte", "memory_end": "byte", "memory_rise": "byte"}


class Results:
    """Collect the reports of a session, and write the file at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._path = Path(config.invocation_params.dir, config.getoption("--memcap-report"))
        self._started = datetime.now(timezone.utc).replace(microsecond=0)
        self._found: dict[str, list[_Run]] = {}
        self._said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a report tells of memory."""
        runs = list(_runs(report))
        if runs:
            self._found[report.nodeid] = runs

    def pytest_sessionfinish(self) -> None:
        """Write the file; an older one is replaced."""
        from memcap.store import save_result  # noqa: PLC0415 - heavy

        containers = self._config.pluginmanager.getplugin(CONTAINERS)
        measured: CampaignResult | None = containers.measured if containers else None
        if measured is None and not self._found:
            self._said = f"memcap: no memory test ran, so {self._path} was not written"
            return
        try:
            result = measured or _result(self._found, self._started)
            save_result(result, self._path, overwrite=True)
        except MemcapError as error:
            self._said = f"memcap: {error}"
            return
        count = counted(len(result.cells), "test")
        self._said = f"memcap: {count} in {self._path}; to read it: memcap report --no-check FILE"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the file is."""
        if self._said:
            terminalreporter.write_line(self._said)


class _Run:
    """One run of one test."""

    def __init__(self, figures: Figures, *, outcome: str, seconds: float, text: str) -> None:
        self.figures = figures
        self.outcome = outcome
        self.seconds = seconds
        self.text = text


def _runs(report: pytest.TestReport) -> Iterator[_Run]:
    """Yield the runs that a report stands for. A skipped test has none; one that failed as expected says nothing."""
    several = runs_of(report)
    for run in several:
        properties = run["properties"]
        figures = (
            figures_of([(str(name), value) for name, value in properties]) if isinstance(properties, list) else None
        )
        if figures is not None and run["outcome"] != "skipped":
            seconds = float(str(run["seconds"]))
            yield _Run(figures, outcome=str(run["outcome"]), seconds=seconds, text=str(run["text"]))
    own = figures_of(report.user_properties)
    if several or own is None or report.outcome == "skipped" or (report.when != "call" and own.ended is None):
        return
    yield _Run(own, outcome=report.outcome, seconds=report.duration, text=report.longreprtext)


def _result(found: dict[str, list[_Run]], started: datetime) -> CampaignResult:
    from memcap.images.this_machine import host_facts  # noqa: PLC0415 - heavy

    cells = tuple(_cell(nodeid, runs) for nodeid, runs in found.items())
    return CampaignResult(
        id=new_campaign_id(started, "pytest"),
        started=started.isoformat(),
        command=("pytest", *sys.argv[1:]),
        profile=SUITE,
        runs=max(len(runs) for runs in found.values()),
        warmups=0,
        environment=_environment(),
        images={_IMAGE: host_facts()},
        plan_cells=tuple(cell.cell.id for cell in cells),
        cells=cells,
        metrics_version=METRICS_VERSION,
    )


def _cell(nodeid: str, runs: list[_Run]) -> CellResult:
    figures, name = runs[0].figures, cell_name(nodeid)
    cap, variant = _cap(figures.limit), "" if figures.is_alone else _SHARED
    return CellResult(
        cell=CellSummary(
            id=f"{SUITE}.{name}{'.' if variant else ''}{variant}-{_IMAGE}-{cap.name}",
            suite=SUITE,
            benchmark=name,
            image=_IMAGE,
            cap=cap,
            extra_metrics=_EXTRA,
            variant=variant,
        ),
        runs=tuple(_measurement(nodeid, run) for run in runs),
    )


def _cap(limit: int | None) -> Cap:
    if limit is None:
        return Cap(name=UNCAPPED, bytes=NO_CAP_BYTES)
    # Names have no dots: 1.5 MB is 1500kb.
    return Cap(name=f"{limit // 10**6}mb" if limit % 10**6 == 0 else f"{limit // 1000}kb", bytes=limit)


def _measurement(nodeid: str, run: _Run) -> Measurement:
    """Return a run as memcap stores it. ``rss_peak`` is that of the test's process, as everywhere in memcap."""
    figures = run.figures
    ending = Ending(figures.ended) if figures.ended else Ending.COMPLETED if run.outcome == "passed" else Ending.FAILED
    extra = {
        "memory_start": figures.start,
        "memory_peak": figures.peak,
        "memory_end": figures.end,
        "memory_rise": None if figures.peak is None or figures.start is None else figures.peak - figures.start,
    }
    where = "in a process of its own" if figures.is_alone else "in one process with other tests"
    detail = f"measured by the pytest plugin {where}, metric {figures.metric}"
    return Measurement(
        ending=ending,
        detail=nodeid,
        cap_bytes=figures.limit,
        rss_peak_bytes=figures.own_peak,
        unreclaimable_peak_bytes=figures.peak if figures.metric == "cgroup" else None,
        wall_seconds=run.seconds,
        extra={name: float(value) for name, value in extra.items() if value is not None},
        output_tail=run.text,
        caveats=(Caveat(kind=CaveatKind.NO_CONTAINER, detail=detail),),
    )


def _environment() -> Environment:
    return Environment(
        engine=PROCESS_ENGINE,
        engine_version=__version__,
        cgroup_version=None,
        cgroup_driver="none",
        kernel=platform.release(),
        operating_system=platform.platform(terse=True),
        architecture=platform.machine(),
        cpus=os.cpu_count(),
        memory_bytes=_memory_bytes(),
        swap_accounting=None,
        memcap_version=__version__,
        host=platform.node() or None,
    )


def _memory_bytes() -> int:
    import psutil  # noqa: PLC0415 - heavy

    total: int = psutil.virtual_memory().total
    return total
