"""Soaks: the looks of a long run → samples, a series and its verdict. Pure."""

from memcap.soaking.growth_line import GrowthLine, growth_line, growth_rate, level_since, warm_up_end
from memcap.soaking.outcome import SoakKind, SoakOutcome, looks_by_process
from memcap.soaking.standing_soaks import SoakStanding, SoakState

__all__ = [
    "GrowthLine",
    "SoakKind",
    "SoakOutcome",
    "SoakStanding",
    "SoakState",
    "growth_line",
    "growth_rate",
    "level_since",
    "looks_by_process",
    "warm_up_end",
]
