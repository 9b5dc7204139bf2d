"""What an engine is: it executes runs, and nothing else. It does not plan, queue, retry, store or print."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from memcap.errors import EngineError
from memcap.model import Environment, RawRun, RunSpec
from memcap.model.places import ARTEFACTS

SHM_BYTES: Final = 64 * 1024 * 1024  # of /dev/shm: Docker's own; Podman's is a little less
ARTEFACTS_LIMIT_BYTES: Final = 4 * 1024**3


class DaemonLost(EngineError):  # noqa: N818 - reads as what happened
    """The daemon cannot be reached, or does not answer: another run would fare no better."""


class Engine(Protocol):
    """Execute runs, each in a fresh container; several threads may call ``execute`` at once."""

    def environment(self) -> Environment:
        """Return where the runs happen. Raises EngineError."""
        ...

    def execute(self, spec: RunSpec) -> RawRun:
        """Execute one run and return what it left; nothing of it stays behind.

        A container that cannot be started is a RawRun with ``daemon_error``. Raises DaemonLost when the daemon goes
        away, EngineError when it cannot do what the run needs, Interrupted after ``cancel``.
        """
        ...

    def is_reachable(self) -> bool:
        """Tell whether runs can be executed, or can be again; what was left when they could not be is removed then."""
        ...

    def cancel(self) -> None:
        """Stop what is running, and refuse what is not yet running."""
        ...


def workload_options(spec: RunSpec) -> tuple[str, ...]:
    """Return the options of the supervisor that hold for the workload in a container and outside of one."""
    limits = spec.policy.limits
    sizes = {"file-size": limits.file_size_bytes, "core": limits.core_bytes, "disk": limits.disk_bytes}
    cpu_time = limits.cpu_time_seconds
    return (
        *(() if spec.quiet.thp else ("no-thp",)),
        *(() if spec.quiet.aslr else ("no-aslr",)),
        *(f"{name}={size}" for name, size in sizes.items() if size is not None),
        *(() if cpu_time is None else (f"cpu-time={_milliseconds(cpu_time)}",)),
        *_stop_options(spec),
        *((f"soak={_milliseconds(spec.look_seconds)}",) if spec.look_seconds else ()),
        *(() if spec.max_rss_bytes is None else (f"max-rss={spec.max_rss_bytes}",)),
    )


def _stop_options(spec: RunSpec) -> tuple[str, ...]:
    """Return how the supervisor stops a workload that does not end by itself, and when."""
    if not spec.stop_signal and not spec.stop_after_seconds:
        return ()
    return (
        *((f"stop={spec.stop_signal}",) if spec.stop_signal else ()),
        f"grace={round(spec.grace_seconds * 1000)}",
        *((f"stop-after={_milliseconds(spec.stop_after_seconds)}",) if spec.stop_after_seconds else ()),
    )


def _milliseconds(seconds: float) -> int:
    """Return a time that is not 0."""
    return max(1, round(seconds * 1000))


_NOTHING: Final = RawRun(
    report=None,
    workload_journal="",
    supervisor_journal="",
    output="",
    error_output="",
    output_truncated=False,
    exit_code=None,
    oom_killed_flag=None,
    oom_events=None,
)


def not_started(why: str) -> RawRun:
    """Return what a run leaves that could not be started: nothing but the reason."""
    return replace(_NOTHING, daemon_error=why)


def failed(why: str) -> RawRun:
    """Return what a run leaves of which nothing could be brought back: nothing but the reason."""
    return replace(_NOTHING, failure=why)


def removed_by_others() -> RawRun:
    """Return what a run leaves whose container somebody else removed."""
    return replace(_NOTHING, failure="someone else removed the container", removed=True)


def too_many_artefacts(limit_bytes: int) -> EngineError:
    """Return the error for a run that left more than may be brought back."""
    return EngineError(
        f"the run left more than {limit_bytes} bytes in {ARTEFACTS}",
        remedy="Let the workload do less: an instrument writes a record of each allocation.",
    )
