"""A check that passes has judged something: what could not be compared fails it where the benchmark has baselines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import (
    CELL_ID,
    TOLERANCES,
    make_baseline,
    make_baselines,
    make_cell,
    make_fingerprint,
    make_image,
    make_oom,
    make_result,
    make_runs,
)
from memcap.judge import judge, worst_exit_code
from memcap.judge.acceptance import refusals
from memcap.model import NOT_JUDGED, Baselines, CampaignResult, CellResult, Rules, Verdict, VerdictState
from memcap.model.names import tagged_image_name

RULES = Rules(tolerances=TOLERANCES)
NEW = VerdictState.NEW


def judged(cell: CellResult, baselines: Baselines, **rules: bool) -> tuple[Verdict, int]:
    verdicts = judge(make_result(cell), baselines, replace(RULES, **rules))  # type: ignore[arg-type]
    return verdicts[0], worst_exit_code(verdicts)


@pytest.mark.parametrize(
    "cell_id",
    ["agents.crew_backed-py313-128m", "agents.crew_backed-py312-256m", "agents.crew_backed.cold-py312-128m"],
)
def test_a_new_cell_of_a_benchmark_with_baselines_is_not_judged_unless_new_ones_are_allowed(cell_id: str) -> None:
    known = make_baselines(make_baseline())
    assert judged(make_cell(cell_id), known)[1] == NOT_JUDGED
    verdict, code = judged(make_cell(cell_id), known, allow_new=True)
    assert (verdict.state, verdict.is_unjudged, code) == (NEW, False, 0)


def test_a_benchmark_without_a_baseline_is_new() -> None:
    verdict, code = judged(make_cell("agents.llm-py312-128m"), make_baselines(make_baseline()))
    assert (verdict.state, verdict.is_unjudged, code) == (NEW, False, 0)


def test_the_reason_names_the_images_that_have_baselines() -> None:
    known = make_baselines(make_baseline(make_cell("agents.crew_backed-shop_prod_1_0-128m")), make_baseline())
    new = judged(make_cell("agents.crew_backed-shop_prod-128m"), known)[0]
    assert new.summary.endswith("and its benchmark has some in py312, shop_prod_1_0")
    assert "--allow-new" in new.remedy
    assert "memcap baseline accept" in new.remedy
    elsewhere = judged(make_cell("agents.crew_backed-shop_prod-128m"), replace(known, origin="main"))[0]
    assert "memcap baseline accept" not in elsewhere.remedy


def test_another_build_is_told_from_a_new_image() -> None:
    known = make_baselines(make_baseline(make_cell("agents.crew_backed-prod-128m")))
    elsewhere = judged(make_cell("agents.crew_backed-shop_prod-128m"), known)[0]
    here = judged(make_cell("agents.crew_backed-prod-256m"), known)[0]
    assert elsewhere.remedy == (
        "If this is another build of prod: --image prod=REFERENCE. If it is new: memcap baseline accept "
        'agents.crew_backed-shop_prod-128m --reason "…". Let new cells pass: --allow-new'
    )
    assert "another build" not in here.remedy


@pytest.mark.parametrize("allowed", [True, False])
def test_too_few_runs_and_another_environment_are_not_judged_whatever_is_allowed(allowed: bool) -> None:
    few = judged(make_cell(runs=make_runs((62, 90))), make_baselines(make_baseline()), allow_new=allowed)
    assert (few[0].state, few[1]) == (VerdictState.NOT_ENOUGH_DATA, NOT_JUDGED)
    elsewhere = make_baseline(fingerprint=make_fingerprint(architecture="aarch64"))
    unlike = judged(make_cell(), make_baselines(elsewhere), allow_new=allowed)
    assert (unlike[0].state, unlike[1]) == (VerdictState.INCOMPARABLE, NOT_JUDGED)


def test_undecided_is_no_failure_and_what_is_found_has_its_own_code() -> None:
    scattered = judged(make_cell(runs=make_runs((62, 64, 66, 68, 70))), make_baselines(make_baseline()))
    assert (scattered[0].state, scattered[1]) == (VerdictState.UNDECIDED, 0)
    killed = judged(make_cell("agents.crew_backed-py313-128m", [make_oom()] * 5), make_baselines(make_baseline()))
    assert killed[1] == 97
    cells = (make_cell(runs=make_runs((70, 70.1, 70.2, 70, 70))), make_cell("agents.crew_backed-py313-128m"))
    assert worst_exit_code(judge(make_result(*cells), make_baselines(make_baseline()), RULES)) == 99
    assert cells[0].cell.id == CELL_ID


def test_nothing_measured_of_what_is_judged_is_not_judged() -> None:
    runs = [replace(run, peak_bytes=None, unreclaimable_peak_bytes=None) for run in make_runs()]
    cell = make_cell(runs=runs)
    assert judged(cell, make_baselines(make_baseline(cell)))[1] == NOT_JUDGED


def beside(*references: str) -> CampaignResult:
    images = {tagged_image_name(each): make_image(tagged_image_name(each), reference=each) for each in references}
    return make_result(*(make_cell(f"agents.crew_backed-{name}-128m") for name in images), images=images)


def test_baselines_do_not_apply_to_two_tags_of_one_image() -> None:
    result = beside("shop/prod:1.0", "shop/prod:1.1")
    known = make_baselines(make_baseline(result.cells[0]))
    verdicts = judge(result, known, RULES)
    assert {verdict.state for verdict in verdicts} == {NEW}
    assert all("another tag of it, so baselines do not apply" in verdict.summary for verdict in verdicts)
    assert worst_exit_code(verdicts) == NOT_JUDGED
    refused = refusals(result, make_baselines(), RULES, cells=[cell.cell.id for cell in result.cells])
    assert len(refused) == 2


def test_what_an_older_version_measured_of_one_tag_is_judged_by_its_baselines() -> None:
    result = beside("shop/prod:1.0", "redis:7")
    verdicts = judge(result, make_baselines(make_baseline(result.cells[0])), RULES)
    assert verdicts[0].state is VerdictState.UNCHANGED
