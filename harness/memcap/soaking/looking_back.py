"""Read what the parts of a soak wrote while it ran, and judge it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from memcap.errors import FileFormatError
from memcap.leaks import Series, judge_series, two_ends
from memcap.load import PodEvent, parse_event
from memcap.model import (
    AllocationSite,
    FinalCollection,
    Grown,
    Measurement,
    MemoryLook,
    PythonLook,
    SoakKind,
    SoakNote,
    SoakSample,
    WorkLook,
    judged_seconds,
)
from memcap.probe.soak_journal import SoakStart, stream_looks
from memcap.probe.soak_work import SoakWork, TopLook, read_looks
from memcap.redaction import Redaction
from memcap.soaking.gathering import (
    Thinned,
    garbage_of,
    growth_between,
    samples_of,
    series_of,
    without_exit,
    work_while,
)
from memcap.soaking.grown_together import together
from memcap.soaking.outcome import SoakOutcome

_Look = TypeVar("_Look", WorkLook, PythonLook)
_BEGUN_SECONDS: Final = 0.2  # after the start of the workload
_MOST_LIVE: Final = 1024  # looks of each kind that a view holds


class SoakLooks:
    """All looks at a soak, as its parts wrote them: memory has to be read first, as it says when the workload began.

    ``thinned`` keeps no more than a view needs, for a soak that takes days.
    """

    def __init__(self, note: SoakNote, *, thinned: bool = False) -> None:
        self.note = note
        self._most = _MOST_LIVE if thinned else None
        self._started: float | None = None  # on the machine's monotonic clock
        self._tops: dict[int, TopLook] = {}
        self.memory: list[MemoryLook] = []
        self.work: list[WorkLook] = []
        self.python: list[PythonLook] = []
        self.told: list[PodEvent] = []
        self._grown: list[Grown] = []
        self.collected: FinalCollection | None = None

    def read_memory(self, lines: Iterable[str]) -> None:
        """Read the supervisor's journal."""
        thinned = None if self._most is None else Thinned(self._most)
        for found in stream_looks(lines):
            if isinstance(found, SoakStart):
                self._started = found.started if self._started is None else self._started
            elif thinned is None:
                self.memory.append(found)
            else:
                thinned.add(found)
        if thinned is not None:
            self.memory = thinned.looks

    def read_work(self, lines: Iterable[str]) -> None:
        """Read what the runner and the looks into programs wrote."""
        if self._started is None:
            return
        for found in read_looks(lines, started=self._started):
            if isinstance(found, WorkLook):
                known = self.work[-1].metrics if self.work and not found.metrics else found.metrics
                self._keep(self.work, replace(found, metrics=known))  # those of the last cycle
            elif isinstance(found, PythonLook):
                self._keep(self.python, found)
            elif isinstance(found, Grown):
                self._grown.append(found)
            elif isinstance(found, FinalCollection):
                self.collected = found
            else:
                self._tops[found.pid] = found

    def read_events(self, lines: Iterable[str]) -> None:
        """Read the lines of the load client; ``told`` has all that is not how far the load is."""
        for line in lines:
            try:
                event = parse_event(line)
            except FileFormatError:
                continue
            found = event.progress
            if found is None:
                self.told.append(event)
            elif self._started is not None:
                self._keep(self.work, replace(found, seconds=max(found.seconds - self._started, 0.0)))

    def _keep(self, looks: list[_Look], found: _Look) -> None:
        looks.append(found)
        if self._most is not None and len(looks) > self._most:
            del looks[: len(looks) // 2 * 2 : 2]

    @property
    def grown(self) -> tuple[Grown, ...]:
        """Return what grew in each process after the time that is judged, the most first."""
        return tuple(sorted(self._grown, key=lambda each: (bool(each.why_not), -each.traced_bytes)))

    @property
    def top(self) -> tuple[AllocationSite, ...] | None:
        """Return the lines that have allocated most of what lives, of all processes; None if none was noted."""
        sites = SoakWork(tops=self._living_tops()).sites
        return None if sites is None else sites[: self.note.rules.top]

    @property
    def top_seconds(self) -> float | None:
        """Return since when ``top`` may be out of date: when the oldest list in it was made."""
        return min((each.seconds for each in self._living_tops().values()), default=None)

    def _living_tops(self) -> Mapping[int, TopLook]:
        """Return the lists of the processes that lived at the last look: what others held is free."""
        newest = {look.pid: look.seconds for look in self.python}
        oldest = max(newest.values(), default=0.0) - 2 * self.note.rules.interval_seconds
        return {pid: each for pid, each in self._tops.items() if newest.get(pid, each.seconds) >= oldest}


def judged(note: SoakNote, looks: SoakLooks, measurement: Measurement | None, *, container: str = "") -> SoakOutcome:
    """Return what a soak has shown; ``measurement`` is None while it runs.

    What lies after the last work is left out of the series: a server without its load, a generator that is closed. A
    server that was not loaded is not judged. What was looked at to find what grows is no sample.
    """
    rules = note.rules
    seen = looks.memory
    if rules.explain_seconds:
        end = judged_seconds(rules, note.spec.serving.workload if note.spec.serving else None)
        seen = [each for each in seen if each.seconds <= end]
    memory, work = seen, looks.work
    if work:
        memory = [each for each in memory if each.seconds <= work[-1].seconds]
    elif measurement is not None and seen[-1:] and not _lasted(seen[-1], note):
        memory = list(without_exit(memory))
    series = series_of(memory, work)
    samples = samples_of(seen, work, looks.python, rules)
    is_loaded = note.kind is not SoakKind.SERVER or bool(work)
    collector = garbage_of(looks.python, looks.collected)
    judged_series = series if is_loaded else Series(seconds=(), values=())
    verdict = judge_series(judged_series, cap_bytes=note.cap_bytes, garbage=collector)
    usual = two_ends(_resident(samples), threshold=rules.leak_threshold_bytes)
    server = measurement.server if measurement is not None else None
    grown = looks.grown
    whole = together(grown)
    return SoakOutcome(
        id=note.id,
        name=note.name,
        image=note.image,
        started=note.started,
        kind=note.kind,
        cap_bytes=note.cap_bytes,
        rules=rules,
        elapsed_seconds=looks.memory[-1].seconds if looks.memory else 0.0,
        samples=samples,
        series=series,
        garbage=collector,
        verdict=replace(verdict, two_ends=usual),
        measurement=measurement,
        top=looks.top,
        top_seconds=looks.top_seconds,
        services=server.services if server is not None else (),
        container=container,
        environment=note.environment,
        grown=grown,
        grown_work=work_while(whole, work) if whole and work else None,
        grown_bytes=growth_between(looks.memory, whole.since_seconds, whole.seconds) if whole else None,
    )


def _lasted(last: MemoryLook, note: SoakNote) -> bool:
    """Tell whether the workload ran as long as it was asked to, and was stopped then."""
    return last.seconds > note.rules.duration_seconds - note.rules.step_seconds


def _resident(samples: Iterable[SoakSample]) -> Series:
    """Return the resident memory of the samples, which the usual rule looks at.

    A sample at the very start is left out: it is of a process that has not loaded its program yet.
    """
    looks = [each.memory for each in samples if each.memory.seconds >= _BEGUN_SECONDS]
    found = [(each.seconds, each.rss_bytes) for each in looks if each.rss_bytes is not None]
    return Series(seconds=[seconds for seconds, _ in found], values=[float(rss) for _, rss in found])


def public(outcome: SoakOutcome, secrets: Iterable[str]) -> SoakOutcome:
    """Return ``outcome`` without the secrets, which the source of a line may quote."""
    return Redaction(tuple(secrets)).tree(outcome)
