"""Run memory tests in containers of an image, each in one of its own under the cap, and report how each ended."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from memcap.campaign import Campaign
from memcap.config import find_image, find_root
from memcap.engine.docker import DockerEngine
from memcap.engine.docker_client import connect, environment
from memcap.errors import BuildError, ConfigError, MemcapError, PlanError
from memcap.feasible import check_feasible
from memcap.images.prepare import prepare_layers
from memcap.model import (
    Benchmark,
    CallWorkload,
    CampaignResult,
    CampaignSettings,
    Cap,
    Cell,
    CellResult,
    ContainerPolicy,
    Ending,
    ImageSource,
    Measurement,
    Origin,
    Plan,
    Suite,
    remedy_of,
)
from memcap.model.names import new_campaign_id
from memcap.pytest_plugin.cell_names import SUITE, cell_name
from memcap.pytest_plugin.settings import memory_settings
from memcap.pytest_plugin.staging import stage_tests
from memcap.references import image_by_word
from memcap.units import format_bytes, parse_bytes

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")  # unlike in a slug, the cap .5g is _5g, and 5g another
_TIME_LIMIT_SECONDS = 600.0
_OLDEST_PYTHON = (3, 10)
_UNFINISHED = "the process of this test ended before the test did, with exit code 0 (os._exit, exec)"


class Containers:
    """Take over the memory tests of a session; all their containers run when the first of them is due."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._image: str = config.getoption("--memcap-docker")
        self.result: CampaignResult | None = None
        try:
            size: str = config.getoption("--memcap-cap")
            self._cap = Cap(name=_NOT_IN_NAMES.sub("_", size.strip().lower()), bytes=parse_bytes(size))
        except MemcapError as error:
            raise pytest.UsageError(f"--cap: {error}") from error

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Report what became of ``item`` in its container; leave tests that are no memory tests to pytest."""
        from memcap.pytest_plugin.isolation import tear_down_others  # noqa: PLC0415 - it registers no hooks

        if not memory_settings(item).is_memory_test:
            return None
        if self.result is None:
            self.result = self._run([each for each in item.session.items if memory_settings(each).is_memory_test])
        cell = next(each for each in self.result.cells if each.cell.benchmark == cell_name(item.nodeid))
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in _reports(item, cell):
            item.ihook.pytest_runtest_logreport(report=report)
        tear_down_others(item, nextitem)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @property
    def measured(self) -> CampaignResult | None:
        """Return the result without the tests that were skipped or failed as expected: they say nothing of memory."""
        if self.result is None:
            return None
        told = tuple(cell for cell in self.result.cells if not any(_is_skipped(run) for run in cell.runs))
        return replace(self.result, cells=told, plan_cells=tuple(cell.cell.id for cell in told))

    def _run(self, items: list[pytest.Item]) -> CampaignResult:
        """Run all containers. Ends the session where that is impossible."""
        started = datetime.now(timezone.utc).replace(microsecond=0)
        settings = CampaignSettings(
            id=new_campaign_id(started, "pytest"),
            started=started.isoformat(),
            command=("pytest", *map(str, self._config.invocation_params.args)),
            policy=ContainerPolicy(entrypoint=()),  # that of the image is for its own program
            time_limit_seconds=_TIME_LIMIT_SECONDS,
            jobs=1,  # more where CPUs and memory allow
        )
        plan = Plan(
            profile=SUITE,
            cells=tuple(self._cell(item, image_of_project(self._image, self._config.rootpath)) for item in items),
            runs=self._config.getoption("--memcap-runs") or 1,
            warmups=0,
        )
        try:
            with tempfile.TemporaryDirectory(prefix="memcap-") as folder:
                suite = stage_tests(Path(folder), items, self._config)
                return self._measure(plan, suite, settings)
        except MemcapError as error:
            pytest.exit(f"memcap: {error}", returncode=error.exit_code)

    def _cell(self, item: pytest.Item, image: ImageSource) -> Cell:
        workload = CallWorkload(call="memcap_inside:run_test", parameters={"nodeid": item.nodeid})
        return Cell(
            benchmark=Benchmark(
                suite=SUITE,
                name=cell_name(item.nodeid),
                workload=workload,
                extra_metrics={"skipped": "count", "xfailed": "count"},
                env={"PYTHONUNBUFFERED": "1"},  # what was printed before a kill is there
            ),
            image=image,
            cap=self._cap,
        )

    def _measure(self, plan: Plan, suite: Suite, settings: CampaignSettings) -> CampaignResult:
        with closing(connect()) as client:
            machine = environment(client)
            problems = check_feasible(plan, memory_bytes=machine.memory_bytes)
            if problems:
                raise PlanError(str(problems[0]))
            try:
                layers = prepare_layers(client, plan, {SUITE: suite}, say=self._say)
            except BuildError as error:  # offline, and the image may have pytest itself
                self._say(f"without wheels of pytest: {error.message}")
                bare = Suite(name=SUITE, directory=suite.directory, description="", benchmarks=())
                layers = prepare_layers(client, plan, {SUITE: bare}, say=self._say)
            for layer in layers.values():
                _refuse_old_python(layer.image.reference, layer.image.python.version if layer.image.python else None)
            jobs = min(machine.cpus or 1, (machine.memory_bytes or 0) // self._cap.bytes)
            with DockerEngine(client, campaign=settings.id) as engine:
                campaign = Campaign(plan, engine=engine, layers=layers, settings=replace(settings, jobs=max(1, jobs)))
                return campaign.run(tell=lambda _: None, save=lambda _: None)

    def _say(self, text: str) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"memcap: {text}")


def image_of_project(name: str, start: Path) -> ImageSource:
    """Return the image of that name of the project that ``start`` is in, if there is one; else the reference's."""
    try:
        root = find_root(start)
    except ConfigError:  # not in a project
        return image_by_word(name)
    return find_image(root, name) or image_by_word(name)


def _refuse_old_python(image: str, version: str | None) -> None:
    if version is None:
        raise PlanError(f"image {image} has no Python", remedy="Use an image with Python 3.10 or newer.")
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_PYTHON:
        raise PlanError(
            f"image {image} has Python {version}; memcap's tests need 3.10", remedy="Use an image with a newer one."
        )


def _reports(item: pytest.Item, cell: CellResult) -> Iterator[pytest.TestReport]:
    """Yield the reports of the first run that did not pass, or of the last."""
    run = next((each for each in cell.runs if each.ending is not Ending.COMPLETED), cell.runs[-1])
    outcome, text = _told(run, cell)
    for phase, said, what in (("setup", "passed", None), ("call", outcome, text), ("teardown", "passed", None)):
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords=dict.fromkeys(item.keywords, 1),
            outcome=said,  # type: ignore[arg-type]  # one of three words
            longrepr=(str(item.path), 0, "Skipped: in the container") if said == "skipped" else what,
            when=phase,  # type: ignore[arg-type]  # one of three words
            duration=(run.wall_seconds or 0.0) if phase == "call" else 0.0,
        )
        if phase == "call" and run.extra.get("xfailed"):
            report.wasxfail = "in the container"
        yield report


def _is_skipped(run: Measurement) -> bool:
    return bool(run.extra.get("skipped") or run.extra.get("xfailed"))


def _told(run: Measurement, cell: CellResult) -> tuple[str, str | None]:
    """Return the outcome of a run, and what is to be said of one that did not pass."""
    if run.ending is Ending.COMPLETED:
        return ("skipped" if _is_skipped(run) else "passed"), None
    peak = run.unreclaimable_peak_high_bytes
    where = f"{run.ending.value} in {cell.cell.image} under {format_bytes(cell.cell.cap.bytes)}"
    lines = [f"{where} (at most {format_bytes(peak)} had to fit)" if peak is not None else where]
    if run.ending is Ending.INCOMPLETE:
        lines.append(_UNFINISHED)
    elif run.ending is not Ending.FAILED:  # its output says the rest
        lines += [f"{run.ending.explanation} ({run.detail})" if run.detail else run.ending.explanation]
        remedy = remedy_of(run.ending, run.detail, Origin.TEST)
        lines += [remedy] if remedy else []
    lines += ["what it printed last:", run.output_tail] if run.output_tail else []
    return "failed", "\n".join(lines)
