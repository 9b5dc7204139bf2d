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
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SEARCH: Any = __import__("memcap_holders")
WEIGHT: Any = __import__("memcap_weight")
is_a, of_class = SEARCH.is_a, SEARCH.of_class
CONTAINERS = (dict, list, set, deque)
FEWEST = 8  # items that a container has to have gained that was not noted before
MOST_NOTED = 100_000  # containers; of more, the largest
MOST_WEIGHED, MOST_INSIDE = 64, 4000  # containers that grew; objects that are looked at in one
MOST_HEAVY, MOST_INSIDE_HEAVY = 16, 50_000  # of those that gained most
PLAUSIBLE = 1.2  # times what grew: what a container may have gained, which is an estimate
CHUNK = 1000  # objects that are asked together for what they refer to
MOST_SITES, MOST_TYPES, MOST_HELD = 20, 20, 5
MOST_SECONDS, WIDEST = 20.0, 64  # of the search for holders: how long, and how many at one distance
TELLS = 0.1  # of what grew: a container from before that gained so much is told before any new one
EXPLAINS = 0.3  # of what grew: containers that hold less do not explain it
LONGEST_STILL = 1.0  # seconds
LONGEST_SOURCE = 200  # characters
LIBRARY = os.path.dirname(os.__file__)
HERE = os.path.dirname(os.path.abspath(__file__))
SEARCH.OWN_FILES.update(os.path.join(HERE, name) for name in os.listdir(HERE))  # their variables are no holders
NO_CAUSE = ("builtins.", "weakref.", "_weakref.", "_weakrefset.", "_thread.", "types.")  # of what one sees more of


class Still:
    """Let other threads of Python run inside the block seldom, and time it.

    Not never: whoever gets the interpreter in between keeps it as long, if it does nothing but compute.
    """

    seconds = 0.0

    def __enter__(self) -> Still:
        self._before = sys.getswitchinterval()
        sys.setswitchinterval(LONGEST_STILL)
        self._began = time.perf_counter()
        while time.perf_counter() - self._began < 2 * self._before:  # who waits already does not wait so long
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        sys.setswitchinterval(self._before)


def tracked_objects() -> list[Any]:
    """Return what the collector knows, without tuples; to be called as the first thing in a Still.

    A tuple that another thread makes at the moment must have no other reference, or that thread gets a SystemError. So
    it must not run until the tuples are out of the list.
    """
    return [each for each in gc.get_objects() if type(each) is not tuple]


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
            objects = tracked_objects()
            self._types = count_types(objects)
            self._lengths = lengths_of(objects, fewest)
            del objects
            if self._is_ours:
                tracemalloc.start(frames)
            elif frames:
                self._traced = self._sites()
        self.took = still.seconds

    def find(self, program: object = None, seconds: float = MOST_SECONDS, most: int | None = None) -> dict[str, Any]:
        """Return what grew since; ``program`` is a generator that memcap steps, which is a root of its own.

        Holders are searched for as long as ``seconds``. ``most`` are the bytes that memory grew by, where tracemalloc
        does not say.

        ``sites`` are file, line, bytes, count and source; ``types`` name, count before and now; ``holders`` what the
        thing is, how many items it has more, about how many bytes these hold (null: unknown), whether a root was found,
        and the chain; null instead of whether, if the search did not come to its end. ``garbage`` are objects that
        nothing held and that nobody had collected, ``frozen`` those that the collector does not show.
        """
        began = time.perf_counter()
        garbage = gc.collect()
        with Still():
            objects = tracked_objects()
            sites, traced, overhead = self._grown_sites()
            types = grown_types(self._types, count_types(objects))
            own = [objects, vars(self), self._types, self._lengths, self._traced, types, sites]
            most = traced or most
            holders = Holders(program, min(seconds, MOST_SECONDS), most, hidden=own)
            held: list[tuple[Any, ...]] = []
            modules = (each for each in objects if is_a(each, ModuleType))  # whose dicts grow when they are imported
            of_modules = {id(SEARCH.module_dict(each)) for each in modules}
            for is_known in (True, False):  # what is in a new container is most often in one from before, too
                grown = grown_containers(objects, self._lengths, is_known=is_known, but=holders.hidden | of_modules)
                held += sorted(holders.of_containers(grown, of_modules), key=lambda each: -each[2])
                if held and sum(each[2] for each in held) >= EXPLAINS * traced:
                    break
            else:
                of_types = holders.of_types(objects, types)
                is_told = any(each[2] >= TELLS * traced for each in held) and traced > 0
                held = held + of_types if is_told else of_types + held
            held = worth_telling(held, most)
            del objects, grown
        return {
            "sites": [(*each, source_of(each[0], each[1])) for each in sites],  # it reads files, so not before
            "types": types,
            "holders": held,
            "garbage": garbage,
            "frozen": gc.get_freeze_count(),
            "traced": traced,
            "tracing": overhead,
            "took": [self.took, time.perf_counter() - began],
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
        return found[:MOST_SITES], total, overhead


class Holders:
    """Search for who holds what grew, until the time for that is over."""

    def __init__(self, program: object, seconds: float, most: int | None, hidden: list[Any]) -> None:
        self._program, self._seconds, self._most = program, seconds, most
        self.hidden = {id(each) for each in (*hidden, hidden, SEARCH.OWN_FILES)}
        self._reach: Any = None  # from the first search on

    def of_containers(self, grown: list[tuple[int, Any]], of_modules: set[int]) -> list[tuple[Any, ...]]:
        """Return those that gained most, by the bytes of what they gained, with their holders."""
        found: list[tuple[Any, ...]] = []
        weighed = self._weighed(grown, MOST_INSIDE, of_modules)[:MOST_HEAVY]
        weighed = self._weighed([(more, each) for _, more, each in weighed], MOST_INSIDE_HEAVY, of_modules)[:MOST_HELD]
        self.hidden.update(map(id, (weighed, *weighed, *grown)))
        for size, more, each in weighed:
            found += self._held(each, more, size)
        return found

    def _weighed(self, grown: list[tuple[int, Any]], most_inside: int, but: set[int]) -> list[tuple[int, int, Any]]:
        """Return the bytes of what containers gained before them, the most first.

        One that would hold more than there is has gained what refers to much that was there before, such as a task.
        """
        weighed = [(weight(each, more, most_inside, but), more, each) for more, each in grown]
        if self._most is not None:
            weighed = [each for each in weighed if each[0] <= PLAUSIBLE * self._most]
        return sorted(weighed, key=lambda each: -each[0])

    def of_types(self, objects: list[Any], types: list[tuple[str, int, int]]) -> list[tuple[Any, ...]]:
        """Return who holds the newest object of each type of the program that has more of them."""
        causes = [each for each in types if not each[0].startswith(NO_CAUSE)]
        causes.sort(key=lambda each: (is_of_library(each[0]), each[1] - each[2]))
        found: list[tuple[Any, ...]] = []
        for name, before, now in causes[:MOST_HELD]:
            newest = next((each for each in reversed(objects) if type_name(type(each)) == name), None)
            if newest is not None:
                found += self._held(newest, now - before, None)
        return found

    def _held(self, target: object, more: int, size: int | None) -> list[tuple[Any, ...]]:
        kind = type_name(type(target))
        if self._reach is None:
            self._reach = SEARCH.Reach(deadline=time.monotonic() + self._seconds, widest=WIDEST)
        try:
            hidden = frozenset(self.hidden)
            for only_modules in (True, False):  # a call that runs now is a poor answer: it is over soon
                self._reach.only_modules = only_modules
                chains = SEARCH.chains_to(target, most=1, program=self._program, reach=self._reach, hidden=hidden)
                if chains and chains[0][0]:
                    break
        except Exception:  # of one odd holder: what is known is still told
            chains = ()
        if not chains:
            return [(kind, more, size, None, [SEARCH.name_of(target)])]
        return [(kind, more, size, rooted, list(steps)) for rooted, steps in chains]


def worth_telling(held: list[tuple[Any, ...]], most: int | None) -> list[tuple[Any, ...]]:
    """Return first what holds a part of it that counts, in this order, then the others; found ones alone, if any."""
    least = TELLS * (most or 0)
    found = [each for each in held if each[3] is not None] or held
    counts = [each for each in found if each[2] is None or each[2] >= least]
    others = [each for each in found if each[2] is not None and each[2] < least]
    return counts + sorted(others, key=lambda each: -each[2])


def weight(container: Any, more: int, most_inside: int, but: set[int]) -> int:
    try:
        return int(WEIGHT.weight_of_new(container, more, most_inside=most_inside, but=but))
    except Exception:  # another thread changes it
        return 0


def count_types(objects: list[Any]) -> dict[str, int]:
    counts: dict[int, int] = {}
    kinds: dict[int, type] = {}  # by id: a metaclass of the program may say what is equal, or refuse to
    for each in objects:
        kind = type(each)
        counts[id(kind)] = counts.get(id(kind), 0) + 1
        kinds[id(kind)] = kind
    named: dict[str, int] = {}
    for place, count in counts.items():
        name = type_name(kinds[place])
        named[name] = named.get(name, 0) + count
    return named


def is_of_library(type_name: str) -> bool:
    """Tell whether a class is of Python's own library."""
    module = sys.modules.get(type_name.rpartition(".")[0])
    file = SEARCH.module_dict(module).get("__file__") if is_a(module, ModuleType) else None
    return isinstance(file, str) and file.startswith(LIBRARY) and "-packages" not in file


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
            if more >= (1 if is_known else FEWEST):
                found.append((-more, id(each), each))
        if len(found) > CHUNK:
            found.sort()
            del found[MOST_WEIGHED:]
    return [(-less, each) for less, _, each in sorted(found)[:MOST_WEIGHED]]


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
