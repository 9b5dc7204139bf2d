"""What befalls single runs on the real engine is a stored result; only a daemon that stays away ends a campaign."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import cell, launched
from integration.test_dropped_connection import Wire, connect_to_daemon, project, wire

from memcap.engine import docker as docker_engine
from memcap.engine.docker import DockerEngine
from memcap.engine.patient import PatientEngine
from memcap.measuring import measure
from memcap.model import Ending, Measurement, RawRun, RunSpec
from memcap.store import journal_path, load_interrupted, load_result

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["project", "wire"]  # fixtures

pytestmark = pytest.mark.docker

KILLS = int(os.environ.get("MEMCAP_KILLS_DOCKER", "2"))
SHORT = """
[suite]
description = "two short workloads"
[benchmarks.first]
command = ["python", "-c", "import time; time.sleep(0.2)"]
caps = ["128m"]
[benchmarks.second]
command = ["python", "-c", "import time; time.sleep(0.2)"]
caps = ["128m"]
"""


def left_on(client: DockerClient, campaign: str) -> list[Any]:
    return client.containers.list(all=True, filters={"label": f"memcap.campaign={campaign}"})


def patiently(client: DockerClient, engine: DockerEngine, spec: RunSpec, deed: Callable[[str], None]) -> Measurement:
    """Return the run of ``spec`` as a campaign sees it; when its container runs, ``deed`` is done to that."""
    found: list[RawRun] = []
    patient = PatientEngine(engine, wait_seconds=30)
    thread = threading.Thread(target=lambda: found.append(patient.execute(spec)))
    thread.start()
    while not (running := client.containers.list(filters={"name": spec.name})):
        assert thread.is_alive()
        time.sleep(0.1)
    deed(str(running[0].id))
    thread.join()
    assert left_on(client, spec.campaign) == []
    return measure(found[0], spec, cpus=2)


def test_a_container_that_someone_removes_is_named_as_that(docker_client: DockerClient) -> None:
    with launched(docker_client, cell("sleep_for_ever")) as (engine, spec):
        run = patiently(
            docker_client, engine, spec, lambda it: docker_client.api.remove_container(it, force=True, v=True)
        )

    assert (run.ending, run.detail) == (Ending.KILLED_FROM_OUTSIDE, "someone else removed the container")


def test_a_paused_container_is_named_as_that_and_removed(
    docker_client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_engine, "HTTP_GRACE_SECONDS", 1)
    with launched(docker_client, cell("sleep_for_ever", time_limit=2.0)) as (engine, spec):
        run = patiently(docker_client, engine, spec, docker_client.api.pause)

    assert run.ending is Ending.LOST
    assert "paused 1 s after the time limit" in run.detail


def test_a_run_that_leaves_too_much_is_named_as_that(docker_client: DockerClient) -> None:
    filling = cell("fill_journal", mib=20)
    with launched(docker_client, filling) as (engine, spec):
        run = measure(PatientEngine(engine, wait_seconds=0).execute(spec), spec, cpus=2)
        assert left_on(docker_client, spec.campaign) == []

    assert run.ending is Ending.LOST
    assert "left more than" in run.detail


def kept(result: Path) -> int | None:
    """Return how many runs of the campaign are on disk; None if it has not begun."""
    if not result.exists() and not journal_path(result).exists():
        return None
    return sum(len(done.runs) for done in load_interrupted(result).cells)


def start(project: Path, *words: str, url: str | None = None) -> subprocess.Popen[str]:
    environ = {**os.environ, **({"DOCKER_HOST": url} if url else {})}
    return subprocess.Popen(
        [sys.executable, "-m", "memcap", "run", "--no-check", *words],
        cwd=project, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_daemon_that_comes_back_costs_the_runs_under_way_only(
    docker_client: DockerClient, wire: Wire, project: Path
) -> None:
    (project / "suites" / "small" / "suite.toml").write_text(SHORT.replace("0.2", "2"))
    running = start(project, "--runs", "3", "--jobs", "1", "-o", "result.json", url=wire.url)
    while not docker_client.containers.list(filters={"name": "small.second"}):
        assert running.poll() is None
    wire.cut()
    time.sleep(3)
    again = Wire(connect_to_daemon, port=wire.port)
    _, said = running.communicate(timeout=120)
    again.cut()

    assert running.returncode == 0, said
    result = load_result(project / "result.json")
    assert [run.ending for done in result.cells for run in done.runs] == [Ending.COMPLETED] * 6
    assert left_on(docker_client, result.id) == []


def test_a_second_process_does_not_write_the_same_file(docker_client: DockerClient, project: Path) -> None:
    (project / "suites" / "small" / "suite.toml").write_text(SHORT.replace("0.2", "2"))
    first = start(project, "small.first", "-o", "same.json")
    while not docker_client.containers.list(filters={"name": "small.first"}):
        assert first.poll() is None
    second = start(project, "small.first", "-o", "same.json", "--force")
    _, said = second.communicate(timeout=60)
    assert second.returncode == 15, said
    assert "another memcap process is writing same.json" in said
    _, said = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert {path.name for path in project.iterdir() if path.is_file()} == {"limits.toml", "same.json"}


def test_a_closed_terminal_ends_a_campaign_as_ctrl_c_does(docker_client: DockerClient, project: Path) -> None:
    command = [sys.executable, "-m", "memcap", "run", "--no-check", "--runs", "1", "--jobs", "1", "-o", "result.json"]
    ours, theirs = os.openpty()
    running = subprocess.Popen(command, cwd=project, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    reader = threading.Thread(target=lambda: read_all(ours), daemon=True)
    reader.start()
    while not (found := docker_client.containers.list(filters={"name": "small.second"})):
        assert running.poll() is None
        time.sleep(0.1)
    campaign = found[0].labels["memcap.campaign"]
    running.send_signal(signal.SIGHUP)  # what the kernel sends when the terminal is closed
    os.close(ours)

    assert running.wait(timeout=60) == 130
    assert left_on(docker_client, campaign) == []
    assert kept(project / "result.json") == 1


def read_all(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(descriptor, 4096):
            pass


def test_kills_lose_at_most_the_run_under_way(docker_client: DockerClient, project: Path) -> None:
    """`MEMCAP_KILLS_DOCKER=20` kills so often."""
    chance = random.Random(20)
    (project / "suites" / "small" / "suite.toml").write_text(SHORT)
    began = time.monotonic()
    whole = start(project, "--runs", "5", "--jobs", "1", "-o", "whole.json")
    whole.communicate(timeout=300)
    assert whole.returncode == 0
    usual = time.monotonic() - began

    kills = campaigns = 0
    while kills < KILLS:
        campaigns += 1
        result = project / f"{campaigns}.json"
        ended = False
        while not ended:
            before = kept(result)
            begin = ("--runs", "5", "--jobs", "1", "-o", result.name)
            running = start(project, *(begin if before is None else ("--resume", result.name)))
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(chance.uniform(0, usual) if kills < KILLS else 300)
            ended = running.poll() is not None
            if not ended:
                running.kill()
                kills += 1
            _, said = running.communicate()
            assert (kept(result) or 0) >= (before or 0), said
        assert running.returncode == 0, said
        assert [len(done.runs) for done in load_result(result).cells] == [5, 5]
        assert not journal_path(result).exists()
        assert left_on(docker_client, load_result(result).id) == []
    print(f"{kills} kills of {campaigns} campaigns of {usual:.1f} s")
