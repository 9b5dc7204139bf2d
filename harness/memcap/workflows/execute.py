"""What `run`, `measure` and others share: from a request to its result, on one Docker daemon or on this machine."""

from __future__ import annotations

from pathlib import Path

from memcap.campaign import Campaign
from memcap.errors import EngineError, Interrupted, TimeIsUp
from memcap.feasible import refuse_problems, too_long
from memcap.model import CampaignResult, Environment
from memcap.revision import side_by_side
from memcap.store import Journal, NotWritten
from memcap.units import counted, listed
from memcap.workflows.base_ref import saver
from memcap.workflows.caller import Caller, CampaignWatcher, ignore
from memcap.workflows.deciding import run_until_decided
from memcap.workflows.ready import made_ready
from memcap.workflows.request import CampaignRequest, with_variables

LISTED = 5  # cells that are named when the time is up


def execute(request: CampaignRequest, caller: Caller, *, path: Path | None = None) -> CampaignResult:
    """Make the engine ready, refuse what it cannot honour, build, run; return the result.

    The image `host` means processes of this machine, any other containers. What there is after each group of cells is
    saved to ``path``; the runs of other cells are in the journal beside it. Without a ``path``, nothing is kept. When
    the time is up, cells are missing in the result. Raises DaemonUnavailable, PlanError, UsageError, ImageMissing,
    BuildError, EngineError, Interrupted, NotWritten, and TimeIsUp if no cell is finished then.
    """
    refuse_too_long(request)
    request = with_variables(request)
    with made_ready(request, caller.tell) as ready:
        jobs = request.jobs or jobs_for(ready.engine.environment())
        # What two revisions measured side by side cannot be resumed, so there is no use for single runs of it.
        journal = Journal(path) if path is not None and request.base is None else None
        campaign = Campaign(
            side_by_side(request.plan, request.base),
            engine=ready.engine,
            layers=ready.layers,
            settings=request.settings(caller.argv, jobs=jobs),
            deadline=request.deadline,
            journal=journal,
        )
        try:
            with caller.watch(lambda: campaign.activity) as watcher:
                return _run(campaign, request, watcher, path)
        except (Interrupted, EngineError, TimeIsUp, NotWritten) as error:
            kept = _kept(campaign, request, path)
            raise type(error)(error.message, remedy=f"{error.remedy} {kept}".strip()) from error
        finally:
            if journal is not None:
                journal.close()


def _run(campaign: Campaign, request: CampaignRequest, watcher: CampaignWatcher, path: Path | None) -> CampaignResult:
    """Run ``campaign`` and return its result; if the time is up before its end, say so and return what there is."""
    save = ignore if path is None else saver(path, request.base)
    try:
        result = campaign.run(tell=watcher, save=save, earlier=request.earlier.cells if request.earlier else ())
        if request.deciding is None:
            return result
        return run_until_decided(campaign, result, request.plan, request.deciding, watcher=watcher, save=save)
    except TimeIsUp as error:
        result = campaign.result()
        if not result.cells:
            raise
        measured = {cell.cell.id for cell in result.cells}
        lacking = [cell.id for cell in request.plan.cells if cell.id not in measured]
        what = (
            f"not measured: {listed(lacking, LISTED)}"
            if lacking
            else "no cell gets more runs, what is undecided stays so"
        )
        watcher.say(f"{error.message}; {what}. {_kept(campaign, request, path)}")
        return result


def _kept(campaign: Campaign, request: CampaignRequest, path: Path | None) -> str:
    """Return which runs are on disk, and how to continue."""
    if path is None:
        return "No run was kept."
    if request.base is not None:
        return f"Finished cells are in {path}, and their base beside it." if path.exists() else "No run was kept."
    counts = campaign.recorded
    runs = sum(counts.values())
    if not runs:
        return "No run was kept."
    wanted = {cell_id: request.plan.runs_of(cell_id) for cell_id in counts}
    part = [f"{cell_id} has {n} of {wanted[cell_id]}" for cell_id, n in counts.items() if 0 < n < wanted[cell_id]]
    finished = sum(n >= wanted[cell_id] for cell_id, n in counts.items())
    details = "; ".join([f"{finished} of {counted(len(counts), 'cell')} finished", *part[:LISTED]])
    more = " --until-decided" if request.deciding else ""
    return f"Kept: {counted(runs, 'run')} ({details}). To continue: memcap run --resume {path}{more}"


def refuse_too_long(request: CampaignRequest) -> None:
    """Raise PlanError for suites that would take longer than their `total` allows."""
    problems = too_long(request.plan, request.suites, time_limit_seconds=request.time_limit_seconds)
    refuse_problems("a suite would take longer than it may; nothing was run.", problems)


def jobs_for(machine: Environment) -> int:
    """Return how many runs to make at once: one a CPU. Figures in bytes do not change by it, times do."""
    return (machine.cpus or 1) if machine.memory_bytes else 1
