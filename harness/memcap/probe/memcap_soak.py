"""Look at a Python program from within while it is soaked, and write what is seen to the workload's journal.

Imported by ``memcap_runner`` in a soak, and by ``memcap_look_thread`` in commands and servers, in the image, on Python
3.8 or newer. It imports next to nothing, as what it imports is part of the workload's memory; tracemalloc is imported
only if it is asked for. Times (``at``) are seconds of CLOCK_MONOTONIC. The journal's lines are JSON objects:

- ``work``: cycles that were ``done``, and how long those since the line before took.
- ``python``: ``gc_objects`` (objects that the collector tracks), ``gc_collections`` by generation, ``tracemalloc``
  (current and peak bytes, or null), and how long the program stood still for it (``took``). Counting the objects makes
  a list of 8 bytes each for a moment. It is done, with the collection before it if that is asked for, less often where
  it would need more than COST of the time; in between ``gc_objects`` is null, as it is where there is no such list.
- ``top``: the lines that have allocated most of what lives. A kill leaves no last one, so there are some before. None
  is made where there is no room for it under the cap: it needs SNAPSHOT_FACTOR times the memory of tracemalloc.
- ``collected``: ``gc_objects`` before and after a collection of all generations at the end of a function or generator,
  and how many bytes the container had less (``freed``, null where that is not known); ``enabled`` tells whether the
  collector was on. It says whether what grew was garbage that waited for the collector. Not written where there are
  more than MOST_COLLECTED objects.
- ``grown``: what grew from ``since`` on, and who holds it (``memcap_grown``), or ``why_not``. Both looks for that are
  made after the time that is judged.
"""

from __future__ import annotations

import gc
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from memcap.probe.memcap_runner import EventLog, Options

COST = 0.01
MOST_TIMES = 1000
MOST_SITES = 100
MOST_COLLECTED = 20_000_000  # objects: more would take seconds, at a time when the program is expected to end
LONGEST_SOURCE = 200  # characters
FIRST_TOP, MOST_TOPS, TOP_SECONDS = 20, 100, 300.0  # a part of the duration; so many at most; and seldom enough
SNAPSHOT_FACTOR = 4
HERE = os.path.dirname(os.path.abspath(__file__)) + "/"
CGROUPS = (  # usage, cap, and statistics with the names of what is page cache
    ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.stat", b""),
    (
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        b"total_",
    ),
)


class Times:
    """How long cycles took: a sample of MOST_TIMES of them, each as likely to be in it (Vitter's algorithm R)."""

    def __init__(self) -> None:
        self._state = 1  # of the generator of random numbers; importing one would cost the workload memory
        self.clear()

    def clear(self) -> None:
        self._count, self._max = 0, 0.0
        self._sample: list[float] = []

    def add(self, seconds: float) -> None:
        self._count += 1
        self._max = max(self._max, seconds)
        if len(self._sample) < MOST_TIMES:
            self._sample.append(seconds)
            return
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        place = (self._state >> 32) % self._count
        if place < MOST_TIMES:
            self._sample[place] = seconds

    def summary(self) -> dict[str, float | None]:
        """Return percentiles of the sample (the nearest rank), and the longest of all; None if there was no cycle."""
        ordered = sorted(self._sample)
        found: dict[str, float | None] = {
            "p%d" % percent: ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None
            for percent in (50, 95, 99)
        }
        found["max"] = self._max if ordered else None
        return found


class PythonLooks:
    """Write the lines ``python``, ``top`` and ``grown`` of this process.

    tracemalloc begins with ``frames``, if there are any. What grows is looked for after the ``duration``, for
    ``explain`` seconds, if there are any.
    """

    def __init__(
        self, write: Callable[..., None], *, frames: int, collects: bool, duration: float | None, explain: float = 0.0
    ) -> None:
        self._write, self._collects = write, collects
        self._next_count = 0.0
        self._explaining: Any = None
        if explain and sys.implementation.name == "cpython":
            begin = time.monotonic() + (duration or 0.0)
            make = imported("memcap_explain").Explaining
            self._explaining = make(write, imported, left_under_cap, begin=begin, seconds=explain, frames=frames)
        self._tracemalloc: Any = None
        if frames:
            self._tracemalloc = __import__("tracemalloc")
            self._tracemalloc.start(frames)
        whole = duration or 0.0
        self._top_seconds = max(whole / MOST_TOPS, min(TOP_SECONDS, whole / FIRST_TOP))
        self._next_top = time.monotonic() + self._top_seconds
        self._sources: dict[tuple[str, int], str] = {}

    def look(self, program: object = None) -> None:
        """Look; ``program`` is the generator that memcap steps, if there is one."""
        at, began = time.monotonic(), time.perf_counter()
        objects = None
        if began >= self._next_count:
            if self._collects:
                gc.collect()
            objects = count_objects()
            self._next_count = began + (time.perf_counter() - began) / COST
        is_tracing = self._tracemalloc is not None and self._tracemalloc.is_tracing()  # the program may end it
        traced = list(self._tracemalloc.get_traced_memory()) if is_tracing else None
        collections = [each["collections"] for each in gc.get_stats()] if sys.implementation.name == "cpython" else []
        self._write(
            "python",
            at=at,
            pid=os.getpid(),
            gc_objects=objects,
            gc_collections=collections,
            tracemalloc=traced,
            took=time.perf_counter() - began,
        )
        if at >= self._next_top:
            self.top()
            self._next_top = at + max(self._top_seconds, (time.monotonic() - at) / COST)
        if self._explaining is not None:
            self._explaining.look(at, program)

    def end(self, program: object = None) -> None:
        """Write what is said at the end of a process."""
        self.top()
        if self._explaining is not None:
            self._explaining.end(program)

    def collect(self) -> None:
        """Collect all garbage, and write what that freed. For the end: it would change the time that is judged."""
        at, before, room = time.monotonic(), count_objects(), left_under_cap()
        if before is None or before > MOST_COLLECTED:
            return
        gc.collect()
        more_room = left_under_cap()
        self._write(
            "collected",
            at=at,
            pid=os.getpid(),
            enabled=gc.isenabled(),
            gc_objects=[before, count_objects()],
            freed=None if room is None or more_room is None else max(more_room - room, 0),
        )

    def top(self) -> None:
        """Write the largest sites, if tracemalloc is on and there is room to find them."""
        if self._tracemalloc is None or not self._tracemalloc.is_tracing():
            return
        room = left_under_cap()
        if room is not None and room < SNAPSHOT_FACTOR * self._tracemalloc.get_tracemalloc_memory():
            return
        at = time.monotonic()
        try:
            sites = largest_sites(self._tracemalloc.take_snapshot().traces._traces, self._tracemalloc.__file__)
        except MemoryError:
            return
        self._sources = sources_of(sites, self._sources)
        told = [(*site, self._sources[site[:2]]) for site in sites]
        self._write("top", at=at, pid=os.getpid(), sites=told)

    def begin_in_child(self) -> None:
        """Put off the next ``top``, by another time in each of the children that were forked together."""
        self._next_top = time.monotonic() + self._top_seconds * (1 + os.getpid() % 16 / 16)
        if self._explaining is not None:
            self._explaining.begin_in_child()


class CycleLooks:
    """Count the cycles of a workload that the runner calls, and look between two of them.

    ``note`` is called after each. A look takes place when ``step`` seconds have passed since the last one; a cycle that
    takes longer than that makes a later look.
    """

    def __init__(self, journal: EventLog, options: Options, step: float) -> None:
        self._journal, self._options, self._step = journal, options, step
        self._times = Times()
        self._metrics: dict[str, float] = {}
        self._done, self._last, self._looked, self._pid = 0, 0.0, 0.0, os.getpid()
        self._python: PythonLooks | None = None
        self._steps: Any = None

    def repeating(self, function: Callable[..., Any]) -> Callable[..., Generator[Any, None, Any]]:
        """Return a generator function: the cycles of ``function``, or a call of it in each, with looks all along.

        SIGTERM ends it after the cycle, as if the duration were over.
        """

        def cycles(**parameters: Any) -> Generator[Any, None, Any]:
            self._begin()
            steps = self._steps = each_cycle(function, parameters)
            try:
                while True:
                    yield next(steps)
            except StopIteration as stop:
                return stop.value
            finally:
                self._finish()  # while a generator has all that it holds
                steps.close()

        return cycles

    def note(self, seconds: float, metrics: dict[str, float]) -> None:
        """Count a cycle; ``seconds`` are those since the one before, and so hold the look between them."""
        self._done += 1
        self._times.add(max(seconds - self._looked, 0.0))
        self._looked = 0.0
        if metrics:
            self._metrics = metrics
        now = time.monotonic()
        if now - self._last >= self._step:
            self._look(now)
            self._looked = time.monotonic() - now

    def _begin(self) -> None:
        options = self._options
        end_by_sigterm(options)
        self._python = PythonLooks(
            self._journal.write,
            frames=options.frames,
            collects=options.collects,
            duration=None if options.duration is None else options.duration - options.explain,
            explain=options.explain,
        )
        self._look(time.monotonic())

    def _finish(self) -> None:
        if os.getpid() == self._pid:  # not in a child that a cycle forked, and that came out of it
            self._look(time.monotonic())
            if self._python is not None:
                self._python.end(self._steps.gi_yieldfrom)
                self._python.collect()

    def _look(self, now: float) -> None:
        self._journal.write("work", at=now, done=self._done, metrics=self._metrics, **self._times.summary())
        self._times.clear()
        self._metrics, self._last = {}, now
        if self._python is not None:
            self._python.look(None if self._steps is None else self._steps.gi_yieldfrom)


def end_by_sigterm(options: Options) -> None:
    """Let SIGTERM end the duration. A child that the workload forks has none of it: SIGTERM ends that, at any time."""
    _signal = __import__("_signal")  # what signal is made of; that imports enum
    given: list[bool] = []

    def end(signal: int, frame: object) -> None:
        options.duration = 0.0

    def give_back() -> None:
        try:
            if _signal.getsignal(_signal.SIGTERM) is end:
                _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
                given.append(True)
        except ValueError:  # another thread than the main one forks; only in the child that is the main one
            return

    def take_again() -> None:
        if given:
            given.clear()
            _signal.signal(_signal.SIGTERM, end)

    def begin_in_child() -> None:
        give_back()
        given.clear()

    _signal.signal(_signal.SIGTERM, end)
    os.register_at_fork(before=give_back, after_in_parent=take_again, after_in_child=begin_in_child)


def each_cycle(function: Callable[..., Any], parameters: dict[str, Any]) -> Generator[Any, None, Any]:
    """Yield what each cycle yields or returns; return what a generator returns."""
    first = function(**parameters)
    if hasattr(first, "send") and hasattr(first, "__next__"):
        return (yield from first)
    yield first
    del first
    while True:
        yield function(**parameters)


def largest_sites(traces: Any, tracer: str) -> list[tuple[str, int, int, int]]:
    """Return file, line, bytes and count of the lines that allocated most, without memcap's and Python's own import.

    A line is that of the innermost frame of the program or of its libraries.
    """
    totals: dict[Any, list[int]] = {}
    of_program: dict[str, bool] = {}
    for trace in traces:
        for frame in trace[2]:
            file = frame[0]
            if file not in of_program:
                of_program[file] = not (file == tracer or file.startswith((HERE, "<frozen importlib")))
            if of_program[file]:
                entry = totals.get(frame)
                if entry is None:
                    entry = totals[frame] = [0, 0]
                entry[0] += trace[1]
                entry[1] += 1
                break
    largest = sorted(totals.items(), key=lambda item: -item[1][0])[:MOST_SITES]
    return [(file, line, bytes_, count) for (file, line), (bytes_, count) in largest]


def sources_of(sites: list[tuple[str, int, int, int]], known: dict[tuple[str, int], str]) -> dict[tuple[str, int], str]:
    """Return the text of each line; linecache, which tracemalloc imports, forgets the files again."""
    import linecache

    before = set(linecache.cache)
    found = {
        (file, line): known.get((file, line)) or linecache.getline(file, line).strip()[:LONGEST_SOURCE]
        for file, line, _, _ in sites
    }
    for name in set(linecache.cache) - before:
        linecache.cache.pop(name, None)
    return found


def imported(name: str) -> Any:
    """Import a module that lies beside this one; a program that is looked at does not have this folder in its path."""
    sys.path.insert(0, HERE)
    try:
        return __import__(name)
    finally:
        sys.path.remove(HERE)


def count_objects() -> int | None:
    """Return how many objects the collector tracks; None where it cannot say.

    The list of them must be gone before another thread runs. That thread may be making a tuple from a generator, and
    Python raises SystemError in it if the tuple has a second reference. Without a bytecode between the list and its
    length, no other thread runs.
    """
    return next(map(len, map(gc.get_objects, (None,)))) if hasattr(gc, "get_objects") else None


def left_under_cap() -> int | None:
    """Return how many bytes the cgroup may still have, None where it does not say."""
    for usage, cap, statistics, prefix in CGROUPS:
        try:
            left = int(read(cap)) - int(read(usage))
            text = b"\n" + read(statistics)
            for name in (b"active_file", b"inactive_file"):
                left += int(text.partition(b"\n" + prefix + name + b" ")[2].split(None, 1)[0])
            return left
        except (OSError, ValueError, IndexError):  # of the other version of cgroups; without a cap
            continue
    return None


def read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 16384)
    finally:
        os.close(file)
