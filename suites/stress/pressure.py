"""Scenarios of pressure: near capacity, growing fast, in crisis, and recovering. Python 3.8+.

Each function takes its levels and what stage.Settings has, and yields its figures after each cycle.
"""

from __future__ import annotations

from math import ceil
from time import perf_counter
from typing import Any, Iterator, List

from load import content
from stage import MB, Metrics, Stage, perform
from strategy import ALERT, CRISIS, RELAXED, Strategy, choose

PIECE = 512 * 1024
NOT_RECOVERED_AFTER = 10  # cycles
JITTER_SECONDS = 0.05


class Filler:
    """Fills memory with documents that nobody else has."""

    def __init__(self, stage: Stage) -> None:
        self._manager, self._count = stage.manager, 0
        self.names: List[str] = []

    def add(self, size: int, pinned: bool = False) -> None:
        """Store ``size`` bytes in pieces of 512 KiB."""
        for _ in range(max(1, size // PIECE)):
            self._count += 1
            name = f"filler-{self._count}"
            self.names.append(name)
            self._manager.store(name, [content(name, 4096) * (PIECE // 4096)], pinned)
            self._manager.check_use()

    def fill(self, to_percent: float, pinned: bool = False) -> None:
        """Store until this part of the capacity is used, but for the last piece; stay below the emergency stop."""
        capacity = self._manager.meter.capacity
        target = min(to_percent, 98.7) / 100 * capacity
        while self._manager.check_use() + PIECE < target:
            self.add(PIECE, pinned)

    def release(self) -> None:
        """Let go of what is pinned, and ask for it to be cleaned up."""
        for name in self.names:
            with self._manager.lock:
                self._manager.documents.unpin(name)
        self.names.clear()
        self._manager.ask(Strategy.EMERGENCY, "filler", 0)


def high_memory(target: float = 80.0, units: int = 1, **settings: Any) -> Iterator[Metrics]:
    """Climb to ``target`` per cent of the capacity with documents that are in use, work there, and come down."""

    def play(stage: Stage) -> Iterator[None]:
        filler, manager = Filler(stage), stage.manager
        alerts = manager.tally.alerts
        step = max(5.0, target / 8)
        percent = 100.0 * manager.check_use() / stage.capacity
        while percent < target:
            percent = min(target, percent + step)
            filler.fill(percent, pinned=True)
            yield
        for _ in range(5):
            stage.service.work(units)
            yield
        stage.notes["held_percent"] = 100.0 * manager.check_use() / stage.capacity
        if target >= ALERT and manager.tally.alerts == alerts:
            raise stage.broken("an alert must be raised")
        if manager.pressure < stage.notes["held_percent"] - 5:
            raise stage.broken("the pressure must be scored")
        filler.release()
        yield
        if manager.check_use() >= RELAXED / 100 * stage.capacity:
            raise stage.broken("memory that is no longer in use must be returned")

    promises = (
        ("there must be no errors", lambda m: m["errors"] == 0),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
        ("growth must stay below 100 MB", lambda m: m["growth_mb"] < 100),
    )
    return perform("high_memory", play, promises, settings)


def rapid_growth(step_mb: float = 50.0, factor: float = 1.0, **settings: Any) -> Iterator[Metrics]:
    """Take in ``step_mb`` times ``factor`` more a cycle, in a round until that is one and a half times the capacity."""

    def play(stage: Stage) -> Iterator[None]:
        filler, manager, tally = Filler(stage), stage.manager, stage.manager.tally
        step = step_mb * factor * MB
        cycles = max(3, ceil(1.5 * stage.capacity / step))
        for cycle in range(1, cycles + 1):
            for _ in range(int(step / PIECE)):
                manager.make_room(PIECE)
                filler.add(PIECE)
            stage.notes["clean_up_s"] = tally.clean_up_seconds / max(1, tally.optimizations)
            if cycle * step > CRISIS / 100 * stage.capacity and not tally.optimizations:
                raise stage.broken("the manager must react at once")
            if cycle < cycles:
                yield
            if manager.pressure >= CRISIS:
                raise stage.broken("a crisis must be over at the end of the cycle that it came in")
        manager.ask(Strategy.EMERGENCY, "filler", 0)

    promises = (
        ("there must be no errors", lambda m: m["errors"] == 0),
        ("clean-ups must take less than 1 s at the mean", lambda m: m["clean_up_s"] < 1),
        # At ten times 50 MB every cycle may be slow, which costs 20 points.
        ("stability must stay above 75", lambda m: m["stability"] > 75),
    )
    return perform("rapid_growth", play, promises, settings)


def pressure_crisis(target: float = 95.0, units: int = 1, **settings: Any) -> Iterator[Metrics]:
    """Work, be flooded to ``target`` per cent of the capacity within one cycle, and recover."""

    def play(stage: Stage) -> Iterator[None]:
        manager, tally = stage.manager, stage.manager.tally
        for _ in range(3):
            stage.service.work(units)
            yield
        tally.strongest = 0
        Filler(stage).fill(target)
        reached = 100.0 * manager.check_use() / stage.capacity
        stage.notes["reached_percent"] = reached
        yield
        for _ in range(NOT_RECOVERED_AFTER):
            if manager.check_use() < RELAXED / 100 * stage.capacity:
                break
            stage.service.work(units)
            yield
        else:
            raise stage.broken(f"the crisis must be over within {NOT_RECOVERED_AFTER} cycles")
        stage.notes["strategy"] = tally.strongest
        wanted = choose(reached)
        if wanted is not None and tally.strongest < wanted:
            raise stage.broken(f"the strategy {wanted.name} must be used at {reached:.1f} %")
        stage.service.work(units)

    promises = (
        ("there must be no errors", lambda m: m["errors"] == 0),
        ("clean-ups must really free memory", lambda m: m["optimization_success"] >= 90),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
    )
    return perform("pressure_crisis", play, promises, settings)


def recovery(large_share: float = 0.5, units: int = 2, **settings: Any) -> Iterator[Metrics]:
    """Hold large objects, ``large_share`` of the capacity in all; let them go; see that all is as before."""

    def play(stage: Stage) -> Iterator[None]:
        manager = stage.manager
        normal = []
        for _ in range(5):
            began = perf_counter()
            stage.service.work(units)
            normal.append(perf_counter() - began)
            yield
        before = manager.check_use()
        filler = Filler(stage)
        filler.add(int(large_share * stage.capacity), pinned=True)
        yield
        filler.release()
        released = perf_counter()
        for _ in range(NOT_RECOVERED_AFTER):
            yield
            if manager.check_use() <= before + 0.05 * stage.capacity:
                break
        else:
            raise stage.broken(f"memory must be returned within {NOT_RECOVERED_AFTER} cycles")
        manager.tally.recoveries.append(perf_counter() - released)
        afterwards = []
        for _ in range(5):
            yield
            began = perf_counter()
            stage.service.work(units)
            afterwards.append(perf_counter() - began)
        # The quickest of each: what else the machine does must not be blamed on the service.
        stage.notes["slowdown"] = min(afterwards) / min(normal)
        if min(afterwards) > 3 * min(normal) + JITTER_SECONDS:
            raise stage.broken("performance must be as before")

    promises = (
        ("growth must stay below 50 MB", lambda m: m["growth_mb"] < 50),
        ("there must be no errors", lambda m: m["errors"] == 0),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
    )
    return perform("recovery", play, promises, settings)
