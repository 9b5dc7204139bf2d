"""What is told while a campaign runs: a line a cell in a log, and nothing else where there is no terminal."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from factories import make_measurement, make_oom
from memcap.campaign import RunEnded
from memcap.cli.progress import CampaignProgress, Heartbeat, doing_in_words, say
from memcap.engine.patient import Activity
from memcap.model import Measurement

CELL = "agents.crew-py312-128m"
OTHER = "agents.crew-py313-128m"


def told(*events: tuple[str, Measurement, bool], runs: int = 2) -> None:
    seen: Counter[str] = Counter()
    with CampaignProgress(Activity) as progress:
        for done, (cell_id, measurement, warmup) in enumerate(events, start=1):
            seen[cell_id] += not warmup
            last = not warmup and seen[cell_id] % runs == 0
            progress(
                RunEnded(
                    cell_id=cell_id,
                    warmup=warmup,
                    measurement=measurement,
                    last=last,
                    done=done,
                    total=len(events) + 2,
                )
            )


def test_a_cell_is_told_once_on_one_plain_line_when_its_last_run_has_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(
        (CELL, make_measurement(500), True),
        (OTHER, make_measurement(500), True),
        (CELL, make_measurement(60), False),
        (OTHER, make_measurement(80), False),
        (CELL, make_measurement(62), False),
        (OTHER, make_measurement(82), False),
    )
    output, log = capsys.readouterr()
    assert output == "", "standard output belongs to the results"
    first, second = log.splitlines()
    assert re.fullmatch(rf"\[5/8, \d+ m?s left\] {CELL}: 2 runs, peak 61\.0 MiB, completed", first)
    assert re.fullmatch(rf"\[6/8, \d+ m?s left\] {OTHER}: 2 runs, peak 81\.0 MiB, completed", second)


def test_a_cell_with_runs_to_come_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    told((CELL, make_measurement(), True), (CELL, make_measurement(), False))
    assert capsys.readouterr().err == ""


def test_a_cell_that_got_more_runs_is_told_again_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    told(*[(CELL, make_measurement(peak), False) for peak in (60, 62, 70, 72)])
    first, second = capsys.readouterr().err.splitlines()
    assert "2 runs, peak 61.0 MiB" in first
    assert "4 runs, peak 66.0 MiB" in second


def test_each_ending_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    told(*[(CELL, run, False) for run in (make_oom(), make_measurement(), make_oom())], runs=3)
    assert capsys.readouterr().err.endswith(f"{CELL}: 3 runs, peak 128.0 MiB, oom_killed, completed\n")


def test_no_peak_is_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    told((CELL, make_measurement(None), False), (CELL, make_measurement(None), False))
    assert "2 runs, no peak, completed" in capsys.readouterr().err


def test_what_is_being_done_is_said_apart_from_the_results(capsys: pytest.CaptureFixture[str]) -> None:
    say("building py312")
    assert capsys.readouterr() == ("", "building py312\n")


def test_the_time_left_is_what_is_configured_and_else_as_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("memcap.cli.progress.time.monotonic", lambda: now[0])
    event = RunEnded(cell_id=CELL, warmup=False, measurement=make_measurement(), last=True, done=1, total=3)
    with CampaignProgress(Activity) as progress:
        now[0] += 302  # two seconds more than the workload lasts
        progress(replace(event, known_seconds=300, known_seconds_left=120))
        now[0] += 122
        progress(replace(event, done=2, known_seconds=420, known_seconds_left=0))
        now[0] += 26
        progress(replace(event, done=3, known_seconds=420, known_seconds_left=0))
    assert re.findall(r"\[(.*?) left\]", capsys.readouterr().err) == ["1/3, 2 min 4 s", "2/3, 2.0 s", "3/3, 0 ms"]


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_silence_is_broken_every_ten_seconds_with_what_was_said_last(capsys: pytest.CaptureFixture[str]) -> None:
    clock = _Clock()
    heartbeat = Heartbeat(clock)
    told = []
    for second in range(1, 41):
        clock.now += 1
        if second == 15:
            heartbeat.said("result: x\npulling python:3.12")
        heartbeat.beat(10)
        if line := capsys.readouterr().err:
            told.append((second, line.strip()))
    assert told == [
        (10, "still working (10.0 s)"),
        (25, "still working (10.0 s); last: pulling python:3.12"),
        (35, "still working (20.0 s); last: pulling python:3.12"),
    ]


def test_within_a_campaign_it_says_what_runs_and_for_how_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _Clock()
    heartbeat = Heartbeat(clock)
    monkeypatch.setattr("memcap.cli.progress.HEARTBEAT", heartbeat)
    going_on = Activity()
    with CampaignProgress(lambda: going_on) as progress:
        clock.now += 10
        heartbeat.beat(10)
        going_on = Activity(done=1, total=8, running=((CELL, 72.0), (OTHER, 5.0)))
        clock.now += 10
        heartbeat.beat(10)
        progress(RunEnded(cell_id=CELL, warmup=False, measurement=make_measurement(), last=False, done=1, total=8))
        clock.now += 10
        heartbeat.beat(10)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["preparing", f"[1/8] running {CELL} (1 min 12 s) and 1 more"]
    assert re.fullmatch(rf"\[1/8, \d+ m?s left\] running {CELL} \(1 min 12 s\) and 1 more", lines[2])


def test_a_daemon_that_is_waited_for_is_said() -> None:
    assert doing_in_words(Activity(running=((CELL, 30.0),), waited_seconds=12.0)) == "waiting for the daemon (12.0 s)"


def test_a_terminal_shows_the_run_that_goes_on_and_no_unknown_total(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    clock = _Clock()
    heartbeat = Heartbeat(clock)
    monkeypatch.setattr("memcap.cli.progress.HEARTBEAT", heartbeat)
    going_on = Activity()
    with CampaignProgress(lambda: going_on) as progress:
        assert progress._bar is not None
        progress._bar.refresh()
        going_on = Activity(done=0, total=8, running=((CELL, 72.0),))
        progress._bar.refresh()
        clock.now += 30
        heartbeat.beat(10)
    shown = capsys.readouterr().err
    assert "preparing" in shown
    assert "0/8" in shown
    assert f"running {CELL} (1 min 12 s)" in shown
    assert "?" not in re.sub(r"\x1b\[\?[0-9]+[hl]", "", shown)
    assert "still working" not in shown
