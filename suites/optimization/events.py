"""What the agents are told, from a seed: observations, events, and what to believe. Python 3.8+, numpy.

It keeps nothing of what it hands out, so that whatever stays in memory is held by an agent.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np
from numpy.random import default_rng

VOCABULARY = (
    "market agent offers review of shared ledger task result quality after longer audit with trusted peers who "
    "report partial delivery before settlement while governance checks escrow terms and reputation scores"
)
WORDS = VOCABULARY.split()
EPOCHS_TO_MEET_ALL = 10
KINDS = ("trade", "review", "vote", "report")


class Events:
    """Dealings between agents, as records of about 600 characters of JSON and 3 KB of Python objects."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._sentences = [" ".join(self._random.choices(WORDS, k=12)).capitalize() + "." for _ in range(200)]

    def event(self, epoch: int) -> Dict[str, Any]:
        """Return a record of which each part is a new object."""
        pick = self._random.random
        return {
            "epoch": epoch,
            "kind": KINDS[int(pick() * len(KINDS))],
            "payoff": round(pick(), 4),
            "terms": {"price": round(pick() * 100, 2), "units": int(pick() * 1000), "until": epoch + int(pick() * 500)},
            "seen": [{"peer": f"peer-{int(pick() * 1000):04d}", "reputation": round(pick() * 6, 2)} for _ in range(6)],
            "note": f"{self._sentences[int(pick() * 200)]} {self._sentences[int(pick() * 200)]}",
        }


@dataclass
class Observation:
    """What an agent is told before a step: rows of features, events, and new beliefs as places and values."""

    rows: np.ndarray
    events: List[Dict[str, Any]]
    peers: np.ndarray
    propositions: np.ndarray
    values: np.ndarray


class World:
    """Makes the observations of one agent, the same for the same seed.

    Of each of ``beliefs[0]`` peers the agent comes to believe something of ``known`` propositions, out of
    ``beliefs[1]``; ten epochs go through all peers once.
    """

    def __init__(self, seed: int, features: int, beliefs: Tuple[int, int], known: int) -> None:
        self._numbers = default_rng(seed)
        self._events = Events(seed)
        self._features, self._beliefs, self._known = features, beliefs, known

    def observe(self, epoch: int, rows: int) -> Observation:
        """Return ``rows`` rows and events, and the beliefs of the epoch; all of it new objects."""
        peers, propositions = self._beliefs
        met = np.arange(epoch % EPOCHS_TO_MEET_ALL, peers, EPOCHS_TO_MEET_ALL).repeat(self._known)
        return Observation(
            rows=self._numbers.random((rows, self._features)),
            events=[self._events.event(epoch) for _ in range(rows)],
            peers=met,
            propositions=(met * 7 + np.arange(len(met)) % self._known * (propositions // self._known)) % propositions,
            values=self._numbers.random(len(met)) + 0.5,
        )
