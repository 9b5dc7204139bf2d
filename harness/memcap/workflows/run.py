"""``memcap run``: measure the cells of a plan, store the result, load what it is judged against."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from memcap.campaign import Deadline
from memcap.errors import UsageError
from memcap.model import CampaignResult, Config, Profile
from memcap.revision import Base, of_cells, split
from memcap.shards import known_seconds
from memcap.store import load_baselines, result_path
from memcap.units import parse_seconds
from memcap.workflows.base_ref import base_path, base_revision, judged_against, saver, tell_where
from memcap.workflows.caller import Caller, Tell
from memcap.workflows.deciding import DecidingOptions, deciding_of, refuse_few
from memcap.workflows.execute import execute
from memcap.workflows.judging import Case, ExplainRequest
from memcap.workflows.options import RunOptions
from memcap.workflows.request import CampaignName, CampaignRequest, new_campaign
from memcap.workflows.result_file import reserved
from memcap.workflows.selection import PlannedRun, plan_run
from memcap.workflows.sharding import facts_of, nothing_measured, tell_of_merging


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What was measured and where it is stored.

    ``case`` is what it is judged by; None with ``no_check``, and for a shard.
    """

    config: Config
    path: Path
    result: CampaignResult
    case: Case | None = None

    @property
    def time_is_up(self) -> bool:
        """Tell whether cells are missing."""
        return not self.result.complete


def run(options: RunOptions, caller: Caller) -> Ran:
    """Measure the cells that ``options`` choose, store them, and load what they are to be judged against.

    Raises as `plan_run` and `execute` do, and FileExistsAlready.
    """
    began, tell = time.monotonic(), caller.tell
    with reserved(options.resume, force=True, tell=tell):
        planned = plan_run(options, tell)
        config, plan, earlier = planned.config, planned.plan, planned.earlier
        name = CampaignName(id=earlier.id, started=earlier.started) if earlier else new_campaign(plan.profile)
        path = options.resume or options.output or result_path(config.results_directory, name.id)
        with (
            _reserved(path, options, tell),
            base_revision(
                options.base_ref,
                config,
                planned.whole,
                selection=planned.selection,
                images=options.base_images,
                tell=tell,
            ) as whole_base,
        ):
            base = of_cells(whole_base, plan) if whole_base else None
            request = _request(options, planned, name, base, tell)
            request = replace(request, deadline=deadline_of(options.within, config.profiles[plan.profile], began=began))
            result = _measured(request, caller, path, engine=options.engine)
    tell_where(path, result, base, tell=tell)
    if result.shard is not None:
        tell_of_merging(result, tell)
    if options.no_check or result.shard is not None:
        return Ran(config=config, path=path, result=split(result)[0])
    head, baselines = judged_against(result, base, config)
    asked = ExplainRequest(result=path, base_ref=options.base_ref, base_images=options.base_images)
    case = Case(
        config=config,
        result=head,
        baselines=baselines,
        explained=asked if options.explain and head.complete else None,
        time_is_up=not head.complete,
    )
    return Ran(config=config, path=path, result=head, case=case)


def _request(
    options: RunOptions, planned: PlannedRun, name: CampaignName, base: Base | None, tell: Tell
) -> CampaignRequest:
    """Return what is to be executed, without a deadline."""
    config, plan, whole, earlier = planned.config, planned.plan, planned.whole, planned.earlier
    asked = DecidingOptions(max_runs=options.max_runs, max_total_runs=options.max_total_runs, early=not options.accept)
    deciding = (
        # The interim checks are those of the whole plan, so that all shards have the same.
        deciding_of(whole, config, base, options=asked, earlier=earlier, tell=tell) if options.until_decided else None
    )
    if deciding:
        refuse_few(deciding, plan, base)
    return CampaignRequest(
        plan=replace(plan, runs=deciding.sizes[0]) if deciding else plan,
        suites=config.suites,
        images=config.images,
        policy=config.policy,
        time_limit_seconds=config.run_time_limit_seconds,
        name=name,
        jobs=options.jobs,
        earlier=earlier,
        base=base,
        deciding=deciding,
        keep_output=options.keep_output,
        daemon_wait_seconds=parse_seconds(options.daemon_wait),
        shard=earlier.shard if earlier else facts_of(planned.shard, whole, base, config),
        expected_seconds={} if options.no_check else known_seconds(load_baselines(config.baseline_directory), None),
    )


def _measured(request: CampaignRequest, caller: Caller, path: Path, *, engine: str) -> CampaignResult:
    """Execute ``request``; save a result that says so where a shard has no cells."""
    if request.plan.cells:
        return execute(request, caller, path=path)
    result = nothing_measured(request, caller.argv, engine=engine)
    saver(path, request.base)(result)
    return result


@contextmanager
def _reserved(path: Path, options: RunOptions, tell: Tell) -> Iterator[None]:
    """Keep the file of a new campaign, and that of its base; what is resumed has its file already."""
    with ExitStack() as files:
        for each in () if options.resume else (path, *([base_path(path)] if options.base_ref else [])):
            files.enter_context(reserved(each, force=options.force, tell=tell))
        yield


def deadline_of(within: str | None, profile: Profile, *, began: float) -> Deadline | None:
    """Return when a campaign of ``profile`` that ``began`` has to end; None if it may last for ever.

    ``within`` takes the place of what the profile says. Raises SizeError, UsageError for no time at all.
    """
    seconds = parse_seconds(within) if within else profile.within_seconds
    if seconds is not None and seconds <= 0:
        raise UsageError(f"--within {within} leaves no time to measure", remedy="Name a duration, such as 20min.")
    return None if seconds is None else Deadline(seconds=seconds, end=began + seconds)
