"""Any number of agents of one form: registered, filled, gone on with; what they hold, how long it took. Python 3.8+."""

from __future__ import annotations

from contextlib import nullcontext
from time import thread_time
from typing import Callable, ContextManager, Dict, List, Tuple

from agent import (
    BELIEFS,
    EVENTS_A_STEP,
    FEATURES,
    KNOWN,
    STEPS_TO_FILL,
    Agent,
    LeanAgent,
    PlainAgent,
    common_parameters,
    narrow_parameters,
)
from collector import AdaptiveThresholds
from events import World
from gauges import GcClock, Latencies, held_bytes
from pool import BufferPool

_MB = 1_000_000


class Fleet:
    """Agents with a world each. Each agent has its own seed, so that nothing is alike by chance.

    They are timed in CPU time, which does not depend on what else the machine does: nothing here waits.
    """

    def __init__(self, make: Callable[[], Agent]) -> None:
        self._make = make
        self._members: List[Tuple[Agent, World]] = []
        self.registration, self.steps = Latencies(thread_time), Latencies(thread_time)

    def register(self) -> None:
        """Make one more agent."""
        with self.registration.timed():
            agent = self._make()
            self._members.append((agent, World(len(self._members), FEATURES, BELIEFS, KNOWN)))

    def step(self, epoch: int) -> List[float]:
        """Let each agent take a step, and return what each expects; making the observations is not timed."""
        expected = []
        for agent, world in self._members:
            seen = world.observe(epoch, EVENTS_A_STEP)
            with self.steps.timed():
                expected.append(agent.step(seen))
        return expected

    def payload_bytes(self) -> float:
        """Return what all agents hold that carries something."""
        return sum(agent.payload_bytes(len(self._members)) for agent, _ in self._members)


def form(lean: bool) -> Callable[[], Agent]:
    """Return what makes agents of one form, with what they share; the plain ones share nothing."""
    if not lean:
        common = common_parameters()
        return lambda: PlainAgent(common)
    shared, pool = narrow_parameters(), BufferPool()
    return lambda: LeanAgent(shared, pool)


def run(count: int, lean: bool, steps: int) -> Dict[str, float]:
    """Register ``count`` agents, let each take ``steps`` steps, more than fill it, and return the figures."""
    if steps <= STEPS_TO_FILL:
        raise ValueError(f"{STEPS_TO_FILL} steps fill an agent: it must take more")
    thresholds: ContextManager[object] = AdaptiveThresholds() if lean else nullcontext()
    with thresholds, GcClock() as collector:
        before = held_bytes()
        fleet = Fleet(form(lean))
        for _ in range(count):
            fleet.register()
        for epoch in range(STEPS_TO_FILL + 1):
            fleet.step(epoch)
        filled = held_bytes()
        for epoch in range(STEPS_TO_FILL + 1, steps):
            fleet.step(epoch)
        held = held_bytes()
    used = held - before
    further = steps - STEPS_TO_FILL - 1
    return {
        "agents": count,
        "total_mb": used / _MB,
        "per_agent_mb": used / count / _MB,
        "growth_kb_a_step": (held - filled) / count / further / 1000 if further else 0.0,
        "efficiency_percent": 100 * fleet.payload_bytes() / used,
        **collector.metrics(),
        **fleet.registration.metrics("registration"),
        **fleet.steps.metrics("step"),
    }
