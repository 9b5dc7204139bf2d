"""What is decided before a campaign starts: how many containers at once, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factories import (
    MIB,
    make_cell,
    make_environment,
    make_image,
    make_plan,
    make_plan_cell,
    make_result,
    make_server,
)
from memcap.errors import EngineError, Interrupted, PlanError, UsageError
from memcap.images.this_machine import HOST
from memcap.model import ContainerPolicy, Quiet, Suite
from memcap.workflows.caller import SILENT
from memcap.workflows.execute import execute, jobs_for
from memcap.workflows.ready import made_ready, refuse_infeasible, refuse_other_images, refuse_other_machine
from memcap.workflows.recording import recording
from memcap.workflows.request import CampaignName, CampaignRequest, new_campaign


def record_until(error: BaseException, folder: Path) -> None:
    with recording(folder):
        (folder / "capture.bin").write_text("x")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Interrupted("stopped")])
def test_an_interrupt_leaves_nothing_of_a_record(error: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(error)):
        record_until(error, tmp_path / "found" / "record")

    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_what_can_be_read_of_a_record(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        record_until(EngineError("could not be read"), tmp_path / "found" / "record")
    assert (tmp_path / "found" / "record" / "capture.bin").is_file()

    with pytest.raises(EngineError), recording(tmp_path / "other" / "record"):
        raise EngineError("no daemon")
    assert [each.name for each in tmp_path.iterdir()] == ["found"]


def test_a_record_of_nothing_is_no_folder(tmp_path: Path) -> None:
    with recording(tmp_path / "record"):
        pass

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("cpus", "memory", "jobs"),
    [(8, 24 * 1024 * MIB, 8), (1, 24 * 1024 * MIB, 1), (None, 24 * 1024 * MIB, 1), (8, None, 1)],
)
def test_as_many_containers_at_once_as_cpus(cpus: int | None, memory: int | None, jobs: int) -> None:
    assert jobs_for(make_environment(cpus=cpus, memory_bytes=memory)) == jobs


def test_servers_are_refused_without_containers() -> None:
    cell = replace(make_plan_cell(workload=make_server()), image=HOST)
    request = CampaignRequest(
        plan=make_plan(cell),
        suites={},
        policy=ContainerPolicy(),
        time_limit_seconds=60,
        name=CampaignName(id="", started=""),
    )
    with pytest.raises(PlanError, match="a server needs containers"), made_ready(request, SILENT.tell):
        pass


def test_a_cap_above_the_machines_memory_is_refused() -> None:
    plan = make_plan(make_plan_cell(cap="64m"), make_plan_cell(cap="64g"))
    with pytest.raises(PlanError, match=r"nothing was run\.\n.*64g") as refused:
        refuse_infeasible(plan, ContainerPolicy(), make_environment())
    assert "64m" not in str(refused.value)


def test_more_cpus_than_there_are_are_refused_as_are_several_of_an_unknown_number() -> None:
    plan = make_plan(make_plan_cell(quiet=Quiet(pin_cpus=2)))
    refuse_infeasible(plan, ContainerPolicy(), make_environment(cpus=2))
    for cpus in (1, None):
        with pytest.raises(PlanError, match="pinned to 2 CPUs"):
            refuse_infeasible(plan, ContainerPolicy(), make_environment(cpus=cpus))


def test_a_suite_that_would_take_longer_than_it_may_is_refused_before_a_daemon_is_asked() -> None:
    plan = make_plan(make_plan_cell("crew"), make_plan_cell("llm", time_limit_seconds=61))
    suite = Suite(name="agents", directory=Path(), description="", benchmarks=(), total_seconds=120)
    request = CampaignRequest(
        plan=plan,
        suites={"agents": suite},
        policy=ContainerPolicy(),
        time_limit_seconds=60,
        name=CampaignName(id="", started=""),
    )
    with pytest.raises(
        PlanError, match=r"nothing was run\.\n  suite agents: one run of each of its cells in py312 \(2\)"
    ):
        execute(request, SILENT)


def test_what_fits_is_not_refused() -> None:
    refuse_infeasible(make_plan(), ContainerPolicy(), make_environment())
    refuse_infeasible(make_plan(make_plan_cell(cap="64g")), ContainerPolicy(), make_environment(memory_bytes=None))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engine", "Podman"),
        ("architecture", "aarch64"),
        ("cgroup_version", 2),
        ("kernel", "6.12.0"),
        ("memory_bytes", 8 * 1024 * MIB),
    ],
)
def test_a_campaign_does_not_go_on_on_another_machine(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{name} is .*; here it is {value}"):
        refuse_other_machine(make_result(), make_environment(**{name: value}))


def test_a_campaign_goes_on_where_it_was_begun() -> None:
    refuse_other_machine(None, make_environment())
    refuse_other_machine(make_result(), make_environment())
    refuse_other_machine(make_result(), make_environment(engine_version="29.0", memcap_version="9"))


def test_a_campaign_goes_on_after_the_machine_was_started_again() -> None:
    before = make_environment().memory_bytes
    assert before is not None
    refuse_other_machine(make_result(), make_environment(memory_bytes=before - MIB))


PYTHON = make_image().python
assert PYTHON is not None


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {"reference": "memcap/py312:2"}),
        ({"digest": "my/prod@sha256:1"}, {"digest": "my/prod@sha256:2"}),
        ({"mutable": True, "id": "sha256:1"}, {"mutable": True, "id": "sha256:2"}),
        ({}, {"python": replace(PYTHON, version="3.12.8")}),  # a process of this machine has no other sign
        ({}, {"python": None}),
    ],
)
def test_a_campaign_does_not_go_on_in_another_image(before: dict[str, Any], now: dict[str, Any]) -> None:
    begun = make_result(images={"py312": make_image(**before)})
    with pytest.raises(UsageError, match=r"nothing was run\.\n  py312 was .*; now it is ") as refused:
        refuse_other_images(begun, {"py312": make_image(**now)})
    assert "Begin anew" in refused.value.remedy


def test_a_campaign_goes_on_in_the_same_images() -> None:
    same, other = make_image("py312"), make_image("py313")
    refuse_other_images(None, {"py312": same})
    refuse_other_images(make_result(images={"py312": same}), {"py312": replace(same, id="sha256:built-again")})
    # Nothing was measured in it yet.
    begun = make_result(make_cell(), images={"py312": same, "py313": other})
    refuse_other_images(begun, {"py312": same, "py313": replace(other, reference="memcap/py313:2")})


def test_campaigns_have_ids_of_their_own_that_name_containers() -> None:
    made = [new_campaign("quick") for _ in range(20)]
    assert len({name.id for name in made}) > 1
    for name in made:
        time, label, unique = name.id.split("-")
        assert (label, len(unique)) == ("quick", 4)
        digits = name.started.removesuffix("+00:00").replace("-", "").replace(":", "")
        assert time == digits, "ids sort by time, which is UTC"
