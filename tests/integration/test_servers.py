"""Servers on the real daemon: what they keep is known, what goes wrong has its ending, and nothing is left behind."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from integration.measuring import scaled
from integration.serving import GUNICORN, PLAIN, UVICORN, Serve, plain, server

from memcap.config.server_words import parse_ready
from memcap.load import parse_request
from memcap.model import (
    CaveatKind,
    ClientCommand,
    CollectSignal,
    Ending,
    Measurement,
    PhaseName,
    Readiness,
    Service,
    ServiceScope,
)
from memcap.serving import kept_after_load, serving_figures

pytestmark = pytest.mark.docker
KIB, MIB = 1024, 1024 * 1024


def kinds(measured: Measurement) -> set[CaveatKind]:
    return {caveat.kind for caveat in measured.caveats}


def test_what_a_request_leaves_behind_is_found_by_request(serve: Serve) -> None:
    load = "GET /items/{1..500} rate=200 for 3s levels=1,2"
    found = serve(UVICORN, load, env={"KEPT": str(16 * KIB)}, warm_up_seconds=2.0, idle_seconds=7.0)
    run = server(found)
    kept = kept_after_load([run])
    per_thousand = serving_figures([run]).kept_per_1000_requests.slope

    assert found.ending is Ending.COMPLETED, found.detail
    assert [load.errors for load in run.loads] == [0, 0]
    assert kept is not None
    assert kept.kept_bytes == pytest.approx(1800 * 16 * KIB, rel=0.02)
    assert per_thousand is not None
    assert per_thousand.estimate == pytest.approx(16000 * KIB, rel=0.02)
    assert [(phase.name, phase.level) for phase in run.phases] == [
        (PhaseName.START, None),
        (PhaseName.WARM_UP, None),
        (PhaseName.LOAD, 1.0),
        (PhaseName.IDLE, None),
        (PhaseName.LOAD, 2.0),
        (PhaseName.IDLE, None),
        (PhaseName.STOP, None),
    ]


def test_what_a_connection_leaves_behind_is_found_by_connection(serve: Serve) -> None:
    load = "GET /connected rate=100 for 2s keepalive=no levels=1,2"
    run = server(serve(UVICORN, load, warm_up_seconds=2.0, idle_seconds=6.5))
    per_connection = serving_figures([run]).kept_per_connection.slope

    assert [phase.connections_opened for phase in run.phases if phase.name is PhaseName.LOAD] == [200, 400]
    assert per_connection is not None
    assert per_connection.estimate == pytest.approx(64 * KIB, rel=0.03)


def test_a_worker_that_is_killed_under_load_is_counted_and_its_successor_too(serve: Serve) -> None:
    load = "GET /eat and GET / weight=30 rate=20 for 3s"
    found = serve((*GUNICORN, "--workers", "2"), load, ready="http://localhost:8000/", cap="200m")
    run = server(found)

    assert found.ending is Ending.OOM_CHILD_SWALLOWED
    assert found.exit_code == 0
    assert run.workers.oom_kills
    assert run.workers.replaced == run.workers.ended == run.workers.oom_kills
    assert run.workers.most == 2
    assert 0 < run.loads[0].errors < 60
    assert CaveatKind.LOAD_ERRORS in kinds(found)


def test_pages_that_forked_workers_share_become_their_own(serve: Serve) -> None:
    command = (*GUNICORN, "--workers", "3")
    fields: dict[str, Any] = {"ready": "http://localhost:8000/", "warm_up_seconds": 0.0, "idle_seconds": 1.0}
    shared, read = serve(command, "GET / rate=20 for 3s", **fields), serve(command, "GET /all rate=20 for 3s", **fields)

    (loaded,) = (phase for phase in server(shared).phases if phase.name is PhaseName.LOAD)
    (unshared,) = (phase for phase in server(read).phases if phase.name is PhaseName.LOAD)
    assert loaded.unreclaimable_peak_bytes
    assert unshared.unreclaimable_peak_bytes
    assert unshared.unreclaimable_peak_bytes > loaded.unreclaimable_peak_bytes + 3 * 15 * MIB
    assert sum(process.is_worker for process in unshared.processes) == 3


@pytest.mark.parametrize(
    ("words", "exit_code", "signal"), [((), 0, None), (("default",), None, 15)], ids=["by itself", "by the signal"]
)
def test_a_server_that_ends_at_its_stop_signal_has_completed(
    serve: Serve, words: tuple[str, ...], exit_code: int | None, signal: int | None
) -> None:
    found = serve(plain(*words), "GET / rate=20 for 1s")
    assert (found.ending, found.detail) == (Ending.COMPLETED, "")
    assert (found.exit_code, found.signal) == (exit_code, signal)
    assert server(found).loads[0].requests == 20


def test_one_that_does_not_is_ended_after_its_grace_period(serve: Serve) -> None:
    found = serve(plain("deaf"), "GET / rate=20 for 0.5s", grace_seconds=0.5)
    assert (found.ending, found.signal) == (Ending.TIMED_OUT, 9)
    assert "its stop signal" in found.detail


def test_one_that_is_never_ready(serve: Serve) -> None:
    found = serve(plain("8001"), "GET / rate=20 for 1s", ready_seconds=1.0)
    assert found.ending is Ending.NOT_READY
    assert found.detail.endswith("localhost:8000: Connection refused")
    assert [phase.name for phase in server(found).phases] == [PhaseName.START, PhaseName.STOP]


def test_one_that_dies_midway_is_known_by_its_last_words(serve: Serve) -> None:
    found = serve(plain(), "GET /die rate=20 for 1s", warm_up_seconds=0.0)
    assert (found.ending, found.exit_code) == (Ending.FAILED, 3)
    assert found.detail == "exit code 3; it ended by itself in its phase 'load'"
    assert "the database is gone" in found.output_tail


def test_one_that_ends_by_itself_did_not_complete(serve: Serve) -> None:
    assert serve(plain(), "GET /quit rate=20 for 1s").ending is Ending.INCOMPLETE


def test_a_port_that_is_taken(serve: Serve) -> None:
    other = Service(name="cache", image="py312", argv=plain())
    found = serve(plain(), "GET / rate=20 for 1s", services=(other,))
    assert (found.ending, found.exit_code) == (Ending.FAILED, 1)
    assert "Address already in use" in found.output_tail


def test_a_load_of_which_no_request_is_answered(serve: Serve) -> None:
    found = serve(plain(), "GET /bad rate=20 for 0.5s")
    assert found.ending is Ending.INCOMPLETE
    assert found.detail == "no request succeeded: GET /bad: 500 Internal Server Error"


def test_a_load_generator_of_ones_own(serve: Serve) -> None:
    script = (
        "from urllib.request import urlopen\n"
        "for _ in range(5): urlopen('http://localhost:8000/').read()\n"
        "print('requests: 5 total, 5 started, 5 done, 5 succeeded, 0 failed, 0 errored, 0 timeout')"
    )
    ready = shlex.join(("python3", "-c", "import socket; socket.create_connection(('localhost', 8000))"))
    found = serve(plain(), ClientCommand(argv=("python3", "-c", script)), ready=ready)
    (load,) = server(found).loads
    assert found.ending is Ending.COMPLETED, found.detail
    assert (load.requests, load.errors, load.achieved_rate) == (5, 0, None)


def test_a_collection_by_request_and_by_signal(serve: Serve) -> None:
    for collect in (parse_request("GET /collect"), CollectSignal(name="SIGUSR1")):
        found = serve(plain(), "GET / rate=20 for 0.5s", collect=collect)
        assert found.ending is Ending.COMPLETED, found.detail
        assert [phase.name for phase in server(found).phases][-2:] == [PhaseName.COLLECT, PhaseName.STOP]


def test_a_service_is_reached_by_its_name_and_has_figures_of_its_own(serve: Serve) -> None:
    ready = Readiness(check=parse_ready("http://shop-db:8001/"), time_limit_seconds=scaled(20))
    database = Service(name="shop-db", image="py312", argv=plain("8001"), ready=ready, cap_bytes=100 * MIB)
    found = serve(plain(), "GET / rate=20 for 0.5s", services=(database,))
    (service,) = server(found).services
    assert found.ending is Ending.COMPLETED, found.detail
    assert (service.name, service.cap_bytes, service.exit_code, service.log_tail) == ("shop-db", 100 * MIB, 0, "")
    assert service.ready_seconds is not None
    assert 5 * MIB < (service.unreclaimable_peak_bytes or 0) < 30 * MIB


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("print('cannot open the data'); raise SystemExit(4)", "cache: it ended with exit code 4 before it was ready"),
        ("import time; time.sleep(60)", "cache: it was not ready within 1.0 s: localhost:8001: Connection refused"),
        ("x = bytearray(200 << 20)", "cache: the kernel killed 1 process of it at its cap of 100.0 MiB"),
    ],
    ids=["dies", "never", "killed"],
)
def test_a_service_that_fails_is_named_with_its_last_words(serve: Serve, script: str, told: str) -> None:
    ready = Readiness(check=parse_ready("tcp://localhost:8001"), time_limit_seconds=1.0)
    service = Service(name="cache", image="py312", argv=("python3", "-c", script), ready=ready, cap_bytes=100 * MIB)
    found = serve(plain(), "GET / rate=20 for 0.5s", services=(service,))
    assert (found.ending, found.detail) == (Ending.SERVICE_FAILED, told)
    (figures,) = server(found).services
    assert figures.log_tail == ("cannot open the data" if "open" in script else "")


def test_a_service_that_dies_under_load(serve: Serve) -> None:
    script = "import time; time.sleep(2.5); print('disk failure'); raise SystemExit(5)"
    service = Service(name="cache", image="py312", argv=("python3", "-c", script))
    found = serve(plain(), "GET / rate=20 for 5s", services=(service,))
    assert (found.ending, found.detail) == (Ending.SERVICE_FAILED, "cache: it ended with exit code 5")
    assert server(found).services[0].log_tail == "disk failure"


COUNTING = """
import http.server, itertools
numbers = itertools.count(1)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path == "/next":
            self.wfile.write(b"start %d" % next(numbers))
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", 8001), Handler).serve_forever()
"""


def test_a_service_may_outlive_its_runs(serve: Serve) -> None:
    ready = Readiness(check=parse_ready("http://kept:8001/"), time_limit_seconds=scaled(20))
    argv = ("python3", "-c", COUNTING)
    kept = Service(name="kept", image="py312", argv=argv, ready=ready, scope=ServiceScope.CAMPAIGN)
    asking = "import urllib.request; print(urllib.request.urlopen('http://kept:8001/next').read().decode(), flush=True)"
    first, second = serve.several(2, ("python3", "-c", asking + PLAIN), "GET / rate=20 for 0.5s", services=(kept,))
    assert (first.ending, second.ending) == (Ending.COMPLETED, Ending.COMPLETED), first.detail or second.detail
    assert ("start 1" in first.output_tail, "start 2" in second.output_tail) == (True, True)
    (figures,) = server(second).services
    assert (figures.name, figures.unreclaimable_peak_bytes, figures.exit_code) == ("kept", None, None)


def test_a_service_that_outlives_its_runs_and_dies_fails_the_run_it_dies_in(serve: Serve) -> None:
    script = "import time; time.sleep(3); raise SystemExit(5)"
    kept = Service(name="kept", image="py312", argv=("python3", "-c", script), scope=ServiceScope.CAMPAIGN)
    (found,) = serve.several(1, plain(), "GET / rate=20 for 5s", services=(kept,))
    assert (found.ending, found.detail) == (Ending.SERVICE_FAILED, "kept: it ended with exit code 5")
