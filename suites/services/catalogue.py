"""What the shop sells, and what was bought together, from seeds: the same on every Python. Standard library only."""

from __future__ import annotations

import random
from typing import Any, Dict, Iterator, List

ITEMS = 1000
PAGE = 20
DESCRIPTION_CHARACTERS = 1024
CATEGORIES = ("books", "garden", "kitchen", "lamps", "music", "tools", "toys", "travel")
_VOCABULARY = (
    "harbour lantern copper meadow violet thunder basket winter orchard pencil marble silver captain kitchen "
    "journey feather mountain whisper garden engine"
)
_WORDS = _VOCABULARY.split()


class Related:
    """An item that was often bought together with another one."""

    __slots__ = ("item", "score")

    def __init__(self, item: int, score: float) -> None:
        self.item = item
        self.score = score


def make_items() -> Iterator[Dict[str, Any]]:
    """Yield the items, numbered from 1, each with a description of 1 KiB."""
    rng = random.Random(61)
    for number in range(1, ITEMS + 1):
        text = " ".join(rng.choices(_WORDS, k=DESCRIPTION_CHARACTERS // 4))
        yield {
            "id": number,
            "name": f"{rng.choice(_WORDS)} {rng.choice(_WORDS)}",
            "category": rng.choice(CATEGORIES),
            "cents": rng.randrange(100, 50_000),
            "description": text[:DESCRIPTION_CHARACTERS],
        }


def make_related(count: int) -> Dict[int, List[Related]]:
    """Return ``count`` related items for each item: about 105 bytes each, in objects that are never changed."""
    rng = random.Random(62)
    return {
        number: [Related(rng.randrange(1, ITEMS + 1), rng.random()) for _ in range(count)]
        for number in range(1, ITEMS + 1)
    }
