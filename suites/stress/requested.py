"""The queue of clean-ups that were asked for: bounded, merged, the most urgent first. Python 3.8+."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from strategy import Strategy

Key = Tuple[Strategy, str]


@dataclass
class Request:
    """A clean-up that somebody asked for; ``urgency`` 0 is the most urgent, ``asked_in`` the cycle of the first
    time, ``times`` how often it was asked for."""

    strategy: Strategy
    owner: str
    urgency: int
    arrival: int
    asked_in: int
    times: int = 1


class CleanUpQueue:
    """Hold at most ``limit`` requests. The same one again is merged; when it is full the least urgent makes room."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.merged = self.refused = self.arrivals = 0
        self._waiting: Dict[Key, Request] = {}

    def ask(self, strategy: Strategy, owner: str, urgency: int, cycle: int) -> bool:
        """Take in a request; return False if it, or a less urgent one in its place, was refused."""
        self.arrivals += 1
        waiting = self._waiting.get((strategy, owner))
        if waiting is not None:
            waiting.times += 1
            waiting.urgency = min(waiting.urgency, urgency)
            self.merged += 1
            return True
        room = len(self._waiting) < self.limit
        if not room:
            self.refused += 1
            last = max(self._waiting.values(), key=_order)
            if urgency >= last.urgency:
                return False
            del self._waiting[last.strategy, last.owner]
        self._waiting[strategy, owner] = Request(strategy, owner, urgency, self.arrivals, cycle)
        return room

    def take(self) -> Optional[Request]:
        """Take out the most urgent request, of equals the oldest; None if nobody waits."""
        if not self._waiting:
            return None
        first = min(self._waiting.values(), key=_order)
        return self._waiting.pop((first.strategy, first.owner))

    def __len__(self) -> int:
        return len(self._waiting)


def _order(request: Request) -> Tuple[int, int]:
    return request.urgency, request.arrival
