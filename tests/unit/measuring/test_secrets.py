"""What a workload prints of secret variables does not get into its measurement."""

from __future__ import annotations

from dataclasses import replace

import pytest
from measured import RAISED, SPEC, START, journal_of

from factories import make_raw, make_report
from memcap.measuring import measure
from memcap.measuring.output_tail import OUTPUT_TAIL_CHARACTERS
from memcap.model import Ending

SECRET = "hunter2xyz"
SECRETIVE = replace(SPEC, secrets=(SECRET,))
FAILED = make_report(exit_code=1)


def test_the_end_of_the_output() -> None:
    raw = make_raw(report=FAILED, output=f"out {SECRET}\n", error_output=f"err {SECRET}\n")
    assert measure(raw, SECRETIVE, cpus=2).output_tail == "out ***\nerr ***"


def leaks(text: str) -> bool:
    return any(SECRET[place : place + 4] in text for place in range(len(SECRET) - 3))


@pytest.mark.parametrize("kept", range(1, len(SECRET) + 3))
def test_output_that_is_cut_in_the_middle_of_a_value(kept: int) -> None:
    """By what memcap keeps of it, or by what the daemon kept of the log."""
    rest = "." * (OUTPUT_TAIL_CHARACTERS // 2 - kept)
    whole = make_raw(report=FAILED, output=f"token: {SECRET}{rest}")
    assert not leaks(measure(whole, SECRETIVE, cpus=2).output_tail)
    cut = make_raw(report=FAILED, output=f"{SECRET[-kept:]}{rest}", output_truncated=True)
    assert not leaks(measure(cut, SECRETIVE, cpus=2).output_tail)


def test_the_words_of_an_exception() -> None:
    raised = {**RAISED, "message": f"refused {SECRET}, and at the end hunter2"}
    raw = make_raw(report=FAILED, workload_journal=journal_of(START, raised))
    found = measure(raw, SECRETIVE, cpus=2)
    assert found.ending is Ending.FAILED
    assert found.detail.endswith("refused ***, and at the end ***")


@pytest.mark.parametrize("field", ["daemon_error", "failure"])
def test_the_daemons_words(field: str) -> None:
    assert measure(make_raw(**{field: f"no {SECRET}"}), SECRETIVE, cpus=2).detail == "no ***"
