"""Mistakes in ``suite.toml``, in the code it calls and in its requirements."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from memcap.config.values import EXPECTABLE_ENDINGS
from memcap.errors import Problem
from memcap.model import Ending

FindProblems = Callable[[dict[str, str]], list[Problem]]

CALL = '[benchmarks.leak]\ncall = "work:leak"\n'
RISING = "{ excellent = 1, good = 2, acceptable = 3, poor = 4 }"
ZIGZAG = "{ excellent = 1, good = 3, acceptable = 2, poor = 4 }"
NO_GOOD = "{ excellent = 1, acceptable = 3, poor = 4 }"
LAG = 'metrics = { lag = "s" }\n'
COMMAND = '[benchmarks.leak]\ncommand = ["true"]\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "message", "suggestion"),
    [
        (CALL + "limit = 1\n", 3, "limit", "unknown key; expected description, call", "time_limit"),
        (CALL + 'tag = ["a"]\n', 3, "tag", "unknown key", "tags"),
        (CALL + "budget = 200\n", 3, "budget", "size '200' has no unit", ""),
        (CALL + 'budget = "200 em"\n', 3, "budget", "unknown unit 'em'", ""),
        (CALL + 'budget = "9m"\nbudget_margin = 20\n', 4, "budget_margin", 'such as "2%", got 20', ""),
        (CALL + 'budget = "9m"\nbudget_metric = "peek"\n', 4, "budget_metric", "is not a metric in bytes", "peak"),
        (CALL + 'budget = "9m"\nbudget_metric = "wall"\n', 4, "budget_metric", "is not a metric in bytes", ""),
        (CALL + 'budget_margin = "20%"\n', 3, "budget_margin", "has no meaning without budget", ""),
        (CALL + 'caps = ["1gb"]\n', 3, "caps.0", "there is no cap '1gb'", "1g"),
        (CALL + "caps = []\n", 3, "caps", "is empty; leave the key out", ""),
        (CALL + 'expect = "oom_kiled"\n', 3, "expect", "is not an ending that can be expected", "oom_killed"),
        (CALL + 'expect = { 128m = "oom" }\n', 3, "expect.128m", "is not an ending that can be expected", ""),
        (CALL + 'expect = "lost"\n', 3, "expect", "is not an ending that can be expected", ""),
        (CALL + "expect = 137\n", 3, "expect", "expected a table, got 137", ""),
        (CALL + 'caps = ["1g"]\nexpect = { 128m = "failed" }\n', 4, "expect.128m", "has no cap '128m'; it has 1g", ""),
        (CALL + "parameters = { size = [1] }\n", 3, "parameters.size", "expected a string, a finite number", ""),
        (CALL + "parameters = { size = nan }\n", 3, "parameters.size", "a finite number", ""),
        (CALL + "parameters = { day = 2026-01-01 }\n", 3, "parameters.day", "a finite number", ""),
        (CALL + "parameters = { a-b = 1 }\n", 3, "parameters.a-b", "cannot be a keyword argument", ""),
        (CALL + 'metrics = { peak = "byte" }\n', 3, "metrics.peak", "is measured anyway", ""),
        (
            CALL + "alerts = { peek = 15 }\n",
            3,
            "alerts.peek",
            "the benchmark has no metric 'peek'; it has peak",
            "peak",
        ),
        (CALL + 'alerts = { peak = "15" }\n', 3, "alerts.peak", "expected a number, got '15'", ""),
        (CALL + LAG + "projections = { lug = [9] }\n", 4, "projections.lug", "has no metric 'lug'; it has lag", "lag"),
        (CALL + "projections = { lag = [9] }\n", 3, "projections.lag", "has no metric 'lag'; it has none", ""),
        (CALL + LAG + "projections = { lag = 9 }\n", 4, "projections.lag", "expected a list, got 9", ""),
        (CALL + LAG + "projections = { lag = [0] }\n", 4, "projections.lag.0", "must be at least 1, got 0", ""),
        (CALL + LAG + "projections = { lag = [] }\n", 4, "projections.lag", "is empty", ""),
        (CALL + LAG + "alerts = { lag_at_9 = 1 }\n", 4, "alerts.lag_at_9", "the benchmark has no metric", ""),
        (COMMAND + "projections = {}\n", 3, "projections", "goes with call only", ""),
        (CALL + f"thresholds = {{ lag = {RISING} }}\n", 3, "thresholds.lag", "the benchmark has no metric 'lag'", ""),
        (CALL + f"thresholds = {{ wall = {ZIGZAG} }}\n", 3, "thresholds.wall", "must rise from excellent to poor", ""),
        (
            CALL + "thresholds = { wall = { excellent = 1, good = 2, poor = 5 } }\n",
            3,
            "thresholds.wall.acceptable",
            "is missing",
            "",
        ),
        (CALL + 'time_limit = "90"\n', 3, "time_limit", "duration '90' has no unit", ""),
        (CALL + "duration = 5\n", 3, "duration", "duration '5' has no unit", ""),
        (CALL + 'quiet = { pin_cpus = "1" }\n', 3, "quiet.pin_cpus", "expected a number of CPUs", ""),
        (CALL + "quiet = { aslr = 1 }\n", 3, "quiet.aslr", "expected true or false, got 1", ""),
        (
            CALL + "quiet = { pin_cpu = 1 }\n",
            3,
            "quiet.pin_cpu",
            "unknown key; expected pin_cpus, thp, aslr",
            "pin_cpus",
        ),
        (CALL + "quiet = { cpus = 1 }\n", 3, "quiet.cpus", "is called pin_cpus now", ""),
        (CALL + "quiet = true\n", 3, "quiet", "expected a table, got True", ""),
        (CALL + "cycles = 0\n", 3, "cycles", "must be at least 1, got 0", ""),
        (CALL + "tolerances = { peak = {} }\n", 3, "tolerances.peak", "says nothing", ""),
        (CALL + 'tolerances = { peek = { relative = "1%" } }\n', 3, "tolerances.peek", "unknown key", "peak"),
        (CALL + 'command = ["true"]\n', 3, "command", "either call or command, not both", ""),
        (COMMAND + "parameters = {}\n", 3, "parameters", "goes with call only", ""),
        ('[benchmarks.leak]\ncommand = "true"\n', 2, "command", "expected a list, got 'true'", ""),
        ("[benchmarks.leak]\ncommand = []\n", 2, "command", "must not be empty", ""),
        ('[benchmarks.leak]\ncall = "work.leak"\n', 2, "call", 'write "module:function"', ""),
        ('[benchmarks.leak]\ncall = "../work:leak"\n', 2, "call", 'write "module:function"', ""),
        ('[benchmarks.leak]\ncall = "work:leek"\n', 2, "call", "work.py has no 'leek' at its top level", "leak"),
        ('[benchmarks.leak]\ncall = "wrok:leak"\n', 2, "call", "the suite has no wrok.py", "work"),
        ('[benchmarks.leak]\ncall = "a.b:leak"\n', 2, "call", "the suite has no a/b.py", ""),
    ],
)
def test_a_mistake_in_a_benchmark(
    find_problems: FindProblems, text: str, line: int, key: str, message: str, suggestion: str
) -> None:
    [problem] = find_problems({"suites/demo/suite.toml": text})
    assert problem.file.as_posix() == "suites/demo/suite.toml"
    assert (problem.line, problem.key) == (line, f"benchmarks.leak.{key}")
    assert message in problem.message
    assert problem.suggestion == suggestion


def test_a_benchmark_without_a_workload(find_problems: FindProblems) -> None:
    [problem] = find_problems({"suites/demo/suite.toml": '[benchmarks.leak]\ntags = ["a"]\n'})
    assert (problem.line, problem.key) == (1, "benchmarks.leak")
    assert problem.message.startswith("needs call = ")


@pytest.mark.parametrize("name", ["..", "my leak", "my-leak", "Leak", ""])
def test_benchmarks_need_names_that_fit_into_ids(find_problems: FindProblems, name: str) -> None:
    [problem] = find_problems({"suites/demo/suite.toml": f'[benchmarks."{name}"]\ncommand = ["true"]\n'})
    assert (problem.line, problem.key) == (1, f"benchmarks.{name}")
    assert f"{name!r} is not a name" in problem.message


def test_a_suite_without_benchmarks(find_problems: FindProblems) -> None:
    assert [problem.message for problem in find_problems({"suites/demo/suite.toml": ""})] == ["is missing"]
    assert [problem.message for problem in find_problems({"suites/demo/suite.toml": "[benchmarks]\n"})] == [
        "must not be empty"
    ]


def test_a_module_that_is_not_python_is_said_once_with_its_own_line(find_problems: FindProblems) -> None:
    suite = CALL + '[benchmarks.other]\ncall = "work:other"\n'
    [problem] = find_problems({"suites/demo/suite.toml": suite, "suites/demo/work.py": "x = 1\ndef leak(:\n"})
    assert (problem.file.as_posix(), problem.line, problem.key) == ("suites/demo/work.py", 2, "")
    assert problem.message.startswith("this is not Python: ")


def test_what_says_nothing_of_the_workload_cannot_be_expected() -> None:
    assert set(EXPECTABLE_ENDINGS) == {ending.value for ending in Ending} - {
        "killed_from_outside",
        "machine_oom",
        "not_started",
        "lost",
    }


def test_unpinned_requirements_are_problems_with_their_line(find_problems: FindProblems) -> None:
    text = "# locked\nsix==1.17.0\nrequests\nurllib3>=2\n-r other.txt\n"
    found = find_problems({"suites/demo/requirements.txt": text})
    assert [(problem.file.as_posix(), problem.line) for problem in found] == [
        ("suites/demo/requirements.txt", line) for line in (3, 4, 5)
    ]
    assert found[0].message == "'requests' is not pinned; write \"name==version\" (markers may follow)"


def test_there_can_be_advice_on_what_is_projected(find_problems: FindProblems) -> None:
    advised = '[suite.advice]\nlag_at_9 = "Look."\nlag_at_9_high = "Look."\nwall = "Look."\nlag_at_8 = "Look."\n'
    [problem] = find_problems({"suites/demo/suite.toml": advised + CALL + LAG + "projections = { lag = [9] }\n"})
    assert problem.key == "suite.advice.lag_at_8", "and on nothing else"


def test_advice_on_a_metric_that_nobody_has(find_problems: FindProblems) -> None:
    [problem] = find_problems({"suites/demo/suite.toml": '[suite.advice]\npeek = "Look."\n' + CALL})
    assert (problem.line, problem.key) == (2, "suite.advice.peek")
    assert (problem.message, problem.suggestion) == ("no benchmark has a metric 'peek'", "peak")


@pytest.mark.parametrize(("total", "message"), [('"1"', "duration '1' has no unit"), ('"0s"', "longer than 0")])
def test_a_total_that_is_no_time(find_problems: FindProblems, total: str, message: str) -> None:
    [problem] = find_problems({"suites/demo/suite.toml": f"[suite]\ntotal = {total}\n" + CALL})
    assert (problem.line, problem.key) == (2, "suite.total")
    assert message in problem.message
