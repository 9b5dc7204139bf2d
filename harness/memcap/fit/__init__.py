"""How small can the cap be? A search that looks at what runs under some caps showed, and names the next ones. Pure.

`driving` alone executes runs, through a campaign.
"""

from memcap.fit.answer import Fit, conclude
from memcap.fit.cold import Cold
from memcap.fit.recommendation import HEADROOM, Recommendation, Rule, from_cold_start, recommend
from memcap.fit.search import Goal, next_caps
from memcap.fit.timelost import Basis, Clock, Comfort, TimeLost
from memcap.fit.trials import Point, PointState, Reference, Trial, points_of

__all__ = [
    "HEADROOM",
    "Basis",
    "Clock",
    "Cold",
    "Comfort",
    "Fit",
    "Goal",
    "Point",
    "PointState",
    "Recommendation",
    "Reference",
    "Rule",
    "TimeLost",
    "Trial",
    "conclude",
    "from_cold_start",
    "next_caps",
    "points_of",
    "recommend",
]
