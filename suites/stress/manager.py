"""The subject of the suite: a memory manager that keeps a service within its container. Python 3.8+.

It owns a cache, a document store and a registry of sessions, and whatever else is handed to it; reads the container's
counters; cleans up by how much memory is used, on request, and from time to time; and stops the process in time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Callable, Dict, Iterable, List, Optional

import strategy as strategies
from cache import LruCache
from docstore import DocumentStore
from freeing import give_back
from leaks import LeakDetector
from requested import CleanUpQueue
from sessions import SessionRegistry
from strategy import Strategy

NOTHING_TO_SAVE = 1024 * 1024  # counters of the kernel are exact to some pages a CPU
NO_BOUND = 1 << 62
ADMITTED_UP_TO = 0.9  # of the capacity, before room is made for what is new


class EmergencyStop(RuntimeError):  # noqa: N818 - it is no mistake
    """So much is used that the kernel would kill next: the scenario ends."""


class NoRoom(RuntimeError):  # noqa: N818
    """There is no room for what is new, even after all that can be freed was freed."""


@dataclass
class Tally:
    """What the manager did and saw. Bytes and seconds."""

    optimizations: int = 0
    succeeded: int = 0
    saved_bytes: int = 0
    clean_up_seconds: float = 0.0
    hits: int = 0
    hit_seconds: float = 0.0
    misses: int = 0
    miss_seconds: float = 0.0
    averted: int = 0
    refused: int = 0
    alerts: int = 0
    leaks: int = 0
    health_checks: int = 0
    health_failures: int = 0
    longest_urgent_wait: int = 0
    peak_used: int = 0
    peak_pressure: float = 0.0
    strongest: int = 0
    recoveries: List[float] = field(default_factory=list)


@dataclass(frozen=True)
class Care:
    """What the manager does by itself. Not ``managed``: it only looks. Not ``bounded``: nothing has a bound."""

    managed: bool = True
    bounded: bool = True
    clean_up_every_s: float = 60.0
    health_check_every_s: float = 30.0
    stop_share: float = 0.99
    requests_a_cycle: int = 2
    longest_queue: int = 64


class MemoryManager:
    """Keep within ``meter.capacity``. All methods may be called from any thread."""

    def __init__(self, meter: Any, care: Care, clock: Callable[[], float] = perf_counter) -> None:
        self.meter, self.care, self.tally = meter, care, Tally()
        self.lock = threading.RLock()
        self.cache = LruCache(meter.capacity // 10 if care.bounded else NO_BOUND)
        self.documents = DocumentStore()
        self.sessions = SessionRegistry()
        self.components: Dict[str, Any] = {
            "cache": self.cache,
            "documents": self.documents,
            "sessions": self.sessions,
        }
        self.queue = CleanUpQueue(care.longest_queue)
        self.pressure = 0.0
        self.cycle = 0
        self.detector = LeakDetector(meter.capacity // 50)
        self._clock = clock
        self._cleaned = self._checked = clock()
        self._crisis_since: Optional[float] = None
        self._used_before = 0
        self._futile: Optional[Strategy] = None
        self._futile_at = 0
        self._alerted = False

    def check_use(self) -> int:
        """Return the bytes in use, and note their peak. Raises EmergencyStop where the kernel would kill next.

        Whoever takes memory must ask at least once for each hundredth of the capacity, or the kernel is quicker.
        """
        used: int = self.meter.used()
        capacity = self.meter.capacity
        self.tally.peak_used = max(self.tally.peak_used, used)
        share = 100.0 * used / capacity
        if self._crisis_since is None and share >= strategies.CRISIS:
            self._crisis_since = self._clock()
        elif self._crisis_since is not None and share < strategies.RELAXED:
            self.tally.recoveries.append(self._clock() - self._crisis_since)
            self._crisis_since = None
        if used >= self.care.stop_share * capacity:
            raise EmergencyStop(
                f"emergency stop: {used / 1e6:.1f} MB are used, {share:.1f} % of the capacity ({capacity / 1e6:.1f} MB)"
            )
        return used

    def read(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return the value of ``key`` from the cache, else make and keep it."""
        began = self._clock()
        with self.lock:
            value = self.cache.get(key)
        if value is not None:
            with self.lock:
                self.tally.hits += 1
                self.tally.hit_seconds += self._clock() - began
            return value
        value = make()
        with self.lock:
            self.cache.put(key, value)
            self.tally.misses += 1
            self.tally.miss_seconds += self._clock() - began
        return value

    def store(self, name: str, pieces: Iterable[bytes], pinned: bool = False) -> None:
        """Store a document."""
        with self.lock:
            self.documents.add(name, pieces, pinned)

    def make_room(self, size: int) -> None:
        """Free memory until ``size`` bytes more may be taken. Raises NoRoom if that cannot be."""
        with self.lock:
            most = ADMITTED_UP_TO * self.meter.capacity
            if self.check_use() + size <= most or not self.care.managed:
                return
            for strategy in (Strategy.COMPACT, Strategy.SHED, Strategy.EMERGENCY):
                self.clean_up(strategy)
                if self.check_use() + size <= most:
                    self.tally.averted += 1
                    return
            self.tally.refused += 1
            raise NoRoom(
                f"no room for {size / 1e6:.1f} MB: {self.check_use() / 1e6:.1f} MB are in use and cannot be freed"
            )

    def clean_up(self, strategy: Strategy) -> int:
        """Free memory; return the bytes that the kernel has back.

        It succeeded if these are at least half of what the components let go.
        """
        with self.lock:
            began, before = self._clock(), self.meter.used()
            let_go = sum(component.release(strategy) for component in self.components.values())
            give_back()
            saved = max(0, before - self.meter.used())
            tally = self.tally
            tally.optimizations += 1
            tally.succeeded += saved >= let_go / 2 or let_go < NOTHING_TO_SAVE
            tally.saved_bytes += saved
            tally.clean_up_seconds += self._clock() - began
            tally.strongest = max(tally.strongest, int(strategy))
            return saved

    def manage(self) -> None:
        """Do what is due at the end of a cycle. Raises EmergencyStop."""
        with self.lock:
            now, used = self._clock(), self.check_use()
            self.pressure = strategies.score(used, self.meter.capacity, used - self._used_before)
            self.tally.peak_pressure = max(self.tally.peak_pressure, self.pressure)
            self._alert()
            if now - self._checked >= self.care.health_check_every_s:
                self.check_health()
            if self.care.managed:
                self._find_leaks()
                self._relieve(used)
                self._serve_requests()
                if now - self._cleaned >= self.care.clean_up_every_s:
                    self._cleaned = now
                    self.clean_up(Strategy.COMPACT)
            self._used_before = self.check_use()
            self.cycle += 1

    def _alert(self) -> None:
        """Raise an alert when the pressure passes its limit, and not again before it fell below."""
        high = self.pressure >= strategies.ALERT
        self.tally.alerts += high and not self._alerted
        self._alerted = high

    def _find_leaks(self) -> None:
        sizes = {name: each.bytes for name, each in self.components.items() if not each.bounded}
        for name in self.detector.watch(sizes):
            self.tally.leaks += 1
            self.clean_up(Strategy.TRIM)
            self.detector.watch({name: self.components[name].bytes})

    def _relieve(self, used: int) -> None:
        """Clean up by the pressure; more strongly where the last time did not help, and not in vain again."""
        strategy = strategies.choose(self.pressure)
        if strategy is None:
            self._futile = None
            return
        if self._futile is not None:
            risen = used - self._futile_at > self.meter.capacity // 50
            if self._futile is Strategy.EMERGENCY and not risen:
                return
            strategy = max(strategy, Strategy(min(self._futile + 1, Strategy.EMERGENCY)))
        self.clean_up(strategy)
        after = self.check_use()
        helped = strategies.choose(strategies.score(after, self.meter.capacity)) is None
        self._futile, self._futile_at = (None, 0) if helped else (strategy, after)
        self.pressure = strategies.score(after, self.meter.capacity)

    def _serve_requests(self) -> None:
        for _ in range(self.care.requests_a_cycle):
            request = self.queue.take()
            if request is None:
                return
            if request.urgency == 0:
                wait = self.cycle - request.asked_in
                self.tally.longest_urgent_wait = max(self.tally.longest_urgent_wait, wait)
            self.clean_up(request.strategy)

    def ask(self, strategy: Strategy, owner: str, urgency: int) -> bool:
        """Queue a clean-up, to be done at the end of this cycle or a later one; return False if one was refused."""
        with self.lock:
            return self.queue.ask(strategy, owner, urgency, self.cycle)

    def check_health(self) -> bool:
        """Count what every component holds anew, and compare it with its account; the queue must keep its bound."""
        with self.lock:
            self._checked = self._clock()
            sound = len(self.queue) <= self.queue.limit and self.cache.bytes <= self.cache.limit
            sound = sound and all(each.recount() == each.bytes for each in self.components.values())
            self.tally.health_checks += 1
            self.tally.health_failures += not sound
            return sound
