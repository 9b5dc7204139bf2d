"""Each workload of realworld does its work, and its twin differs by one mistake only.

The workloads that need nothing but this environment's packages run here; all of them run in a container, in
tests/integration/test_realworld.py.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType

import pytest
from realworld_small import BENCHMARKS, SMALL, SUITE, check_answers, small_parameters

from memcap.model import Ending

Import = Callable[[str, str], ModuleType]
STANDARD = [name for name, benchmark in BENCHMARKS.items() if "standard" in benchmark["tags"]]
ORDERS_7 = 343577411  # cents
LENGTHS = {"rounds", "days", "requests", "pages", "orders", "photographs", "tasks", "connections"}


@pytest.mark.parametrize("name", ["json_stdlib", "template_render", "thread_pool", "pickle_graph"])
def test_a_workload_answers_as_on_every_python_and_its_mistake_keeps_more(suite_module: Import, name: str) -> None:
    if name == "template_render" and find_spec("jinja2") is None:
        pytest.skip("jinja2 is not installed")
    module, _, function = BENCHMARKS[name]["call"].partition(":")
    run = getattr(suite_module("realworld", module), function)
    parameters = small_parameters(name)
    check_answers(name, run(**parameters), run(**parameters, keep_all=True))


def test_a_worker_of_the_process_pool_keeps_copies_by_mistake_only(suite_module: Import) -> None:
    pools = suite_module("realworld", "pools")
    pools._table.extend(suite_module("realworld", "orders").make_orders(40, seed=1))
    assert pools._sum_up(0, False) == pools._sum_up(pools.PARTS, False) > 0
    assert pools._copies == []
    pools._sum_up(1, True)
    assert pools._copies == [pools._table[2:4]]
    assert pools._copies[0][0] is not pools._table[2]


def test_the_parts_of_the_table_add_up_to_it(suite_module: Import) -> None:
    pools, orders = suite_module("realworld", "pools"), suite_module("realworld", "orders")
    pools._table.extend(orders.make_orders(200, seed=2))
    everything = sum(orders.total_cents(order) for order in pools._table)
    assert sum(pools._sum_up(task, False) for task in range(pools.PARTS)) == everything


def test_the_cache_of_pages_lets_go_of_the_page_that_was_not_asked_for_longest(suite_module: Import) -> None:
    shop = suite_module("realworld", "shop")
    bounded, unbounded = shop.Shop(bounded=True), shop.Shop(bounded=False)
    for number in range(shop.CACHED_PAGES):
        bounded.page(number)
    first = bounded.page(0)
    bounded.page(1000)
    assert bounded.page(0) is first
    assert list(bounded._pages) == [*range(2, shop.CACHED_PAGES), 1000, 0]
    for number in range(shop.CACHED_PAGES + 5):
        unbounded.page(number)
    assert unbounded.metrics()["pages_cached"] == shop.CACHED_PAGES + 5


def test_orders_are_the_same_on_every_python(suite_module: Import) -> None:
    orders = suite_module("realworld", "orders")
    made = list(orders.make_orders(1000, seed=7))
    assert sum(orders.total_cents(order) for order in made) == ORDERS_7
    assert made == list(orders.make_orders(1000, seed=7))
    assert made[0]["lines"] is not next(orders.make_orders(1, seed=7))["lines"]


@pytest.mark.parametrize("name", STANDARD)
def test_a_standard_form_has_a_budget_and_survives_the_larger_cap(name: str) -> None:
    benchmark = BENCHMARKS[name]
    assert benchmark["budget_metric"] == "unreclaimable_peak"
    assert benchmark["caps"] == ["128m", "256m"]
    expected = benchmark.get("expect", {})
    assert set(expected) <= {"128m"}
    megabytes = int(benchmark["budget"].removesuffix("MB"))
    assert (megabytes * 1e6 > 128 << 20) is bool(expected)
    assert megabytes * 1e6 * 1.1 < 256 << 20


@pytest.mark.parametrize("name", STANDARD)
def test_a_twin_makes_the_mistake_longer_and_must_be_killed_where_the_standard_form_is_not(name: str) -> None:
    standard, twin = BENCHMARKS[name], BENCHMARKS[f"{name}_twin"]
    assert twin["call"] == standard["call"]
    assert twin.get("env") == standard.get("env")
    changed = {key for key, value in twin["parameters"].items() if standard["parameters"].get(key) != value}
    assert "keep_all" in changed
    assert changed - {"keep_all"} <= LENGTHS
    assert Ending(twin["expect"]).is_oom
    (cap,) = twin["caps"]
    assert cap not in standard.get("expect", {})


def test_every_benchmark_is_a_standard_form_or_its_twin() -> None:
    assert set(BENCHMARKS) == {form for name in STANDARD for form in (name, f"{name}_twin")}
    assert set(SMALL) == set(STANDARD)


def test_every_package_is_pinned_and_the_same_for_all_pythons_but_for_a_backport() -> None:
    lines = [line for line in (SUITE / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all("==" in line for line in lines)
    assert [line.split("==")[0] for line in lines if ";" in line] == ["exceptiongroup"]
