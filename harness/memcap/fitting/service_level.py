"""Whether a server served its load under a cap as it does without one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memcap.model import Measurement, PhaseName, ServerRun
from memcap.units import counted, format_seconds

_NOT_SERVING = frozenset({PhaseName.START, PhaseName.STOP})


@dataclass(frozen=True, kw_only=True)
class ServiceLevel:
    """What a cap may cost those who are served.

    ``max_errors`` is how many requests of a run may fail, ``added_latency_seconds`` how much later than without a cap
    95 % of the answers of each level may be there.
    """

    max_errors: int = 0
    added_latency_seconds: float = 0.1

    def problem(self, run: Measurement, without_cap: Sequence[Measurement]) -> str:
        """Return why ``run`` served worse than this; empty if it did not, and for what is no server."""
        if run.server is None:
            return ""
        errors = sum(load.errors for load in run.server.loads)
        if errors > self.max_errors:
            return f"{counted(errors, 'request')} failed"
        usual = [_latencies(before.server) for before in without_cap if before.server is not None]
        for place, latency in enumerate(_latencies(run.server)):
            known = [each[place] for each in usual if place < len(each) and each[place] is not None]
            slowest = max((each for each in known if each is not None), default=None)
            if latency is not None and slowest is not None and latency > slowest + self.added_latency_seconds:
                late, before = format_seconds(latency), format_seconds(slowest)
                return f"5 % of the answers took {late} or more, {before} without a cap"
        return ""


def serving_seconds(server: ServerRun) -> float:
    """Return how long the phases lasted whose length is configured: how fast it starts or stops does not matter."""
    return sum(phase.end_seconds - phase.start_seconds for phase in server.phases if phase.name not in _NOT_SERVING)


def _latencies(server: ServerRun) -> list[float | None]:
    return [load.latency_seconds.p95 if load.latency_seconds else None for load in server.loads]
