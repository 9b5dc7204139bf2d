"""What a terminal shows while a soak runs, and the lines in a log."""

from __future__ import annotations

from dataclasses import replace

import pytest
from soaks import make_calls, make_soak, recorded, stretched

from factories import MIB
from memcap.leaks import Series, judge_series
from memcap.model import MemoryLook, SoakKind, SoakRules, SoakSample
from memcap.report.soak_live import live_lines, plain_line
from memcap.report.to_terminal import Terminal

LEAK = make_calls(stretched(recorded("leak_bytes"), 30), measurement=None, rules=SoakRules(duration_seconds=7200))


def test_the_time_to_find_what_grows_is_told() -> None:
    rules = SoakRules(duration_seconds=120.0, explain_seconds=24.0)
    running = make_soak(recorded("leak_bytes"), rules=rules, measurement=None, elapsed_seconds=130.0)
    told = "\n".join(live_lines(running, Terminal()))
    assert "to find what grows: 14.0 s" in told
    assert "time left" not in told


def test_the_view_has_the_curve_the_last_sample_the_slope_and_the_time_left() -> None:
    lines = live_lines(LEAK, Terminal(width=100))

    assert lines[0] == "soak.sessions"
    assert lines[1].endswith("█ 1.6 MiB to 10.7 MiB")
    assert lines[2] == "time left: 1 h 0 min"
    assert lines[3].startswith("last sample: 59 min 52 s, unreclaimable 10.7 MiB, RSS 18.7 MiB, threads 4")
    text = " ".join(" ".join(lines).split())
    assert "cycles 71,850 (20 a second)" in text
    assert "leaks 5.9 MiB an hour" in text
    assert "reaches the cap of 512.0 MiB in about 4 days" in text


@pytest.mark.parametrize("width", [20, 60, 80, 200])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 40])
def test_it_fits_however_little_is_known(count: int, width: int, ascii_only: bool) -> None:
    series = Series(seconds=LEAK.series.seconds[:count], values=LEAK.series.values[:count])
    some = replace(LEAK, series=series, samples=LEAK.samples[:count], verdict=judge_series(series))
    lines = live_lines(some, Terminal(width=width, ascii=ascii_only))

    assert all(line for line in lines)
    assert all(len(line) <= width for line in lines if width >= 60)
    assert not ascii_only or "\n".join(lines).isascii()


def test_colours_are_only_there_where_they_are_wanted() -> None:
    assert "\x1b" not in "".join(live_lines(LEAK, Terminal()))
    assert "\x1b[31;1m" in "".join(live_lines(LEAK, Terminal(colour=True)))


def test_a_sample_is_a_line() -> None:
    before, last = LEAK.samples[-2:]

    assert plain_line(last, SoakKind.CALL, before) == (
        "59 min 52 s, unreclaimable 10.7 MiB, RSS 18.7 MiB, threads 4, open files 7, cycles 71,850 (20 a second), "
        "p99 46.9 ms"
    )
    assert "cycles 71,850, p99" in plain_line(last, SoakKind.CALL)
    assert "requests 71,850" in plain_line(last, SoakKind.SERVER)


def test_what_is_not_known_is_no_number() -> None:
    unknown = SoakSample(memory=MemoryLook(seconds=0.0))

    assert plain_line(unknown, SoakKind.CALL) == "0.0 s, unreclaimable -, RSS -"
    assert "none yet" in "\n".join(live_lines(replace(LEAK, samples=()), Terminal()))


def test_names_obey_nothing() -> None:
    hostile = make_soak(recorded("idle"), name="\x1b[2Jx" * 40, measurement=None, cap_bytes=64 * MIB)

    assert all(line.isprintable() and len(line) <= 80 for line in live_lines(hostile, Terminal()))
