"""Does a series of memory leak? A class, a rate with its interval, and what this run could have detected. Pure.

This is the first of two stages, as large fleets do it: cheap and always on, so that the expensive second one (heap
snapshots, allocation profiles) is for suspects only. Source: C. Lou et al., "RESIN: A Holistic Service for Dealing with
Memory Leaks in Production Cloud Infrastructure", OSDI 2022.
"""

from memcap.leaks.cycle_growth import FEWEST_CYCLES, CycleGrowth, by_cycles, cycle_growth
from memcap.leaks.garbage import TEETH, Collection, Garbage
from memcap.leaks.judge import FEWEST_SAMPLES, judge_series
from memcap.leaks.memory_series import Series
from memcap.leaks.simple import TwoEnds, two_ends
from memcap.leaks.verdict import EnvelopePoint, LeakClass, LeakVerdict, Rate

__all__ = [
    "FEWEST_CYCLES",
    "FEWEST_SAMPLES",
    "TEETH",
    "Collection",
    "CycleGrowth",
    "EnvelopePoint",
    "Garbage",
    "LeakClass",
    "LeakVerdict",
    "Rate",
    "Series",
    "TwoEnds",
    "by_cycles",
    "cycle_growth",
    "judge_series",
    "two_ends",
]
