"""How workloads end, with real containers and real kills."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, measure_cells, measure_once, scaled

from memcap.model import CaveatKind, Ending

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024


def test_main_process_killed_at_the_cap(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("allocate", mib=512))

    assert run.ending is Ending.OOM_KILLED
    assert run.signal == signal.SIGKILL
    assert run.oom.kills == 1
    assert run.peak_bytes is not None
    assert run.cap_bytes is not None
    # With the systemd driver crun gives the cap to a scope and to the container's cgroup in it. The kernel's notes on
    # the latter count for the scope alone, so that the scope is full 12 KiB earlier.
    assert run.cap_bytes - MIB < run.peak_bytes <= run.cap_bytes
    assert run.unreclaimable_peak_bytes is not None
    assert run.unreclaimable_peak_bytes > 120 * MIB


def test_the_kernel_finds_no_second_victim_in_the_supervisor(docker_client: DockerClient) -> None:
    """As it did in one of 36 runs of this leak, while it opened files and the first victim was still ending."""
    code = "import time\nkept = []\nwhile True:\n    kept.append(b'x' * (1 << 18))\n    time.sleep(0.01)\n"
    leak = cell(("python", "-c", code), cap="24m")
    measured = measure_cells(docker_client, leak, runs=25)[leak.id]

    assert {run.ending for run in measured.runs} == {Ending.OOM_KILLED}


@pytest.mark.parametrize(
    ("swallow", "ending", "exit_code"), [(True, Ending.OOM_CHILD_SWALLOWED, 0), (False, Ending.OOM_CHILD_NOTICED, 3)]
)
def test_child_killed_at_the_cap(docker_client: DockerClient, swallow: bool, ending: Ending, exit_code: int) -> None:
    run = measure_once(docker_client, cell("child_killed", swallow=swallow))

    assert (run.ending, run.exit_code, run.oom.kills) == (ending, exit_code, 1)


def test_child_killed_and_the_program_hangs(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("child_killed_and_hang", time_limit=scaled(3)))

    assert run.ending is Ending.OOM_HUNG
    assert run.oom.kills == 1


def test_time_limit(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("sleep_for_ever", time_limit=1.5))

    assert run.ending is Ending.TIMED_OUT
    assert run.oom.kills == 0
    assert run.wall_seconds is not None
    assert run.wall_seconds >= 1.5


def test_memory_error_raised_and_survived(docker_client: DockerClient) -> None:
    assert measure_once(docker_client, cell("memory_error")).ending is Ending.MEMORY_ERROR

    survived = measure_once(docker_client, cell("memory_error_survived"))
    assert survived.ending is Ending.COMPLETED
    assert survived.extra == {"survived": 1}


def test_memory_error_of_a_command(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell(("python", "-c", "raise MemoryError")))

    assert (run.ending, run.exit_code) == (Ending.MEMORY_ERROR, 1)


def test_exception_keeps_its_words_and_its_traceback(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("raises"))

    assert run.ending is Ending.FAILED
    assert run.detail == "ValueError: no such luck: \u2615 \x1b[31m"
    assert "in raises" in run.output_tail


def test_exit_code_137_is_not_an_oom(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("exits", code=137))

    assert (run.ending, run.exit_code, run.oom.kills) == (Ending.FAILED, 137, 0)


def test_crash_by_a_signal_of_its_own(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("crash"))

    assert (run.ending, run.signal) == (Ending.CRASHED, signal.SIGABRT)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("no_such_function", "has no attribute 'no_such_function'"),
        (("/no/such/program",), "program not found in the image: '/no/such/program' does not exist"),
        (("no-such-program", "x"), "program not found in the image: 'no-such-program' is not in PATH (/"),
        (("/etc/passwd",), "'/etc/passwd' is not executable"),
    ],
)
def test_what_cannot_be_loaded(docker_client: DockerClient, call: str | tuple[str, ...], words: str) -> None:
    run = measure_once(docker_client, cell(call))

    assert run.ending is Ending.LOAD_FAILED
    assert words in run.detail
    assert run.rss_peak_bytes is None or isinstance(call, str)


def test_metrics_that_are_no_numbers(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("wrong_metrics"))

    assert run.ending is Ending.FAILED
    assert "metric 'name' must be a number" in run.detail


def test_50_mb_of_output_are_bounded_and_the_last_words_kept(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("chatter", mib=50))

    assert run.ending is Ending.FAILED
    assert "the last words" in run.output_tail
    assert len(run.output_tail) < 10_000
    assert CaveatKind.OUTPUT_TRUNCATED in {caveat.kind for caveat in run.caveats}


def test_what_the_workload_leaves_running_ends_with_it(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("orphan"))

    assert run.ending is Ending.COMPLETED
    assert run.wall_seconds is not None
    assert run.wall_seconds < 60


def test_generator_is_stepped_and_closed(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("cycles", kept=1000, cycle_count=25))

    assert run.ending is Ending.COMPLETED
    assert run.extra == {"entries": 25, "cycles": 25}
    assert run.python is not None
    assert run.python.gc is not None


def test_cap_that_is_too_small_to_start(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("nothing", cap="1m"))

    assert run.ending is Ending.NOT_STARTED
    assert "memory" in run.detail.lower()


def test_a_workload_cannot_stop_its_container(docker_client: DockerClient) -> None:
    run = measure_once(
        docker_client, cell(("python", "-c", "import os, signal, time; os.kill(1, signal.SIGTERM); time.sleep(600)"))
    )

    assert run.ending is Ending.FAILED
    assert "PermissionError" in run.output_tail
