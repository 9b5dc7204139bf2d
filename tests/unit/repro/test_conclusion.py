"""The sentence: each clause is there if it is known, and not if it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reproduced import (
    MAIN,
    make_escalated,
    make_flight,
    make_found,
    make_growing,
    make_killed,
    make_spared,
    make_stacks,
    with_child,
)

from factories import make_measurement, make_site
from memcap.model import Ending, Frame, ProcessPeak
from memcap.repro.conclusion import conclusion, likelihood, seen_in
from memcap.repro.reproduction import Attempt, LastAllocation, Need

MIB = 1024 * 1024
AT = "killed at 128.0 MiB while in /app/parse.py:87 `rows.append(…)`: "
SHARE = "99.0 MiB of 121.0 MiB at the kill were allocated"


def test_all_that_can_be_known() -> None:
    assert conclusion(make_found(attempts=(make_growing(),))) == (
        f"{AT}{SHARE} there in 31 allocations; grew 3.2 MiB a cycle over 31 cycles; "
        "needs ≥ 164.0 MiB or a bounded buffer"
    )


def test_what_is_not_known_is_left_out() -> None:
    flight = make_flight(last=(), stacks=())
    found = make_found(need=None, flight=flight)

    assert conclusion(found) == f"killed at 128.0 MiB: {SHARE} in /app/parse.py:87 `rows.append(…)` in 31 allocations"
    assert seen_in(flight) == ""


def test_the_last_allocation_says_where_it_was_and_stacks_where_there_is_none() -> None:
    elsewhere = make_flight(stacks=(make_stacks(MAIN),))
    assert conclusion(make_found(flight=elsewhere)).startswith(AT)
    assert seen_in(elsewhere) == (
        "the last allocation was of 1.0 MiB at /app/parse.py:87; "
        "/app/parse.py:87 was on a stack at 0 of the last 1 new height of memory"
    )
    assert conclusion(make_found(flight=replace(elsewhere, last=()))).startswith("killed at 128.0 MiB: 99.0")
    assert conclusion(make_found(flight=make_flight(last=()))).startswith(AT)


def test_the_last_allocation_in_a_library_is_told_with_who_called_it() -> None:
    library = Frame(file="/usr/lib/python3.12/json/encoder.py", line=258, function="iterencode")
    last = LastAllocation(process=7, size_bytes=MIB, thread="", frames=(library, MAIN))

    assert seen_in(make_flight(last=(last,), stacks=())) == (
        "the last allocation was of 1.0 MiB at /app/main.py:12 (in /usr/lib/python3.12/json/encoder.py:258)"
    )


def test_only_the_newest_stack_says_where_it_was() -> None:
    flight = make_flight(last=(), stacks=(make_stacks(MAIN, seconds=2.0), make_stacks(seconds=1.0)))

    assert "while in" not in conclusion(make_found(flight=flight))
    assert seen_in(flight).endswith("at 1 of the last 2 new heights of memory")


def test_a_line_whose_text_could_not_be_read_has_its_function() -> None:
    flight = make_flight()
    flight = replace(flight, profile=replace(flight.profile, sources={}))

    assert "while in /app/parse.py:87 (read_rows): " in conclusion(make_found(flight=flight))


def test_a_line_of_the_suite_is_named_as_in_the_suite() -> None:
    flight = make_flight()
    site = make_site(50, file="/memcap/suite/parse.py")

    text = conclusion(make_found(flight=replace(flight, profile=replace(flight.profile, sites=(site,)))))
    assert "in parse.py:87 (read_rows)" in text


def test_a_library_is_not_to_blame_but_who_called_it() -> None:
    library = Frame(file="/usr/lib/python3.12/json/encoder.py", line=258, function="iterencode")
    flight = make_flight()
    site = make_site(99)
    site = replace(site, stack=(library, *site.stack))
    flight = replace(flight, profile=replace(flight.profile, sites=(site,)))

    assert flight.line is not None
    assert flight.line.frame == site.stack[1]
    assert flight.line.inside == (library,)


def test_a_child() -> None:
    flight = with_child(make_flight())
    attempt = Attempt(cap_bytes=128 * MIB, measurement=make_killed(ending=Ending.OOM_CHILD_SWALLOWED))

    assert flight.victim is not None
    assert flight.victim.pid == 7
    assert conclusion(make_found(flight=flight, attempts=(attempt,))).startswith(
        f"a child process was {AT}{SHARE} there"
    )


def test_memory_that_was_asked_for_and_never_touched_is_told() -> None:
    flight = make_flight()
    flight = replace(flight, measurement=make_killed(cap_bytes=100 * MIB))

    assert "of 121.0 MiB at the kill, asked for and not all of it touched, were" in conclusion(
        make_found(flight=flight)
    )


@pytest.mark.parametrize(
    ("need", "told"),
    [
        (
            Need(cap_bytes=512 * MIB, ending=Ending.OOM_KILLED, unreclaimable_peak_bytes=1),
            "; needs more than 512.0 MiB",
        ),
        (Need(cap_bytes=512 * MIB, ending=Ending.TIMED_OUT, unreclaimable_peak_bytes=1), ""),
        (Need(cap_bytes=512 * MIB, ending=Ending.COMPLETED, unreclaimable_peak_bytes=None), ""),
    ],
)
def test_the_need_is_told_as_far_as_it_is_known(need: Need, told: str) -> None:
    assert conclusion(make_found(need=need)).partition(" allocations")[2] == (
        f"{told} or a bounded buffer" if told else ""
    )


def test_without_a_record_the_processes_tell() -> None:
    assert conclusion(make_found(flight=None, not_recorded="no Python")) == (
        "killed at 128.0 MiB: its process was python (PID 7) with 126.0 MiB; needs ≥ 164.0 MiB"
    )
    two = (*make_killed().processes, ProcessPeak(pid=9, name="java", vm_hwm_bytes=127 * MIB))
    attempt = Attempt(cap_bytes=128 * MIB, measurement=make_killed(processes=two))
    assert "the largest of 2 processes was java (PID 9) with 127.0 MiB" in conclusion(
        make_found(flight=None, attempts=(attempt,))
    )


def test_what_was_not_killed_says_how_far_it_was() -> None:
    found = make_found(attempts=(make_spared(), make_spared()), flight=None)

    assert conclusion(found) == "not killed at 128.0 MiB in 2 runs: at most 30.0 MiB had to fit, 98.0 MiB below the cap"
    lower = Attempt(cap_bytes=20 * MIB, measurement=make_measurement(31))
    assert conclusion(replace(found, earlier=(lower,))).endswith("; nor at lower caps, down to 20.0 MiB")


def test_the_load_is_told_that_it_was_killed_with() -> None:
    found = make_escalated(20, 40, 80)

    assert conclusion(found).startswith(
        "killed at 128.0 MiB with requests=80 (not with 40) while in /app/parse.py:87 `rows.append(…)`: "
    )
    assert likelihood(found).startswith("3 of 3 runs at 128.0 MiB with requests=80 (29% to 100%")
    assert conclusion(make_escalated()).startswith("killed at 128.0 MiB with requests=10 while in")


def test_how_far_it_was_with_the_largest_load() -> None:
    assert conclusion(make_escalated(20, 20, 20, killed=False)) == (
        "not killed at 128.0 MiB with requests=40 in 1 run: at most 20.0 MiB had to fit, 108.0 MiB below the cap; "
        "nor with less, from requests=10 on"
    )
    assert conclusion(make_escalated(20, 30, 50, killed=False)).endswith(
        "; nor with less, from requests=10 on; by its growth it would be killed with about requests=120 (an estimate)"
    )


def test_what_ends_a_search_for_a_load_is_told_and_does_not_count_for_the_estimate() -> None:
    found = make_escalated(20, 30, 50, 60, killed=False)
    (last,) = found.attempts
    failed = replace(last, measurement=replace(last.measurement, ending=Ending.TIMED_OUT, detail="after 60 s"))

    assert conclusion(replace(found, attempts=(failed,))) == (
        "not killed at 128.0 MiB with requests=80 in 1 run, but timed_out (after 60 s): at most 60.0 MiB had to fit, "
        "68.0 MiB below the cap; nor with less, from requests=10 on; "
        "by its growth it would be killed with about requests=120 (an estimate)"
    )


def test_another_ending_is_told() -> None:
    failed = make_measurement(31, ending=Ending.FAILED, detail="exit code 3")
    found = make_found(attempts=(Attempt(cap_bytes=128 * MIB, measurement=failed),), flight=None)

    assert conclusion(found).startswith("not killed at 128.0 MiB in 1 run, but failed (exit code 3): at most 30.0 MiB")
    missing = replace(failed, ending=Ending.LOAD_FAILED, detail="no such file")
    found = make_found(attempts=(Attempt(cap_bytes=128 * MIB, measurement=missing),), flight=None)
    assert conclusion(found) == "not killed at 128.0 MiB in 1 run, but load_failed (no such file)"


def test_how_often_it_happened() -> None:
    found = make_found(attempts=(make_growing(), make_spared(), make_spared()))

    assert likelihood(found) == "1 of 3 runs at 128.0 MiB (1% to 91% of all runs, with 95% confidence)"
