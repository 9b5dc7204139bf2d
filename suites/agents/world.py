"""The world that the agents live in: peers, posts, proposals and outcomes, all from one seed.

It keeps nothing of what it hands out, so that whatever stays in memory is held by an agent.
Python 3.8+, standard library only.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Dict, List

KINDS = ("honest", "honest", "honest", "opportunistic", "strategic", "adversarial")
VOCABULARY = (
    "market agent offers review of shared ledger task result quality after longer audit with trusted peers who "
    "report partial delivery before settlement while governance checks escrow terms and reputation scores"
)
WORDS = VOCABULARY.split()
Observation = Dict[str, Any]


@dataclass
class Interaction:
    """What came of one dealing between two agents."""

    epoch: int
    initiator: str
    counterparty: str
    kind: str
    accepted: bool
    payoff: float
    notes: Dict[str, Any]


class Prose:
    """Write text from a pool of sentences; every text is a new string, as if it had just been received."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._pool = [" ".join(rng.choices(WORDS, k=rng.randint(8, 16))).capitalize() + "." for _ in range(400)]

    def paragraph(self, sentences: int) -> str:
        """Return ``sentences`` sentences, about 85 characters each."""
        return " ".join(self._rng.choices(self._pool, k=sentences))


class World:
    """A population of ``peers`` of which ``arrivals`` are replaced by strangers each epoch.

    Some peers are met far more often than others: the one of rank ``n`` in proportion to ``1 / n``.
    """

    def __init__(self, seed: int, peers: int, visible: int = 8, arrivals: int = 0) -> None:
        self.rng = random.Random(seed)
        self.prose = Prose(self.rng)
        self._visible = visible
        self._arrivals = arrivals
        self._born = 0
        self._population: List[Dict[str, Any]] = [self._newcomer() for _ in range(peers)]
        self._cumulative_weights = list(accumulate(1 / rank for rank in range(1, peers + 1)))

    def _newcomer(self) -> Dict[str, Any]:
        self._born += 1
        kind = self.rng.choice(KINDS)
        return {"agent_id": f"{kind}-{self._born:07d}", "kind": kind, "reputation": self.rng.uniform(0, 6)}

    def begin_epoch(self) -> None:
        """Let strangers take the places of some peers."""
        for _ in range(self._arrivals):
            self._population[self.rng.randrange(len(self._population))] = self._newcomer()

    def observe(self, epoch: int, step: int) -> Observation:
        """Return what an agent sees: some peers, three posts, a proposal; all of it new objects."""
        met = self.rng.choices(self._population, cum_weights=self._cumulative_weights, k=self._visible)
        seen = [dict(peer) for peer in met]
        posts = [
            {"author": peer["agent_id"], "votes": self.rng.randrange(50), "text": self.prose.paragraph(2)}
            for peer in seen[:3]
        ]
        proposal = {"initiator": seen[-1]["agent_id"], "transfer": self.rng.random(), "text": self.prose.paragraph(1)}
        return {"epoch": epoch, "step": step, "agents": seen, "posts": posts, "proposal": proposal}

    def settle(self, epoch: int, initiator: str, counterparty: str, kind: str) -> Interaction:
        """Decide how a dealing ends: honest peers accept more often and pay better."""
        chance = 0.9 if counterparty.startswith("honest") else 0.45
        accepted = self.rng.random() < chance
        return Interaction(
            epoch=epoch,
            initiator=initiator,
            counterparty=counterparty,
            kind=kind,
            accepted=accepted,
            payoff=self.rng.gauss(1.0 if accepted else -0.5, 0.3),
            notes={"terms": self.prose.paragraph(1), "risk": self.rng.random(), "audited": accepted},
        )
