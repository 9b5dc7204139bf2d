"""What a run is made from, and what an engine brings back from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from memcap.model.container import ContainerPolicy
from memcap.model.matrix import Quiet
from memcap.model.server import Readiness, ServerWorkload, Service
from memcap.model.shard import ShardFacts

DAEMON_WAIT_SECONDS: Final = 60.0
BUILT: Final = "memcap/"  # how the references of images that memcap built begin

START_SECONDS: Final = 1.0  # what a container takes besides its workload: to be created, started and removed


@dataclass(frozen=True, kw_only=True)
class PythonFacts:
    """The interpreter of an image, as it describes itself."""

    executable: str
    implementation: str
    version: str
    build: str
    libc: str


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """An image as it is on the daemon. ``origin`` says where it came from, in words."""

    name: str
    reference: str
    id: str
    digest: str | None
    origin: str
    architecture: str
    python: PythonFacts | None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    working_directory: str = ""
    sets_home: bool = False
    python_path: str = ""
    stop_signal: str = ""
    mutable: bool = False

    @property
    def is_built(self) -> bool:
        """Tell whether memcap built it from a Dockerfile of the project; others were named by their reference."""
        return self.reference.startswith(BUILT)

    @property
    def content_name(self) -> str:
        """Return what changes when the image's contents do: its digest, or the content-addressed tag of our own builds.

        Their id would change with every build, as it holds the time; for other images without a digest it must do.
        """
        return self.digest or (self.id if self.mutable else self.reference)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The image derived from (image, suite), ready to run: probe, suite files and dependencies are in it."""

    image: ImageFacts
    suite: str
    id: str
    search_path: tuple[PurePosixPath, ...]


@dataclass(frozen=True, kw_only=True)
class CampaignSettings:
    """What one campaign is given beside its plan.

    ``started`` is an ISO 8601 time in UTC, ``jobs`` how many containers may run at once, ``looks`` after how many runs
    cells will be judged while more are added, the first ``early_looks`` of them early. ``keep_output`` says whether the
    end of the output of completed runs is kept, ``daemon_wait_seconds`` how long a daemon that went away is waited for,
    ``shard`` which part of a plan it is.
    ``expected_seconds`` says how long a run takes, by the ids of cells, where earlier ones are known.
    """

    id: str
    started: str
    command: tuple[str, ...]
    policy: ContainerPolicy
    time_limit_seconds: float
    jobs: int
    looks: tuple[int, ...] = ()
    early_looks: int = 0
    keep_output: bool = False
    daemon_wait_seconds: float = DAEMON_WAIT_SECONDS
    shard: ShardFacts | None = None
    expected_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Everything an engine needs to execute one run.

    ``cap_bytes`` is what the workload was promised; ``supervisor_bytes`` is added to it for the supervisor, of which it
    cannot see ``supervisor_unseen_bytes`` itself. ``cpuset``
    names the CPUs that the run may use, as "0" or "0,1" (empty: all); ``cold`` says that the page cache was
    emptied for it. ``projections`` are those of the benchmark, ``metrics`` what its function has to return (None for a
    command). ``artefacts`` is a folder of this machine that is
    /memcap/artefacts for the run: its files are put there before, and what is there afterwards is brought back.
    ``env`` is all that is added to the image's environment, and ``secrets`` are values in it that must not be stored.
    ``entrypoint`` are the words of ``argv`` that come before the command or the runner: what should start it.
    ``user`` is whom the workload runs as in the container, as Docker writes it (empty: root); ``has_home`` says that
    HOME was chosen, and is not that user's.
    ``hear`` is called with each line of its standard output while it runs, by engines that can (Docker), and ``ended``
    when its container has ended, before what it left is brought back.
    ``stop_signal`` is the number of the signal that stops a server or service, which may take ``grace_seconds`` to end
    then (0: it is neither, and ends by itself). ``serving`` is what a server needs besides. ``ports`` of the container
    are published on localhost, with the same numbers.
    A soak is looked at every ``look_seconds`` (0: it is none). ``max_rss_bytes`` ends a run whose processes together
    have a larger RSS; after ``stop_after_seconds`` it is stopped (0: never), with SIGTERM if ``stop_signal`` is 0.
    """

    campaign: str
    cell_id: str
    name: str
    image_id: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cap_bytes: int
    supervisor_bytes: int
    time_limit_seconds: float
    policy: ContainerPolicy
    quiet: Quiet = field(default_factory=Quiet)
    supervisor_unseen_bytes: int = 0
    cpuset: str = ""
    cold: bool = False
    projections: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    entrypoint: tuple[str, ...] = ()
    working_directory: str = ""
    user: str = ""
    has_home: bool = False
    artefacts: Path | None = None
    hear: Callable[[str], None] | None = field(default=None, compare=False)
    ended: Callable[[], None] | None = field(default=None, compare=False)
    stop_signal: int = 0
    grace_seconds: float = 0.0
    serving: Serving | None = None
    ports: tuple[int, ...] = ()
    look_seconds: float = 0.0
    max_rss_bytes: int | None = None
    stop_after_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """A service of a run, and what its container is made from."""

    service: Service
    image: str
    run: RunSpec


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What an engine needs for a run of a server besides its RunSpec.

    The client runs with ``client_python`` in the image ``client_image_id``; ``bodies`` are the
    contents of the files that its requests name, ``seed`` is what numbers are drawn from. A load generator of the
    user's own may take ``tool_limit_seconds``.
    """

    workload: ServerWorkload
    client_image_id: str
    client_python: str
    bodies: Mapping[str, bytes] = field(default_factory=dict)
    seed: int = 0
    tool_limit_seconds: float = 600.0
    services: tuple[ServiceSpec, ...] = ()

    def readiness(self, name: str) -> Readiness:
        """Return when the service ``name`` is ready, which has a check; the server's is that of the empty name."""
        if not name:
            return self.workload.ready
        found = next(each.service.ready for each in self.services if each.service.name == name)
        assert found is not None
        return found


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """Another campaign of memcap that had a container on the same daemon, and the CPUs of that (empty: all)."""

    campaign: str
    cpuset: str


@dataclass(frozen=True, kw_only=True)
class RawRun:
    """What an engine brings back from one run: files as text, and the daemon's facts.

    ``cpuset`` is what the daemon applied of the asked for, None where it does not say; ``neighbours`` ran at the
    beginning or at the end of the run. ``daemon_error`` is why it could not be started, ``failure`` why nothing could
    be brought back of it; ``removed`` says that someone else removed the container.
    """

    report: str | None
    workload_journal: str
    supervisor_journal: str
    output: str
    error_output: str
    output_truncated: bool
    exit_code: int | None
    oom_killed_flag: bool | None
    oom_events: int | None
    cpuset: str | None = None
    neighbours: tuple[Neighbour, ...] = ()
    daemon_error: str | None = None
    failure: str | None = None
    removed: bool = False
    serving: RawServing | None = None


@dataclass(frozen=True, kw_only=True)
class RawServing:
    """What an engine brings back of a server's run besides: what the client said, and what each service left.

    ``events`` are the client's lines, ``client_errors`` its error output; ``client_ran`` says that it was still sending
    its load when the run of a soak was ended. ``tools`` are what load
    generators of the user's own left, one for each load. ``services`` are in the order of Serving.services; None
    is one that outlives the run.
    """

    events: str
    client_errors: str = ""
    client_ran: bool = False
    tools: tuple[RawRun, ...] = ()
    services: tuple[RawRun | None, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PageCost:
    """How many seconds reading a page from disk takes: ``alone``, or with many others ``ahead`` of their use."""

    alone_seconds: float
    ahead_seconds: float
