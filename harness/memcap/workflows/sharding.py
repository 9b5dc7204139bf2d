"""``memcap run --shard``: which cells this machine measures, and what its result says of the others."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.engine.docker_client import connect, environment
from memcap.errors import UsageError
from memcap.model import METRICS_VERSION, PROCESS_ENGINE, CampaignResult, Config, Environment, Plan, Shard, ShardFacts
from memcap.shards import divide, known_seconds
from memcap.store import find_commit, load_baselines, load_result
from memcap.units import counted, format_seconds
from memcap.workflows.caller import Tell

if TYPE_CHECKING:
    from memcap.revision import Base
    from memcap.workflows.request import CampaignRequest


def part_of_plan(plan: Plan, shard: Shard, config: Config, *, durations: Path | None, tell: Tell) -> Plan:
    """Return the cells of ``plan`` that ``shard`` has, and say how much of it they are.

    Raises FileFormatError, UsageError for a file of ``durations`` that cannot be read.
    """
    known = known_seconds(load_baselines(config.baseline_directory), _load_durations(durations))
    found = divide(plan, shard.count, known)
    own, seconds = found.shards[shard.number - 1], found.seconds[shard.number - 1]
    share = f"about {format_seconds(seconds)} of {format_seconds(sum(found.seconds))}"
    if found.guessed == len(plan.cells):
        share = "no duration is known"
    elif found.guessed:
        share += f", {counted(found.guessed, 'duration')} guessed"
    tell(f"shard {shard}: {len(own.cells)} of {counted(len(plan.cells), 'cell')} ({share})")
    return own


def facts_of(shard: Shard | None, whole: Plan, base: Base | None, config: Config) -> ShardFacts | None:
    """Return what the result of ``shard`` says for the merge; None where the ``whole`` plan is measured."""
    if shard is None:
        return None
    ids = tuple(cell.id for cell in whole.cells)
    return ShardFacts(shard=shard, plan_cells=ids, commit=commit_of(config), base=base.name if base else None)


def nothing_measured(request: CampaignRequest, argv: tuple[str, ...], *, engine: str) -> CampaignResult:
    """Return the result of a shard without cells. Raises DaemonUnavailable: the job should find it out as others do."""
    settings = request.settings(argv)
    return CampaignResult(
        id=settings.id,
        started=settings.started,
        command=settings.command,
        profile=request.plan.profile,
        runs=request.plan.runs,
        warmups=request.plan.warmups,
        looks=settings.looks,
        early_looks=settings.early_looks,
        environment=_environment(engine),
        images={},
        plan_cells=(),
        cells=(),
        policy=settings.policy,
        metrics_version=METRICS_VERSION,
        shard=settings.shard,
    )


def tell_of_merging(result: CampaignResult, tell: Tell) -> None:
    """Say what comes of a shard: it is judged together with the others."""
    assert result.shard is not None
    shard = result.shard.shard
    if not result.plan_cells:
        tell(f"shard {shard} has no cells, as the plan has {len(result.shard.plan_cells)}: nothing was measured")
    tell(f"shard {shard} is not judged by itself: memcap merge judges all {shard.count} together")


def _load_durations(path: Path | None) -> CampaignResult | None:
    if path is None:
        return None
    if not path.is_file():
        raise UsageError(f"--durations: there is no file {path}", remedy="Name a result, or leave --durations out.")
    return load_result(path)


def commit_of(config: Config) -> str | None:
    """Return the commit that the project is at; None where there is no repository, or no git."""
    try:
        return find_commit(config.root, "HEAD")
    except UsageError:
        return None


def _environment(engine: str) -> Environment:
    if engine == PROCESS_ENGINE:
        from memcap.engine.process import ProcessEngine  # noqa: PLC0415 - imports psutil

        with ProcessEngine() as processes:
            return processes.environment()
    with closing(connect()) as client:
        return environment(client)
