"""A server under load: when it is ready, what is sent to it, what runs next to it, and what a run of it yielded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from memcap.model.server_load import LoadOutcome, LoadRequest, LoadSpec, LoadTarget, LoadTimes
from memcap.model.workload import CommandWorkload

READY_SECONDS: Final = 60.0
READY_INTERVAL_SECONDS: Final = 0.1
SERVICE_CAP_BYTES: Final = 512 * 1024**2
HTTP_PORT: Final = 80
CLIENT_LAYER: Final = ("", "client")  # where the layers of a plan have that of the load client
# As Docker's --stop-signal and STOPSIGNAL have them, with the numbers that they have on x86_64 and aarch64 (signal(7)).
SIGNALS: Final[Mapping[str, int]] = {
    "SIGTERM": 15,
    "SIGINT": 2,
    "SIGQUIT": 3,
    "SIGHUP": 1,
    "SIGUSR1": 10,
    "SIGUSR2": 12,
    "SIGWINCH": 28,
    "SIGKILL": 9,
}
STOP_SIGNALS: Final = tuple(SIGNALS)
_FIRST_REAL_TIME: Final = 34
_LAST_SIGNAL: Final = 64
_NUMBERED: Final = re.compile(r"((?:SIG)?RTMIN\+)?(\d{1,2})", re.ASCII)


class PhaseName(str, Enum):
    """The phases of a run of a server, in their order; each level is a load, and an idle phase after it."""

    START = "start"
    WARM_UP = "warm_up"
    LOAD = "load"
    IDLE = "idle"
    COLLECT = "collect"
    STOP = "stop"


def signal_number(name: str) -> int:
    """Return the number of a signal as STOPSIGNAL of an image spells it; that of SIGTERM if there is none such."""
    name = name.upper()
    numbered = _NUMBERED.fullmatch(name)
    number = int(numbered[2]) + (_FIRST_REAL_TIME if numbered[1] else 0) if numbered else 0
    if 0 < number <= _LAST_SIGNAL:
        return number
    return SIGNALS.get(f"SIG{name.removeprefix('SIG')}", SIGNALS["SIGTERM"])


@dataclass(frozen=True, kw_only=True)
class TcpReady:
    """A server is ready when it accepts a connection."""

    host: str
    port: int

    @property
    def target(self) -> LoadTarget:
        """Return where the server listens."""
        return LoadTarget(host=self.host, port=self.port)


@dataclass(frozen=True, kw_only=True)
class HttpReady:
    """A server is ready when it answers GET ``url`` with one of ``statuses``; empty means any from 200 to 399."""

    url: str
    statuses: tuple[int, ...] = ()

    @property
    def target(self) -> LoadTarget:
        """Return where the server listens."""
        parts = urlsplit(self.url)
        return LoadTarget(host=parts.hostname or "", port=parts.port or HTTP_PORT)

    @property
    def path(self) -> str:
        """Return what is asked for, as a request line has it."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def accepts(self, status: int) -> bool:
        """Tell whether an answer with ``status`` means ready."""
        return status in self.statuses if self.statuses else 200 <= status < 400


@dataclass(frozen=True, kw_only=True)
class CommandReady:
    """A server is ready when a command in its container exits with 0."""

    argv: tuple[str, ...]

    @property
    def target(self) -> LoadTarget | None:
        """Return None: a command does not say where the server listens."""
        return None


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """How to find out that a server is ready, how often to try, and for how long."""

    check: TcpReady | HttpReady | CommandReady
    time_limit_seconds: float = READY_SECONDS
    interval_seconds: float = READY_INTERVAL_SECONDS


@dataclass(frozen=True, kw_only=True)
class ClientCommand:
    """A load generator of the user's own, which runs in a container next to the server."""

    argv: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CollectSignal:
    """A signal to the main process that makes the workload collect its garbage."""

    name: str


class ServiceScope(str, Enum):
    """How long one container of a service lives."""

    RUN = "run"
    CAMPAIGN = "campaign"


@dataclass(frozen=True, kw_only=True)
class PutFile:
    """A file or folder of this machine, ``source``, that is copied to ``target`` in a container."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A program that a server needs next to it, in a container of its own; servers reach it by ``name``.

    It is the image ``image`` (a name of the project, or a reference), or the Debian package ``package``. ``argv`` empty
    means the image's own command. ``tmpfs`` holds targets with their options, as `docker run --tmpfs` does. None for
    ``user`` and ``stop_signal`` means the image's own; None for ``ready`` means ready as soon as it runs.
    """

    name: str
    image: str | None = None
    package: str | None = None
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cap_bytes: int = SERVICE_CAP_BYTES
    ready: Readiness | None = None
    files: tuple[PutFile, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    scope: ServiceScope = ServiceScope.RUN
    stop_signal: str | None = None

    @property
    def image_name(self) -> str:
        """Return the name of its image: as it was given, or that of the one made from its package."""
        return self.image or f"debian/{self.package}"

    @property
    def layer_name(self) -> tuple[str, str]:
        """Return where the layers of a plan have that of its image."""
        return self.image_name, ""


@dataclass(frozen=True, kw_only=True)
class ServerWorkload(CommandWorkload):
    """A program that serves until it is stopped, measured phase by phase.

    After its start and ``warm_up_seconds`` it gets the load, then ``idle_seconds`` of rest, both for each level. Then
    come ``collect``, if it offers a hook for that, and the image's stop signal; ``grace_seconds`` later it is killed.
    ``idle_seconds`` should be longer than the server's keep-alive timeout: until then closed connections look like a
    leak.
    """

    ready: Readiness
    load: LoadSpec | ClientCommand
    warm_up_seconds: float = 5.0
    idle_seconds: float = 8.0
    collect: LoadRequest | CollectSignal | None = None
    grace_seconds: float = 10.0
    services: tuple[Service, ...] = ()

    @property
    def levels(self) -> tuple[float, ...]:
        """Return the factors of the rate; each is a load of its own."""
        return self.load.levels if isinstance(self.load, LoadSpec) else (1.0,)

    @property
    def configured_seconds(self) -> float:
        """Return how long the phases last whose length is configured."""
        load = self.load.seconds if isinstance(self.load, LoadSpec) else 0.0
        return self.warm_up_seconds + len(self.levels) * (load + self.idle_seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseMark:
    """When a phase began and ended, in seconds since the supervisor's start, as in Moment; ``level`` is of a load."""

    name: PhaseName
    start_seconds: float
    end_seconds: float
    level: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessMoment:
    """A process of the workload at one time of a run; ``parent`` is the process that started it."""

    seconds: float
    pid: int
    parent: int
    name: str
    rss_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessRss:
    """The most memory that a process had resident in a phase; ``is_worker`` tells whether it does the work."""

    pid: int
    name: str
    rss_bytes: int
    is_worker: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseFigures:
    """What a phase needed. The ``settled`` bytes are the least and the most unreclaimable memory in its last quarter.

    ``requests`` is how many ended in a load; ``connections`` how many were open at once, ``connections_opened`` in all.
    Figures are None where no sample is in the phase.
    """

    name: PhaseName
    start_seconds: float
    end_seconds: float
    level: float | None = None
    requests: int | None = None
    connections: int | None = None
    connections_opened: int | None = None
    peak_bytes: int | None = None
    unreclaimable_peak_bytes: int | None = None
    settled_low_bytes: int | None = None
    settled_high_bytes: int | None = None
    processes: tuple[ProcessRss, ...] = ()

    @property
    def settled_bytes(self) -> float | None:
        """Return the middle between the two ends of what was held at the end of the phase."""
        if self.settled_low_bytes is None or self.settled_high_bytes is None:
            return None
        return (self.settled_low_bytes + self.settled_high_bytes) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFigures:
    """How a load went: ``requests`` that were to be sent, and how many of them failed."""

    requests: int
    errors: int
    level: float | None = None
    achieved_rate: float | None = None
    latency_seconds: LoadTimes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFigures:
    """What a service needed, how long it took until it was ready, and the end of its log if it failed."""

    name: str
    image: str
    ready_seconds: float | None = None
    cap_bytes: int | None = None
    peak_bytes: int | None = None
    unreclaimable_peak_bytes: int | None = None
    oom_kills: int | None = None
    exit_code: int | None = None
    log_tail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerFigures:
    """How many workers there were at most, and how many ended, were replaced and were OOM-killed before the stop.

    None means that it was not observed.
    """

    most: int | None = None
    ended: int | None = None
    replaced: int | None = None
    oom_kills: int | None = None


@dataclass(frozen=True, kw_only=True)
class ServerRecord:
    """What an engine brings back from a run of a server, next to its RawRun.

    ``clock_seconds`` is the machine's monotonic clock at the supervisor's start, from which ``marks`` and ``processes``
    count. ``loads`` are in the order of the phases that are loads.
    """

    clock_seconds: float
    marks: tuple[PhaseMark, ...]
    loads: tuple[LoadOutcome, ...] = ()
    services: tuple[ServiceFigures, ...] = ()
    processes: tuple[ProcessMoment, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerRun:
    """What a run of a server yielded besides the figures that every run has."""

    phases: tuple[PhaseFigures, ...] = ()
    loads: tuple[LoadFigures, ...] = ()
    services: tuple[ServiceFigures, ...] = ()
    workers: WorkerFigures = WorkerFigures()
    process_series: tuple[ProcessMoment, ...] = ()
