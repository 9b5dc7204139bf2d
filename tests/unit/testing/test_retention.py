"""Who holds an object, is it collected after use, and which cycle is to blame: said in words that name the code."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from memcap.errors import UsageError
from memcap.testing.retention import assert_collected, live_objects, project, referrers_of, why_alive


class Chunk:
    def __init__(self) -> None:
        self.other: Any = None

    def on_end(self) -> None:
        """Be a listener."""


class Run:
    def __init__(self, *buffer: Any) -> None:
        self.buffer = list(buffer)


class Slotted:
    __slots__ = ("__weakref__", "empty", "payload")

    def __init__(self, payload: Any) -> None:
        self.payload = payload


class Touchy:
    """Everything that a search might ask of an unknown object raises."""

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    def __hash__(self) -> int:
        raise RuntimeError("hashed")

    def __repr__(self) -> str:
        raise RuntimeError("printed")

    def __bool__(self) -> bool:
        raise RuntimeError("asked for its truth")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"asked for {name}")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = ModuleType("streams.registry")
    monkeypatch.setitem(sys.modules, "streams.registry", module)
    yield module
    vars(module).clear()


def enclosing(chunk: Chunk) -> Callable[[], Chunk]:
    return lambda: chunk


def suspended(chunk: Chunk) -> Iterator[Chunk]:
    while True:
        yield chunk


def started(chunk: Chunk) -> Iterator[Chunk]:
    generator = suspended(chunk)
    next(generator)
    return generator


def failed(chunk: Chunk) -> Exception:
    def fail(given: Chunk) -> None:
        raise ValueError(f"no {type(given)}")

    try:
        fail(chunk)
    except ValueError as error:
        return error
    raise AssertionError


def holding_class(chunk: Chunk) -> type:
    return type("Cache", (), {"latest": chunk})


def materialised(chunk: Chunk) -> Run:
    run = Run()
    vars(run)["last"] = chunk
    return run


@pytest.mark.parametrize(
    ("keep", "chain"),
    [
        (lambda chunk: chunk, "module streams.registry.kept -> Chunk"),
        (
            lambda chunk: {"run-7": Run(1, 2, 3, chunk)},
            "module streams.registry.kept -> dict['run-7'] -> Run.buffer -> list[3] -> Chunk",
        ),
        (lambda chunk: (0, chunk), "module streams.registry.kept -> tuple[1] -> Chunk"),
        (lambda chunk: deque([0, chunk]), "module streams.registry.kept -> deque[1] -> Chunk"),
        (lambda chunk: {chunk}, "module streams.registry.kept -> set member -> Chunk"),
        (lambda chunk: {chunk: 1}, "module streams.registry.kept -> dict key -> Chunk"),
        (
            lambda chunk: OrderedDict({("a", 1): chunk}),
            "module streams.registry.kept -> OrderedDict[('a', 1)] -> Chunk",
        ),
        (lambda chunk: {Run(): chunk}, "module streams.registry.kept -> dict[Run] -> Chunk"),
        (Slotted, "module streams.registry.kept -> Slotted.payload -> Chunk"),
        (materialised, "module streams.registry.kept -> Run.last -> Chunk"),
        (enclosing, "module streams.registry.kept -> function enclosing.<locals>.<lambda>, variable 'chunk' -> Chunk"),
        (started, "module streams.registry.kept -> generator suspended, variable 'chunk' -> Chunk"),
        (lambda chunk: chunk.on_end, "module streams.registry.kept -> method Chunk.on_end.__self__ -> Chunk"),
        (lambda chunk: partial(print, chunk), "module streams.registry.kept -> partial.args -> tuple[0] -> Chunk"),
        (holding_class, "module streams.registry.kept -> class Cache.latest -> Chunk"),
        (
            failed,
            "module streams.registry.kept -> ValueError.__traceback__ -> call of failed, variable 'chunk' -> Chunk",
        ),
        (lambda chunk: [Touchy(chunk)], "module streams.registry.kept -> list[0] -> Touchy.kept -> Chunk"),
    ],
)
def test_the_chain_names_each_holder_and_the_place_in_it(
    registry: Any, keep: Callable[[Chunk], Any], chain: str
) -> None:
    chunk = Chunk()
    registry.kept = keep(chunk)

    assert chain in why_alive(chunk).splitlines()
    assert str(referrers_of(chunk)[0]) == why_alive(chunk).splitlines()[0]


def test_each_direct_holder_has_its_chain_the_shortest_first(registry: Any) -> None:
    chunk = Chunk()
    run = Run(chunk)
    registry.runs, registry.last = [run], chunk
    del run

    assert [chain.steps for chain in referrers_of(chunk)] == [
        ("module streams.registry.last", "Chunk"),
        ("module streams.registry.runs", "list[0]", "Run.buffer", "list[0]", "Chunk"),
    ]
    assert len(referrers_of(chunk, most=1)) == 1


def test_what_very_many_hold_has_a_few_chains(registry: Any) -> None:
    chunk = Chunk()
    registry.runs = [Run(chunk) for _ in range(10_000)]

    chains = referrers_of(chunk)

    assert len(chains) == 3
    assert {chain.steps[0] for chain in chains} == {"module streams.registry.runs"}


def test_a_variable_of_a_function_that_runs_is_a_root_but_not_the_callers_own() -> None:
    def called(given: Chunk) -> str:
        return why_alive(given)

    chunk = Chunk()
    assert called(chunk).splitlines() == [
        "call of test_a_variable_of_a_function_that_runs_is_a_root_but_not_the_callers_own, variable 'chunk' -> Chunk"
    ]
    assert why_alive(chunk) == "nothing that the garbage collector knows"


def test_another_variable_of_the_caller_counts() -> None:
    chunk = Chunk()
    run = Run(chunk)

    assert why_alive(chunk).endswith("_counts, variable 'run' -> Run.buffer -> list[0] -> Chunk")
    assert isinstance(run, Run)


def test_a_variable_of_another_thread_is_a_root() -> None:
    ready, done = threading.Event(), threading.Event()

    def wait_with(given: list[Chunk]) -> None:
        mine = given.pop()
        ready.set()
        done.wait()
        del mine

    chunk = Chunk()
    thread = threading.Thread(target=wait_with, args=([chunk],))
    thread.start()
    ready.wait()
    try:
        assert why_alive(chunk) == "call of wait_with, variable 'mine' -> Chunk"
    finally:
        done.set()
        thread.join()


def test_what_only_c_code_holds_is_said_to_be() -> None:
    chunk = Chunk()
    held = ctypes.py_object([chunk])
    ctypes.pythonapi.Py_IncRef(held)
    address = ctypes.c_void_p.from_buffer(held).value
    del held
    try:
        assert why_alive(chunk) == "(code outside Python) -> list[0] -> Chunk"
    finally:
        ctypes.pythonapi.Py_DecRef(ctypes.c_void_p(address))


def test_a_module_that_was_taken_out_of_sys_modules_is_named(registry: Any) -> None:
    chunk = Chunk()
    exec("__spec__ = None\ndef held(): return kept", vars(registry))
    registry.kept = chunk
    del sys.modules["streams.registry"]

    assert why_alive(chunk) == "module streams.registry.kept -> Chunk"


def test_looking_leaves_nothing_behind(registry: Any) -> None:
    """Up to Python 3.12 a frame keeps a copy of its variables when these are asked for."""
    chunk = Chunk()
    registry.kept = [chunk]
    why_alive(chunk)
    registry.kept.clear()
    gc.disable()
    try:
        with assert_collected(allow_cycles=False) as watch:
            watch(chunk)
            del chunk
    finally:
        gc.enable()


def test_what_is_let_go_is_collected() -> None:
    with assert_collected() as watch:
        chunk = watch(Chunk())
        chunk.other = chunk
        del chunk


def test_what_is_held_fails_with_the_chains(registry: Any) -> None:
    def keep(watch: Callable[[Run], Run]) -> None:
        watch(Run())
        registry.runs = {"run-7": watch(Run())}

    with pytest.raises(AssertionError) as failure, assert_collected() as watch:
        keep(watch)

    assert str(failure.value).splitlines() == [
        "1 of 2 watched objects was not collected",
        "Run, held by",
        "    module streams.registry.runs -> dict['run-7'] -> Run",
    ]


def test_a_variable_of_the_test_itself_is_told() -> None:
    with (
        pytest.raises(AssertionError, match=r"call of test_a_variable\w+, variable 'run' -> Run"),
        assert_collected() as watch,
    ):
        run = watch(Run())
    assert isinstance(run, Run)


def cycle(watch: Callable[[Any], Any]) -> None:
    run, chunk = watch(Run()), Chunk()
    run.buffer.append(chunk)
    chunk.other = run


def cycle_by_callback(watch: Callable[[Any], Any]) -> None:
    run = watch(Run())
    run.buffer.append(lambda: run)


def behind_a_cycle(watch: Callable[[Any], Any]) -> None:
    chunk = Chunk()
    chunk.other = Run(watch(Run()), chunk)


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (cycle, "Run.buffer -> list[0] -> Chunk.other -> Run"),
        (
            cycle_by_callback,
            "Run.buffer -> list[0] -> function cycle_by_callback.<locals>.<lambda>, variable 'run' -> Run",
        ),
        (behind_a_cycle, "list[1] -> Chunk.other -> Run.buffer -> list"),
    ],
)
def test_a_cycle_is_named_by_types_and_attributes(use: Callable[[Any], None], name: str) -> None:
    with assert_collected() as watch:
        use(watch)
    with pytest.raises(AssertionError) as failure, assert_collected(allow_cycles=False) as watch:
        use(watch)

    assert str(failure.value).splitlines() == [
        "1 of 1 watched object was left to the garbage collector",
        "Run, held by a cycle",
        f"    {name}",
    ]
    assert gc.isenabled()


def test_an_error_of_the_block_goes_on() -> None:
    kept: list[Run] = []

    def fail(watch: Callable[[Run], Run]) -> None:
        kept.append(watch(Run()))
        raise KeyError

    with pytest.raises(KeyError), assert_collected() as watch:
        fail(watch)
    assert len(kept) == 1


def test_what_cannot_be_watched_is_refused() -> None:
    with pytest.raises(UsageError, match="a dict cannot be watched"), assert_collected() as watch:
        watch({})
    with pytest.raises(UsageError, match="nothing was watched"), assert_collected():
        pass


def test_objects_are_counted_by_class() -> None:
    live_objects()
    before = live_objects()
    kept = [Chunk() for _ in range(7)]

    grown = live_objects() - before

    assert {name: count for name, count in grown.items() if "test_retention" in name} == {
        f"{Chunk.__module__}.Chunk": len(kept)
    }


def test_retained_counts_are_projected() -> None:
    found = project([56 * calls for calls in range(1, 31)], at=10_000)

    assert found is not None
    assert round(found.estimate) == 560_000
