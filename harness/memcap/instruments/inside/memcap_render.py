"""Turn what the instrument noted into sites and reports, in the image itself: only there do names and lines resolve.

    python memcap_render.py FOLDER [no-reports]

FOLDER holds what ``memcap_instrument`` left. Beside it this writes ``sites.json`` (processes, frames, sites, sources)
and, for memray's captures, ``PID-flamegraph.html``, ``PID-temporal.html``, ``PID-table.html``, ``PID-leaks.html`` (what
lives at the end, with its lines in ``PID-leaks.json``) and ``PID-stats.json`` of the processes with the highest peaks.
It prints how far it is, in percent. Runs in the image on Python 3.8 or newer.
"""

from __future__ import annotations

import ast
import contextlib
import json
import linecache
import os
import re
import sys
import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

CAPTURE = re.compile(r"capture-(\d+)(?:-\d+)?\.bin(?:\.(\d+))?")
TRACES = re.compile(r"traces-(\d+)\.txt")
MOST_SITES = 5000
BYTES_A_RECORD = 5  # of memray's capture, about
STEP_PERCENT, QUIET_SECONDS = 10, 3.0  # a reading that is over soon says nothing
LARGEST_READ_THROUGH = 32 * 1024 * 1024  # of a capture, record by record, which takes seconds
PAGE = 4096
MOST_REPORTED = 4
MOST_LINES = 100
OWN = "/instruments/"


class Frames:
    """Each frame once, by its place in a list."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, int, str, bool], int] = {}

    def place(self, file: str, line: int, function: str, native: bool) -> int:
        return self.places.setdefault((file, line, function, native), len(self.places))

    def sources(self) -> dict[str, str]:
        """Return the text of all lines of Python."""
        found = {}
        for file, line, _, native in self.places:
            text = "" if native else linecache.getline(file, line).strip()
            if text:
                found["%s:%d" % (file, line)] = text[:200]
        return found


class Reading:
    """Prints how much of all captures has been read; stands in for rich's progress bar, which memray would show.

    memray reads a capture as a whole each time: first to find its peak, then for what lived at that, and again for
    each report that needs more.
    """

    def __init__(self, sizes: list[int], *, with_reports: bool) -> None:
        reported = sorted(sizes, reverse=True)[:MOST_REPORTED] if with_reports else []
        self.total = 2 * sum(sizes) + 5 * sum(reported) or 1
        self.read = self.size = self.records = self.told = 0
        self.began = time.monotonic()

    def __call__(self, *_: object, **__: object) -> Reading:
        return self

    def get_default_columns(self) -> tuple[object, ...]:
        return ()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.read += self.size
        self.tell(0.0)

    def add_task(self, description: str, total: int | None) -> int:
        self.records = total or self.size // BYTES_A_RECORD  # a record that breaks off does not say how many
        return 0

    def update(self, task: int, completed: int) -> None:
        self.tell(min(completed / (self.records or 1), 1.0))

    def refresh(self) -> None:
        pass

    def tell(self, of_this: float) -> None:
        percent = min(int(100 * (self.read + self.size * of_this) / self.total), 100)
        if percent >= self.told + STEP_PERCENT and time.monotonic() > self.began + QUIET_SECONDS:
            self.told = percent
            sys.stdout.write("memcap: read %d\n" % percent)
            sys.stdout.flush()


class Functions:
    """Which function a line is in, read from the source: tracemalloc knows the line alone."""

    def __init__(self) -> None:
        self.spans: dict[str, list[tuple[int, int, str]]] = {}

    def name(self, file: str, line: int) -> str:
        if file not in self.spans:
            self.spans[file] = self._read(file)
        inside = [span for span in self.spans[file] if span[0] <= line <= span[1]]
        return max(inside)[2] if inside else "<module>"

    @staticmethod
    def _read(file: str) -> list[tuple[int, int, str]]:
        try:
            tree = ast.parse("".join(linecache.getlines(file)))
        except (SyntaxError, ValueError, RecursionError):
            return []
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [(n.lineno, n.end_lineno or n.lineno, n.name) for n in ast.walk(tree) if isinstance(n, kinds)]


def main(folder: str, *, with_reports: bool) -> None:
    """Write sites.json and the reports; a capture that cannot be read is told, and the others are read."""
    names = sorted(os.listdir(folder))
    frames, functions = Frames(), Functions()
    processes = {}
    for name in names:
        if name.startswith("process-") and name.endswith(".txt"):
            facts = read_literal(os.path.join(folder, name))
            processes[facts["pid"]] = dict(facts, sites=[], rest_bytes=0, peak_bytes=facts.get("peak_bytes", 0))
    remember_typed(processes.values())
    reading = show_reading(folder, names, with_reports=with_reports)
    readable = []
    for name in names:
        path = os.path.join(folder, name)
        capture, traces = CAPTURE.fullmatch(name), TRACES.fullmatch(name)
        if not capture and not traces:
            continue
        pid = int((capture and (capture[2] or capture[1])) or (traces and traces[1]) or 0)
        process = processes.setdefault(pid, {"pid": pid, "parent": 0, "command": [], "sites": [], "peak_bytes": 0})
        try:
            if capture:
                reading.size = os.path.getsize(path)
                found = read_capture(path, frames)
                readable.append((found["peak_bytes"], pid, path))
            else:
                found = read_traces(path, frames, functions)
        except Exception as error:
            process.setdefault("error", "%s: %s" % (type(error).__name__, error))
            continue
        if not process["sites"] or found["peak_bytes"] >= process["peak_bytes"]:  # before and after an exec: two
            process.update(found, peak_bytes=max(found["peak_bytes"], process["peak_bytes"]))
    for _, pid, path in readable:
        with contextlib.suppress(Exception):  # what is known of it beside the sites
            write_last(path, os.path.join(folder, "last-%d.txt" % pid))
    whole = {
        "processes": list(processes.values()),
        "frames": list(frames.places),
        "sources": dict(
            stack_sources(os.path.join(folder, name) for name in names if name.startswith("stacks-")),
            **frames.sources(),
        ),
    }
    with open(os.path.join(folder, "sites.json"), "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(whole, file)
    if with_reports:  # last, as they may need more time or memory than there is
        for _, pid, path in sorted(readable, reverse=True)[:MOST_REPORTED]:
            reading.size = os.path.getsize(path)
            write_reports(path, os.path.join(folder, str(pid)))
    for name in names:  # they were brought here, and need not be brought back
        with contextlib.suppress(OSError):  # another user's
            os.remove(os.path.join(folder, name))


def show_reading(folder: str, names: list[str], *, with_reports: bool) -> Reading:
    """Let memray say how far it is; without memray there is little to read."""
    sizes = [os.path.getsize(os.path.join(folder, name)) for name in names if CAPTURE.fullmatch(name)]
    reading = Reading(sizes, with_reports=with_reports)
    if sizes:
        internals = __import__("memray._memray")._memray
        internals.Progress = reading
    return reading


def remember_typed(processes: Iterable[Any]) -> None:
    """Let the code that the only process of ``python -c`` was given be found like that of a file."""
    typed = {words[words.index("-c") + 1] for words in (each["command"] for each in processes) if "-c" in words[:-1]}
    if len(typed) == 1:
        (code,) = typed
        linecache.cache["<string>"] = (len(code), None, code.splitlines(keepends=True), "<string>")


def stack_sources(paths: Iterable[str]) -> dict[str, str]:
    """Return the text of the lines that stacks of ``memcap_watch`` name."""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as file:
            for place, number in re.findall(r'^  File "(.+)", line (\d+) in ', file.read(), re.MULTILINE):
                text = linecache.getline(place, int(number)).strip()
                if text:
                    found["%s:%s" % (place, number)] = text[:200]
    return found


def read_literal(path: str) -> dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        found = ast.literal_eval(file.read())
    assert isinstance(found, dict)
    return found


def read_capture(path: str, frames: Frames) -> dict[str, Any]:
    """Return the sites of memray's high-water mark; a capture that breaks off is read as far as it goes."""
    from memray import AllocatorType, FileReader
    from memray.reporters.frame_tools import is_cpython_internal

    reader = FileReader(path, report_progress=True)
    metadata = reader.metadata
    native = metadata.has_native_traces
    sites: list[list[Any]] = []
    total = rest = 0
    for record in sorted(reader.get_high_watermark_allocation_records(merge_threads=False), key=lambda r: -r.size):
        total += record.size
        if len(sites) >= MOST_SITES:
            rest += record.size
            continue
        of_python = record.stack_trace()
        stack = [(frame, False) for frame in of_python]
        if native:
            known = set(of_python)
            both = ((frame, frame not in known) for frame in record.hybrid_stack_trace())
            stack = [(frame, is_native) for frame, is_native in both if not is_native or not is_cpython_internal(frame)]
        places = [
            frames.place(file, line, function, is_native) for (function, file, line), is_native in without_own(stack)
        ]
        allocator = AllocatorType(record.allocator).name.lower()
        sites.append([record.size, record.n_allocations, record.thread_name or "", allocator, places])
    return {
        "sites": sites,
        "rest_bytes": rest,
        "peak_bytes": total,
        "allocations": None if is_aggregated(metadata) else metadata.total_allocations or None,
        "aggregated": is_aggregated(metadata),
    }


def lines_of(records: Iterable[Any]) -> list[list[Any]]:
    """Return file, line, bytes, count and source of the program's lines that allocated ``records``, the largest first.

    A line is the innermost of Python; what compiled code allocates is that of the line that called it.
    """
    totals: dict[tuple[str, int], list[int]] = {}
    for record in records:
        for (_, file, line), _ in without_own([(frame, False) for frame in record.stack_trace()]):
            entry = totals.setdefault((file, line), [0, 0])
            entry[0] += record.size
            entry[1] += record.n_allocations
            break
    largest = sorted(totals.items(), key=lambda item: -item[1][0])[:MOST_LINES]
    return [[*place, *total, linecache.getline(*place).strip()[:200]] for place, total in largest]


def is_aggregated(metadata: Any) -> bool:
    """Say whether a capture holds totals by stack only."""
    return str(metadata.file_format.name) == "AGGREGATED_ALLOCATIONS"


def write_last(capture: str, path: str) -> None:
    """Write the stack of the last allocation of a page or more, innermost first: what was going on when a kill came."""
    from memray import AllocatorType, FileReader

    if os.path.getsize(capture) > LARGEST_READ_THROUGH:
        return
    frees = (AllocatorType.FREE, AllocatorType.MUNMAP, AllocatorType.PYMALLOC_FREE)
    last = None
    for record in FileReader(capture).get_allocation_records():
        is_own = (record.thread_name or "").startswith("memcap-")
        if record.size >= PAGE and record.allocator not in frees and not is_own:
            last = record
    if last is not None:
        frames = [frame for frame, _ in without_own([(frame, False) for frame in last.stack_trace()])]
        facts = {"size_bytes": last.size, "thread": last.thread_name or "", "frames": frames}
        with open(path, "w", encoding="utf-8") as file:
            file.write(ascii(facts))


def without_own(stack: list[Any]) -> Iterable[Any]:
    """Leave out the frames of the instrument, which is the outermost part of what was imported by sitecustomize."""
    return (each for each in stack if OWN not in each[0][1] or "memcap" not in each[0][1])


def read_traces(path: str, frames: Frames, functions: Functions) -> dict[str, Any]:
    """Return the sites of tracemalloc's last snapshot."""
    facts = read_literal(path)
    sites = []
    listed = 0
    for size, count, lines in facts["sites"]:
        if any(file.endswith("/memcap_instrument.py") for file, _ in lines):
            listed += size  # what watches, not what is watched
            continue
        stack = [((functions.name(file, line), file, line), False) for file, line in lines]
        kept = list(without_own(stack))
        places = [frames.place(file, line, function, False) for (function, file, line), _ in kept]
        sites.append([size, count, "", "", places])
        listed += size
    return {
        "sites": sites,
        "rest_bytes": facts["total_bytes"] - listed,
        "peak_bytes": facts["peak_bytes"],
        "allocations": None,
    }


def write_reports(capture: str, stem: str) -> None:
    """Write memray's own reports; one that fails is told, and does not keep the others from being written.

    What happened when is not in a capture of totals, and neither is what statistics are made of.
    """
    from pathlib import Path

    from memray import FileReader
    from memray._memray import compute_statistics
    from memray.reporters.flamegraph import FlameGraphReporter
    from memray.reporters.stats import StatsReporter
    from memray.reporters.table import TableReporter

    reader = FileReader(capture, report_progress=True)
    native = reader.metadata.has_native_traces
    snapshots = tuple(reader.get_memory_snapshots())
    at_peak = list(reader.get_high_watermark_allocation_records(merge_threads=True))

    def render(reporter: Any, name: str, leaks: bool = False) -> None:
        with open("%s-%s.html" % (stem, name), "w", encoding="utf-8", errors="backslashreplace") as file:
            reporter.render(file, reader.metadata, leaks, True, False, no_web=True)

    def flamegraph() -> None:
        reporter = FlameGraphReporter.from_snapshot(at_peak, memory_records=snapshots, native_traces=native)
        render(reporter, "flamegraph")

    def table() -> None:
        render(TableReporter.from_snapshot(at_peak, memory_records=snapshots, native_traces=native), "table")

    def leaks() -> None:
        at_end = list(reader.get_leaked_allocation_records(merge_threads=True))
        reporter = FlameGraphReporter.from_snapshot(at_end, memory_records=snapshots, native_traces=native)
        render(reporter, "leaks", leaks=True)
        with open(stem + "-leaks.json", "w", encoding="utf-8", errors="backslashreplace") as file:
            json.dump(lines_of(at_end), file)

    def temporal() -> None:
        records, marks = reader.get_temporal_high_water_mark_allocation_records(merge_threads=True)
        render(
            FlameGraphReporter.from_temporal_snapshot(
                records, memory_records=snapshots, native_traces=native, high_water_mark_by_snapshot=marks
            ),
            "temporal",
        )

    def stats() -> None:
        StatsReporter(compute_statistics(capture, report_progress=True, num_largest=20), 20).render(
            Path(stem + "-stats.json")
        )

    over_time = () if is_aggregated(reader.metadata) else (temporal, stats)
    for report in (flamegraph, table, leaks, *over_time):
        try:
            report()
        except Exception:
            traceback.print_exc()


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.join(here, "lib"))
    instrument = __import__("memcap_instrument")
    sys.modules.update({name: instrument.stand_in(name) for name in instrument.NOT_NEEDED})
    main(sys.argv[1], with_reports="no-reports" not in sys.argv[2:])
