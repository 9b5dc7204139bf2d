"""The runner as the container starts it: a program of its own, on this interpreter and on the oldest one there is."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import memcap
from factories import make_layer, make_plan_cell, make_settings
from memcap.images.host_python import WantedPython, find_host_python
from memcap.model import CallWorkload, Scalar
from memcap.probe.report import WorkloadJournal, parse_journal
from memcap.run_spec import run_spec

RUNNER = Path(memcap.__file__).parent / "probe" / "runner.py"
EX_SOFTWARE = 70
WORKLOADS = """
import sys
import time


def nothing():
    pass


def show(**parameters):
    print(repr(sorted(parameters.items())))


def metrics():
    odd = {"endless": float("inf"), "unknown": float("nan"), "huge": 10**400}
    return {"whole": 3, "part": 0.5, "flag": True, 'a "name"\\n': 1, **odd}


calls = []


def count_calls():
    calls.append(1)
    return {"calls": len(calls)}


def steps():
    done = 0
    try:
        while True:
            done += 1
            yield {"done": done}
    finally:
        print("cleaned up after", done)


def three_steps():
    yield {"left": 2}
    yield None
    yield {"left": 0}
    return {"total": 3}


def pauses():
    while True:
        time.sleep(0.05)
        yield


def fails_in_step():
    yield {"done": 1}
    raise ValueError("no such \\u2615")


def out_of_memory():
    raise MemoryError("not this much")


def fails():
    raise LookupError("not here")


def exits(code):
    sys.exit(code)


def no_metrics():
    return 7


def no_numbers():
    return {"name": "seven"}


async def awaitable():
    pass


class Group:
    @staticmethod
    def inner():
        return {"inner": 1}


not_a_function = 7
"""


def load_runner() -> Any:
    """Import the runner from its file: in the package it is only cargo."""
    spec = importlib.util.spec_from_file_location("memcap_runner", RUNNER.with_name("memcap_runner.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


to_json: Callable[[Any], str] = load_runner().to_json


class Ended:
    """What a runner that has ended left behind."""

    def __init__(self, process: subprocess.CompletedProcess[str], journal_text: str) -> None:
        self.code, self.output, self.errors = process.returncode, process.stdout, process.stderr
        self.journal: WorkloadJournal = parse_journal(journal_text)
        events = [json.loads(line) for line in journal_text.splitlines()]
        self.events = [event["event"] for event in events if event["event"] != "phase"]
        self.phases = [event["name"] for event in events if event["event"] == "phase"]


@pytest.fixture(params=["this interpreter", "Python 3.8"])
def interpreter(request: pytest.FixtureRequest) -> str:
    return sys.executable if request.param == "this interpreter" else python38()


def python38() -> str:
    """Return the oldest Python that images may have; a version manager's stand-in on PATH may lead nowhere."""
    wanted = WantedPython(major=3, minor=8, micro=None)
    known = find_host_python(wanted, environ=os.environ, home=Path.home())
    found = str(known.executable) if known else shutil.which("python3.8")
    if found is None or subprocess.run([found, "-V"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Python 3.8 on this machine")
    return found


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ended]:
    """Return ``run(target, *options)``, which calls a function of WORKLOADS, ``module:function`` or ``function``."""
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "workloads.py").write_text(WORKLOADS, encoding="utf-8")
    (suite / "broken.py").write_text("raise RuntimeError('while importing')\n", encoding="utf-8")
    (suite / "leaves.py").write_text("raise SystemExit(0)\n", encoding="utf-8")
    journal = tmp_path / "workload.jsonl"

    def run(target: str, *options: str, executable: str = sys.executable) -> Ended:
        name = target if ":" in target else f"workloads:{target}"
        command = [executable, "-B", str(RUNNER), "--journal", str(journal), "--path", str(suite), *options, name]
        process = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False)
        return Ended(process, journal.read_text("ascii"))

    return run


@pytest.mark.allow_processes
def test_function(run: Callable[..., Ended], interpreter: str) -> None:
    ended = run("nothing", executable=interpreter)
    assert (ended.code, ended.output, ended.errors) == (0, "", "")
    assert ended.events == ["start", "end"]
    start, end = ended.journal.start, ended.journal.end
    assert start is not None
    assert end is not None
    assert start.implementation == "cpython"
    assert start.version.split(".")[:1] == ["3"]
    assert start.flags["dont_write_bytecode"] == 1
    assert (end.cycles, end.metrics) == (None, {})
    assert end.gc is not None
    assert len(end.gc.collections) == len(end.gc.collected) == len(end.gc.uncollectable) == 3
    assert end.gc.seconds >= 0


@pytest.mark.allow_processes
def test_metrics_of_a_function(run: Callable[..., Ended], interpreter: str) -> None:
    end = run("metrics", executable=interpreter).journal.end
    assert end is not None
    assert end.metrics == {
        "whole": 3, "part": 0.5, "flag": 1, 'a "name"\n': 1, "endless": None, "unknown": None, "huge": None
    }  # fmt: skip


@pytest.mark.allow_processes
def test_generator_is_stepped_and_closed(run: Callable[..., Ended], interpreter: str) -> None:
    ended = run("steps", "--cycles", "4", executable=interpreter)
    assert (ended.code, ended.output) == (0, "cleaned up after 4\n")
    assert ended.events == ["start", "cycle", "cycle", "cycle", "cycle", "cycled", "end"]
    assert [cycle.metrics for cycle in ended.journal.cycles] == [{"done": done} for done in (1, 2, 3, 4)]
    assert ended.journal.end is not None
    assert (ended.journal.end.cycles, ended.journal.end.metrics) == (4, {"done": 4})


@pytest.mark.allow_processes
def test_generator_that_ends_by_itself(run: Callable[..., Ended]) -> None:
    ended = run("three_steps", "--cycles", "100")
    assert [cycle.metrics for cycle in ended.journal.cycles] == [{"left": 2}, {}, {"left": 0}]
    assert ended.journal.end is not None
    assert (ended.journal.end.cycles, ended.journal.end.metrics) == (3, {"total": 3})


@pytest.mark.allow_processes
def test_generator_stops_when_its_duration_is_over(run: Callable[..., Ended]) -> None:
    ended = run("pauses", "--duration", "0.12")
    assert ended.journal.end is not None
    assert ended.journal.end.cycles in (1, 2, 3), "it sleeps 50 ms or longer a cycle"
    assert ended.journal.end.cycles == len(ended.journal.cycles)
    assert sum(cycle.seconds for cycle in ended.journal.cycles) >= 0.12
    assert all(cycle.seconds >= 0.05 for cycle in ended.journal.cycles)


@pytest.mark.allow_processes
def test_whichever_limit_of_a_generator_is_reached_first(run: Callable[..., Ended]) -> None:
    by_cycles = run("steps", "--duration", "3600", "--cycles", "2").journal.end
    assert by_cycles is not None
    assert by_cycles.cycles == 2


@pytest.mark.allow_processes
def test_warmups_come_before_and_are_not_told(run: Callable[..., Ended]) -> None:
    ended = run("count_calls", "--warmups", "3")
    assert ended.events == ["start", "end"]
    assert ended.phases == ["interpreter", "imported", "returned", "left"]
    assert ended.journal.end is not None
    assert ended.journal.end.metrics == {"calls": 4}


@pytest.mark.allow_processes
def test_cycles_of_warmups_are_not_told_either(run: Callable[..., Ended]) -> None:
    ended = run("steps", "--warmups", "2", "--cycles", "3")
    assert ended.events == ["start", "cycle", "cycle", "cycle", "cycled", "end"]
    assert ended.output == "cleaned up after 3\n" * 3


@pytest.mark.allow_processes
def test_parameters_arrive_as_launch_spells_them(
    run: Callable[..., Ended], launch_words: Callable[[dict[str, Scalar]], list[str]], interpreter: str
) -> None:
    parameters: dict[str, Scalar] = {
        "whole": -3,
        "part": 1e-09,
        "endless": math.inf,
        "yes": True,
        "no": False,
        "nothing": None,
        "text": 'a:b "c" \n--param ☕',
        "empty": "",
    }
    ended = run("show", *launch_words(parameters), executable=interpreter)
    assert ended.errors == ""
    assert ended.output.rstrip("\n") == repr(sorted(parameters.items()))


@pytest.fixture
def launch_words() -> Callable[[dict[str, Scalar]], list[str]]:
    """Return ``words(parameters)``: the options that memcap.run_spec gives the runner for them."""

    def words(parameters: dict[str, Scalar]) -> list[str]:
        cell = make_plan_cell(workload=CallWorkload(call="workloads:show", parameters=parameters))
        argv = run_spec(cell, make_layer(), make_settings(), attempt="1").argv
        return list(argv[argv.index("--param") : -1])

    return words


@pytest.mark.allow_processes
@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("broken:function", "RuntimeError", "while importing"),
        ("leaves:function", "SystemExit", "0"),
        ("missing_module:function", "ModuleNotFoundError", "No module named 'missing_module'"),
        ("missing_function", "AttributeError", "module 'workloads' has no attribute 'missing_function'"),
        ("not_a_function", "TypeError", "workloads:not_a_function is not a function but <class 'int'>"),
    ],
)
def test_what_cannot_be_loaded(run: Callable[..., Ended], target: str, kind: str, words: str) -> None:
    ended = run(target)
    assert ended.code == EX_SOFTWARE
    assert ended.events == ["start", "load_error"]
    assert ended.journal.load_error is not None
    assert (ended.journal.load_error.type, ended.journal.load_error.message) == (kind, words)
    assert "Traceback (most recent call last)" in ended.errors
    assert kind in ended.errors


@pytest.mark.allow_processes
@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("fails", "LookupError", "not here"),
        ("out_of_memory", "MemoryError", ""),
        ("no_metrics", "TypeError", "workloads:no_metrics must return or yield a mapping"),
        ("no_numbers", "TypeError", "workloads:no_numbers: metric 'name' must be a number"),
        ("awaitable", "TypeError", "must return or yield a mapping"),
        ("exits", "TypeError", "missing 1 required positional argument: 'code'"),
    ],
)
def test_what_is_raised_is_told_and_goes_on(run: Callable[..., Ended], target: str, kind: str, words: str) -> None:
    ended = run(target)
    assert ended.code == 1
    assert ended.events == ["start", "raised"]
    assert ended.journal.raised is not None
    assert ended.journal.raised.type == kind
    assert words in ended.journal.raised.message
    assert any(line.startswith(kind) for line in ended.errors.splitlines()), "the traceback is in the output"


@pytest.mark.allow_processes
def test_cycles_before_an_exception_are_kept(run: Callable[..., Ended], interpreter: str) -> None:
    ended = run("fails_in_step", executable=interpreter)
    assert ended.events == ["start", "cycle", "raised"]
    assert ended.journal.raised is not None
    assert ended.journal.raised.message == "no such \u2615"


@pytest.mark.allow_processes
@pytest.mark.parametrize("code", [0, 3, 137])
def test_an_exit_of_the_workload_is_its_own(run: Callable[..., Ended], code: int) -> None:
    ended = run("exits", "--param", f"code:int:{code}")
    assert (ended.code, ended.events) == (code, ["start"] if code else ["start", "end"])


@pytest.mark.allow_processes
def test_a_function_inside_a_class(run: Callable[..., Ended]) -> None:
    end = run("Group.inner").journal.end
    assert end is not None
    assert end.metrics == {"inner": 1}


@pytest.mark.allow_processes
def test_the_runner_adds_no_modules_to_the_workload(run: Callable[..., Ended], tmp_path: Path) -> None:
    """What it imports would be part of every figure; and its own folder is not on the workload's search path."""
    (tmp_path / "suite" / "looks.py").write_text(
        "import sys\n\n\ndef around():\n    print(*sorted(sys.modules))\n    print(*sys.path, sep='\\n')\n",
        encoding="utf-8",
    )
    names, *path = run("looks:around").output.splitlines()
    assert {"looks", "gc", "time"} <= set(names.split())
    assert not {"json", "argparse", "typing", "traceback", "memcap"} & set(names.split())
    assert path[0] == str(tmp_path / "suite")
    assert str(RUNNER.parent) not in path


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())  # control characters and lone surrogates included
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
)


@given(values)
def test_what_to_json_writes_reads_back_the_same(value: Any) -> None:
    text = to_json(value)
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == value
    assert repr(json.loads(text)) == repr(value), "1, 1.0 and True are equal, but not the same"


@given(
    st.text(
        st.sampled_from(["\x00", "\n", "\x1b", "\x7f", "\x85", "\u2028", '"', "\\", "☕", "\ud800", "\udc00", "😀"])
    )
)
def test_to_json_of_the_worst_characters(text: str) -> None:
    """A high surrogate followed by a low one is one character to every reader of JSON."""
    expected = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(to_json(text)) == expected
    assert len(to_json(text).splitlines()) == 1


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_to_json_has_no_infinity(value: float) -> None:
    assert to_json(value) == "null"
    assert json.loads(to_json({"a": [value, 1]})) == {"a": [None, 1]}
