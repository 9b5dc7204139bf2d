"""The parts of the memory manager: bounds, order, what is really freed, and what the figures mean."""

from __future__ import annotations

import gc
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Import = Callable[[str, str], ModuleType]
ON_A_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
V2 = ("memory.max", "memory.current")
SHARES = (0.5, 0.25, 0.1, 0.0)


@ON_A_FIXTURE
@given(puts=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400)), max_size=60))
def test_a_cache_keeps_its_bound_and_what_was_used_last(suite_module: Import, puts: list[tuple[str, int]]) -> None:
    cache = suite_module("stress", "cache").LruCache(1000)
    model: OrderedDict[str, bytes] = OrderedDict()
    for key, size in puts:
        value = bytes(size)
        cache.put(key, value)
        model.pop(key, None)
        model[key] = value
        while sum(map(sys.getsizeof, model.values())) > 1000:
            model.popitem(last=False)
        assert cache.get(key) == value
        assert cache.bytes == cache.recount() <= 1000
    assert len(cache) == len(model)
    assert all(cache.get(key) == value for key, value in model.items())


@pytest.mark.parametrize("place", range(4))
def test_each_strategy_takes_more_of_the_cache(suite_module: Import, place: int) -> None:
    cache = suite_module("stress", "cache").LruCache(1 << 20)
    for number in range(100):
        cache.put(str(number), bytes(1000))
    before, strategy = cache.bytes, list(suite_module("stress", "strategy").Strategy)[place]
    let_go = cache.release(strategy)
    assert let_go == before - cache.bytes
    assert SHARES[place] - 0.02 <= cache.bytes / before <= SHARES[place]
    assert cache.get("99") is not None or place == 3, "what was used last stays longest"


actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 15), st.lists(st.binary(max_size=90), max_size=4), st.booleans()),
        st.tuples(st.just("remove"), st.integers(0, 15)),
        st.tuples(st.just("unpin"), st.integers(0, 15)),
        st.tuples(st.just("compact")),
        st.tuples(st.just("shed")),
    ),
    max_size=50,
)


@ON_A_FIXTURE
@given(actions=actions)
def test_documents_are_read_back_whatever_was_moved_and_removed(suite_module: Import, actions: list[Any]) -> None:
    module = suite_module("stress", "docstore")
    vars(module)["SEGMENT"] = 256
    store = module.DocumentStore()
    model: dict[str, bytes] = {}
    pinned: set[str] = set()
    for action, *arguments in actions:
        name = str(arguments[0]) if arguments else ""
        if action == "add":
            store.add(name, arguments[1], arguments[2])
            model.pop(name, None)
            model[name] = b"".join(arguments[1])
            pinned.discard(name)
            pinned |= {name} if arguments[2] else set()
        elif action == "remove":
            store.remove(name)
            model.pop(name, None)
            pinned.discard(name)
        elif action == "unpin":
            store.unpin(name)
            pinned.discard(name)
        elif action == "shed":
            store.shed(1.0)
            model = {name: value for name, value in model.items() if name in pinned}
        else:
            store.compact()
        assert {name: b"".join(store.pieces(name)) for name in model} == model
        assert len(store) == len(model)
        assert store.live_bytes == sum(map(len, model.values()))
        assert store.recount() == store.bytes >= store.live_bytes


def test_compaction_closes_the_holes(suite_module: Import) -> None:
    store = suite_module("stress", "docstore").DocumentStore()
    for number in range(400):
        store.add(str(number), [bytes(10_000)])
    for number in range(400):
        if number % 8:
            store.remove(str(number))
    assert store.bytes > 3_900_000, "a living document in each segment holds all of it"
    store.compact()
    assert store.live_bytes == 500_000
    assert store.bytes < 2_000_000


def test_shedding_takes_the_oldest_that_are_not_in_use(suite_module: Import) -> None:
    store = suite_module("stress", "docstore").DocumentStore()
    for number in range(6):
        store.add(str(number), [b"x"], pinned=number == 0)
    store.shed(0.4)
    assert [name in store for name in "012345"] == [True, False, False, True, True, True]


def test_finished_sessions_leak_until_they_are_reaped(suite_module: Import) -> None:
    registry = suite_module("stress", "sessions").SessionRegistry()
    for name in ("open", "closed", "leaked"):
        registry.open(name, [bytes(1000)])
    registry.close("closed")
    registry.finish("leaked")
    assert (len(registry), registry.bytes, registry.recount()) == (2, 2000, 2000)
    assert registry.reap() == 1000
    assert (len(registry), registry.bytes) == (1, 1000)


requests = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(1, 4), st.sampled_from("abc"), st.integers(0, 5))), max_size=60
)


@ON_A_FIXTURE
@given(requests=requests, limit=st.integers(1, 6))
def test_the_most_urgent_request_is_served_first_and_the_queue_is_bounded(
    suite_module: Import, requests: list[tuple[int, str, int] | None], limit: int
) -> None:
    queue = suite_module("stress", "requested").CleanUpQueue(limit)
    waiting: dict[tuple[int, str], tuple[int, int]] = {}
    for number, request in enumerate(requests):
        if request is None:
            taken = queue.take()
            first = min(waiting, key=lambda key: waiting[key], default=None)
            assert (None if taken is None else (taken.strategy, taken.owner)) == first
            waiting.pop(first, None)  # type: ignore[arg-type]
            continue
        strategy, owner, urgency = request
        key, full = (strategy, owner), len(waiting) == limit
        last = max(waiting, key=lambda key: waiting[key], default=None)
        accepted = queue.ask(strategy, owner, urgency, cycle=number)
        if key in waiting:
            waiting[key] = (min(waiting[key][0], urgency), waiting[key][1])
        elif not full or urgency < waiting[last][0]:  # type: ignore[index]
            if full:
                del waiting[last]  # type: ignore[arg-type]
            waiting[key] = (urgency, number)
        assert accepted == (key in waiting and not (full and queue.refused and waiting[key] == (urgency, number)))
        assert len(queue) == len(waiting) <= limit


def test_a_leak_is_what_grows_in_every_cycle(suite_module: Import) -> None:
    detector = suite_module("stress", "leaks").LeakDetector(smallest=60)
    found = [detector.watch({"leaks": 10 * n, "slowly": n, "saw": 100 * (n % 3), "flat": 7}) for n in range(15)]
    assert found == [["leaks"] if n in (6, 13) else [] for n in range(15)]


@pytest.mark.parametrize(
    ("used", "grown", "pressure", "name"),
    [
        (50, 0, 50, None),
        (64, 0, 64, None),
        (65, -9, 65, "TRIM"),
        (70, 10, 75, "COMPACT"),
        (85, 0, 85, "SHED"),
        (85, 30, 95, "EMERGENCY"),
        (99, 0, 99, "EMERGENCY"),
        (120, 50, 100, "EMERGENCY"),
    ],
)
def test_pressure_and_its_strategy(
    suite_module: Import, used: int, grown: int, pressure: float, name: str | None
) -> None:
    strategy = suite_module("stress", "strategy")
    score = strategy.score(used, 100, grown)
    assert score == pressure
    assert strategy.choose(score) == (name and strategy.Strategy[name])


def manager(suite_module: Import, capacity: int) -> Any:
    accounts = suite_module("stress", "capacity").Accounts(capacity)
    module = suite_module("stress", "manager")
    made = module.MemoryManager(accounts, module.Care())
    accounts.components = made.components
    return made


def test_room_is_made_by_giving_up_what_is_not_in_use(suite_module: Import) -> None:
    one = manager(suite_module, 10_000_000)
    one.store("loose", [bytes(1_000_000)] * 6)
    one.store("pinned", [bytes(1_000_000)] * 2, pinned=True)
    one.make_room(3_000_000)
    assert ("loose" in one.documents, "pinned" in one.documents) == (False, True)
    assert (one.tally.averted, one.tally.refused) == (1, 0)
    with pytest.raises(RuntimeError, match=r"no room for 8.0 MB: 2.0 MB are in use"):
        one.make_room(8_000_000)
    assert one.tally.refused == 1


def test_a_clean_up_that_gives_nothing_back_has_not_succeeded(suite_module: Import) -> None:
    one = manager(suite_module, 100_000_000)
    for keep in (False, True):
        one.store("large", [bytes(1_000_000)] * 5)
        if keep:
            one.meter = SimpleNamespace(capacity=100_000_000, used=lambda: 5_000_000)  # the kernel has nothing back
        one.clean_up(suite_module("stress", "strategy").Strategy.EMERGENCY)
    assert (one.tally.optimizations, one.tally.succeeded) == (2, 1)
    assert one.tally.saved_bytes == 5_000_000


def test_a_wrong_account_fails_the_health_check(suite_module: Import) -> None:
    one = manager(suite_module, 10_000_000)
    assert one.check_health()
    one.sessions.bytes += 1
    assert not one.check_health()
    assert (one.tally.health_checks, one.tally.health_failures) == (2, 1)


class Chained:
    """One of many that hold each other."""

    other: Any = None
    data: bytes = b""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_given_back_is_no_longer_resident(suite_module: Import) -> None:
    freeing = suite_module("stress", "freeing")

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def make() -> list[bytes]:
        kept = []
        for number in range(8000):
            one, other = Chained(), Chained()
            one.other, other.other = other, one
            one.data = bytes([number % 256]) * 4096
            kept.append(bytes([number % 256]) * 40)  # small neighbours stay, and hold on to their heap
        return kept

    gc.collect()
    gc.disable()
    try:
        before = resident()
        kept = make()
        held = resident() - before
        assert held > 8000 * 4096 * 0.9
        freeing.give_back()
        assert resident() - before < held / 4
        assert len(kept) == 8000
    finally:
        gc.enable()


def test_advice_is_given_for_what_is_poor_only(suite_module: Import) -> None:
    recommendations = suite_module("stress", "advice").recommendations
    well = {"growth_mb": 10, "response_s": 0.1, "stability": 99, "error_rate": 0, "pressure": 80, "health": 100}
    assert recommendations(well) == []
    [line] = recommendations({**well, "growth_mb": 612.0})
    assert line.startswith("growth_mb is 612: ")
    poor = {"growth_mb": 1e3, "response_s": 9, "stability": 9, "error_rate": 50, "pressure": 99, "health": 0}
    poor |= {"optimization_success": 1, "recovery_s": 60}
    assert {line.split()[0] for line in recommendations(poor)} == set(poor)


def test_stability_and_business_value(suite_module: Import) -> None:
    scoring = suite_module("stress", "scoring")
    assert scoring.stability(0, 0, 0, 0) == 100
    assert scoring.stability(2.5, 0.5, 0.1, 0.25) == pytest.approx(100 - 10 - 10 - 2 - 5)
    assert scoring.stability(100, 1, 2, 1) == 0
    rates = scoring.Rates()
    assert scoring.business_value(rates, mb=100, seconds=3, points=90, errors_avoided=4) == 10 + 3 + 45 + 8
    assert scoring.seconds_saved(hits=100, hit_seconds=1, misses=10, miss_seconds=5) == 49
    assert scoring.seconds_saved(hits=0, hit_seconds=0, misses=0, miss_seconds=0) == 0
    assert [scoring.percentile([1, 2, 3, 4], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1, 2, 4, 4]
    assert scoring.percentile([], 0.95) == 0


@pytest.mark.parametrize(
    ("membership", "place", "stat", "used"),
    [
        ("0::/\n", (".", *V2), "active_file 30\ninactive_file 20\nanon 1\n", 950),
        ("0::/a/b\n", ("a", *V2), "active_file 1\ninactive_file 2\n", 997),
        (
            "4:cpu:/x\n3:memory:/docker/1\n0::/x\n",
            ("memory", *V1),
            "active_file 5\ntotal_active_file 600\ntotal_inactive_file 500\n",
            0,
        ),
    ],
)
def test_capacity_and_use_are_read_from_the_nearest_cgroup_with_a_limit(
    suite_module: Import, tmp_path: Path, membership: str, place: tuple[str, str, str], stat: str, used: int
) -> None:
    capacity = suite_module("stress", "capacity")
    (tmp_path / "membership").write_text(membership)
    name, limit, usage = place
    folder = tmp_path / "cgroup" / name
    (tmp_path / "cgroup" / "a" / "b").mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    paths = {"mount": str(tmp_path / "cgroup"), "membership": str(tmp_path / "membership")}
    assert capacity.find_cgroup(**paths) is None
    (tmp_path / "cgroup" / "a" / "b" / "memory.max").write_text("max\n")
    for name, text in ((limit, "268435456\n"), (usage, "1000\n"), ("memory.stat", stat)):
        (folder / name).write_text(text)
    found = capacity.find_cgroup(**paths)
    assert found.capacity == 256 << 20
    assert found.used() == used
    (folder / limit).write_text("max\n" if limit == "memory.max" else "9223372036854771712\n")
    assert capacity.find_cgroup(**paths) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_random_projections_keep_texts_near_that_share_words(suite_module: Import, seed: int) -> None:
    vectors = suite_module("stress", "vectors")
    projection = vectors.RandomProjection(seed)
    texts = {"cats": b"the cat sat on the mat", "dogs": b"dogs bark at night", "rain": b"rain falls in november"}
    index = vectors.VectorIndex()
    for name, text in texts.items():
        index.add(name, projection.embed(text))
    assert index.search(projection.embed(b"a cat on a mat"), 3)[0][0] == "cats"
    assert index.search(projection.embed(texts["dogs"]), 1)[0][1] == pytest.approx(1, abs=1e-5)
    index.remove("dogs")
    assert (len(index), index.holes) == (2, 1)
    index.compact()
    assert (len(index), index.holes) == (2, 0)
    assert {name for name, _ in index.search(projection.embed(b"dogs"), 9)} == {"cats", "rain"}


def test_an_index_gives_back_whole_blocks(suite_module: Import) -> None:
    vectors = suite_module("stress", "vectors")
    projection, index = vectors.RandomProjection(1), vectors.VectorIndex()
    assert index.search(projection.embed(b"nothing here"), 1) == []
    for number in range(600):
        index.add(f"{number % 2}/{number}", projection.embed(b"word%d" % number))
    before = index.bytes
    index.remove("1/")
    index.compact()
    assert (len(index), index.bytes) == (300, before * 2 // 3)
    assert index.search(projection.embed(b"word598"), 1)[0][0] == "0/598"
