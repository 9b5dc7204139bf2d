"""How a run of a server is launched: its limits, how it is stopped, its services and its client."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers import CACHE, DATABASE, LOAD, make_layers, make_server, make_server_spec

from factories import MIB, make_layer, make_plan, make_plan_cell, make_settings
from memcap.calibration import Calibration
from memcap.campaign import Campaign, RunEnded
from memcap.engine.fake import SUPERVISOR_BYTES, FakeEngine
from memcap.errors import PlanError
from memcap.model import (
    CLIENT_LAYER,
    ClientCommand,
    CollectSignal,
    ContainerPolicy,
    LoadRequest,
    LoadSpec,
    MountKind,
    RunSpec,
    ServerWorkload,
    ServiceSpec,
    Serving,
)
from memcap.run_spec import run_spec
from memcap.serving_spec import (
    SERVICE_GRACE_SECONDS,
    SOAK_IDLE_SECONDS,
    SPARE_SECONDS,
    BodyFiles,
    needed_seconds,
    serving_spec,
    soaked,
)


def serving_of(spec: RunSpec) -> Serving:
    assert spec.serving is not None
    return spec.serving


def service_of(workload: ServerWorkload) -> ServiceSpec:
    (service,) = serving_of(make_server_spec(workload)).services
    return service


def with_body(name: Path, **changes: object) -> ServerWorkload:
    request = LoadRequest(method="POST", path="/", body=str(name))
    return make_server(load=LoadSpec(requests=(request, request), rate=1, seconds=1), **changes)


def test_a_run_may_take_as_long_as_its_phases() -> None:
    server = make_server(services=(DATABASE, CACHE))
    phases = 1 + 2 + 3
    assert needed_seconds(server) == (30 + 20) + phases + 5 + 4 + SPARE_SECONDS
    assert make_server_spec(server).time_limit_seconds == needed_seconds(server)


def test_each_level_takes_its_time_and_so_does_a_collection() -> None:
    server = make_server()
    levels = replace(server, load=replace(LOAD, levels=(1, 2, 4)))
    assert needed_seconds(levels) - needed_seconds(server) == 2 * (2 + 3 + 5)
    collecting = replace(server, collect=CollectSignal(name="SIGUSR1"))
    assert needed_seconds(collecting) - needed_seconds(server) == 3


def test_the_length_of_a_load_generator_of_the_users_own_is_not_known() -> None:
    own = make_server(load=ClientCommand(argv=("k6", "run", "load.js")))
    assert needed_seconds(own) == 30 + 1 + 3 + 4 + SPARE_SECONDS


def test_a_longer_time_limit_is_kept() -> None:
    server, layer = make_server(), make_layer()
    spec = run_spec(make_plan_cell(workload=server), layer, make_settings(time_limit_seconds=3600), attempt="1")
    assert serving_spec(spec, server, layer, make_layers(), files=BodyFiles()).time_limit_seconds == 3600


@pytest.mark.parametrize(("of_image", "number"), [("", 15), ("SIGQUIT", 3), ("SIGRTMIN+3", 37)])
def test_a_server_gets_the_stop_signal_of_its_image(of_image: str, number: int) -> None:
    server, layer = make_server(), make_layer(stop_signal=of_image)
    spec = run_spec(make_plan_cell(workload=server), layer, make_settings(), attempt="1")
    found = serving_spec(spec, server, layer, make_layers(), files=BodyFiles())
    assert (found.stop_signal, found.grace_seconds) == (number, 4)
    assert (found.argv, found.cap_bytes, found.name) == (spec.argv, spec.cap_bytes, spec.name)


def test_the_client_runs_in_the_image_that_has_python() -> None:
    serving = serving_of(make_server_spec())
    assert (serving.client_image_id, serving.client_python) == ("sha256:client-", "/usr/local/bin/python3")
    assert (serving.workload, serving.services, serving.bodies) == (make_server(), (), {})


def test_all_runs_draw_the_same_numbers() -> None:
    assert serving_of(make_server_spec()).seed == serving_of(make_server_spec()).seed


def test_a_service_is_a_run_of_its_own() -> None:
    service = service_of(make_server(services=(DATABASE,)))
    server = make_server_spec(make_server(services=(DATABASE,)))
    assert (service.service, service.image) == (DATABASE, "memcap/postgres:15:latest")
    run = service.run
    assert (run.name, run.cell_id, run.campaign) == (f"{server.name}-db", server.cell_id, server.campaign)
    assert (run.argv, run.env, run.image_id) == (("start",), {}, "sha256:postgres:15-")
    assert (run.cap_bytes, run.supervisor_bytes, run.serving) == (256 * MIB, 0, None)
    assert run.time_limit_seconds == server.time_limit_seconds
    assert (run.stop_signal, run.grace_seconds) == (15, SERVICE_GRACE_SECONDS)


def test_what_a_service_sets_itself() -> None:
    own = replace(
        CACHE,
        env={"HOME": "/data", "SIZE": "1"},
        user="redis",
        stop_signal="SIGINT",
        tmpfs={"/data": "size=64m"},
    )
    service = service_of(make_server(services=(own,)))
    run = service.run
    assert service.image == "memcap/debian/redis-server:latest"
    assert (run.argv, run.env, run.user, run.has_home) == (("redis-server",), own.env, "redis", True)
    assert run.stop_signal == 2
    (mount,) = run.policy.mounts
    assert (mount.kind, mount.target, mount.options, mount.source) == (MountKind.TMPFS, "/data", "size=64m", "")


def test_what_a_service_does_not_set_is_that_of_its_image() -> None:
    layers = make_layers()
    layers[DATABASE.layer_name] = make_layer(
        "db", "", entrypoint=("entry.sh",), command=("postgres",), user="postgres", stop_signal="SIGINT", sets_home=True
    )
    server, layer = make_server(services=(DATABASE,)), make_layer()
    spec = run_spec(make_plan_cell(workload=server), layer, make_settings(), attempt="1")
    run = serving_of(serving_spec(spec, server, layer, layers, files=BodyFiles())).services[0].run
    assert (run.argv, run.user, run.stop_signal, run.has_home) == (("entry.sh", "postgres"), "postgres", 2, True)


def test_a_service_has_nothing_of_the_servers_settings() -> None:
    policy = ContainerPolicy(network="bridge", env={"A": "1"}, user="app", entrypoint=("tini",), working_directory="/w")
    server, layer = make_server(services=(DATABASE,)), make_layer()
    spec = run_spec(make_plan_cell(workload=server), layer, make_settings(policy=policy), attempt="1")
    run = serving_of(serving_spec(spec, server, layer, make_layers(DATABASE), files=BodyFiles())).services[0].run
    assert (run.argv, run.env, run.user, run.working_directory) == (("start",), {}, "", "")


def test_a_service_whose_image_has_no_command() -> None:
    layers = make_layers() | {DATABASE.layer_name: make_layer("db", "")}
    server, layer = make_server(services=(DATABASE,)), make_layer()
    spec = run_spec(make_plan_cell(workload=server), layer, make_settings(), attempt="1")
    with pytest.raises(PlanError, match="image 'memcap/db:latest' has no command of its own") as refused:
        serving_spec(spec, server, layer, layers, files=BodyFiles())
    assert "services.db" in refused.value.remedy


def test_the_bodies_of_requests_are_read_once_each(tmp_path: Path) -> None:
    body, of_collection = tmp_path / "cart.json", tmp_path / "gc.json"
    body.write_bytes(b"\x00\xff")
    of_collection.write_bytes(b"{}")
    collect = LoadRequest(method="POST", path="/gc", body=str(of_collection))
    serving = serving_of(make_server_spec(with_body(body, collect=collect)))
    assert serving.bodies == {str(body): b"\x00\xff", str(of_collection): b"{}"}


@pytest.mark.parametrize(("name", "why"), [("gone.json", "No such file or directory"), (".", "Is a directory")])
def test_a_body_that_cannot_be_read_is_a_problem_of_the_plan(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(PlanError, match=f"{name} of a request could not be read: {why}"):
        make_server_spec(with_body(tmp_path / name))


def test_a_body_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memcap.serving_spec.MOST_BODY_BYTES", MIB)
    body = tmp_path / "body"
    body.write_bytes(bytes(MIB))
    assert len(serving_of(make_server_spec(with_body(body))).bodies[str(body)]) == MIB
    body.write_bytes(bytes(MIB + 1))
    with pytest.raises(PlanError, match=r"body of a request is larger than 1 MiB"):
        make_server_spec(with_body(body))


def test_an_empty_home_of_a_service_is_none() -> None:
    assert not service_of(make_server(services=(replace(CACHE, env={"HOME": ""}),))).run.has_home


def test_what_the_supervisor_needs_is_added_to_the_caps_of_server_and_services() -> None:
    calibration = Calibration(supervisor_bytes=70_000, unseen_bytes=10_000, cpus=(0,))
    spec = make_server_spec(make_server(services=(DATABASE, CACHE)))
    raised = calibration.applied_to(spec)
    runs = [raised, *(each.run for each in serving_of(raised).services)]
    assert [(each.supervisor_bytes, each.supervisor_unseen_bytes) for each in runs] == [(70_000, 10_000)] * 3
    assert [each.cap_bytes for each in runs] == [128 * MIB, 256 * MIB, CACHE.cap_bytes]
    assert serving_of(raised).workload == serving_of(spec).workload


def test_a_campaign_executes_a_server_with_its_services() -> None:
    engine = FakeEngine({})
    server = make_server(services=(DATABASE,))
    plan = make_plan(make_plan_cell(workload=server), make_plan_cell("crew"), runs=1, warmups=0)
    layers = {("py312", "agents"): make_layer(), **make_layers(DATABASE)}
    Campaign(plan, engine=engine, layers=layers, settings=make_settings()).run(tell=lambda _: None, save=lambda _: None)
    _, served, plain = engine.runs
    assert (served.stop_signal, plain.stop_signal, plain.serving) == (15, 0, None)
    (database,) = serving_of(served).services
    assert (served.supervisor_bytes, database.run.supervisor_bytes) == (SUPERVISOR_BYTES, SUPERVISOR_BYTES)
    assert serving_of(served).client_image_id == layers[CLIENT_LAYER].id


def test_all_runs_of_a_campaign_send_what_the_file_had_at_its_start(tmp_path: Path) -> None:
    body = tmp_path / "cart.json"
    body.write_text("at the start")
    engine = FakeEngine({})
    plan = make_plan(make_plan_cell(workload=with_body(body)), runs=3, warmups=1)
    layers = {("py312", "agents"): make_layer(), **make_layers()}
    campaign = Campaign(plan, engine=engine, layers=layers, settings=make_settings())

    def change(_: RunEnded) -> None:
        body.write_text("changed")

    campaign.run(tell=change, save=lambda _: None)
    body.unlink()
    campaign.extend({cell.id for cell in plan.cells}, 1, tell=lambda _: None, save=lambda _: None)
    sent = [run.serving.bodies for run in engine.runs if run.serving is not None]
    assert sent == [{str(body): b"at the start"}] * 5


def test_a_body_that_is_missing_is_found_before_the_first_run(tmp_path: Path) -> None:
    engine = FakeEngine({})
    plan = make_plan(make_plan_cell("crew"), make_plan_cell(workload=with_body(tmp_path / "gone")), runs=1, warmups=0)
    layers = {("py312", "agents"): make_layer(), **make_layers()}
    campaign = Campaign(plan, engine=engine, layers=layers, settings=make_settings())
    with pytest.raises(PlanError, match="gone of a request could not be read"):
        campaign.run(tell=lambda _: None, save=lambda _: None)
    assert engine.runs == []


def test_a_load_generator_of_the_users_own_may_take_as_long_as_the_time_limit() -> None:
    own = make_server(load=ClientCommand(argv=("k6", "run", "load.js")))
    spec = make_server_spec(own)
    given = serving_of(spec).tool_limit_seconds
    assert spec.time_limit_seconds == needed_seconds(own) + given


def test_secret_headers_are_hidden_wherever_the_server_logs_them() -> None:
    headers = (("Authorization", "Bearer 123"), ("Accept", "text/html"))
    load = LoadSpec(requests=(LoadRequest(method="GET", path="/", headers=headers),), rate=1, seconds=1)
    collect = LoadRequest(method="POST", path="/collect", headers=(("X-Api-Key", "456"),))
    assert make_server_spec(make_server(load=load, collect=collect)).secrets == ("Bearer 123", "456")


def test_a_soak_is_one_long_load() -> None:
    week = 7 * 24 * 3600.0
    request = LoadRequest(method="GET", path="/gc")
    server = make_server(load=replace(LOAD, levels=(0.5, 2)), services=(DATABASE,), collect=request)
    soak = soaked(server, seconds=week, rate=20)
    assert soak.load == replace(LOAD, rate=200, seconds=week, levels=(1,))
    assert (soak.load.count, soak.levels) == (120_960_000, (1,))
    assert soak.idle_seconds == SOAK_IDLE_SECONDS < server.idle_seconds
    assert replace(soak, load=server.load, idle_seconds=server.idle_seconds) == server
    assert week < needed_seconds(soak) < week + 300


def test_a_soak_does_not_rest_longer_than_the_server_does() -> None:
    assert soaked(make_server(idle_seconds=0.5), seconds=60, rate=1).idle_seconds == 0.5


@pytest.mark.parametrize(
    ("changes", "seconds", "rate", "why", "remedy"),
    [
        ({"load": ClientCommand(argv=("k6",))}, 60, 1, "load generator of your own", "load that memcap sends"),
        ({"collect": CollectSignal(name="SIGUSR1")}, 60, 1, "cannot send SIGUSR1", "POST /collect"),
        ({}, 60, 10_001, "100010 requests a second of this load; at most 100000", "--rate 10000 or less"),
        ({}, 10, 0.001, "a soak of 10 s at 0.01 requests a second sends none", "for 100 s or longer"),
    ],
)
def test_a_server_that_cannot_be_soaked(
    changes: dict[str, Any], seconds: float, rate: float, why: str, remedy: str
) -> None:
    with pytest.raises(PlanError, match=why) as refused:
        soaked(make_server(**changes), seconds=seconds, rate=rate)
    assert remedy in refused.value.remedy
