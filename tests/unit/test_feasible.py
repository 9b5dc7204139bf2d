"""What of a plan cannot be honoured, and what is said to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factories import make_plan, make_plan_cell, make_server
from memcap.feasible import check_feasible, check_quota, too_long
from memcap.model import Plan, PlanProblem, Quiet, RunLimits, Service, Suite

MIB = 1024**2
LARGE = make_plan(*(make_plan_cell(image=image, cap="1g") for image in ("py310", "py311", "py312")))


def test_caps_above_the_daemons_memory_are_problems_with_a_remedy() -> None:
    [problem] = check_feasible(LARGE, memory_bytes=1024 * MIB - 1)
    assert problem.subject == "cap 1g"
    assert "1.0 GiB is more than the 1024.0 MiB of the daemon's machine" in problem.reason
    assert "agents.crew-py310-1g and 2 more" in problem.reason
    assert "Docker Desktop > Settings > Resources" in problem.remedy


def test_a_cap_is_one_problem_and_smaller_ones_are_none() -> None:
    found = check_feasible(
        make_plan(*(make_plan_cell(name, cap=cap) for name in ("zeta", "leak") for cap in ("128m", "512m", "1g"))),
        memory_bytes=256 * MIB,
    )
    assert [problem.subject for problem in found] == ["cap 512m", "cap 1g"]


def test_a_cap_that_docker_does_not_start_is_a_problem_that_names_the_smallest() -> None:
    small = make_plan(make_plan_cell(cap="2m"), make_plan_cell(cap="6m"))
    [problem] = check_feasible(small, memory_bytes=None)
    assert problem.subject == "cap 2m"
    assert "less than the 6.0 MiB that Docker needs" in problem.reason
    assert "--cap 6m" in problem.remedy
    assert check_feasible(small, memory_bytes=None, minimum_bytes=0) == ()


def test_the_caps_of_services_count_too() -> None:
    server = make_server(
        Service(name="db", image="postgres:15", cap_bytes=512 * MIB), Service(name="cache", package="redis-server")
    )
    found = make_plan(
        *(make_plan_cell(image=image, cap=cap, workload=server) for image in ("a", "b") for cap in ("64m", "1g", "2g")),
        make_plan_cell("alone", cap="1g"),
    )
    above, together = check_feasible(found, memory_bytes=1100 * MIB)
    assert above.subject == "cap 2g"
    assert together.subject == "benchmark agents.crew"
    assert "its cap 1g and those of its services (db 512.0 MiB, cache 512.0 MiB) are 2.0 GiB" in together.reason
    assert "more than the 1.1 GiB of the daemon's machine" in together.reason
    assert check_feasible(found, memory_bytes=3 * 1024 * MIB) == ()


def test_nothing_is_a_problem_that_fits_or_is_not_known() -> None:
    assert check_feasible(LARGE, memory_bytes=1024 * MIB) == ()
    assert check_feasible(LARGE, memory_bytes=None, cpus=None) == ()


def test_a_benchmark_pinned_to_more_cpus_than_there_are_is_one_problem() -> None:
    found = make_plan(
        *(make_plan_cell("b", cap=cap, quiet=Quiet(pin_cpus=4)) for cap in ("128m", "1g")), make_plan_cell("free")
    )
    [problem] = check_feasible(found, memory_bytes=None, cpus=2)
    assert problem.subject == "benchmark agents.b"
    assert "pinned to 4 CPUs, and the daemon's machine has 2" in problem.reason
    assert "suite.toml" in problem.remedy
    assert check_feasible(found, memory_bytes=None, cpus=4) == ()


@pytest.mark.parametrize(("quota", "cpus"), [(None, 2), (0.5, 2), (2.0, 2), (4.0, None)])
def test_a_quota_that_fits_or_is_not_known_is_no_problem(quota: float | None, cpus: int | None) -> None:
    assert check_quota(RunLimits(cpus=quota), cpus) == ()


def test_a_quota_of_more_cpus_than_there_are_is_a_problem() -> None:
    [problem] = check_quota(RunLimits(cpus=2.5), 2)
    assert "2.5 CPUs, and the daemon's machine has 2" in problem.reason
    assert "--cpus" in problem.remedy


def _too_long(plan: Plan, total: float | None) -> tuple[PlanProblem, ...]:
    suite = Suite(name="agents", directory=Path("agents"), description="", benchmarks=(), total_seconds=total)
    return too_long(plan, {"agents": suite}, time_limit_seconds=60)


def test_one_run_of_all_cells_in_an_image_must_fit_into_the_suites_total() -> None:
    """Each of the three cells has the project's minute; runs, warm-ups and images do not add up."""
    whole = make_plan(*(make_plan_cell(name, image) for image in ("py310", "py312") for name in ("a", "b", "c")))
    assert _too_long(whole, None) == _too_long(whole, 180.0) == ()
    [problem] = _too_long(whole, 179.0)
    assert problem.subject == "suite agents"
    assert "one run of each of its cells in py310 (3) may take 3 min 0 s" in problem.reason
    assert "1.0 s more than `total` allows (2 min 59 s)" in problem.reason
    assert "agents.a-py310-128m (1 min 0 s)" in problem.reason
    assert "suites/agents/suite.toml" in problem.remedy
    assert _too_long(replace(whole, cells=whole.cells[:1]), 60.0) == ()


def test_the_longest_pass_counts_and_a_longer_limit_does_too() -> None:
    assert _too_long(make_plan(make_plan_cell(time_limit_seconds=420.0)), 420.0) == ()
    [problem] = _too_long(make_plan(make_plan_cell(time_limit_seconds=421.0)), 420.0)
    assert "its cells in py312 (1) may take 7 min 1 s" in problem.reason
    several = make_plan(make_plan_cell("a", "py310"), make_plan_cell("a"), make_plan_cell("b"))
    [problem] = _too_long(several, 90.0)
    assert "in py312 (2)" in problem.reason
