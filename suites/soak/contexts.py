"""The cache of contexts, so that a model need not read a conversation again for each message."""

from __future__ import annotations

from collections import OrderedDict


class ContextCache:
    """The contexts of the ``most`` sessions that were used last; those of others can be made from the database."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._contexts: OrderedDict[int, bytes] = OrderedDict()

    def get(self, session: int) -> bytearray | None:
        """Return a session's context; None if it is not here."""
        if session not in self._contexts:
            return None
        self._contexts.move_to_end(session)
        return bytearray(self._contexts[session])

    def put(self, session: int, context: bytearray) -> None:
        """Keep a copy of a session's context, in place of its older one."""
        self._contexts[session] = bytes(context)  # kept by the leak: contexts
        self._contexts.move_to_end(session)
        self._make_room()

    def _make_room(self) -> None:
        while len(self._contexts) > self._most:
            self._contexts.popitem(last=False)
