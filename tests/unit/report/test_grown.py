"""What grew and who holds it, in the answer of a soak and in the tables below it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from soaks import LIVING, make_calls, make_soak, recorded

from factories import MIB
from memcap.model import AllocationSite, Grown, GrownType, Holder, SoakKind, SoakRules
from memcap.report.document import document
from memcap.report.grown import cause_in_words, grown_blocks, is_elsewhere
from memcap.report.soak import soak_document
from memcap.report.soak_words import answer
from memcap.report.to_terminal import Terminal, to_terminal

SITE = AllocationSite(file="/memcap/suite/sessions.py", line=41, bytes=3 * MIB, count=560, source="SESSIONS[id] = made")
HOLDER = Holder(kind="builtins.dict", more=560, bytes=3 * MIB, rooted=True, steps=("module sessions.SESSIONS", "dict"))
GROWN = Grown(
    seconds=140.0, since_seconds=120.0, pid=7, sites=(SITE, replace(SITE, line=9, bytes=100)), holders=(HOLDER,),
    types=(GrownType(name="sessions.Session", before=3000, now=3560),), traced_bytes=3 * MIB, tracing_bytes=MIB // 4,
    took_seconds=0.25,
)  # fmt: skip
RULES = SoakRules(duration_seconds=120.0, explain_seconds=24.0)
HOSTILE = "\x1b[2J<b>\n"


def shown(*blocks: object) -> str:
    return to_terminal(document("memcap soak", *blocks), Terminal(width=100))  # type: ignore[arg-type]


def test_a_leak_names_its_line_and_who_holds_it() -> None:
    leak = make_calls(recorded("leak_bytes"), rules=RULES, grown=(GROWN,), grown_work=10.0, grown_bytes=3 * MIB)
    told = answer(leak)
    cause = ": sessions.py:41 `SESSIONS[id] = made`, held by module sessions.SESSIONS, 56 objects a cycle; reaches"
    assert cause in told
    assert told.startswith("Leaks ")


def test_what_is_no_leak_is_not_blamed_on_a_line() -> None:
    level = make_calls(recorded("bounded_deque"), rules=RULES, grown=(GROWN,), grown_work=10.0, grown_bytes=3 * MIB)
    assert "sessions.py" not in answer(level)
    assert "What grew in 20.0 s" in shown(*soak_document(level).blocks)


@pytest.mark.parametrize(
    ("grown", "unit", "work", "told"),
    [
        (replace(GROWN, sites=()), "cycle", 560.0, "held by module sessions.SESSIONS, 1 object a cycle"),
        (replace(GROWN, sites=()), "request", 1120.0, "held by module sessions.SESSIONS, 0.5 objects a request"),
        (replace(GROWN, sites=()), None, None, "held by module sessions.SESSIONS, 560 objects more"),
        (replace(GROWN, holders=()), "cycle", 10.0, "sessions.py:41 `SESSIONS[id] = made`"),
        (replace(GROWN, holders=(), sites=()), "cycle", 10.0, ""),
    ],
)
def test_the_clause_has_what_is_known(grown: Grown, unit: str | None, work: float | None, told: str) -> None:
    assert cause_in_words(grown, unit=unit, work=work) == told


def test_who_holds_something_else_is_not_blamed_for_the_line() -> None:
    other = replace(HOLDER, bytes=SITE.bytes // 10, steps=("module app.METRICS", "list"))
    told = cause_in_words(replace(GROWN, holders=(other,)), unit="cycle", work=10.0)
    assert told == "sessions.py:41 `SESSIONS[id] = made`"
    tables = shown(*grown_blocks(replace(GROWN, holders=(other,)), unit="cycle", work=10.0, bytes_=3 * MIB))
    assert "No container explains it: these hold about 307.2 KiB of it." in tables
    assert "No container explains it" not in shown(*grown_blocks(GROWN, unit=None, work=None, bytes_=None))


def test_a_search_that_did_not_end_is_told() -> None:
    unknown = replace(HOLDER, rooted=None, steps=("dict",))
    assert "(something that was not found) -> dict" in shown(
        *grown_blocks(replace(GROWN, holders=(unknown,)), unit=None, work=None, bytes_=None)
    )


def test_workers_are_taken_together() -> None:
    second = replace(GROWN, pid=8, traced_bytes=MIB, sites=(replace(SITE, bytes=MIB),), seconds=150.0)
    leak = make_calls(recorded("leak_bytes"), rules=RULES, grown=(GROWN, second), grown_work=20.0, grown_bytes=4 * MIB)
    assert leak.growth is not None
    assert (leak.growth.traced_bytes, leak.growth.processes, leak.growth.seconds) == (4 * MIB, 2, 150.0)
    assert "held by module sessions.SESSIONS, 56 objects a cycle" in answer(leak)
    assert "processes: 2" in shown(*soak_document(leak).blocks)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"elapsed_seconds": 90.0}, "the workload ended before it was looked for."),
        ({"elapsed_seconds": 130.0}, "no Python process was looked at."),
        ({"elapsed_seconds": 130.0, "kind": SoakKind.CALL}, "the workload ended before the looks were finished."),
    ],
)
def test_why_there_is_no_look_is_told(changes: dict[str, Any], told: str) -> None:
    soak = make_soak(recorded("bounded_deque"), **{"rules": RULES, **changes})
    assert f"What grows was not found: {told}" in shown(*soak_document(soak).blocks)


def test_a_long_way_is_cut_and_one_without_a_root_is_told() -> None:
    steps = ("module app.STATE", "State.bus", "Bus.rooms", "dict['a']", "Room.pages", "list")
    long = replace(GROWN, sites=(), holders=(replace(HOLDER, steps=steps),))
    way = "module app.STATE -> State.bus -> … -> dict['a'] -> Room.pages"
    assert cause_in_words(long, unit=None, work=None) == f"held by {way}, 560 objects more"
    outside = replace(GROWN, sites=(), holders=(replace(HOLDER, rooted=False),))
    assert cause_in_words(outside, unit=None, work=None).startswith("held by code outside Python: module")


def test_what_python_did_not_allocate_is_said_to_be_elsewhere() -> None:
    assert is_elsewhere(GROWN, 20 * MIB)
    assert not is_elsewhere(GROWN, 3 * MIB)
    assert not is_elsewhere(replace(GROWN, traced_bytes=10), MIB // 2), "too little to say so"
    assert not is_elsewhere(GROWN, None)
    leak = make_calls(recorded("leak_bytes"), rules=RULES, grown=(GROWN,), grown_bytes=20 * MIB)
    assert "/app/images.py:7 `lib.decode(data)`, in compiled code; reaches" in answer(leak)
    assert LIVING[0].line == 7
    without = replace(leak, living=None)
    assert ", most of it not in Python's own memory; reaches" in answer(without)
    assert "add --memray" in shown(*soak_document(without).blocks)


def test_the_tables_have_what_matters() -> None:
    told = shown(*grown_blocks(GROWN, unit="cycle", work=10.0, bytes_=3 * MIB))
    for part in (
        "about 3.0 MiB", "560", "56 objects", "module sessions.SESSIONS -> dict", "sessions.py:41", "3,000  3,560",
        "stood still for 250 ms; tracemalloc needed 256.0 KiB",
    ):  # fmt: skip
        assert part in told
    assert "sessions.py:9" not in told, "100 bytes explain nothing"
    assert "garbage" not in told
    assert "5,000 objects" in shown(*grown_blocks(replace(GROWN, garbage=5000), unit=None, work=None, bytes_=None))


def test_why_nothing_was_found_is_told() -> None:
    told = shown(*grown_blocks(replace(GROWN, why_not="there was no room"), unit=None, work=None, bytes_=None))
    assert told.strip().startswith("What grows was not found: there was no room.")
    nothing = shown(*soak_document(make_soak(recorded("bounded_deque"), rules=RULES)).blocks)
    assert "What grows was not found" in nothing
    asked_for_nothing = make_soak(recorded("bounded_deque"), rules=replace(RULES, explain_seconds=0.0))
    assert "What grows" not in shown(*soak_document(asked_for_nothing).blocks)


def test_names_of_the_program_are_escaped() -> None:
    hostile = replace(
        GROWN,
        sites=(replace(SITE, file=HOSTILE, source=HOSTILE),),
        holders=(replace(HOLDER, steps=(HOSTILE, HOSTILE)),),
        types=(GrownType(name=HOSTILE, before=1, now=2),),
    )
    told = shown(*grown_blocks(hostile, unit="cycle", work=10.0, bytes_=3 * MIB))
    told += cause_in_words(hostile, unit=None, work=None)
    assert "\x1b" not in told
