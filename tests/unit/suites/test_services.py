"""What the leaks of the shop keep, what the catalogue needs, and that suite.toml says the same.

The application itself needs packages that are not installed here; it runs in a container, in
tests/integration/test_services_suite.py.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from memcap.config import load_config
from memcap.model import Benchmark, Ending, LoadSpec, PhaseName, ServerWorkload

Import = Callable[[str, str], ModuleType]
ROOT = Path(__file__).parents[3]
SUITE = ROOT / "suites" / "services"
BENCHMARKS = {each.name: each for each in load_config(ROOT).suites["services"].benchmarks}
LEAKS = [name for name, benchmark in BENCHMARKS.items() if "leak" in benchmark.tags]
MISTAKES: dict[str, Callable[[tuple[str, ...]], tuple[tuple[str, ...], dict[str, str]]]] = {
    "leak_requests": lambda argv: (argv, {"SHOP_LEAK": "requests"}),
    "leak_connections": lambda argv: ((*argv[:4], "--http", "connections:LeakingProtocol", *argv[4:]), {}),
    "leak_sessions": lambda argv: (argv, {"SHOP_LEAK": "sessions"}),
}
SIZE = 16 * 1024
TIMES = 500
FIRST_ITEM = ("feather winter", "lamps", 16767)
RELATED_BYTES = 105


@pytest.fixture
def traced() -> Iterator[None]:
    """Trace allocations during the test."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held_by(work: Callable[[], object]) -> int:
    """Return the bytes that are held after ``work`` and were not before, its result among them."""
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    result = work()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    del result
    return after - before


async def _answer(scope: dict[str, Any], receive: object, send: object) -> None:
    """Stand for the application."""


def ask(application: Any, path: str, times: int) -> None:
    """Ask for ``path`` so many times."""

    async def ask_all() -> None:
        for _ in range(times):
            await application({"type": "http", "path": path}, None, None)

    asyncio.run(ask_all())


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize(("path", "leaked"), [("/items/1", TIMES), ("/health", 0), ("/collect", 0)])
def test_a_leak_keeps_its_size_for_each_request_but_those_of_memcap_itself(
    suite_module: Import, path: str, leaked: int
) -> None:
    leaks = suite_module("services", "leaks")
    application = leaks.Leaking(_answer, leaks.RequestLeak(leaks.buffer_size({})))
    ask(application, "/items/1", 1)  # what asyncio needs once
    held = held_by(lambda: ask(application, path, TIMES))
    assert leaked * SIZE <= held <= leaked * SIZE * 1.02 + 2000


def test_the_start_of_a_server_is_no_request(suite_module: Import) -> None:
    leaks = suite_module("services", "leaks")
    asyncio.run(leaks.Leaking(_answer, leaks.RequestLeak(SIZE))({"type": "lifespan"}, None, None))


def test_items_are_the_same_on_every_python(suite_module: Import) -> None:
    catalogue = suite_module("services", "catalogue")
    items = list(catalogue.make_items())
    assert items == list(catalogue.make_items())
    assert [item["id"] for item in items] == list(range(1, catalogue.ITEMS + 1))
    assert {len(item["description"]) for item in items} == {catalogue.DESCRIPTION_CHARACTERS}
    assert (items[0]["name"], items[0]["category"], items[0]["cents"]) == FIRST_ITEM


@pytest.mark.usefixtures("traced")
def test_what_workers_share_has_a_known_size(suite_module: Import) -> None:
    catalogue = suite_module("services", "catalogue")
    held = held_by(lambda: catalogue.make_related(20))
    assert held == pytest.approx(20 * catalogue.ITEMS * RELATED_BYTES, rel=0.1)


def load_of(benchmark: Benchmark) -> LoadSpec:
    """Return what is sent to a server."""
    assert isinstance(benchmark.workload, ServerWorkload)
    assert isinstance(benchmark.workload.load, LoadSpec)
    return benchmark.workload.load


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=list(BENCHMARKS))
def test_a_load_asks_for_what_the_shop_has(suite_module: Import, benchmark: Benchmark) -> None:
    catalogue = suite_module("services", "catalogue")
    last = {"/items/{": catalogue.ITEMS, "/items?page={": catalogue.ITEMS // catalogue.PAGE}
    for request in load_of(benchmark).requests:
        for start, expected in last.items():
            if request.path.startswith(start):
                assert request.path == f"{start}1..{expected}}}"
        assert (request.body is None) is (request.method == "GET")


def test_a_purchase_is_json_once_its_numbers_are_drawn(suite_module: Import) -> None:
    text = (SUITE / "purchase.json").read_text()
    items = suite_module("services", "catalogue").ITEMS
    assert json.loads(re.sub(r"\{\d+\.\.(\d+)\}", r"\1", text)) == {"customer": 50, "item": items, "count": 3}


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=list(BENCHMARKS))
def test_rests_outlast_the_time_that_idle_connections_are_kept(benchmark: Benchmark) -> None:
    assert isinstance(benchmark.workload, ServerWorkload)
    arguments = benchmark.workload.argv
    option = "--timeout-keep-alive" if "uvicorn" in arguments else "--keep-alive"
    assert float(arguments[arguments.index(option) + 1]) < benchmark.workload.idle_seconds


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_the_shop_with_one_mistake_under_several_levels(name: str) -> None:
    leak, shop = BENCHMARKS[name].workload, BENCHMARKS["shop"].workload
    assert isinstance(leak, ServerWorkload)
    assert isinstance(shop, ServerWorkload)
    assert (leak.argv, BENCHMARKS[name].env) == MISTAKES[name](shop.argv)
    assert leak.levels == (1, 2, 4)


@pytest.mark.parametrize("name", LEAKS)
def test_a_twin_leaks_more_than_its_cap_during_the_load_and_not_before(name: str) -> None:
    leak, twin = BENCHMARKS[name], BENCHMARKS[f"{name}_twin"]
    assert twin.env == {**leak.env, "SHOP_LEAK_KIB": "512"}
    assert twin.expect == {"*": Ending.OOM_KILLED}
    assert twin.expected_phase is PhaseName.LOAD
    assert twin.cap_names == BENCHMARKS["shop"].cap_names == ("128m",)
    assert isinstance(twin.workload, ServerWorkload)
    warm_up = round(load_of(twin).rate * twin.workload.warm_up_seconds / 2)
    leaked = 512 * 1024
    budget = BENCHMARKS["shop"].budget
    assert budget is not None
    assert budget.limit_bytes + warm_up * leaked < 128 << 20 < (warm_up + load_of(twin).count) * leaked


def test_the_shop_with_postgresql_differs_by_its_database_only() -> None:
    shop, other = BENCHMARKS["shop"].workload, BENCHMARKS["shop_postgres"].workload
    assert isinstance(shop, ServerWorkload)
    assert isinstance(other, ServerWorkload)
    assert other.argv == shop.argv
    assert load_of(BENCHMARKS["shop_postgres"]).requests == load_of(BENCHMARKS["shop"]).requests
    assert urlsplit(BENCHMARKS["shop_postgres"].env["SHOP_DATABASE"]).hostname in {
        service.name for service in other.services
    }


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=list(BENCHMARKS))
def test_a_budget_fits_under_each_cap_with_its_margin(benchmark: Benchmark) -> None:
    caps = {"128m": 128 << 20, "256m": 256 << 20}
    budgets = [benchmark.budget, *benchmark.phase_budgets.values()]
    assert all(
        each.limit_bytes * (1 + each.margin) < caps[cap]
        for each in budgets
        if each is not None
        for cap in benchmark.cap_names or ()
    )


def test_only_one_benchmark_is_quick() -> None:
    """Four images, six runs each: `make bench` should not take much more than a minute for them."""
    (quick,) = (each for each in BENCHMARKS.values() if "quick" in each.tags)
    assert isinstance(quick.workload, ServerWorkload)
    assert quick.workload.configured_seconds <= 3


def test_every_package_is_pinned_with_hashes() -> None:
    lines = [line for line in (SUITE / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    packages = [line for line in lines if not line.startswith(" ")]
    assert all(re.match(r"[a-z0-9-]+==\S+ ", line) and line.endswith("\\") for line in packages)
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines if line not in packages)
    direct = [line.partition("[")[0] for line in (SUITE / "requirements.in").read_text().split()]
    assert {"psycopg-binary", *direct} < {line.partition("==")[0] for line in packages}
