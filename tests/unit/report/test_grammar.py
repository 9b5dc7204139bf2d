"""What there is one of is in the singular, in every form of every report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from profiles import frame, make_profile, site
from reproduced import make_escalated, make_found, make_growing
from soaks import make_calls

from factories import make_baseline, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.judge import judge
from memcap.leaks import Series
from memcap.model import Accepted, Baselines, Caveat, CaveatKind, Ending, Measurement, Metric, Rules
from memcap.profile_diff import diff_profiles
from memcap.report.baselines import render_baselines
from memcap.report.check import check_document
from memcap.report.diff import diff_document
from memcap.report.formats import FORMATS
from memcap.report.profile import profile_document
from memcap.report.repro import repro_document
from memcap.report.selftest import selftest_document
from memcap.report.soak import soak_document
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view
from memcap.selftest import MetricQuality, SelfTest

# A number of one and a plural; and the name of an ending as a verb.
WRONG = re.compile(
    r"(?<![\d.,])1 (more |open |other |usable |planned )?"
    r"(runs|cells|samples|processes|files|values|times|cycles|images|kinds|caveats|alerts|looks|suites|"
    r"benchmarks|warm-ups|allocations|objects|collections|pages|periods|heights|blocks|baselines|comparisons)\b"
    r"|\bit [a-z]+_[a-z]+:"
)
CAVEAT = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="9.1 MiB of file pages were charged")
GOLDEN = Path(__file__).parents[2] / "golden"


def _view(run: Measurement, *, judged: bool) -> View:
    result = make_result(make_cell(runs=[replace(run, caveats=(CAVEAT,))]))
    baseline = make_baseline(make_cell(runs=make_runs()))
    verdicts = judge(result, Baselines(cells={baseline.cell_id: baseline} if judged else {}), Rules(minimum_runs=1))
    return build_view(result, verdicts if judged else (), exit_code=0, is_judged=judged)


def _selftest() -> str:
    need = MetricQuality(
        metric=Metric.PEAK, median=1e8, margin=1e6, false_alarm_rate=0.0, undecided_rate=0.0, power={}, detectable=None
    )
    one = SelfTest(
        cell_ids=("a", "b"), sample_size=10, suite_size=1, resamplings=1, false_alarm_rate=0.0, metrics=(need,)
    )
    return to_terminal(selftest_document(one, false_alarms=0.01))


ONE_LINE = make_profile(site(2**20, frame(8), count=1))
TEXTS: dict[str, Callable[[], str]] = {
    "selftest": _selftest,
    "profile": lambda: to_terminal(profile_document(ONE_LINE, top=1, where="x")),
    "diff": lambda: to_terminal(
        diff_document(diff_profiles(make_profile(site(2**10, frame(8), count=1)), ONE_LINE), top=1)
    ),
    "repro": lambda: to_terminal(repro_document(make_found(attempts=(make_growing(),)), top=1)),
    "soak": lambda: to_terminal(soak_document(make_calls(Series(seconds=[0.05], values=[2**20])))),
    "repro of a load": lambda: to_terminal(repro_document(make_escalated(10, 110.5), top=1)),
    "baselines": lambda: render_baselines(
        [replace(make_baseline(make_cell(runs=[make_measurement()])), accepted=Accepted(reason="x"))], width=80
    ),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_one_of_each_is_in_the_singular(text: Callable[[], str]) -> None:
    assert WRONG.findall(text()) == []


@pytest.mark.parametrize("judged", [True, False])
@pytest.mark.parametrize("run", [make_measurement(), make_oom(), make_measurement(ending=Ending.FAILED)])
@pytest.mark.parametrize("chosen", FORMATS, ids=lambda each: each.name)
def test_one_cell_with_one_run_in_every_format(chosen: object, run: Measurement, *, judged: bool) -> None:
    view = _view(run, judged=judged)
    text = getattr(chosen, "render")(view) if getattr(chosen, "name") != "github" else ""  # noqa: B009
    assert [match.group() for match in WRONG.finditer(text)] == []
    verbose = to_terminal(check_document(view, verbose=True, show_output=True), Terminal(verbose=True))
    assert [match.group() for match in WRONG.finditer(verbose)] == []


@pytest.mark.parametrize("path", sorted(path for path in GOLDEN.rglob("*") if path.suffix in (".txt", ".md")), ids=str)
def test_golden_texts(path: Path) -> None:
    assert [match.group() for match in WRONG.finditer(path.read_text(encoding="utf-8"))] == []
