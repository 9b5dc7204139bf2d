"""The conversations: a visitor's message comes, an answer goes, and after three of them the session is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from contexts import ContextCache
from conversation import Exchange, Session
from events import Events
from model import END, Model
from scheduler import Clock
from scores import Scores
from signing import Signer

if TYPE_CHECKING:
    from storage import Storage  # the rest of this works without SQLAlchemy

MESSAGES = 3  # of a session
DELETED = 3  # each third session is deleted when it is over


@dataclass(frozen=True)
class Service:
    """The parts of the service, at work."""

    storage: Storage
    clock: Clock
    model: Model
    contexts: ContextCache
    scores: Scores
    events: Events
    signer: Signer


class Sessions:
    """All conversations. A visitor has one at a time, and gets one answer at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, visitor: int, question: str) -> AsyncIterator[bytes]:
        """Yield the parts of an answer, then what else is known of it, as lines of JSON."""
        service = self._service
        async with self._locks.setdefault(visitor, asyncio.Lock()):
            session = await service.storage.open_session(visitor, service.clock.now())
            context = service.model.read(await self._context(session), question)
            with service.events.listening(session.id) as outbox:
                said = []
                async with service.model.answering(context) as answer:
                    async for part in answer:
                        if part == END:
                            break
                        said.append(part)
                        yield _line({"text": part})
                await self._finish(session, question, " ".join(said), context)
                yield outbox.take()

    async def _context(self, session: Session) -> bytearray:
        """Return the context of what was said until now. What is not in the cache is read again."""
        cached = self._service.contexts.get(session.id)
        if cached is not None:
            return cached
        context = bytearray()
        for exchange in await self._service.storage.exchanges(session.id):
            context = self._service.model.read(context, exchange.question)
            context = self._service.model.read(context, exchange.answer)
        return context

    async def _finish(self, session: Session, question: str, answer: str, context: bytearray) -> None:
        """Store, score and sign an answer. After the last one the session is over."""
        service = self._service
        context = service.model.read(context, answer)
        service.contexts.put(session.id, context)
        score, signature = service.scores.add(context), service.signer.sign(context)
        is_last = session.messages + 1 == MESSAGES
        exchange = Exchange(question=question, answer=answer, signature=signature)
        await service.storage.add(session, exchange, service.clock.now(), is_last=is_last)
        is_deleted = is_last and session.id % DELETED == 0
        if is_deleted:
            await service.storage.delete(session.id)
        known = {"session": session.id, "message": session.messages + 1, "score": score, "signature": signature}
        service.events.publish(session.id, _line(known | {"is_over": is_last, "is_deleted": is_deleted}))


def _line(content: dict[str, object]) -> bytes:
    return json.dumps(content).encode() + b"\n"
