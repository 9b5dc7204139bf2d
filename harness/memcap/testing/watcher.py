"""A program beside the tests that notes the most that their process tree, or their cgroup, held.

Not a thread: one would be stopped by code that holds the interpreter's lock, and would make Python 3.12 and newer warn
of every fork. It leaves its parent at once, so that tests do not find it among their children.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from memcap.testing.cgroup import CgroupFolder
from memcap.testing.reading import tree_bytes

_INTERVAL_SECONDS = 0.01
_GO_ON, _PAUSE = b"go on\n", b"pause\n"
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from memcap.testing.watcher import main; main()"


class Watcher:
    """Note the peak of this process and its children, or of ``cgroup``, between one look and the next."""

    def __init__(self, cgroup: CgroupFolder | None = None) -> None:
        self._owner = os.getpid()
        what = ("tree", str(self._owner)) if cgroup is None else (str(cgroup.version), str(cgroup.path))
        bare = ["-I", "-S"] if sys.platform.startswith("linux") else ["-I"]  # psutil is needed elsewhere
        self._process = subprocess.Popen(
            [sys.executable, *bare, "-c", _PROGRAM, str(Path(__file__).resolve().parents[2]), *what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._unread = 0
        if hasattr(os, "fork"):
            self._process.wait()  # it has forked: what watches is nobody's child

    @property
    def is_ours(self) -> bool:
        """Tell whether this process started it; a fork has its parent's, which watches the parent."""
        return os.getpid() == self._owner

    def peak_bytes(self) -> int | None:
        """Return the peak since the last call or pause, and begin anew; None if it could not be watched."""
        if not self._ask(_GO_ON) or self._process.stdout is None:
            return None
        try:
            while self._unread > 1:  # what was said to pauses
                self._process.stdout.readline()
                self._unread -= 1
            self._unread = 0
            return int(self._process.stdout.readline())
        except (OSError, ValueError):
            return None

    def pause(self) -> None:
        """Watch no more until the next call of ``peak_bytes``. Nobody waits for the answer."""
        self._ask(_PAUSE)

    def _ask(self, question: bytes) -> bool:
        if not self.is_ours or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(question)
            self._process.stdin.flush()
        except (OSError, ValueError):
            return False
        self._unread += 1
        return True

    def close(self) -> None:
        """End it. A second call does nothing."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # it ended by itself
                    pipe.close()
        if self.is_ours:
            self._process.wait()


def main() -> None:
    """Watch what the command line names until the standard input is closed; paused until the first look."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)
    kind, what = sys.argv[2:]
    read: Callable[[], int] = partial(tree_bytes, int(what)) if kind == "tree" else _cgroup_reader(int(kind), what)
    questions: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    peak, interval = 0, None
    while True:
        try:
            question = questions.get(timeout=interval)
        except queue.Empty:
            peak = max(peak, read())
            continue
        if not question:
            return
        sys.stdout.write(f"{max(peak, read())}\n")
        sys.stdout.flush()
        peak, interval = 0, None if question == _PAUSE else _INTERVAL_SECONDS


def _cgroup_reader(version: int, path: str) -> Callable[[], int]:
    return CgroupFolder(version=version, path=Path(path)).unreclaimable_bytes


def _listen(questions: queue.Queue[bytes]) -> None:
    """Pass on each line of the standard input, and an empty one at its end."""
    while True:
        line = sys.stdin.buffer.readline()
        questions.put(line)
        if not line:
            return
