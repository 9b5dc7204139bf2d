"""The script that the load client follows through the phases of a server's run."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from servers import CACHE, DATABASE, LOAD, make_server, make_server_spec

from memcap.load import make_script
from memcap.load.script import COLLECT_FILE, SERVER_FILE, load_file, service_file
from memcap.model import (
    ClientCommand,
    CollectSignal,
    CommandReady,
    HttpReady,
    LoadRequest,
    Readiness,
    ServerWorkload,
    TcpReady,
)

TWO_LEVELS = replace(LOAD, levels=(0.5, 2))
COMMAND = Readiness(check=CommandReady(argv=("pg_isready",)), time_limit_seconds=9, interval_seconds=0.5)


def script_of(workload: ServerWorkload) -> dict[str, Any]:
    serving = make_server_spec(workload).serving
    assert serving is not None
    script: dict[str, Any] = json.loads(json.dumps(make_script(serving)))
    return script


def ready_of(check: TcpReady | HttpReady | CommandReady) -> dict[str, Any]:
    own: dict[str, Any] = script_of(make_server(ready=Readiness(check=check)))["ready"]
    return own


def test_how_long_the_phases_last() -> None:
    script = script_of(make_server(warm_up_seconds=4, idle_seconds=7))
    assert (script["format"], script["warm_up_seconds"], script["idle_seconds"]) == (1, 4, 7)
    assert (script["services"], script["collects"], script["collect"]) == ([], False, None)


def test_a_load_tells_its_progress_where_that_is_asked_for() -> None:
    serving = make_server_spec().serving
    assert serving is not None
    assert make_script(serving)["progress_seconds"] is None
    assert make_script(serving, progress_seconds=60)["progress_seconds"] == 60


def test_services_are_waited_for_in_their_order() -> None:
    waiting = replace(CACHE, ready=COMMAND)
    unchecked = replace(CACHE, name="queue", ready=None)
    services = script_of(make_server(services=(DATABASE, unchecked, waiting)))["services"]
    assert [each["name"] for each in services] == ["db", "cache"]
    database, cache = (each["check"] for each in services)
    assert (database["host"], database["port"], database["path"], database["file"]) == ("localhost", 5432, None, None)
    assert database["time_limit_seconds"] == 20
    assert cache["file"] == service_file("cache") != service_file("db")
    assert (cache["time_limit_seconds"], cache["interval_seconds"]) == (9, 0.5)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (TcpReady(host="app", port=5000), {"host": "app", "port": 5000, "path": None, "file": None}),
        (HttpReady(url="http://app"), {"host": "app", "port": 80, "path": "/", "statuses": []}),
        (HttpReady(url="http://app:8000/a/b?c=d&e"), {"port": 8000, "path": "/a/b?c=d&e"}),
        (HttpReady(url="http://app?c=d", statuses=(200, 404)), {"path": "/?c=d", "statuses": [200, 404]}),
        (CommandReady(argv=("true",)), {"file": SERVER_FILE}),
    ],
)
def test_the_check_of_the_server(check: TcpReady | HttpReady | CommandReady, expected: dict[str, Any]) -> None:
    assert ready_of(check) | expected == ready_of(check)


def test_each_level_has_its_orders() -> None:
    script = script_of(make_server(load=TWO_LEVELS))
    assert [each["file"] for each in script["levels"]] == [load_file(0), load_file(1)]
    orders = [each["orders"] for each in script["levels"]]
    assert [(each["rate"], each["count"], each["keep_alive"]) for each in orders] == [(5, 10, True), (20, 40, True)]
    assert orders[0]["target"] == {"host": "localhost", "port": 8000}


def test_the_warm_up_sends_the_first_level_for_half_its_time_on_connections_of_their_own() -> None:
    orders = script_of(make_server(load=TWO_LEVELS, warm_up_seconds=4))["warm_up_orders"]
    assert (orders["rate"], orders["count"], orders["keep_alive"]) == (5, 10, False)


@pytest.mark.parametrize("seconds", [0, 0.1])
def test_a_warm_up_without_time_for_a_request_sends_none(seconds: float) -> None:
    assert script_of(make_server(load=TWO_LEVELS, warm_up_seconds=seconds))["warm_up_orders"] is None


def test_a_load_generator_of_the_users_own_gets_no_orders() -> None:
    script = script_of(make_server(load=ClientCommand(argv=("k6",))))
    assert script["levels"] == [{"orders": None, "file": load_file(0)}]
    assert script["warm_up_orders"] is None


def test_a_collection_is_one_request() -> None:
    script = script_of(make_server(collect=LoadRequest(method="POST", path="/gc")))
    assert (script["collects"], script["collect"]["count"]) == (True, 1)
    (request,) = script["collect"]["requests"]
    assert (request["method"], request["path"]) == ("POST", "/gc")


def test_a_collection_by_a_signal_waits_for_the_host() -> None:
    script = script_of(make_server(collect=CollectSignal(name="SIGUSR1")))
    assert (script["collects"], script["collect"], script["collect_file"]) == (True, None, COLLECT_FILE)


def test_no_file_of_the_host_means_two_things() -> None:
    names = [SERVER_FILE, COLLECT_FILE, *map(load_file, range(9)), *map(service_file, ("db", "ready", "load-0"))]
    assert len(set(names)) == len(names)
