"""Kills that the cap of the container did not cause, or that take the supervisor too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.administering import disturbed, kill_as_a_group, kill_from_outside, small_parent_cgroup
from integration.measuring import cell, launched

from memcap.measuring import measure
from memcap.model import CaveatKind, Ending, Measurement

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.model import Cell

pytestmark = pytest.mark.docker


def run_once(client: DockerClient, one: Cell) -> Measurement:
    with launched(client, one) as (engine, spec):
        return measure(engine.execute(spec), spec, cpus=2)


def test_kill_for_want_of_memory_above_the_container(docker_client: DockerClient) -> None:
    with small_parent_cgroup(docker_client):
        run = run_once(docker_client, cell("allocate", mib=100, cap="256m"))

    assert run.ending is Ending.MACHINE_OOM
    assert run.ending.is_infrastructure, "it says nothing about the cap"
    assert run.oom.kills == 1
    assert "below the cap" in run.detail


def test_killed_by_docker_kill(docker_client: DockerClient) -> None:
    with launched(docker_client, cell("sleep_for_ever")) as (engine, spec):
        raw = disturbed(docker_client, engine, spec, kill_from_outside)
        run = measure(raw, spec, cpus=2)

    assert run.ending is Ending.KILLED_FROM_OUTSIDE
    assert run.exit_code == 137
    assert run.oom.docker_flag is False


def test_whole_group_killed_as_kubernetes_does(docker_client: DockerClient) -> None:
    if str(docker_client.info().get("CgroupVersion")) != "2":
        pytest.skip("memory.oom.group is a file of cgroup v2")
    with launched(docker_client, cell("grow_for_ever", mib_per_second=5, cap="96m")) as (engine, spec):
        raw = disturbed(docker_client, engine, spec, kill_as_a_group)
        run = measure(raw, spec, cpus=2)

    assert run.ending is Ending.OOM_GROUP_KILLED
    assert run.oom.docker_flag or run.oom.docker_events
    assert run.unreclaimable_peak_bytes is not None, "the journal outlives the supervisor"
    assert CaveatKind.SAMPLED_ONLY in {caveat.kind for caveat in run.caveats}
