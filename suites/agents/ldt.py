"""LDTAgent: decides by logical decision theory, from numpy models of its counterparties. Python 3.8+, numpy.

It looks for peers whose decisions follow the same procedure as its own (a high cosine similarity of the
decision traces) and weighs, for each dealing, what every pair of policies would have paid.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Deque, Dict, List

import numpy as np
from base import Action, BaseAgent
from bounded import Bounds, LruModels
from world import Interaction, Observation

FEATURES = 16
POLICIES = 8
EXPLORATION = 0.2


@dataclass
class Decision:
    """One decision of a counterparty: its features, and the payoffs of all pairs of policies."""

    epoch: int
    accepted: bool
    features: np.ndarray
    payoffs: np.ndarray


class CounterpartyModel:
    """What is known of one counterparty: its latest decisions and their running signature."""

    def __init__(self, history: Deque[Decision]) -> None:
        self.decisions = history
        self.signature = np.zeros(FEATURES)

    def update(self, decision: Decision) -> None:
        """Take in a decision; the signature forgets a tenth at each."""
        self.decisions.append(decision)
        self.signature *= 0.9
        self.signature += 0.1 * decision.features


class LDTAgent(BaseAgent):
    """Cooperates with those who decide as it does."""

    def __init__(self, agent_id: str, bounds: Bounds, seed: int = 0) -> None:
        super().__init__(agent_id, bounds, seed)
        self._numbers = np.random.default_rng(seed)
        self._procedure = self._numbers.normal(size=FEATURES)
        self.models: LruModels[str, CounterpartyModel] = LruModels(
            bounds.models, lambda: CounterpartyModel(deque(maxlen=bounds.history))
        )

    def act(self, observation: Observation) -> Action:
        """Trade with the visible peer whose signature is most like the own procedure; sometimes with any."""
        peers = [peer["agent_id"] for peer in observation["agents"]]
        likeness = self.similarities(peers)
        if self.rng.random() < EXPLORATION:
            return Action("trade", observation["proposal"]["initiator"], likeness)
        best = int(np.argmax(likeness))
        return Action("trade" if likeness[best] >= 0 else "vote", peers[best], likeness)

    def similarities(self, peers: List[str]) -> np.ndarray:
        """Return the cosine similarity of each peer's signature with the own procedure; 0 for strangers."""
        signatures = np.zeros((len(peers), FEATURES))
        for row, peer in enumerate(peers):
            model = self.models.peek(peer)
            if model is not None:
                signatures[row] = model.signature
        norms = np.linalg.norm(signatures, axis=1) * np.linalg.norm(self._procedure)
        dots: np.ndarray = signatures @ self._procedure
        likeness = np.zeros(len(peers))
        np.divide(dots, norms, out=likeness, where=norms > 0)
        return likeness

    def learn(self, interaction: Interaction) -> None:
        """Update the model of the counterparty with its decision and the counterfactual payoffs."""
        super().learn(interaction)
        features = interaction.payoff * self._procedure + self._numbers.normal(size=FEATURES)
        payoffs = np.outer(self._procedure[:POLICIES], features[:POLICIES])
        decision = Decision(interaction.epoch, interaction.accepted, features, payoffs)
        self.models.meet(interaction.counterparty).update(decision)

    def retained(self) -> Dict[str, float]:
        """Add the models, the longest history and the evictions to the count."""
        histories = [len(model.decisions) for model in self.models.values()]
        return {
            **super().retained(),
            "models": len(self.models),
            "history_entries": sum(histories),
            "longest_history": max(histories, default=0),
            "models_evicted": self.models.evicted,
        }
