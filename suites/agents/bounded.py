"""The structures that once grew without limit in agents of this kind, each with its bound.

A limit of ``None`` lifts the bound: that is how the *unbounded twins* are made, from the same code.
Python 3.8+, standard library only.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Callable, Dict, Generic, Iterator, List, Optional, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Bounds:
    """How many entries each structure of an agent may hold; ``None`` means no limit."""

    memory: Optional[int] = 1000
    interactions: Optional[int] = 1000
    models: Optional[int] = 100
    history: Optional[int] = 50
    tracking: Optional[int] = 200
    audit: Optional[int] = 50_000

    @classmethod
    def choose(cls, bounded: bool) -> Bounds:
        """Return the standard bounds, or none at all."""
        return cls() if bounded else cls(None, None, None, None, None, None)


class LruModels(Generic[Key, Value]):
    """Keep the models of the counterparties met most recently; forget the one not met for longest."""

    def __init__(self, limit: Optional[int], create: Callable[[], Value]) -> None:
        self._limit = limit
        self._create = create
        self._models: OrderedDict[Key, Value] = OrderedDict()
        self.evicted = 0

    def meet(self, key: Key) -> Value:
        """Return the model of ``key``, a new one if there is none, and count it as the most recent."""
        if key in self._models:
            self._models.move_to_end(key)
            return self._models[key]
        if self._limit is not None and len(self._models) >= self._limit:
            self._models.popitem(last=False)
            self.evicted += 1
        model = self._models[key] = self._create()
        return model

    def peek(self, key: Key) -> Optional[Value]:
        """Return the model of ``key`` without counting it as met, or None."""
        return self._models.get(key)

    def values(self) -> Iterator[Value]:
        """Go through the models, the one not met for longest first."""
        return iter(self._models.values())

    def __contains__(self, key: object) -> bool:
        return key in self._models

    def __iter__(self) -> Iterator[Key]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)


class TrackingSet(Generic[Key]):
    """Remember who was seen; at the limit the one that was added first makes room."""

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self._members: Dict[Key, None] = {}  # a dict, because it keeps the order of arrival

    def add(self, member: Key) -> None:
        """Add ``member``; one that is there already keeps its place."""
        if member in self._members:
            return
        if self._limit is not None and len(self._members) >= self._limit:
            del self._members[next(iter(self._members))]
        self._members[member] = None

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[Key]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


class AuditLog:
    """Keep one line per prompt, and stop writing at the limit: an audit must not lose its beginning."""

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self.lines: List[str] = []
        self.dropped = 0

    def write(self, line: str) -> bool:
        """Keep ``line`` and return True, or count it as dropped and return False when the log is full."""
        if self._limit is not None and len(self.lines) >= self._limit:
            self.dropped += 1
            return False
        self.lines.append(line)
        return True

    def __len__(self) -> int:
        return len(self.lines)
