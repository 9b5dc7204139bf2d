"""Each alert on real runs: what it is for, and what it must not be mistaken for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import ROOT, scaled

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

LIMITS = """
[caps]
128m = "128MiB"

[profiles.quick]
runs = 1
warmups = 0

[tolerances.unreclaimable_peak]
relative = "5%"
absolute = "1MiB"

[time_limits]
run = "5min"
"""

WORK = """
import gc
import itertools
import multiprocessing
import os
import time

MIB = 1 << 20


def touched(mib):
    return b"x" * (mib * MIB)


def leak(pause, mib=1, clean_up=0.0, start=0):
    begun = touched(start)
    kept = []
    try:
        while True:
            kept.append(touched(mib))
            time.sleep(pause)
            yield {"kept": len(kept)}
    finally:
        kept.clear()
        time.sleep(clean_up)


def leak_under_waves():
    kept, wave = [], []
    for number in itertools.count(1):
        kept.append(touched(1))
        wave.append(touched(4))
        if number % 6 == 0:
            wave.clear()
        time.sleep(0.02)
        yield


def leak_in_a_child():
    ours, theirs = multiprocessing.get_context("fork").Pipe()

    def serve():
        kept = []
        while theirs.recv():
            kept.append(touched(1))
            theirs.send(len(kept))

    child = multiprocessing.get_context("fork").Process(target=serve)
    child.start()
    try:
        while True:
            ours.send(True)
            yield {"kept": ours.recv()}
            time.sleep(0.02)
    finally:
        ours.send(False)
        child.join()


def cache(most):
    kept = []
    while True:
        if len(kept) < most:
            kept.append(touched(1))
        time.sleep(0.02)
        yield


def slow_imports():
    import asyncio, decimal, email.message, http.client, sqlite3, unittest, xml.dom.minidom

    ballast = []
    for _ in range(30):
        ballast.append(touched(1))
        time.sleep(0.02)
    while True:
        time.sleep(0.01)
        yield


def waves(cycles):
    wave = []
    for number in itertools.count(1):
        wave.append(touched(2))
        if number % cycles == 0:
            wave.clear()
        time.sleep(0.02)
        yield


def late(cycles):
    for number in range(1, cycles + 1):
        if number == cycles - 3:
            kept = touched(60)
        time.sleep(0.02)
        yield


def builds():
    kept = []
    for _ in range(60):
        kept.append(touched(1))
        time.sleep(0.02)


def hold(mib):
    kept = touched(mib)
    time.sleep(0.1)
    return {"held": mib}


def page_cache():
    with open("/tmp/large", "wb") as file:
        for _ in range(300):
            file.write(touched(1))
            file.flush()
            os.fdatasync(file.fileno())
    time.sleep(0.1)


def collects():
    objects = [[number] for number in range(300_000)]
    for _ in range(50):
        gc.collect()


def collects_now_and_then():
    objects = [[number] for number in range(1000)]
    gc.collect()
    time.sleep(0.5)
"""

GROW = {
    "leak": "cycles = 60\nparameters = { pause = 0.02 }",
    "leak_of_a_fast_workload": "cycles = 80\nparameters = { pause = 0.005 }",
    "leak_in_few_cycles": "cycles = 8\nparameters = { pause = 0.1, mib = 6 }",
    "leak_with_a_slow_clean_up": "cycles = 40\nparameters = { pause = 0.02, clean_up = 1.0 }",
    "leak_with_a_large_start": "cycles = 40\nparameters = { pause = 0.02, start = 50 }",
    "leak_until_the_time_is_up": 'duration = "2s"\nparameters = { pause = 0.05 }',
    "leak_under_waves": "cycles = 48",
    "leak_in_a_child": "cycles = 60",
}
CALM = {
    "cache_that_fills": ("cache", "cycles = 80\nparameters = { most = 30 }"),
    "slow_imports": ("slow_imports", "cycles = 40"),
    "waves": ("waves", "cycles = 80\nparameters = { cycles = 7 }"),
    "long_waves": ("waves", "cycles = 80\nparameters = { cycles = 30 }"),
    "late": ("late", "parameters = { cycles = 60 }"),
    "builds": ("builds", ""),
    "small_leak": ("leak", "cycles = 9\nparameters = { pause = 0.05 }"),
    "killed": ("leak", "cycles = 400\nparameters = { pause = 0.005 }"),
    "killed_as_expected": ("leak", 'cycles = 400\nparameters = { pause = 0.005 }\nexpect = "oom_killed"'),
    "below_the_cap": ("hold", "parameters = { mib = 80 }"),
    "page_cache": ("page_cache", ""),
    "collects_now_and_then": ("collects_now_and_then", ""),
    "metric_below": ("hold", 'parameters = { mib = 10 }\nmetrics = { held = "MiB" }\nalerts = { held = 15 }'),
}
OTHERS = {
    "near_cap": ("hold", "parameters = { mib = 110 }"),
    "gc_overhead": ("collects", ""),
    "metric": ("hold", 'parameters = { mib = 20 }\nmetrics = { held = "MiB" }\nalerts = { held = 15 }'),
}
CALLS = {"leak_under_waves", "leak_in_a_child"}


@pytest.fixture(scope="module")
def cells(docker_client: DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, dict[str, Any]]:
    """Return each benchmark's part of `memcap run --json`, all measured in one campaign."""
    project = tmp_path_factory.mktemp("alerts")
    shutil.copytree(ROOT / "images" / "py312", project / "images" / "py312")
    (project / "limits.toml").write_text(LIMITS)
    suite = project / "suites" / "signs"
    suite.mkdir(parents=True)
    (suite / "work.py").write_text(WORK)
    grow = {name: (name if name in CALLS else "leak", details) for name, details in GROW.items()}
    (suite / "suite.toml").write_text(
        "".join(
            f'[benchmarks.{name}]\ncall = "work:{call}"\n{details}\n'
            for name, (call, details) in (grow | CALM | OTHERS).items()
        )
    )
    ended = subprocess.run(
        [sys.executable, "-m", "memcap", "run", "--json"],
        cwd=project,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 97, f"one cell is killed against what was expected: {ended.stderr}"
    return {cell["id"].split(".")[1].split("-")[0]: cell for cell in json.loads(ended.stdout)["cells"]}


def kinds(cell: dict[str, Any]) -> list[str]:
    return [alert["kind"] for alert in cell["alerts"]]


@pytest.mark.parametrize("name", GROW)
def test_growth_that_goes_on_is_reported(cells: Mapping[str, dict[str, Any]], name: str) -> None:
    assert kinds(cells[name]) == ["growth"]


@pytest.mark.parametrize("name", CALM)
def test_what_is_no_trouble_is_not_reported(cells: Mapping[str, dict[str, Any]], name: str) -> None:
    assert kinds(cells[name]) == []


@pytest.mark.parametrize("name", OTHERS)
def test_the_alert_of_that_name_alone(cells: Mapping[str, dict[str, Any]], name: str) -> None:
    assert kinds(cells[name]) == [name]


def test_growth_is_as_large_as_what_was_kept(cells: Mapping[str, dict[str, Any]]) -> None:
    """60 MiB in 60 cycles: nine tenths of 59 from the first to the last tenth."""
    (alert,) = cells["leak"]["alerts"]
    words = alert["detail"].split()
    assert words[:4] == ["unreclaimable", "memory", "grew", "by"]
    assert float(words[4]) == pytest.approx(0.9 * 59, abs=4 if scaled(1) == 1 else 8)
    assert words[5] == "MiB"
