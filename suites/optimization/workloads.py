"""The benchmarks of suite.toml: each technique as a pair, whose ``after`` says which side it is, and agents by number.

Both sides of a pair do the same work, and return the same ``checksum``. Python 3.8+, numpy.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import nullcontext
from typing import Any, ContextManager, Dict, List

import fleet
import numpy as np
from agent import table_makers
from collector import AdaptiveThresholds, DeferredCollector, paused
from events import Events
from gauges import GcClock, Latencies
from lazy import EagerArrays, LazyArrays
from manager import PooledAgents, ThreadPerAgent
from mapped import MappedObservations, ObservationsInMemory
from narrow import dot, narrow
from numpy.random import default_rng
from pool import BufferPool
from ring import CompressedHistory
from sharing import SharedParameters
from sparse import DenseBeliefs, SparseBeliefs

Metrics = Dict[str, float]
HOLD_SECONDS = 0.02  # two sample intervals: what is let go at its very peak is measured with doubt


def hold() -> None:
    """Keep what there is for a moment, so that its peak is seen."""
    time.sleep(HOLD_SECONDS)


def agents(count: int = 10, lean: bool = True, steps: int = 14) -> Metrics:
    """Run ``count`` agents in the plain or the lean form until they are full, and a few steps more."""
    return fleet.run(count, lean, steps)


def lazy_arrays(after: bool, agents: int = 6) -> Metrics:
    """Give each agent eight planning tables of 1 MiB, of which it uses one."""
    form = LazyArrays if after else EagerArrays
    tables = [form(table_makers(np.float64)) for _ in range(agents)]
    for number, own in enumerate(tables):
        own[f"plan-{number % 8}"][:] += number
    used = sum(float(own[f"plan-{number % 8}"].sum()) for number, own in enumerate(tables))
    hold()
    return {"checksum": used, "held_mb": sum(own.nbytes for own in tables) / 1e6}


def sparse_beliefs(after: bool, agents: int = 10) -> Metrics:
    """Let each agent come to believe something in 5 % of 1000 x 500 cases, and weigh all of it."""
    shape, numbers, total = (1000, 500), default_rng(1), 0.0
    beliefs: List[Any] = [SparseBeliefs(shape) if after else DenseBeliefs(shape) for _ in range(agents)]
    for own in beliefs:
        for _ in range(10):
            peers, propositions = numbers.integers(shape[0], size=2500), numbers.integers(shape[1], size=2500)
            own.update(peers, propositions, numbers.random(2500))
        total += float(own.expectations(np.linspace(0, 1, shape[1])).sum())
    held = sum(own.nbytes for own in beliefs)
    zeros = 100 - 100 * beliefs[0].nonzero / (shape[0] * shape[1])
    return {"checksum": total, "held_mb": held / 1e6, "zeros_percent": zeros}


def compressed_history(after: bool, agents: int = 8, events: int = 1500) -> Metrics:
    """Let each agent remember its last 1000 of ``events`` events, and go through them once."""
    source, total = Events(2), 0.0
    histories: List[Any] = [CompressedHistory(1000) if after else deque(maxlen=1000) for _ in range(agents)]
    for epoch in range(events):
        for own in histories:
            own.append(source.event(epoch))
    for own in histories:
        total += sum(event["payoff"] for event in own)
    return {"checksum": total, "entries": sum(map(len, histories))}


def shared_parameters(after: bool, agents: int = 20) -> Metrics:
    """Give each agent 2 MB of parameters of which it adapts 64 KB."""
    numbers = default_rng(3)
    common = {"body": numbers.normal(size=(512, 480)), "head": numbers.normal(size=(512, 16))}
    total = 0.0
    kept: List[Any] = []
    for number in range(agents):
        own: Any = SharedParameters(common) if after else {name: array.copy() for name, array in common.items()}
        head = own.own("head") if after else own["head"]
        head += number
        total += float((own["body"][:, :16] * own["head"]).sum())
        kept.append(own)
    hold()
    return {"checksum": total, "agents": len(kept)}


def pooled_buffers(after: bool, agents: int = 40) -> Metrics:
    """Let each agent work in 1 MiB of scratch space for a moment at each of five steps."""
    pool, total = BufferPool(), 0.0
    own = None if after else [np.empty(131_072) for _ in range(agents)]
    for step in range(5):
        for number in range(agents):
            space: ContextManager[np.ndarray] = pool.borrow(131_072) if own is None else nullcontext(own[number])
            with space as buffer:
                buffer[:] = step + number
                total += float(buffer.sum())
    return {"checksum": total, "buffers": pool.made if own is None else agents}


def mapped_observations(after: bool, rows: int = 5000, features: int = 1000) -> Metrics:
    """Keep 5000 observations of 1000 features, and look at the latest 100 every now and then."""
    numbers, total = default_rng(4), 0.0
    kept: Any = MappedObservations(rows, features) if after else ObservationsInMemory(rows, features)
    for row in range(rows + 500):
        kept.append(numbers.random(features))
        if row % 500 == 0:
            total += float(kept.latest(100).sum())
    hold()
    return {"checksum": total, "rows": len(kept)}


def float32(after: bool, tables: int = 20, size: int = 262_144) -> Metrics:
    """Hold 20 tables of 262 144 numbers, filled piece by piece, in 64 or in 32 bits; add up products of neighbours."""
    numbers, piece = default_rng(5), 1024
    kept = []
    for _ in range(tables):
        table = np.empty(size, np.float32 if after else np.float64)
        for start in range(0, size, piece):
            new = numbers.random(min(piece, size - start))
            table[start : start + piece] = narrow(new) if after else new
        kept.append(table)
    total = sum(dot(one, other) for one, other in zip(kept, kept[1:]))  # noqa: B905, RUF007 - newer than Python 3.8
    return {"checksum": total, "held_mb": sum(table.nbytes for table in kept) / 1e6}


class _Node:
    """Two of these refer to each other, so that only the collector can free them."""

    def __init__(self) -> None:
        self.other: Any = None


def _cycles(count: int) -> None:
    for _ in range(count):
        one, two = _Node(), _Node()
        one.other, two.other = two, one


def _think() -> int:
    """Work that the collector has nothing to do with, about half a millisecond."""
    return sum(number * number for number in range(12_000))


def _live_objects(count: int) -> List[Dict[str, int]]:
    return [{"number": number} for number in range(count)]


def gc_adaptive(after: bool, live: int = 200_000, steps: int = 800) -> Metrics:
    """Make 100 cycles of garbage and keep 250 new objects at each step, beside many that live."""
    kept: List[Any] = list(_live_objects(live))
    thresholds: ContextManager[object] = AdaptiveThresholds() if after else nullcontext()
    with thresholds, GcClock() as collector:
        for step in range(steps):
            _think()
            _cycles(100)
            kept.extend([step, number] for number in range(250))
    return {"checksum": len(kept), **collector.metrics()}


def gc_batch(after: bool, objects: int = 300_000) -> Metrics:
    """Load a batch of objects that are all kept."""
    with GcClock() as collector, paused() if after else nullcontext():
        kept = _live_objects(objects)
    return {"checksum": len(kept), **collector.metrics()}


def gc_deferred(after: bool, live: int = 200_000, requests: int = 1000) -> Metrics:
    """Answer requests that leave 50 cycles each and keep 100 objects, beside many that live; only they are timed."""
    kept: List[Any] = list(_live_objects(live))
    latencies, within = Latencies(time.thread_time), GcClock()
    deferred = DeferredCollector() if after else None
    with GcClock() as overall, deferred or nullcontext():
        for request in range(requests):
            with within, latencies.timed():
                if deferred:
                    deferred.before_request()
                _think()
                _cycles(50)
                kept.extend([request, number] for number in range(100))
            if deferred:
                deferred.idle()
    return {
        "checksum": len(kept),
        **within.metrics(),
        "gc_between_ms": (overall.seconds - within.seconds) * 1000,
        **latencies.metrics("request"),
    }


class _Member:
    """An agent for the managers: counts what it was told, in a little working space."""

    def __init__(self) -> None:
        self.total = 0.0

    def step(self, observation: np.ndarray) -> float:
        """Take in an observation."""
        self.total += float((observation * 2).sum())
        return self.total


def agent_manager(after: bool, agents: int = 200, steps: int = 10) -> Metrics:
    """Let 200 agents take ten steps, on a thread each or on four for all."""
    observation, registration, steps_taken = np.arange(4096.0), Latencies(), Latencies()
    manager: Any = PooledAgents(4) if after else ThreadPerAgent()
    with manager:
        for number in range(agents):
            with registration.timed():
                manager.register(f"agent-{number}", _Member().step)
        for _ in range(steps):
            with steps_taken.timed():
                results = manager.step_all(observation)
    return {
        "checksum": sum(results.values()),
        **registration.metrics("registration"),
        **steps_taken.metrics("all_steps"),
    }
