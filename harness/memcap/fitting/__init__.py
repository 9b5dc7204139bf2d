"""How small can the cap be? A search that looks at what runs under some caps showed, and names the next ones. Pure.

`driving` alone executes runs, through a campaign.
"""

from memcap.fitting.answer import Fit, conclude
from memcap.fitting.cold import Cold
from memcap.fitting.recommendation import Recommendation, Rule, from_cold_start, recommend
from memcap.fitting.search import Goal, next_caps
from memcap.fitting.service_level import ServiceLevel
from memcap.fitting.timelost import Basis, Clock, Comfort, TimeLost
from memcap.fitting.trials import Point, PointState, Reference, Trial, median_of, points_of
