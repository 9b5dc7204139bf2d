"""Give runs to threads in their order, each when the machine has room for it. The only queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Final

from memcap.admission import Admission, Demand, Seat
from memcap.model import Cell, Measurement

LOOK_AHEAD: Final = 64  # runs that may begin before one for which there is no room
POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run or warm-up of a cell: the ``serial``-th of the campaign, the ``number``-th of its kind, from 0.

    ``group`` names the cells that take turns.
    """

    cell: Cell
    group: str
    serial: int
    number: int
    is_warmup: bool
    demand: Demand


@dataclass(frozen=True, kw_only=True)
class _Begun:
    task: Task
    seat: Seat
    outcome: Future[Measurement]


class Dispatcher:
    """Runs tasks by ``execute``, which frees the seat it is given when the workload has ended.

    What comes after a warm-up of a cell begins when that has ended. Where there is no room for the first of the queue,
    later ones go ahead, but only a few times: then all wait until it has begun.
    """

    def __init__(self, admission: Admission, execute: Callable[[Task, Seat], Measurement]) -> None:
        self._admission = admission
        self._execute = execute
        self._waiting: deque[Task] = deque()
        self._begun: list[_Begun] = []
        self._overtaken = 0  # how often the first of the queue was, for want of room
        # Twice as many threads as runs at once: what a run left is collected while the next one is under way.
        self._pool = ThreadPoolExecutor(max_workers=2 * admission.jobs, thread_name_prefix="memcap-run")

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, tasks: Iterable[Task], check: Callable[[], None]) -> Iterator[tuple[Task, Measurement]]:
        """Yield each task with its measurement when it is over, those of a group in the order in which they began.

        ``check`` is called again and again, and may raise. The error of a task is raised as soon as it is there,
        whichever task is waited for; what runs then is for the caller to stop.
        """
        self._waiting.extend(tasks)
        while self._waiting or self._begun:
            changes = self._admission.changes
            self._begin()
            for each in self._begun:
                if each.outcome.done() and each.outcome.exception() is not None:
                    each.outcome.result()
            if (ended := self._next_ended()) is not None:
                self._begun.remove(ended)
                yield ended.task, ended.outcome.result()
            else:
                check()
                self._admission.wait_for_change(changes, seconds=POLL_SECONDS)

    def _next_ended(self) -> _Begun | None:
        under_way = set[str]()
        for each in self._begun:
            if each.task.group not in under_way and each.outcome.done():
                return each
            under_way.add(each.task.group)
        return None

    def _begin(self) -> None:
        """Begin what there is room for."""
        held_back = {each.task.cell.id for each in self._begun if each.task.is_warmup and each.seat.is_busy}
        begun, lacks_room = set[int](), False
        for place, task in enumerate(islice(self._waiting, LOOK_AHEAD)):
            if self._admission.is_full or (lacks_room and self._overtaken >= 2 * self._admission.jobs):
                break
            is_early = task.cell.id in held_back
            seat = None if is_early else self._admission.admit(task.demand)
            if seat is None:
                held_back.add(task.cell.id)  # so that the runs of a cell keep their order
                lacks_room = lacks_room or (place == 0 and not is_early)
                continue
            begun.add(place)
            if task.is_warmup:
                held_back.add(task.cell.id)
            outcome = self._pool.submit(self._in_seat, task, seat)
            outcome.add_done_callback(lambda _: self._admission.note_change())
            self._begun.append(_Begun(task=task, seat=seat, outcome=outcome))
        if begun:
            looked_at = [self._waiting.popleft() for _ in range(max(begun) + 1)]
            self._waiting.extendleft(task for place, task in reversed([*enumerate(looked_at)]) if place not in begun)
            self._overtaken = self._overtaken + len(begun) if lacks_room else 0

    def _in_seat(self, task: Task, seat: Seat) -> Measurement:
        try:
            return self._execute(task, seat)
        finally:
            seat.close()
