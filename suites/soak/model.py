"""A stand-in for a language model: it streams answers that depend on nothing but the conversation."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

CONTEXT_BYTES = 48 * 1024
DIGEST_BYTES = 32  # of its beginning, by which contexts differ
SCRATCH_BYTES = 16 * 1024  # of a context: what an answer is made from
PARTS = 8  # of an answer
WORDS = 25  # of a part
END = ""  # what a model says when an answer is complete
_TEXT = (
    "harbour lantern copper meadow violet thunder basket winter orchard pencil marble silver captain kitchen "
    "journey feather mountain whisper garden engine"
)
_VOCABULARY = _TEXT.split()

Answer = AsyncGenerator[str, None]


class Model:
    """Reads conversations and answers them; it waits ``pause_seconds`` before each part of an answer."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause = pause_seconds
        self._answers: set[Answer] = set()

    def read(self, context: bytearray, text: str) -> bytearray:
        """Return the context of a conversation that goes on with ``text``: what a model remembers of all of it."""
        seed = hashlib.sha256(context[:DIGEST_BYTES] + text.encode()).digest()
        return bytearray(random.Random(seed).randbytes(CONTEXT_BYTES))

    @asynccontextmanager
    async def answering(self, context: bytearray) -> AsyncIterator[Answer]:
        """Yield the parts of an answer, up to END. Leaving closes it, whether or not it was read to its end."""
        answer = self._answer(context[:SCRATCH_BYTES])
        self._answers.add(answer)
        try:
            yield answer
        finally:
            self._answers.discard(answer)
            await answer.aclose()

    def answers(self) -> int:
        """Return how many answers are being made."""
        return len(self._answers)

    async def _answer(self, scratch: bytearray) -> Answer:
        for part in range(PARTS):
            await asyncio.sleep(self._pause)
            yield " ".join(_VOCABULARY[byte % len(_VOCABULARY)] for byte in scratch[part * WORDS : (part + 1) * WORDS])
        yield END
