"""Files and values that no project should have: each is a problem with its file, line and key, before any run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.errors import Problem

MakeProject = Callable[[dict[str, str]], Path]
FindProblems = Callable[[dict[str, str]], list[Problem]]

CALL = '[benchmarks.leak]\ncall = "work:leak"\n'
SUITE = "suites/demo/suite.toml"
LONG = "9" * 400


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        (CALL + f"cycles = {LONG}\n", 3, "leak.cycles", "is a number of more than 64 bits"),
        (
            CALL + f"parameters = {{ size = 0x{'f' * 9000} }}\n",
            3,
            "leak.parameters.size",
            "is a number of more than 64 bits",
        ),
        (CALL + f"cycles = {'9' * 6000}\n", 3, "", "a number has more than 4000 digits"),
        (CALL + "alerts = { peak = nan }\n", 3, "leak.alerts.peak", "must be a finite number, got nan"),
        (CALL + "alerts = { peak = 1e200 }\n", 3, "leak.alerts.peak", "expected a number up to 1e+30, got 1e+200"),
        (CALL + "parameters = { a = -inf }\n", 3, "leak.parameters.a", "must be a finite number, got -inf"),
        (CALL + 'env = { A = "x\\u0000y" }\n', 3, "leak.env.A", "must not hold a NUL character"),
        ('[benchmarks.leak]\ncommand = ["a", "\\u0000"]\n', 2, "leak.command.1", "must not hold a NUL character"),
        (CALL + "cycles = 2000000000000\n", 3, "leak.cycles", "must be at most 1000000000000, got 2000000000000"),
        (CALL + "warmups = 100001\n", 3, "leak.warmups", "must be at most 100000, got 100001"),
        (CALL + f'budget = "{LONG[:19]}m"\n', 3, "leak.budget", "is more than any machine has"),
        (CALL + 'time_limit = "9999999d"\n', 3, "leak.time_limit", "is longer than 30 years"),
        (CALL + f'budget = "9m"\nbudget_margin = "{LONG}%"\n', 4, "leak.budget_margin", 'such as "2%"'),
        (CALL + f'description = ["{"x" * 9999}"]\n', 3, "leak.description", "expected a string, got ['xxx"),
        (f'[benchmarks.leak]\ncall = "{"a" * 300}:leak"\n', 2, "leak.call", "is not a function of this suite"),
        (f'[benchmarks.{"a" * 300}]\ncall = "work:leak"\n', 1, "a" * 300, "is too long for a name"),
        ('[benchmarks.nul]\ncall = "work:leak"\n', 1, "nul", "is the name of a device on Windows"),
        (f"a = {'[' * 100}{']' * 100}\n", None, "", "is nested more than 64 deep"),
        (f"a = {'[' * 50_000}{']' * 50_000}\n", None, "", "is nested more than 64 deep"),
        (f"{'a.' * 5000}a = 1\n", None, "", "is nested more than 64 deep"),
        (CALL + CALL, 3, "", "this is not TOML"),
        ("#" * (1024 * 1024 + 1), None, "", "is larger than 1 MiB, so it is no file of memcap's"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    find_problems: FindProblems, text: str, line: int | None, key: str, message: str
) -> None:
    [problem] = find_problems({SUITE: text})
    assert (problem.file, problem.line, problem.key) == (Path(SUITE), line, key and f"benchmarks.{key}")
    assert message in problem.message
    assert len(problem.message) < 300


def test_all_problems_are_found_beside_values_that_no_key_may_have(find_problems: FindProblems) -> None:
    text = CALL + f"cycles = {LONG}\nbudget = nan\nwarmups = -1\nparameters = {{ a = nan, b = [1] }}\n"
    found = find_problems({SUITE: text, "limits.toml": "caps = 5\nprofiles = inf\n"})
    assert [(problem.line, problem.key) for problem in found] == [
        (1, "caps"),
        (2, "profiles"),
        (3, "benchmarks.leak.cycles"),
        (4, "benchmarks.leak.budget"),
        (5, "benchmarks.leak.warmups"),
        (6, "benchmarks.leak.parameters.a"),
        (6, "benchmarks.leak.parameters.b"),
    ]


def test_a_byte_order_mark_and_line_ends_of_windows_are_no_mistake(make_project: MakeProject) -> None:
    root = make_project({})
    for file in (root / "limits.toml", root / SUITE):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert list(load_config(root).suites) == ["demo"]


def test_code_that_is_nested_too_deeply_is_a_problem(find_problems: FindProblems) -> None:
    [problem] = find_problems({"suites/demo/work.py": "a = " + "-" * 100_000 + "1\n"})
    assert problem.file == Path("suites/demo/work.py")
