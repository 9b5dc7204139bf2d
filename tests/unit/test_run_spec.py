"""What a run is launched with: the words of its command line, its name, its environment and its limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import MIB, make_layer, make_plan_cell, make_settings
from memcap.errors import PlanError
from memcap.model import (
    COLD,
    CallWorkload,
    Cell,
    CommandWorkload,
    ContainerPolicy,
    Layer,
    Mount,
    MountKind,
    Quiet,
    RunLimits,
    RunSpec,
    Scalar,
    Secret,
)
from memcap.run_spec import IDLE, calibration_spec, eviction_spec, run_spec

CALL = CallWorkload(call="workloads:crew")
SETTINGS = make_settings(policy=ContainerPolicy(pids=7, env={}))


def spec_of(cell: Cell, layer: Layer | None = None) -> RunSpec:
    return run_spec(cell, layer or make_layer(), SETTINGS, attempt="3.1")


def test_a_function_is_called_by_the_runner_in_the_images_python() -> None:
    assert spec_of(make_plan_cell(workload=CALL)).argv == (
        "/usr/local/bin/python3",
        "/memcap/probe/runner.py",
        *("--journal", "/memcap/out/workload.jsonl"),
        *("--path", "/memcap/suite", "--path", "/memcap/deps"),
        "workloads:crew",
    )


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (replace(CALL, warmups=2), ("--warmups", "2")),
        (replace(CALL, cycles=500), ("--cycles", "500")),
        (replace(CALL, duration_seconds=1.5), ("--duration", "1.5")),
        (
            replace(CALL, warmups=1, cycles=9, duration_seconds=90.0),
            ("--warmups", "1", "--cycles", "9", "--duration", "90.0"),
        ),
    ],
)
def test_how_often_a_workload_is_stepped(workload: CallWorkload, words: tuple[str, ...]) -> None:
    assert spec_of(make_plan_cell(workload=workload)).argv[-1 - len(words) : -1] == words


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (3, "n:int:3"),
        (-0.5, "n:float:-0.5"),
        (1e300, "n:float:1e+300"),
        (True, "n:bool:true"),
        (False, "n:bool:false"),
        (None, "n:none:"),
        ("", "n:str:"),
        ("a:b c", "n:str:a:b c"),
    ],
)
def test_a_parameter_is_one_word_with_its_type(value: Scalar, word: str) -> None:
    argv = spec_of(make_plan_cell(workload=replace(CALL, parameters={"n": value}))).argv
    assert argv[-3:] == ("--param", word, "workloads:crew")


def test_a_command_is_run_as_it_is_and_finds_the_suite() -> None:
    spec = spec_of(make_plan_cell(workload=CommandWorkload(argv=("python3", "-m", "crew")), env={"A": "1"}))
    assert spec.argv == ("python3", "-m", "crew")
    assert spec.env == {"A": "1", "PYTHONPATH": "/memcap/suite:/memcap/deps"}


@pytest.mark.parametrize(
    ("of_image", "of_project", "of_benchmark", "rest"),
    [
        ("/image", {}, {}, ":/image"),
        ("/image", {"PYTHONPATH": "/project"}, {}, ":/project"),
        ("/image", {"PYTHONPATH": "/project"}, {"PYTHONPATH": "/mine"}, ":/mine"),
        ("", {}, {"PYTHONPATH": ""}, ""),
    ],
)
def test_a_python_path_is_joined_with_the_suites(
    of_image: str, of_project: dict[str, str], of_benchmark: dict[str, str], rest: str
) -> None:
    layer = make_layer()
    layer = replace(layer, image=replace(layer.image, python_path=of_image))
    settings = make_settings(policy=ContainerPolicy(env=of_project))
    spec = run_spec(make_plan_cell(env=of_benchmark), layer, settings, attempt="1")
    assert spec.env["PYTHONPATH"] == f"/memcap/suite:/memcap/deps{rest}"


def test_without_files_of_a_suite_there_is_no_python_path() -> None:
    assert spec_of(make_plan_cell(), replace(make_layer(), search_path=())).env == {}


def test_variables_of_the_project_then_those_of_the_benchmark() -> None:
    policy = ContainerPolicy(env={"A": "1", "B": Secret(value="hidden", digest="hmac:1"), "C": "1"})
    cell = make_plan_cell(workload=CALL, env={"C": "2"})
    spec = run_spec(cell, make_layer(), make_settings(policy=policy), attempt="1")
    assert spec.env == {"A": "1", "B": "hidden", "C": "2"}
    assert spec.secrets == ("hidden",)
    assert "hidden" not in repr(policy)


@pytest.mark.parametrize(
    ("env", "of_image", "has_home"),
    [({}, False, False), ({}, True, True), ({"HOME": "/x"}, False, True), ({"HOME": ""}, True, False)],
)
def test_an_empty_home_is_none(env: dict[str, str], of_image: bool, has_home: bool) -> None:
    layer = make_layer()
    layer = replace(layer, image=replace(layer.image, sets_home=of_image))
    settings = make_settings(policy=ContainerPolicy(env=env))
    assert run_spec(make_plan_cell(), layer, settings, attempt="1").has_home is has_home


def test_the_entrypoint_comes_before_the_runner_as_before_any_command() -> None:
    layer = make_layer()
    wrapped = replace(layer, image=replace(layer.image, entrypoint=("tini", "--")))
    for cell in (make_plan_cell(workload=CALL), make_plan_cell(workload=CommandWorkload(argv=("python3",)))):
        assert spec_of(cell, wrapped).argv == ("tini", "--", *spec_of(cell, layer).argv)
        assert spec_of(cell, wrapped).entrypoint == ("tini", "--")


@pytest.mark.parametrize(("entrypoint", "argv"), [(("env",), ("env", "true")), ((), ("true",))])
def test_another_entrypoint(entrypoint: tuple[str, ...], argv: tuple[str, ...]) -> None:
    layer = make_layer()
    layer = replace(layer, image=replace(layer.image, entrypoint=("tini", "--"), command=("serve",)))
    settings = make_settings(policy=ContainerPolicy(entrypoint=entrypoint))
    assert run_spec(make_plan_cell(), layer, settings, attempt="1").argv == argv


def test_the_command_of_the_image_belongs_to_its_own_entrypoint() -> None:
    layer = make_layer()
    layer = replace(layer, image=replace(layer.image, entrypoint=("tini", "--"), command=("serve",)))
    cell = make_plan_cell(workload=CommandWorkload(argv=()))
    assert spec_of(cell, layer).argv == ("tini", "--", "serve")
    with pytest.raises(PlanError, match="has no command"):
        run_spec(cell, layer, make_settings(policy=ContainerPolicy(entrypoint=())), attempt="1")


def test_a_benchmarks_own_policy_takes_the_place_of_the_projects() -> None:
    own = ContainerPolicy(network="bridge", working_directory="/data", user="app")
    spec = spec_of(make_plan_cell(policy=own))
    assert (spec.policy, spec.working_directory, spec.user) == (own, "/data", "app")


def test_what_memcap_runs_for_itself_has_nothing_of_the_workload() -> None:
    mount = Mount(kind=MountKind.BIND, source="/data", target="/data")
    settings = {"network": "bridge", "env": {"A": "1"}, "working_directory": "/w"}
    policy = ContainerPolicy(mounts=(mount,), entrypoint=("tini",), **settings)  # type: ignore[arg-type]
    spec = calibration_spec(make_layer(), make_settings(policy=policy))
    assert (spec.env, spec.policy.network, spec.policy.mounts) == ({}, "none", ())
    assert (spec.working_directory, spec.argv) == ("", IDLE)


def test_a_function_gets_no_python_path() -> None:
    """The runner puts the suite on sys.path itself; children of a workload get what they would get elsewhere."""
    assert spec_of(make_plan_cell(workload=CALL, env={"A": "1"})).env == {"A": "1"}


def test_names_and_limits() -> None:
    spec = spec_of(make_plan_cell(cap="64m"), make_layer(suite="streams"))
    assert spec.cell_id == "agents.crew-py312-64m"
    assert spec.name == f"memcap-{SETTINGS.id}-agents.crew-py312-64m-3.1"
    assert (spec.campaign, spec.image_id) == (SETTINGS.id, "sha256:py312-streams")
    assert (spec.cap_bytes, spec.supervisor_bytes) == (64 * MIB, 0), "which the trial run shows"
    assert spec.policy == SETTINGS.policy


@pytest.mark.parametrize(("own", "expected"), [(None, 60), (5.0, 5.0)])
def test_time_limit_of_the_benchmark_or_of_the_campaign(own: float | None, expected: float) -> None:
    assert spec_of(make_plan_cell(time_limit_seconds=own)).time_limit_seconds == expected


def test_python_in_an_image_without_python_is_refused() -> None:
    layer = make_layer("alpine", python=None)
    assert spec_of(make_plan_cell(image="alpine"), layer).argv == ("true",)
    with pytest.raises(PlanError, match="image 'alpine' has no Python, which 'workloads:crew' needs") as refused:
        spec_of(make_plan_cell(image="alpine", workload=CALL), layer)
    assert "--image" in refused.value.remedy


def test_calibration_runs_an_idle_program_and_raises_no_cap() -> None:
    spec = calibration_spec(make_layer(), SETTINGS)
    assert spec.argv == IDLE
    assert (spec.image_id, spec.supervisor_bytes, spec.cap_bytes) == ("sha256:py312-agents", 0, 64 * MIB)
    assert spec.name != spec_of(make_plan_cell()).name


def test_the_user_is_the_one_asked_for_or_the_images() -> None:
    layer = make_layer(user="app")
    assert spec_of(make_plan_cell(), layer).user == "app"
    settings = make_settings(policy=ContainerPolicy(user="4242:50"))
    assert run_spec(make_plan_cell(), layer, settings, attempt="1").user == "4242:50"


def test_limits_are_the_workloads_alone() -> None:
    limits = RunLimits(disk_bytes=MIB, cpus=0.5)
    settings = make_settings(policy=ContainerPolicy(pids=7, user="app", limits=limits))
    assert run_spec(make_plan_cell(), make_layer(), settings, attempt="1").policy.limits == limits
    for spec in (calibration_spec(make_layer(), settings), eviction_spec(make_layer(), settings, attempt="1")):
        assert (spec.policy.limits, spec.policy.pids, spec.user) == (RunLimits(), 7, "")


def test_settings_of_the_benchmark_reach_the_run() -> None:
    spec = spec_of(make_plan_cell(quiet=Quiet(pin_cpus=2, thp=False)))
    assert (spec.quiet, spec.cpuset) == (Quiet(pin_cpus=2, thp=False), "")
    assert spec_of(make_plan_cell(projections={"entries": (100,)})).projections == {"entries": (100,)}


def test_a_function_has_to_return_what_is_declared_but_not_what_is_projected() -> None:
    metrics = {"entries": "entries", "entries_at_100": "entries", "entries_at_100_low": "entries", "lag": "s"}
    call = CallWorkload(call="work:leak")
    cell = make_plan_cell(workload=call, extra_metrics=metrics, projections={"entries": (100,)})
    assert spec_of(cell).metrics == ("entries", "lag")
    assert spec_of(make_plan_cell(workload=CommandWorkload(argv=("true",)))).metrics is None
    pinned = run_spec(make_plan_cell(), make_layer(), SETTINGS, attempt="1.1", cpuset="0,3")
    assert pinned.cpuset == "0,3"


def test_a_cold_cell_is_launched_as_one() -> None:
    assert not spec_of(make_plan_cell()).cold
    cold = spec_of(replace(make_plan_cell(), variant=COLD))
    assert cold.cold
    assert cold.cell_id == "agents.crew.cold-py312-128m"


def test_the_eviction_reads_the_names_of_files_in_the_layer_itself() -> None:
    spec = eviction_spec(make_layer(), SETTINGS, attempt="3.1")
    assert spec.argv == ("/memcap/bin/supervisor", "evict", "/")
    assert (spec.image_id, spec.supervisor_bytes, spec.cold) == ("sha256:py312-agents", 0, False)
    assert spec.name != eviction_spec(make_layer(), SETTINGS, attempt="4.1").name
