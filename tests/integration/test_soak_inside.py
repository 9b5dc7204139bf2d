"""Looks from within at functions and programs in containers; what a program finds and prints stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import SUITE as TRUTH_SUITE
from integration.measuring import _settings, cell
from integration.test_profile_programs import PROGRAMS, program
from integration.test_profile_programs import SUITE as PROGRAMS_SUITE

from memcap.engine.docker import DockerEngine
from memcap.images.instrumented import build_instrumented
from memcap.images.prepare import prepare_layers
from memcap.model import Cell, Plan, ProfileTool, RawRun, SoakRules, Suite
from memcap.probe.report import parse_journal, parse_report
from memcap.probe.soak_work import SoakWork, parse_work
from memcap.soak_spec import looks_into_programs, soak_spec

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
QUICK = SoakRules(duration_seconds=3, frames=5, collects=True)
TOO_SHORT = {"msgpack", "replaced"}  # they may end before the first look
OFTEN = "step=0.02"  # seconds between two looks at programs that end soon


def soaked(client: DockerClient, one: Cell, suite: Suite, rules: SoakRules = QUICK) -> tuple[RawRun, SoakWork]:
    """Return a run of a soak, and what was seen from within."""
    plan = Plan(profile="soak", cells=(one,), runs=1, warmups=0)
    ((_, layer),) = prepare_layers(client, plan, {suite.name: suite}, say=lambda _: None).items()
    if looks_into_programs(one.benchmark.workload, rules):
        layer = build_instrumented(client, layer, ProfileTool.TRACEMALLOC, say=lambda _: None)
    settings = _settings()
    spec = soak_spec(one, layer, settings, attempt="1", rules=rules)
    if "MEMCAP_INSTRUMENT" in spec.env:
        words = spec.env["MEMCAP_INSTRUMENT"].replace(f"step={rules.step_seconds}", OFTEN)
        spec = replace(spec, env={**spec.env, "MEMCAP_INSTRUMENT": words})
    with DockerEngine(client, campaign=settings.id) as engine:
        raw = engine.execute(replace(spec, metrics=()))  # else the journal of a command is not brought back
    assert raw.report is not None, raw.daemon_error
    started = parse_report(raw.report).started_ns
    assert started is not None
    return raw, parse_work(raw.workload_journal.splitlines(), started=started / 1e9)


LEAK = """
import os
import time


def leak():
    kept = []
    while True:
        kept.append(bytearray(10_000))
        time.sleep(0.01)
        yield {"rate": float(os.environ["MEMCAP_RATE"])}
"""


def test_a_generator_is_looked_at_until_its_duration_is_over(docker_client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "workloads.py").write_text(LEAK, encoding="utf-8")
    suite = replace(TRUTH_SUITE, directory=tmp_path)
    raw, seen = soaked(docker_client, cell("leak"), suite, replace(QUICK, rate=60.0))

    assert (raw.exit_code, raw.error_output) == (0, "")
    end = parse_journal(raw.workload_journal).end
    assert end is not None
    assert [look.done for look in seen.work] == sorted(look.done for look in seen.work)
    assert (seen.work[0].done, seen.work[-1].done) == (0, end.cycles)
    assert len(seen.work) >= 5
    assert seen.work[1].metrics == {"rate": 60}
    assert 0 < seen.work[0].seconds < 3 < seen.work[-1].seconds < 60
    assert len({look.pid for look in seen.python}) == 1
    assert seen.sites is not None
    assert (seen.sites[0].file, seen.sites[0].source) == (
        "/memcap/suite/workloads.py",
        "kept.append(bytearray(10_000))",
    )


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in TOO_SHORT])
def test_a_program_on_a_framework_is_looked_at_and_prints_the_same(docker_client: DockerClient, name: str) -> None:
    raw, seen = soaked(docker_client, program(name), PROGRAMS_SUITE)

    assert raw.exit_code == 0, raw.error_output
    assert PROGRAMS[name][2] in [line.strip() for line in raw.output.split("\n")]
    assert seen.python
    assert all(look.seconds > 0 for look in seen.python)
    assert (len({look.pid for look in seen.python}) > 1) == (name in ("gunicorn", "pool"))
    assert seen.sites
