"""``[suite.defaults]``: what the benchmarks of a suite share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.errors import Problem
from memcap.model import Benchmark, Budget, Metric, Thresholds, Tolerance

MakeProject = Callable[[dict[str, str]], Path]
FindProblems = Callable[[dict[str, str]], list[Problem]]
ReadBenchmark = Callable[[str, str], Benchmark]

RISING = "{ excellent = 1, good = 2, acceptable = 3, poor = 4 }"
ZIGZAG = "{ excellent = 1, good = 3, acceptable = 2, poor = 4 }"
GRADES = Thresholds(excellent=1, good=2, acceptable=3, poor=4)


@pytest.fixture
def read(make_project: MakeProject) -> ReadBenchmark:
    """Return ``read(shared, own)``: the benchmark with ``own`` keys in a suite that shares ``shared`` ones."""

    def read(shared: str, own: str) -> Benchmark:
        kind = "" if "command = " in own else 'call = "work:leak"\n'
        text = f"[suite.defaults]\n{shared}\n[benchmarks.leak]\n{kind}{own}\n"
        # A second one has a use for all that the first may have none for.
        text += '[benchmarks.other]\ncall = "work:leak"\nbudget = "1GiB"\nmetrics = { lag = "s", rows = "count" }\n'
        config = load_config(make_project({"suites/demo/suite.toml": text}))
        return next(benchmark for benchmark in config.suites["demo"].benchmarks if benchmark.name == "leak")

    return read


def test_a_benchmark_has_what_is_shared(read: ReadBenchmark) -> None:
    shared = f"""\
caps = ["1g"]
tags = ["ci"]
budget = "9m"
budget_metric = "rss_peak"
metrics = {{ lag = "s" }}
thresholds = {{ lag = {RISING} }}
env = {{ LOG = "all" }}
time_limit = "9s"
"""
    benchmark = read(shared, "")
    assert benchmark.cap_names == ("1g",)
    assert benchmark.tags == ("ci",)
    assert benchmark.budget == Budget(metric=Metric.RSS_PEAK, limit_bytes=9 * 1024**2, margin=0)
    assert benchmark.extra_metrics == {"lag": "s"}
    assert benchmark.thresholds == {"lag": GRADES}
    assert benchmark.env == {"LOG": "all"}
    assert benchmark.time_limit_seconds == 9


def test_its_own_keys_come_first_and_tables_are_merged(read: ReadBenchmark) -> None:
    shared = """\
caps = ["1g"]
env = { LOG = "all", TZ = "UTC" }
container = { pids = 9, env_files = ["a.env"] }
tolerances = { peak = { relative = "1%", absolute = "1m" }, wall = { relative = "5%" } }
"""
    own = """\
caps = ["128m"]
env = { LOG = "none" }
container = { env_files = ["b.env"] }
tolerances = { peak = { relative = "2%" } }
"""
    benchmark = read(shared, own)
    assert benchmark.cap_names == ("128m",)
    assert benchmark.env == {"LOG": "none", "TZ": "UTC"}
    assert benchmark.tolerances[Metric.PEAK] == Tolerance(relative=0.02, absolute=1024**2)
    assert benchmark.tolerances[Metric.WALL].relative == 0.05
    assert benchmark.policy is not None
    assert benchmark.policy.pids == 9
    assert [Path(file).name for file in benchmark.policy.env_files] == ["b.env"]


def test_an_empty_table_takes_nothing_of_what_is_shared(read: ReadBenchmark) -> None:
    shared = f'metrics = {{ lag = "s" }}\nthresholds = {{ lag = {RISING}, wall = {RISING} }}\nenv = {{ LOG = "all" }}\n'
    benchmark = read(shared, "metrics = {}\nenv = {}")
    assert benchmark.extra_metrics == {}
    assert benchmark.env == {}
    assert benchmark.thresholds == {"wall": GRADES}, "every benchmark has a wall time; this one has no lag"


def test_what_is_said_of_a_metric_is_for_the_benchmarks_that_have_it(read: ReadBenchmark) -> None:
    shared = f"thresholds = {{ rows = {RISING}, lag_at_9 = {RISING} }}\nalerts = {{ lag = 3 }}\nprojections.lag = [9]"
    benchmark = read(shared, 'metrics = { lag = "s" }')
    assert set(benchmark.thresholds) == {"lag_at_9"}
    assert benchmark.alerts == {"lag": 3}
    assert benchmark.projections == {"lag": (9,)}


def test_a_command_has_nothing_that_is_for_calls(read: ReadBenchmark) -> None:
    shared = 'metrics = { lag = "s" }\nparameters = { size = 1 }\nduration = "9s"\ncaps = ["1g"]\nbudget_margin = "9%"'
    benchmark = read(shared, 'command = ["true"]')
    assert benchmark.extra_metrics == {}
    assert benchmark.cap_names == ("1g",)
    assert benchmark.budget is None


@pytest.mark.parametrize(
    ("shared", "key", "message", "suggestion"),
    [
        ('caps = ["1gb"]', "caps.0", "there is no cap '1gb'", "1g"),
        ('cap = ["1g"]', "cap", "unknown key; expected kind, parameters, caps", "caps"),
        ('call = "work:leak"', "call", "unknown key", ""),
        ('expect = "failed"', "expect", "unknown key", ""),
        ("env = { LOG = 1 }", "env.LOG", "expected a string", ""),
        ("tolerances = { peak = {} }", "tolerances.peak", "says nothing", ""),
        (f"thresholds = {{ wall = {ZIGZAG} }}", "thresholds.wall", "must rise from excellent to poor", ""),
        (f"thresholds = {{ lug = {RISING} }}", "thresholds.lug", "no benchmark has a metric 'lug'", "lag"),
        ("alerts = { peek = 1 }", "alerts.peek", "no benchmark has a metric 'peek'", "peak"),
        ("projections = { lug = [9] }", "projections.lug", "no benchmark has a metric 'lug'", "lag"),
        ("projections = { lag = [0] }", "projections.lag.0", "must be at least 1", ""),
        ('budget_margin = "9%"', "budget_margin", "goes with budget, which no benchmark has", ""),
    ],
)
def test_a_mistake_in_what_is_shared_is_said_once_where_it_is(
    find_problems: FindProblems, shared: str, key: str, message: str, suggestion: str
) -> None:
    text = f"[suite.defaults]\n{shared}\n"
    for name in ("one", "two"):
        text += f'[benchmarks.{name}]\ncall = "work:leak"\nmetrics = {{ lag = "s" }}\n'
    [problem] = find_problems({"suites/demo/suite.toml": text})
    assert (problem.line, problem.key) == (2, f"suite.defaults.{key}")
    assert message in problem.message
    assert problem.suggestion == suggestion


def test_commands_alone_have_no_use_for_what_is_for_calls(find_problems: FindProblems) -> None:
    text = '[suite.defaults]\nmetrics = { lag = "s" }\n[benchmarks.leak]\ncommand = ["true"]\n'
    [problem] = find_problems({"suites/demo/suite.toml": text})
    assert (problem.line, problem.key) == (2, "suite.defaults.metrics")
    assert problem.message == "goes with call, which no benchmark has"


def test_a_mistake_of_a_benchmark_is_said_where_it_is(find_problems: FindProblems) -> None:
    text = f"[suite.defaults]\nthresholds.wall = {RISING}\n"
    text += '[benchmarks.leak]\ncall = "work:leak"\nthresholds.wall.poor = 0\n'
    [problem] = find_problems({"suites/demo/suite.toml": text})
    assert (problem.line, problem.key) == (5, "benchmarks.leak.thresholds.wall")
