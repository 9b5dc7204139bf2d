"""File systems of limited size: a full one is no OOM, a tmpfs larger than the cap is one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, launched, measure_once, scaled

from memcap.measuring import measure
from memcap.model import Ending

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("through", "words"), [("writing", "No space left on device"), ("mapping", "SIGBUS; /dev/shm was full (64.0 MiB)")]
)
def test_dev_shm_is_full(docker_client: DockerClient, through: str, words: str) -> None:
    run = measure_once(docker_client, cell("fill_shared_memory", mib=80, through=through))

    assert run.ending is Ending.STORAGE_FULL
    assert words in run.detail
    assert run.oom.kills == 0


def test_dev_shm_larger_than_the_cap_is_an_oom_of_shared_memory(docker_client: DockerClient) -> None:
    with launched(docker_client, cell("fill_shared_memory", mib=256, through="writing", cap="96m")) as (engine, spec):
        large = replace(spec, policy=replace(spec.policy, shm_size_bytes=512 * MIB))
        run = measure(engine.execute(large), large, cpus=2)

    assert run.ending is Ending.OOM_KILLED
    assert "at the cap: " in run.detail
    assert "shared (tmpfs)" in run.detail.partition("at the cap: ")[2].split(", ")[0]
    assert run.at_peak.shmem is not None
    assert run.at_peak.shmem > 64 * MIB


def test_a_pool_hangs_when_a_worker_is_killed(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("pool_of_the_killed", time_limit=scaled(4)))

    assert run.ending is Ending.OOM_HUNG
    assert run.oom.kills is not None
    assert run.oom.kills >= 1
