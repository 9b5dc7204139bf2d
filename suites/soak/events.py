"""What happens in a session, for whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

OUTBOX_BYTES = 16 * 1024

Listener = Callable[[bytes], None]


class Outbox:
    """What is to be sent to a visitor, in a buffer of its own; what does not fit is lost."""

    def __init__(self) -> None:
        self._buffer = bytearray(OUTBOX_BYTES)  # kept by the leak: listeners
        self._used = 0

    def put(self, line: bytes) -> None:
        end = self._used + len(line)
        if end <= OUTBOX_BYTES:
            self._buffer[self._used : end] = line
            self._used = end

    def take(self) -> bytes:
        """Return all that is to be sent, which is none of the outbox's then."""
        lines, self._used = bytes(self._buffer[: self._used]), 0
        return lines


class Events:
    """Passes on what is published about a session to those who listen to it."""

    def __init__(self) -> None:
        self._listeners: dict[int, list[Listener]] = {}

    @contextmanager
    def listening(self, session: int) -> Iterator[Outbox]:
        """Yield an outbox into which all goes that is published about a session, until this is left."""
        outbox = Outbox()
        listener = outbox.put
        self._listeners.setdefault(session, []).append(listener)
        try:
            yield outbox
        finally:
            self._listeners[session].remove(listener)
            if not self._listeners[session]:
                del self._listeners[session]

    def publish(self, session: int, line: bytes) -> None:
        for listener in self._listeners.get(session, ()):
            listener(line)
