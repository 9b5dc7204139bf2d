"""The room of a machine: runs at once, memory, CPUs of their own, and runs that are alone."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.admission import Admission, Demand, Seat, reserve_bytes

MIB, GIB = 1024**2, 1024**3
PATIENCE_SECONDS = 30
SMALL = Demand(memory_bytes=128 * MIB)


def machine(*, jobs: int = 4, cpus: int = 4, memory_bytes: int | None = None) -> Admission:
    return Admission(jobs=jobs, cpus=range(cpus), memory_bytes=memory_bytes)


def seated(admission: Admission, demand: Demand) -> Seat:
    seat = admission.admit(demand)
    assert seat is not None
    return seat


def test_so_many_runs_at_once_as_was_asked_for() -> None:
    admission = machine(jobs=2)
    first = seated(admission, SMALL)
    seated(admission, SMALL)
    assert admission.is_full
    assert admission.admit(SMALL) is None
    first.free()
    assert admission.admit(SMALL) is not None


def test_caps_together_with_a_reserve_fit_into_the_memory() -> None:
    admission = machine(jobs=8, memory_bytes=8 * GIB)
    large = seated(admission, Demand(memory_bytes=4 * GIB))
    assert admission.admit(Demand(memory_bytes=4 * GIB)) is None, "nothing is left for the daemon"
    seated(admission, Demand(memory_bytes=3 * GIB))
    assert admission.admit(Demand(memory_bytes=GIB)) is None
    large.free()
    assert admission.admit(Demand(memory_bytes=4 * GIB)) is not None


@pytest.mark.parametrize(("memory", "reserve"), [(1 * GIB, 256 * MIB), (100 * GIB, 5 * GIB)])
def test_the_reserve_follows_the_memory(memory: int, reserve: int) -> None:
    assert reserve_bytes(memory) == reserve


def test_a_run_larger_than_the_room_is_admitted_when_nothing_else_runs() -> None:
    admission = machine(memory_bytes=8 * GIB)
    small = seated(admission, SMALL)
    assert admission.admit(Demand(memory_bytes=8 * GIB)) is None
    small.free()
    seated(admission, Demand(memory_bytes=8 * GIB))
    assert admission.admit(SMALL) is None


def test_pinned_runs_have_cpus_of_their_own_lowest_first() -> None:
    admission = machine()
    one, two = seated(admission, Demand(memory_bytes=0, cpus=1)), seated(admission, Demand(memory_bytes=0, cpus=2))
    assert (one.cpuset, two.cpuset) == ("0", "1,2")
    assert admission.admit(Demand(memory_bytes=0, cpus=2)) is None
    assert seated(admission, SMALL).cpuset == "", "who is not pinned takes none"
    one.free()
    assert seated(admission, Demand(memory_bytes=0, cpus=2)).cpuset == "0,3"


@pytest.mark.parametrize("count", [0, -1, 5])
def test_cpus_that_can_never_be_had_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} of 4 CPUs"):
        machine().admit(Demand(memory_bytes=0, cpus=count))


def test_who_is_alone_waits_until_all_is_over_and_keeps_the_machine_to_the_end() -> None:
    admission, alone = machine(), Demand(memory_bytes=0, is_alone=True)
    other = seated(admission, SMALL)
    other.free()
    assert admission.admit(alone) is None, "what the other left is still being collected"
    other.close()
    own = seated(admission, alone)
    own.free()
    assert admission.admit(SMALL) is None
    own.close()
    assert admission.admit(SMALL) is not None


def test_another_attempt_waits_for_room() -> None:
    admission = machine(jobs=1)
    first = seated(admission, SMALL)
    first.free()
    second = seated(admission, SMALL)
    again = threading.Thread(target=first.take_again)
    again.start()
    again.join(0.05)
    assert again.is_alive()
    second.close()
    again.join(PATIENCE_SECONDS)
    assert first.is_busy


def test_who_waits_for_a_change_does_not_miss_one() -> None:
    admission = machine()
    seat, before = seated(admission, SMALL), admission.changes
    seat.free()
    admission.wait_for_change(before, seconds=PATIENCE_SECONDS)  # at once: it has happened


DEMANDS = st.builds(
    Demand,
    memory_bytes=st.integers(min_value=0, max_value=3 * GIB),
    cpus=st.none() | st.integers(min_value=1, max_value=4),
    is_alone=st.booleans(),
)


@given(st.lists(st.tuples(DEMANDS, st.integers(min_value=0, max_value=2)), max_size=30))
def test_whatever_comes_and_goes_the_machine_is_never_too_small(steps: list[tuple[Demand, int]]) -> None:
    admission, seats, most = machine(jobs=3, memory_bytes=4 * GIB), list[Seat](), 4 * GIB - reserve_bytes(4 * GIB)
    for demand, ended in steps:
        for seat in seats[:ended]:
            seat.close()
        del seats[:ended]
        if (admitted := admission.admit(demand)) is not None:
            seats.append(admitted)
        else:
            assert seats, "where nothing runs, everything may"
        taken = [cpu for each in seats for cpu in each.cpus]
        assert len(seats) <= 3
        assert len(taken) == len(set(taken)) == sum(each.demand.cpus or 0 for each in seats)
        assert len(seats) < 2 or sum(each.demand.memory_bytes for each in seats) <= most
        assert len(seats) < 2 or not any(each.demand.is_alone for each in seats)
