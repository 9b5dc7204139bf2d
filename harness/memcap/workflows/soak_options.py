"""What `memcap soak` is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from memcap.model import MOST_SAMPLES, SoakRules
from memcap.units import format_seconds, parse_bytes, parse_seconds
from memcap.workflows.contradictions import Contradiction, refuse_contradictions
from memcap.workflows.serving_options import ServingOptions
from memcap.workflows.subject_options import SubjectOptions

USUAL: Final = ("1h", "60s")
QUICK: Final = ("300s", "15s")
SAMPLES: Final = 20  # of a short soak, unless it is told how often
MAX_RSS: Final = "512MB"  # where neither that nor a cap is named
_LOAD_TIME: Final = "5min"
_HIGHEST_RATE: Final = 100_000.0
_EXPLAINED: Final = 0.2  # of the duration: so long it goes on to find what grows
_SHORTEST_EXPLAINED, _LONGEST_EXPLAINED = 10.0, 600.0  # seconds


class _LastingServing(ServingOptions):
    load_time = _LOAD_TIME


@dataclass(frozen=True, kw_only=True)
class SoakOptions(SubjectOptions):
    """What `memcap soak` is asked for.

    ``duration`` and ``interval`` are durations, of which a bare number means seconds; None is 1h and 60s, or 300s and
    15s with ``quick``, but a 20th of the duration if that is less. ``max_rss`` None is 512MB, or nothing where a cap is
    named. ``output`` is the folder, or results/soaks/ID.
    """

    duration: str | None = None
    interval: str | None = None
    quick: bool = False
    leak_threshold: str = "50MB"
    max_rss: str | None = None
    top: int = 20
    tracemalloc: bool = False
    frames: int = 25
    gc: bool = False
    memray: bool = False
    rate: float = 1.0
    explain: bool = False
    output: Path | None = None

    def with_load_time(self) -> SoakOptions:
        """Return the options with a time of the load, which needs none: it lasts as long as the soak."""
        given = {each.name: getattr(self.serving, each.name) for each in fields(self.serving)}
        return replace(self, serving=_LastingServing(**given))

    def validate(self) -> None:
        """Raise UsageError for values that cannot be read, and for options that mean nothing together."""
        refuse_contradictions((*(self.serving.problems() if self.serving.serve else ()), *self._problems()))

    def rules(self) -> SoakRules:
        """Return the rules that the options are; they were validated."""
        usual = QUICK if self.quick else USUAL
        duration = parse_duration(self.duration or usual[0])
        most = min(parse_duration(usual[1]), duration / SAMPLES)
        max_rss = self.max_rss or (MAX_RSS if self.cap is None else None)
        return SoakRules(
            duration_seconds=duration,
            interval_seconds=parse_duration(self.interval) if self.interval else most,
            leak_threshold_bytes=parse_bytes(self.leak_threshold),
            max_rss_bytes=None if max_rss is None else parse_bytes(max_rss),
            top=self.top,
            frames=self.frames if self.tracemalloc else 0,
            collects=self.gc,
            rate=self.rate,
            explain_seconds=min(max(_EXPLAINED * duration, _SHORTEST_EXPLAINED), _LONGEST_EXPLAINED)
            if self.explain
            else 0.0,
        )

    def _problems(self) -> tuple[Contradiction, ...]:
        rules = self.rules()
        duration, interval = rules.duration_seconds, rules.interval_seconds
        shortest = duration / MOST_SAMPLES
        return (
            (duration <= 0, "--duration is nothing", "Say how long: --duration 1h, or --quick for 5 minutes."),
            (
                duration > 0 >= interval,
                "--interval is nothing",
                "Say how often a sample is taken: --interval 60s.",
            ),
            (
                0 < duration < interval,
                f"--interval {format_seconds(interval)} is longer than --duration {format_seconds(duration)}",
                "Take samples more often.",
            ),
            (
                0 < interval < shortest,
                f"--interval {format_seconds(interval)} would be more than {MOST_SAMPLES} samples",
                f"Take {math.ceil(shortest)}s or more.",
            ),
            (
                not 0 < self.rate <= _HIGHEST_RATE,
                f"--rate {self.rate:g} is not a number of simulated hours in an hour, above 0 and up to 100000",
                "Leave it out for 1, or say --rate 24 for a day in an hour.",
            ),
        )


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` names; a bare number means seconds. Raises SizeError."""
    try:
        return float(text) if math.isfinite(float(text)) else parse_seconds(text)
    except ValueError:
        return parse_seconds(text)
