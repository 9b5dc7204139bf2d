"""When the cycles of a generator workload ended, as its journal tells. Pure."""

from __future__ import annotations

from itertools import accumulate

from memcap.probe.report import WorkloadJournal
from memcap.stats import tenths


def cycle_tenths(journal: WorkloadJournal) -> tuple[float, ...]:
    """Return when the first cycle had ended, and each tenth of those after it, in seconds since the start.

    The first cycle is left out because it sets up what the others use. What comes after the last is the clean-up.
    Empty for a workload without cycles, or one that did not come to its end. If the journal was too long to hold all
    cycles, the tenths are those of the time.
    """
    times, end = journal.cycled, journal.end
    if times is None or end is None or end.cycles is None:
        return ()
    if end.cycles != len(journal.cycles):
        return tenths((times.first, times.last))
    return tenths(list(accumulate((cycle.seconds for cycle in journal.cycles[1:]), initial=times.first)))
