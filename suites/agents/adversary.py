"""AdaptiveAdversary: learns whom to exploit and whom to avoid. Python 3.8+, standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from base import Action, BaseAgent
from bounded import Bounds, TrackingSet
from world import Interaction, Observation

STRATEGIES = ("farm reputation", "collude", "mimic", "lie low", "time the attack", "stay under thresholds")
EXPLORATION = 0.2


@dataclass
class Record:
    """How a strategy has done so far."""

    attempts: int = 0
    payoff: float = 0.0

    @property
    def value(self) -> float:
        """Return the mean payoff; a strategy that was never tried looks good."""
        return self.payoff / self.attempts if self.attempts else 1.0


class AdaptiveAdversary(BaseAgent):
    """Keeps four tracking sets of identities, in a world where strangers keep arriving."""

    def __init__(self, agent_id: str, bounds: Bounds, seed: int = 0) -> None:
        super().__init__(agent_id, bounds, seed)
        self.vulnerable: TrackingSet[str] = TrackingSet(bounds.tracking)
        self.dangerous: TrackingSet[str] = TrackingSet(bounds.tracking)
        self.allies: TrackingSet[str] = TrackingSet(bounds.tracking)
        self.harmed: TrackingSet[str] = TrackingSet(bounds.tracking)
        self.strategies = {name: Record() for name in STRATEGIES}
        self._strategy = STRATEGIES[0]

    def act(self, observation: Observation) -> Action:
        """Sort the visible peers into the sets, choose a strategy, and pick a victim that is not dangerous."""
        for peer in observation["agents"]:
            if peer["kind"] == "adversarial":
                self.allies.add(peer["agent_id"])
            elif peer["kind"] == "strategic":
                self.dangerous.add(peer["agent_id"])
            elif peer["reputation"] > 3.0:
                self.vulnerable.add(peer["agent_id"])
        self._strategy = self._choose_strategy()
        victims = [peer["agent_id"] for peer in observation["agents"] if peer["agent_id"] in self.vulnerable]
        target = victims[0] if victims else observation["proposal"]["initiator"]
        return Action("exploit" if victims else "wait", target, self._strategy)

    def _choose_strategy(self) -> str:
        if self.rng.random() < EXPLORATION:
            return self.rng.choice(STRATEGIES)
        return max(self.strategies, key=lambda name: self.strategies[name].value)

    def learn(self, interaction: Interaction) -> None:
        """Credit the strategy; a victim that accepted was harmed, one that refused is dangerous."""
        super().learn(interaction)
        record = self.strategies[self._strategy]
        record.attempts += 1
        record.payoff += interaction.payoff
        (self.harmed if interaction.accepted else self.dangerous).add(interaction.counterparty)

    def retained(self) -> Dict[str, float]:
        """Add the tracking sets to the count."""
        sets = {
            "vulnerable": self.vulnerable,
            "dangerous": self.dangerous,
            "allies": self.allies,
            "harmed": self.harmed,
        }
        return {**super().retained(), **{f"tracked_{name}": len(tracked) for name, tracked in sets.items()}}
