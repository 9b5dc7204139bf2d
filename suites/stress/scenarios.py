"""Scenarios of load: normal, leaking, indexing, concurrent, overloaded with requests, and lasting. Python 3.8+.

Each function takes its levels and what stage.Settings has, and yields its figures after each cycle.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Iterator

from load import content
from stage import MB, Metrics, Stage, perform
from strategy import Strategy

FACTORS = (0.5, 1.0, 2.0, 5.0, 10.0)
QUICK_ENOUGH = 0.5  # seconds a cycle, at the limit that endurance looks for
NOT_FOUND_AFTER = 20  # cycles


def baseline(units: int = 4, **settings: Any) -> Iterator[Metrics]:
    """Do the normal load: ``units`` of work a cycle, ten cycles a round."""

    def play(stage: Stage) -> Iterator[None]:
        for _ in range(9):
            stage.service.work(units)
            yield
        stage.service.work(units)

    promises = (
        ("growth must stay below 50 MB", lambda m: m["growth_mb"] < 50),
        ("a cycle must take less than 1 s", lambda m: m["response_s"] < 1),
        ("stability must stay above 90", lambda m: m["stability"] > 90),
    )
    return perform("baseline", play, promises, settings)


def memory_leak(leak_mb: float = 4.0, units: int = 1, **settings: Any) -> Iterator[Metrics]:
    """Finish ``leak_mb`` of sessions a cycle without taking them out, until the manager finds the leak."""
    number = iter(range(1 << 62))

    def play(stage: Stage) -> Iterator[None]:
        manager, tally = stage.manager, stage.manager.tally
        found, before, held = tally.leaks, manager.check_use(), manager.sessions.bytes
        for _ in range(NOT_FOUND_AFTER):
            for _ in range(16):
                name = f"leaked-{next(number)}"
                with manager.lock:
                    manager.sessions.open(name, [content(name, int(leak_mb * MB / 64)) for _ in range(4)])
                    manager.sessions.finish(name)
                manager.check_use()
            stage.service.work(units)
            leaked = manager.sessions.bytes - held
            yield
            stage.notes["leaks_found"] = tally.leaks
            if tally.leaks > found:
                break
        else:
            raise stage.broken(f"the leak must be found within {NOT_FOUND_AFTER} cycles")
        kept = manager.check_use() - before - manager.cache.limit
        stage.notes["leak_returned_percent"] = 100.0 * (1 - manager.sessions.bytes / leaked)
        if manager.sessions.bytes > held or kept > leaked / 2:
            raise stage.broken(f"what leaked must be returned: of {leaked / MB:.1f} MB, {kept / MB:.1f} MB were not")

    promises = (
        ("growth must stay below 50 MB", lambda m: m["growth_mb"] < 50),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
    )
    return perform("memory_leak", play, promises, settings)


def vector_store(document_kb: int = 256, kept: int = 12, queries: int = 8, **settings: Any) -> Iterator[Metrics]:
    """Stream a document of ``document_kb`` a cycle into an index of ``kept`` documents, and search it."""
    from library import Library  # noqa: PLC0415 - so that only this scenario pays for numpy

    libraries = []

    def play(stage: Stage) -> Iterator[None]:
        if not libraries:
            libraries.append(Library(stage.manager, stage.folder, stage.settings.seed, kept))
            stage.manager.components["library"] = libraries[0]
        (library,) = libraries
        for cycle in range(10):
            library.add(document_kb * 1024)
            for _ in range(queries):
                stage.service.errors += not library.query()
                stage.service.operations += 1
            stage.notes["recall_percent"] = 100.0 * library.found / library.queries
            stage.notes["largest_piece_kb"] = library.largest_piece / 1024
            if cycle < 9:
                yield

    promises = (
        ("growth must stay below 100 MB", lambda m: m["growth_mb"] < 100),
        ("95 % of the queries must find their chunk", lambda m: m["recall_percent"] >= 95),
        ("documents must be streamed in pieces of at most 64 KiB", lambda m: m["largest_piece_kb"] <= 64),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
    )
    return perform("vector_store", play, promises, settings)


def concurrent_agents(agents: int = 5, units: int = 2, **settings: Any) -> Iterator[Metrics]:
    """Let ``agents`` threads work against one manager at once; a round is five cycles."""
    from crew import Crew  # noqa: PLC0415

    crews = []

    def play(stage: Stage) -> Iterator[None]:
        if not crews:
            crews.append(Crew(stage.manager, agents, stage.settings.seed))
            stage.crew = crews[0].services
        for cycle in range(5):
            crews[0].work(units)
            if cycle < 4:
                yield
        done = sum(service.operations for service in stage.crew)
        expected = agents * units * (stage.cycles + 1) * crews[0].operations_a_unit
        if done != expected:
            raise stage.broken(f"no work may be lost: {done} operations were done, not {expected}")

    promises = (
        ("no agent may read what another wrote over", lambda m: m["errors"] == 0),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
        ("growth must stay below 100 MB", lambda m: m["growth_mb"] < 100),
    )

    def with_threads() -> Iterator[Metrics]:
        try:
            yield from perform("concurrent_agents", play, promises, settings)
        finally:
            for crew in crews:
                crew.dismiss()

    return with_threads()


def optimization_overload(requests: int = 10, units: int = 1, **settings: Any) -> Iterator[Metrics]:
    """Ask for ``requests`` clean-ups a cycle, of ten owners, one in ten urgent; ten cycles a round."""
    number = iter(range(1 << 62))

    def play(stage: Stage) -> Iterator[None]:
        manager, service = stage.manager, stage.service
        for cycle in range(10):
            for _ in range(requests):
                each = next(number)
                strategy = Strategy.COMPACT if each % 3 else Strategy.TRIM
                service.operations += 1
                service.errors += not manager.ask(strategy, f"owner-{each * 7 % 10}", 0 if each % 10 == 0 else 5)
            service.work(units)
            stage.notes["longest_queue"] = max(stage.notes.get("longest_queue", 0), len(manager.queue))
            stage.notes["merged"] = manager.queue.merged
            stage.notes["longest_urgent_wait"] = manager.tally.longest_urgent_wait
            if cycle < 9:
                yield

    promises = (
        ("requests must be served", lambda m: m["optimizations"] > 0),
        ("urgent requests must be served within 5 cycles", lambda m: m["longest_urgent_wait"] <= 5),
        ("a cycle must take less than 1 s", lambda m: m["response_s"] < 1),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
    )
    return perform("optimization_overload", play, promises, settings)


def endurance(units: int = 2, **settings: Any) -> Iterator[Metrics]:
    """Work at 0.5, 1, 2, 5 and 10 times the load, three cycles each, round after round; find the limit."""

    def play(stage: Stage) -> Iterator[None]:
        limit = 0.0
        for factor in FACTORS:
            began, errors = perf_counter(), stage.errors
            for cycle in range(3):
                stage.service.work(max(1, round(units * factor)))
                if (factor, cycle) != (FACTORS[-1], 2):
                    yield
            if stage.errors == errors and (perf_counter() - began) / 3 - stage.settings.pace_s < QUICK_ENOUGH:
                limit = factor
        stage.notes["limit_factor"] = min(limit, stage.notes.get("limit_factor", limit))

    promises = (
        ("the normal load must be within the limit", lambda m: m["limit_factor"] >= 1),
        ("growth must stay below 100 MB", lambda m: m["growth_mb"] < 100),
        ("stability must stay above 85", lambda m: m["stability"] > 85),
    )
    return perform("endurance", play, promises, settings)
