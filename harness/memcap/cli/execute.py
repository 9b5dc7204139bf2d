"""What `run` and `measure` share: from a plan to its result on one Docker daemon, or on this machine itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.campaign import Campaign, Deadline, Layers
from memcap.cli.container_options import stored_command
from memcap.cli.deciding import Deciding, run_until_decided
from memcap.cli.progress import CampaignProgress, say
from memcap.config.env_variables import resolved
from memcap.engine.base import Engine
from memcap.errors import (
    EngineError,
    FileExistsAlready,
    Interrupted,
    PlanError,
    TimeIsUp,
    UsageError,
)
from memcap.feasible import check_feasible, check_quota, refuse_problems, too_long
from memcap.model import (
    DAEMON_WAIT_SECONDS,
    MINIMUM_CAP_BYTES,
    PROCESS_ENGINE,
    CampaignResult,
    CampaignSettings,
    Cell,
    ContainerPolicy,
    Environment,
    ImageFacts,
    Plan,
    Suite,
)
from memcap.model.names import new_campaign_id
from memcap.revision import Base, as_base_layers, side_by_side
from memcap.store import Journal, NotWritten
from memcap.units import counted

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.engine.docker import DockerEngine

LISTED = 5  # cells that are named when the time is up
SAME_MEMORY = 0.01


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be executed, and how. ``jobs`` None: as many containers at once as CPUs and memory allow.

    ``base`` is what another revision has of the plan, run interleaved with it; ``deciding`` gives cells more runs, and
    after ``deadline`` none gets any. ``keep_output`` keeps the end of the output of completed runs, too. A daemon that
    goes away is waited for, ``daemon_wait_seconds`` at most.
    """

    plan: Plan
    suites: Mapping[str, Suite]
    policy: ContainerPolicy
    time_limit_seconds: float
    id: str
    started: str
    jobs: int | None = None
    earlier: CampaignResult | None = None
    base: Base | None = None
    deciding: Deciding | None = None
    deadline: Deadline | None = None
    keep_output: bool = False
    daemon_wait_seconds: float = DAEMON_WAIT_SECONDS

    @property
    def looks(self) -> tuple[int, ...]:
        """Return after how many runs cells are judged while more are added, also where that was in an earlier part."""
        return self.deciding.sizes if self.deciding else self.earlier.looks if self.earlier else ()


def new_campaign(label: str) -> tuple[str, str]:
    """Return the id and the start (ISO 8601, UTC) of a new campaign; ids sort by time."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    return new_campaign_id(now, label), now.isoformat()


def refuse_filled(folder: Path) -> None:
    """Raise FileExistsAlready for a folder with something in it, which the files of another run would be mixed with."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsAlready(f"{folder} has something in it", remedy="Choose another --output.")


@contextmanager
def recording(folder: Path) -> Iterator[None]:
    """Make the folder for a recorder's files; an interrupt leaves nothing of it, and nothing leaves it empty."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, Interrupted)):
            shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(folder)
        _remove_empty(folder.parent)
        raise
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it has something in it, or is gone
        folder.rmdir()


def execute(order: Order, *, save: Callable[[CampaignResult], None], kept_in: Path | None) -> CampaignResult:
    """Make the engine ready, refuse what it cannot honour, build, run; return the result.

    The image `host` means processes of this machine, any other containers. ``save`` gets what there is after each group
    of cells and writes it to ``kept_in``; the runs of other cells are in the journal beside it. When the time is up,
    cells are missing in the result. Raises DaemonUnavailable, PlanError, UsageError, ImageMissing, BuildError,
    EngineError, Interrupted, NotWritten, and TimeIsUp if no cell is finished then.
    """
    refuse_too_long(order)
    order = with_variables(order)
    with made_ready(order) as (engine, layers):
        refuse_other_images(order.earlier, {layer.image.name: layer.image for layer in layers.values()})
        settings = CampaignSettings(
            id=order.id,
            started=order.started,
            command=order.earlier.command if order.earlier else _command(order),  # what measures it again
            policy=order.policy,
            time_limit_seconds=order.time_limit_seconds,
            jobs=order.jobs or jobs_for(order.plan, engine.environment()),
            looks=order.looks,
            keep_output=order.keep_output,
            daemon_wait_seconds=order.daemon_wait_seconds,
        )
        # What two revisions measured side by side cannot be resumed, so there is no use for single runs of it.
        journal = Journal(kept_in) if kept_in is not None and order.base is None else None
        campaign = Campaign(
            side_by_side(order.plan, order.base),
            engine=engine,
            layers=layers,
            settings=settings,
            deadline=order.deadline,
            journal=journal,
        )
        try:
            with CampaignProgress(lambda: campaign.activity) as progress:
                return _run(campaign, order, progress=progress, save=save, kept_in=kept_in)
        except (Interrupted, EngineError, TimeIsUp, NotWritten) as error:
            kept = _kept(campaign, order, kept_in)
            raise type(error)(error.message, remedy=f"{error.remedy} {kept}".strip()) from error
        finally:
            if journal is not None:
                journal.close()


def _run(
    campaign: Campaign,
    order: Order,
    *,
    progress: CampaignProgress,
    save: Callable[[CampaignResult], None],
    kept_in: Path | None,
) -> CampaignResult:
    """Run ``campaign`` and return its result; if the time is up before its end, say so and return what there is."""
    try:
        result = campaign.run(tell=progress, save=save, earlier=order.earlier.cells if order.earlier else ())
        if order.deciding is None:
            return result
        return run_until_decided(campaign, result, order.plan, order.deciding, progress=progress, save=save)
    except TimeIsUp as error:
        result = campaign.result()
        if not result.cells:
            raise
        measured = {cell.cell.id for cell in result.cells}
        lacking = [cell.id for cell in order.plan.cells if cell.id not in measured]
        shown = ", ".join(lacking[:LISTED]) + (f" and {len(lacking) - LISTED} more" if len(lacking) > LISTED else "")
        what = f"not measured: {shown}" if lacking else "no cell gets more runs, what is undecided stays so"
        progress.say(f"{error.message}; {what}. {_kept(campaign, order, kept_in)}")
        return result


def made_ready(order: Order) -> AbstractContextManager[tuple[Engine, Layers]]:
    """Return the engine that the images of ``order`` need, with the layers to run in; it ends with the context.

    Raises as ``execute`` does.
    """
    from memcap.images.this_machine import HOST

    is_host = all(cell.image == HOST for cell in order.plan.cells)
    return _on_this_machine(order) if is_host else _on_docker(order)


def docker_engine(client: DockerClient, campaign: str, policies: tuple[ContainerPolicy, ...]) -> DockerEngine:
    """Return the engine of ``client``; say so if it copies what is to be mounted."""
    from memcap.engine.docker import DockerEngine
    from memcap.engine.docker_client import address
    from memcap.engine.docker_mounts import announce_copies

    is_remote = address().is_remote
    if is_remote:
        announce_copies(policies, say=say)
    return DockerEngine(client, campaign=campaign, copies_mounts=is_remote)


def refuse_missing_parts(client: DockerClient, policies: tuple[ContainerPolicy, ...]) -> None:
    """Raise PlanError for files that are to be mounted, and networks, that do not exist."""
    from memcap.engine.docker_mounts import refuse_missing, refuse_unknown_networks

    refuse_missing(policies)
    refuse_unknown_networks(client, policies)


@contextmanager
def _on_docker(order: Order) -> Iterator[tuple[Engine, Layers]]:
    from memcap.engine.docker_client import connect, environment
    from memcap.engine.docker_leftovers import remove_leftovers
    from memcap.images.prepare import prepare_layers

    with closing(connect()) as client:
        refuse(order, environment(client))
        policies = order.plan.policies(order.policy)
        refuse_missing_parts(client, policies)
        layers = prepare_layers(client, order.plan, order.suites, say=say)
        if order.base is not None:
            older = prepare_layers(client, order.base.plan, order.base.suites, say=lambda text: say(f"base: {text}"))
            layers |= as_base_layers(older)
        if order.earlier is not None:
            remove_leftovers(client, order.id)
        with docker_engine(client, order.id, policies) as engine:
            yield engine, layers


@contextmanager
def _on_this_machine(order: Order) -> Iterator[tuple[Engine, Layers]]:
    from memcap.engine.process import ProcessEngine
    from memcap.engine.process_limits import refuse_container_settings, refuse_uncounted
    from memcap.images.this_machine import host_layers

    if any(cell.is_cold for cell in order.plan.cells):
        raise PlanError(
            "cold runs need containers: the page cache of this machine is not memcap's to empty",
            remedy="Leave out --cold, or use Docker.",
        )
    refuse_container_settings(order.plan.policies(order.policy))
    with ProcessEngine() as engine:
        machine = engine.environment()
        refuse(order, machine)
        for policy in order.plan.policies(order.policy):
            refuse_uncounted(policy.limits, cgroup_version=machine.cgroup_version)
        layers = host_layers(order.plan, order.suites)
        if order.base is not None:
            layers |= as_base_layers(host_layers(order.base.plan, order.base.suites))
        yield engine, layers


def _kept(campaign: Campaign, order: Order, kept_in: Path | None) -> str:
    """Return which runs are on disk, and how to continue."""
    if kept_in is None:
        return "No run was kept."
    if order.base is not None:
        return f"Finished cells are in {kept_in}, and their base beside it." if kept_in.exists() else "No run was kept."
    counts = campaign.recorded
    runs = sum(counts.values())
    if not runs:
        return "No run was kept."
    part = [f"{cell_id} has {n} of {order.plan.runs}" for cell_id, n in counts.items() if 0 < n < order.plan.runs]
    finished = sum(n >= order.plan.runs for n in counts.values())
    details = "; ".join([f"{finished} of {counted(len(counts), 'cell')} finished", *part[:LISTED]])
    more = " --until-decided" if order.deciding else ""
    return f"Kept: {counted(runs, 'run')} ({details}). To continue: memcap run --resume {kept_in}{more}"


def refuse(order: Order, machine: Environment) -> None:
    """Raise PlanError or UsageError for what ``machine`` cannot honour."""
    refuse_infeasible(order.plan, order.policy, machine)
    refuse_other_machine(order.earlier, machine)


def refuse_other_machine(earlier: CampaignResult | None, machine: Environment) -> None:
    """Raise UsageError when an interrupted campaign would go on somewhere its figures cannot be compared with."""
    if earlier is None:
        return
    before = earlier.environment
    for name in ("engine", "architecture", "cgroup_version", "kernel", "memory_bytes"):
        if _differ(getattr(before, name), getattr(machine, name)):
            raise UsageError(
                f"the campaign was begun where {name} is {getattr(before, name)}; here it is {getattr(machine, name)}",
                remedy="Go on where it was begun, or begin anew.",
            )


def _differ(before: object, now: object) -> bool:
    """Tell whether a fact has changed; the memory that a kernel finds is a little different at each start."""
    if isinstance(before, int) and isinstance(now, int):
        return abs(before - now) > before * SAME_MEMORY
    return before != now


def refuse_other_images(earlier: CampaignResult | None, images: Mapping[str, ImageFacts]) -> None:
    """Raise UsageError when an interrupted campaign has cells of an image that is another one by now.

    ``images`` are by their names. Those of which nothing was measured yet may have changed.
    """
    if earlier is None:
        return
    changed = []
    for name in dict.fromkeys(done.cell.image for done in earlier.cells):
        before, now = earlier.images.get(name), images.get(name)
        if before and now and (before.content_name, before.python) != (now.content_name, now.python):
            changed.append(f"  {name} was {_described(before)}; now it is {_described(now)}")
    if changed:
        listed = "\n".join(changed)
        raise UsageError(
            f"the campaign was begun with images that have changed since; nothing was run.\n{listed}",
            remedy="Begin anew (`memcap run` without --resume), or bring the images back to what they were.",
        )


def _described(image: ImageFacts) -> str:
    python = f", {image.python.implementation} {image.python.version}" if image.python else ""
    return f"{image.content_name} ({image.origin}{python})"


def _command(order: Order) -> tuple[str, ...]:
    base = order.base.plan.policies(order.policy) if order.base else ()
    return stored_command((*order.plan.policies(order.policy), *base))


def with_variables(order: Order) -> Order:
    """Return ``order`` with the variables of all containers read. Raises UsageError for those that are missing."""
    base = order.base
    return replace(
        order,
        plan=_resolved(order.plan),
        policy=resolved(order.policy, os.environ),
        base=replace(base, plan=_resolved(base.plan)) if base else None,
    )


def _resolved(plan: Plan) -> Plan:
    return replace(plan, cells=tuple(map(_with_variables, plan.cells)))


def _with_variables(cell: Cell) -> Cell:
    policy = cell.benchmark.policy
    if policy is None:
        return cell
    return replace(cell, benchmark=replace(cell.benchmark, policy=resolved(policy, os.environ)))


def refuse_too_long(order: Order) -> None:
    """Raise PlanError for suites that would take longer than their `total` allows."""
    problems = too_long(order.plan, order.suites, time_limit_seconds=order.time_limit_seconds)
    refuse_problems("a suite would take longer than it may; nothing was run.", problems)


def refuse_infeasible(plan: Plan, policy: ContainerPolicy, machine: Environment) -> None:
    """Raise PlanError with everything of ``plan`` and ``policy`` that the daemon's machine cannot honour."""
    minimum = 0 if machine.engine == PROCESS_ENGINE else MINIMUM_CAP_BYTES
    problems = (
        *check_feasible(plan, memory_bytes=machine.memory_bytes, cpus=machine.cpus or 1, minimum_bytes=minimum),
        *(problem for own in plan.policies(policy) for problem in check_quota(own.limits, machine.cpus)),
    )
    refuse_problems("the daemon cannot honour this plan; nothing was run.", problems)


def jobs_for(plan: Plan, machine: Environment) -> int:
    """Return how many containers to run at once: one a CPU, as far as their caps fit into the memory together.

    Figures in bytes do not change by it, times do.
    """
    largest = max(cell.cap.bytes for cell in plan.cells)
    fit = machine.memory_bytes // largest if machine.memory_bytes else 1
    return max(1, min(machine.cpus or 1, fit))
