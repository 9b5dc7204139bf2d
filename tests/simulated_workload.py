"""A workload whose answers are known: when it is killed, how much slower a cap makes it, what it reads again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from memcap.fitting import Fit, Goal, Reference, Trial, conclude, next_caps
from memcap.model import Ending

MIB = 1024 * 1024


def always(_: float) -> float:
    """Return that a cap has no influence."""
    return 1.0


@dataclass
class Workload:
    """All sizes in MiB. ``survives`` and ``slowness`` say what a cap does to a run.

    A cap below ``comfort`` makes it read pages again, one of ``peak`` is not reached. ``beside`` is how much slower a
    run is beside others.
    """

    need: float
    peak: float
    threshold: float
    comfort: float = 0.0
    slowness: Callable[[float], float] = always
    survives: Callable[[float], bool] | None = None
    beside: float = 1.0
    runs: Counter[int] = field(default_factory=Counter)

    def run(self, cap_bytes: int, *, alone: bool) -> Trial:
        """Return what one run shows."""
        cap = cap_bytes / MIB
        self.runs[cap_bytes] += 1
        lives = self.survives(cap) if self.survives else cap >= self.threshold
        seconds = 2.0 * self.slowness(cap) * (1 if alone else self.beside)
        return Trial(
            cap_bytes=cap_bytes,
            survived=lives,
            ending=Ending.COMPLETED if lives else Ending.OOM_KILLED,
            alone=alone,
            seconds=seconds if lives else None,
            wall_seconds=seconds,
            cap_hits=0,  # as on some kernels with cgroup v1
            refaults=0 if cap >= self.comfort else 5000,
            major_faults=0,
            peak_bytes=round(min(cap, self.peak) * MIB),
            need_bytes=round(min(cap, self.need) * MIB),
        )

    def reference(self, cap: float = 16384) -> Reference:
        """Return the first measurement, of which nothing is counted."""
        trials = tuple(self.run(round(cap * MIB), alone=True) for _ in range(3))
        self.runs.clear()
        return Reference(trials=trials, ahead_bytes=MIB // 2)


def found(workload: Workload, goal: Goal | None = None) -> Fit:
    """Search until the search has no more wishes."""
    goal = goal or Goal()
    reference, trials = workload.reference(), list[Trial]()
    while caps := next_caps(goal, reference, trials):
        assert len(caps) <= goal.jobs
        trials += [workload.run(cap, alone=len(caps) == 1) for cap in caps]
    assert len(trials) == sum(workload.runs.values())
    return conclude(goal, reference, trials)
