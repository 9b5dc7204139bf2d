"""Call a function or generator workload inside the container and tell what happened in an append-only journal.

Runs in the image on Python 3.8 or newer. It imports next to nothing (no json, no argparse), because what it imports
would be part of every workload's figures. The journal's lines are JSON objects with an ``event``: ``start`` (the
interpreter), ``load_error``, ``cycle`` (one step of a generator), ``cycled`` (when the first and the last step ended),
``raised``, ``end`` (metrics, collector totals), and ``phase`` (what this process holds, see HELD): ``interpreter``
before the workload's module is imported, ``imported`` before the first call, ``returned`` after the last with its
result alive, ``left`` when that is dropped and collected.

    python runner.py --journal FILE [--path DIR]... [--warmups N] [--cycles N] [--duration SECONDS]
                     [--param NAME:TYPE:VALUE]...
                     [--soak STEP [--soak-frames N] [--soak-collect] [--soak-explain SECONDS]] module:function

With ``--soak`` there are no ``cycle`` lines but those of ``memcap_soak``, every STEP seconds. A plain function is
called until the duration is over; each call is a cycle. The last SECONDS of the duration are to find what grows.
"""

from __future__ import annotations

import gc
import os
import sys
import time

TYPE_CHECKING = False  # what typing.TYPE_CHECKING is, without importing typing into the workload's process
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

EXIT_LOAD_FAILED = 70  # EX_SOFTWARE of sysexits.h; the journal's load_error says what it was
MOST_CYCLES_WRITTEN = 10000  # so that an endless workload cannot fill the disk; `end` counts them all
LONGEST_MESSAGE = 4000  # characters of an exception's words; the output has all of them
LARGEST = sys.float_info.max
MEMORY_ERROR_LINE = b'{"event": "raised", "type": "MemoryError", "message": ""}\n'  # ready-made: memory is short then

# What of this process the kernel cannot take back: anonymous and shared memory, page tables. Not RssAnon of status: it
# lags behind by up to 64 pages a thread before Linux 6.2, by 32 pages a CPU before 6.17.
HELD = (
    ("/proc/self/smaps_rollup", b"Anonymous:"),
    ("/proc/self/status", b"RssShmem:"),
    ("/proc/self/status", b"VmPTE:"),
)

CASTS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": lambda text: text == "true",
    "none": lambda text: None,
}


class Options:
    """The command line, read by hand."""

    def __init__(self, arguments: list[str]) -> None:
        self.journal = self.target = ""
        self.paths: list[str] = []
        self.parameters: dict[str, Any] = {}
        self.warmups = 0
        self.cycles: int | None = None
        self.duration: float | None = None
        self.soak: float | None = None
        self.frames = 0
        self.collects = False
        self.explain = 0.0
        words = iter(arguments)
        for word in words:
            if word == "--journal":
                self.journal = next(words)
            elif word == "--path":
                self.paths.append(next(words))
            elif word == "--warmups":
                self.warmups = int(next(words))
            elif word == "--cycles":
                self.cycles = int(next(words))
            elif word == "--duration":
                self.duration = float(next(words))
            elif word == "--soak":
                self.soak = float(next(words))
            elif word == "--soak-frames":
                self.frames = int(next(words))
            elif word == "--soak-collect":
                self.collects = True
            elif word == "--soak-explain":
                self.explain = float(next(words))
            elif word == "--param":
                name, kind, value = next(words).split(":", 2)
                self.parameters[name] = CASTS[kind](value)
            else:
                self.target = word


class EventLog:
    """Append JSON lines; each is one write, so that a kill loses at most the last."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._cycles = 0
        self.note_cycle: Callable[[float, dict[str, float]], None] = self._write_cycle

    def write(self, event: str, **fields: Any) -> None:
        self.write_raw((to_json(dict(fields, event=event)) + "\n").encode("ascii"))

    def write_raw(self, line: bytes) -> None:
        os.write(self._file, line)

    def _write_cycle(self, seconds: float, metrics: dict[str, float]) -> None:
        if self._cycles < MOST_CYCLES_WRITTEN:
            self._cycles += 1
            self.write("cycle", seconds=seconds, metrics=metrics)

    def write_phase(self, name: str) -> None:
        self.write("phase", name=name, bytes=held())

    def write_cycled(self, first: float, last: float) -> None:
        """Write two times of ``perf_counter`` as seconds since this process was started."""
        old = age()
        if old is not None:
            started = time.perf_counter() - old
            self.write("cycled", first=max(first - started, 0.0), last=max(last - started, 0.0))


class Collector:
    """Count the garbage collector's work and time from here on (CPython; elsewhere there is nothing to count)."""

    def __init__(self) -> None:
        self.seconds = self._since = 0.0
        self._before = self._stats()
        if hasattr(gc, "callbacks"):
            gc.callbacks.append(self._note)

    @staticmethod
    def _stats() -> list[dict[str, int]]:
        try:
            return [dict(generation) for generation in gc.get_stats()]
        except (AttributeError, TypeError):  # PyPy's gc.get_stats() is another thing
            return []

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._since

    def totals(self) -> dict[str, Any] | None:
        after = self._stats()
        if not after:
            return None
        if self._note in gc.callbacks:
            gc.callbacks.remove(self._note)
        grown = [{key: new[key] - old[key] for key in new} for new, old in zip(after, self._before)]
        totals: dict[str, Any] = {key: [generation[key] for generation in grown] for key in grown[0]}
        totals["seconds"] = self.seconds
        return totals


def held() -> int | None:
    """Return the bytes of HELD, None where the kernel does not tell."""
    total = 0
    for path, name in HELD:
        try:
            file = os.open(path, os.O_RDONLY)
            text = os.read(file, 4096)
            os.close(file)
            total += int(text.split(name)[1].split(None, 1)[0]) * 1024
        except (OSError, IndexError):
            return None
    return total


def age() -> float | None:
    """Return the seconds since this process was started, up to 10 ms too few; None where the kernel does not tell."""
    try:
        file = os.open("/proc/self/stat", os.O_RDONLY)
        text = os.read(file, 4096)
        os.close(file)
        ticks = int(text.rsplit(b")", 1)[1].split()[19]) + 1  # started within this one
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, IndexError, ValueError):
        return None


def to_json(value: Any) -> str:
    """Return ``value`` as JSON text in ASCII (importing json would cost the workload about a MiB)."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):  # compared first: the text of a huge integer takes for ever, or is refused
        return repr(int(value) if isinstance(value, int) else float(value)) if abs(value) <= LARGEST else "null"
    if isinstance(value, str):
        units = value.encode("utf-16-be", "surrogatepass")
        codes = [units[i] << 8 | units[i + 1] for i in range(0, len(units), 2)]
        return '"%s"' % "".join(chr(c) if 32 <= c < 127 and c not in (34, 92) else "\\u%04x" % c for c in codes)
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (to_json(str(key)), to_json(value[key])) for key in value)
    return "[%s]" % ", ".join(to_json(item) for item in value)


def metrics_of(value: Any, target: str) -> dict[str, float]:
    """Return the extra metrics of a returned or yielded mapping; None is no metrics; anything else is an error."""
    if value is None:
        return {}
    if not hasattr(value, "items"):
        raise TypeError("%s must return or yield a mapping of name to number or None, not %r" % (target, type(value)))
    for name, number in value.items():
        if not isinstance(number, (int, float)):
            raise TypeError("%s: metric %r must be a number, not %r" % (target, name, type(number)))
    return {str(name): number for name, number in value.items()}


def load(target: str, paths: list[str]) -> Callable[..., Any]:
    """Import ``module:function`` with ``paths`` first on the search path, then the working directory.

    That is there as with ``python -m``, but for ``/``, the working directory of an image that has none. The runner's
    own folder is not there.
    """
    here = [] if getattr(sys.flags, "safe_path", False) else [entry for entry in (os.getcwd(),) if entry != "/"]
    rest = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
    sys.path[:] = paths + here + rest
    module_name, _, name = target.partition(":")
    __import__(module_name)
    value: Any = sys.modules[module_name]
    for part in name.split("."):
        value = getattr(value, part)
    if not callable(value):
        raise TypeError("%s is not a function but %r" % (target, type(value)))
    return value  # type: ignore[no-any-return]


def drive(
    generator: Generator[Any, None, Any], options: Options, journal: EventLog | None
) -> tuple[int, dict[str, float]]:
    """Step a generator until it ends, or its cycles or duration are over; return cycles and the last metrics."""
    began = previous = first = time.perf_counter()
    cycles = 0
    metrics: dict[str, float] = {}
    try:
        while options.cycles is None or cycles < options.cycles:
            if options.duration is not None and previous - began >= options.duration:
                break
            try:
                yielded = next(generator)
            except StopIteration as stop:
                metrics = metrics_of(stop.value, options.target) or metrics
                break
            now = time.perf_counter()
            of_cycle = metrics_of(yielded, options.target)
            metrics = of_cycle or metrics
            if journal is not None:
                journal.note_cycle(now - previous, of_cycle)
            cycles, previous = cycles + 1, now
            if cycles == 1:
                first = now
        if journal is not None and cycles:
            journal.write_cycled(first, previous)
    finally:
        generator.close()
    return cycles, metrics


def call(
    function: Callable[..., Any], options: Options, journal: EventLog | None
) -> tuple[int | None, dict[str, float]]:
    """Call the workload once; return the cycles (None for a function) and its extra metrics.

    Without a journal nothing is told: a warm-up's figures are nobody's.
    """
    value = function(**options.parameters)
    is_generator = hasattr(value, "send") and hasattr(value, "__next__")
    outcome = drive(value, options, journal) if is_generator else (None, metrics_of(value, options.target))
    if journal is not None:
        journal.write_phase("returned")
    return outcome


def main(arguments: list[str]) -> int:
    """Load, warm up, call, and write what happened; exceptions go on, so that their traceback is in the output."""
    options = Options(arguments)
    journal = EventLog(options.journal)
    flags = {name: getattr(sys.flags, name) for name in dir(sys.flags) if not name.startswith(("_", "n_"))}
    journal.write(
        "start",
        implementation=sys.implementation.name,
        version="%d.%d.%d" % sys.version_info[:3],
        flags={name: int(value) for name, value in flags.items() if isinstance(value, int)},
    )
    journal.write_phase("interpreter")
    looks = None if options.soak is None else __import__("memcap_soak").CycleLooks(journal, options, options.soak)
    try:
        function = load(options.target, options.paths)
    except (Exception, SystemExit) as error:
        journal.write("load_error", type=type(error).__name__, message=str(error)[:LONGEST_MESSAGE])
        import traceback

        traceback.print_exc()
        return EXIT_LOAD_FAILED
    journal.write_phase("imported")
    if looks is not None:
        function, journal.note_cycle = looks.repeating(function), looks.note
    try:
        for _ in range(options.warmups):
            call(function, options, None)
        collector = Collector()
        try:
            cycles, metrics = call(function, options, journal)
        except SystemExit as error:
            if error.code in (None, 0):  # as good as returning nothing; with another code it is a failure
                journal.write("end", cycles=None, metrics={}, gc=collector.totals())
            raise
        journal.write("end", cycles=cycles, metrics=metrics, gc=collector.totals())
        gc.collect()
        journal.write_phase("left")
    except MemoryError:
        journal.write_raw(MEMORY_ERROR_LINE)
        raise
    except Exception as error:
        journal.write("raised", type=type(error).__name__, message=str(error)[:LONGEST_MESSAGE])
        raise
    return 0
