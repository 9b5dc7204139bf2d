"""Known truth: what is allocated exactly is what is measured, on every Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, measure_cells, measure_once

from memcap.model import CHARGE_BATCH_BYTES, CaveatKind, CellResult, Ending, Metric

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
IMAGES = ("py310", "py311", "py312", "py313")


def only(result: CellResult, metric: Metric) -> float:
    (run,) = result.runs
    assert run.ending is Ending.COMPLETED, f"{result.cell.id}: {run.ending.value}, {run.detail}"
    (value,) = result.values(metric)
    return value


def floor(empty: CellResult, metric: Metric) -> float:
    """Return what an interpreter without work adds to a metric."""
    # On cgroup v2 the container runtime's own start is charged too: that is the peak of an empty run, but it is over
    # before a larger workload reaches its own.
    if CaveatKind.PEAK_NEAR_FLOOR in {caveat.kind for caveat in empty.runs[0].caveats}:
        metric = Metric.UNRECLAIMABLE_PEAK
    return only(empty, metric)


@pytest.mark.parametrize("image", IMAGES)
def test_exactly_n_bytes_are_measured_within_one_percent(docker_client: DockerClient, image: str) -> None:
    empty = cell("nothing", on=image)
    full = {mib: cell("allocate", on=image, cap="2g", mib=mib) for mib in (64, 256, 1024)}

    measured = measure_cells(docker_client, empty, *full.values(), warmups=1)

    ahead = CHARGE_BATCH_BYTES * docker_client.info()["NCPU"]  # how far the kernel's high-water mark may be off
    for mib, one in full.items():
        for metric, granularity in ((Metric.PEAK, ahead), (Metric.UNRECLAIMABLE_PEAK, 0)):
            net = only(measured[one.id], metric) - floor(measured[empty.id], metric)
            tolerance = 0.01 * mib * MIB + granularity
            assert net == pytest.approx(mib * MIB, abs=tolerance), f"{metric.value} of {mib} MiB on {image}"


def test_memory_of_a_child_process_counts(docker_client: DockerClient) -> None:
    empty, child = cell("nothing"), cell("allocate_in_child", mib=64)

    measured = measure_cells(docker_client, empty, child, warmups=1)

    floor = only(measured[empty.id], Metric.UNRECLAIMABLE_PEAK)
    need = only(measured[child.id], Metric.UNRECLAIMABLE_PEAK) - floor
    assert 64 * MIB < need < 64 * MIB + 2 * floor  # the child has an interpreter of its own
    run = measured[child.id].runs[0]
    assert run.process_count == 2
    assert run.rss_peak_bytes is not None
    assert run.rss_peak_bytes > 64 * MIB


def test_page_cache_is_neither_an_oom_nor_a_need(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("write_file", mib=300))

    assert run.ending is Ending.COMPLETED
    assert run.extra == {"written": 300 * MIB}
    assert run.oom.kills == 0
    assert run.cap_bytes is not None
    assert run.peak_bytes == pytest.approx(run.cap_bytes, rel=0.01), "the page cache fills the cap"
    assert run.unreclaimable_peak_bytes is not None
    assert run.unreclaimable_peak_bytes < 24 * MIB, "a Python, one MiB block and the kernel's bookkeeping"


def test_the_cap_is_raised_by_what_the_supervisor_needs(docker_client: DockerClient) -> None:
    run = measure_once(docker_client, cell("nothing", cap="64m"))

    assert run.supervisor_bytes is not None
    assert 0 < run.supervisor_bytes < 256 * 1024
    assert run.cap_bytes is not None
    assert abs(run.cap_bytes - 64 * MIB - run.supervisor_bytes) <= 16 * 1024
    assert run.floor_bytes is not None
    assert run.floor_bytes < 2 * MIB
