"""`--show-output`: whose output is shown, and how."""

from __future__ import annotations

from factories import make_cell, make_measurement, make_oom, make_result
from memcap.model import Measurement
from memcap.report.check import check_document
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view

DONE = [make_measurement(output_tail=f"run {number}\n\nsum 7\n") for number in (1, 2)]


def render_terminal(view: View, *, width: int = 80, verbose: bool = False, show_output: bool = False) -> str:
    document = check_document(view, verbose=verbose, show_output=show_output)
    return to_terminal(document, Terminal(width=width, verbose=verbose))


def _view(*runs: Measurement) -> View:
    return build_view(make_result(make_cell(runs=runs)), is_judged=False)


def test_of_runs_that_ended_as_expected_the_last_is_shown() -> None:
    text = render_terminal(_view(*DONE), show_output=True)
    assert (
        "Output of agents.crew_backed-py312-128m, run 2 of 2 (completed):\n    | run 2\n    | \n    | sum 7\n"
    ) in text
    assert "run 1\n" not in text
    assert "sum 7" not in render_terminal(_view(*DONE))


def test_of_others_those_that_did_not_at_most_three() -> None:
    view = _view(DONE[0], *(make_oom(output_tail=f"bad {number}") for number in range(4)))
    text = render_terminal(view, show_output=True)
    assert [line for line in text.splitlines() if "| bad" in line] == [f"    | bad {number}" for number in range(3)]
    assert "run 2 of 5 (oom_killed):\n    | bad 0\n" in text


def test_output_that_was_not_kept_is_not_passed_off_as_none() -> None:
    text = " ".join(render_terminal(_view(make_measurement()), show_output=True).split())
    assert "nothing was printed, or it was not kept (run --show-output)" in text


def test_long_lines_go_on_and_nothing_is_obeyed() -> None:
    view = _view(make_measurement(output_tail="x" * 100 + "\x1b[2J"))
    lines = render_terminal(view, width=60, show_output=True).splitlines()
    assert max(map(len, lines)) <= 60
    assert "".join(line.removeprefix("    | ") for line in lines if line.startswith("    | ")) == "x" * 100 + r"\x1b[2J"


def test_tabs_are_columns_and_nothing_else_is_obeyed() -> None:
    view = _view(make_measurement(output_tail="name\tMiB\nbase\t12\x1b[2J"))
    lines = render_terminal(view, show_output=True).splitlines()
    assert "    | name    MiB" in lines
    assert r"    | base    12\x1b[2J" in lines
