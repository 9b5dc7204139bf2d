"""A registry of sessions: the structure that leaks when nobody cleans it up. Python 3.8+, standard library only."""

from __future__ import annotations

from typing import Callable, Dict, List

from strategy import Strategy


class Session:
    """One conversation. Its callback refers to itself, so that only the collector frees it, as is common."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.finished = False
        self.history: List[bytes] = []
        self.callbacks: List[Callable[[bytes], None]] = [self.history.append, self.receive]

    def receive(self, message: bytes) -> None:
        """Keep a message."""
        self.history.append(message)


class SessionRegistry:
    """Know all sessions by name. ``close`` forgets one; one that is only ``finished`` stays: that is the leak."""

    bounded = False

    def __init__(self) -> None:
        self.bytes = 0
        self._sessions: Dict[str, Session] = {}

    def open(self, name: str, messages: List[bytes]) -> None:
        """Begin a session with ``messages``."""
        session = self._sessions[name] = Session(name)
        for message in messages:
            session.receive(message)
            self.bytes += len(message)

    def finish(self, name: str) -> None:
        """End a session, and forget to take it out."""
        self._sessions[name].finished = True

    def close(self, name: str) -> None:
        """End a session as it should be."""
        self.bytes -= sum(map(len, self._sessions.pop(name).history))

    def reap(self) -> int:
        """Take out what is finished; return the bytes."""
        before = self.bytes
        for name in [name for name, session in self._sessions.items() if session.finished]:
            self.close(name)
        return before - self.bytes

    def release(self, strategy: Strategy) -> int:
        """Take out what is finished, whatever the strategy; return the bytes."""
        return self.reap()

    def recount(self) -> int:
        """Return the bytes counted anew, for the health check."""
        return sum(len(message) for session in self._sessions.values() for message in session.history)

    def __len__(self) -> int:
        return len(self._sessions)
