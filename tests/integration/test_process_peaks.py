"""What is known of single processes of a real container: their largest resident sets, and their shares at the peak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, measure_once, scaled

from memcap.model import Ending

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
SHARED_MIB = 32
OWN_MIB = 12  # more than an interpreter that was forked has for itself, and its part of what it shares


def test_two_processes_that_share_memory_have_half_of_it_each(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("shared_by_two", mib=SHARED_MIB, seconds=scaled(3)))

    assert run.ending is Ending.COMPLETED, run.detail
    children = sorted(run.processes, key=lambda process: process.vm_hwm_bytes)[-2:]
    for child in children:
        assert child.vm_hwm_bytes >= SHARED_MIB * MIB, "as one process sees it, all of the shared memory is its own"
        assert child.pss_bytes is not None
        assert SHARED_MIB * MIB / 2 <= child.pss_bytes <= (SHARED_MIB / 2 + OWN_MIB) * MIB
    together = sum(process.pss_bytes or 0 for process in run.processes)
    assert run.at_peak.shmem is not None
    assert run.at_peak.shmem <= together, "shares add up, and hold what is shared once"
    assert together < 2 * SHARED_MIB * MIB < sum(process.vm_hwm_bytes for process in run.processes)


def test_no_share_is_read_of_a_single_process(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("nothing"))

    assert run.ending is Ending.COMPLETED, run.detail
    assert [process.pss_bytes for process in run.processes] == [None]


def test_no_share_is_read_of_a_large_process(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("shared_by_two", cap="512m", mib=280, seconds=scaled(3)))

    assert run.ending is Ending.COMPLETED, run.detail
    large = [process for process in run.processes if process.vm_hwm_bytes > 256 * MIB]
    assert [process.pss_bytes for process in large] == [None, None]
    assert any(process.pss_bytes is not None for process in run.processes), "the small one is read all the same"
