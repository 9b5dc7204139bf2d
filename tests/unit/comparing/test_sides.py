"""What one side needs more than the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compared import compared, make_runs_of, two_images

from factories import MIB, make_cell, make_environment, make_measurement, make_oom, make_result, make_runs
from memcap.comparing import Comparison, Difference, compare_sides, match_results
from memcap.model import CampaignResult, Cap, Caveat, CaveatKind, Ending, Metric, Quiet, Rules, Tolerance, VerdictState


def differences(comparison: Comparison, pair: int = 0) -> dict[str, Difference]:
    return {each.name: each for each in (*comparison.pairs[pair].metrics, *comparison.pairs[pair].parts)}


def states(comparison: Comparison) -> dict[str, VerdictState | None]:
    return {name: each.state for name, each in differences(comparison).items()}


def test_more_and_less_are_told_apart_by_part() -> None:
    result = two_images(x=(make_runs_of(), make_runs_of(interpreter=4, workload=17, slack=3)))
    found = compared(result)
    assert states(found) == {
        "peak": VerdictState.IMPROVED,
        "unreclaimable_peak": VerdictState.IMPROVED,
        "rss_peak": VerdictState.IMPROVED,
        "wall": None,
        "cpu": None,
        "interpreter": VerdictState.REGRESSED,
        "imports": VerdictState.UNCHANGED,
        "workload": VerdictState.IMPROVED,
        "slack": VerdictState.REGRESSED,
    }
    moved = {name: each.moved / MIB for name, each in differences(found).items()}
    assert moved["unreclaimable_peak"] == pytest.approx(-2, abs=0.05)
    assert moved["interpreter"] == 1
    assert moved["workload"] == pytest.approx(-3, abs=0.05)
    assert found.pairs[0].state is VerdictState.IMPROVED
    assert (found.exit_code, found.is_more, found.incomparable, found.differs) == (0, False, (), ())


def test_the_interval_holds_the_shift_and_the_change_is_of_the_base() -> None:
    need = differences(compared(two_images(x=(make_runs_of(), make_runs_of(workload=22)))))["unreclaimable_peak"]
    assert need.shift is not None
    assert need.shift.low <= need.moved <= need.shift.high
    assert need.change == pytest.approx(2 / 25.5, rel=0.01)
    assert need.margin == pytest.approx(max(0.25, 0.0025 * 25.5) * MIB, rel=0.01)


def test_a_workload_that_needs_less_than_nothing_has_no_share() -> None:
    """It may seem so: parts are read exactly, and the peak is sampled."""
    found = differences(compared(two_images(x=(make_runs_of(workload=-0.05), make_runs_of(workload=-0.1)))))["workload"]
    assert found.change is None
    assert found.moved == pytest.approx(-0.05 * MIB, rel=0.01)


def test_times_are_told_with_an_interval_but_not_judged() -> None:
    slower = tuple(replace(run, wall_seconds=9.0) for run in make_runs_of())
    found = compared(
        two_images(x=(make_runs_of(), slower)), Rules(tolerances={Metric.WALL: Tolerance(relative=0, absolute=0)})
    )
    wall = differences(found)["wall"]
    assert (wall.state, wall.moved, wall.unit) == (None, 7.75, "second")
    assert wall.shift is not None


def test_a_projects_tolerance_counts_for_the_parts_too() -> None:
    result = two_images(x=(make_runs_of(), make_runs_of(interpreter=4)))
    loose = Rules(tolerances={Metric.UNRECLAIMABLE_PEAK: Tolerance(relative=0, absolute=2 * MIB)})
    assert states(compared(result, loose))["interpreter"] is VerdictState.UNCHANGED
    own = {Metric.UNRECLAIMABLE_PEAK: Tolerance(relative=0, absolute=2 * MIB)}
    cells = tuple(replace(cell, cell=replace(cell.cell, tolerances=own)) for cell in result.cells)
    assert states(compared(replace(result, cells=cells)))["unreclaimable_peak"] is VerdictState.UNCHANGED


def test_all_that_is_compared_shares_the_false_alarms() -> None:
    """Five runs tell a change that stands alone, and not one of many figures that are near to changing."""
    five = {name: (make_runs_of()[:5], make_runs_of(workload=20.27)[:5]) for name in ("a", "b", "c", "d")}
    clear = (make_runs_of()[:5], make_runs_of(workload=21)[:5])
    assert compared(two_images(z=clear)).pairs[0].state is VerdictState.REGRESSED
    among = compared(two_images(**five, z=clear)).pairs[-1]
    assert among.state is VerdictState.UNDECIDED
    assert among.answer is not None
    assert among.answer.probability is not None
    assert among.answer.probability > 0.01


def test_too_few_runs_are_told_without_an_interval() -> None:
    found = compared(two_images(x=(make_runs_of()[:2], make_runs_of(workload=22)[:2])))
    need = differences(found)["unreclaimable_peak"]
    assert (need.state, need.shift) == (VerdictState.NOT_ENOUGH_DATA, None)
    assert need.moved == pytest.approx(2 * MIB)
    assert found.pairs[0].state is VerdictState.NOT_ENOUGH_DATA


def test_commands_are_compared_without_parts() -> None:
    found = compared(two_images(x=(make_runs([60] * 5), make_runs([70] * 5))))
    assert found.pairs[0].parts == ()
    assert found.pairs[0].state is VerdictState.REGRESSED


def test_a_random_peak_is_not_judged() -> None:
    doubt = Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail="")
    floor = tuple(replace(run, caveats=(doubt,)) for run in make_runs_of(workload=22))
    found = states(compared(two_images(x=(make_runs_of(), floor))))
    assert (found["peak"], found["unreclaimable_peak"]) == (None, VerdictState.REGRESSED)


def test_an_ending_that_differs_fails() -> None:
    found = compared(two_images(x=(make_runs_of(), [make_oom()] * 7), y=(make_runs_of(), make_runs_of())))
    assert found.exit_code == 97
    assert found.pairs[0].summary.startswith("py312: in all 7 runs the kernel killed the main process at the cap")
    assert (found.pairs[0].metrics, found.pairs[0].parts, found.pairs[0].answer) == ((), (), None)
    assert found.pairs[1].state is VerdictState.UNCHANGED


def test_the_base_may_be_the_one_that_fails() -> None:
    failed = [make_measurement(ending=Ending.FAILED, detail="exit code 3")] * 5
    found = compared(two_images(x=(failed, make_runs_of())))
    assert found.exit_code == 96
    assert found.pairs[0].summary.startswith("py310: ")


def test_lost_runs_are_no_answer() -> None:
    lost = [make_measurement(None, ending=Ending.LOST)] * 5
    assert compared(two_images(x=(make_runs_of(), lost))).exit_code == 95


def _expecting(result: CampaignResult, *expected: Ending) -> CampaignResult:
    cells = zip(result.cells, expected, strict=True)
    return replace(
        result, cells=tuple(replace(cell, cell=replace(cell.cell, expected_ending=each)) for cell, each in cells)
    )


def test_two_oom_kills_that_were_expected_are_alike() -> None:
    result = two_images(x=([make_oom()] * 5, [make_oom()] * 5))
    (pair,) = compared(_expecting(result, Ending.OOM_KILLED, Ending.OOM_KILLED)).pairs
    assert (pair.state, pair.summary) == (VerdictState.UNCHANGED, "both ended oom_killed, as expected")


def test_an_ending_that_was_expected_to_differ_fails_too() -> None:
    result = two_images(x=(make_runs_of(), [make_oom()] * 5))
    found = compared(_expecting(result, Ending.COMPLETED, Ending.OOM_KILLED))
    assert found.exit_code == 97
    assert found.pairs[0].summary == "py310 ended completed, py312 oom_killed, each as expected"


def _against(base: CampaignResult, against: CampaignResult) -> Comparison:
    return compare_sides(match_results(base, against), (base, against), Rules(), labels=("A", "B"))


def test_figures_of_another_kind_of_machine_are_told_and_not_judged() -> None:
    base = make_result(make_cell(runs=make_runs([60] * 5)))
    against = make_result(make_cell(runs=make_runs([70] * 5)), environment=make_environment(cgroup_version=2))
    found = _against(base, against)
    assert found.incomparable == ("cgroup version: 1 and 2",)
    assert found.pairs[0].state is VerdictState.INCOMPARABLE
    assert {each.state for each in found.pairs[0].metrics} == {None}
    assert found.pairs[0].metrics[0].moved == 10 * MIB
    assert (found.exit_code, found.is_more) == (0, False)


def test_another_cap_is_another_thing() -> None:
    there = make_cell(cap=Cap(name="128m", bytes=127 * MIB))
    assert (
        "cap of agents.crew_backed in bytes" in _against(make_result(there), make_result(make_cell())).incomparable[0]
    )


def test_smaller_differences_are_told_once() -> None:
    names = ("a.x-py312-128m", "a.y-py312-128m")
    base = make_result(*map(make_cell, names))
    against = make_result(
        *(make_cell(name, quiet=Quiet(pin_cpus=1)) for name in names), environment=make_environment(kernel="6.12")
    )
    found = _against(base, against)
    assert found.incomparable == ()
    assert [told.split(":")[0] for told in found.differs] == ["quiet of a.x", "quiet of a.y", "kernel"]


def test_a_result_that_was_looked_at_often_is_judged_as_strictly() -> None:
    result = two_images(x=(make_runs_of(), make_runs_of(workload=22)))
    assert compared(replace(result, looks=(5, 10))).confidence == pytest.approx(0.995)


def test_a_benchmark_that_needs_more_is_known_to_the_gate() -> None:
    assert compared(two_images(x=(make_runs_of(), make_runs_of(workload=22)))).is_more
