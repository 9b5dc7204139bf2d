"""Measure one truth workload on the real engine: what the integration tests of measuring share."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.calibration import calibrate
from memcap.campaign import Campaign
from memcap.engine.docker import DockerEngine
from memcap.images.build import build_images
from memcap.images.prepare import prepare_layers
from memcap.model import (
    Benchmark,
    CallWorkload,
    CampaignSettings,
    Cap,
    Cell,
    CellResult,
    CommandWorkload,
    ContainerPolicy,
    ImageFacts,
    ImageSource,
    Measurement,
    Plan,
    RunSpec,
    Suite,
)
from memcap.run_spec import run_spec
from memcap.units import parse_bytes

if TYPE_CHECKING:
    from docker import DockerClient

ROOT = Path(__file__).parents[2]
TRUTH = Path(__file__).parent / "truth"
SUITE = Suite(name="truth", directory=TRUTH, description="", benchmarks=())
# How many times slower than a real CPU the daemon's machine is: `ci test-vm` says so of the emulated one.
_SLOWNESS = float(os.environ.get("MEMCAP_TEST_SLOWNESS", "1"))
_numbers = itertools.count(1)


def write_project(root: Path, *, limits: str, suite: str) -> Path:
    """Write a project with the suite ``small`` and the image py312 to ``root``, and return that."""
    shutil.copytree(ROOT / "images" / "py312", root / "images" / "py312")
    (root / "limits.toml").write_text(limits)
    (root / "suites" / "small").mkdir(parents=True)
    (root / "suites" / "small" / "suite.toml").write_text(suite)
    return root


def scaled(seconds: float) -> float:
    """Return ``seconds``, or more where the daemon's machine is slow: for limits and pauses that work must fit into."""
    return seconds * _SLOWNESS


def build_image(client: DockerClient, source: ImageSource, *, say: Callable[[str], None]) -> ImageFacts:
    """Return the facts of one image, which is on the daemon then."""
    (facts,) = build_images(client, (source,), say=say)
    return facts


def image(name: str) -> ImageSource:
    """Return one of the project's images."""
    return ImageSource(name=name, directory=ROOT / "images" / name)


def cell(call: str | tuple[str, ...], *, cap: str = "128m", on: str = "py312", **details: object) -> Cell:
    """Return a cell of a truth workload, or of a command; other keywords are parameters and `time_limit`."""
    limit = details.pop("time_limit", None)
    count = details.pop("cycle_count", None)
    workload = (
        CallWorkload(call=f"workloads:{call}", parameters=details, cycles=count)  # type: ignore[arg-type]
        if isinstance(call, str)
        else CommandWorkload(argv=call)
    )
    benchmark = Benchmark(
        suite="truth",
        name=f"b{next(_numbers)}",
        workload=workload,
        time_limit_seconds=limit,  # type: ignore[arg-type]
    )
    return Cell(benchmark=benchmark, image=image(on), cap=Cap(name=cap, bytes=parse_bytes(cap)))


@contextmanager
def launched(
    client: DockerClient, one: Cell, *, suite: Suite = SUITE, calibrated: bool = False, copies_mounts: bool = False
) -> Iterator[tuple[DockerEngine, RunSpec]]:
    """Yield an engine, and what it needs to execute one run of ``one``, for a look at the raw run.

    ``calibrated``: with the cap raised by what the supervisor needs, as campaigns do. ``copies_mounts``: as if the
    daemon were on another machine.
    """
    plan = Plan(profile="truth", cells=(one,), runs=1, warmups=0)
    ((_, layer),) = prepare_layers(client, plan, {"truth": suite}, say=lambda _: None).items()
    settings = _settings()
    with DockerEngine(client, campaign=settings.id, copies_mounts=copies_mounts) as engine:
        spec = run_spec(one, layer, settings, attempt="1")
        yield engine, calibrate(engine, layer, settings).applied_to(spec) if calibrated else spec


def _settings() -> CampaignSettings:
    return CampaignSettings(
        id=f"truth-{os.getpid()}-{next(_numbers)}",
        started="",
        command=(),
        policy=ContainerPolicy(),
        time_limit_seconds=scaled(60),
        jobs=1,
    )


@contextmanager
def campaign(client: DockerClient, *cells: Cell, runs: int = 1, warmups: int = 0) -> Iterator[Campaign]:
    """Yield a campaign over ``cells``, one container at a time."""
    plan = Plan(profile="truth", cells=cells, runs=runs, warmups=warmups)
    layers = prepare_layers(client, plan, {"truth": SUITE}, say=lambda _: None)
    settings = _settings()
    with DockerEngine(client, campaign=settings.id) as engine:
        yield Campaign(plan, engine=engine, layers=layers, settings=settings)


def measure_cells(client: DockerClient, *cells: Cell, runs: int = 1, warmups: int = 0) -> dict[str, CellResult]:
    """Return the results of ``cells`` by cell id."""
    with campaign(client, *cells, runs=runs, warmups=warmups) as run:
        result = run.run(tell=lambda _: None, save=lambda _: None)
    return {done.cell.id: done for done in result.cells}


def measure_once(client: DockerClient, one: Cell) -> Measurement:
    """Return the measurement of a single run of a cell."""
    return measure_cells(client, one)[one.id].runs[0]
