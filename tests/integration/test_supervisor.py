"""The supervisor as PID 1 of real containers: what it forwards, what survives it, and what it needs itself."""

from __future__ import annotations

import io
import json
import re
import signal
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest
from integration.measuring import cell, launched, scaled

from memcap.engine.docker_labels import run_labels
from memcap.measuring import measure
from memcap.model import Cell, Ending, RawRun
from memcap.model.places import OUT, SUPERVISOR
from memcap.probe.report import Report, parse_report

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
EX_USAGE = 64
PATIENCE_SECONDS = 60
LIMITS = ("data", "processes", "cpu-time", "disk", "file-size", "core", "max-rss", "stop-after", "soak")


def run_raw(client: DockerClient, one: Cell) -> RawRun:
    with launched(client, one) as (engine, spec):
        return engine.execute(spec)


def report_of(raw: RawRun) -> Report:
    assert raw.report is not None
    return parse_report(raw.report)


def run_and_disturb(
    client: DockerClient, one: Cell, *, when: Callable[[str], bool], disturb: Callable[[str], object]
) -> tuple[RawRun, Ending]:
    """Execute a run; as soon as ``when(its container)`` holds, do ``disturb(its container)``."""
    with launched(client, one) as (engine, spec), ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(engine.execute, spec)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not running.done() and not when(spec.name):
                assert time.monotonic() < deadline, "the container never got that far"
                time.sleep(0.05)
            assert not running.done(), "the run ended by itself"
            disturb(spec.name)
            raw = running.result(PATIENCE_SECONDS)
        finally:
            engine.cancel()
        return raw, measure(raw, spec, cpus=None).ending


def has_printed(client: DockerClient, words: bytes) -> Callable[[str], bool]:
    def look(container: str) -> bool:
        try:
            return words in client.api.logs(container)
        except docker.errors.NotFound:
            return False

    return look


def has_journal_lines(client: DockerClient, count: int) -> Callable[[str], bool]:
    def look(container: str) -> bool:
        try:
            stream, _ = client.api.get_archive(container, f"{OUT}/supervisor.jsonl")
        except docker.errors.NotFound:
            return False
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            content = tar.extractfile("supervisor.jsonl")
            return content is not None and content.read().count(b"\n") >= count

    return look


def test_docker_stop_reaches_the_workload_which_ends_in_order(docker_client: DockerClient) -> None:
    raw, ending = run_and_disturb(
        docker_client,
        cell("leave_when_asked"),
        when=has_printed(docker_client, b"ready\n"),
        disturb=lambda container: docker_client.api.stop(container, timeout=PATIENCE_SECONDS),
    )
    assert raw.output == "ready\ncleaned up\n"
    report = report_of(raw)
    assert (report.stopped_by_signal, report.exit_code, report.signal) == (signal.SIGTERM, 0, None)
    assert (raw.exit_code, ending) == (0, Ending.KILLED_FROM_OUTSIDE)


def test_the_journal_survives_docker_kill(docker_client: DockerClient) -> None:
    raw, ending = run_and_disturb(
        docker_client,
        cell("sleep_for_ever"),
        when=has_journal_lines(docker_client, 1 + 3),  # the secret stands before
        disturb=docker_client.api.kill,
    )
    assert raw.report is None
    assert (raw.exit_code, ending) == (128 + signal.SIGKILL, Ending.KILLED_FROM_OUTSIDE)
    lines: list[dict[str, Any]] = [json.loads(line) for line in raw.supervisor_journal.splitlines()]
    assert len(lines) >= 3
    elapsed = [line["elapsed_ns"] for line in lines]
    assert elapsed == sorted(elapsed)
    assert lines[-1]["unreclaimable_peak_bytes"] > 1024 * 1024, "a Python interpreter needs more"
    assert lines[-1]["oom_kills"] == 0


def test_it_needs_little_itself(docker_client: DockerClient) -> None:
    report = report_of(run_raw(docker_client, cell(("python", "-c", "import time; time.sleep(3)"))))
    assert report.wall_ns is not None
    assert report.wall_ns >= 3e9
    assert report.supervisor_cpu_ns is not None
    # One sample costs milliseconds where the CPU is emulated, and the pause after it is at most ten intervals.
    assert report.supervisor_cpu_ns / report.wall_ns <= 0.05
    assert report.samples > 20
    assert report.supervisor_bytes is not None
    assert 0 < report.supervisor_bytes <= 128 * 1024


def test_memory_over_time_is_bounded_and_ordered(docker_client: DockerClient) -> None:
    raw = run_raw(docker_client, cell("sawtooth", seconds=4))
    report = report_of(raw)
    moments = report.series
    assert 16 < len(moments) <= 256
    times = [moment.seconds for moment in moments]
    assert times == sorted(times)
    assert report.wall_ns is not None
    assert times[-1] <= report.wall_ns / 1e9 + 0.1
    highest = max(moment.anon + moment.shmem + moment.kernel for moment in moments)
    lowest = min(moment.low for moment in moments if moment.running)
    assert lowest < highest // 2, "thinning keeps the valleys too"
    assert report.unreclaimable_peak_bytes is not None
    assert abs(highest - report.unreclaimable_peak_bytes) <= 4 * 1024, "thinning keeps the peak"


def test_a_crowd_of_processes_is_counted_and_the_table_of_them_bounded(docker_client: DockerClient) -> None:
    # The pause after a look at all processes is 200 times its CPU time: a slow machine must have fewer, and hold them.
    count = int(300 / scaled(1))
    report = report_of(run_raw(docker_client, cell("crowd", cap="1g", count=count, seconds=scaled(3))))
    assert report.exit_code == 0
    assert report.process_count == count + 1
    assert 2 <= len(report.processes) <= 32
    assert len({process.peak.pid for process in report.processes}) == len(report.processes)
    assert max(process.peak.vm_hwm_bytes for process in report.processes) > 1024 * 1024
    assert report.supervisor_bytes is not None
    assert report.supervisor_bytes <= 128 * 1024


def test_what_reading_a_page_costs_is_printed(docker_client: DockerClient) -> None:
    raw = run_raw(docker_client, cell((str(SUPERVISOR), "pages", f"{OUT}/pages")))
    costs = re.fullmatch(r"page_ns (\d+)\nahead_ns (\d+)\n", raw.output)
    assert costs, raw.output
    assert all(0 < int(cost) < 1e9 for cost in costs.groups())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (str(OUT), "1000", "10000", "--"),
        (str(OUT), "1000", "10000", "true", "x"),
        (str(OUT), "soon", "10000", "--", "true"),
        (str(OUT), "1000", "0", "--", "true"),
        (str(OUT), "1000", "often", "--", "true"),
        *((str(OUT), "1000", "10000", f"{limit}=much", "--", "true") for limit in LIMITS),
    ],
)
def test_wrong_arguments_are_answered_with_the_usage(docker_client: DockerClient, arguments: tuple[str, ...]) -> None:
    api = docker_client.api
    with launched(docker_client, cell(("true",))) as (_, spec):
        made = api.create_container(
            spec.image_id,
            name=spec.name,
            entrypoint=[str(SUPERVISOR)],
            command=list(arguments),
            labels=run_labels(spec.name, campaign=spec.campaign, cell=spec.cell_id),
            network_disabled=True,
        )
    try:
        api.start(made["Id"])
        assert api.wait(made["Id"], timeout=PATIENCE_SECONDS)["StatusCode"] == EX_USAGE
        assert api.logs(made["Id"], stdout=False).startswith(b"usage: supervisor OUT TIME_LIMIT_MS")
        assert api.logs(made["Id"], stderr=False) == b""
    finally:
        api.remove_container(made["Id"], force=True)
