"""The processes of a test that runs apart, also those that left their parents: a daemon forks twice and lets one end.

On Linux this process becomes their parent then (a subreaper), for as long as the test runs. Elsewhere they are lost.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from memcap.testing.reading import children_of, descendants, is_watcher, orphan_bytes, tree_bytes

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37  # linux/prctl.h
_ROUNDS, _ROUND_SECONDS = 200, 0.005  # of killing: what is killed may leave others, and needs a moment to end

_left: set[int] = set()  # orphans that were alive when their test was over, to be waited for later


class Family:
    """What descends from the process of one test, but for what was there before it."""

    def __init__(self, *, adopts: bool) -> None:
        self._adopts = adopts
        self._before = set(children_of(os.getpid())) if adopts else set()

    def bytes(self, pid: int) -> int:
        """Return what the test's process ``pid`` holds, with all others."""
        return tree_bytes(pid) + sum(map(orphan_bytes, self.orphans(pid)))

    def orphans(self, pid: int) -> list[int]:
        """Return the processes that came to this one, memcap's own left out; wait for those that have ended.

        A test's process has a session of its own, so nothing that descends from it can be of this process's session.
        """
        found = [each for each in children_of(os.getpid()) if each not in self._before] if self._adopts else []
        return [each for each in found if each != pid and _is_elsewhere(each) and not _is_over(each)]

    def kill(self, pid: int) -> None:
        """Kill all that is left of it when the test's process ``pid`` is over."""
        for _ in range(_ROUNDS):
            orphans = self.orphans(pid)
            if not orphans:
                return
            for orphan in orphans:
                for each in (*descendants(orphan), orphan):
                    _kill(each)
            time.sleep(_ROUND_SECONDS)

    def leave(self) -> None:
        """End memcap's own, and keep in mind what else is left: it is to be waited for one day."""
        for orphan in self.orphans(0):
            if is_watcher(orphan):
                _kill(orphan)
                with suppress(ChildProcessError):  # somebody else did
                    os.waitpid(orphan, 0)
            else:
                _left.add(orphan)

    def is_survived(self, pid: int) -> bool:
        """Tell whether the test left processes behind, memcap's own apart."""
        return not all(map(is_watcher, self.orphans(pid)))


@contextmanager
def adopting() -> Iterator[Family]:
    """Adopt what a test leaves behind while it runs."""
    _left.difference_update([pid for pid in _left if _is_over(pid)])
    before = _subreaper()
    adopts = before is not None and (before == 1 or _become_subreaper(1))
    family = Family(adopts=adopts)
    try:
        yield family
    finally:
        family.leave()
        if adopts and before == 0:
            _become_subreaper(0)


def _subreaper() -> int | None:
    """Return 1 if this process is a subreaper, 0 if it is none; None where there are none."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes  # noqa: PLC0415 - for Linux
    except ImportError:
        return None
    found = ctypes.c_int(-1)
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(found), 0, 0, 0)
    return found.value if found.value >= 0 else None


def _become_subreaper(value: int) -> bool:
    import ctypes  # noqa: PLC0415 - for Linux

    done: int = ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(value), 0, 0, 0)
    return done == 0


def _kill(pid: int) -> None:
    with suppress(OSError):  # it ended
        os.kill(pid, signal.SIGKILL)


def _is_elsewhere(pid: int) -> bool:
    """Tell whether a process is of another session than this one."""
    try:
        return os.getsid(pid) != os.getsid(0)
    except OSError:  # it ended
        return False


def _is_over(pid: int) -> bool:
    """Tell whether a child of this process has ended, and take note of that, so that the kernel can forget it."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
