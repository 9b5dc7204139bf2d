"""Note allocations of this process: with memray, or where there is no wheel of it, with tracemalloc.

Called by ``start/sitecustomize.py`` before the program begins, in the image, on Python 3.8 or newer. What is asked for
is in the environment: ``MEMCAP_INSTRUMENT`` holds words (``memray`` or ``tracemalloc``, ``native``, ``follow``,
``watch``, ``aggregate``, ``frames=N``), ``MEMCAP_ARTEFACTS`` the folder to write to. Without ``follow`` both are taken
out of the environment, and so are not handed to children, only to what takes the process's own place. In a soak the
words are ``looks`` and those of ``memcap_look_thread``, which looks at the process from time to time. Else each process
leaves ``process-PID.txt`` (a literal of Python: who it is, or why nothing could be noted) beside ``capture-PID.bin`` of
memray, or ``traces-PID.txt``; with ``watch`` also what ``memcap_watch`` notes. Nothing here may fail the program.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any, NoReturn

FIRST_SNAPSHOT_BYTES = 1024 * 1024  # but for the end
GROWTH = 1.125  # a snapshot is taken when this many times the last one's bytes live
LOOK_SECONDS = 0.02
LONGEST_SNAPSHOT_SECONDS = 60.0
MOST_TRACES = 5000
# memray's tracker imports these for its messages and progress bars only; rich would cost the workload 10 MiB.
NOT_NEEDED = ("rich", "rich.progress", "typing_extensions")


def start(own_entry: str) -> None:
    """Start what ``MEMCAP_INSTRUMENT`` asks for; ``own_entry`` is the entry of PYTHONPATH that led here."""
    words = os.environ.get("MEMCAP_INSTRUMENT", "").split()
    folder = os.environ.get("MEMCAP_ARTEFACTS", "")
    if not words or not folder:
        return
    follow = "follow" in words
    hidden = {} if follow else _hide_from_children(own_entry)
    try:
        finish: Callable[[], None] = _nothing
        if "looks" in words:
            finish = __import__("memcap_look_thread").start(words, os.path.join(folder, "workload.jsonl"))
            _replace_endings(own_entry, hidden, finish, True)  # what is forked is looked at too
            return
        if "memray" in words:
            version, finish = _start_memray(own_entry, folder, words)
            _introduce(folder, tool="memray", version=version)
        else:
            frames = next((int(word[7:]) for word in words if word.startswith("frames=")), 1)
            version = "%d.%d.%d" % sys.version_info[:3]
            _introduce(folder, tool="tracemalloc", version=version)
            Snapshots(folder, frames, follow, version).start()
        if "watch" in words:
            __import__("memcap_watch").start(folder, follow)
        _replace_endings(own_entry, hidden, finish, follow)
    except Exception as error:
        _introduce(folder, error="%s: %s" % (type(error).__name__, error))


def _nothing() -> None:
    pass


def _replace_endings(own_entry: str, hidden: dict[str, str], finish: Callable[[], None], follow: bool) -> None:
    """Finish the record where a process ends without Python's end, and go on in what takes the place of this process.

    That is no child, and so gets what was ``hidden`` from children.
    """
    recorded, execv, execve, exit_now = os.getpid(), os.execv, os.execve, os._exit

    def execve_recorded(path: Any, argv: Any, env: Any) -> NoReturn:
        if os.getpid() == recorded or follow:
            finish()
        if os.getpid() == recorded and hidden:
            env = {os.fsdecode(name): value for name, value in env.items()}
            rest = os.fsdecode(env.get("PYTHONPATH", ""))
            env.update(hidden, PYTHONPATH=own_entry + os.pathsep + rest if rest else own_entry)
        execve(path, argv, env)

    def execv_recorded(path: Any, argv: Any) -> NoReturn:
        if os.getpid() == recorded or follow:
            execve_recorded(path, argv, os.environ)
        execv(path, argv)

    def exit_recorded(status: int) -> NoReturn:
        if os.getpid() == recorded or follow:
            finish()
        exit_now(status)

    os.execv, os.execve = execv_recorded, execve_recorded  # all others of os call these
    os._exit = exit_recorded


def _hide_from_children(own_entry: str) -> dict[str, str]:
    """Take what leads here out of the environment; return what was asked for."""
    hidden = {name: os.environ.pop(name) for name in ("MEMCAP_INSTRUMENT", "MEMCAP_ARTEFACTS")}
    rest = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry not in ("", own_entry)]
    os.environ.pop("PYTHONPATH", None)
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)
    return hidden


def _introduce(folder: str, **more: object) -> None:
    """Write who this process is."""
    try:
        with open("/proc/self/cmdline", "rb") as file:
            words = file.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        words = [sys.executable]
    facts = dict(more, pid=os.getpid(), parent=os.getppid(), command=words)
    _write(os.path.join(folder, "process-%d.txt" % os.getpid()), repr(facts))


def _write(path: str, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    file = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        content = text.encode("utf-8", "backslashreplace")
        while content:
            content = content[os.write(file, content) :]
    finally:
        os.close(file)
    os.rename(path + ".new", path)


def _start_memray(own_entry: str, folder: str, words: list[str]) -> tuple[str, Callable[[], None]]:
    """Begin to track; return memray's version, and what finishes the record where that is needed.

    Only the record of each allocation survives a kill; totals are written at the end. Nothing is compressed.
    """
    follow, aggregate = "follow" in words, "aggregate" in words
    memray = _import_memray(os.path.join(os.path.dirname(own_entry), "lib"))
    memray.set_log_level(40)  # errors: it warns of how it found a function, in the program's own output
    path, number = os.path.join(folder, "capture-%d.bin" % os.getpid()), 1
    while os.path.exists(path):  # the same process before an exec
        number += 1
        path = os.path.join(folder, "capture-%d-%d.bin" % (os.getpid(), number))
    tracker = memray.Tracker(
        destination=memray.FileDestination(path, overwrite=True, compress_on_exit=False),
        native_traces="native" in words,
        follow_fork=follow,
        file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS if aggregate else memray.FileFormat.ALL_ALLOCATIONS,
    )
    import atexit
    import threading

    if follow:
        os.register_at_fork(after_in_child=lambda: _introduce(folder, tool="memray", version=memray.__version__))
    atexit.register(tracker.__exit__, None, None, None)  # the first registered is the last called
    # memray leaves out as many of the outermost frames as there are when it begins, of the thread that it begins in.
    # Here these are frames of Python's own start, gone when the program begins, whose frames would be left out.
    beginner = threading.Thread(target=tracker.__enter__, name="memcap-instrument")
    beginner.start()
    beginner.join()
    return str(memray.__version__), lambda: tracker.__exit__(None, None, None) if aggregate else None


def _import_memray(library: str) -> Any:
    """Import memray from ``library`` and let nothing else of what is there be seen by the program."""
    stand_ins = {name: stand_in(name) for name in NOT_NEEDED if name not in sys.modules}
    sys.modules.update(stand_ins)
    sys.path.insert(0, library)
    try:
        import memray
        import memray.reporters.module_tools  # which the tracker imports as it begins
    finally:
        sys.path.remove(library)
        for name in stand_ins:
            del sys.modules[name]
    internals: Any = memray._memray
    internals.pprint = Nothing()  # it warns of greenlets, in the program's own output, where the program has rich
    return memray


def stand_in(name: str) -> ModuleType:
    """Return a package ``name``: what ``typing`` has is typing's, and everything else is there and does nothing."""
    import typing

    def find(attribute: str) -> object:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(typing, attribute, Nothing())

    module = type(sys)(name)
    module.__path__ = []
    module.__getattr__ = find  # type: ignore[method-assign]
    return module


class Nothing:
    """Stands in for what only prints: it can be called, entered, iterated over and asked for any attribute.

    memray calls what it imports long after its own start, such as ``print`` of rich once the program imports greenlet.
    """

    def __call__(self, *_: object, **__: object) -> Nothing:
        return self

    def __getattr__(self, name: str) -> Nothing:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        return iter(())


class Snapshots:
    """Traces, and writes what lives whenever that is much more than the last time: a kill leaves the last.

    There is no hook for a peak, and a snapshot at every new one would never end. The last is less than GROWTH below the
    peak unless that came and went quicker than a look. The true peak is written at the end, so that it can be told.
    """

    def __init__(self, folder: str, frames: int, follow: bool, version: str) -> None:
        import threading
        import tracemalloc

        self._folder, self._follow, self._version = folder, follow, version
        self._threading, self._tracemalloc = threading, tracemalloc
        self._begin_anew()
        tracemalloc.start(frames)

    def start(self) -> None:
        """Look from time to time in a thread, in children too if they are to be followed, and at the end."""
        import atexit

        os.register_at_fork(after_in_child=self._in_child)
        atexit.register(self._end)
        self._watch_in_thread()

    def _begin_anew(self) -> None:
        self._turn = self._threading.Lock()  # of a parent: it may have been taken by a thread that a child has not
        self._written = self._peak = 0

    def _in_child(self) -> None:
        if not self._follow:
            self._tracemalloc.stop()
            return
        self._begin_anew()
        _introduce(self._folder, tool="tracemalloc", version=self._version)
        self._watch_in_thread()

    def _watch_in_thread(self) -> None:
        self._threading.Thread(target=self._watch, name="memcap-instrument", daemon=True).start()

    def _watch(self) -> None:
        pause = LOOK_SECONDS
        while self._tracemalloc.is_tracing():
            time.sleep(pause)
            took = self._look(lambda: max(FIRST_SNAPSHOT_BYTES, self._written * GROWTH))
            pause = max(LOOK_SECONDS, 2 * took)  # at most a third of the time goes to looking

    def _end(self) -> None:
        self._look(lambda: self._written)
        peak = max(self._peak, self._tracemalloc.get_traced_memory()[1])
        _introduce(self._folder, tool="tracemalloc", version=self._version, peak_bytes=peak)

    def _look(self, least: Callable[[], float]) -> float:
        """Write a snapshot if more than ``least`` lives; return the seconds that the program stood still for it.

        It does stand still: else each step of this would wait for the program to give way, seconds under a long call
        into C, and what the snapshot itself needs would be among the program's figures.
        """
        with self._turn:
            lives, peak = self._tracemalloc.get_traced_memory()
            if lives <= least():
                return 0.0
            before = sys.getswitchinterval()
            sys.setswitchinterval(LONGEST_SNAPSHOT_SECONDS)
            began = time.perf_counter()
            try:
                self._written, self._peak = lives, max(self._peak, peak)
                text = _snapshot(self._peak)
                if hasattr(self._tracemalloc, "reset_peak"):  # Python 3.9
                    self._tracemalloc.reset_peak()
            finally:
                sys.setswitchinterval(before)
            took = time.perf_counter() - began
            _write(os.path.join(self._folder, "traces-%d.txt" % os.getpid()), text)
            return took


def _snapshot(peak: int) -> str:
    """Return what lives by traceback, the largest MOST_TRACES of them: a literal of Python."""
    import tracemalloc

    totals: dict[Any, list[int]] = {}
    total = 0
    for trace in tracemalloc.take_snapshot().traces._traces:  # type: ignore[attr-defined]
        entry = totals.setdefault(trace[2], [0, 0])
        entry[0] += trace[1]
        entry[1] += 1
        total += trace[1]
    largest = sorted(totals.items(), key=lambda item: -item[1][0])[:MOST_TRACES]
    sites = [(bytes_, count, frames) for frames, (bytes_, count) in largest]
    return repr({"peak_bytes": peak, "total_bytes": total, "sites": sites})
