"""The project, and which of its cells are measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from memcap.config import NoProject, find_root, load_config
from memcap.errors import FileFormatError, UsageError
from memcap.images.this_machine import on_this_machine
from memcap.model import (
    COLD,
    DEFAULT_TOLERANCES,
    PROCESS_ENGINE,
    CampaignResult,
    Config,
    ContainerPolicy,
    ImageSource,
    Plan,
    Rules,
    Shard,
)
from memcap.model.names import cell_name, parse_cell_id
from memcap.plan import Selection, is_glob, make_plan
from memcap.shards import parse_shard
from memcap.store import load_interrupted, load_result, newest_files
from memcap.units import counted, seconds_of_variant
from memcap.workflows.caller import Tell
from memcap.workflows.options import TIME_LIMIT_SECONDS, RunOptions
from memcap.workflows.sharding import part_of_plan

_RESULTS_LOOKED_AT = 10  # for the image of a cell


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """The project, the plan, what chose it, and the interrupted campaign that it continues, if it does.

    ``shard`` says which part of the ``whole`` plan ``plan`` is.
    """

    config: Config
    plan: Plan
    whole: Plan
    selection: Selection
    earlier: CampaignResult | None = None
    shard: Shard | None = None


def plan_run(options: RunOptions, tell: Tell) -> PlannedRun:
    """Return what a run with ``options`` would measure. Raises UsageError, ConfigError, SelectionError, SizeError."""
    options.validate()
    config = with_new_cells(load_project(options.root), allowed=options.allow_new)
    earlier = load_interrupted(options.resume) if options.resume else None
    if earlier:
        refuse_resuming(earlier)
    if PROCESS_ENGINE in (options.engine, earlier and earlier.environment.engine):
        config = on_this_machine(config)
    selection = with_seen_images(options.selection, config, tell=tell)
    plan = plan_of(earlier, config) if earlier else make_plan(config, profile=options.profile, selection=selection)
    planned = PlannedRun(config=config, plan=plan, whole=plan, selection=selection, earlier=earlier)
    if options.shard is None:
        return planned
    shard = parse_shard(options.shard)
    own = part_of_plan(plan, shard, config, durations=options.durations, tell=tell)
    return replace(planned, plan=own, shard=shard)


def load_project(root: Path | None) -> Config:
    """Return the configuration of the project at ``root``, or of the one around the current folder.

    Raises ConfigError.
    """
    return load_config(root if root is not None else find_root(Path.cwd()))


def find_project(root: Path | None) -> Path | None:
    """Return the project, by default the one around the current folder; None where there is none."""
    if root is not None:
        return root
    try:
        return find_root(Path.cwd())
    except NoProject:
        return None


def project_or_defaults(root: Path | None) -> Config:
    """Return the configuration as `load_project` does; where there is no project, one without suites and images.

    That is enough to judge files by the default tolerances. Raises ConfigError for a project with mistakes.
    """
    project = find_project(root)
    if project is not None:
        return load_project(project)
    return Config(
        root=Path.cwd(),
        caps={},
        profiles={},
        rules=Rules(tolerances=DEFAULT_TOLERANCES),
        suites={},
        images={},
        policy=ContainerPolicy(),
        run_time_limit_seconds=TIME_LIMIT_SECONDS,
    )


def with_new_cells(config: Config, *, allowed: bool) -> Config:
    """Return ``config``, by whose rules cells without a baseline pass if that is ``allowed``."""
    return replace(config, rules=replace(config.rules, allow_new=allowed))


def with_seen_images(selection: Selection, config: Config, *, tell: Tell) -> Selection:
    """Return ``selection`` with the images that only results know, for ids of cells that reports print.

    An image of the project, or one that is named, is not looked for. ``tell`` hears which are taken.
    """
    if selection.images:
        return selection
    parts = [parse_cell_id(cell_id) for cell_id in selection.cells if not is_glob(cell_id)]
    missing = {part.image for part in parts if part} - set(config.images)
    seen = _seen_images(missing, config.results_directory, tell) if missing else {}
    return replace(selection, seen=seen)


def _seen_images(names: set[str], directory: Path, tell: Tell) -> dict[str, ImageSource]:
    """Return the images of these names as the newest results of ``directory`` have them, and say which they are."""
    found: dict[str, ImageSource] = {}
    for path in islice(newest_files(directory), _RESULTS_LOOKED_AT):
        try:
            images = load_result(path).images
        except FileFormatError:  # it is not what was asked for
            continue
        for name in names & images.keys() - found.keys():
            found[name] = ImageSource(name=name, reference=images[name].reference)
            tell(f"the image {name} is {images[name].reference}, as in {path.name}")
        if found.keys() == names:
            break
    return found


def plan_of(earlier: CampaignResult, config: Config) -> Plan:
    """Return the plan of an interrupted campaign, as the project has its cells now.

    Raises SelectionError when the project no longer has one of its cells.
    """
    names = [cell_name(cell_id) for cell_id in earlier.plan_cells]
    variant = names[0].variant  # all have the same, or none
    images = {
        name: name if name in config.images and facts.is_built else f"{name}={facts.reference}"
        for name, facts in earlier.images.items()
    }
    plan = make_plan(
        config,
        profile=earlier.profile,
        selection=Selection(
            benchmarks=tuple(dict.fromkeys(name.full_benchmark for name in names)),
            images=tuple(dict.fromkeys(images.get(name.image, name.image) for name in names)),
            caps=tuple(dict.fromkeys(name.cap for name in names)),
            runs=earlier.runs,
            warmups=earlier.warmups,
            cold=variant == COLD,
            duration_seconds=seconds_of_variant(variant),
        ),
    )
    return replace(plan, cells=tuple(cell for cell in plan.cells if cell.id in earlier.plan_cells))


def refuse_resuming(earlier: CampaignResult) -> None:
    """Raise UsageError for a result that was merged of shards or has no cells, and for a campaign with a base.

    Later runs would be no neighbours of those of the base, or of the shard.
    """
    if earlier.merged_from:
        raise UsageError(
            f"{earlier.id} was merged of {counted(len(earlier.merged_from), 'shard')}, and cannot be resumed",
            remedy="Resume the shards that are not finished (memcap run --resume SHARD), then merge them again.",
        )
    if earlier.shard is not None and not earlier.plan_cells:
        raise UsageError(
            f"shard {earlier.shard.shard} has no cells, so there is nothing to resume", remedy="Merge it as it is."
        )
    if earlier.has_base:
        raise UsageError(
            "a campaign with --base-ref cannot be resumed: what is compared is measured side by side",
            remedy="Begin anew.",
        )
