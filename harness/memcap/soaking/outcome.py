"""What became of a soak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memcap.leaks import Garbage, LeakVerdict, Series
from memcap.model import (
    AllocationSite,
    Ending,
    Environment,
    Grown,
    Measurement,
    PythonLook,
    ServiceFigures,
    SoakKind,
    SoakRules,
    SoakSample,
)
from memcap.soaking.grown_together import together

LEAKING: Final = 100
KILLED: Final = 97
FAILED: Final = 96
INFRASTRUCTURE: Final = 95
NOT_ENOUGH: Final = 94


def looks_by_process(samples: Iterable[SoakSample]) -> Mapping[int, Sequence[PythonLook]]:
    """Return what each Python process said of itself, by its PID, in the order of time."""
    looks: dict[int, list[PythonLook]] = {}
    for sample in samples:
        for look in sample.python:
            looks.setdefault(look.pid, []).append(look)
    return looks


@dataclass(frozen=True, kw_only=True)
class SoakOutcome:
    """A soak, as far as it has come.

    ``name`` is the cell or the command, ``started`` an ISO 8601 time in UTC, ``elapsed_seconds`` how long the workload
    ran. ``series`` is what was judged: the least unreclaimable memory of each step, with the work done until then.
    ``garbage`` is what is known of Python's garbage, None where the workload is no function or generator, or did not
    live to tell. ``measurement`` says how it ended and what its peaks were; None while it runs. ``top`` is None where
    tracemalloc was off or the program did not live to tell, and ``top_seconds`` is when its oldest list was made;
    ``living`` is what lived at the end of its twin under memray, if it had one. ``container`` is that of the workload.
    ``grown`` is what grew after the time that was judged, by process, the most first; ``grown_work`` is the work that
    was done meanwhile, ``grown_bytes`` how much more was unreclaimable then.
    """

    id: str
    name: str
    image: str
    started: str
    kind: SoakKind
    cap_bytes: int
    rules: SoakRules
    elapsed_seconds: float
    samples: tuple[SoakSample, ...]
    series: Series
    verdict: LeakVerdict
    garbage: Garbage | None = None
    measurement: Measurement | None = None
    top: tuple[AllocationSite, ...] | None = None
    top_seconds: float | None = None
    living: tuple[AllocationSite, ...] | None = None
    services: tuple[ServiceFigures, ...] = ()
    container: str = ""
    environment: Environment | None = None
    grown: tuple[Grown, ...] = ()
    grown_work: float | None = None
    grown_bytes: int | None = None

    @property
    def growth(self) -> Grown | None:
        """Return what grew in all processes together; None where it was not looked for, or not found."""
        return together(self.grown)

    @property
    def is_running(self) -> bool:
        """Tell whether it goes on: what is known is what was seen so far."""
        return self.measurement is None

    @property
    def exit_code(self) -> int:
        """Return what the command exits with: the larger, the less another try would help."""
        ending = self.measurement.ending if self.measurement is not None else Ending.COMPLETED
        if ending.is_oom or ending in (Ending.CAP_EXCEEDED, Ending.LIMIT_EXCEEDED):
            return KILLED
        if ending.is_infrastructure or ending in (Ending.NOT_READY, Ending.SERVICE_FAILED):
            return INFRASTRUCTURE
        if ending is not Ending.COMPLETED:
            return FAILED
        leak = self.verdict.leak
        return NOT_ENOUGH if leak is None else LEAKING if leak else 0
