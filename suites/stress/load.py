"""The ordinary work of the service that is stressed. Python 3.8+, standard library only.

Each unit stores a document, reads eight values of which some are popular, holds one session, and reads a document back.
"""

from __future__ import annotations

import random
import zlib
from collections import deque
from typing import Deque, Iterator, Tuple

from manager import MemoryManager

PIECE = 16 * 1024
READS = 8
KEYS = 400
VALUE = 24 * 1024
KEPT_DOCUMENTS = 60


def content(key: str, size: int) -> bytes:
    """Return ``size`` bytes that depend on ``key`` only."""
    return random.Random(key).getrandbits(8 * size).to_bytes(size, "little")


def pieces(key: str, size: int) -> Iterator[bytes]:
    """Yield a document of ``size`` bytes piece by piece."""
    for offset in range(0, size, PIECE):
        yield content(f"{key}:{offset}", min(PIECE, size - offset))


class Service:
    """Does units of work against one manager; several may share it, each with an own ``name``."""

    def __init__(self, manager: MemoryManager, name: str, seed: int, document: int = 64 * 1024) -> None:
        self.operations = self.errors = 0
        self._manager, self._name, self._document = manager, name, document
        self._random = random.Random(f"{seed}:{name}")
        self._kept: Deque[Tuple[str, int]] = deque()
        self._count = 0

    def work(self, units: int = 1) -> None:
        """Do ``units`` units; what is read back wrongly is an error."""
        for _ in range(units):
            self._store()
            for _ in range(READS):
                key = f"value-{int(KEYS * self._random.random() ** 2)}"
                value = self._manager.read(key, lambda key=key: content(key, VALUE))  # type: ignore[misc]
                self._check(len(value) == VALUE)
            session = f"{self._name}-{self._count}"
            with self._manager.lock:
                self._manager.sessions.open(session, [content(session, 2048)])
                self._manager.sessions.close(session)
            self.operations += 1

    def _store(self) -> None:
        """Store a document, forget the oldest, read one back; what was shed under pressure is no error."""
        self._count += 1
        name = f"{self._name}/{self._count}"
        whole = b"".join(pieces(name, self._document))
        self._manager.make_room(self._document)
        self._manager.store(name, (whole[at : at + PIECE] for at in range(0, len(whole), PIECE)))
        self._kept.append((name, zlib.crc32(whole)))
        with self._manager.lock:
            if self._manager.care.bounded and len(self._kept) > KEPT_DOCUMENTS:
                self._manager.documents.remove(self._kept.popleft()[0])
            name, checksum = self._random.choice(self._kept)
            back = b"".join(self._manager.documents.pieces(name))
            self._check(not back or zlib.crc32(back) == checksum)

    def _check(self, right: bool) -> None:
        self.operations += 1
        self.errors += not right
