"""What surrounds a workload in a real container: its CPUs, huge pages, addresses, and the page cache."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT, cell, launched, measure_cells, measure_once

from memcap.errors import Interrupted
from memcap.measuring import measure
from memcap.model import COLD, CaveatKind, Cell, Ending, Quiet

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
PATIENCE_SECONDS = 60
NO_RANDOMISATION = 0x0040000  # ADDR_NO_RANDOMIZE of personality(2)


def kept_quiet(one: Cell, quiet: Quiet) -> Cell:
    return replace(one, benchmark=replace(one.benchmark, quiet=quiet))


def test_a_quiet_run_has_one_cpu_no_huge_pages_and_the_same_addresses(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, kept_quiet(cell("surroundings"), Quiet(pin_cpus=1, thp=False, aslr=False)))

    assert run.ending is Ending.COMPLETED, run.detail
    assert run.cpuset == "0"
    refused = {caveat.detail for caveat in run.caveats if caveat.kind is CaveatKind.SETTING_REFUSED}
    assert run.extra["cpus"] == 1
    assert run.extra["thp"] == 0 or any("thp" in detail for detail in refused)
    assert int(run.extra["personality"]) & NO_RANDOMISATION or any("aslr" in detail for detail in refused)


def test_otherwise_nothing_is_changed(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("surroundings"))

    assert run.cpuset == ""
    assert run.extra == {"cpus": docker_client.info()["NCPU"], "thp": 1, "personality": 0}


def test_cold_runs_read_their_files_from_disk_and_warm_ones_do_not(docker_client: DockerClient) -> None:
    warm = cell("nothing")
    cold = replace(warm, variant=COLD)

    measured = measure_cells(docker_client, cold, runs=3) | measure_cells(docker_client, warm, warmups=1, runs=3)

    # Anything else that runs in this image keeps its files in the page cache: then a run says that it was not cold.
    taken = [run for run in measured[cold.id].runs if CaveatKind.NOT_COLD not in {each.kind for each in run.caveats}]
    assert taken, "no run was cold"
    largest = max(taken, key=lambda run: run.peak_bytes or 0)
    assert largest.major_faults
    least = min(run.peak_bytes or 0 for run in measured[warm.id].runs)
    assert (largest.peak_bytes or 0) > least + MIB


def test_tuning_tries_every_setting_and_says_what_to_use() -> None:
    words = ["measure", "py312", "--tune", "--runs", "8", "--jobs", "2", "--cap", "64m", "--json"]
    tuned = subprocess.run(
        [sys.executable, "-m", "memcap", *words, "--", "python", "-S", "-c", "pass"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert tuned.returncode == 0, tuned.stderr
    document = json.loads(tuned.stdout)
    tried = {trial["setting"] for trial in document["first_round"]}
    assert tried == {"as_it_is", "one_cpu", "no_thp", "no_aslr", "random_hash", "one_arena"}
    best = document["recommended"]
    assert best is None or best["suite_toml"]


@pytest.mark.parametrize(("cpus", "noisy"), [((None, None), True), ((0, 1), False)])
def test_another_campaign_is_a_noisy_neighbour_where_it_shares_a_cpu(
    docker_client: DockerClient, cpus: tuple[int | None, int | None], noisy: bool
) -> None:
    if docker_client.info()["NCPU"] < 2:
        pytest.skip("needs two CPUs")
    ours, theirs = ("" if cpu is None else str(cpu) for cpu in cpus)
    with (
        launched(docker_client, cell("nothing")) as (engine, spec),
        launched(docker_client, cell("sleep_for_ever")) as (other_engine, other_spec),
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        other = pool.submit(other_engine.execute, replace(other_spec, cpuset=theirs))
        try:
            wait_until_running(docker_client, other_spec.name)
            pinned = replace(spec, cpuset=ours)
            run = measure(engine.execute(pinned), pinned, cpus=2)
        finally:
            other_engine.cancel()
        with pytest.raises(Interrupted):
            other.result(PATIENCE_SECONDS)

    told = [caveat.detail for caveat in run.caveats if caveat.kind is CaveatKind.NOISY_NEIGHBOUR]
    assert any(other_spec.campaign in detail for detail in told) is noisy
    assert not any(spec.campaign in detail for detail in told), "our own containers are planned"


def wait_until_running(client: DockerClient, container: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not client.api.containers(filters={"name": container, "status": "running"}):
        assert time.monotonic() < deadline, "the other container never ran"
        time.sleep(0.05)
