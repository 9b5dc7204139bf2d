"""The benchmarks of suite.toml: each builds a world and one agent, and lets the agent live in it.

Every function returns what the agent still holds at the end, as extra metrics. Python 3.8+.
"""

from __future__ import annotations

from typing import Dict

from adversary import AdaptiveAdversary
from base import BaseAgent
from bounded import AuditLog, Bounds
from crew import CrewBackedAgent
from llm import LLMAgent, audit_line
from rlm import RLMAgent
from world import World

Metrics = Dict[str, float]


def live(agent: BaseAgent, world: World, epochs: int, steps: int) -> Metrics:
    """Let ``agent`` observe, act and learn ``steps`` times in each epoch; return what it retains."""
    for epoch in range(epochs):
        world.begin_epoch()
        for step in range(steps):
            action = agent.step(world.observe(epoch, step))
            agent.learn(world.settle(epoch, agent.agent_id, action.target, action.kind))
    return agent.retained()


def base(epochs: int = 1000, steps: int = 5, bounded: bool = True) -> Metrics:
    """Run the BaseAgent: both deques fill up and stay at 1000."""
    return live(BaseAgent("base", Bounds.choose(bounded)), World(11, peers=50), epochs, steps)


def llm(exchanges: int = 1000, bounded: bool = True) -> Metrics:
    """Run the LLMAgent: one exchange a step; whole prompts are in the memory, audit lines in the log."""
    world = World(12, peers=50)
    return live(LLMAgent("llm", Bounds.choose(bounded), world.prose), world, exchanges, steps=1)


def audit(prompts: int = 60_000, bounded: bool = True) -> Metrics:
    """Fill a prompt audit log past its cap of 50 000 lines."""
    log = AuditLog(Bounds.choose(bounded).audit)
    prose = World(13, peers=1).prose
    for number in range(prompts):
        log.write(audit_line("llm", number, prose.paragraph(4), "{}"))
    return {"audit_entries": len(log), "audit_dropped": log.dropped}


def crew(epochs: int = 1000, bounded: bool = True) -> Metrics:
    """Run the CrewBackedAgent: four members report once an epoch."""
    world = World(14, peers=50)
    return live(CrewBackedAgent("crew", Bounds.choose(bounded), world.prose), world, epochs, steps=1)


def ldt(epochs: int = 1000, steps: int = 5, peers: int = 150, bounded: bool = True) -> Metrics:
    """Run the LDTAgent among more peers than it may model."""
    from ldt import LDTAgent  # noqa: PLC0415 - so that only this agent pays for numpy

    return live(LDTAgent("ldt", Bounds.choose(bounded)), World(15, peers=peers), epochs, steps)


def rlm(epochs: int = 1000, steps: int = 3, memory_budget: int = 100, bounded: bool = True) -> Metrics:
    """Run the RLMAgent: a whole tree of thoughts a step, of which ``memory_budget`` are kept."""
    agent = RLMAgent("rlm", Bounds.choose(bounded), memory_budget if bounded else None)
    return live(agent, World(16, peers=150), epochs, steps)


def adversary(epochs: int = 1000, steps: int = 2, bounded: bool = True) -> Metrics:
    """Run the AdaptiveAdversary among strangers that keep arriving, until its tracking sets are full."""
    world = World(17, peers=2000, visible=24, arrivals=40)
    return live(AdaptiveAdversary("adversary", Bounds.choose(bounded)), world, epochs, steps)
