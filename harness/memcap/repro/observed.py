"""An engine that remembers what its last run left, for what a measurement does not keep."""

from __future__ import annotations

from memcap.engine.base import Engine
from memcap.model import Environment, RawRun, RunSpec
from memcap.probe.report import parse_journal


class Observed:
    """The engine ``inner``, and the cycles of the last run."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self._journal = ""

    @property
    def cycle_seconds(self) -> tuple[float, ...]:
        """Return how long each cycle of the last run took; empty if it had none."""
        return tuple(cycle.seconds for cycle in parse_journal(self._journal).cycles)

    def environment(self) -> Environment:
        """Return where the runs happen. Raises EngineError."""
        return self._inner.environment()

    def execute(self, spec: RunSpec) -> RawRun:
        """Execute one run. Raises EngineError, Interrupted."""
        raw = self._inner.execute(spec)
        self._journal = raw.workload_journal
        return raw

    def is_reachable(self) -> bool:
        """Tell whether runs can be executed."""
        return self._inner.is_reachable()

    def cancel(self) -> None:
        """Stop what is running, and refuse what is not yet running."""
        self._inner.cancel()
