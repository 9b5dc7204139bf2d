"""How much time a cap costs, by stalls, by the clock, or by what was read again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated_workload import MIB, Workload, found

from memcap.fitting import Basis, Clock, Comfort, Goal, Reference, Trial, points_of
from memcap.model import Ending, PageCost

QUIET = Trial(
    cap_bytes=64 * MIB, survived=True, ending=Ending.COMPLETED, seconds=2.0, wall_seconds=2.0, cap_hits=0, refaults=0,
    major_faults=0, peak_bytes=64 * MIB, need_bytes=60 * MIB,
)  # fmt: skip
DISK = PageCost(alone_seconds=1e-3, ahead_seconds=1e-4)
FREE = replace(QUIET, cap_bytes=1024 * MIB)


def clock(
    *trials: Trial, before: tuple[Trial, ...] = (FREE,) * 4, page: PageCost | None = None, precise: bool = False
) -> Clock:
    reference = Reference(trials=before)
    points = points_of(trials, reference, slowdown_limit=1.25)
    return Clock(points=points, reference=reference, limit=0.02, precise=precise, page_cost=page)


def judged(of: Clock) -> tuple[Comfort, Basis | None]:
    point = of.points[-1]
    lost = of.time_lost(point)
    return of.comfort(point), None if lost is None else lost.basis


def test_a_cap_that_is_never_reached_costs_nothing() -> None:
    assert judged(clock(replace(QUIET, peak_bytes=50 * MIB))) == (Comfort.YES, Basis.NOT_REACHED)


@pytest.mark.parametrize(("stall", "comfort"), [(0.0, Comfort.YES), (0.03, Comfort.YES), (0.05, Comfort.NO)])
def test_stalls_decide_where_the_kernel_tells(stall: float, comfort: Comfort) -> None:
    before = (replace(FREE, stall_seconds=0.0),)
    many = replace(QUIET, stall_seconds=stall, refaults=90000)
    assert judged(clock(many, before=before)) == (comfort, Basis.STALLS)


def test_nothing_that_was_read_again_is_likely_comfortable_until_it_is_timed() -> None:
    assert judged(clock(QUIET))[0] is Comfort.LIKELY
    assert judged(clock(*[QUIET] * 4)) == (Comfort.YES, Basis.TIMES)


def test_times_decide_and_not_how_often_something_happened() -> None:
    often = replace(QUIET, refaults=400)
    assert judged(clock(often))[0] is Comfort.OPEN
    assert judged(clock(*[often] * 4)) == (Comfort.YES, Basis.TIMES)
    slow = replace(often, seconds=2.2)
    assert judged(clock(*[slow] * 4)) == (Comfort.NO, Basis.TIMES)


def test_a_writer_that_waits_for_the_disk_loses_time_though_nothing_is_read_again() -> None:
    slow = replace(QUIET, seconds=2.3)
    assert judged(clock(*[slow] * 4)) == (Comfort.NO, Basis.TIMES)
    larger = replace(QUIET, cap_bytes=128 * MIB, peak_bytes=128 * MIB)
    assert judged(clock(*[slow] * 4, larger))[0] is Comfort.OPEN, "a larger cap has to be timed as well"


def test_what_times_leave_open_is_decided_by_what_reading_again_costs() -> None:
    def scattered(seconds: float, refaults: int) -> list[Trial]:
        return [replace(QUIET, seconds=seconds * share, refaults=refaults) for share in (1, 1.1, 0.95, 1.2)]

    before = tuple(replace(FREE, seconds=2 * share) for share in (1, 1.15, 0.95, 1.1))
    reads = replace(QUIET, cap_bytes=32 * MIB, peak_bytes=32 * MIB, refaults=5000, seconds=2.9)  # 0.2 ms a page
    assert judged(clock(reads, *scattered(2.0, 20), before=before)) == (Comfort.YES, Basis.READ_AGAIN)
    assert judged(clock(reads, *scattered(2.1, 450), before=before)) == (Comfort.NO, Basis.READ_AGAIN)


def test_a_program_of_a_fixed_duration_is_judged_by_what_a_page_costs() -> None:
    thrashing = replace(QUIET, cap_bytes=32 * MIB, peak_bytes=32 * MIB, refaults=500_000)
    some = replace(QUIET, refaults=200)
    many = replace(QUIET, refaults=2000)
    alone = replace(QUIET, refaults=200, major_faults=60)  # each of these waits for its own
    assert judged(clock(thrashing, some, page=DISK)) == (Comfort.YES, Basis.READ_AGAIN)
    assert judged(clock(thrashing, many, page=DISK)) == (Comfort.NO, Basis.READ_AGAIN)
    assert judged(clock(thrashing, alone, page=DISK)) == (Comfort.NO, Basis.READ_AGAIN)
    assert clock(thrashing, page=DISK).comfort(clock(thrashing, page=DISK).points[0]) is Comfort.NO


def test_precise_asks_for_more_runs_until_the_interval_says_it() -> None:
    trials = [replace(QUIET, seconds=2 * share) for share in (1, 1.05, 0.98, 1.03)]
    before = tuple(replace(FREE, seconds=2 * share) for share in (1, 1.05, 0.97, 1.04))
    assert judged(clock(*trials, before=before))[0] is Comfort.YES
    assert judged(clock(*trials, before=before, precise=True))[0] is Comfort.LIKELY


@pytest.mark.parametrize("comfort", [30, 55, 80])
def test_the_comfortable_cap_of_a_fixed_duration_is_found(comfort: float) -> None:
    fit = found(Workload(need=20, peak=90, threshold=20, comfort=comfort), Goal(page_cost=DISK))
    assert fit.comfortable is not None
    assert comfort <= fit.comfortable.cap_bytes / MIB <= comfort * 1.1


def test_without_any_cost_known_no_cap_is_comfortable_below_the_peak() -> None:
    fit = found(Workload(need=20, peak=90, threshold=20, comfort=90, slowness=lambda cap: 1.1 if cap < 90 else 1))
    assert fit.comfortable is not None
    assert fit.comfortable.cap_bytes >= 90 * MIB
