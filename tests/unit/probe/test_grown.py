"""What is found of growth, in programs whose truth is known, on the Pythons that this machine has."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import memcap

PROBE = Path(memcap.__file__).parent / "probe"
PROGRAM = """
import collections, gc, json, sys, weakref
sys.path.insert(0, {probe!r})
import memcap_grown

{code}

look = memcap_grown.GrowthLook(25)
grow()
found = look.find(globals().get("program"))
print(json.dumps(found))
"""

Run = Callable[[str], dict[str, Any]]

pytestmark = pytest.mark.allow_processes


def grown(path: Path, code: str, executable: str = sys.executable) -> dict[str, Any]:
    """Return what is found in a program that is ``code``, between two looks around its ``grow()``."""
    program = path / "shop.py"
    program.write_text(PROGRAM.format(probe=str(PROBE), code=code), encoding="utf-8")
    process = subprocess.run(
        [executable, "-B", str(program)], capture_output=True, text=True, timeout=60, check=False, cwd=path
    )
    assert process.returncode == 0, process.stderr
    return dict(json.loads(process.stdout))


def ways(found: dict[str, Any]) -> list[str]:
    return [" -> ".join(steps) for _, _, _, _, steps in found["holders"]]


SESSIONS = """
SESSIONS = {}
class Session:
    def __init__(self, number):
        self.number = number
        self.body = bytes(20_000)
def grow():
    for number in range(500):
        SESSIONS[number] = Session(number)
"""


def test_a_dict_of_objects_with_the_line_that_made_them(tmp_path: Path, interpreter: str) -> None:
    found = grown(tmp_path, SESSIONS, interpreter)
    kind, more, size, rooted, steps = found["holders"][0]
    assert (kind, more, rooted, steps) == ("builtins.dict", 500, True, ["module __main__.SESSIONS", "dict"])
    assert size == pytest.approx(500 * 20_033, rel=0.05)
    file, _, size, count, source = found["sites"][0]
    assert (Path(file).name, count, source) == ("shop.py", 500, "self.body = bytes(20_000)")
    assert size == pytest.approx(500 * 20_033, rel=0.001)
    assert found["traced"] == pytest.approx(500 * 20_033, rel=0.05)
    assert ["__main__.Session", 0, 500] in found["types"]


CONTAINERS = {
    "module __main__.KEPT -> list": "KEPT = [0]\ndef grow():\n    KEPT.extend(bytes(900) for _ in range(1000))",
    "module __main__.KEPT -> set": "KEPT = {0}\ndef grow():\n    KEPT.update(range(1000, 9000))",
    "module __main__.KEPT -> deque": (
        "KEPT = collections.deque([0])\ndef grow():\n    KEPT.extend(bytes(900) for _ in range(1000))"
    ),
    "module __main__.KEPT -> defaultdict": (
        "KEPT = collections.defaultdict(list)\nKEPT[0] = [0]\n"
        "def grow():\n    for number in range(1000):\n        KEPT[number].append(bytes(900))"
    ),
    # Up to Python 3.13 the collector does not know a dict of texts and bytes.
    "module __main__.CACHE -> dict": (
        "CACHE = {'a': b''}\ndef grow():\n    for number in range(1000):\n        CACHE[str(number)] = bytes(900)"
    ),
    "module __main__.BUS -> Bus.listeners -> list": (
        "class Bus:\n    def __init__(self):\n        self.listeners = [print]\n"
        "class Page:\n    def __init__(self):\n        self.text = bytes(900)\n"
        "    def changed(self):\n        pass\n"
        "BUS = Bus()\ndef grow():\n    for _ in range(1000):\n        BUS.listeners.append(Page().changed)"
    ),
    "generator serve, variable 'streams' -> list": (
        "async def stream():\n    body = bytes(900)\n    yield body\n"
        "def serve():\n    streams = [0]\n    while True:\n"
        "        for _ in range(1000):\n            one = stream()\n            streams.append(one)\n"
        "            try:\n                one.asend(None).send(None)\n            except StopIteration:\n"
        "                pass\n        yield\n"
        "program = serve()\nnext(program)\ndef grow():\n    next(program)"
    ),
}


@pytest.mark.parametrize("way", CONTAINERS)
def test_the_container_that_grew_and_who_holds_it(tmp_path: Path, interpreter: str, way: str) -> None:
    found = grown(tmp_path, CONTAINERS[way], interpreter)
    assert ways(found)[0] == way
    assert found["holders"][0][1] in (999, 1000, 1001, 8000), "with those that an unknown dict had before"


def test_what_lies_in_new_containers_is_told_by_the_one_from_before(tmp_path: Path) -> None:
    code = """
PAGES = {0: []}
def grow():
    for number in range(50):
        PAGES[number] = [bytes(100) for _ in range(200)]
"""
    assert ways(grown(tmp_path, code))[0] == "module __main__.PAGES -> dict"


def test_a_chain_of_objects_is_told_by_its_type(tmp_path: Path, interpreter: str) -> None:
    code = """
class Node:
    def __init__(self, before):
        self.before, self.body = before, bytes(900)
class Head:
    last = None
HEAD = Head()
def grow():
    for _ in range(1000):
        HEAD.last = Node(HEAD.last)
"""
    found = grown(tmp_path, code, interpreter)
    kind, more, size, rooted, steps = found["holders"][0]
    assert (kind, more, size, rooted) == ("__main__.Node", 1000, None, True)
    assert steps[0] == "module __main__.HEAD"


def test_a_full_cache_does_not_grow(tmp_path: Path) -> None:
    code = """
CACHE = collections.OrderedDict((number, bytes(900)) for number in range(1000))
def grow():
    for number in range(1000, 3000):
        CACHE[number] = bytes(900)
        CACHE.popitem(last=False)
"""
    assert not [way for way in ways(grown(tmp_path, code)) if "CACHE" in way]


def test_what_two_items_share_belongs_to_neither(tmp_path: Path) -> None:
    code = """
TEMPLATE = [bytes(100) for _ in range(100)]
class Page:
    def __init__(self):
        self.template, self.own = TEMPLATE, bytes(1000)
PAGES = [Page()]
def grow():
    PAGES.extend(Page() for _ in range(500))
"""
    (_, more, size, _, steps), *_ = grown(tmp_path, code)["holders"]
    assert (more, steps) == (500, ["module __main__.PAGES", "list"])
    assert size == pytest.approx(500 * (1033 + 150), rel=0.2)


def test_garbage_that_nobody_collects_is_told(tmp_path: Path) -> None:
    code = """
gc.disable()
def grow():
    for _ in range(5000):
        own = []
        own.append(own)
"""
    found = grown(tmp_path, code)
    assert found["garbage"] >= 4999
    assert found["holders"] == []


def test_code_of_the_program_is_not_called(tmp_path: Path, interpreter: str) -> None:
    code = """
def refuse(*_):
    raise RuntimeError("called")
class Touchy(type):
    __eq__ = __len__ = __getattribute__ = __hash__ = refuse
class Keys(dict):
    __len__ = __iter__ = __getitem__ = __eq__ = __bool__ = keys = items = refuse
    __hash__ = object.__hash__
class Items(list):
    __len__ = __iter__ = __getitem__ = __eq__ = __reversed__ = __bool__ = refuse
class Odd(metaclass=Touchy):
    def __init__(self, number):
        self.number = number
    __eq__ = __repr__ = __sizeof__ = __getattribute__ = __len__ = __bool__ = refuse
    def __hash__(self):
        return object.__hash__(self)
KEYS, ITEMS = Keys(), Items()
dict.__setitem__(KEYS, -1, 0), list.append(ITEMS, 0)
def grow():
    for number in range(100):
        odd = object.__new__(Odd)
        dict.__setitem__(KEYS, odd, bytes(5000))
        list.append(ITEMS, odd)
"""
    found = ways(grown(tmp_path, code, interpreter))
    assert found[0] == "module __main__.KEYS -> Keys"
    assert "module __main__.ITEMS -> Items" in found


HEAVY = {
    "closures": (
        "LISTENERS = []\n"
        "def listen(body):\n    return lambda: body\n"
        "def grow():\n    LISTENERS.extend(listen(bytes(50_000)) for _ in range(200))"
    ),
    "back references": (
        "class Registry:\n    pass\nREG = Registry()\nREG.sessions = {}\n"
        "class Session:\n    def __init__(self):\n        self.registry, self.body = REG, bytes(50_000)\n"
        "def grow():\n    for number in range(200):\n        REG.sessions[number] = Session()"
    ),
    "links": (
        "EVENTS = [None]\nclass Event:\n    def __init__(self):\n"
        "        self.previous, self.body = EVENTS[-1], bytes(50_000)\n"
        "def grow():\n    for _ in range(200):\n        EVENTS.append(Event())"
    ),
    "at the beginning": (
        "OLD = collections.deque(range(100))\ndef grow():\n    OLD.extendleft(bytes(50_000) for _ in range(200))"
    ),
    "few": "FEW = [0]\ndef grow():\n    FEW.extend(bytes(2_000_000) for _ in range(5))",
    "large documents": (
        "PAGES = [0]\ndef grow():\n    PAGES.extend([{'name': bytes(100)} for _ in range(2500)] for _ in range(12))"
    ),
}


@pytest.mark.parametrize("kind", HEAVY)
def test_what_new_items_hold_is_weighed(tmp_path: Path, interpreter: str, kind: str) -> None:
    found = grown(tmp_path, HEAVY[kind], interpreter)
    _, _, size, rooted, steps = found["holders"][0]
    assert rooted
    assert steps[0].startswith(("module __main__.LISTENERS", "module __main__.REG", "module __main__.EVENTS",
                                "module __main__.OLD", "module __main__.FEW", "module __main__.PAGES"))  # fmt: skip
    assert size == pytest.approx(found["traced"], rel=0.2)


def test_a_thread_that_only_computes_does_not_stop_the_program(tmp_path: Path) -> None:
    code = (
        SESSIONS
        + """
import threading, time
def compute():
    while True:
        pass
threading.Thread(target=compute, daemon=True).start()
"""
    )
    found = grown(tmp_path, code)  # it would take minutes
    assert found["holders"][0][4] == ["module __main__.SESSIONS", "dict"]


def test_a_module_that_is_not_loaded_yet_stays_so(tmp_path: Path, interpreter: str) -> None:
    (tmp_path / "heavy.py").write_text("raise SystemExit('loaded')\n")
    code = (
        SESSIONS
        + """
import importlib.util
spec = importlib.util.find_spec("heavy")
spec.loader = importlib.util.LazyLoader(spec.loader)
heavy = importlib.util.module_from_spec(spec)
sys.modules["heavy"] = heavy
spec.loader.exec_module(heavy)
"""
    )
    assert grown(tmp_path, code, interpreter)["holders"][0][4][0] == "module __main__.SESSIONS"


def test_keys_are_told_without_asking_the_program(tmp_path: Path) -> None:
    code = """
class Key:
    def __repr__(self):
        raise RuntimeError("printed")
PAGES = {(1, Key()): [0], 10**5000: [0], ("a", 2): [0]}
def grow():
    for page in PAGES.values():
        page.extend(bytes(900) for _ in range(1000))
"""
    told = sorted(way.removeprefix("module __main__.PAGES -> ") for way in ways(grown(tmp_path, code))[:3])
    assert told == ["dict[('a', 2)] -> list", "dict[(1, Key)] -> list", "dict[int] -> list"]


def test_variables_of_exec_stay(tmp_path: Path, interpreter: str) -> None:
    code = """
def main():
    exec("y = 41")
    global look_inside
    look_inside = memcap_grown.GrowthLook()
    KEPT.extend(range(100))
    look_inside.find()
    assert locals()["y"] == 41 or sys.version_info >= (3, 13)
KEPT = [0]
if sys.version_info < (3, 13):
    main()
def grow():
    KEPT.extend(range(1000, 2000))
"""
    assert ways(grown(tmp_path, code, interpreter))[0] == "module __main__.KEPT -> list"


def test_what_is_frozen_is_told(tmp_path: Path) -> None:
    assert grown(tmp_path, "gc.freeze()\n" + SESSIONS)["frozen"] > 1000


def test_a_tracemalloc_of_the_program_goes_on(tmp_path: Path) -> None:
    code = "import tracemalloc\ntracemalloc.start(3)\nOLD = [bytes(5000) for _ in range(100)]\n" + SESSIONS
    code += "import atexit\natexit.register(lambda: tracemalloc.is_tracing() or sys.exit('stopped'))"
    found = grown(tmp_path, code)
    assert found["sites"][0][4] == "self.body = bytes(20_000)"
    assert not [site for site in found["sites"] if "OLD" in site[4]]


def test_objects_that_a_module_of_c_hands_out_are_not_asked_for(tmp_path: Path, interpreter: str) -> None:
    """Up to CPython 3.12.5 the module _asyncio hands out freed objects: it crashed, or hung."""
    code = """
import asyncio, _asyncio
LOOP = asyncio.new_event_loop()
for _ in range(50):
    iter(LOOP.create_future())
_asyncio.kept = []
def grow():
    _asyncio.kept.extend(object() for _ in range(100))
    for _ in range(50):
        iter(LOOP.create_future())
"""
    assert ways(grown(tmp_path, code, interpreter))[0] == "module _asyncio.kept -> list"
