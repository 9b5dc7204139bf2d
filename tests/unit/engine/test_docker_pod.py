"""A pod does what the load client's lines ask for, and leaves nothing that runs. The daemon is a scripted one."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
from servers import CACHE, DATABASE, make_server, make_server_spec

from factories import make_raw
from memcap.engine import docker_pod
from memcap.engine.docker_pod import Pod
from memcap.errors import EngineError, Interrupted
from memcap.model import (
    ClientCommand,
    CollectSignal,
    CommandReady,
    PutFile,
    RawRun,
    RawServing,
    Readiness,
    RunSpec,
    ServerWorkload,
    Service,
)

PATIENCE_SECONDS = 30
BY_COMMAND = Readiness(check=CommandReady(argv=("pg_isready", "-q")), interval_seconds=0.001)
SERVER = make_server_spec().name
STOP = ("kill", SERVER, "SIGTERM")
CLIENT, HOLDER, DB = f"{SERVER}-client", f"{SERVER}-pod", f"{SERVER}-db"


def line(event: str, **facts: Any) -> bytes:
    return json.dumps({"event": event, "at": 5, **facts}).encode() + b"\n"


class Daemon:
    """What a pod uses of Docker's API and of the engine; ``happened`` has it in its order.

    ``lines`` are what the client says, in pieces. Containers end by a signal, or at once if they are in ``ending``.
    """

    def __init__(self, lines: Callable[[Daemon], Iterator[bytes]], *, ending: Iterable[str] = ()) -> None:
        self._lines = lines
        self._ended = {name: threading.Event() for name in (SERVER, DB, f"{SERVER}-cache", f"{SERVER}-load-0")}
        self._changed = threading.Condition()
        self.api = self
        self.happened: list[tuple[str, ...]] = []
        self.specs: dict[str, RunSpec] = {}
        self.files: dict[str, list[PutFile]] = {}
        self.exit_codes = iter([1, 1, 0])
        self.is_cancelled = False
        self.cannot_create = ""
        for name in ending:
            self._ended[name].set()

    def note(self, *what: str) -> None:
        with self._changed:
            self.happened.append(what)
            self._changed.notify_all()

    def wait_for(self, *what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: what in self.happened, PATIENCE_SECONDS), what

    def create_host_config(self, **options: Any) -> dict[str, Any]:
        return options

    def create_container(self, image: str, *, name: str, **options: Any) -> dict[str, str]:
        if name == self.cannot_create:
            raise OSError("no space left")
        self.note("create", name)
        return {"Id": name}

    def start(self, container: str) -> None:
        self.note("start", container)

    def kill(self, container: str, signal: str) -> None:
        self.note("kill", container, signal)
        if not signal.startswith("SIGUSR"):
            self._ended[container].set()

    def put_archive(self, container: str, path: str, data: bytes) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for name in tar.getnames():
                self.note("put", f"{path}/{name}")

    def logs(self, container: str, *, stream: bool = False, **options: Any) -> bytes | Iterator[bytes]:
        return self._lines(self) if stream else b"last words \xff"

    def exec_create(self, container: str, command: list[str], *, user: str) -> dict[str, str]:
        self.note("exec", container, *command, user)
        return {"Id": "e"}

    def exec_start(self, name: str) -> bytes:
        assert name == "e"
        return b"connecting\nno such table\n"

    def exec_inspect(self, name: str) -> dict[str, int]:
        return {"ExitCode": next(self.exit_codes)}

    def run(
        self, spec: RunSpec, *, files: Iterable[PutFile] = (), started: Callable[[str], None] | None = None
    ) -> RawRun:
        self.specs[spec.name], self.files[spec.name] = spec, list(files)
        self.note("run", spec.name)
        assert started is not None
        started(spec.name)
        assert self._ended[spec.name].wait(PATIENCE_SECONDS)
        self.note("ended", spec.name)
        return make_raw(output=spec.name, error_output="its errors")

    @contextmanager
    def removed_at_the_end(self, container: str) -> Iterator[None]:
        try:
            yield
        finally:
            self.note("remove", container)

    def refuse_when_cancelled(self) -> None:
        if self.is_cancelled:
            raise Interrupted("the run was stopped")


def executed(daemon: Daemon, workload: ServerWorkload | None = None) -> RawRun:
    spec = make_server_spec(workload)
    assert spec.serving is not None
    return Pod(cast(Any, daemon), spec, spec.serving, daemon).execute()


def serving_of(raw: RawRun) -> RawServing:
    assert raw.serving is not None
    return raw.serving


def names(daemon: Daemon, what: str) -> list[str]:
    return [each[1] for each in daemon.happened if each[0] == what]


def whole(daemon: Daemon) -> Iterator[bytes]:
    yield line("services_ready")
    daemon.wait_for("run", SERVER)
    yield line("ready") + line("phase", phase="warm_up")[:9]
    yield line("phase", phase="warm_up")[9:] + line("done") + b'{"event": "cut o'


def silent(daemon: Daemon) -> Iterator[bytes]:
    """Say nothing until the client is removed."""
    daemon.wait_for("remove", CLIENT)
    yield from ()


def test_a_run_from_its_start_to_its_end() -> None:
    files = (PutFile(source="/init.sql", target="/docker-entrypoint-initdb.d/init.sql"),)
    daemon = Daemon(whole)
    raw = executed(daemon, make_server(services=(replace(DATABASE, files=files), CACHE)))
    cache = f"{SERVER}-cache"
    assert names(daemon, "create") == [HOLDER, CLIENT]
    assert names(daemon, "start") == [HOLDER, CLIENT]
    assert sorted(names(daemon, "run")[:2]) == sorted([DB, cache])
    assert names(daemon, "run")[2:] == [SERVER], "when the services are ready"
    stops = [each for each in daemon.happened if each[0] == "kill"]
    assert stops == [("kill", name, "SIGTERM") for name in (SERVER, DB, cache)]
    assert names(daemon, "remove") == [CLIENT, HOLDER]
    assert raw.output == SERVER
    serving = serving_of(raw)
    assert [json.loads(each)["event"] for each in serving.events.splitlines()] == [
        "services_ready",
        "ready",
        "phase",
        "done",
    ]
    assert [each and each.output for each in serving.services] == [DB, cache]
    assert (serving.client_errors, serving.tools) == ("last words \N{REPLACEMENT CHARACTER}", ())
    assert daemon.files == {DB: list(files), cache: [], SERVER: []}


def test_all_members_have_the_network_of_the_holder() -> None:
    daemon = Daemon(whole)
    executed(daemon, make_server(services=(DATABASE,)))
    assert {spec.policy.network for spec in daemon.specs.values()} == {f"container:{HOLDER}"}
    assert {spec.policy.add_hosts for spec in daemon.specs.values()} == {()}


def test_the_client_has_its_program_and_its_script_before_it_starts() -> None:
    daemon = Daemon(whole)
    executed(daemon)
    before = daemon.happened[: daemon.happened.index(("start", CLIENT))]
    put = {each[1].rpartition("/")[2] for each in before if each[0] == "put"}
    assert {"script.json", "__main__.py", "leading.py", "client.py", "connection.py"} <= put


def test_a_server_that_ends_early_ends_the_run() -> None:
    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready")
        yield from silent(daemon)

    daemon = Daemon(lines, ending=[SERVER])
    raw = executed(daemon, make_server(services=(DATABASE,)))
    assert raw.output == SERVER
    assert [each for each in daemon.happened if each[0] == "kill"] == [("kill", DB, "SIGTERM")]


def test_a_service_that_ends_early_ends_the_run_before_the_server_is_started() -> None:
    daemon = Daemon(silent, ending=[DB])
    raw = executed(daemon, make_server(services=(DATABASE,)))
    assert names(daemon, "run") == [DB]
    assert raw.failure == "the server was not started"
    assert [each and each.output for each in serving_of(raw).services] == [DB]


@pytest.mark.parametrize("last", [b"", line("not_ready", why="refused"), b"Traceback\n"])
def test_a_client_that_ends_early_ends_the_run(last: bytes) -> None:
    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready")
        daemon.wait_for("run", SERVER)
        yield last

    daemon = Daemon(lines)
    serving = serving_of(executed(daemon))
    assert STOP in daemon.happened
    assert serving.events.splitlines()[1:] == last.decode().splitlines()


def test_a_log_that_breaks_off_is_the_end_of_the_client() -> None:
    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready")
        daemon.wait_for("run", SERVER)
        raise OSError("the connection broke")

    daemon = Daemon(lines)
    executed(daemon)
    assert STOP in daemon.happened


def test_what_started_is_killed_when_the_client_cannot_be_created() -> None:
    daemon = Daemon(silent)
    daemon.cannot_create = CLIENT
    with pytest.raises(OSError, match="no space left"):
        executed(daemon, make_server(services=(DATABASE,)))
    assert ("kill", DB, "SIGKILL") in daemon.happened
    assert names(daemon, "remove") == [HOLDER]
    assert daemon.happened.index(("ended", DB)) < daemon.happened.index(("remove", HOLDER))


def test_a_run_that_is_stopped_ends_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_pod, "LOOK_SECONDS", 0.01)

    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready")
        daemon.wait_for("run", SERVER)
        daemon.is_cancelled = True
        yield from silent(daemon)

    daemon = Daemon(lines)
    with pytest.raises(Interrupted):
        executed(daemon, make_server(services=(DATABASE,)))
    assert {("kill", DB, "SIGKILL"), ("kill", SERVER, "SIGKILL")} <= set(daemon.happened)
    assert names(daemon, "remove") == [CLIENT, HOLDER]


def test_nothing_is_created_for_a_run_that_is_stopped_before() -> None:
    daemon = Daemon(silent)
    daemon.is_cancelled = True
    with pytest.raises(Interrupted):
        executed(daemon)
    assert daemon.happened == []


def test_a_client_that_never_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_pod, "SPARE_SECONDS", -1e6)
    daemon = Daemon(silent)
    with pytest.raises(EngineError, match="the load client was not done"):
        executed(daemon)
    assert names(daemon, "remove") == [CLIENT, HOLDER]


@pytest.mark.parametrize(("name", "file"), [("", "ready"), ("db", "service-db")])
def test_a_check_by_a_command_is_tried_until_it_succeeds(name: str, file: str) -> None:
    def lines(daemon: Daemon) -> Iterator[bytes]:
        if name:
            yield line("check_wanted", name="db")
            daemon.wait_for("put", f"/memcap/client/{file}")
        yield line("services_ready")
        if not name:
            yield line("check_wanted", name="")
            daemon.wait_for("put", f"/memcap/client/{file}")
        yield line("done")

    daemon = Daemon(lines)
    database = Service(name="db", image="postgres:15", ready=BY_COMMAND, user="postgres")
    executed(daemon, make_server(services=(database,), ready=BY_COMMAND))
    attempts = [each[1:] for each in daemon.happened if each[0] == "exec"]
    expected = (DB, "pg_isready", "-q", "postgres") if name else (SERVER, "pg_isready", "-q", "0")
    assert attempts == [expected] * 3


def test_a_load_generator_of_the_users_own_runs_in_the_pod() -> None:
    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready") + line("load_wanted")
        daemon.wait_for("put", "/memcap/client/load-0")
        yield line("done")

    tool = f"{SERVER}-load-0"
    daemon = Daemon(lines, ending=[tool])
    raw = executed(daemon, make_server(load=ClientCommand(argv=("hey", "http://localhost"))))
    spec = daemon.specs[tool]
    assert (spec.argv, spec.image_id, spec.serving) == (("hey", "http://localhost"), "sha256:py312-agents", None)
    assert (spec.stop_signal, spec.policy.network) == (0, f"container:{HOLDER}")
    assert [each.output for each in serving_of(raw).tools] == [tool]
    assert STOP in daemon.happened, "the end of the generator is not that of the run"


@pytest.mark.parametrize("ended", [SERVER, DB])
def test_a_load_generator_without_a_server_or_its_service_is_killed(ended: str) -> None:
    tool = f"{SERVER}-load-0"

    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready")
        daemon.wait_for("run", SERVER)
        yield line("load_wanted")
        daemon.wait_for("run", tool)
        daemon.kill(ended, "SIGKILL")
        yield from silent(daemon)

    daemon = Daemon(lines)
    own = ClientCommand(argv=("hey", "-z", "10m", "http://localhost"))
    raw = executed(daemon, make_server(load=own, services=(DATABASE,)))
    assert ("kill", tool, "SIGKILL") in daemon.happened
    assert [each.output for each in serving_of(raw).tools] == [tool]
    assert (STOP in daemon.happened) is (ended != SERVER)


def test_a_collection_by_a_signal() -> None:
    def lines(daemon: Daemon) -> Iterator[bytes]:
        yield line("services_ready") + line("collect_wanted")
        daemon.wait_for("put", "/memcap/client/collected")
        yield line("done")

    daemon = Daemon(lines)
    executed(daemon, make_server(collect=CollectSignal(name="SIGUSR1")))
    sent = daemon.happened.index(("kill", SERVER, "SIGUSR1"))
    assert sent < daemon.happened.index(("put", "/memcap/client/collected"))
