"""The workloads of the suite realworld at a small size, and what they must answer on every Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from projects import benchmark_tables

SUITE = Path(__file__).resolve().parents[1] / "suites" / "realworld"
BENCHMARKS = benchmark_tables("realworld")


@dataclass(frozen=True, kw_only=True)
class Small:
    """Parameters in place of suite.toml's, the answer to them, and what ``keep_all`` makes of it.

    What depends on the version of a library outside Python, such as how well zlib compresses, is left out.
    """

    parameters: Mapping[str, int]
    answer: Mapping[str, int]
    keeping: Mapping[str, int]


SMALL = {
    "json_stdlib": Small(
        parameters={"orders": 50, "rounds": 3},
        answer={"bytes_parsed": 90660, "orders_held": 50, "cents": 18009610},
        keeping={"orders_held": 150},
    ),
    "json_orjson": Small(
        parameters={"orders": 50, "rounds": 3},
        answer={"bytes_parsed": 90660, "orders_held": 50, "cents": 18009610},
        keeping={"orders_held": 150},
    ),
    "dataframe_groupby": Small(
        parameters={"rows": 1000, "days": 3},
        answer={"rows": 3000, "groups": 2101, "cents": 346654671, "frames_held": 0},
        keeping={"frames_held": 3},
    ),
    "web_flask": Small(
        parameters={"requests": 240},
        answer={"requests": 240, "bytes_received": 7053478, "pages_cached": 100, "cents": 46247588},
        keeping={"pages_cached": 120},
    ),
    "web_starlette": Small(
        parameters={"requests": 240},
        answer={"requests": 240, "bytes_received": 7053358, "pages_cached": 100, "cents": 46247588},
        keeping={"pages_cached": 120},
    ),
    "template_render": Small(
        parameters={"pages": 3, "orders": 5},
        answer={"pages": 3, "characters": 9252, "pages_held": 0},
        keeping={"pages_held": 3},
    ),
    "orm_sqlite": Small(
        parameters={"orders": 1200},
        answer={"orders": 1200, "lines": 3535, "settled": 263, "unpaid": 0, "cents": 86044741, "objects_held": 1984},
        keeping={"objects_held": 1200 + 3535},
    ),
    "image_resize": Small(
        parameters={"photographs": 2, "width": 400, "height": 300},
        answer={"photographs": 2, "pixels": 240000, "photographs_held": 0},
        keeping={"photographs_held": 2},
    ),
    "thread_pool": Small(
        parameters={"tasks": 3, "workers": 2, "buffer_bytes": 1 << 20},
        answer={"bytes_read": 3 << 20, "bytes_held": 0},
        keeping={"bytes_held": 3 << 20},
    ),
    "process_pool_fork": Small(
        parameters={"tasks": 24, "workers": 2, "orders": 200},
        answer={"tasks": 24, "workers": 2, "cents": 85644977},
        keeping={},  # what a worker keeps is not told; a test looks into one
    ),
    "process_pool_spawn": Small(
        parameters={"tasks": 24, "workers": 2, "orders": 200},
        answer={"tasks": 24, "workers": 2, "cents": 85644977},
        keeping={},
    ),
    "asyncio_connections": Small(
        parameters={"connections": 300},
        answer={"connections": 300, "bytes_answered": 300 * 8192, "answers_held": 0},
        keeping={"answers_held": 300},
    ),
    "pickle_graph": Small(
        parameters={"orders": 100, "rounds": 3},
        answer={"orders": 100, "bytes_pickled": 84324, "copies_held": 1, "cents": 35006863},
        keeping={"copies_held": 3},
    ),
}


def small_parameters(name: str) -> dict[str, Any]:
    """Return all parameters of the benchmark ``name`` at its small size."""
    return {**BENCHMARKS[name]["parameters"], **SMALL[name].parameters}


def check_answers(name: str, plain: Mapping[str, float], keeping: Mapping[str, float]) -> None:
    """Assert that a workload answered rightly without and with ``keep_all``."""
    expected = SMALL[name].answer
    assert {metric: plain[metric] for metric in expected} == expected
    assert {metric: keeping[metric] for metric in expected} == {**expected, **SMALL[name].keeping}
    assert set(plain) == set(keeping) == set(BENCHMARKS[name]["metrics"])
