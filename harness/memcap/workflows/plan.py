"""``memcap plan``: whether a plan can be honoured, as far as a daemon that answers and this machine tell."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from memcap.engine.docker_client import connect, environment
from memcap.errors import DaemonUnavailable
from memcap.feasible import check_feasible, check_quota, too_long
from memcap.model import Config, Environment, Plan, PlanProblem
from memcap.store import result_path, why_not_writable


@dataclass(frozen=True, kw_only=True)
class CheckedPlan:
    """What forbids a plan; the daemon's memory, or None and a ``note`` that says why no daemon was asked."""

    problems: tuple[PlanProblem, ...]
    memory_bytes: int | None
    note: str


def check_plan(plan: Plan, config: Config, output: Path | None) -> CheckedPlan:
    """Return what forbids ``plan``; its result would be ``output``, or in the project's folder of results."""
    machine, note = _daemon_machine()
    memory_bytes, cpus = (machine.memory_bytes, machine.cpus) if machine else (None, None)
    problems = (
        *too_long(plan, config.suites, time_limit_seconds=config.run_time_limit_seconds),
        *check_feasible(plan, memory_bytes=memory_bytes, cpus=cpus),
        *(problem for policy in plan.policies(config.policy) for problem in check_quota(policy.limits, cpus)),
        *_unwritable(output or result_path(config.results_directory, "campaign")),
    )
    return CheckedPlan(problems=problems, memory_bytes=memory_bytes, note=note)


def _unwritable(result: Path) -> tuple[PlanProblem, ...]:
    """Return what hinders a campaign from writing its result."""
    why, remedy = why_not_writable(result), "Make it writable, or name a file elsewhere with --output"
    return (PlanProblem(subject="result", reason=why, remedy=remedy),) if why else ()


def _daemon_machine() -> tuple[Environment | None, str]:
    """Return the daemon's machine, or None and why it was not asked."""
    try:
        with closing(connect()) as client:
            return environment(client), ""
    except DaemonUnavailable as error:
        return None, f"Not checked against a daemon: {error.message.splitlines()[0]}"
