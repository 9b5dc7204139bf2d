"""What can be doubled in a cell or a command, from where on, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from factories import make_plan_cell
from memcap.errors import SizeError, UsageError
from memcap.model import CallWorkload, Cell, CommandWorkload, Workload
from memcap.repro.escalation import MOST_LOADS, Escalation, Load, estimated_load, find_escalation, loaded

MIB = 1024 * 1024


def calling(**details: Any) -> Cell:
    return make_plan_cell(workload=CallWorkload(call="workloads:crew", **details))


def command(*argv: str) -> Cell:
    return make_plan_cell(workload=CommandWorkload(argv=argv))


def found(asked: str, cell: Cell, *, time_limit_seconds: float = 60) -> Escalation:
    return find_escalation(asked, cell, time_limit_seconds=time_limit_seconds)


def workload(cell: Cell, load: Load) -> Workload:
    return loaded(cell, load).benchmark.workload


LONG = calling(cycles=9, parameters={"rows": 100, "share": 0.5, "bounded": False, "name": "x"})


@pytest.mark.parametrize(
    ("cell", "asked", "first"),
    [
        (LONG, "cycles", "cycles=9"),
        (LONG, "cycles=2", "cycles=2"),
        (LONG, "duration=500ms", "duration=0.5s"),
        (calling(duration_seconds=20.0), "duration", "duration=20s"),
        (calling(duration_seconds=20.0), "cycles=4", "cycles=4"),
        (LONG, "rows", "rows=100"),
        (LONG, "rows=3", "rows=3"),
        (LONG, "share", "share=0.5"),
        (LONG, "share=1", "share=1"),
        (calling(parameters={"cycles": 3.5}), "cycles", "cycles=3.5"),
        (command("app", "--requests={n}"), "n", "n=1"),
        (command("app", "{n}m"), "n=0.25", "n=0.25"),
    ],
)
def test_where_it_begins(cell: Cell, asked: str, first: str) -> None:
    assert str(found(asked, cell).first) == first


@pytest.mark.parametrize(
    ("cell", "asked", "told"),
    [
        (LONG, "", "is not NAME or NAME=FIRST"),
        (LONG, "=3", "is not NAME or NAME=FIRST"),
        (LONG, "rows 3", "is not NAME or NAME=FIRST"),
        (
            LONG,
            "row",
            "agents.crew-py312-128m has no 'row' that is a number\n  What it has: rows=100, share=0.5, cycles=9, dur",
        ),
        (LONG, "bounded", "has no 'bounded' that is a number"),
        (calling(), "cycles=3", "nothing: no parameter that is a number, no cycles and no duration"),
        (LONG, "duration", "has no duration of its own to begin with\n  Say where to begin: duration="),
        (calling(duration_seconds=20.0), "cycles", "has no cycles of its own to begin with"),
        (LONG, "rows=2.5", "rows is a whole number"),
        (calling(duration_seconds=20.0), "cycles=2.5", "cycles is a whole number"),
        (LONG, "rows=many", "'many' is not a number"),
        (LONG, "rows=", "'' is not a number"),
        (LONG, "share=inf", "'inf' is not a number"),
        (LONG, "share=nan", "'nan' is not a number"),
        (LONG, "rows=0", "rows cannot be doubled from 0 on"),
        (LONG, "rows=-1", "rows cannot be doubled from -1 on"),
        (calling(parameters={"rows": 0}), "rows", "rows cannot be doubled from 0 on"),
        (LONG, "duration=0s", "duration cannot be doubled from 0.0 on"),
        (LONG, "duration=60s", "duration=60s is not below the time limit of a run, 1 min 0 s"),
        (command("app", "n"), "n", "no word of the command has {n}"),
        (command("app", "{N}", "{ n }"), "n=2", "no word of the command has {n}"),
        (command(), "n", "no word of the command has {n}"),
    ],
)
def test_what_cannot_be_doubled_is_told(cell: Cell, asked: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        found(asked, cell)
    assert told in str(refused.value)


def test_a_duration_has_a_unit() -> None:
    with pytest.raises(SizeError, match="no unit"):
        found("duration=5", LONG)


def test_each_load_is_twice_the_one_before() -> None:
    loads = [str(load) for load in found("rows=3", LONG).loads()]

    assert loads[:3] == ["rows=3", "rows=6", "rows=12"]
    assert len(loads) == MOST_LOADS
    assert found("rows=3", LONG).end == "12 loads are the most that are tried"


def test_a_duration_stays_below_the_time_limit() -> None:
    escalation = found("duration=10s", LONG)

    assert [load.spelled for load in escalation.loads()] == ["10s", "20s", "40s"]
    assert "--time-limit" in escalation.end


def test_the_length_of_a_generator_is_one_of_cycles_and_duration() -> None:
    cell = calling(cycles=9, duration_seconds=20.0)

    assert workload(cell, found("cycles=18", cell).first) == CallWorkload(call="workloads:crew", cycles=18)
    assert workload(cell, found("duration=40s", cell).first) == CallWorkload(
        call="workloads:crew", duration_seconds=40.0
    )


def test_a_parameter_takes_the_place_of_the_configured_one() -> None:
    changed = workload(LONG, found("rows=640", LONG).first)

    assert isinstance(changed, CallWorkload)
    assert changed.parameters == {"rows": 640, "share": 0.5, "bounded": False, "name": "x"}
    assert changed.cycles == 9


def test_only_the_placeholder_itself_is_replaced() -> None:
    cell = command("app", "--n={n}", "{n}/{n}", "{{n}}", "{m}", "n", "{}")

    assert workload(cell, found("n=5", cell).first) == CommandWorkload(
        argv=("app", "--n=5", "5/5", "{5}", "{m}", "n", "{}")
    )


def needs(*mib: float, first: int | float = 1) -> list[tuple[Load, int]]:
    """Return loads, each twice the one before, that need so many MiB."""
    return [(Load(name="n", amount=first * 2**step), int(need * MIB)) for step, need in enumerate(mib)]


def test_the_load_that_would_be_killed_where_the_need_grows_evenly() -> None:
    assert estimated_load(100 * MIB, needs(11, 12, 14, 18)) == Load(name="n", amount=90)
    assert estimated_load(112 * MIB, needs(11, 12, 14, 18)) == Load(name="n", amount=110)  # two digits of 102
    assert estimated_load(100 * MIB, needs(11, 12, 14, first=0.5)) == Load(name="n", amount=45.0)


@pytest.mark.parametrize(
    "growing",
    [
        needs(10, 12),
        needs(10, 10, 10),
        needs(10, 12, 13, 13.5),
        needs(10, 12, 20),
        needs(10, 10.1, 10.3),
        needs(9, 8, 7),
        needs(26, 52, 104),
    ],
)
def test_no_estimate_without_clear_and_even_growth(growing: list[tuple[Load, int]]) -> None:
    assert estimated_load(100 * MIB, growing) is None
