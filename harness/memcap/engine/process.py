"""Execute runs as ordinary processes of this Linux machine, for where there is no Docker. They are no containers.

The same supervisor watches them and writes the same report. A run is capped by a cgroup of its own where this machine
lets memcap make one; elsewhere the supervisor adds up the memory of the workload's processes and ends them above the
cap, and RLIMIT_DATA keeps a single allocation from outrunning it. Nothing else is shut off: the workload sees this
machine's files, network and processes.
"""

from __future__ import annotations

import os
import platform
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import psutil

from memcap import __version__
from memcap.engine.base import not_started, workload_options
from memcap.engine.cpu import cpu_model
from memcap.engine.process_cgroup import CgroupPlace, places, remove_leftovers, run_cgroup
from memcap.engine.process_folder import RunFolder, Stage, supervisor_path
from memcap.errors import EngineError, Interrupted, PlanError
from memcap.model import PROCESS_ENGINE, Environment, RawRun, RunSpec

OUTPUT_MARKER: Final = "memcap: output begins\n"
KEPT_VARIABLES: Final = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "TZ", "USER")
# RLIMIT_DATA counts what is reserved, not what is used: 8 MiB for the stack of each thread, and BLAS libraries start
# one a CPU. So it is far above the cap; the watchdog keeps to the cap.
DATA_SLACK_BYTES: Final = 512 * 1024 * 1024
GRACE_SECONDS: Final = 30
_TRIAL_CAP_BYTES: Final = 64 * 1024 * 1024
_LAST_WORDS_SECONDS: Final = 5


class ProcessEngine:
    """Execute runs as processes of this machine; use as a context manager.

    The ``image_id`` of a run is the folder of its suite; without one ("") it works in memcap's own working folder.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._running: set[int] = set()  # PIDs of supervisors that are not reaped, so that no PID is somebody else's
        self._place: CgroupPlace | None = None

    def __enter__(self) -> ProcessEngine:
        """Find out how runs can be capped here. Raises PlanError where they cannot be run at all, EngineError."""
        refuse_unfit_machine(sys.platform)
        self._supervisor = supervisor_path(platform.machine())
        self._stage = Stage(Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="memcap-"))))
        try:
            candidates = places(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
            self._place = next((place for place in candidates if self._is_permitted(place)), None)
            if self._place is not None:
                remove_leftovers(self._place)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def environment(self) -> Environment:
        """Return this machine."""
        place = self._place
        swap = (place.memory / "memory.memsw.limit_in_bytes").exists() if place and place.version == 1 else None
        return Environment(
            engine=PROCESS_ENGINE,
            engine_version=__version__,
            cgroup_version=place.version if place else None,
            cgroup_driver="own cgroup" if place else "none",
            kernel=platform.release(),
            operating_system=_operating_system(),
            architecture=platform.machine(),
            cpus=os.cpu_count(),
            memory_bytes=psutil.virtual_memory().total,
            swap_accounting=swap,
            memcap_version=__version__,
            host=socket.gethostname(),
            cpu_model=cpu_model(),
        )

    def is_reachable(self) -> bool:
        """Tell that runs can be executed: there is no daemon that could go away."""
        return True

    def cancel(self) -> None:
        """End what is running; ``execute`` then raises Interrupted."""
        with self._lock:
            self._cancelled.set()
            for pid in self._running:
                os.kill(pid, signal.SIGTERM)

    def execute(self, spec: RunSpec) -> RawRun:
        """Execute one run. Raises EngineError, Interrupted."""
        self._refuse_when_cancelled()
        cap = spec.cap_bytes + spec.supervisor_bytes
        try:
            with self._lock:  # two threads may be the first of a suite
                if spec.image_id:
                    self._stage.add(spec.image_id)
            with self._stage.run_folder(spec.image_id) as folder, self._capped(self._place, cap, spec) as options:
                if spec.artefacts is not None:
                    folder.give(spec.artefacts)
                command = (*self._supervisor_command(spec, folder), *options, "--", *map(folder.led_here, spec.argv))
                exit_code, output, errors = self._supervise(command, spec, folder)
                self._refuse_when_cancelled()
                answers = folder.answers()
                if spec.artefacts is not None:
                    folder.bring(spec.artefacts)
        except OSError as error:
            return not_started(str(error))
        printed = output.text()
        return RawRun(
            report=answers.get("report.json"),
            workload_journal=answers.get("workload.jsonl", ""),
            supervisor_journal=answers.get("supervisor.jsonl", ""),
            output=printed.removeprefix(OUTPUT_MARKER),
            error_output=errors.text(),
            output_truncated=not printed.startswith(OUTPUT_MARKER),
            exit_code=exit_code,
            oom_killed_flag=None,
            oom_events=None,
        )

    def _refuse_when_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Interrupted("the run was stopped")

    def _is_permitted(self, place: CgroupPlace) -> bool:
        """Tell whether a supervisor can enter a cgroup there: make one and try."""
        with tempfile.TemporaryDirectory(prefix="memcap-") as folder:
            command = (str(self._supervisor), folder, "1000", "10000")
            try:
                with run_cgroup(place, cap_bytes=_TRIAL_CAP_BYTES, pids=16) as options:
                    subprocess.run(
                        (*command, *options, "--", f"{folder}/nothing"),
                        stdin=subprocess.DEVNULL,
                        capture_output=True,
                        check=False,
                        timeout=GRACE_SECONDS,
                    )
            except OSError:
                return False
            return Path(folder, "report.json").exists()

    @contextmanager
    def _capped(self, place: CgroupPlace | None, cap: int, spec: RunSpec) -> Iterator[tuple[str, ...]]:
        """Yield the supervisor's options that keep the run to ``cap`` bytes and to its number of processes."""
        if place is None:
            yield without_cgroup(cap, pids=spec.policy.pids)
            return
        with run_cgroup(place, cap_bytes=cap, pids=spec.policy.pids) as options:
            yield options

    def _supervisor_command(self, spec: RunSpec, folder: RunFolder) -> tuple[str, ...]:
        return (
            str(self._supervisor),
            str(folder.path / "out"),
            str(round(spec.time_limit_seconds * 1000)),
            str(round(spec.policy.sample_interval_seconds * 1_000_000)),
            *workload_options(spec),
        )

    def _supervise(self, command: tuple[str, ...], spec: RunSpec, folder: RunFolder) -> tuple[int, Tail, Tail]:
        """Run the supervisor to its end; return its exit code as a shell would, and what was printed."""
        with _pinned(spec.cpuset):
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder.path / "work" if spec.image_id else None,
                env={name: folder.led_here(value) for name, value in _variables(spec, folder).items()},
                start_new_session=True,  # Ctrl-C is for memcap, which then ends the run in order
            )
        assert child.stdout is not None
        assert child.stderr is not None
        tails = [Tail(pipe, limit=spec.policy.output_limit_bytes) for pipe in (child.stdout, child.stderr)]
        handle = os.pidfd_open(child.pid)
        try:
            with self._lock:
                self._running.add(child.pid)
                if self._cancelled.is_set():
                    os.kill(child.pid, signal.SIGTERM)
            ended = _wait(handle, spec.time_limit_seconds + GRACE_SECONDS)
        finally:
            self._end(child, handle)
        if not ended:
            raise EngineError(
                f"the supervisor did not keep the time limit of {spec.time_limit_seconds:g} s and was ended",
                remedy="Look for processes that cannot be killed (state D in ps), such as on a dead network disk.",
            )
        return (child.returncode if child.returncode >= 0 else 128 - child.returncode), tails[0], tails[1]

    def _end(self, child: subprocess.Popen[bytes], handle: int) -> None:
        """End the supervisor, which ends its whole tree first; then what it left, should somebody have killed it."""
        try:
            if not _wait(handle, 0):
                os.kill(child.pid, signal.SIGTERM)
                _wait(handle, GRACE_SECONDS)
        finally:
            with self._lock:
                self._running.discard(child.pid)
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)  # it is not reaped yet: the number is its own, and its group's
            child.wait()
            os.close(handle)


class Tail(threading.Thread):
    """Read a pipe to its end and keep the last ``limit`` bytes or a little more."""

    def __init__(self, pipe: IO[bytes], *, limit: int) -> None:
        super().__init__(name="memcap-output", daemon=True)
        self._pipe = pipe
        self._limit = limit
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        """Read until the last process that has the pipe is gone."""
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), 65536):
                self._kept += chunk
                if len(self._kept) > 2 * self._limit:
                    del self._kept[: -self._limit]

    def text(self) -> str:
        """Return what is kept, after the run's end; does not wait for what outlived a supervisor that was killed."""
        self.join(_LAST_WORDS_SECONDS)
        return self._kept.decode("utf-8", "replace")


def refuse_unfit_machine(system: str) -> None:
    """Raise PlanError where processes cannot be supervised."""
    if not system.startswith("linux"):
        raise PlanError(
            f"the process engine needs Linux; this is {system}",
            remedy="Use Docker, which runs Linux in a virtual machine here: docs/installing-docker.md",
        )
    if not hasattr(os, "pidfd_open") or not Path("/proc/thread-self/children").exists():
        raise PlanError(
            "the process engine needs Linux 5.3 or newer with CONFIG_PROC_CHILDREN, and /proc",
            remedy="Use Docker: docs/installing-docker.md",
        )


def without_cgroup(cap: int, *, pids: int) -> tuple[str, ...]:
    """Return the supervisor's options where no cgroup can be made."""
    options = ("cgroup=none", f"watchdog={cap}", f"data={cap + DATA_SLACK_BYTES}")
    if os.geteuid() == 0:  # RLIMIT_NPROC does not hold for root
        return options
    return (*options, f"processes={_own_threads() + pids}")


def _own_threads() -> int:
    """Return how many threads this user has: RLIMIT_NPROC counts them all."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                count += process.num_threads()
    return count


def _variables(spec: RunSpec, folder: RunFolder) -> dict[str, str]:
    """Return the workload's environment: as bare as a container's, but for what programs of this machine need."""
    found = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    here = os.path.dirname(sys.executable)  # noqa: PTH120 - not resolved: a virtual environment is a link
    found["PATH"] = os.pathsep.join((here, os.environ.get("PATH", os.defpath)))  # `python` is this one
    found["TMPDIR"] = str(folder.path / "tmp")
    return found | dict(spec.env)


@contextmanager
def _pinned(cpuset: str) -> Iterator[None]:
    """Let what this thread starts meanwhile run on these CPUs only ("0,1"; "" for all). Raises OSError."""
    if not cpuset:
        yield
        return
    before = os.sched_getaffinity(0)  # 0 is this thread; children inherit it
    os.sched_setaffinity(0, {int(cpu) for cpu in cpuset.split(",")})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _wait(handle: int, seconds: float) -> bool:
    """Wait for the end of a process without reaping it; tell whether it came."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()
