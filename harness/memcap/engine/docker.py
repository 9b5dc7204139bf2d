"""Execute runs on one Docker daemon, which may be on another machine: nothing here relies on shared files."""

# ruff: noqa: PLC0415

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from memcap.engine.base import not_started, removed_by_others
from memcap.engine.docker_archive import bring_files, packed
from memcap.engine.docker_client import already_gone, answers, environment, translated
from memcap.engine.docker_collect import collect, own_lines
from memcap.engine.docker_create import create_run
from memcap.engine.docker_kept import KeptServices, is_kept
from memcap.engine.docker_labels import CAMPAIGN_LABEL
from memcap.engine.docker_logs import log_lines
from memcap.engine.docker_mounts import copy_in, put_files
from memcap.engine.docker_neighbours import Neighbours
from memcap.engine.docker_pod import Pod
from memcap.engine.framed import begins_report, new_secret
from memcap.errors import EngineError, Interrupted
from memcap.model import Environment, Neighbour, PutFile, RawRun, RunSpec, Serving
from memcap.model.places import ARTEFACTS

if TYPE_CHECKING:
    from docker import DockerClient

HTTP_GRACE_SECONDS: Final = 60
OOM_EVENT_GRACE_SECONDS: Final = 0.2  # the event may come after the container's end (containerd #12405)


class DockerEngine:
    """Execute runs in fresh containers of ``client``'s daemon, labelled with ``campaign``; use as a context manager.

    ``copies_mounts``: the daemon cannot see this machine's files, which are copied into containers then.
    """

    def __init__(self, client: DockerClient, *, campaign: str, copies_mounts: bool = False) -> None:
        self._client = client
        self._campaign = campaign
        self._neighbours = Neighbours(client, campaign=campaign)
        self._copies_mounts = copies_mounts
        self._cancelled = threading.Event()
        self._running: set[str] = set()
        self._left: set[str] = set()  # what could not be removed when the daemon did not answer
        self._recovering = threading.Lock()
        self._kept: list[KeptServices] = []
        self._keeping = threading.Lock()
        self._oom_events: Counter[str] = Counter()
        self._events: Any = None
        self._is_listening = False

    def __enter__(self) -> DockerEngine:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for kept in self._kept:
            kept.close()
        self._events.close()
        if self._left and answers(self._client):
            self._remove_left()

    def environment(self) -> Environment:
        """Return the daemon's machine. Raises EngineError."""
        return environment(self._client)

    def cancel(self) -> None:
        """Kill what is running; ``execute`` then raises Interrupted."""
        self._cancelled.set()
        if self._running and answers(self._client):
            for container in tuple(self._running):
                # It may have ended by itself in the meantime; whoever started it removes it.
                with suppress(EngineError), translated("stop a container"):
                    self._client.api.kill(container)

    def is_reachable(self) -> bool:
        """Tell whether the daemon answers; if so, remove what is left from when it did not, and hear its events."""
        if not answers(self._client):
            return False
        with self._recovering:
            self._remove_left()
            if not self._is_listening:
                try:
                    self._listen()
                except EngineError:
                    return False
        return True

    def execute(self, spec: RunSpec) -> RawRun:
        """Execute one run in a fresh container, or a server's in a pod. Raises EngineError, Interrupted."""
        if spec.serving is None:
            return self.run(spec)
        with translated(f"run {spec.name}"):
            kept = self._kept_for(spec, spec.serving) if is_kept(spec.serving) else None
            return Pod(self._client, spec, spec.serving, self, kept).execute()

    def _kept_for(self, spec: RunSpec, serving: Serving) -> KeptServices:
        """Return the services that outlive the run, started unless they run already."""
        with self._keeping:
            for kept in self._kept:
                if kept.serves(spec, serving):
                    return kept
            self._kept.append(KeptServices(self._client, spec, serving, self))
            return self._kept[-1]

    def run(
        self, spec: RunSpec, *, files: Iterable[PutFile] = (), started: Callable[[str], None] | None = None
    ) -> RawRun:
        """Execute one run in a fresh container, with ``files`` in it; ``started`` hears its id once it runs.

        Raises EngineError, Interrupted.
        """
        from docker.errors import APIError

        self.refuse_when_cancelled()
        secret = new_secret()
        with translated(f"run {spec.name}"):
            try:
                container = create_run(self._client, spec, secret, copies_mounts=self._copies_mounts)
            except APIError as error:
                return not_started(str(getattr(error, "explanation", None) or error))
            with self.removed_at_the_end(container):
                try:
                    put_files(self._client, container, files)
                    return self._run(container, spec, secret, started)
                except APIError:
                    if self._is_removed(container):
                        return removed_by_others()
                    raise

    def _run(self, container: str, spec: RunSpec, secret: str, started: Callable[[str], None] | None) -> RawRun:
        from docker.errors import APIError

        if self._copies_mounts:
            copy_in(self._client, container, spec.policy)
        self._put_artefacts(container, spec)
        before = self._neighbours.find_lately()
        try:
            self._client.api.start(container)
        except APIError as error:
            return not_started(str(getattr(error, "explanation", None) or error))
        self.refuse_when_cancelled()
        if started is not None:
            started(container)
        if spec.hear is not None:
            listener = (container, spec.hear, secret)
            threading.Thread(target=self._hear, args=listener, name="memcap-output", daemon=True).start()
        self._wait(container, spec)
        self.refuse_when_cancelled()
        if spec.ended is not None:
            spec.ended()
        return self._collect(container, spec, secret, before=before)

    def _wait(self, container: str, spec: RunSpec) -> None:
        """Wait for the end of the run. The supervisor keeps the time limit; this one is for what stops it, too."""
        from requests.exceptions import ConnectionError as ConnectionBroke
        from requests.exceptions import Timeout

        try:
            self._client.api.wait(container, timeout=math.ceil(spec.time_limit_seconds) + HTTP_GRACE_SECONDS)
        except (ConnectionBroke, Timeout, TimeoutError):
            if not answers(self._client):
                raise
            status = self._client.api.inspect_container(container)["State"]["Status"]
            if status not in ("running", "paused"):
                raise
            raise EngineError(
                f"the container was {status} {HTTP_GRACE_SECONDS} s after the time limit of the run",
                remedy="Leave memcap's containers alone while they run." if status == "paused" else "",
            ) from None

    def _is_removed(self, container: str) -> bool:
        from docker.errors import NotFound

        try:
            return self._client.api.inspect_container(container)["State"]["Status"] in ("removing", "dead")
        except NotFound:
            return True

    def refuse_when_cancelled(self) -> None:
        """Raise Interrupted after ``cancel``."""
        if self._cancelled.is_set():
            raise Interrupted("the run was stopped")

    def _put_artefacts(self, container: str, spec: RunSpec) -> None:
        """Put what the run is given where it finds it; the folder of a read-only container is there, as a volume."""
        if spec.artefacts is None or (spec.policy.read_only and not any(spec.artefacts.iterdir())):
            return
        with packed(spec.artefacts, str(ARTEFACTS), with_folder=not spec.policy.read_only) as archive:
            self._client.api.put_archive(container, str(ARTEFACTS.parent), archive)

    @contextmanager
    def removed_at_the_end(self, container: str) -> Iterator[None]:
        """Remove ``container`` after the block, now or when the daemon answers again; ``cancel`` kills it."""
        from docker.errors import APIError
        from requests.exceptions import RequestException

        self._running.add(container)
        try:
            yield
        except (RequestException, OSError) as error:
            if not isinstance(error, APIError):  # no answer, and there would be none to this either
                self._left.add(container)
            raise
        finally:
            self._running.discard(container)
            if container not in self._left:
                self._remove(container)

    def _remove(self, container: str) -> None:
        """Remove it, or remember that it could not be."""
        self._left.add(container)
        with suppress(EngineError), translated("remove a container"):
            with already_gone():
                self._client.api.remove_container(container, force=True, v=True)
            self._left.discard(container)

    def _remove_left(self) -> None:
        for container in tuple(self._left):
            self._remove(container)

    def _collect(self, container: str, spec: RunSpec, secret: str, *, before: tuple[Neighbour, ...]) -> RawRun:
        after = self._neighbours.find()
        raw = collect(self._client, container, spec, secret)
        if spec.look_seconds:
            raw = replace(raw, supervisor_journal="\n".join(own_lines(self._client, container, secret)))
        if spec.artefacts is not None:
            folder = str(ARTEFACTS)
            bring_files(lambda: self._client.api.get_archive(container, folder)[0], folder, spec.artefacts)
        return replace(
            raw,
            oom_events=self._count_oom_events(container, expected=bool(raw.oom_killed_flag)),
            neighbours=tuple(dict.fromkeys((*before, *after))),
        )

    def _hear(self, container: str, hear: Callable[[str], None], secret: str) -> None:
        """Pass on the lines of the container's standard output until it ends."""
        is_output = True
        with suppress(Exception):  # the run does not depend on it, and what is wrong with the daemon is raised there
            for line in log_lines(self._client, container, follows=True):
                is_output = is_output and not begins_report(line, secret)
                if is_output:
                    hear(line)

    def _count_oom_events(self, container: str, *, expected: bool) -> int:
        deadline = time.monotonic() + OOM_EVENT_GRACE_SECONDS
        while expected and not self._oom_events[container] and time.monotonic() < deadline:
            time.sleep(0.01)
        return self._oom_events[container]

    def _listen(self) -> None:
        with translated("listen to the daemon's events"):
            self._events = self._client.events(
                decode=True,
                filters={"type": "container", "event": "oom", "label": f"{CAMPAIGN_LABEL}={self._campaign}"},
            )
        self._is_listening = True
        threading.Thread(target=self._hear_events, name="memcap-events", daemon=True).start()

    def _hear_events(self) -> None:
        with suppress(Exception):  # the runs find out themselves that the connection broke
            for event in self._events:
                self._oom_events[event.get("id") or event["Actor"]["ID"]] += 1
        self._is_listening = False
