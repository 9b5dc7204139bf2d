"""What is known of a reproduced kill."""

from __future__ import annotations

from dataclasses import dataclass

from memcap.model import (
    AllocationProfile,
    Ending,
    Frame,
    Holder,
    Line,
    Measurement,
    ProcessPeak,
    ProfiledProcess,
    Site,
)
from memcap.repro.escalation import Load, estimated_load
from memcap.repro.growth import Growth, growth_of


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run of the subject as it is, at a cap that may be lower than the one asked for.

    ``cycle_seconds`` are the lengths of the cycles of a generator workload, up to the kill; ``load`` is None for the
    workload as it is.
    """

    cap_bytes: int
    measurement: Measurement
    cycle_seconds: tuple[float, ...] = ()
    load: Load | None = None

    @property
    def killed(self) -> bool:
        """Tell whether the kernel killed a process at the cap."""
        return self.measurement.ending.is_oom


@dataclass(frozen=True, kw_only=True)
class Need:
    """A run in a larger cap: how it ended, and what it needed."""

    cap_bytes: int
    ending: Ending
    unreclaimable_peak_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class ThreadStack:
    """One thread's stack, innermost first."""

    name: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, kw_only=True)
class Stacks:
    """Where the threads of one process were at a new height of memory; ``used_bytes`` is without page cache."""

    process: int
    used_bytes: int
    cap_bytes: int
    seconds: float
    threads: tuple[ThreadStack, ...]

    def is_in(self, place: Frame) -> bool:
        """Tell whether a thread was in the line of ``place``, or in what it had called."""
        wanted = (place.file, place.line)
        return any((frame.file, frame.line) == wanted for thread in self.threads for frame in thread.frames)


@dataclass(frozen=True, kw_only=True)
class LastAllocation:
    """The last allocation of a page or more that a process recorded; ``frames`` are innermost first."""

    process: int
    size_bytes: int
    thread: str
    frames: tuple[Frame, ...]

    @property
    def own_frame(self) -> Frame | None:
        """Return the innermost line that is of the program itself."""
        return Site(stack=self.frames, size_bytes=self.size_bytes, count=1, process=self.process).own_frame

    def is_in(self, place: Frame) -> bool:
        """Tell whether it came from the line of ``place``."""
        return any((frame.file, frame.line) == (place.file, place.line) for frame in self.frames)


@dataclass(frozen=True, kw_only=True)
class State:
    """What one process held near the cap; ``objects`` are those that the collector knows, None where not counted.

    ``waiting`` are the collector's counts of what is new, by generation; ``collections`` how often it collected each.
    ``holders`` are who holds what had grown most since half of the cap, the most first.
    """

    process: int
    used_bytes: int
    cap_bytes: int
    waiting: tuple[int, ...]
    collections: tuple[int, ...]
    objects: int | None
    types: tuple[tuple[str, int], ...]
    files: tuple[str, ...]
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flight:
    """The run with the recorder in it; ``measurement`` is of that run, the recorder included.

    ``stacks`` are the last few of each process, the newest first.
    """

    profile: AllocationProfile
    measurement: Measurement
    stacks: tuple[Stacks, ...]
    states: tuple[State, ...]
    last: tuple[LastAllocation, ...] = ()

    @property
    def victim(self) -> ProfiledProcess | None:
        """Return the recorded process that was killed.

        Of a killed child only the kind is known, not which: the largest is what the kernel chooses.
        """
        of_main = self.measurement.ending is Ending.OOM_KILLED
        fitting = [each for each in self.profile.processes if each.main == of_main] or list(self.profile.processes)
        sizes = {each.pid: each.vm_hwm_bytes for each in self.measurement.processes}
        return max(fitting, key=lambda each: (each.sites_bytes, sizes.get(each.pid, 0)), default=None)

    @property
    def line(self) -> Line | None:
        """Return the line that most of what the killed process held is to be blamed on, None where none is known."""
        victim = self.victim
        lines = self.profile.own_lines(victim.pid) if victim else ()
        return next((line for line in lines if line.frame), None)

    def stacks_of(self, process: int) -> tuple[Stacks, ...]:
        """Return the last stacks of ``process``, the newest first."""
        return tuple(each for each in self.stacks if each.process == process)

    @property
    def last_allocation(self) -> LastAllocation | None:
        """Return the last allocation of the process that was killed, None where that is not known."""
        victim = self.victim
        return next((each for each in self.last if victim and each.process == victim.pid), None)

    @property
    def holder(self) -> Holder | None:
        """Return who holds what the killed process had most of, None where that is not known."""
        victim = self.victim
        state = next((each for each in self.states if victim and each.process == victim.pid), None)
        return state.holders[0] if state and state.holders else None

    @property
    def newest(self) -> tuple[Stacks, ...]:
        """Return the newest stacks: of the process that was killed, or of each where that is not known."""
        victim = self.victim
        of_victim = self.stacks_of(victim.pid) if victim else ()
        if of_victim:
            return of_victim[:1]
        return tuple(self.stacks_of(process)[0] for process in dict.fromkeys(each.process for each in self.stacks))


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """All that was found out. ``attempts`` are at ``cap_bytes`` (the one asked for, or where it happened) with one
    load, ``earlier`` those at other caps or with smaller loads. ``flight`` is None where nothing was recorded, and
    ``not_recorded`` says why. ``again`` is the command line that leads there without a search, if there was one.
    """

    id: str
    started: str
    subject: str
    image: str
    asked_cap_bytes: int
    cap_bytes: int
    attempts: tuple[Attempt, ...]
    earlier: tuple[Attempt, ...] = ()
    flight: Flight | None = None
    not_recorded: str = ""
    need: Need | None = None
    again: str = ""

    @property
    def load(self) -> Load | None:
        """Return what the attempts had to do, None for what they have as they are."""
        return self.attempts[0].load

    @property
    def smaller_loads(self) -> tuple[Load, ...]:
        """Return those with which nothing was killed before, the smallest first."""
        return tuple(each.load for each in self.earlier if each.load)

    @property
    def loads_survived(self) -> tuple[tuple[Load, int], ...]:
        """Return with which loads it came to its end without a kill, the smallest first, and what had to fit then."""
        spared = self.earlier if self.kills else (*self.earlier, *self.attempts)
        runs = ((each.load, each.measurement) for each in spared)
        return tuple(
            (load, run.unreclaimable_peak_bytes)
            for load, run in runs
            if load and run.ending is Ending.COMPLETED and run.unreclaimable_peak_bytes
        )

    @property
    def estimated_load(self) -> Load | None:
        """Return with which load something would be killed, if nothing was and the need grew evenly."""
        return None if self.kills else estimated_load(self.cap_bytes, self.loads_survived)

    @property
    def kills(self) -> int:
        """Return in how many of the attempts the kernel killed something at the cap."""
        return sum(attempt.killed for attempt in self.attempts)

    @property
    def killed_run(self) -> Measurement | None:
        """Return the last attempt that was killed."""
        return next((each.measurement for each in reversed(self.attempts) if each.killed), None)

    @property
    def last_words(self) -> str:
        """Return the end of what the last attempt printed, if it ended in another way than by a kill, and not well."""
        last = self.attempts[-1]
        return "" if last.killed or last.measurement.ending is Ending.COMPLETED else last.measurement.output_tail

    @property
    def growth(self) -> Growth | None:
        """Return the growth over the cycles of the last attempt that was killed."""
        killed = next((each for each in reversed(self.attempts) if each.killed), None)
        return growth_of(killed.measurement.series, killed.cycle_seconds) if killed else None

    @property
    def largest_processes(self) -> tuple[ProcessPeak, ...]:
        """Return the processes of the killed attempt, or of the last, the largest first."""
        run = self.killed_run or self.attempts[-1].measurement
        return tuple(sorted(run.processes, key=lambda each: -each.vm_hwm_bytes))
