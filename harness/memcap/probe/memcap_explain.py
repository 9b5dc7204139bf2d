"""Say what grew in this process in a time that is not judged: two looks of ``memcap_grown``, and when they are made.

Imported by ``memcap_soak`` in the image if that is asked for, on CPython 3.8 or newer.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FRAMES, ROOM = 8, 32 * 1024 * 1024  # each frame takes time; more are seldom needed to find a line of the program
SNAPSHOT_FACTOR = 4  # a snapshot needs so many times the memory of tracemalloc
SECOND, LATEST = 0.6, 0.8  # of the time for that, after the first look and in all: when the second one is made
SEARCH = 0.15  # of it: how long holders are searched for


class Explaining:
    """Write the line ``grown``: what grew between two looks, the first at ``begin`` or soon after."""

    def __init__(
        self,
        write: Callable[..., None],
        imported: Callable[[str], Any],
        left_under_cap: Callable[[], int | None],
        *,
        begin: float,
        seconds: float,
        frames: int,
    ) -> None:
        self._write, self._imported, self._left_under_cap = write, imported, left_under_cap
        self._frames = frames or FRAMES
        self._begin, self._seconds = begin, seconds
        self._search_seconds = SEARCH * seconds
        self._since = 0.0
        self._growth: Any = None
        self._is_told = False

    def look(self, now: float, program: object = None) -> None:
        if self._growth is None and now >= self._begin and not self._is_told:
            self._growth = self._made(lambda: self._imported("memcap_grown").GrowthLook(self._frames))
            self._since = time.monotonic()
        elif now >= min(self._since + SECOND * self._seconds, self._begin + LATEST * self._seconds):
            self.end(program)

    def end(self, program: object = None) -> None:
        """Say what grew, if that has not been said."""
        if self._growth is None or self._is_told:
            return
        at = time.monotonic()
        grown = self._made(lambda: self._growth.find(program, self._search_seconds))
        self._growth = None
        if grown is not None:
            self._tell(at=at, **grown)

    def begin_in_child(self) -> None:
        """Begin anew in a process that was forked; what grew in its parent is none of its own growth."""
        self._growth, self._since, self._is_told = None, 0.0, False

    def _made(self, make: Callable[[], Any]) -> Any:
        room, needed = self._left_under_cap(), room_for_looking()
        if room is not None and room < needed:
            self._tell(why_not="there was no room under the cap: looking may need %d MiB" % (needed >> 20))
            return None
        try:
            return make()
        except Exception as error:  # of a MemoryError, too, the program must know nothing
            self._tell(why_not="looking failed with %s" % type(error).__name__)
            return None

    def _tell(self, at: float | None = None, **told: Any) -> None:
        self._is_told = True
        now = time.monotonic() if at is None else at
        self._write("grown", at=now, since=self._since or now, pid=os.getpid(), **told)


def room_for_looking() -> int:
    """Return how many bytes a look at all objects may need: a list of them, and what tracemalloc knows of them."""
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    tracemalloc = sys.modules.get("tracemalloc")
    tracing = tracemalloc.get_tracemalloc_memory() if tracemalloc is not None else 0
    return int(ROOM + resident // 8 + SNAPSHOT_FACTOR * tracing)
