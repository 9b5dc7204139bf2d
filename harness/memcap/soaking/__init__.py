"""Soaks: the looks of a long run → samples, a series and its verdict. Pure."""

from memcap.soaking.gathering import work_while
from memcap.soaking.grown_together import together
from memcap.soaking.growth_line import GrowthLine, growth_line, growth_rate, level_since, warm_up_end
from memcap.soaking.looking_back import SoakLooks, judged, public
from memcap.soaking.outcome import SoakOutcome, looks_by_process
from memcap.soaking.standing_soaks import SoakStanding, SoakState

__all__ = [
    "GrowthLine",
    "SoakLooks",
    "SoakOutcome",
    "SoakStanding",
    "SoakState",
    "growth_line",
    "growth_rate",
    "judged",
    "level_since",
    "looks_by_process",
    "public",
    "together",
    "warm_up_end",
    "work_while",
]
