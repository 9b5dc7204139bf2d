"""The only queue: which run begins when, by what there is room for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from factories import make_measurement, make_plan_cell
from memcap.admission import LEAST_RESERVE_BYTES, Admission, Demand, Seat
from memcap.dispatch import Dispatcher, Task
from memcap.model import Measurement

GIB = 1024**3
PATIENCE_SECONDS = 10
RUN = make_measurement()


def task(name: str, serial: int, *, gib: int = 1, warmup: bool = False, alone: bool = False) -> Task:
    """Return a task of a group of its own, or of the one that stands before a slash."""
    group, _, name = name.rpartition("/")
    demand = Demand(memory_bytes=gib * GIB, is_alone=alone)
    return Task(
        cell=make_plan_cell(name), group=group or name, serial=serial, number=0, is_warmup=warmup, demand=demand
    )


class Hall:
    """Runs that go on until they are let go, in the order in which they began."""

    def __init__(self) -> None:
        self.began: list[int] = []
        self._gates: dict[int, threading.Event] = {}
        self._changed = threading.Condition()

    def execute(self, each: Task, seat: Seat) -> Measurement:
        with self._changed:
            gate = self._gates[each.serial] = threading.Event()
            self.began.append(each.serial)
            self._changed.notify_all()
        assert gate.wait(PATIENCE_SECONDS)
        return RUN

    def wait_for(self, *serials: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.began == list(serials), PATIENCE_SECONDS), self.began

    def let_go(self, serial: int) -> None:
        self._gates[serial].set()

    def never_begins(self, serial: int) -> None:
        time.sleep(0.05)
        assert serial not in self.began


@contextmanager
def going_on(tasks: Sequence[Task], hall: Hall, *, jobs: int = 2, gib: int = 4) -> Iterator[list[int]]:
    """Dispatch in a thread; yield the serials of what was told."""
    told: list[int] = []
    admission = Admission(jobs=jobs, cpus=range(4), memory_bytes=gib * GIB + LEAST_RESERVE_BYTES)

    def dispatch() -> None:
        with Dispatcher(admission, hall.execute) as dispatcher:
            told.extend(each.serial for each, _ in dispatcher.run(tasks, lambda: None))

    thread = threading.Thread(target=dispatch)
    thread.start()
    try:
        yield told
    finally:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_what_is_over_is_told_at_once_where_no_group_asks_for_its_order() -> None:
    hall = Hall()
    with going_on([task("long", 0), task("short", 1), task("short", 2)], hall) as told:
        for serial in (1, 2):
            hall.wait_for(*range(serial + 1))
            hall.let_go(serial)
        while told != [1, 2]:
            time.sleep(0.001)
        hall.let_go(0)
    assert told == [1, 2, 0]


def test_runs_begin_and_are_told_in_their_order() -> None:
    hall = Hall()
    with going_on([task(f"one/b{n}", n) for n in range(4)], hall) as told:
        hall.wait_for(0, 1)
        hall.let_go(1)
        hall.wait_for(0, 1, 2)
        hall.let_go(0)
        hall.wait_for(0, 1, 2, 3)
        hall.let_go(2)
        hall.let_go(3)
    assert told == [0, 1, 2, 3]


def test_a_run_waits_for_its_warmup_and_others_go_ahead() -> None:
    hall = Hall()
    with going_on([task("a", 0, warmup=True), task("a", 1), task("b", 2, warmup=True), task("b", 3)], hall) as told:
        hall.wait_for(0, 2)
        hall.let_go(2)
        hall.wait_for(0, 2, 3)
        hall.never_begins(1)
        hall.let_go(0)
        hall.wait_for(0, 2, 3, 1)
        hall.let_go(1)
        hall.let_go(3)
    assert sorted(told) == [0, 1, 2, 3]
    assert told.index(0) < told.index(1)
    assert told.index(2) < told.index(3)


def test_small_runs_share_the_machine_with_a_large_one() -> None:
    hall = Hall()
    with going_on([task("large", 0, gib=3), task("larger", 1, gib=4), task("small", 2)], hall):
        hall.wait_for(0, 2)
        hall.let_go(2)
        hall.never_begins(1)
        hall.let_go(0)
        hall.wait_for(0, 2, 1)
        hall.let_go(1)


def test_a_large_run_does_not_wait_for_ever() -> None:
    hall, most = Hall(), 1 + 2 * 2  # the first of them before it is the first of the queue
    small = [task(f"small{n}", 2 + n) for n in range(12)]
    with going_on([task("first", 0, gib=1), task("large", 1, gib=4), *small], hall):
        for n in range(most):
            hall.wait_for(0, *range(2, 3 + n))
            hall.let_go(2 + n)
        hall.never_begins(2 + most)
        hall.let_go(0)
        hall.wait_for(0, *range(2, 2 + most), 1)
        hall.let_go(1)
        for n in range(most, 12):
            while 2 + n not in hall.began:
                time.sleep(0.001)
            hall.let_go(2 + n)


def test_the_runs_of_a_cell_keep_their_order() -> None:
    hall = Hall()
    tasks = [task("a", 0, gib=3), task("b", 1, gib=2), task("b", 2, gib=1), task("c", 3)]
    with going_on(tasks, hall):
        hall.wait_for(0, 3)
        hall.never_begins(2)
        hall.let_go(3)
        hall.let_go(0)
        hall.wait_for(0, 3, 1, 2)
        hall.let_go(1)
        hall.let_go(2)


def test_who_is_alone_is_alone() -> None:
    hall = Hall()
    with going_on([task("a", 0), task("timed", 1, alone=True), task("b", 2)], hall):
        hall.wait_for(0, 2)
        hall.let_go(0)
        hall.never_begins(1)
        hall.let_go(2)
        hall.wait_for(0, 2, 1)
        hall.let_go(1)


def test_what_a_run_left_is_collected_while_the_next_one_is_under_way() -> None:
    collected, next_began = threading.Event(), threading.Event()

    def execute(each: Task, seat: Seat) -> Measurement:
        if each.serial == 1:
            next_began.set()
            assert collected.wait(PATIENCE_SECONDS)
            return RUN
        seat.free()
        assert next_began.wait(PATIENCE_SECONDS), "the next run waits for the collection"
        collected.set()
        return RUN

    admission = Admission(jobs=1, cpus=range(1), memory_bytes=None)
    with Dispatcher(admission, execute) as dispatcher:
        told = [each.serial for each, _ in dispatcher.run([task("a", 0), task("a", 1)], lambda: None)]
    assert told == [0, 1]


def refuse() -> None:
    raise TimeoutError("time is up")


def fail(each: Task, seat: Seat) -> Measurement:
    raise OSError("the daemon is gone")


@pytest.mark.parametrize(
    ("execute", "check", "error"), [(fail, lambda: None, OSError), (lambda *_: time.sleep(0.2), refuse, TimeoutError)]
)
def test_errors_are_raised(
    execute: Callable[[Task, Seat], Measurement], check: Callable[[], None], error: type[Exception]
) -> None:
    admission = Admission(jobs=1, cpus=range(1), memory_bytes=None)
    with pytest.raises(error), Dispatcher(admission, execute) as dispatcher:
        list(dispatcher.run([task("a", 0), task("a", 1)], check))


def test_thousands_of_runs_take_no_thousands_of_looks() -> None:
    looks = 0

    class Counting(Admission):
        def admit(self, demand: Demand) -> Seat | None:
            nonlocal looks
            looks += 1
            return super().admit(demand)

    with Dispatcher(Counting(jobs=4, cpus=range(4), memory_bytes=None), lambda *_: RUN) as dispatcher:
        tasks = (task(f"b{n}", n) for n in range(5000))
        assert sum(1 for _ in dispatcher.run(tasks, lambda: None)) == 5000
    assert looks < 4 * 5000
