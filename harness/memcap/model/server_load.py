"""A load on a server: which requests are sent at which rate, and how they were answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

KEPT_RATE: Final = 0.98  # of the rate: below that it was missed
LATE_SECONDS: Final = 0.05  # how late a client with time to spare may send, in 99 % of the cases
SECRET_HEADER: Final = re.compile(r"auth|cookie|key|password|secret|session|token", re.IGNORECASE)
BUSY_SHARE: Final = 0.8  # of a CPU: above that a client has no time to spare


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """One kind of request; ``{a..b}`` in the path and in the body stands for a number drawn from the seed.

    ``body`` is the name of a file. A request of weight 3 is sent three times as often as one of weight 1.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    weight: int = 1

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the values of headers that must not be stored, going by their names."""
        return tuple(value for name, value in self.headers if SECRET_HEADER.search(name))


@dataclass(frozen=True, kw_only=True)
class LoadSpec:
    """What to send: ``rate`` requests a second for ``seconds``; ``levels`` multiply the rate, one load after another.

    A request without an answer ``timeout_seconds`` after it was due is an error.
    """

    requests: tuple[LoadRequest, ...]
    rate: float
    seconds: float
    concurrency: int = 10
    keep_alive: bool = True
    timeout_seconds: float = 10.0
    levels: tuple[float, ...] = (1.0,)

    @property
    def count(self) -> int:
        """Return how many requests that is at level 1."""
        return round(self.rate * self.seconds)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the values of headers that must not be stored, going by their names."""
        return tuple(value for request in self.requests for value in request.secrets)

    def at_level(self, level: float) -> LoadSpec:
        """Return the load at one of its levels."""
        return replace(self, rate=self.rate * level, levels=(1.0,))


@dataclass(frozen=True, kw_only=True)
class LoadTarget:
    """Where the requests go: a host and port, or a Unix socket."""

    host: str = "localhost"
    port: int = 80
    unix: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoadErrors:
    """How many requests failed in one way, and what one of them met."""

    count: int
    example: str


@dataclass(frozen=True, kw_only=True)
class LoadTimes:
    """Percentiles of durations in seconds; ``p95`` is None where it was not measured."""

    p50: float
    p95: float | None
    p99: float
    max: float


@dataclass(frozen=True, kw_only=True)
class LoadMoment:
    """A time on the machine's monotonic clock and on its wall clock."""

    monotonic_seconds: float
    wall_seconds: float


@dataclass(frozen=True, kw_only=True)
class LoadConnections:
    """What became of the connections; ``retried`` requests met one that the server had closed."""

    opened: int
    closed_by_server: int
    most_open: int
    retried: int


@dataclass(frozen=True, kw_only=True)
class LoadOutcome:
    """How a load went. Of another tool than memcap's client only the counts are known; the rest is None or empty.

    ``completed`` requests were answered with a status below 400; ``errors`` has the others by kind. ``queued`` is how
    many found no free connection when they were due. ``lateness`` and ``cpu_seconds`` are the client's own.
    """

    tool: str
    requests: int
    completed: int
    errors: Mapping[str, LoadErrors] = field(default_factory=dict)
    sent: int | None = None
    queued: int | None = None
    stopped: bool | None = None
    rate: float | None = None
    achieved_rate: float | None = None
    latency: LoadTimes | None = None
    lateness: LoadTimes | None = None
    cpu_seconds: float | None = None
    started: LoadMoment | None = None
    ended: LoadMoment | None = None
    connections: LoadConnections | None = None

    @property
    def failed(self) -> int:
        """Return how many requests ended in an error."""
        return sum(error.count for error in self.errors.values())

    @property
    def unfinished(self) -> int:
        """Return how many requests a load that was stopped had not sent, or got no answer to."""
        return self.requests - self.completed - self.failed

    @property
    def missed_rate(self) -> bool | None:
        """Whether requests were sent more slowly than asked; None if it is not known, or none was sent."""
        if self.rate is None or not self.achieved_rate:
            return None
        # A single late request is more than 2 % of a short load.
        late_seconds = self.requests / self.achieved_rate - self.requests / self.rate
        return self.achieved_rate < self.rate * KEPT_RATE and late_seconds > LATE_SECONDS

    @property
    def client_was_slow(self) -> bool | None:
        """Whether the client itself was too late or too busy for its latency to be the server's; None if not known."""
        if self.lateness is None or self.cpu_seconds is None or self.started is None or self.ended is None:
            return None
        duration = self.ended.monotonic_seconds - self.started.monotonic_seconds
        return self.lateness.p99 > LATE_SECONDS or self.cpu_seconds > BUSY_SHARE * max(duration, 1.0)
