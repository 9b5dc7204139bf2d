"""Runs of servers of which the truth is known: made from what a request, a connection and a worker cost."""

from __future__ import annotations

import random
from dataclasses import dataclass

from memcap.measuring.phases import phase_figures
from memcap.model import (
    LoadConnections,
    LoadOutcome,
    Moment,
    PhaseMark,
    PhaseName,
    ServerRun,
)

KIB = 1024
MIB = 1024 * KIB
WARM_UP, LOAD, IDLE = 2.0, 10.0, 3.0


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a server costs in bytes: when started, for each request, open connection and connection ever opened."""

    base: int = 40 * MIB
    kept_per_request: int = 0
    per_connection: int = 0
    kept_per_connection: int = 0
    first_request: int = 0


@dataclass(frozen=True, kw_only=True)
class Level:
    """A load: so many requests on so many connections."""

    requests: int
    connections: int = 10


def make_server_run(truth: Truth, levels: tuple[Level, ...], *, noise: int = 0, seed: int = 0) -> ServerRun:
    """Return the phases of a run; each moment has up to ``noise`` bytes more than the truth."""
    chance = random.Random(seed)
    marks = [
        PhaseMark(name=PhaseName.START, start_seconds=0, end_seconds=1),
        PhaseMark(name=PhaseName.WARM_UP, start_seconds=1, end_seconds=1 + WARM_UP),
    ]
    moments = [_moment(second / 10, truth.base, noise, chance) for second in range(int(10 * (1 + WARM_UP)))]
    held = truth.base + truth.first_request
    for level in levels:
        begin = marks[-1].end_seconds
        middle, end = begin + LOAD, begin + LOAD + IDLE
        marks += [
            PhaseMark(name=PhaseName.LOAD, start_seconds=begin, end_seconds=middle),
            PhaseMark(name=PhaseName.IDLE, start_seconds=middle, end_seconds=end),
        ]
        kept = truth.kept_per_request * level.requests + truth.kept_per_connection * level.connections
        for step in range(1, 101):
            now = held + kept * step // 100 + truth.per_connection * level.connections
            moments.append(_moment(begin + (step - 1) * LOAD / 100, now, noise, chance))
        held += kept
        moments += [_moment(middle + step / 10, held, noise, chance) for step in range(int(10 * IDLE))]
    series = tuple(sorted(moments, key=lambda moment: moment.seconds))
    return ServerRun(phases=phase_figures(series, marks, loads=[_outcome(level) for level in levels]))


def _moment(seconds: float, size: int, noise: int, chance: random.Random) -> Moment:
    more = chance.randint(0, noise)
    return Moment(seconds=seconds, usage=size + more, anon=size + more, file=0, shmem=0, kernel=0, low=size)


def _outcome(level: Level) -> LoadOutcome:
    connections = LoadConnections(opened=level.connections, closed_by_server=0, most_open=level.connections, retried=0)
    return LoadOutcome(tool="memcap", requests=level.requests, completed=level.requests, connections=connections)
