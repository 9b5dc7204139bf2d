"""Which processes of a server do its work, and which of them ended and were replaced. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from memcap.model import PhaseMark, PhaseName, ProcessMoment, WorkerFigures

HELPER: Final = 0.25  # of the largest worker: a child with less is a helper, such as a resource tracker


def find_workers(processes: Sequence[ProcessMoment]) -> frozenset[int]:
    """Return the processes that do the work: the children of the main process, or itself if it has none.

    What starts the server and has no other child, such as a shell or an init, is not its main process.
    """
    if not processes:
        return frozenset()
    largest: dict[int, int] = {}
    children: dict[int, set[int]] = defaultdict(set)
    for each in processes:
        largest[each.pid] = max(each.rss_bytes, largest.get(each.pid, 0))
        children[each.parent].add(each.pid)
    main = next((each.pid for each in processes if each.parent not in largest), processes[0].pid)
    return _work_below(main, children, largest)


def _work_below(main: int, children: Mapping[int, set[int]], largest: Mapping[int, int]) -> frozenset[int]:
    found, seen = children.get(main, set()) - {main}, {main}
    while len(found) == 1:
        (only,) = found
        below = children.get(only, set()) - seen
        if not below:
            break
        seen.add(only)
        found = below
    if not found:
        return frozenset({main})
    least = HELPER * max(largest[pid] for pid in found)
    return frozenset(pid for pid in found if largest[pid] >= least)


def worker_figures(
    processes: Sequence[ProcessMoment], marks: Sequence[PhaseMark], *, oom_kills: int | None
) -> WorkerFigures:
    """Return how many workers there were, and how many ended and were replaced between start and stop.

    A worker that lived for less than the time between two samples is not seen. ``oom_kills`` is the cgroup's counter,
    which misses none.
    """
    workers = find_workers(processes)
    ready = next((mark.end_seconds for mark in marks if mark.name is PhaseName.START), None)
    stop = next((mark.start_seconds for mark in marks if mark.name is PhaseName.STOP), None)
    seen = [each for each in processes if each.pid in workers]
    times = sorted({each.seconds for each in processes if stop is None or each.seconds < stop})
    if ready is None or not times or not seen:
        return WorkerFigures(oom_kills=oom_kills)
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    for each in seen:
        first[each.pid] = min(each.seconds, first.get(each.pid, each.seconds))
        last[each.pid] = max(each.seconds, last.get(each.pid, each.seconds))
    ended = sum(1 for pid in workers if last[pid] < times[-1])
    added = sum(1 for pid in workers if first[pid] >= ready and first[pid] > times[0])
    return WorkerFigures(
        most=max(Counter(each.seconds for each in seen).values()),
        ended=ended,
        replaced=min(ended, added),
        oom_kills=oom_kills,
    )
