"""Options that contradict each other are refused, all of them together."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.errors import UsageError
from memcap.workflows.contradictions import refuse_contradictions
from memcap.workflows.options import (
    AcceptOptions,
    CompareOptions,
    MeasureOptions,
    ReportOptions,
    RunOptions,
    SelftestOptions,
)
from memcap.workflows.subject_options import FitOptions, ProfileOptions, ReproOptions


def test_defaults_contradict_nothing() -> None:
    for options in (RunOptions(), AcceptOptions(), ReportOptions(), SelftestOptions(), FitOptions(), ReproOptions()):
        options.validate()
    ProfileOptions(words=("image",), no_thp=True).validate()
    CompareOptions(words=("a.json", "b.json")).validate()
    MeasureOptions().validate_tuning()


def test_one_problem_keeps_its_message_and_its_remedy() -> None:
    with pytest.raises(UsageError) as refused:
        RunOptions(max_runs=3).validate()
    assert refused.value.message == "--max-runs goes with --until-decided"
    assert refused.value.remedy.startswith("Use --runs")


def test_several_are_listed_with_their_remedies() -> None:
    with pytest.raises(UsageError) as refused:
        refuse_contradictions([(True, "a and b", "Leave out a."), (False, "c", "d"), (1, "e and f", "")])
    assert refused.value.message == "2 contradictions in the options:\n  a and b. Leave out a.\n  e and f."


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (RunOptions(explain=True, accept=True, until_decided=True, no_check=True), 3),
        (RunOptions(base_ref="main", resume=Path("r.json"), accept=True), 2),
        (ProfileOptions(container="web", tracemalloc=True, native=True), 2),
        (CompareOptions(pairs="before", base="a", against="a"), 2),
        (SelftestOptions(source=Path("r.json"), image="py312", argv=("true",)), 1),
    ],
)
def test_all_are_found(options: RunOptions | ProfileOptions | CompareOptions | SelftestOptions, count: int) -> None:
    with pytest.raises(UsageError) as refused:
        options.validate()
    assert max(refused.value.message.count("\n  "), 1) == count, refused.value.message


def test_a_container_that_runs_already_takes_no_subject() -> None:
    ProfileOptions(container="web", root=Path("here"), duration="5s").validate()
    for options in (ProfileOptions(container="web", words=("image",)), ProfileOptions(container="web", cap="1g")):
        with pytest.raises(UsageError, match="runs already"):
            options.validate()
