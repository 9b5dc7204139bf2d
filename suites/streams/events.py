"""News for whoever listens: limits, shutdowns. Python 3.8+, standard library only."""

from __future__ import annotations

from typing import Callable, Dict

Listener = Callable[[str], object]


class Events:
    """Tell listeners of events, each until it is removed."""

    def __init__(self) -> None:
        self.listeners: Dict[int, Listener] = {}
        self._added = 0

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; return what removes it, which may be called more than once."""
        self._added += 1
        number = self._added
        self.listeners[number] = listener
        return lambda: self._remove(number)

    def _remove(self, number: int) -> None:
        self.listeners.pop(number, None)

    def publish(self, event: str) -> None:
        """Tell all listeners."""
        for listener in list(self.listeners.values()):
            listener(event)
