"""An allocation profile for readers and programs: the line to blame, and that nothing of it is to be compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_profile, make_site
from memcap.model import AllocationProfile, Caveat, CaveatKind, Cost, Ending, Frame, Moment, ProfiledProcess
from memcap.report.profile import facts, memory_chart, profile_document, report_links, told
from memcap.report.profile_json import profile_json
from memcap.report.profile_tree import render_tree
from memcap.report.to_html import to_html
from memcap.report.to_terminal import to_terminal

MIB = 1024 * 1024
ENCODER = Frame(file="/usr/lib/python3.12/json/encoder.py", line=258, function="iterencode")
IMPORTING = Frame(file="<frozen importlib._bootstrap>", line=241, function="_call_with_frames_removed")
IN_C = Frame(file="rows.c", line=0, function="grow", native=True)


def render_profile(profile: AllocationProfile, *, top: int, where: str) -> str:
    return to_terminal(profile_document(profile, top=top, where=where))


def moment(seconds: float, mib: int) -> Moment:
    size = mib * MIB
    return Moment(seconds=seconds, usage=size, anon=size, file=0, shmem=0, kernel=0, low=size)


def test_sites_of_one_line_are_one_line() -> None:
    profile = make_profile(make_site(3), make_site(64, line=90), make_site(5, process=9))
    lines = profile.lines()

    assert [(line.size_bytes, line.count, line.processes) for line in lines] == [
        (64 * MIB, 1, (7,)),
        (8 * MIB, 2, (7, 9)),
    ]
    assert lines[0].caller is None


def test_a_line_of_a_library_has_the_programs_own_line_beside_it() -> None:
    site = make_site(64)
    deep = replace(site, stack=(IN_C, IMPORTING, ENCODER, *site.stack))
    (line,) = make_profile(deep).lines()

    assert line.frame == ENCODER
    assert line.caller == site.stack[0]
    assert deep.native


@pytest.mark.parametrize(
    "file",
    [
        "/usr/local/lib/python3.12/site-packages/numpy/core.py",
        "/usr/lib/python3/dist-packages/yaml/__init__.py",
        "/usr/lib64/python3.11/json/encoder.py",
        "/memcap/deps/numpy/core.py",
        "/memcap/probe/memcap_runner.py",
        "/opt/venv/lib/python3.12/site-packages/a.py",
    ],
)
def test_what_is_not_the_programs_own(file: str) -> None:
    assert make_site(file=file).own_frame == Frame(file="/app/main.py", line=12, function="main")


def test_a_sentence_names_line_and_text() -> None:
    assert told(make_profile()) == (
        "64.0 MiB of the 64.0 MiB that memray counted were allocated at /app/parse.py:87 in read_rows: "
        "`rows.append(row)`."
    )


def test_a_child_is_named_as_one() -> None:
    child = ProfiledProcess(pid=9, command="python", main=False, peak_bytes=MIB, sites_bytes=64 * MIB)
    profile = make_profile(make_site(process=9))

    assert told(replace(profile, processes=(*profile.processes, child))).endswith(" of a child process.")


def test_nothing_of_python_is_said() -> None:
    assert told(make_profile(make_site(stack=(IN_C,)))).endswith("none of it in a line of Python.")


def test_the_text_is_marked_and_says_what_the_tool_took() -> None:
    caveat = Caveat(kind=CaveatKind.CHILDREN_NOT_FOLLOWED, detail="2 processes ran, 1 of them recorded")
    cost = Cost(footprint_bytes=6 * MIB, slowdown=1.5)
    profile = make_profile(*(make_site(60 - n, line=n) for n in range(1, 6)), cost=cost, caveats=(caveat,))
    text = render_profile(profile, top=2, where="results/profiles/x")

    assert all(len(line) <= 80 for line in text.splitlines())
    assert "PROFILED with memray 1.20.0" in text
    assert "/app/parse.py:2 read_rows" in text
    assert "/app/parse.py:3 read_rows" not in text
    assert "168.0 MiB         all other lines" in text
    assert "memray took 6.0 MiB and 1.5 times as long" in text
    assert "raised by 32.0 MiB" in " ".join(text.split())
    assert (
        "\ncaveat children not followed\n    2 processes ran, 1 of them recorded\n    -> Add --follow-fork.\n" in text
    )


def test_doubts_are_told_by_kind_and_those_that_decide_nothing_in_one_line() -> None:
    details = (f"process {pid} ended before anything was written" for pid in (12, 40, 31))
    missing = (Caveat(kind=CaveatKind.NOT_RECORDED, detail=detail) for detail in details)
    cut = Caveat(kind=CaveatKind.RECORD_CUT_SHORT, detail="it was killed")
    text = " ".join(render_profile(make_profile(caveats=(*missing, cut)), top=1, where="x").split())

    assert "caveat not recorded process 12–40 ended before anything was written -> Python must" in text  # noqa: RUF001
    assert text.count("not recorded") == 1
    assert "1 more caveat: record cut short; see --json Reports: x" in text


def test_what_a_workload_named_cannot_steer_a_terminal() -> None:
    text = render_profile(make_profile(make_site(file="/app/\x1b[2J.py")), top=3, where="x")

    assert "\x1b" not in text


def test_a_tree_of_callers() -> None:
    tree = render_tree(make_profile(make_site(64), make_site(0.1, line=1))).splitlines()

    assert tree[1:] == [
        "└ 64.1 MiB process 7: python main.py",
        "  └ 64.1 MiB /app/main.py:12 main",
        "  └ 64.0 MiB /app/parse.py:87 read_rows  rows.append(row)",
    ]


def test_the_tree_grows_to_the_right_where_it_branches() -> None:
    other = make_site(32, line=1)
    nameless = replace(make_site(8).stack[0], function="<unknown>", native=True)
    site = make_site(64)
    tree = render_tree(make_profile(replace(site, stack=(site.stack[0], nameless, *site.stack[1:])), other))

    assert tree.splitlines()[2:] == [
        "  └ 96.0 MiB /app/main.py:12 main",
        "    └ 64.0 MiB /app/parse.py:87 read_rows  rows.append(row)",
        "    └ 32.0 MiB /app/parse.py:1 read_rows",
    ]


def test_figures_for_programs() -> None:
    found = json.loads(profile_json(make_profile(ending=Ending.OOM_KILLED), top=5, where="x"))

    assert (found["profiled"], found["ending"]) == (True, "oom_killed")
    assert found["top_sites"] == [
        {
            "file": "/app/parse.py",
            "line": 87,
            "function": "read_rows",
            "size_bytes": 64 * MIB,
            "count": 1,
            "processes": [7],
            "text": "rows.append(row)",
            "caller": None,
        }
    ]


def test_the_page_escapes_what_was_measured_and_leads_to_reports(tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / "7-flamegraph.html").write_text("")
    profile = make_profile(
        subject="py312 -- python -c '<script>alert(1)</script>'", series=(moment(0, 10), moment(1, 60)), cost=Cost()
    )
    page = to_html(profile_document(profile, top=5, links=report_links(profile, tmp_path, "record")))

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'href="record/7-flamegraph.html"' in page
    assert "7-table.html" not in page
    assert '<svg class="chart tall"' in page


def test_without_a_series_there_is_no_chart() -> None:
    assert memory_chart(make_profile()) is None


def test_a_failure_shows_what_was_printed() -> None:
    failed = make_profile(ending=Ending.FAILED, detail="exit code 1", output_tail="line\nmy <reason>\x1b[2J")
    text = render_profile(failed, top=1, where="x")
    found = json.loads(profile_json(failed, top=1, where="x"))

    assert "failed: the workload ended with an error of its own (exit code 1)." in " ".join(text.split())
    assert "The end of its output:\n" in text
    assert "my <reason>\\x1b[2J" in text
    assert (found["detail"], found["output_tail"]) == ("exit code 1", "line\nmy <reason>\x1b[2J")
    assert "my &lt;reason&gt;" in to_html(profile_document(failed, top=1))
    assert "output" not in render_profile(make_profile(), top=1, where="x")


def test_a_server_that_was_stopped_did_not_end_by_itself() -> None:
    text = " ".join(render_profile(make_profile(is_server=True), top=1, where="x").split())
    assert "completed: the server was stopped, and ended within its grace period." in text
    assert "by itself" not in text


def test_what_was_never_touched_is_not_said_to_have_been_needed() -> None:
    lazy = make_profile(make_site(1024), unreclaimable_peak_bytes=23 * MIB)

    assert told(lazy) == (
        "1.0 GiB of the 1.0 GiB that memray counted were asked for at /app/parse.py:87 in read_rows: "
        "`rows.append(row)`. The container needed 23.0 MiB: not all of what was asked for was ever touched."
    )
    assert "were allocated at" in told(replace(lazy, unreclaimable_peak_bytes=1100 * MIB))


@pytest.mark.parametrize(
    ("slowdown", "said"),
    [(0.3, "2.0 MiB and no more time"), (1.04, "2.0 MiB and no more time"), (1.06, "2.0 MiB and 1.1 times as long")],
)
def test_no_profiler_makes_a_program_quicker(slowdown: float, said: str) -> None:
    profile = make_profile(cost=Cost(footprint_bytes=2 * MIB, slowdown=slowdown))

    assert f"memray took {said} (one run without it, one with it)" in facts(profile)[1]
