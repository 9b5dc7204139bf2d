"""The service with one mistake each: a class of it with one method that is wrong.

What a mistake keeps is allocated where the service allocates it, in the line with the comment "kept by the leak".
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from contexts import ContextCache
from events import Events, Outbox
from model import SCRATCH_BYTES, Answer, Model
from parts import Parts
from scores import Scores
from signing import Signer


class UnclosedModel(Model):
    """Async generators never closed: an answer that is left at its END waits there forever."""

    @asynccontextmanager
    async def answering(self, context: bytearray) -> AsyncIterator[Answer]:
        answer = self._answer(context[:SCRATCH_BYTES])  # kept by the leak: generators
        self._answers.add(answer)
        yield answer


class UnboundedCache(ContextCache):
    """An unbounded cache of sessions: none makes room for another."""

    def _make_room(self) -> None:
        pass


class EndlessScores(Scores):
    """A score history that grows: it has forgotten how long it may be."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._history = deque()


class UnremovedListeners(Events):
    """Listeners never removed: each answer leaves one behind, with its outbox."""

    @contextmanager
    def listening(self, session: int) -> Iterator[Outbox]:
        outbox = Outbox()
        self._listeners.setdefault(session, []).append(outbox.put)
        yield outbox


class UnfreedSigner(Signer):
    """A leak in C: what libcrypto allocated is never given back. Python knows nothing of it."""

    def _give_back(self, copy: int) -> None:
        pass


LEAKS = {
    "generators": Parts(model=UnclosedModel),
    "contexts": Parts(contexts=UnboundedCache),
    "scores": Parts(scores=EndlessScores),
    "listeners": Parts(events=UnremovedListeners),
    "native": Parts(signer=UnfreedSigner),
}
