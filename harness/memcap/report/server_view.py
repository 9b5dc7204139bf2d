"""What the runs of a server show together: each phase and each load, and what each worker and connection needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from memcap.model import CellSummary, LoadTimes, Measurement, PhaseFigures, PhaseName, ServerRun, WorkerFigures
from memcap.serving import Kept, LoadGrowth, ServingFigures, growth_under_load, kept_after_load, serving_figures
from memcap.stats import Summary, median, summarize

_Item = TypeVar("_Item")
_Number = TypeVar("_Number", int, float)

WORDS: Final = {
    PhaseName.START: "start",
    PhaseName.WARM_UP: "warm-up",
    PhaseName.LOAD: "load",
    PhaseName.IDLE: "idle",
    PhaseName.COLLECT: "collect",
    PhaseName.STOP: "stop",
}


@dataclass(frozen=True, kw_only=True)
class PhaseView:
    """A phase over all runs that came to it: medians, and how far the unreclaimable peak scatters.

    ``worker_rss_bytes`` is that of the largest worker. None is what no run measured.
    """

    name: str
    seconds: float
    unreclaimable_peak: Summary | None
    settled_bytes: float | None
    requests: float | None
    worker_rss_bytes: float | None


@dataclass(frozen=True, kw_only=True)
class LoadView:
    """A level of the load over all runs: requests and errors are sums, the rest are medians."""

    name: str
    requests: int
    errors: int
    achieved_rate: float | None
    latency_seconds: LoadTimes | None


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """A service over all runs: medians, and all its OOM kills."""

    name: str
    image: str
    unreclaimable_peak_bytes: float | None
    cap_bytes: int | None
    ready_seconds: float | None
    oom_kills: int | None


@dataclass(frozen=True, kw_only=True)
class WorkersView:
    """The workers over all ``runs``: most at once in any of them; the rest are sums."""

    runs: int
    most: int | None
    ended: int | None
    replaced: int | None
    oom_kills: int | None


@dataclass(frozen=True, kw_only=True)
class ServerView:
    """What the runs of one cell show of its server.

    ``kept_after_collect`` is None without a collection, ``growth`` without a load that is long enough for a verdict.
    """

    phases: tuple[PhaseView, ...]
    loads: tuple[LoadView, ...]
    services: tuple[ServiceView, ...]
    workers: WorkersView
    figures: ServingFigures
    kept_after_load: Kept | None
    kept_after_collect: Kept | None
    growth: LoadGrowth | None


def server_view(cell: CellSummary, runs: Sequence[Measurement]) -> ServerView | None:
    """Return what the runs that ended as expected show of a server, or all if none did; None if it is no server."""
    of_all = [run for run in runs if run.server is not None]
    chosen = [run for run in of_all if run.ending is cell.expected_ending] or of_all
    servers = [run.server for run in chosen if run.server is not None]
    if not servers:
        return None
    before_end = [replace(server, phases=server.phases[:-1]) for server in servers]  # nothing rests in the last phase
    return ServerView(
        phases=tuple(_phases(servers)),
        loads=tuple(_loads(servers)),
        services=tuple(_services(servers)),
        workers=_workers([run.server for run in of_all if run.server is not None]),
        figures=serving_figures(before_end),
        kept_after_load=kept_after_load(before_end),
        kept_after_collect=kept_after_load(before_end, after=PhaseName.COLLECT),
        growth=growth_under_load(chosen),
    )


def highest_phase(run: Measurement) -> str:
    """Return the name of the phase with the most unreclaimable memory; empty if that is not known."""
    phases = run.server.phases if run.server else ()
    peaks = [each.unreclaimable_peak_bytes for each in phases]
    highest = max(_known(peaks), default=None)
    return "" if highest is None else phase_names(phases)[peaks.index(highest)]


def phase_names(phases: Sequence[PhaseFigures]) -> tuple[str, ...]:
    """Return the name of each phase for readers: with several levels ``load x2``, and ``idle x2`` after that."""
    levels = sum(1 for each in phases if each.name is PhaseName.LOAD)
    names, level = [], ""
    for each in phases:
        level = level_name(each.level) if each.name is PhaseName.LOAD else level
        of_level = levels > 1 and each.name in (PhaseName.LOAD, PhaseName.IDLE)
        names.append(f"{WORDS[each.name]} {level}".strip() if of_level else WORDS[each.name])
    return tuple(names)


def level_name(level: float | None) -> str:
    """Return ``x2`` for the level 2; empty if it is not known."""
    return "" if level is None else f"x{level:g}"


def _phases(servers: Sequence[ServerRun]) -> Iterator[PhaseView]:
    """Yield the phases in the order of the run that came furthest."""
    found: dict[tuple[str, int], list[PhaseFigures]] = {}
    for server in sorted(servers, key=lambda each: -len(each.phases)):
        seen: Counter[str] = Counter()
        for name, phase in zip(phase_names(server.phases), server.phases, strict=True):
            found.setdefault((name, seen[name]), []).append(phase)
            seen[name] += 1
    for (name, _), phases in found.items():
        yield PhaseView(
            name=name,
            seconds=median([each.end_seconds - each.start_seconds for each in phases]),
            unreclaimable_peak=summarize(_known(each.unreclaimable_peak_bytes for each in phases)),
            settled_bytes=_median(each.settled_bytes for each in phases),
            requests=_median(each.requests for each in phases),
            worker_rss_bytes=_median(map(_largest_worker, phases)),
        )


def _largest_worker(phase: PhaseFigures) -> int | None:
    return max((each.rss_bytes for each in phase.processes if each.is_worker), default=None)


def _loads(servers: Sequence[ServerRun]) -> Iterator[LoadView]:
    for loads in _transposed([server.loads for server in servers]):
        times = [each.latency_seconds for each in loads if each.latency_seconds is not None]
        yield LoadView(
            name=level_name(loads[0].level) or "x1",
            requests=sum(each.requests for each in loads),
            errors=sum(each.errors for each in loads),
            achieved_rate=_median(each.achieved_rate for each in loads),
            latency_seconds=_median_times(times),
        )


def _median_times(times: Sequence[LoadTimes]) -> LoadTimes | None:
    if not times:
        return None
    return LoadTimes(
        p50=median([each.p50 for each in times]),
        p95=_median(each.p95 for each in times),
        p99=median([each.p99 for each in times]),
        max=max(each.max for each in times),
    )


def _services(servers: Sequence[ServerRun]) -> Iterator[ServiceView]:
    for services in _transposed([server.services for server in servers]):
        first = services[0]
        kills = _known(each.oom_kills for each in services)
        yield ServiceView(
            name=first.name,
            image=first.image,
            unreclaimable_peak_bytes=_median(each.unreclaimable_peak_bytes for each in services),
            cap_bytes=first.cap_bytes,
            ready_seconds=_median(each.ready_seconds for each in services),
            oom_kills=sum(kills) if kills else None,
        )


def _workers(servers: Sequence[ServerRun]) -> WorkersView:
    def total(of: Callable[[WorkerFigures], int | None]) -> int | None:
        known = _known(of(each.workers) for each in servers)
        return sum(known) if known else None

    return WorkersView(
        runs=len(servers),
        most=max(_known(each.workers.most for each in servers), default=None),
        ended=total(lambda workers: workers.ended),
        replaced=total(lambda workers: workers.replaced),
        oom_kills=total(lambda workers: workers.oom_kills),
    )


def _transposed(rows: Sequence[Sequence[_Item]]) -> Iterator[list[_Item]]:
    """Yield what stands at each place of any of the rows."""
    for place in range(max(map(len, rows), default=0)):
        yield [row[place] for row in rows if place < len(row)]


def _known(values: Iterable[_Number | None]) -> list[_Number]:
    return [value for value in values if value is not None]


def _median(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return median(known) if known else None
