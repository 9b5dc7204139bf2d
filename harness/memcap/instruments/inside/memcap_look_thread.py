"""Look at a command or server from within while it is soaked, in a thread; see ``memcap_soak`` for what is written.

Started by ``memcap_instrument`` in the image, on Python 3.8 or newer. Nothing here may fail the program.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WAIT_SECONDS, MOST_WAITS = 0.0005, 4000  # for the end of a thread


class Watch:
    """Have ``looks`` look at this process every ``step`` seconds in a thread, and at each that is forked from it.

    The thread is none that the program can see, and it is ended while the program forks. A fork that ends before its
    first look leaves nothing.
    """

    def __init__(self, looks: Any, step: float) -> None:
        import _thread

        self._start_thread = _thread.start_new_thread
        self._ended = _thread.allocate_lock()
        self._new_lock, self._sleep = _thread.allocate_lock, time.sleep
        self._looks, self._step, self._looked = looks, step, False
        self._thread: int | None = 0  # None: it has not begun yet

    def start(self) -> None:
        import atexit

        os.register_at_fork(before=self._pause, after_in_parent=self._run, after_in_child=self._in_child)
        atexit.register(self.finish)
        self._run()

    def finish(self) -> None:
        """Write the last lines of this process."""
        self._pause()
        looked, self._looked = self._looked, False
        try:
            if looked:
                self._looks.look()
                self._looks.end()
        except Exception:  # it is the program's end, not ours
            return

    def _run(self) -> None:
        """Begin a thread, which gets none of the signals that the program may block in its own and wait for."""
        self._ended = self._new_lock()
        self._ended.acquire()
        self._thread = None
        _signal = __import__("_signal")
        mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        try:
            self._start_thread(self._watch, (self._ended,))
        except RuntimeError:  # there can be no more threads
            self._thread = 0
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)

    def _in_child(self) -> None:
        self._looked = False
        self._looks.begin_in_child()
        self._run()

    def _pause(self) -> None:
        """End the thread, and wait until it is gone, but not for ever.

        A child that is forked while it collects would never collect itself: the collector is busy in there.
        """
        if self._ended.locked():
            self._ended.release()
        for _ in range(MOST_WAITS):
            thread = self._thread
            if thread == 0 or (thread is not None and not os.path.exists("/proc/self/task/%d" % thread)):
                return
            self._sleep(WAIT_SECONDS)

    def _watch(self, ended: Any) -> None:
        import _thread

        self._thread = _thread.get_native_id()
        try:
            while not ended.acquire(True, self._step):
                self._looked = True
                self._looks.look()
        except Exception:  # nothing here may fail the program
            return


def start(words: list[str], path: str) -> Callable[[], None]:
    """Begin to look at this process as ``words`` say, and write to ``path``; return what ends that."""
    asked = dict(word.partition("=")[::2] for word in words)
    to_json = __import__("memcap_runner").to_json
    to_json("")  # imports a codec, which the program may make impossible later

    def write(event: str, **fields: Any) -> None:
        append(path, (to_json(dict(fields, event=event)) + "\n").encode("ascii"))

    looks = __import__("memcap_soak").PythonLooks(
        write,
        frames=int(asked["frames"]),
        collects="collect" in asked,
        duration=float(asked["duration"]),
        explain=float(asked.get("explain", 0)),
    )
    watch = Watch(looks, float(asked["step"]))
    watch.start()
    return watch.finish


def append(path: str, line: bytes) -> None:
    """Append to a file that is opened anew each time: the program may close all that it finds open, or change its user.

    It is created apart: the kernel lets nobody create what another user has created in a folder like this.
    """
    file = opened(path)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def opened(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was quicker
        return os.open(path, flags)
    os.fchmod(file, 0o666)
    return file
