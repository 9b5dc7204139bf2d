"""Run a server in a pod: containers that share a network, of which the server's alone is measured as the run.

A holder owns the network. Services and the server run in it as other runs do, under the supervisor; the load client
leads through the phases, and its lines say what is to be done next (probe/memcap_load/leading.py).
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from memcap.engine.base import failed
from memcap.engine.docker_create import create_client, create_holder
from memcap.engine.docker_exec import refusal_of
from memcap.engine.docker_kept import KeptServices
from memcap.engine.docker_load_client import start_client, tell_client
from memcap.engine.docker_logs import log_lines, log_text
from memcap.engine.docker_member import TERM, Member, Runner
from memcap.errors import EngineError, FileFormatError
from memcap.load import PodEvent, parse_event
from memcap.load.script import COLLECT_FILE, SERVER_FILE, load_file, service_file
from memcap.model import (
    ClientCommand,
    CollectSignal,
    CommandReady,
    PutFile,
    RawRun,
    RawServing,
    RunSpec,
    Serving,
)

if TYPE_CHECKING:
    from docker import DockerClient

SPARE_SECONDS: Final = 60.0  # beyond the time limit that the supervisor keeps
LOOK_SECONDS: Final = 0.5  # how often it is seen whether somebody wants to stop
TOOL_BYTES: Final = 1024**3


class Pod:
    """One run of a server; ``execute`` leaves nothing behind."""

    def __init__(
        self,
        client: DockerClient,
        spec: RunSpec,
        serving: Serving,
        runner: Runner,
        kept: KeptServices | None = None,
    ) -> None:
        self._client = client
        self._spec = spec
        self._serving = serving
        self._runner = runner
        self._kept = kept
        self._happened: queue.Queue[str | Member | None] = queue.Queue()
        self._members: list[Member] = []  # of this run
        self._services: list[Member] = []
        self._lines: list[str] = []
        self._tools: list[RawRun] = []
        self._refusals: dict[str, str] = {}  # what the last attempt of a command said that is a readiness check

    def execute(self) -> RawRun:
        """Execute the run. Raises docker's errors, EngineError, Interrupted."""
        serving = self._serving
        self._runner.refuse_when_cancelled()
        size = len(serving.services) + 2
        with self._network() as network, ThreadPoolExecutor(size, "memcap-pod") as pool, self._all_ended():
            self._start_services(pool, network)
            server = Member("", self._spec, network)
            client = create_client(self._client, self._spec, serving, network)
            with self._runner.removed_at_the_end(client):
                start_client(self._client, client, serving)
                threading.Thread(target=self._listen, args=(client,), name="memcap-client", daemon=True).start()
                self._lead(client, server, pool, network)
                raw = self._stopped(server)
                left = [self._stopped(each) for each in self._services]
                errors = log_text(self._client, client, errors=True)
        return replace(
            raw if raw is not None else failed("the server was not started"),
            serving=RawServing(
                events="\n".join(self._lines),
                client_errors=errors,
                tools=tuple(self._tools),
                services=tuple(left),
            ),
        )

    @contextmanager
    def _network(self) -> Iterator[str]:
        """Yield the network that the containers join: one of their own, or that of services that outlive the run."""
        if self._kept is not None:
            with self._kept.turn():
                yield self._kept.network
            return
        holder = create_holder(self._client, self._spec)
        with self._runner.removed_at_the_end(holder):
            self._client.api.start(holder)
            yield f"container:{holder}"

    def _start_services(self, pool: ThreadPoolExecutor, network: str) -> None:
        kept = self._kept.members if self._kept is not None else {}
        for each in self._serving.services:
            name = each.service.name
            if name in kept:
                self._services.append(kept[name])
                kept[name].tell_when_over(self._happened.put)
            else:
                self._services.append(Member(name, each.run, network))
                self._start(self._services[-1], pool, each.service.files)

    def _lead(self, client: str, server: Member, pool: ThreadPoolExecutor, network: str) -> None:
        """Do what the client's lines ask for, until it is done, or something has ended that should not."""
        for event in self._events():
            if event.event == "services_ready":
                self._start(server, pool)
            elif event.event == "check_wanted":
                self._check(client, event.name, server)
            elif event.event == "load_wanted":
                self._run_tool(pool, network)
                tell_client(self._client, client, load_file(len(self._tools) - 1))
            elif event.event == "collect_wanted":
                collect = self._serving.workload.collect
                assert isinstance(collect, CollectSignal)
                server.signal(self._client, collect.name)
                tell_client(self._client, client, COLLECT_FILE)
            elif event.event in ("not_ready", "done"):
                return

    def _events(self) -> Iterator[PodEvent]:
        """Yield what the client tells, until it or a member has ended."""
        end = time.monotonic() + self._spec.time_limit_seconds + SPARE_SECONDS
        while time.monotonic() < end:
            try:
                happened = self._happened.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                self._runner.refuse_when_cancelled()
                continue
            self._runner.refuse_when_cancelled()
            if isinstance(happened, Member) and happened.is_tool:
                continue
            if happened is None or isinstance(happened, Member):
                return
            with suppress(FileFormatError):  # who reads the lines says so
                event = parse_event(happened)
                if event.event == "not_ready" and event.name in self._refusals:
                    happened = json.dumps({**json.loads(happened), "why": self._refusals[event.name]})
                self._lines.append(happened)
                yield event
                continue
            self._lines.append(happened)
        raise EngineError(
            f"the load client was not done {SPARE_SECONDS:g} s after the time limit of the run",
            remedy="Look at the load of the daemon's machine; then run it again.",
        )

    def _start(self, member: Member, pool: ThreadPoolExecutor, files: Iterable[PutFile] = ()) -> None:
        self._members.append(member)
        member.start(pool, self._runner, files)
        member.tell_when_over(self._happened.put)

    def _run_tool(self, pool: ThreadPoolExecutor, network: str) -> None:
        """Run the user's own load generator until it ends, or anything else does: then it has nothing to load."""
        tool = Member("load", self._tool_spec(), network, is_tool=True)
        self._start(tool, pool)
        assert tool.future is not None
        others = (each for each in (*self._members, *self._services) if not each.is_tool)
        wait([each.future for each in (tool, *others) if each.future is not None], return_when=FIRST_COMPLETED)
        tool.signal(self._client, "SIGKILL")
        self._tools.append(tool.future.result())

    def _listen(self, container: str) -> None:
        """Pass on the client's lines until it ends."""
        with suppress(Exception):  # the end of the lines is the end of the client; what is wrong is raised elsewhere
            for line in log_lines(self._client, container, follows=True):
                self._happened.put(line)
        self._happened.put(None)

    def _check(self, client: str, name: str, server: Member) -> None:
        """Try the command that says whether something is ready, in a thread; the client keeps the time limit."""
        member = next((each for each in self._services if each.name == name), server)
        ready = self._serving.readiness(name)
        file = service_file(name) if name else SERVER_FILE

        def attempt() -> None:
            with suppress(Exception):  # it has ended, and that is told elsewhere
                member.is_started.wait()
                while not member.is_over:
                    assert member.container is not None
                    assert isinstance(ready.check, CommandReady)
                    why = refusal_of(self._client, member.container, ready.check.argv, user=member.spec.user)
                    if not why:
                        tell_client(self._client, client, file)
                        return
                    self._refusals[name] = why
                    time.sleep(ready.interval_seconds)

        threading.Thread(target=attempt, name="memcap-check", daemon=True).start()

    def _stopped(self, member: Member) -> RawRun | None:
        """Stop a member, and return what it left; None if it was never started, or outlives the run."""
        if member.future is None or (member not in self._members and not member.is_over):
            return None
        member.signal(self._client, TERM)
        return member.future.result()

    @contextmanager
    def _all_ended(self) -> Iterator[None]:
        """Kill at the end what still runs: somebody waits for it in a thread."""
        try:
            yield
        finally:
            for member in self._members:
                with suppress(Exception):  # whatever is wrong with the daemon is raised by those who wait
                    member.signal(self._client, "SIGKILL")

    def _tool_spec(self) -> RunSpec:
        """Return a run of the user's own load generator, in the image of the server."""
        load = self._serving.workload.load
        assert isinstance(load, ClientCommand)
        name = f"{self._spec.name}-load-{len(self._tools)}"
        limit = self._serving.tool_limit_seconds
        spec = replace(self._spec, name=name, argv=load.argv, cap_bytes=TOOL_BYTES, time_limit_seconds=limit)
        spec = replace(spec, look_seconds=0.0, max_rss_bytes=None, stop_after_seconds=0.0)
        return replace(spec, serving=None, stop_signal=0, hear=None, artefacts=None)
