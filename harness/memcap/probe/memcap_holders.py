"""Find what keeps an object alive: the shortest chains of references to it from a module or a running function.

Used by ``memcap.testing`` on any machine, and in the image by ``memcap_grown``, on Python 3.8 or newer; CPython.
Nothing of the objects is called: no properties, no ``__eq__``, no ``__repr__`` of unknown classes.
"""

from __future__ import annotations

import gc
import sys
import time
from itertools import islice
from types import CellType, FrameType, FunctionType, GeneratorType, ModuleType, TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Beside this one: in memcap's package, or in the image, where there is none.
EDGES: Any = __import__(__name__.replace("memcap_holders", "memcap_edges"), fromlist=["edge"])
attributes, closure_edge, edge, name_of = EDGES.attributes, EDGES.closure_edge, EDGES.edge, EDGES.name_of
is_a, module_dict, of_class = EDGES.is_a, EDGES.module_dict, EDGES.of_class
# Their variables hold what is looked for because it is looked for.
OWN_FILES = {__file__, EDGES.__file__}
_OF_TASKS = ("asyncio", "_asyncio")
_MOST_HOLDERS = 10  # a chain costs some looks at all objects there are
_OF_FRAME_ALONE = 4 if sys.version_info < (3, 11) else 3  # references to its copy of its variables, see _forget


class Reach:
    """How far a search goes: until ``deadline`` of time.monotonic, with ``widest`` holders at each distance.

    With ``only_modules`` neither the variables of functions that run are roots, nor asyncio, which has them, too.
    """

    only_modules = False

    def __init__(self, *, deadline: float | None = None, widest: int = sys.maxsize) -> None:
        self.deadline, self.widest = deadline, widest

    def is_over(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline


class Roots:
    """Modules, and the variables of the functions that run now, but for those of this search.

    Nor does a variable of the call ``asking`` count that is just what it asks about, ``target``. ``program`` is a root
    without a name: a generator that memcap steps.
    """

    def __init__(self, target: object = None, asking: FrameType | None = None, program: object = None) -> None:
        modules = [each for each in tuple(sys.modules.values()) if is_a(each, ModuleType)]  # others are there, too
        dicts = map(module_dict, modules)
        self.modules = {id(each): str(each.get("__name__")) for each in dicts}
        self.variables: dict[int, str] = {} if program is None else {id(program): ""}
        self.hidden: set[int] = set()  # what holds objects because we look
        frames = list(sys._current_frames().values())
        while frames:  # no variable may keep this very call, as it would keep itself and its callers
            frame = frames.pop()
            self._add(frame, target if frame is asking else None)
            if frame.f_back:
                frames.append(frame.f_back)
        del frame

    def _add(self, frame: FrameType, ignored: object) -> None:
        self.hidden.add(id(frame))
        # The variables of "<module>" are the module's.
        if frame.f_code.co_filename in OWN_FILES or frame.f_code.co_name == "<module>":
            return
        for name, value in frame.f_locals.items():
            if value is not ignored:
                self.variables.setdefault(id(value), f"{name_of(frame)}, variable {name!r}")
        self._forget(frame.f_locals, frame)

    def _forget(self, found: Any, frame: FrameType) -> None:
        """Empty the copy of its variables that a frame keeps up to Python 3.12, or hide it if others look at it too.

        A debugger writes what is in it back to the frame; ``exec`` has put names of its own there.
        """
        if not is_a(found, dict):
            return
        is_own = found.keys() <= {*frame.f_code.co_varnames, *frame.f_code.co_cellvars, *frame.f_code.co_freevars}
        if is_own and frame.f_trace is None and sys.getrefcount(found) <= _OF_FRAME_ALONE:
            found.clear()
        else:
            self.hidden.add(id(found))

    def name(self, value: Any) -> str | None:
        """Return what ``value`` is a root as: its module's name, or the variable that holds it; None if it is none."""
        if is_a(value, ModuleType):
            return str(name_of(value))
        if id(value) in self.modules:
            return f"module {self.modules[id(value)]}"
        if type(value) is dict and "__builtins__" in value and "__spec__" in value:
            return f"module {value.get('__name__')}"  # no longer in sys.modules
        return self.variables.get(id(value))


def chains_to(
    target: object,
    *,
    most: int,
    asking: FrameType | None = None,
    program: object = None,
    reach: Reach | None = None,
    hidden: frozenset[int] = frozenset(),
) -> tuple[tuple[bool, tuple[str, ...]], ...]:
    """Return the shortest chain through each of the first direct holders of ``target``: the ``most`` shortest of them.

    A chain is a pair: whether it begins with a root, and its steps, of which each names a holder and the place in it,
    and the last one the object itself. A chain without a root begins with what no Python object refers to: C code holds
    that. The variable by which the call ``asking`` has the object does not count. Holders in mere cycles of garbage are
    left out, and what lies beyond ``reach``, and objects whose ids are ``hidden``.
    """
    reach = reach or Reach()
    roots = Roots(target, asking, program)
    roots.hidden |= hidden
    if reach.only_modules:
        roots.variables = {} if program is None else {id(program): ""}
        roots.modules = {name: each for name, each in roots.modules.items() if each.split(".")[0] not in _OF_TASKS}
    found: list[tuple[bool, tuple[str, ...]]] = []
    variable = roots.variables.get(id(target))
    if variable is not None:
        found.append((True, (variable, name_of(target)) if variable else (name_of(target),)))
    holders = _referrers([target], roots.hidden)
    for holder in islice(holders, _MOST_HOLDERS):
        chain = _chain(holder, target, roots, roots.hidden | {id(holders)}, reach)
        if chain is not None:
            found.append(chain)
    unique = dict.fromkeys(sorted(found, key=lambda chain: (not chain[0], len(chain[1]))))
    return tuple(unique)[:most]


def cycle_of(target: object) -> tuple[str, ...] | None:
    """Return the shortest way from ``target`` back to itself as steps, None if there is none.

    Ways through modules and classes do not count: these are not garbage when the object is.
    """
    roots = Roots()
    previous: dict[int, Any] = {}
    layer = [target]
    while layer:
        following = []
        for holder in layer:
            for held in referents(holder):
                if held is target:
                    path = [holder]
                    while path[0] is not target:
                        path.insert(0, previous[id(path[0])])
                    return _steps([*path, target])
                if gc.is_tracked(held) and id(held) not in previous and not _is_shared(held, roots):
                    previous[id(held)] = holder
                    following.append(held)
        layer = following
    return None


def cycle_holding(target: object) -> tuple[str, ...] | None:
    """Return the cycle that ``target`` is in, or else one that holds it, None if there is none."""
    seen: set[int] = set()
    current: object = target  # no closure may take it, as its cell would be a holder
    while id(current) not in seen:
        cycle = cycle_of(current)
        if cycle:
            return cycle
        seen.add(id(current))
        current = _holder_of(current)
    return None


def _holder_of(held: object) -> object:
    """Return the first that holds ``held``, where that is the ``__dict__`` of an object that object; else ``held``."""
    hidden = Roots().hidden
    for holder in _referrers([held], hidden):
        owners = _referrers([holder], hidden) if is_a(holder, dict) else []
        return next((owner for owner in owners if _is_dict_of(holder, owner)), holder)
    return held


def _is_shared(value: Any, roots: Roots) -> bool:
    return is_a(value, (ModuleType, type, FrameType)) or id(value) in roots.modules


def referents(holder: Any) -> list[Any]:
    """Return what ``holder`` refers to.

    A module's own C code is not asked: that of ``_asyncio`` hands out freed objects up to CPython 3.12.5, and the
    process crashes or hangs then (https://github.com/python/cpython/issues/122695).
    """
    return [module_dict(holder)] if is_a(holder, ModuleType) else gc.get_referents(holder)


def _referrers(layer: list[Any], hidden: set[int]) -> list[Any]:
    """Return what refers to an object of ``layer``, without what does so because we look."""
    marker = object()
    found = []
    for holder in gc.get_referrers(*layer, marker):  # not in a comprehension: its closure would be found
        is_call = type(holder) is tuple and len(holder) == len(layer) + 1 and holder[-1] is marker  # Python 3.13
        is_ours = is_a(holder, FrameType) and holder.f_code.co_filename in OWN_FILES
        if holder is not layer and not is_call and not is_ours and id(holder) not in hidden:
            found.append(holder)
    return found


def _chain(
    start: object, target: object, roots: Roots, hidden: set[int], reach: Reach
) -> tuple[bool, tuple[str, ...]] | None:
    """Return the chain from the nearest root that holds ``start`` to ``target``, None if none does, as in garbage.

    Searched backwards, layer by layer: everything that refers to something in the last layer is the next one.
    """
    held_by: dict[int, Any] = {id(start): target, id(target): None}
    layer, dead_end = [start], None
    while layer:
        for each in layer:
            if roots.name(each) is not None:
                return True, _told(_followed(each, held_by, target), roots)
        if reach.is_over():
            return None
        del layer[reach.widest :]
        wanted = {id(each): each for each in layer}
        following: list[Any] = []
        held = set()
        for holder in _referrers(layer, hidden | {id(held_by), id(wanted)}):
            found = [id(each) for each in referents(holder) if id(each) in wanted]
            held.update(found)
            if found and id(holder) not in held_by:
                held_by[id(holder)] = wanted[found[0]]
                following.append(holder)
        if dead_end is None:
            dead_end = next((each for each in layer if id(each) not in held), None)
        layer = following
    if dead_end is None:
        return None
    return False, _steps(_followed(dead_end, held_by, target))


def _followed(start: object, held_by: dict[int, Any], target: object) -> list[Any]:
    path = [start]
    while path[-1] is not target:
        path.append(held_by[id(path[-1])])
    return path


def _told(path: list[Any], roots: Roots) -> tuple[str, ...]:
    """Return the steps of a path, its first one told as a root."""
    root = roots.name(path[0])
    steps = _steps(path)
    if not root or is_a(path[0], ModuleType):
        return steps
    if id(path[0]) in roots.variables and id(path[0]) not in roots.modules:
        return (root, *steps)
    attribute = next((name for name, value in path[0].items() if value is path[1]), "?")
    return (f"{root}.{attribute}", *steps[1:])


def _steps(path: list[Any]) -> tuple[str, ...]:
    """Return a path as text; what the interpreter puts between an object and what it holds makes no step of its own."""
    steps: list[str] = []
    index, last = 0, len(path) - 1
    while index < last:
        holder, held = path[index], path[index + 1]
        after = path[index + 2] if index + 2 <= last else None
        if is_a(holder, TracebackType) and steps:
            index += 1
        elif after is not None and (_is_dict_of(held, holder) or _is_frame_of(held, holder)):
            steps.append(edge(holder, after))
            index += 2
        elif is_a(holder, FunctionType) and held is holder.__closure__ and is_a(after, CellType):
            steps.append(closure_edge(holder, after))
            index += 3
        else:
            steps.append(edge(holder, held))
            index += 1
    return (*steps, name_of(path[-1]))


def _is_dict_of(found: Any, holder: Any) -> bool:
    if not is_a(found, dict) or is_a(holder, dict):
        return False
    if is_a(holder, type):  # its __dict__ is a proxy
        return any(each is found for each in gc.get_referents(of_class(holder, "__dict__")))
    return attributes(holder) is found


def _is_frame_of(found: Any, holder: Any) -> bool:
    """Tell whether a suspended generator keeps its variables there (up to Python 3.10; later it has them itself)."""
    return is_a(holder, GeneratorType) and found is holder.gi_frame
