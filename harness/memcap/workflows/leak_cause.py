"""Run a generator benchmark that leaks once more, and find what grows and who holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.model import CallWorkload, Grown, Measurement, SoakRules
from memcap.probe.soak_work import SoakWork, parse_work
from memcap.soaking import together, work_while
from memcap.workflows.caller import Caller
from memcap.workflows.ready import made_ready
from memcap.workflows.request import new_campaign, with_variables
from memcap.workflows.soak import soak_run
from memcap.workflows.subject import Subject

_BEFORE: Final = 1 / 3  # of the time: warm-up, whose growth is not looked at
_SHORTEST, _LONGEST = 1.5, 300.0  # seconds of a run


@dataclass(frozen=True, kw_only=True)
class LeakCause:
    """What grew in another run of a benchmark, and how many cycles it made meanwhile; ``grown`` None: not found."""

    grown: Grown | None
    cycles: float | None = None


def is_explainable(subject: Subject) -> bool:
    """Tell whether what grows can be looked for in the benchmark: the runner steps it."""
    return isinstance(subject.cell.benchmark.workload, CallWorkload)


def find_cause(subject: Subject, runs: Sequence[Measurement], caller: Caller) -> LeakCause:
    """Run it as long as its ``runs`` took, and return what grew after a third of that. Raises what engines raise."""
    whole = min(max(_cycling_seconds(runs), _SHORTEST), _LONGEST)
    rules = SoakRules(duration_seconds=_BEFORE * whole, explain_seconds=(1 - _BEFORE) * whole)
    request = with_variables(subject.request("explain", new_campaign("explain")))
    with made_ready(request, caller.tell) as ready:
        raw = ready.engine.execute(soak_run(request, ready, rules, caller))
    return cause_of(parse_work(raw.workload_journal.splitlines(), started=0.0))


def cause_of(seen: SoakWork) -> LeakCause:
    """Return what was found, in all processes together."""
    found = together(seen.grown)
    if found is None:
        return LeakCause(grown=None)
    return LeakCause(grown=found, cycles=work_while(found, seen.work) if seen.work else None)


def _cycling_seconds(runs: Sequence[Measurement]) -> float:
    """Return how long the longest run made cycles."""
    return max((run.cycle_tenths[-1] for run in runs if run.cycle_tenths), default=0.0)
