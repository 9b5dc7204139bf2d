"""One agent in two forms, which give the same answers: plain, and with every technique for memory. Python 3.8+, numpy.

The plain agent holds about 34.5 MB: beliefs 4.0, parameters 8.0, planning tables 8.4, scratch space 4.2, observations
6.8, history 3 to 4.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import contextmanager
from typing import Any, Callable, Deque, Dict, Iterator, Mapping, Union

import numpy as np
from events import Observation
from lazy import EagerArrays, LazyArrays
from mapped import MappedObservations, ObservationsInMemory
from narrow import dot, narrow
from numpy.random import default_rng
from pool import BufferPool
from ring import MOST_ENTRIES, CompressedHistory
from sharing import SharedParameters
from sparse import DenseBeliefs, SparseBeliefs

BELIEFS = (1000, 500)
FEATURES = 850
LAYERS = {"embedding": (FEATURES, 940), "hidden": (940, 210), "head": (210, 16)}
TABLES = 8
TABLE_SIZE = 131_072  # 1 MiB of float64
SCRATCH = 524_288  # 4 MiB of float64
STEPS_TO_FILL = 10
EVENTS_A_STEP = MOST_ENTRIES // STEPS_TO_FILL
KNOWN = 25  # propositions of each peer, so that 95 % of the beliefs are 0
_RATE = 0.01


def table_makers(dtype: type) -> Dict[str, Callable[[], np.ndarray]]:
    """Return what makes the planning tables: a uniform prior each, so not zeros, which cost nothing until written."""
    return {
        f"plan-{number}": lambda: np.full(TABLE_SIZE, 1 / TABLE_SIZE, dtype)  # type: ignore[call-overload]
        for number in range(TABLES)
    }


def common_parameters() -> Dict[str, np.ndarray]:
    """Return the parameters that all agents start with, in 64 bits."""
    numbers = default_rng(5)
    return {name: numbers.normal(scale=0.05, size=shape) for name, shape in LAYERS.items()}


class Agent:
    """Takes steps: notes what it is told, plans, and adapts the last layer of its parameters."""

    beliefs: Union[DenseBeliefs, SparseBeliefs]
    observations: Union[ObservationsInMemory, MappedObservations]
    history: Union[Deque[Dict[str, Any]], CompressedHistory]
    tables: Mapping[str, np.ndarray]
    parameters: Mapping[str, np.ndarray]

    def scratch(self) -> Any:
        """Return a context manager that yields SCRATCH numbers of working space."""
        raise NotImplementedError

    def own_layer(self, name: str) -> np.ndarray:
        """Return a layer of the parameters to be written to."""
        raise NotImplementedError

    def payload_bytes(self, agents: int) -> float:
        """Return how much of what one of ``agents`` agents holds carries something that is read later.

        Not zeros, tables that nobody used, further copies of the same parameters, scratch space, or the objects that
        text and numbers are wrapped in.
        """
        raise NotImplementedError

    def step(self, seen: Observation) -> float:
        """Take in an observation, and return how much the agent expects."""
        for row in seen.rows:
            self.observations.append(row)
        for event in seen.events:
            self.history.append(event)
        self.beliefs.update(seen.peers, seen.propositions, seen.values)
        recent = self.observations.latest(EVENTS_A_STEP).mean(axis=0)
        hidden = np.tanh(np.tanh(recent @ self.parameters["embedding"]) @ self.parameters["hidden"])
        choice = hidden @ self.parameters["head"]
        plan = self.tables[self._chosen(len(self.history))]
        with self.scratch() as space:
            space[: len(plan)] = plan
            space[len(plan) :] = float(choice.mean())
            plan += np.asarray(_RATE * space[-len(plan) :], plan.dtype)
        weights = np.linspace(0, 1, BELIEFS[1])
        expected = dot(plan, plan) + float(self.beliefs.expectations(weights).mean())
        head = self.own_layer("head")
        head += np.asarray(_RATE * np.outer(hidden, choice), head.dtype)
        return expected

    @staticmethod
    def _chosen(entries: int) -> str:
        """Return the table that is planned with: always the same one of the first two while the history is not full."""
        return f"plan-{0 if entries < MOST_ENTRIES else 1}"

    def _tables_used(self) -> int:
        return sum(table.nbytes for table in (self.tables[name] for name in ("plan-0", "plan-1")))


class PlainAgent(Agent):
    """All in Python objects and 64 bits, everything its own, made at once."""

    def __init__(self, common: Mapping[str, np.ndarray]) -> None:
        self.beliefs = DenseBeliefs(BELIEFS)
        self.observations = ObservationsInMemory(MOST_ENTRIES, FEATURES)
        self.history = deque(maxlen=MOST_ENTRIES)
        self.tables = EagerArrays(table_makers(np.float64))
        self.parameters = {name: array.copy() for name, array in common.items()}
        self._scratch = np.empty(SCRATCH)

    @contextmanager
    def scratch(self) -> Iterator[np.ndarray]:
        """Yield the agent's own space."""
        yield self._scratch

    def own_layer(self, name: str) -> np.ndarray:
        """Return the layer itself: it is the agent's own."""
        return self.parameters[name]

    def payload_bytes(self, agents: int) -> float:
        """See Agent: of the objects of the history, what they would be as JSON."""
        shared = sum(array.nbytes for name, array in self.parameters.items() if name != "head")
        text = sum(len(json.dumps(entry, separators=(",", ":"))) for entry in self.history)
        seen = len(self.observations) * FEATURES * 8
        head = self.parameters["head"].nbytes
        return self.beliefs.nonzero * 8 + self._tables_used() + shared / agents + head + seen + text


class LeanAgent(Agent):
    """The same agent with lazy arrays, sparse beliefs, … : what is shared comes from outside."""

    def __init__(self, common: Mapping[str, np.ndarray], pool: BufferPool) -> None:
        self.beliefs = SparseBeliefs(BELIEFS, np.float32)
        self.observations = MappedObservations(MOST_ENTRIES, FEATURES, np.float32)
        self.history = CompressedHistory(MOST_ENTRIES)
        self.tables = LazyArrays(table_makers(np.float32))
        self.parameters: SharedParameters = SharedParameters(common)
        self._pool = pool

    def scratch(self) -> Any:
        """Borrow from the pool."""
        return self._pool.borrow(SCRATCH, np.float32)

    def own_layer(self, name: str) -> np.ndarray:
        """Return the agent's copy of the layer, made when it is first written to."""
        return self.parameters.own(name)

    def payload_bytes(self, agents: int) -> float:
        """See Agent. What is in the file is not held."""
        shared = sum(array.nbytes for array in self.parameters.values()) - self.parameters.own_nbytes
        held = self.beliefs.nbytes + self._tables_used() + self.parameters.own_nbytes + self.history.nbytes
        return held + shared / agents


def narrow_parameters() -> Dict[str, np.ndarray]:
    """Return the parameters that all agents start with, in 32 bits, row by row: all in 64 bits would be the peak."""
    numbers = default_rng(5)
    found = {name: np.empty(shape, np.float32) for name, shape in LAYERS.items()}
    for array in found.values():
        for row in array:
            row[:] = narrow(numbers.normal(scale=0.05, size=len(row)))
    return found
