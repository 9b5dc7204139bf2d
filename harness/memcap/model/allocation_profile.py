"""An allocation profile: what was allocated where. Figures with an instrument in the container; never judged."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from memcap.model.ending import Caveat, Ending
from memcap.model.measurement import Moment, explanation_of_server

_IMPORT_SYSTEM = "<frozen importlib"
_MOST_COMPILED = 3  # frames
# Where Python keeps what others wrote: its library, installed packages, a suite's dependencies; and memcap's runner.
_OF_OTHERS = re.compile(r"/lib(?:64)?/python3[.\d]*/|/(?:site|dist)-packages/|^/memcap/(?:deps|probe)/|^<frozen ")


class ProfileTool(str, Enum):
    """What noted the allocations."""

    MEMRAY = "memray"
    TRACEMALLOC = "tracemalloc"


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One line of a stack; ``native`` is a line of compiled code, or its function alone (line 0)."""

    file: str
    line: int
    function: str
    native: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Allocations of one stack (innermost first) that lived together when most was allocated in their process.

    ``process`` is a PID that ``AllocationProfile.processes`` knows; ``allocator`` is the function that was called, such
    as malloc or mmap, where the tool says so.
    """

    stack: tuple[Frame, ...]
    size_bytes: int
    count: int
    process: int
    thread: str = ""
    allocator: str = ""

    @property
    def frame(self) -> Frame | None:
        """Return the line to blame: the innermost of Python that is not of the import system. None if there is none."""
        lines = [frame for frame in self.stack if not frame.native]
        return next((frame for frame in lines if not frame.file.startswith(_IMPORT_SYSTEM)), None)

    @property
    def own_frame(self) -> Frame | None:
        """Return the innermost line that is of the program itself: not of Python's library nor of a package."""
        lines = (frame for frame in self.stack if not frame.native)
        return next((frame for frame in lines if not _OF_OTHERS.search(frame.file)), None)

    @property
    def native(self) -> bool:
        """Tell whether compiled code of the stack is known."""
        return any(frame.native for frame in self.stack)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """All sites of one line of Python, over stacks, threads and processes; ``frame`` None: of no line of Python."""

    frame: Frame | None
    sites: tuple[Site, ...]

    @property
    def size_bytes(self) -> int:
        """Return what all of them allocated."""
        return sum(site.size_bytes for site in self.sites)

    @property
    def count(self) -> int:
        """Return the number of allocations."""
        return sum(site.count for site in self.sites)

    @property
    def processes(self) -> tuple[int, ...]:
        """Return the PIDs of the processes that they are of."""
        return tuple(dict.fromkeys(site.process for site in self.sites))

    @property
    def caller(self) -> Frame | None:
        """Return the line of the program itself that most of it came from, None where that is ``frame``."""
        sizes: Counter[Frame | None] = Counter()
        for site in self.sites:
            sizes[site.own_frame] += site.size_bytes
        ((largest, _),) = sizes.most_common(1)
        return None if largest == self.frame else largest

    @property
    def inside(self) -> tuple[Frame, ...]:
        """Return where most of it was allocated, innermost first: what is known of compiled code, and the line of
        Python, if that is another.
        """
        largest = max(self.sites, key=lambda site: site.size_bytes)
        compiled = tuple(itertools.takewhile(lambda frame: frame.native, largest.stack))[:_MOST_COMPILED]
        python = largest.frame
        return (*compiled, python) if python is not None and python != self.frame else compiled


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfiledProcess:
    """One process of the workload; its peak is the tool's count, and need not be at the same time as another's.

    ``sites_bytes`` is what its sites add up to and ``rest_bytes`` what smaller ones would.
    """

    pid: int
    command: str
    main: bool
    peak_bytes: int
    sites_bytes: int
    rest_bytes: int = 0
    allocations: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What the instrument itself took: one run of the workload without it, one with it.

    ``footprint_bytes`` is by how much ``unreclaimable_peak`` rose, ``slowdown`` the running time with it as a multiple
    of that without; None where a run did not complete. ``idle``: the footprint is that in an interpreter that does
    nothing, as one of those runs did not complete.
    """

    footprint_bytes: int | None = None
    idle: bool = False
    slowdown: float | None = None


@dataclass(frozen=True, kw_only=True)
class AllocationProfile:
    """What one run allocated where. All figures are of a run with the instrument in it: never baselines, never judged.

    ``subject`` is a cell's id or a command; ``cap_bytes`` is what the workload was promised, ``raised_bytes`` what the
    cap was raised by for the instrument; ``unreclaimable_peak_bytes`` is the container's, instrument included.
    ``output_tail`` is the end of what it printed, if it did not complete. ``sources`` maps ``file:line`` of frames to
    the text of that line, read in the container. ``series`` is the container's memory over time. ``aggregated``: the
    record holds totals by stack only. ``attached_seconds``: of a process that ran already, for so long at most; it has
    no ending, cap or cost of its own then.
    """

    id: str
    started: str
    subject: str
    tool: ProfileTool
    tool_version: str
    image: str
    python: str
    cap_bytes: int
    raised_bytes: int
    ending: Ending
    detail: str = ""
    is_server: bool = False
    output_tail: str = ""
    native: bool = False
    follows_fork: bool = False
    aggregated: bool = False
    unreclaimable_peak_bytes: int | None = None
    wall_seconds: float | None = None
    cost: Cost = field(default_factory=Cost)
    processes: tuple[ProfiledProcess, ...] = ()
    sites: tuple[Site, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    series: tuple[Moment, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    attached_seconds: float | None = None

    @property
    def explanation(self) -> str:
        """Say in one line how the run ended."""
        return explanation_of_server(self.ending, self.detail) if self.is_server else self.ending.explanation

    @property
    def peak_bytes(self) -> int:
        """Return the largest peak of a process, by the tool's own count."""
        return max((process.peak_bytes for process in self.processes), default=0)

    @property
    def sites_bytes(self) -> int:
        """Return what all sites add up to, over processes whose peaks need not have been at the same time."""
        return sum(process.sites_bytes + process.rest_bytes for process in self.processes)

    def lines(self) -> tuple[Line, ...]:
        """Return the sites by the line to blame, the largest first."""
        return _by(lambda site: site.frame, self.sites)

    def own_lines(self, process: int | None = None) -> tuple[Line, ...]:
        """Return the sites by the program's own lines, of all processes or of one, the largest first.

        What a package or Python's library allocated counts for the line that called it.
        """
        sites = (site for site in self.sites if process in (None, site.process))
        return _by(lambda site: site.own_frame or site.frame, sites)

    def source(self, frame: Frame | None) -> str:
        """Return the text of the frame's line, empty where it could not be read."""
        return self.sources.get(f"{frame.file}:{frame.line}", "") if frame else ""


def _by(blamed: Callable[[Site], Frame | None], sites: Iterable[Site]) -> tuple[Line, ...]:
    found: dict[Frame | None, list[Site]] = {}
    for site in sites:
        found.setdefault(blamed(site), []).append(site)
    lines = [Line(frame=frame, sites=tuple(of_line)) for frame, of_line in found.items()]
    return tuple(sorted(lines, key=lambda line: -line.size_bytes))
