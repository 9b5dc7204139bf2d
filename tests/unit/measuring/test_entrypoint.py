"""Runs that an entrypoint spoiled: what is said of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from measured import SPEC, START, journal_of

from factories import make_raw, make_report
from memcap.measuring import measure
from memcap.model import ContainerPolicy, Ending


@pytest.mark.parametrize("metrics", [None, ()])
@pytest.mark.parametrize(
    ("policy", "whose"),
    [
        (ContainerPolicy(), "the image's ENTRYPOINT"),
        (ContainerPolicy(entrypoint=("tini",)), "the entrypoint"),
    ],
)
def test_an_entrypoint_that_cannot_be_started_is_named(
    policy: ContainerPolicy, whose: str, metrics: tuple[str, ...] | None
) -> None:
    spec = replace(SPEC, argv=("tini", "true"), entrypoint=("tini",), policy=policy, metrics=metrics)
    report = make_report(exit_code=None, exec_errno=2, exec_problem="missing", exec_needs="/bin")
    found = measure(make_raw(report, workload_journal=""), spec, cpus=2)
    assert found.ending is Ending.LOAD_FAILED
    assert found.detail == f"{whose}: program not found in the image: 'tini' is not in PATH (/bin)"


def test_a_command_under_an_entrypoint_ends_as_any_other() -> None:
    spec = replace(SPEC, entrypoint=("tini",), metrics=None)
    assert measure(make_raw(make_report(exit_code=1)), spec, cpus=2).ending is Ending.FAILED


@pytest.mark.parametrize(
    ("report", "end"),
    [
        ({"exit_code": 0}, "it ended with exit code 0"),
        ({"exit_code": None, "signal": 15}, "it ended with signal 15"),
        ({"timed_out": True}, "after 60 s it still ran"),
    ],
)
def test_an_entrypoint_that_runs_another_program(report: dict[str, Any], end: str) -> None:
    spec = replace(SPEC, metrics=(), entrypoint=("python", "app.py"), time_limit_seconds=60)
    found = measure(make_raw(report=make_report(**report), workload_journal=""), spec, cpus=2)
    assert found.ending is Ending.LOAD_FAILED
    assert found.detail == (
        "the entrypoint ['python', 'app.py'] did not start the Python that it was given as arguments; "
        f'{end}. Turn it off with --entrypoint "" or `entrypoint = ""`'
    )
    started = measure(make_raw(report=make_report(**report), workload_journal=journal_of(START)), spec, cpus=2)
    assert started.ending is not Ending.LOAD_FAILED
