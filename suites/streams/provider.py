"""A scripted provider: answers and long contexts from one seed, without network. Python 3.8+, standard library only.

It keeps nothing of what it hands out: every text is a new string, as if it had just been received.
"""

from __future__ import annotations

import random
from typing import Any, Dict, Iterator, List

from messages import Message

CHARACTERS_PER_TOKEN = 4
SENTENCE_TOKENS = 25
VOCABULARY = (
    "the tool returned a table with totals for every region and quarter so next we compare margins against plan and "
    "explain each deviation before writing a summary that names sources dates and open questions"
)
WORDS = VOCABULARY.split()


class Provider:
    """Make contexts and stream answers of a given number of tokens."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._pool = [self._sentence() for _ in range(500)]

    def _sentence(self) -> str:
        length = SENTENCE_TOKENS * CHARACTERS_PER_TOKEN
        text = " ".join(self._rng.choices(WORDS, k=length))  # more than enough words, cut to size
        return text[: length - 1] + "."

    def text(self, tokens: int) -> str:
        """Return a new text of ``tokens`` tokens, four characters each."""
        sentences = self._rng.choices(self._pool, k=tokens // SENTENCE_TOKENS + 1)
        return "".join(sentences)[: tokens * CHARACTERS_PER_TOKEN]

    def context(self, tokens: int, turns: int) -> List[Message]:
        """Return a conversation of ``turns`` messages with ``tokens`` tokens in all."""
        roles = ("user", "assistant")
        return [Message(roles[turn % 2], self.text(tokens // turns)) for turn in range(turns)]

    def stream(self, deltas: int, tokens: int) -> Iterator[str]:
        """Stream an answer of ``tokens`` tokens in ``deltas`` pieces."""
        for _ in range(deltas):
            yield self.text(tokens // deltas)

    def details(self, place: int) -> Dict[str, Any]:
        """Return what comes with the piece at ``place`` beside its text."""
        return {}


class NestingProvider(Provider):
    """Send a structure of ``depth`` levels with each piece, as tools do that return trees of parts in parts."""

    def __init__(self, seed: int, depth: int) -> None:
        super().__init__(seed)
        self._depth = depth

    def details(self, place: int) -> Dict[str, Any]:
        """Return a tree whose innermost part names ``place``."""
        tree: Dict[str, Any] = {"place": place}
        for level in range(self._depth - 1):
            tree = {"level": level, "part": tree}
        return {"tree": tree}


class FailingProvider(Provider):
    """Hang up in the middle of every third answer."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._answers = 0

    def stream(self, deltas: int, tokens: int) -> Iterator[str]:
        """Stream an answer, or half of one; raise ConnectionError then."""
        self._answers += 1
        fails = self._answers % 3 == 0
        for place, text in enumerate(super().stream(deltas, tokens)):
            if fails and place >= deltas // 2:
                raise ConnectionError("the provider hung up")
            yield text
