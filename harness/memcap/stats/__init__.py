"""Numbers in, numbers out: what a few runs say of a metric, and how sure that is. Pure; no units, no rounding.

The same values always give the same answer: where chance is needed, it is drawn from a fixed seed.
"""

from memcap.stats.mean import Mean, mean_interval
from memcap.stats.multiple import benjamini_hochberg, holm
from memcap.stats.power import detectable_rise
from memcap.stats.proportion import Proportion, proportion
from memcap.stats.ranks import probability_of_rise
from memcap.stats.rise import EVEN, Rise, parts_of_rise, steady_rise, tenths
from memcap.stats.shift import Shift, shift, values_needed
from memcap.stats.slope import Slope, common_slope
from memcap.stats.spread import spread_test
from memcap.stats.summary import Summary, mad, median, relative_change, summarize, variation
from memcap.stats.theil_sen import RobustSlope, theil_sen
from memcap.stats.trend import FEWEST_VALUES, Projection, project
