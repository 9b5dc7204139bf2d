"""Reasons to doubt a run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from measured import (
    SPEC,
    SUPERVISOR_BYTES,
    kinds,
    measured,
)

from factories import MIB, make_raw, make_report
from memcap.measuring import measure
from memcap.measuring.caveats import SUPERVISOR_JITTER_BYTES
from memcap.measuring.kernel import SOME_FILE_BYTES
from memcap.model import (
    Caveat,
    CaveatKind,
    Neighbour,
    RawRun,
)


@pytest.mark.parametrize(
    ("report", "kind", "words"),
    [
        ({"cap_bytes": None}, CaveatKind.CAP_NOT_AS_ASKED, "asked for 128.0 MiB, the kernel has none"),
        ({"cap_bytes": 256 * MIB}, CaveatKind.CAP_NOT_AS_ASKED, "the kernel has 256.0 MiB"),
        ({"at_peak": {"swap": 3 * MIB}}, CaveatKind.SWAP_USED, "3.0 MiB were in swap"),
        ({"at_end": {"swap": 2 * MIB}}, CaveatKind.SWAP_USED, "2.0 MiB were in swap"),
        ({"swap_cap_bytes": MIB}, CaveatKind.SWAP_USED, "the container may swap"),
        ({"at_end": {"swap": MIB}, "swap_cap_bytes": MIB}, CaveatKind.SWAP_USED, "1.0 MiB were in swap"),
        ({"peak_bytes": None}, CaveatKind.PEAK_MISSING, "no high-water mark"),
        ({"peak_bytes": 4 * MIB}, CaveatKind.PEAK_NEAR_FLOOR, "the peak of 4.0 MiB was the container runtime's"),
        (
            {"disk_read_bytes": 12 * MIB, "max_file_bytes": 20 * MIB},
            CaveatKind.COLD_PAGE_CACHE,
            "12.0 MiB read from disk, up to 20.0 MiB of page cache",
        ),
        (
            {"disk_read_bytes": None, "major_faults": 1, "max_file_bytes": 20 * MIB},
            CaveatKind.COLD_PAGE_CACHE,
            "20.0 MiB read from disk, up to 20.0 MiB of page cache",
        ),
        (
            {"supervisor_bytes": SUPERVISOR_BYTES + SUPERVISOR_JITTER_BYTES + 1},
            CaveatKind.SUPERVISOR_BYTES_DIFFER,
            "raised by 72.0 KiB, the supervisor needed 88.0 KiB",
        ),
        (
            {"supervisor_bytes": SUPERVISOR_BYTES - SUPERVISOR_JITTER_BYTES - 1},
            CaveatKind.SUPERVISOR_BYTES_DIFFER,
            "the supervisor needed 56.0 KiB",
        ),
        # At the cap the kernel itself drops pages and reads them back: that is no cold start.
        (
            {"disk_read_bytes": 12 * MIB, "max_file_bytes": 20 * MIB, "peak_bytes": 128 * MIB, "refaults": 7},
            CaveatKind.CAP_FILLED_BY_CACHE,
            "because of 67.0 MiB of page cache, 7 pages read again",
        ),
        ({"swap_peak_bytes": MIB}, CaveatKind.SWAP_USED, "1.0 MiB were in swap"),
        (
            {"peak_bytes": 100 * MIB, "high_from_peak_bytes": 80 * MIB},
            CaveatKind.SAMPLED_ONLY,
            "may be up to 19.0 MiB more than 61.0 MiB: between two of 120 samples page cache came or went",
        ),
        (
            {"cgroup_version": 1, "doubted_peak_bytes": 80 * MIB},
            CaveatKind.KERNEL_UNEXPLAINED,
            "19.0 MiB more than 61.0 MiB: cgroup v1 does not tell which kernel memory",
        ),
        ({"high_from_peak_bytes": None, "samples": 1}, CaveatKind.SAMPLED_ONLY, "the largest of 1 sample; nothing"),
        ({"at_peak": {"huge": 20 * MIB}}, CaveatKind.HUGE_PAGES, "20.0 MiB of the unreclaimable peak are huge pages"),
        ({"mapped_elsewhere_bytes": 40 * MIB}, CaveatKind.MAPPED_ELSEWHERE, "40.0 MiB of mapped files"),
        ({"cpu_us": 2_000_000}, CaveatKind.NOT_WAITED_FOR, "nobody waited for used 1.00 s"),
        ({"throttled_periods": 3}, CaveatKind.THROTTLED, "in 3 periods"),
        ({"load_percent": 401}, CaveatKind.NOISY_NEIGHBOUR, "load was 4.0 on 2 CPUs"),
        ({"clock_step_ns": 1_500_000_000}, CaveatKind.CLOCK_STEPPED, "by 1.5 s"),
        ({"thp_off": False}, CaveatKind.SETTING_REFUSED, "thp could not be turned off"),
        ({"aslr_off": False}, CaveatKind.SETTING_REFUSED, "aslr could not be turned off"),
    ],
)
def test_a_doubt_is_a_caveat(report: dict[str, Any], kind: CaveatKind, words: str) -> None:
    found = measured(**report)
    assert kinds(found)[0] == kind
    assert len(found.caveats) == 1
    assert words in found.caveats[0].detail


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"cap_bytes": 128 * MIB + 4095},  # the kernel counts in pages
        {"swap_cap_bytes": None},
        {"disk_read_bytes": 20 * MIB, "max_file_bytes": SOME_FILE_BYTES},
        {"major_faults": 1, "max_file_bytes": 20 * MIB},  # a file that was written
        {"disk_read_bytes": None, "major_faults": 0, "max_file_bytes": 20 * MIB},
        {"load_percent": 400, "clock_step_ns": 500_000_000, "throttled_periods": 0, "thp_off": True, "aslr_off": True},
        {"load_percent": None, "clock_step_ns": None, "throttled_periods": None},
        {"supervisor_bytes": SUPERVISOR_BYTES + SUPERVISOR_JITTER_BYTES},
        {"supervisor_bytes": SUPERVISOR_BYTES - SUPERVISOR_JITTER_BYTES},
        {"supervisor_bytes": None},
        {"peak_at_start_bytes": None},
        {"at_peak": {"huge": 4 * MIB}},
        {"mapped_elsewhere_bytes": 32 * MIB},
        {"mapped_elsewhere_bytes": None},
        {"cpu_us": 1_100_000},
        {"cpu_us": None},
        # At the cap without proof that page cache fills it.
        {"peak_bytes": 128 * MIB, "high_from_peak_bytes": 127 * MIB, "unreclaimable_peak_bytes": 127 * MIB},
    ],
)
def test_no_doubt_no_caveat(report: dict[str, Any]) -> None:
    assert measured(**report).caveats == ()


@pytest.mark.parametrize(
    ("flag", "kills", "doubted"),
    [(True, 0, True), (False, 1, True), (True, 1, False), (False, 0, False), (None, 1, False), (True, None, False)],
)
def test_the_daemons_word_against_the_kernels_counter(flag: bool | None, kills: int | None, doubted: bool) -> None:
    found = measured(make_raw(make_report(oom_kills=kills), oom_killed_flag=flag))
    assert (CaveatKind.DOCKER_DISAGREES in kinds(found)) is doubted


@pytest.mark.parametrize(
    ("own", "theirs", "shared"),
    [
        ([0, 1], "", True),
        ([0], "0", True),
        ([5], "0-2,4-6", True),
        ([], "3", True),  # not known: a doubt
        ([0], "1", False),
        ([3, 7], "0-2,4-6", False),
        ([10], "1", False),
    ],
)
def test_containers_of_other_campaigns_are_noisy_where_they_share_a_cpu(
    own: list[int], theirs: str, shared: bool
) -> None:
    found = measured(make_raw(make_report(cpus=own), neighbours=(Neighbour(campaign="other", cpuset=theirs),)))
    assert kinds(found) == ([CaveatKind.NOISY_NEIGHBOUR] if shared else [])


def test_another_campaign_is_named_once() -> None:
    neighbours = tuple(Neighbour(campaign=name, cpuset=cpuset) for name in ("one", "two") for cpuset in ("", "1"))
    (caveat,) = measured(make_raw(neighbours=neighbours)).caveats
    assert caveat.detail == "another campaign of memcap had a container on the same CPUs: one, two"


def test_truncated_output_is_a_caveat() -> None:
    found = measured(make_raw(output="x" * 2048, output_truncated=True))
    assert kinds(found) == [CaveatKind.OUTPUT_TRUNCATED]
    assert "the last 2.0 KiB" in found.caveats[0].detail


@pytest.mark.parametrize("raw", [make_raw(), make_raw(""), make_raw(daemon_error="no")])
def test_standing_caveats_are_with_every_run(raw: RawRun) -> None:
    standing = Caveat(kind=CaveatKind.EMULATED, detail="aarch64 image on x86_64")
    assert measure(raw, SPEC, cpus=2, standing=(standing,)).caveats == (standing,)


@pytest.mark.parametrize(
    ("report", "kind"), [({}, CaveatKind.NOT_COLD), ({"disk_read_bytes": 9 * MIB, "max_file_bytes": 9 * MIB}, None)]
)
def test_a_cold_run_must_have_been_cold(report: dict[str, Any], kind: CaveatKind | None) -> None:
    found = measure(make_raw(make_report(**report)), replace(SPEC, cold=True), cpus=2)
    assert kinds(found) == ([kind] if kind else [])


def test_without_a_cgroup_the_need_is_sampled_and_no_kernel_is_blamed() -> None:
    found = measured(
        cgroup_version=None, peak_bytes=None, peak_at_start_bytes=None, max_file_bytes=None, high_from_peak_bytes=None
    )
    assert kinds(found) == [CaveatKind.SAMPLED_ONLY]
    assert (found.peak_bytes, found.unreclaimable_peak_bytes) == (None, 61 * MIB)
