"""The optimised structures behave as the plain ones do, whatever is put into them."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Import = Callable[[str, str], ModuleType]
ON_A_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
ROWS, COLUMNS = 7, 5

few_values = st.lists(st.sampled_from([0.0, 0.0, -0.0, 1.5, -2.25, 1e-300, math.inf]), min_size=35, max_size=35)
beliefs = st.lists(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1), st.sampled_from([0.0, 1.0, -3.5, 0.25])),
    max_size=30,
)


@ON_A_FIXTURE
@given(values=few_values)
def test_sparse_beliefs_survive_the_round_trip(suite_module: Import, values: list[float]) -> None:
    dense = np.array(values).reshape(ROWS, COLUMNS)
    sparse = suite_module("optimization", "sparse").SparseBeliefs.from_dense(dense)
    assert np.array_equal(sparse.dense(), dense)
    assert sparse.nonzero == np.count_nonzero(dense)
    assert sparse.nbytes == sparse.nonzero * 12


@ON_A_FIXTURE
@given(updates=st.lists(beliefs, max_size=5))
def test_sparse_beliefs_are_updated_as_dense_ones(
    suite_module: Import, updates: list[list[tuple[int, int, float]]]
) -> None:
    module = suite_module("optimization", "sparse")
    forms = module.DenseBeliefs((ROWS, COLUMNS)), module.SparseBeliefs((ROWS, COLUMNS))
    weights = np.array([1.0, 0.5, -2.0, 0.25, 4.0])
    for update in updates:
        for form in forms:
            peers, propositions = (np.array([each[place] for each in update], np.int64) for place in (0, 1))
            form.update(peers, propositions, np.array([each[2] for each in update]))
        plain, sparse = forms
        assert np.array_equal(plain.dense(), sparse.dense())
        assert plain.nonzero == sparse.nonzero
        assert all(plain.get(row, 2) == sparse.get(row, 2) for row in range(ROWS))
        assert np.array_equal(plain.expectations(weights), sparse.expectations(weights))  # sums are exact here


@pytest.mark.parametrize("pair", [(ROWS, 0), (0, COLUMNS), (-1, 0)])
def test_beliefs_outside_of_the_shape_are_refused(suite_module: Import, pair: tuple[int, int]) -> None:
    sparse = suite_module("optimization", "sparse").SparseBeliefs((ROWS, COLUMNS))
    with pytest.raises(IndexError, match="7 peers x 5 propositions"):
        sparse.update(np.array([pair[0]]), np.array([pair[1]]), np.array([1.0]))
    with pytest.raises(IndexError):
        sparse.get(*pair)


def test_not_a_number_is_a_belief(suite_module: Import) -> None:
    sparse = suite_module("optimization", "sparse").SparseBeliefs((2, 2), np.float32)
    sparse.update(np.array([1]), np.array([1]), np.array([math.nan]))
    assert sparse.nonzero == 1
    assert math.isnan(sparse.get(1, 1))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@ON_A_FIXTURE
@given(entries=st.lists(json_values, min_size=1, max_size=20), count=st.integers(0, 400), maxlen=st.integers(1, 160))
def test_a_compressed_history_holds_what_a_deque_would(
    suite_module: Import, entries: list[Any], count: int, maxlen: int
) -> None:
    compressed, plain = suite_module("optimization", "ring").CompressedHistory(maxlen), deque[Any](maxlen=maxlen)
    for entry in itertools.islice(itertools.cycle(entries), count):
        compressed.append(entry)
        plain.append(entry)
        assert len(compressed) == len(plain)
    assert list(compressed) == list(plain)


def test_a_history_is_compressed_at_level_6_up_to_1000_entries(suite_module: Import) -> None:
    ring, events = suite_module("optimization", "ring"), suite_module("optimization", "events").Events(1)
    assert (ring.MOST_ENTRIES, ring.LEVEL) == (1000, 6)
    history = ring.CompressedHistory()
    for epoch in range(1234):
        history.append(events.event(epoch))
    assert [event["epoch"] for event in history] == list(range(234, 1234))
    assert history.nbytes < 0.5 * sum(len(str(event)) for event in history)
    with pytest.raises(ValueError, match="maxlen must be 1 or more"):
        ring.CompressedHistory(0)


def test_lazy_arrays_are_made_when_used_and_once(suite_module: Import) -> None:
    made: list[str] = []

    def maker(name: str) -> Callable[[], Any]:
        def make() -> Any:
            made.append(name)
            return np.full(8, len(made), float)

        return make

    arrays = suite_module("optimization", "lazy").LazyArrays({name: maker(name) for name in ("a", "b", "c")})
    assert (len(arrays), list(arrays), "b" in arrays, "d" in arrays) == (3, ["a", "b", "c"], True, False)
    assert (made, arrays.nbytes) == ([], 0)
    assert arrays["b"] is arrays["b"]
    assert (made, arrays.nbytes) == (["b"], 64)
    with pytest.raises(KeyError):
        arrays["d"]


def test_an_array_whose_maker_failed_is_made_at_the_next_use(suite_module: Import) -> None:
    results = iter([MemoryError("too large"), np.ones(2)])

    def make() -> Any:
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    arrays = suite_module("optimization", "lazy").LazyArrays({"a": make})
    with pytest.raises(MemoryError):
        arrays["a"]
    assert arrays["a"].sum() == 2


@ON_A_FIXTURE
@given(writes=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("xyz"), st.integers(0, 3), st.floats(-9, 9))))
def test_agents_who_share_parameters_do_not_notice(
    suite_module: Import, writes: list[tuple[int, str, int, float]]
) -> None:
    start = {name: np.arange(4.0) + place for place, name in enumerate("xyz")}
    common = {name: array.copy() for name, array in start.items()}
    shared = [suite_module("optimization", "sharing").SharedParameters(common) for _ in range(3)]
    plain = [{name: array.copy() for name, array in start.items()} for _ in range(3)]
    for agent, name, place, value in writes:
        shared[agent].own(name)[place] = value
        plain[agent][name][place] = value
    for own, expected in zip(shared, plain, strict=True):
        assert {name: list(own[name]) for name in own} == {name: list(array) for name, array in expected.items()}
    copies = len({(agent, name) for agent, name, _, _ in writes})
    assert sum(own.own_nbytes for own in shared) == copies * 32
    assert {name: list(array) for name, array in common.items()} == {name: list(array) for name, array in start.items()}


def test_shared_parameters_cannot_be_written_by_mistake(suite_module: Import) -> None:
    shared = suite_module("optimization", "sharing").SharedParameters({"x": np.zeros(3)})
    with pytest.raises(ValueError, match="read-only"):
        shared["x"][0] = 1


@ON_A_FIXTURE
@given(counts=st.lists(st.integers(0, 3000), min_size=1, max_size=12))
def test_no_two_borrowers_have_the_same_buffer(suite_module: Import, counts: list[int]) -> None:
    pool = suite_module("optimization", "pool").BufferPool()
    for _ in range(2):
        with contextlib.ExitStack() as lent:
            buffers = [lent.enter_context(pool.borrow(count)) for count in counts]
            for place, buffer in enumerate(buffers):
                buffer[:] = place
            assert [buffer.shape for buffer in buffers] == [(count,) for count in counts]
            assert all((buffer == place).all() for place, buffer in enumerate(buffers))
        assert pool.made == len(counts), "the second time all are used again"


def test_a_buffer_comes_back_from_a_borrower_that_failed(suite_module: Import) -> None:
    pool = suite_module("optimization", "pool").BufferPool()
    with pytest.raises(RuntimeError, match="mid-way"), pool.borrow(10):
        raise RuntimeError("mid-way")
    with pool.borrow(512):
        assert (pool.made, pool.idle_bytes) == (1, 0)


def test_a_pool_keeps_no_more_than_it_may(suite_module: Import) -> None:
    pool = suite_module("optimization", "pool").BufferPool(most_idle=10_000)
    with pool.borrow(1024), pool.borrow(512), pool.borrow(512):
        pass
    assert pool.idle_bytes == 8192


def test_threads_do_not_share_buffers(suite_module: Import) -> None:
    pool = suite_module("optimization", "pool").BufferPool()
    mixed = []

    def work(number: int) -> None:
        for _ in range(200):
            with pool.borrow(64) as buffer:
                buffer[:] = number
                if not (buffer == number).all():
                    mixed.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixed == []
    assert pool.made <= 4


@ON_A_FIXTURE
@given(seen=st.integers(0, 25), most=st.integers(1, 12), asked=st.integers(0, 15), narrow=st.booleans())
def test_mapped_observations_are_those_in_memory(
    suite_module: Import, seen: int, most: int, asked: int, narrow: bool
) -> None:
    module, dtype = suite_module("optimization", "mapped"), np.float32 if narrow else np.float64
    plain, mapped = module.ObservationsInMemory(most, 3, dtype), module.MappedObservations(most, 3, dtype)
    for number in range(seen):
        row = np.array([number, number / 3, -number])
        plain.append(row)
        mapped.append(row)
    assert len(mapped) == len(plain) == min(seen, most)
    assert np.array_equal(mapped.latest(asked), plain.latest(asked))
    assert mapped.latest(asked).dtype == plain.latest(asked).dtype == dtype


def test_a_mapped_file_leaves_nothing_behind(suite_module: Import, tmp_path: Path) -> None:
    mapped = suite_module("optimization", "mapped").MappedObservations(4, 2, directory=str(tmp_path))
    mapped.append(np.ones(2))
    del mapped
    assert list(tmp_path.iterdir()) == []


numbers = st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=50)


@ON_A_FIXTURE
@given(values=numbers)
def test_narrow_numbers_are_near(suite_module: Import, values: list[float]) -> None:
    wide = np.array(values)
    narrowed = suite_module("optimization", "narrow").narrow(wide)
    assert narrowed.dtype == np.float32
    assert (np.abs(narrowed.astype(np.float64) - wide) <= np.maximum(np.abs(wide) * 2.0**-24, 2.0**-150)).all()


@ON_A_FIXTURE
@given(values=st.lists(st.floats(-100, 100, width=32), max_size=9000), weight=st.floats(-2, 2, width=32))
def test_sums_of_narrow_numbers_are_as_exact_as_wide_ones(
    suite_module: Import, values: list[float], weight: float
) -> None:
    dot = suite_module("optimization", "narrow").dot
    stored = np.array(values, np.float32)
    exact = math.fsum(float(value) * weight for value in stored)
    scale = math.fsum(abs(float(value) * weight) for value in stored)
    assert dot(stored, np.full(len(stored), weight, np.float32)) == pytest.approx(exact, rel=0, abs=1e-12 * scale)


def test_numbers_too_large_are_an_error(suite_module: Import) -> None:
    narrow = suite_module("optimization", "narrow").narrow
    with pytest.raises(OverflowError, match=r"1 numbers do not fit into float32, as .*1e\+39"):
        narrow(np.array([1.0, 1e39, math.inf]))
    assert np.isinf(narrow(np.array([math.inf]))).all()
