"""An allocation profile: what was allocated where. Figures with an instrument in the container; never judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from memcap.model.ending import Caveat, Ending
from memcap.model.measurement import Moment


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
        """Return the innermost line of Python: the one to blame. None for a stack without any."""
        return next((frame for frame in self.stack if not frame.native), None)

    @property
    def native(self) -> bool:
        """Tell whether compiled code of the stack is known."""
        return any(frame.native for frame in self.stack)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfiledProcess:
    """One process of the workload; its peak is the tool's count, and need not be at the same time as another's.

    ``sites_bytes`` is what its sites add up to and ``rest_bytes`` what smaller ones would; ``complete`` is False where
    the record breaks off, as after a kill.
    """

    pid: int
    command: str
    main: bool
    peak_bytes: int
    sites_bytes: int
    rest_bytes: int = 0
    allocations: int | None = None
    complete: bool = True


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
    ``sources`` maps ``file:line`` of frames to the text of that line, read in the container. ``series`` is the
    container's memory over time.
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
    native: bool = False
    follows_fork: bool = False
    unreclaimable_peak_bytes: int | None = None
    wall_seconds: float | None = None
    cost: Cost = field(default_factory=Cost)
    processes: tuple[ProfiledProcess, ...] = ()
    sites: tuple[Site, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    series: tuple[Moment, ...] = ()
    caveats: tuple[Caveat, ...] = ()

    @property
    def peak_bytes(self) -> int:
        """Return the largest peak of a process, by the tool's own count."""
        return max((process.peak_bytes for process in self.processes), default=0)

    def source(self, frame: Frame) -> str:
        """Return the text of the frame's line, empty where it could not be read."""
        return self.sources.get(f"{frame.file}:{frame.line}", "")
