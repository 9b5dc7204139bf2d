"""The load client leads servers on localhost through the phases of a run: what it tells, and what arrives there."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from load_server import ANSWER, LoadServer
from servers import make_server, make_server_spec

from memcap.load import PodEvent, make_script, parse_events
from memcap.load.script import COLLECT_FILE, SERVER_FILE, load_file, service_file
from memcap.model import (
    ClientCommand,
    CollectSignal,
    CommandReady,
    HttpReady,
    LoadRequest,
    LoadSpec,
    PhaseName,
    Readiness,
    Service,
    TcpReady,
)
from memcap.probe.programs import LOAD_CLIENT

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
SOON, LATER = 0.3, 60  # limits of time: what is not ready, and what will be
LOAD = LoadSpec(
    requests=(LoadRequest(method="GET", path="/items"),), rate=50, seconds=0.2, levels=(1, 2), concurrency=3
)
BY_COMMAND = Readiness(check=CommandReady(argv=("true",)), time_limit_seconds=LATER)

Host = Callable[[dict[str, Any]], str | None]


def nothing(_: dict[str, Any]) -> None:
    """Do nothing that the client asks for."""


class Leader:
    """The client in a folder of its own, as the engine puts it into its container."""

    def __init__(self, folder: Path, executable: str = sys.executable) -> None:
        self.folder = folder
        self.executable = executable
        self.asked: list[str] = []
        self.pid = 0
        (folder / "memcap_load").mkdir()
        for path in LOAD_CLIENT:
            shutil.copy(path, folder / "memcap_load")

    def command(self) -> list[str]:
        script = str(self.folder / "script.json")
        return [self.executable, "-I", "-B", str(self.folder / "memcap_load"), "--phases", script]

    def lead(
        self, port: int, host: Host = nothing, *, progress_seconds: float | None = None, **changes: Any
    ) -> list[PodEvent]:
        """Lead the server on ``port``; ``host`` says which file to put there after an event."""
        ready = Readiness(check=HttpReady(url=f"http://localhost:{port}/health"), time_limit_seconds=LATER)
        usual = {"ready": ready, "load": LOAD, "warm_up_seconds": 0.4, "idle_seconds": 0.1}
        serving = make_server_spec(make_server(**{**usual, **changes})).serving
        assert serving is not None
        (self.folder / "script.json").write_text(json.dumps(make_script(serving, progress_seconds=progress_seconds)))
        lines = []
        with subprocess.Popen(self.command(), stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            self.pid = client.pid
            for line in client.stdout:
                lines.append(line)
                event = json.loads(line)
                self.asked.append(event["event"])
                name = host(event)
                if name is not None:
                    (self.folder / name).touch()
        assert client.returncode == 0
        return list(parse_events(lines))


@pytest.fixture
def leader(tmp_path: Path) -> Leader:
    return Leader(tmp_path)


def phases_of(events: list[PodEvent]) -> list[PhaseName]:
    return [each.phase for each in events if each.phase is not None]


def paths_of(server: LoadServer) -> list[bytes]:
    return [head.split()[1] for head in server.heads]


def test_the_way_through_all_phases(tmp_path: Path, interpreter: str) -> None:
    leader = Leader(tmp_path, interpreter)
    with LoadServer() as server:
        events = leader.lead(server.port)
    assert [each.event for each in events] == ["services_ready", "ready", "warmed_up", *["phase"] * 5, "done"]
    assert phases_of(events) == ["warm_up", "load", "idle", "load", "idle"]
    times = [each.at for each in events]
    assert times == sorted(times)
    counts = [each.report.completed for each in events if each.report is not None]
    assert counts == [10, 10, 20]
    assert paths_of(server) == [b"/health", *[b"/items"] * 40]


def test_the_progress_of_each_load_counts_from_its_start(tmp_path: Path, interpreter: str) -> None:
    with LoadServer() as server:
        events = Leader(tmp_path, interpreter).lead(server.port, progress_seconds=0.05)
    done = [each.progress.done for each in events if each.progress is not None]
    first, second = done[: done.index(10) + 1], done[done.index(10) + 1 :]
    assert first == sorted(first)
    assert second == sorted(second)
    assert second[-1] == 20
    assert len(first) >= 2


def test_the_progress_of_a_load_of_a_minute(leader: Leader) -> None:
    """One request in ten takes 50 ms and one in 200 fails; the client's memory does not grow."""
    sizes = []

    def host(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            sizes.append(resident_bytes(leader.pid))

    load = replace(LOAD, rate=200, seconds=60, levels=(1,), concurrency=20)
    with LoadServer(
        lambda number: UNAVAILABLE if number % 200 == 199 else ANSWER,
        delay=lambda number: 0.05 if number % 10 == 0 else 0.0,
    ) as server:
        events = leader.lead(server.port, host, load=load, warm_up_seconds=0, progress_seconds=1)
    assert paths_of(server).count(b"/items") == 12_000
    (report,) = (each.report for each in events if each.report is not None)
    looks = [each.progress for each in events if each.progress is not None]
    assert (report.completed, report.failed) == (looks[-1].done, looks[-1].failed) == (11_940, 60)
    assert 55 <= len(looks) <= 62
    assert all(before.done < after.done for before, after in pairwise(looks[:-1]))
    assert report.started is not None
    since, usual = report.started.monotonic_seconds, looks[1:-1]
    assert median(abs(look.done + (look.failed or 0) - 200 * (look.seconds - since)) for look in usual) < 30
    assert median(look.p50_seconds for look in usual if look.p50_seconds) < 0.025
    assert all(look.p95_seconds >= 0.0495 for look in usual if look.p95_seconds)
    assert median(look.p99_seconds for look in usual if look.p99_seconds) < 0.1
    assert all(look.max_seconds >= 0.05 for look in usual if look.max_seconds)
    assert sizes[-1] - sizes[9] < 512 * 1024


def resident_bytes(pid: int) -> int:
    _, _, rest = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").partition("VmRSS:")
    return int(rest.split(maxsplit=1)[0]) * 1024


def test_each_request_of_the_warm_up_has_a_connection_of_its_own(leader: Leader) -> None:
    with LoadServer() as server:
        events = leader.lead(server.port)
    closing = [b"Connection: close\r\n" in head for head in server.heads]
    assert closing == [True] * 11 + [False] * 30, "the check, the warm-up, and the loads"
    opened = [each.report.connections.opened for each in events if each.report and each.report.connections]
    assert opened[0] == 10
    assert all(count <= 3 for count in opened[1:])
    assert server.connections == 1 + sum(opened)


def test_a_server_that_is_ready_later(leader: Leader) -> None:
    with LoadServer(lambda number: UNAVAILABLE if number < 3 else ANSWER) as server:
        events = leader.lead(server.port)
    assert [each.event for each in events][:2] == ["services_ready", "ready"]
    assert paths_of(server)[:5] == [b"/health"] * 4 + [b"/items"]


@pytest.mark.parametrize(
    ("statuses", "is_ready"), [((503,), True), ((200, 503), True), ((200, 404), False), ((), False)]
)
def test_the_statuses_that_mean_ready(leader: Leader, statuses: tuple[int, ...], *, is_ready: bool) -> None:
    with LoadServer(lambda _: UNAVAILABLE) as server:
        check = HttpReady(url=f"http://localhost:{server.port}/health?full=1", statuses=statuses)
        limit = LATER if is_ready else SOON
        events = leader.lead(server.port, ready=Readiness(check=check, time_limit_seconds=limit))
    assert paths_of(server)[0] == b"/health?full=1"
    last = events[1]
    if is_ready:
        assert last.event == "ready"
    else:
        assert (last.event, last.name, last.why) == ("not_ready", "", "it answered 503 Service Unavailable")
        assert len(events) == 2, "nothing comes after it"
        assert set(paths_of(server)) == {b"/health?full=1"}


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_a_server_that_does_not_listen(tmp_path: Path, interpreter: str, kind: str) -> None:
    with socket.socket() as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        port = endpoint.getsockname()[1]
        check = TcpReady(host="localhost", port=port) if kind == "tcp" else HttpReady(url=f"http://localhost:{port}/")
        ready = Readiness(check=check, time_limit_seconds=SOON)
        events = Leader(tmp_path, interpreter).lead(port, ready=ready)
    assert [(each.event, each.why) for each in events] == [
        ("services_ready", ""),
        ("not_ready", f"localhost:{port}: Connection refused"),
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [(b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"), (None, "the connection ended before the answer")],
)
def test_a_server_that_answers_something_else(leader: Leader, answer: bytes | None, why: str) -> None:
    with LoadServer(lambda _: answer, hangs_up=True) as server:
        check = HttpReady(url=f"http://localhost:{server.port}/health")
        events = leader.lead(server.port, ready=Readiness(check=check, time_limit_seconds=SOON))
    assert events[-1].event == "not_ready"
    assert why in events[-1].why


def test_an_unknown_host(leader: Leader) -> None:
    check = TcpReady(host="no-such-host.invalid", port=80)
    (_, last) = leader.lead(80, ready=Readiness(check=check, time_limit_seconds=SOON))
    assert last.why.startswith("no-such-host.invalid:80: ")


def test_services_are_ready_before_the_server(leader: Leader) -> None:
    with LoadServer() as database, LoadServer() as server:
        check = Readiness(check=TcpReady(host="localhost", port=database.port), time_limit_seconds=LATER)
        services = (Service(name="db", image="db", ready=check), Service(name="cache", image="cache", ready=BY_COMMAND))
        asked: list[str] = []

        def host(event: dict[str, Any]) -> str | None:
            if event["event"] != "check_wanted":
                return None
            asked.append(event["name"])
            assert not server.heads
            return service_file(event["name"])

        events = leader.lead(server.port, host, services=services)
    assert asked == ["cache"]
    told = [(each.event, each.name) for each in events[:5]]
    assert told == [
        ("ready", "db"),
        ("check_wanted", "cache"),
        ("ready", "cache"),
        ("services_ready", ""),
        ("ready", ""),
    ]
    assert (database.heads, events[-1].event) == ([], "done")


def test_nothing_comes_after_a_service_that_is_not_ready(leader: Leader) -> None:
    slow = Service(name="cache", image="cache", ready=replace(BY_COMMAND, time_limit_seconds=SOON))
    with LoadServer() as server:
        events = leader.lead(server.port, services=(slow, replace(slow, name="queue")))
    assert [(each.event, each.name, each.why) for each in events] == [
        ("check_wanted", "cache", ""),
        ("not_ready", "cache", "the command did not succeed"),
    ]
    assert server.connections == 0


def test_a_server_that_is_ready_by_a_command(leader: Leader) -> None:
    def host(event: dict[str, Any]) -> str | None:
        return SERVER_FILE if event["event"] == "check_wanted" else load_file(0)

    events = leader.lead(80, host, ready=BY_COMMAND, load=ClientCommand(argv=("k6",)))
    assert [each.event for each in events][:3] == ["services_ready", "check_wanted", "ready"]
    assert events[-1].event == "done"


def test_a_load_generator_of_the_users_own(leader: Leader) -> None:
    with LoadServer() as server:
        sent: list[int] = []

        def host(event: dict[str, Any]) -> str | None:
            if event["event"] == "load_wanted":
                sent.append(len(server.heads))
                return load_file(0)
            return None

        events = leader.lead(server.port, host, load=ClientCommand(argv=("k6",)))
    names = ["services_ready", "ready", "phase", "load_wanted", "phase", "phase", "done"]
    assert [each.event for each in events] == names
    assert phases_of(events) == ["warm_up", "load", "idle"]
    assert [each.report for each in events] == [None] * 7
    assert (sent, paths_of(server)) == ([1], [b"/health"]), "the client itself sends nothing"


def test_a_collection_by_a_request(leader: Leader) -> None:
    with LoadServer() as server:
        events = leader.lead(server.port, collect=LoadRequest(method="POST", path="/gc"))
    assert [each.event for each in events][-3:] == ["collected", "phase", "done"]
    assert phases_of(events)[-1] is PhaseName.COLLECT
    (report,) = (each.report for each in events if each.event == "collected")
    assert report is not None
    assert (report.requests, report.completed) == (1, 1)
    assert server.heads[-1].startswith(b"POST /gc HTTP/1.1\r\n")
    assert paths_of(server).count(b"/gc") == 1


def test_a_collection_by_a_signal_of_the_host(leader: Leader) -> None:
    def host(event: dict[str, Any]) -> str | None:
        return COLLECT_FILE if event["event"] == "collect_wanted" else None

    with LoadServer() as server:
        events = leader.lead(server.port, host, collect=CollectSignal(name="SIGUSR1"))
    assert [each.event for each in events][-3:] == ["collect_wanted", "phase", "done"]
    assert set(paths_of(server)) == {b"/health", b"/items"}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "No such file"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError"),
        ('{"format": 9}', "9, not 1"),
    ],
)
def test_a_script_that_cannot_be_read(leader: Leader, interpreter: str, script: str | None, words: str) -> None:
    leader.executable = interpreter
    if script is not None:
        (leader.folder / "script.json").write_text(script)
    ended = subprocess.run(leader.command(), capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "memcap_load: the script cannot be read" in ended.stderr
    assert words in ended.stderr
