"""What of a plan cannot be honoured: by a suite's own total time, or by the daemon's machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memcap.errors import PlanError
from memcap.model import MINIMUM_CAP_BYTES, Cap, Cell, Plan, PlanProblem, RunLimits, ServerWorkload, Suite
from memcap.units import format_bytes, format_seconds


def too_long(plan: Plan, suites: Mapping[str, Suite], *, time_limit_seconds: float) -> tuple[PlanProblem, ...]:
    """Return a problem for each suite of which one run of each cell in one image may take longer than its ``total``.

    What counts is what is enforced: the runs' time limits, ``time_limit_seconds`` for benchmarks without one.
    """
    problems = []
    for suite in suites.values():
        passes: dict[str, dict[str, float]] = {}
        for cell in plan.cells:
            if cell.benchmark.suite == suite.name:
                limits = passes.setdefault(cell.image.name, {})
                limits[cell.id] = cell.benchmark.time_limit_seconds or time_limit_seconds
        image, limits = max(passes.items(), key=lambda each: sum(each[1].values()), default=("", {}))
        if suite.total_seconds is not None and sum(limits.values()) > suite.total_seconds:
            problems.append(_over_total(suite.name, image, limits, suite.total_seconds))
    return tuple(problems)


def _over_total(suite: str, image: str, limits: Mapping[str, float], total: float) -> PlanProblem:
    longest = sorted(limits, key=lambda cell_id: -limits[cell_id])[:3]
    told = ", ".join(f"{cell_id} ({format_seconds(limits[cell_id])})" for cell_id in longest)
    return PlanProblem(
        subject=f"suite {suite}",
        reason=f"one run of each of its cells in {image} ({len(limits)}) may take "
        f"{format_seconds(sum(limits.values()))} by their time limits, {format_seconds(sum(limits.values()) - total)} "
        f"more than `total` allows ({format_seconds(total)}); the longest: {told}",
        remedy=f"Measure fewer at once (--tag, or by name), let them last less long (--duration), or raise `total` in "
        f"suites/{suite}/suite.toml",
    )


def check_feasible(
    plan: Plan, *, memory_bytes: int | None, cpus: int | None = None, minimum_bytes: int = MINIMUM_CAP_BYTES
) -> tuple[PlanProblem, ...]:
    """Return a problem for each cap that is too small or too large, and each benchmark pinned to too many CPUs.

    A cap has at least ``minimum_bytes`` and at most the daemon's memory, together with those of a server's services.
    What is not known is not checked.
    """
    return (
        *_caps_below(plan, minimum_bytes),
        *_caps_above(plan, memory_bytes),
        *_with_services_above(plan, memory_bytes),
        *_pinned_above(plan, cpus),
    )


def check_quota(limits: RunLimits, cpus: int | None) -> tuple[PlanProblem, ...]:
    """Return a problem for a quota of more CPUs than the daemon's machine has. What is not known is not checked."""
    if limits.cpus is None or cpus is None or limits.cpus <= cpus:
        return ()
    problem = PlanProblem(
        subject="container",
        reason=f"its quota is {limits.cpus:g} CPUs, and the daemon's machine has {cpus}",
        remedy="Lower --cpus, or `container.cpus` in limits.toml",
    )
    return (problem,)


def refuse_problems(message: str, problems: Iterable[PlanProblem]) -> None:
    """Raise PlanError with ``message`` and each of the problems, if there are any."""
    listed = [f"\n  {problem}" for problem in problems]
    if listed:
        raise PlanError(message + "".join(listed))


def _pinned_above(plan: Plan, cpus: int | None) -> list[PlanProblem]:
    wanted = {f"{cell.benchmark.suite}.{cell.benchmark.name}": cell.benchmark.quiet.pin_cpus for cell in plan.cells}
    return [
        PlanProblem(
            subject=f"benchmark {name}",
            reason=f"it is pinned to {pinned} CPUs, and the daemon's machine has {cpus}",
            remedy='Set `quiet = { pin_cpus = … }` in suite.toml to fewer, or to "all"',
        )
        for name, pinned in wanted.items()
        if pinned is not None and cpus is not None and pinned > cpus
    ]


def _caps_below(plan: Plan, minimum_bytes: int) -> list[PlanProblem]:
    return [
        PlanProblem(
            subject=f"cap {cap.name}",
            reason=f"{cap.bytes:,} bytes are less than the {format_bytes(minimum_bytes)} that Docker needs",
            remedy=f"Choose --cap {minimum_bytes // 1024**2}m or more",
        )
        for cap in _caps(plan)
        if cap.bytes < minimum_bytes
    ]


def _caps_above(plan: Plan, memory_bytes: int | None) -> list[PlanProblem]:
    problems: list[PlanProblem] = []
    if memory_bytes is None:
        return problems
    for cap in _caps(plan):
        if cap.bytes > memory_bytes:
            ids = [cell.id for cell in plan.cells if cell.cap == cap]
            problems.append(
                PlanProblem(
                    subject=f"cap {cap.name}",
                    reason=f"{format_bytes(cap.bytes)} is more than the {format_bytes(memory_bytes)} of the daemon's "
                    f"machine ({ids[0]}" + (f" and {len(ids) - 1} more)" if len(ids) > 1 else ")"),
                    remedy="Choose smaller caps with --cap, or give the daemon's machine more memory: Docker Desktop "
                    "> Settings > Resources > Memory limit; `colima start --memory N`; `podman machine set --memory N`",
                )
            )
    return problems


def _with_services_above(plan: Plan, memory_bytes: int | None) -> list[PlanProblem]:
    """Return a problem for each benchmark and cap that fits alone, and not with the caps of its services."""
    too_large: dict[tuple[str, Cap], Cell] = {}
    for cell in plan.cells:
        if memory_bytes is not None and cell.cap.bytes <= memory_bytes < cell.memory_bytes:
            too_large.setdefault((f"{cell.benchmark.suite}.{cell.benchmark.name}", cell.cap), cell)
    return [
        PlanProblem(
            subject=f"benchmark {name}",
            reason=f"its cap {cap.name} and those of its services ({_caps_of_services(cell)}) are "
            f"{format_bytes(cell.memory_bytes)} together, more than the {format_bytes(memory_bytes or 0)} of the "
            "daemon's machine",
            remedy="Lower `cap` of the services, choose a smaller cap with --cap, or give the daemon's "
            "machine more memory",
        )
        for (name, cap), cell in too_large.items()
    ]


def _caps_of_services(cell: Cell) -> str:
    workload = cell.benchmark.workload
    services = workload.services if isinstance(workload, ServerWorkload) else ()
    return ", ".join(f"{service.name} {format_bytes(service.cap_bytes)}" for service in services)


def _caps(plan: Plan) -> tuple[Cap, ...]:
    return tuple(dict.fromkeys(cell.cap for cell in plan.cells))
