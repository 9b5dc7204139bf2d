"""One test in a process of its own: start it, watch its memory, end it above its limit, keep what it left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from memcap.pytest_plugin.family import Family, adopting
from memcap.testing.cgroup import own_oom_kills
from memcap.testing.reading import descendants

_CHILD = Path(__file__).with_name("child.py")
_STREAMS = ("stdout", "stderr")
_LOOK_SECONDS = 0.01
_STACK_SECONDS = 0.25
_SURVIVORS_SECONDS = 0.25
# "Too much of a resource": hardly anybody handles this one.
_STACK_SIGNAL: int | None = getattr(signal, "SIGXCPU", None)


@dataclass(kw_only=True)
class Ended:
    """How the process ended, and what it left.

    ``over_limit`` is what it held when it was ended for that; ``interrupted`` is why waiting for it was given up.
    """

    code: int
    peak_bytes: int
    over_limit: int | None = None
    interrupted: str = ""
    oom_kills: int = 0
    stack: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def whole_peak_bytes(self) -> int:
        """Return the most that was held, as far as known: the kernel misses nothing of the process itself."""
        told: list[int] = [line["peak"] for line in self.lines if "peak" in line]
        return max([self.peak_bytes, *told])

    @property
    def phase(self) -> str:
        """Return the phase that it was in, empty before the first."""
        return next((line["phase"] for line in reversed(self.lines) if "phase" in line), "")


def execute_apart(item: pytest.Item, limit: int | None) -> Ended:
    """Run ``item`` in a new process, with the options of this session; ``limit`` is in bytes.

    Fixtures of wider scope are made in that process again.
    """
    with tempfile.TemporaryDirectory(prefix="memcap-") as folder:
        return _execute(item, limit, Path(folder))


def _execute(item: pytest.Item, limit: int | None, folder: Path) -> Ended:
    config = item.config
    captures = config.getoption("capture", "fd") != "no"
    job = {
        "args": [str(word) for word in config.invocation_params.args],
        "parent": os.getpid(),
        "path": str(item.path),
        "nodeid": item.nodeid,
        "sys_path": [str(place) for place in sys.path],
        "basetemp": _base_of_temporary_folders(config, folder),
        "limit_bytes": limit,
        "captures": captures,
        "stack_signal": _STACK_SIGNAL,
        **{name: str(folder / name) for name in ("journal", "stack", *_STREAMS)},
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    with ExitStack() as files:
        stdout, stderr = (files.enter_context((folder / name).open("ab")) for name in _STREAMS)
        started = time.monotonic()
        family = files.enter_context(adopting())
        process = subprocess.Popen(
            [sys.executable, "-u", str(_CHILD), str(folder / "job.json")],
            cwd=config.invocation_params.dir,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for pytest, which then ends the child
            stdout=stdout if captures else None,
            stderr=stderr if captures else None,
        )
        ended = _watch(process, family, limit, folder)
    ended.seconds = time.monotonic() - started
    ended.lines = list(_journal(folder / "journal"))
    ended.output = {name: _text(folder / name) for name in _STREAMS}
    return ended


def _watch(process: subprocess.Popen[bytes], family: Family, limit: int | None, folder: Path) -> Ended:
    """Wait for the end of the process; bring it about above ``limit``, or when this one is interrupted."""
    peak, over, interrupted, kills = 0, None, "", own_oom_kills()
    try:
        for _ in _looks(process, family, limit):
            held = family.bytes(process.pid)
            peak = max(peak, held)
            if limit is not None and held > limit:
                over = held
                _ask_for_stack(process, folder / "stack")
                break
    except pytest.fail.Exception as failure:  # pytest-timeout's signal
        interrupted = str(failure)
        _ask_for_stack(process, folder / "stack")
    finally:
        _end(process, family, kill_others=over is not None)
    return Ended(
        code=process.returncode,
        peak_bytes=peak,
        over_limit=over,
        interrupted=interrupted,
        oom_kills=own_oom_kills() - kills,
        stack=_text(folder / "stack"),
    )


def _looks(process: subprocess.Popen[bytes], family: Family, limit: int | None) -> Iterator[None]:
    """Yield when it is time to look: while the process runs, and under a limit a moment longer if it left others."""
    while process.poll() is None:
        yield
        time.sleep(_LOOK_SECONDS)
    deadline = time.monotonic() + _SURVIVORS_SECONDS
    while limit is not None and family.is_survived(process.pid) and time.monotonic() < deadline:
        yield
        time.sleep(_LOOK_SECONDS)


def _ask_for_stack(process: subprocess.Popen[bytes], stack: Path) -> None:
    """Let the process write where it is; give it a moment."""
    if _STACK_SIGNAL is None or not stack.exists():  # it has not come so far as to be asked
        return
    process.send_signal(_STACK_SIGNAL)
    deadline = time.monotonic() + _STACK_SECONDS
    while process.poll() is None and not stack.stat().st_size and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS / 4)
    time.sleep(_LOOK_SECONDS)  # the rest of it


def _end(process: subprocess.Popen[bytes], family: Family, *, kill_others: bool) -> None:
    """Kill the process, if it is still there, and then what it started too; ``kill_others`` in any case."""
    import psutil  # noqa: PLC0415 - heavy

    is_running = process.poll() is None
    started = []
    for pid in descendants(process.pid) if is_running else ():
        with suppress(psutil.Error):
            started.append(psutil.Process(pid))
    if is_running:
        process.kill()
    process.wait()
    for other in started:
        with suppress(psutil.Error):
            other.kill()
    if is_running or kill_others:
        family.kill(process.pid)


def _journal(path: Path) -> Iterator[dict[str, Any]]:
    for line in _text(path).splitlines():
        with suppress(ValueError, RecursionError):  # a kill in the middle of a line, or somebody else's
            found = json.loads(line)
            if isinstance(found, dict):
                yield found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _base_of_temporary_folders(config: pytest.Config, folder: Path) -> str:
    """Return a folder for ``tmp_path`` of the test, beside those of the session's other tests, as xdist does it."""
    factory = getattr(config, "_tmp_path_factory", None)
    return str((factory.getbasetemp() if factory else folder) / f"memcap-{time.monotonic_ns()}")
