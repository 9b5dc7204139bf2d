"""Programs on frameworks that nobody here wrote: the line that allocates is named with its size, the result stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import _settings, cell

from memcap.engine.base import Engine
from memcap.engine.docker import DockerEngine
from memcap.images.instrumented import build_instrumented
from memcap.images.prepare import prepare_layers
from memcap.instruments.launching import Instrument
from memcap.instruments.profiling import is_unfinished
from memcap.instruments.records import read_noted
from memcap.instruments.session import Session
from memcap.model import Cell, Ending, Environment, Plan, ProfileTool, RawRun, RunSpec, Suite

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
FOLDER = Path(__file__).parent / "programs"
SUITE = Suite(
    name="programs",
    directory=FOLDER,
    description="",
    benchmarks=(),
    requirements=FOLDER / "requirements.txt",
)
PROGRAMS = {  # which function of the program allocates, and how many MiB; what is printed last
    "gevent": ("load", 40, "[0, 1, 2, 41943040, 4, 5, 6, 7]"),
    "sqlalchemy": ("load", 40, "((1000, 1), [41943040])"),
    "celery": ("load", 40, "83886080"),
    "gunicorn": ("load", 40, "['41943040']"),
    "uvicorn": ("load", 40, "['41943040']"),
    "uvloop": ("load", 40, "['41943040']"),
    "pandas": ("column", 40, "{1: 2.0, 2: 1.0}"),
    "pool": ("load", 40, "[0, 41943040]"),
    "replaced": ("load", 40, "41943040"),
    "msgpack": ("unpack", 40, "41943040"),
}
FORKING = {"gunicorn", "pool"}


class Printed:
    """An engine that keeps what the last run printed."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self.lines: list[str] = []

    def environment(self) -> Environment:
        return self._inner.environment()

    def execute(self, spec: RunSpec) -> RawRun:
        raw = self._inner.execute(spec)
        self.lines = raw.output.split("\n")
        return raw

    def is_reachable(self) -> bool:
        return self._inner.is_reachable()

    def cancel(self) -> None:
        self._inner.cancel()


def program(name: str) -> Cell:
    one = cell(("python", "/memcap/suite/programs.py", name), cap="512m")
    return replace(one, benchmark=replace(one.benchmark, suite="programs"))


@pytest.mark.parametrize(
    ("name", "aggregates"),
    [*((name, False) for name in PROGRAMS), ("gevent", True), ("gunicorn", True), ("pool", True), ("replaced", True)],
)
def test_the_line_is_named_and_the_result_stays(
    docker_client: DockerClient, tmp_path: Path, name: str, aggregates: bool
) -> None:
    function, mib, result = PROGRAMS[name]
    one = program(name)
    plan = Plan(profile="profile", cells=(one,), runs=1, warmups=0)
    ((_, layer),) = prepare_layers(docker_client, plan, {"programs": SUITE}, say=lambda _: None).items()
    with_tool = build_instrumented(docker_client, layer, ProfileTool.MEMRAY, say=lambda _: None)
    settings = _settings()
    instrument = Instrument(follows_fork=name in FORKING, aggregates=aggregates)
    with DockerEngine(docker_client, campaign=settings.id) as engine:
        printed = Printed(engine)
        session = Session(printed, one, layer, settings)
        run = session.recorded(instrument, with_tool, artefacts=tmp_path, raised_bytes=16 * MIB)
        if name == "pool" and aggregates:  # it ends its workers by a signal
            assert is_unfinished(tmp_path), "so that each allocation is recorded in another run"
            return
        lines = [line.strip() for line in printed.lines if line.strip()]
        session.render(with_tool, artefacts=tmp_path, with_reports=False)
    noted = read_noted(tmp_path)

    assert (run.ending, run.detail) == (Ending.COMPLETED, ""), run.output_tail
    assert result in lines
    sites = [site for site in noted.sites if site.own_frame and site.own_frame.function == function]
    sizes: Counter[int] = Counter()
    for site in sites:
        sizes[site.process] += site.size_bytes
    assert max(sizes.values()) == pytest.approx(mib * MIB, rel=0.05)
    assert {site.own_frame.file for site in sites if site.own_frame} == {"/memcap/suite/programs.py"}
    assert noted.caveats == ()
