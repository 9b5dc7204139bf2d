"""RLMAgent: plans recursively and keeps a working memory within a budget. Python 3.8+, standard library only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Deque, Dict, List, Optional

from base import Action, BaseAgent
from bounded import Bounds, LruModels
from world import Interaction, Observation

DEPTH = 3
BRANCHES = 4
DISCOUNT = 0.9


@dataclass
class CounterpartyModel:
    """What is known of one counterparty: how often it cooperates, and what dealings paid."""

    outcomes: Deque[Dict[str, Any]]
    cooperation: float = 0.5

    def update(self, interaction: Interaction) -> None:
        """Take in an outcome; the rate moves by three tenths of the surprise."""
        self.outcomes.append(
            {"epoch": interaction.epoch, "accepted": interaction.accepted, "payoff": interaction.payoff}
        )
        self.cooperation += 0.3 * (float(interaction.accepted) - self.cooperation)


@dataclass
class Thought:
    """One node of a plan: a move, what it is worth, and the moves thought through below it."""

    target: str
    level: int
    value: float
    below: List["Thought"] = field(default_factory=list)


class RLMAgent(BaseAgent):
    """Thinks ``DEPTH`` levels deep; the working memory holds the last ``memory_budget`` plans, whole."""

    def __init__(self, agent_id: str, bounds: Bounds, memory_budget: Optional[int] = 100, seed: int = 0) -> None:
        super().__init__(agent_id, bounds, seed)
        self.working_memory: Deque[Thought] = deque(maxlen=memory_budget)
        self.models: LruModels[str, CounterpartyModel] = LruModels(
            bounds.models, lambda: CounterpartyModel(deque(maxlen=bounds.history))
        )

    def act(self, observation: Observation) -> Action:
        """Think about every candidate; the best of the first level is the move."""
        peers = [peer["agent_id"] for peer in observation["agents"][:BRANCHES]]
        plan = self.think(peers, DEPTH, "root")
        self.working_memory.append(plan)
        best = max(plan.below, key=lambda thought: thought.value)
        return Action("trade", best.target, plan.value)

    def think(self, peers: List[str], level: int, target: str) -> Thought:
        """Return the thought about ``target`` with everything below it; values are discounted by level."""
        model = self.models.peek(target)
        value = (model.cooperation if model else 0.5) + self.rng.uniform(-0.05, 0.05)
        if level == 0:
            return Thought(target, level, value)
        below = [self.think(peers, level - 1, peer) for peer in peers]
        return Thought(target, level, value + DISCOUNT * max(thought.value for thought in below), below)

    def learn(self, interaction: Interaction) -> None:
        """Update the model of the counterparty."""
        super().learn(interaction)
        self.models.meet(interaction.counterparty).update(interaction)

    def retained(self) -> Dict[str, float]:
        """Add the plans, the models, the longest history and the evictions to the count."""
        histories = [len(model.outcomes) for model in self.models.values()]
        return {
            **super().retained(),
            "plans": len(self.working_memory),
            "models": len(self.models),
            "longest_history": max(histories, default=0),
            "models_evicted": self.models.evicted,
        }
