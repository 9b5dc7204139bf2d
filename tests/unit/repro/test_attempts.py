"""Runs at the cap, at lower ones where that is asked for, and at a larger one."""

from __future__ import annotations

import pytest

from factories import make_measurement, make_oom
from memcap.errors import EngineError
from memcap.model import MINIMUM_CAP_BYTES, Ending, Measurement
from memcap.repro.attempts import Run, escalate, make_attempts, need_of
from memcap.repro.escalation import Load
from memcap.repro.reproduction import Attempt

MIB = 1024 * 1024


class Needing:
    """A workload that needs so many MiB, and notes the caps that it was run in."""

    def __init__(self, mib: float) -> None:
        self.bytes = int(mib * MIB)
        self.caps: list[int] = []

    def __call__(self, cap_bytes: int) -> Attempt:
        self.caps.append(cap_bytes)
        return Attempt(cap_bytes=cap_bytes, measurement=self.outcome(cap_bytes))

    def outcome(self, cap_bytes: int) -> Measurement:
        if self.bytes > cap_bytes:
            return make_oom(unreclaimable_peak_bytes=cap_bytes)
        return make_measurement(unreclaimable_peak_bytes=self.bytes)


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize(("need", "kills"), [(200, 3), (50, 0)])
def test_as_often_as_asked_for_at_the_cap(need: float, kills: int) -> None:
    run = Needing(need)
    made = make_attempts(run, cap_bytes=128 * MIB, times=3, lower=False, say=silent)

    assert run.caps == [128 * MIB] * 3
    assert sum(each.killed for each in made.attempts) == kills
    assert made.earlier == ()


def test_lower_begins_below_what_was_needed() -> None:
    run = Needing(50)
    told: list[str] = []
    made = make_attempts(run, cap_bytes=128 * MIB, times=3, lower=True, say=told.append)

    assert told[1] == "128.0 MiB, run 2 of 3: completed"
    assert [line.partition(", ")[2] for line in told[3:]] == [
        "run 1: oom_killed", "run 2 of 3: oom_killed", "run 3 of 3: oom_killed",
    ]  # fmt: skip

    assert made.cap_bytes == int(0.97 * 50 * MIB)
    assert [each.cap_bytes for each in made.earlier] == [128 * MIB] * 3
    assert [each.killed for each in made.attempts] == [True] * 3
    assert len(run.caps) == 6


def test_lower_does_nothing_where_it_happens_at_the_cap() -> None:
    made = make_attempts(Needing(200), cap_bytes=128 * MIB, times=2, lower=True, say=silent)

    assert (made.cap_bytes, made.earlier) == (128 * MIB, ())


def test_lower_ends_where_no_container_could_be() -> None:
    class Modest(Needing):
        """Says that it needs more than it does."""

        def outcome(self, cap_bytes: int) -> Measurement:
            return make_measurement(unreclaimable_peak_bytes=cap_bytes)

    run = Modest(1)
    made = make_attempts(run, cap_bytes=32 * MIB, times=1, lower=True, say=silent)

    assert made.cap_bytes == 32 * MIB
    assert len(made.attempts) == 1
    assert min(run.caps) == made.earlier[-1].cap_bytes >= MINIMUM_CAP_BYTES


class Loaded:
    """A workload that needs so many MiB for each unit of its load, and may fail from a load on."""

    def __init__(self, mib: float, *, fails_from: float = 10**9) -> None:
        self.mib, self.fails_from = mib, fails_from
        self.loads: list[int | float] = []

    def __call__(self, load: Load) -> Run:
        def run(cap_bytes: int) -> Attempt:
            self.loads.append(load.amount)
            found = Needing(self.mib * load.amount).outcome(cap_bytes)
            if load.amount >= self.fails_from:
                found = make_measurement(ending=Ending.FAILED)
            return Attempt(cap_bytes=cap_bytes, measurement=found, load=load)

        return run


LOADS = [Load(name="n", amount=2**step) for step in range(6)]


def test_the_load_is_raised_until_something_is_killed() -> None:
    workload, told = Loaded(20), list[str]()
    made = escalate(workload, LOADS, cap_bytes=128 * MIB, times=3, say=told.append)

    assert workload.loads == [1, 2, 4, 8, 8, 8]
    assert [each.killed for each in made.attempts] == [True] * 3
    assert {each.load for each in made.attempts} == {LOADS[3]}
    assert [each.load for each in made.earlier] == LOADS[:3]
    assert told[3] == "128.0 MiB with n=8, run 1: oom_killed"


def test_where_no_load_is_killed_the_largest_is_told() -> None:
    made = escalate(Loaded(1), LOADS, cap_bytes=128 * MIB, times=3, say=silent)

    assert [each.load for each in made.attempts] == [LOADS[-1]]
    assert [each.load for each in made.earlier] == LOADS[:-1]


def test_a_run_that_does_not_end_well_is_the_last() -> None:
    workload = Loaded(1, fails_from=4)
    made = escalate(workload, LOADS, cap_bytes=128 * MIB, times=3, say=silent)

    assert workload.loads == [1, 2, 4]
    assert [each.measurement.ending for each in made.attempts] == [Ending.FAILED]
    assert [each.load for each in made.earlier] == LOADS[:2]


def test_a_run_that_says_nothing_is_tried_again() -> None:
    class Flaky(Needing):
        def outcome(self, cap_bytes: int) -> Measurement:
            return make_measurement(ending=Ending.LOST) if len(self.caps) < 3 else super().outcome(cap_bytes)

    run = Flaky(200)
    assert make_attempts(run, cap_bytes=MIB, times=1, lower=False, say=silent).attempts[0].killed
    assert len(run.caps) == 3


def test_a_run_that_never_happens_is_an_error() -> None:
    class Lost(Needing):
        def outcome(self, cap_bytes: int) -> Measurement:
            return make_measurement(ending=Ending.NOT_STARTED, detail=f"no room for {cap_bytes}")

    with pytest.raises(EngineError, match="no room for 1048576"):
        make_attempts(Lost(1), cap_bytes=MIB, times=1, lower=False, say=silent)


def test_the_need_is_seen_in_a_larger_cap() -> None:
    found = need_of(Needing(200), cap_bytes=128 * MIB, room_bytes=None, say=silent)

    assert found is not None
    assert (found.cap_bytes, found.ending) == (512 * MIB, Ending.COMPLETED)
    assert found.unreclaimable_peak_bytes == 200 * MIB


@pytest.mark.parametrize(("room", "cap"), [(300 * MIB, 300 * MIB), (128 * MIB, None)])
def test_the_larger_cap_must_fit_into_the_machine(room: int, cap: int | None) -> None:
    found = need_of(Needing(200), cap_bytes=128 * MIB, room_bytes=room, say=silent)

    assert (found.cap_bytes if found else None) == cap
