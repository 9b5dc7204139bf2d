"""Numbers in, numbers out: what a few runs say of a metric, and how sure that is. Pure; no units, no rounding.

The same values always give the same answer: where chance is needed, it is drawn from a fixed seed.
"""

from memcap.stats.line import FEWEST_VALUES, Projection, project
from memcap.stats.multiple import benjamini_hochberg, holm
from memcap.stats.power import detectable_rise
from memcap.stats.proportion import Proportion, proportion
from memcap.stats.ranks import probability_of_rise
from memcap.stats.rise import EVEN, Rise, parts_of_rise, steady_rise, tenths
from memcap.stats.shift import Shift, shift, values_needed
from memcap.stats.spread import spread_test
from memcap.stats.summary import Summary, mad, median, relative_change, summarize, variation
from memcap.stats.theil_sen import Slope, theil_sen

__all__ = [
    "EVEN",
    "FEWEST_VALUES",
    "Projection",
    "Proportion",
    "Rise",
    "Shift",
    "Slope",
    "Summary",
    "benjamini_hochberg",
    "detectable_rise",
    "holm",
    "mad",
    "median",
    "parts_of_rise",
    "probability_of_rise",
    "project",
    "proportion",
    "relative_change",
    "shift",
    "spread_test",
    "steady_rise",
    "summarize",
    "tenths",
    "theil_sen",
    "values_needed",
    "variation",
]
