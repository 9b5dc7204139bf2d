"""Figures of programs that once were wrong; the truths are known by construction, or were found with `docker run`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, measure_cells, scaled

from memcap.model import CaveatKind, Ending, Measurement, Quiet

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
HALF = MIB // 2


def runs_of(client: DockerClient, *words: object, cap: str = "512m", runs: int = 2) -> tuple[Measurement, ...]:
    """Measure a program of `truth/hard.py`, after a warm-up."""
    program = cell(("python3", "/memcap/suite/hard.py", *map(str, words)), cap=cap)
    return measure_cells(client, program, runs=runs, warmups=1)[program.id].runs


def need(run: Measurement) -> int:
    assert run.unreclaimable_peak_bytes is not None
    return run.unreclaimable_peak_bytes


def ends(run: Measurement) -> tuple[int, int]:
    low, high = run.unreclaimable_peak_low_bytes, run.unreclaimable_peak_high_bytes
    assert low is not None
    assert high is not None
    return low, high


def kinds(run: Measurement) -> set[CaveatKind]:
    return {caveat.kind for caveat in run.caveats}


@pytest.fixture(scope="module")
def idle(docker_client: DockerClient) -> int:
    """Return what an interpreter with the modules of `hard.py` needs."""
    return need(runs_of(docker_client, "idle")[0])


@pytest.mark.parametrize("program", ["temporary_file", "zip_file", "database", "rotating_log"])
def test_page_cache_that_comes_and_goes_is_no_need(docker_client: DockerClient, idle: int, program: str) -> None:
    runs = runs_of(docker_client, program, runs=6)

    needs = [need(run) for run in runs]
    assert max(needs) - min(needs) < HALF, "no run shows page cache as need"
    assert max(needs) < idle + 3 * MIB
    if scaled(1) == 1:  # a slow machine has too few samples to be sure
        assert sum(ends(run)[1] - ends(run)[0] <= HALF for run in runs) >= 4, "doubt is the exception"


def test_a_spike_beside_page_cache_at_the_cap(docker_client: DockerClient, idle: int) -> None:
    truth = idle + 20 * MIB
    for run in runs_of(docker_client, "spike_beside_cache", cap="32m", runs=4):
        low, high = ends(run)
        assert low - HALF < truth < high + HALF
        assert run.ending is Ending.COMPLETED


def test_a_spike_beside_a_mapped_file(docker_client: DockerClient, idle: int) -> None:
    truth = idle + 20 * MIB
    for run in runs_of(docker_client, "spike_beside_mapped_file", runs=6):
        low, high = ends(run)
        assert low - HALF - MIB < truth < high + HALF, "the heap may keep the block that the file was written from"


def test_socket_buffers_are_need(docker_client: DockerClient, idle: int) -> None:
    run, _ = runs_of(docker_client, "sockets")
    if run.cgroup_version == 1:
        pytest.skip("cgroup v1 does not charge socket buffers to the memory of the container")
    assert idle + 40 * MIB < need(run) < idle + 110 * MIB
    assert (run.at_peak.sock or 0) > 40 * MIB


def test_pages_in_pipes_fill_the_cap(docker_client: DockerClient) -> None:
    for run in runs_of(docker_client, "pages_in_pipes", 32, cap="20m"):
        assert run.ending is Ending.OOM_KILLED
        assert need(run) == run.cap_bytes
        assert ends(run) == (run.cap_bytes, run.cap_bytes)


@pytest.mark.parametrize(
    ("program", "words", "mib"),
    [
        ("pages_in_pipes", (32, 1), 32),
        ("bytes_in_pipes", (20,), 21),  # 320 pipes of 3.3 KiB
        ("bytes_in_unix_sockets", (12,), 12.4),
    ],
)
def test_what_lies_in_pipes_and_sockets_is_need(
    docker_client: DockerClient, idle: int, program: str, words: tuple[int, ...], mib: float
) -> None:
    for run in runs_of(docker_client, program, *words):
        low, high = ends(run)
        assert high - low < MIB
        assert low - MIB < idle + mib * MIB < high + MIB


@pytest.mark.parametrize(("again", "mib"), [(0, 64), (1, 128)])
def test_lazily_freed_memory(docker_client: DockerClient, idle: int, again: int, mib: int) -> None:
    truth = idle + mib * 1.002 * MIB
    for run in runs_of(docker_client, "lazily_freed", again):
        low, high = ends(run)
        # Where looking at the pages takes too long, as on an emulated processor, there is an interval.
        assert low - HALF < truth < high + HALF
        assert low == high or low > idle + 63 * MIB


def test_locked_pages_of_a_file(docker_client: DockerClient, idle: int) -> None:
    for run in runs_of(docker_client, "locked_file", 7):
        if run.ending is Ending.FAILED:
            pytest.skip("the daemon allows no locked memory")
        low, high = ends(run)
        assert low - HALF < idle + 7 * MIB < high + HALF


def test_names_of_files_are_doubt_where_the_kernel_does_not_tell(docker_client: DockerClient, idle: int) -> None:
    (run,) = runs_of(docker_client, "many_names", 20000, runs=1)
    low, high = ends(run)
    assert low < idle + 4 * MIB
    if run.cgroup_version == 1:
        assert high > idle + 20 * MIB
        assert CaveatKind.KERNEL_UNEXPLAINED in kinds(run)
    else:
        assert high < idle + 4 * MIB


def test_files_that_are_mapped_explain_kernel_memory(docker_client: DockerClient, idle: int) -> None:
    for run in runs_of(docker_client, "many_mappings", 400):
        low, high = ends(run)
        assert idle + 16.5 * MIB < low < idle + 17.5 * MIB, "400 files, of which each has 2.7 KB in the kernel"
        assert high - low < MIB


def test_cpu_time_of_a_child_that_nobody_waits_for(docker_client: DockerClient) -> None:
    (run,) = runs_of(docker_client, "nobody_waits", runs=1)
    assert run.cpu_seconds is not None
    assert run.cpu_seconds >= 1.0
    assert CaveatKind.NOT_WAITED_FOR in kinds(run)


def test_the_kernel_kills_whom_it_would_kill_without_memcap(docker_client: DockerClient) -> None:
    for run in runs_of(docker_client, "child_offers_itself", cap="72m", runs=3):
        assert run.ending is Ending.OOM_CHILD_SWALLOWED
        assert run.oom.kills == 1


def test_huge_pages_are_named(docker_client: DockerClient, idle: int) -> None:
    program = cell(("python3", "/memcap/suite/hard.py", "sparse_huge_pages"), cap="512m")
    small = replace(program, benchmark=replace(program.benchmark, name="small", quiet=Quiet(thp=False)))
    measured = measure_cells(docker_client, program, small)
    (with_huge,), (without,) = measured[program.id].runs, measured[small.id].runs

    assert need(without) < idle + 2 * MIB
    assert CaveatKind.HUGE_PAGES not in kinds(without)
    if need(with_huge) < idle + 2 * MIB:
        pytest.skip("this kernel gives no huge pages")
    assert with_huge.at_peak.huge == 256 * MIB
    assert CaveatKind.HUGE_PAGES in kinds(with_huge)


def test_files_that_another_container_was_charged_for(docker_client: DockerClient) -> None:
    (run,) = runs_of(docker_client, "mapped_files", "/usr/local/lib", runs=1)
    assert CaveatKind.MAPPED_ELSEWHERE in kinds(run)
