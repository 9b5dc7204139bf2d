"""What all scenarios share: settings, the timing of cycles, the figures, what must hold, and clean ends. Python 3.8+.

A scenario is a generator function for one *round*: every ``yield`` ends a cycle, and so does its end.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from bisect import insort
from contextlib import contextmanager
from dataclasses import dataclass, fields
from time import perf_counter
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import scoring
from advice import recommendations
from capacity import Accounts, find_cgroup
from load import Service
from manager import Care, MemoryManager, NoRoom
from strategy import CRISIS

Metrics = Dict[str, float]
Promise = Tuple[str, Callable[[Metrics], bool]]
END = object()
MB = 1e6


class Broken(AssertionError):  # noqa: N818 - a promise, not the program
    """Something that must hold in the scenario does not."""


@dataclass(frozen=True)
class Settings:
    """What every scenario takes as parameters beside its own.

    None for ``capacity_mb`` means the container's cap. ``managed`` and ``bounded`` False are for deliberately worse
    variants: a manager that only looks, and structures that forget nothing.
    """

    capacity_mb: Optional[float] = None
    seed: int = 41
    pace_s: float = 0.0
    managed: bool = True
    bounded: bool = True
    clean_up_every_s: float = 60.0
    health_check_every_s: float = 30.0
    stop_share: float = 0.99
    usd_per_mb: float = 0.10
    usd_per_second: float = 1.00
    usd_per_stability_point: float = 0.50
    usd_per_error: float = 2.00

    @classmethod
    def of(cls, scenario: str, given: Dict[str, Any]) -> Settings:
        """Return the settings. Raises TypeError for one that does not exist, with those that do."""
        known = [each.name for each in fields(cls)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise TypeError(f"{scenario} has no parameter {', '.join(unknown)}; there are also {', '.join(known)}")
        return cls(**given)

    def meter(self) -> Any:
        """Return what tells capacity and use. Raises ValueError where there is no cap and none is given."""
        if self.capacity_mb is not None:
            return Accounts(int(self.capacity_mb * MB))
        cgroup = find_cgroup()
        if cgroup is None:
            raise ValueError("there is no cap on memory here: give the parameter capacity_mb")
        return cgroup


class Stage:
    """One scenario that is being played; ``notes`` are figures of its own."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.settings = name, settings
        meter = settings.meter()
        care = Care(
            managed=settings.managed,
            bounded=settings.bounded,
            clean_up_every_s=settings.clean_up_every_s,
            health_check_every_s=settings.health_check_every_s,
            stop_share=settings.stop_share,
        )
        self.manager = MemoryManager(meter, care, clock=perf_counter)
        if isinstance(meter, Accounts):
            meter.components = self.manager.components
        self.service = Service(self.manager, "service", settings.seed)
        self.crew: List[Service] = []
        self.notes: Metrics = {}
        self.rounds = self.cycles = self.errors = self.crises = self.slow = 0
        self._times: List[float] = []
        self._growth = 0.0
        self._folder: Optional[str] = None
        self._started_with = self.manager.check_use()

    @property
    def capacity(self) -> int:
        """Return the bytes of the container's cap."""
        capacity: int = self.manager.meter.capacity
        return capacity

    @property
    def folder(self) -> str:
        """Return a folder for temporary files, which is removed at the end."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="stress-")
        return self._folder

    @contextmanager
    def cycle(self) -> Iterator[None]:
        """Time what is done inside, and let the manager do its part; what finds no room is an error."""
        began = perf_counter()
        try:
            yield
        except NoRoom:
            self.errors += 1
        self.manager.manage()
        seconds = perf_counter() - began
        self.cycles += 1
        insort(self._times, seconds)
        self.slow += seconds > scoring.SLOW_SECONDS
        self.crises += self.manager.pressure >= CRISIS
        if self.settings.pace_s > seconds:
            time.sleep(self.settings.pace_s - seconds)

    def end_round(self, promises: Tuple[Promise, ...]) -> None:
        """Take the growth, check the health, and raise Broken for what should hold and does not."""
        self.rounds += 1
        self._growth = max(0, self.manager.check_use() - self._started_with) / MB
        self.manager.check_health()
        metrics = self.metrics()
        broken = [text for text, holds in promises if not holds(metrics)]
        if metrics["health"] < 100:
            broken.append("every health check must pass")
        if broken:
            raise self.broken("; ".join(broken))

    def broken(self, text: str) -> Broken:
        """Return the error that says what does not hold, with advice."""
        advice = "".join(f" {line}" for line in recommendations(self.metrics()))
        return Broken(f"{self.name}, round {self.rounds}: {text}.{advice}")

    def tell(self) -> None:
        """Print the figures so far, and advice."""
        metrics = self.metrics()
        print(f"{self.name}: " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))
        for line in recommendations(metrics):
            print(f"-> {line}")

    def metrics(self) -> Metrics:
        """Return the figures of the scenario so far."""
        tally, settings = self.manager.tally, self.settings
        services = [self.service, *self.crew]
        errors = self.errors + sum(each.errors for each in services)
        operations = self.cycles + sum(each.operations for each in services)
        error_rate = 100.0 * errors / operations if operations else 0.0
        cycles = max(1, self.cycles)
        stable = scoring.stability(
            error_rate, self.slow / cycles, self._growth * MB / self.capacity, self.crises / cycles
        )
        rates = scoring.Rates(
            settings.usd_per_mb, settings.usd_per_second, settings.usd_per_stability_point, settings.usd_per_error
        )
        seconds = scoring.seconds_saved(tally.hits, tally.hit_seconds, tally.misses, tally.miss_seconds)
        return {
            "growth_mb": self._growth,
            "peak_mb": tally.peak_used / MB,
            "optimizations": tally.optimizations,
            "response_s": scoring.percentile(self._times, 0.95),
            "stability": stable,
            "business_value_usd": scoring.business_value(rates, tally.saved_bytes / MB, seconds, stable, tally.averted),
            "errors": errors,
            "error_rate": error_rate,
            "pressure": tally.peak_pressure,
            "optimization_success": 100.0 * tally.succeeded / tally.optimizations if tally.optimizations else 100.0,
            "health": 100.0 * (1 - tally.health_failures / tally.health_checks) if tally.health_checks else 100.0,
            "recovery_s": max(tally.recoveries, default=0.0),
            "alerts": tally.alerts,
            **self.notes,
        }

    def close(self) -> None:
        """Remove the temporary files."""
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None


def perform(
    name: str, play: Callable[[Stage], Iterator[None]], promises: Tuple[Promise, ...], given: Dict[str, Any]
) -> Iterator[Metrics]:
    """Play round after round until closed; yield the figures so far after each cycle, and print them at the end.

    Raises EmergencyStop and Broken, the latter also when it is closed before one round was complete.
    """
    stage = Stage(name, Settings.of(name, given))
    try:
        while True:
            steps = play(stage)
            ended = False
            while not ended:
                with stage.cycle():
                    ended = next(steps, END) is END
                if ended:
                    stage.end_round(promises)
                yield stage.metrics()
    except GeneratorExit:
        if not stage.rounds:
            message = f"ended after {stage.cycles} cycles, before a round was complete: give it a longer --duration"
            raise stage.broken(message) from None
        raise
    finally:
        stage.tell()
        stage.close()
