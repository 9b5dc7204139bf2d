"""BaseAgent: observes, acts, remembers. All other agents are made from it. Python 3.8+, standard library only."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict

from bounded import Bounds
from world import Interaction, Observation


@dataclass
class Action:
    """What an agent decided to do, and why."""

    kind: str
    target: str
    reason: Any


@dataclass
class Memory:
    """One remembered step: the whole observation and what the agent did about it."""

    epoch: int
    observation: Observation
    action: Action


class BaseAgent:
    """An agent with the two deques that every agent has: ``memory`` and ``interactions``."""

    def __init__(self, agent_id: str, bounds: Bounds, seed: int = 0) -> None:
        self.agent_id = agent_id
        self.bounds = bounds
        self.rng = random.Random(seed)
        self.memory: Deque[Memory] = deque(maxlen=bounds.memory)
        self.interactions: Deque[Interaction] = deque(maxlen=bounds.interactions)

    def step(self, observation: Observation) -> Action:
        """Decide and remember."""
        action = self.act(observation)
        self.memory.append(Memory(observation["epoch"], observation, action))
        return action

    def act(self, observation: Observation) -> Action:
        """Trade with the peer of the best reputation; be careful after recent losses."""
        recent = [self.interactions[-back].payoff for back in range(1, min(10, len(self.interactions)) + 1)]
        kind = "trade" if sum(recent) >= 0 else "vote"
        best = max(observation["agents"], key=lambda peer: float(peer["reputation"]))
        return Action(kind, best["agent_id"], {"recent": recent, "reputation": best["reputation"]})

    def learn(self, interaction: Interaction) -> None:
        """Take in how a dealing ended."""
        self.interactions.append(interaction)

    def retained(self) -> Dict[str, float]:
        """Count the entries of every structure that lives as long as the agent."""
        return {"memory_entries": len(self.memory), "interaction_entries": len(self.interactions)}
