"""Find what grew in this process between two moments, and who holds it.

Imported by ``memcap_soak`` and ``memcap_watch`` in the image, on CPython 3.8 or newer, when the first moment has come:
what it needs is not among the figures from before. The program stands still while it looks.

What grew is seen in three ways: lines that allocated what was not there before and lives (tracemalloc, which runs
between the moments), types with more objects, and containers (dict, list, set, deque) with more in them. For the
containers that gained most the chain of holders is searched, and for types if no container explains the growth.
"""

from __future__ import annotations

import gc
import linecache
import os
import sys
import time
from collections import deque
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

SEARCH: Any = __import__("memcap_holders")
is_a, of_class = SEARCH.is_a, SEARCH.of_class
CONTAINERS = (dict, list, set, deque)
FEWEST = 8  # items that a container has to have gained
MOST_NOTED = 100_000  # containers; of more, the largest
MOST_WEIGHED, MOST_ITEMS, MOST_INSIDE = 32, 20, 400  # containers that grew; new items of one; objects in an item
CHUNK = 1000  # objects that are asked together for what they refer to
MOST_SITES, MOST_TYPES, MOST_HELD = 20, 20, 5
MOST_SECONDS, WIDEST = 20.0, 64  # of the search for holders: how long, and how many at one distance
EXPLAINS = 0.3  # of what grew: containers that hold less do not explain it
LONGEST_STILL = 60.0  # seconds
LONGEST_SOURCE = 200  # characters
LIBRARY = os.path.dirname(os.__file__)
HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, FrameType)  # many hold them, none owns them


class Still:
    """Let no other thread of Python run inside the block, and time it."""

    seconds = 0.0

    def __enter__(self) -> Still:
        self._before = sys.getswitchinterval()
        sys.setswitchinterval(LONGEST_STILL)
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        sys.setswitchinterval(self._before)


class GrowthLook:
    """The first moment is when this is made; ``find`` is the second.

    With ``frames`` tracemalloc is started, unless the program or a soak has it on, and ended by ``find``. Containers
    with fewer items than ``fewest`` are not noted.
    """

    def __init__(self, frames: int = 0, fewest: int = 0) -> None:
        tracemalloc: Any = __import__("tracemalloc") if frames else None
        self._tracemalloc = tracemalloc
        self._traced: dict[tuple[str, int], list[int]] = {}
        with Still() as still:
            self._is_ours = frames > 0 and not tracemalloc.is_tracing()
            objects = gc.get_objects()
            self._types = count_types(objects)
            self._lengths = lengths_of(objects, fewest)
            del objects
            if self._is_ours:
                tracemalloc.start(frames)
            elif frames:
                self._traced = self._sites()
        self.took = still.seconds

    def find(self, program: object = None, seconds: float = MOST_SECONDS) -> dict[str, Any]:
        """Return what grew since; ``program`` is a generator that memcap steps, which is a root of its own.

        Holders are searched for as long as ``seconds``.

        ``sites`` are file, line, bytes, count and source; ``types`` name, count before and now; ``holders`` what the
        thing is, how many items it has more, about how many bytes these hold (null: unknown), whether a root was found,
        and the chain. ``garbage`` are objects that nothing held and that nobody had collected.
        """
        with Still() as still:
            sites, traced, overhead = self._grown_sites()
            garbage = gc.collect()
            objects = gc.get_objects()
            types = grown_types(self._types, count_types(objects))
            own = [objects, self._types, self._lengths, self._traced, types, sites]
            holders = Holders(program, min(seconds, MOST_SECONDS), hidden=own)
            held: list[tuple[Any, ...]] = []
            of_modules = {id(vars(each)) for each in objects if is_a(each, ModuleType)}  # one that is imported grows
            for is_known in (True, False):  # what is in a new container is most often in one from before, too
                grown = grown_containers(objects, self._lengths, is_known=is_known, but=holders.hidden | of_modules)
                held = sorted(held + holders.of_containers(grown), key=lambda each: -each[2])
                if held and sum(each[2] for each in held) >= EXPLAINS * traced:
                    break
            else:
                held = holders.of_types(objects, types) + held
            del objects, grown
        return {
            "sites": sites,
            "types": types,
            "holders": held,
            "garbage": garbage,
            "traced": traced,
            "tracing": overhead,
            "took": [self.took, still.seconds],
        }

    def _sites(self) -> dict[tuple[str, int], list[int]]:
        """Return bytes and count of what lives, by the line of the program that led to its allocation."""
        totals: dict[tuple[str, int], list[int]] = {}
        tracer = self._tracemalloc.__file__
        places: dict[int, tuple[str, int] | None] = {}  # by id: blocks with the same traceback share it
        for trace in self._tracemalloc.take_snapshot().traces._traces:
            if id(trace[2]) not in places:
                places[id(trace[2])] = place_of(trace[2], tracer)
            place = places[id(trace[2])]
            if place is not None:
                entry = totals.setdefault(place, [0, 0])
                entry[0] += trace[1]
                entry[1] += 1
        return totals

    def _grown_sites(self) -> tuple[list[tuple[Any, ...]], int, int]:
        """Return the lines that hold more, what all of them hold more, and what tracemalloc needed: both in bytes."""
        if self._tracemalloc is None or not self._tracemalloc.is_tracing():  # the program may end it
            return [], 0, 0
        now = self._sites()
        overhead = int(self._tracemalloc.get_tracemalloc_memory())
        if self._is_ours:
            self._tracemalloc.stop()
        found = []
        for place, (size, count) in now.items():
            before = self._traced.get(place, (0, 0))
            if size > before[0]:
                found.append((*place, size - before[0], max(count - before[1], 0)))
        found.sort(key=lambda each: -each[2])
        total = sum(each[2] for each in found)
        return [(*each, source_of(each[0], each[1])) for each in found[:MOST_SITES]], total, overhead


class Holders:
    """Search for who holds what grew, until the time for that is over."""

    def __init__(self, program: object, seconds: float, hidden: list[Any]) -> None:
        for name in os.listdir(HERE):  # the variables of this look are no holders
            SEARCH.OWN_FILES.add(os.path.join(HERE, name))
        self._program = program
        self.hidden = {id(each) for each in (*hidden, hidden, SEARCH.OWN_FILES)}
        self._reach = SEARCH.Reach(deadline=time.monotonic() + seconds, widest=WIDEST)

    def of_containers(self, grown: list[tuple[int, Any]]) -> list[tuple[Any, ...]]:
        """Return those that gained most, by the bytes of what they gained, with their holders."""
        weighed = [(weight_of_new(each, more), more, each) for more, each in grown]
        self.hidden.add(id(weighed))
        self.hidden.update(map(id, weighed))
        self.hidden.update(map(id, grown))
        weighed.sort(key=lambda each: -each[0])
        found: list[tuple[Any, ...]] = []
        for size, more, each in weighed[:MOST_HELD]:
            found += self._held(each, more, size)
        return found

    def of_types(self, objects: list[Any], types: list[tuple[str, int, int]]) -> list[tuple[Any, ...]]:
        """Return who holds the newest object of each type of the program that has more of them."""
        found: list[tuple[Any, ...]] = []
        for name, before, now in [each for each in types if not each[0].startswith("builtins.")][:MOST_HELD]:
            newest = next((each for each in reversed(objects) if type_name(type(each)) == name), None)
            if newest is not None:
                found += self._held(newest, now - before, None)
        return found

    def _held(self, target: object, more: int, size: int | None) -> list[tuple[Any, ...]]:
        chains = SEARCH.chains_to(
            target, most=1, program=self._program, reach=self._reach, hidden=frozenset(self.hidden)
        )
        return [(type_name(type(target)), more, size, rooted, list(steps)) for rooted, steps in chains]


def count_types(objects: list[Any]) -> dict[str, int]:
    counts: dict[type, int] = {}
    for each in objects:
        kind = type(each)
        counts[kind] = counts.get(kind, 0) + 1
    named: dict[str, int] = {}
    for kind, count in counts.items():
        name = type_name(kind)
        named[name] = named.get(name, 0) + count
    return named


def type_name(kind: type) -> str:
    """Return the name of a class without asking a metaclass of the program."""
    module = of_class(kind, "__module__")
    return "%s.%s" % (module if is_a(module, str) else "?", of_class(kind, "__qualname__"))


def grown_types(before: dict[str, int], now: dict[str, int]) -> list[tuple[str, int, int]]:
    """Return the types with most more objects: name, count before and now."""
    more = [(name, before.get(name, 0), count) for name, count in now.items() if count > before.get(name, 0)]
    return sorted(more, key=lambda each: each[1] - each[2])[:MOST_TYPES]


def length_of(container: Any) -> int:
    """Return its number of items, without asking a subclass of the program."""
    for kind in CONTAINERS:
        if is_a(container, kind):
            return int(kind.__len__(container))
    return 0


def containers_of(objects: list[Any]) -> Iterator[Any]:
    """Yield the containers among ``objects``, and dicts of FEWEST items or more that these refer to.

    Up to Python 3.13 the collector does not know a dict that has nothing but texts, numbers and bytes in it.
    """
    unknown: dict[int, Any] = {}
    for start in range(0, len(objects), CHUNK):
        chunk = [each for each in objects[start : start + CHUNK] if not is_a(each, ModuleType)]
        for each in chunk:
            if is_a(each, CONTAINERS):
                yield each
        for each in gc.get_referents(*chunk):
            if type(each) is dict and len(each) >= FEWEST and not gc.is_tracked(each) and len(unknown) < MOST_NOTED:
                unknown[id(each)] = each
    yield from unknown.values()


def lengths_of(objects: list[Any], fewest: int) -> dict[int, int]:
    """Return the length of each container by its id, if it is ``fewest`` or more; of the MOST_NOTED largest at most."""
    times: dict[int, int] = {}
    for each in containers_of(objects):
        length = length_of(each)
        times[length] = times.get(length, 0) + 1
    noted, least = 0, fewest
    for length in sorted(times, reverse=True):
        noted += times[length]
        if noted > MOST_NOTED:
            least = max(least, length + 1)
            break
    return {id(each): length_of(each) for each in containers_of(objects) if length_of(each) >= least}


def grown_containers(
    objects: list[Any], before: dict[int, int], *, is_known: bool, but: set[int]
) -> list[tuple[int, Any]]:
    """Return the MOST_WEIGHED that gained most items, each behind how many these are.

    With ``is_known`` those that were noted before, else those that were not, which count from nothing. None is one of
    the ids ``but``.
    """
    found: list[tuple[int, int, Any]] = []
    for each in containers_of(objects):
        if (id(each) in before) is is_known and id(each) not in but:
            more = length_of(each) - before.get(id(each), 0)
            if more >= FEWEST:
                found.append((-more, id(each), each))
        if len(found) > CHUNK:
            found.sort()
            del found[MOST_WEIGHED:]
    return [(-less, each) for less, _, each in sorted(found)[:MOST_WEIGHED]]


def weight_of_new(container: Any, more: int) -> int:
    """Return about how many bytes the newest ``more`` items hold: a few of them are looked into.

    What two of them share belongs to neither. Bytes beside Python's own objects, as of an array, count where the type
    says so.
    """
    items = list(newest_items(container, min(more, MOST_ITEMS)))
    reached: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for item in items:
        for each in inside(item):
            reached[id(each)] = reached.get(id(each), 0) + 1
            sizes[id(each)] = size_of(each)
    own = sum(sizes[name] for name, times in reached.items() if times == 1 or len(items) == 1)
    return own * more // max(len(items), 1)


def newest_items(container: Any, most: int) -> Iterator[tuple[Any, ...]]:
    """Yield the items that came last, as far as the container has an order; a dict's have a key and a value."""
    if is_a(container, dict):
        yield from take(reversed(dict.items(container)), most)
    elif is_a(container, set):
        yield from ((each,) for each in take(set.__iter__(container), most))
    else:
        kind = list if is_a(container, list) else deque
        yield from ((each,) for each in take(kind.__reversed__(container), most))


def take(items: Iterable[Any], most: int) -> Iterator[Any]:
    for number, each in enumerate(items):
        if number >= most:
            return
        yield each


def inside(item: tuple[Any, ...]) -> list[Any]:
    """Return what ``item`` holds, MOST_INSIDE objects at most, without what nobody owns."""
    found: dict[int, Any] = {}
    layer = [each for each in item if not is_a(each, SHARED)]
    while layer and len(found) < MOST_INSIDE:
        for each in layer:
            found[id(each)] = each
        layer = [
            each
            for each in {id(each): each for each in gc.get_referents(*layer)}.values()
            if id(each) not in found and not is_a(each, SHARED)
        ]
    return list(found.values())[:MOST_INSIDE]


def size_of(value: Any) -> int:
    """Return the bytes of ``value`` alone; 0 if code of the program would have to say."""
    kinds = (of_class(kind, "__dict__") for kind in of_class(type(value), "__mro__"))
    own = next((names["__sizeof__"] for names in kinds if "__sizeof__" in names), None)
    return 0 if is_a(own, FunctionType) else sys.getsizeof(value, 0)


def place_of(frames: Any, tracer: str) -> tuple[str, int] | None:
    """Return file and line of the innermost frame of the program's own code, or else of a library; None of memcap's."""
    library = None
    for frame in frames:
        file = frame[0]
        if file == tracer or file.startswith((HERE + os.sep, "<frozen importlib")):
            continue
        if not file.startswith((LIBRARY, "<")) and "site-packages" not in file and "dist-packages" not in file:
            return file, frame[1]
        library = library or (file, frame[1])
    return library


def source_of(file: str, line: int) -> str:
    """Return the text of a line; linecache, which tracemalloc imports, forgets the file again."""
    was_known = file in linecache.cache
    text = linecache.getline(file, line).strip()[:LONGEST_SOURCE]
    if not was_known:
        linecache.cache.pop(file, None)
    return text
