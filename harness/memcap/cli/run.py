"""``memcap run``: measure the cells of a plan, store the result, judge it against the baselines."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.quantities import TIME
from memcap.cli.reports import (
    Reports,
    Wanted,
    allow_new_option,
    explain_option,
    report_option,
    show_output_option,
)
from memcap.cli.selection import load_project, plan_of, selection_options, with_seen_images

if TYPE_CHECKING:
    from memcap.campaign import Deadline
    from memcap.model import Profile
    from memcap.plan import Selection


@click.command("run", short_help="Measure the cells of a profile, and check them against the baselines.")
@selection_options
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The result file to write.")
@click.option("--force", is_flag=True, help="Replace the result file if it exists.")
@click.option(
    "--resume",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RESULT",
    help="Continue an interrupted campaign: make the runs that are missing in its result file and journal.",
)
@click.option(
    "--engine",
    type=click.Choice(["docker", "process"]),
    default="docker",
    show_default=True,
    help="`process` measures plain processes of this Linux machine with memcap's own Python, as the image `host`.",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Containers at once; by default one a CPU.")
@click.option(
    "--until-decided",
    is_flag=True,
    help="Give cells that are undecided, or lack data, more runs, and judge them anew.",
)
@click.option(
    "--max-runs", type=click.IntRange(min=1), help="Up to so many of each cell; by default 4 times the profile's."
)
@click.option(
    "--base-ref",
    metavar="REF",
    help="Measure this git revision of suites/ and images/ too, interleaved, and compare with it.",
)
@click.option(
    "--base-image",
    "base_images",
    multiple=True,
    metavar="IMAGE=REFERENCE",
    help="What REF runs in, in place of an image that was built elsewhere.",
)
@click.option(
    "--within",
    type=TIME,
    help="How long it may take in all, such as 20min; what is finished then is kept and judged. By default the "
    "profile's `within`, if it has one.",
)
@click.option(
    "--daemon-wait",
    type=TIME,
    default="60s",
    show_default=True,
    help="How long to wait for a daemon that goes away; the campaign continues when it is back.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be measured, as `memcap plan` does; run nothing.")
@click.option("--no-check", is_flag=True, help="Do not judge the result against the baselines.")
@click.option("--accept", "accept_new", is_flag=True, help="Make baselines of the benchmarks that have none yet.")
@allow_new_option
@explain_option
@report_option
@show_output_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print every metric of every cell, and every caveat.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    profile: str,
    selection: Selection,
    root: Path | None,
    output: Path | None,
    force: bool,
    resume: Path | None,
    engine: str,
    jobs: int | None,
    until_decided: bool,
    max_runs: int | None,
    base_ref: str | None,
    base_images: tuple[str, ...],
    within: str | None,
    daemon_wait: str,
    dry_run: bool,
    no_check: bool,
    accept_new: bool,
    allow_new: bool,
    explained: bool,
    wanted: tuple[Wanted, ...],
    show_output: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Measure cells in containers, save the result under results/, and check it against the baselines.

    SELECT names suites (agents), benchmarks (agents.llm) or cells (agents.llm-py312-128m, or a glob).

    \b
    Examples:
      memcap run                                   the quick profile
      memcap run streams --image py312
      memcap run --profile full --output nightly.json
      memcap run 'agents.*-py31[02]-*' --runs 10
      memcap run agents.llm --cold --image py312   what the first start after a deployment needs
      memcap run --engine process                  without Docker, on Linux
      memcap run --resume results/20260101T020304-quick-1a2b.json
      memcap run --profile full --dry-run          everything there is
      memcap run stress.endurance --duration 1min  shorter than its configured 10 minutes
      memcap run --accept                          the first time: what was measured becomes the baselines
      memcap run --until-decided                   more runs where 5 do not tell
      memcap run --profile ci --within 20min       where a job may take half an hour
      memcap run --base-ref origin/main            what did this branch change?
      memcap run --base-ref main --explain         and in which lines?
      memcap run --image prod=shop/prod:1.1        the image `prod` in another version, by the same baselines
      memcap run --image prod=shop/prod:1.1 --base-ref main --base-image prod=shop/prod:1.0
    """
    from memcap.cli.base_ref import base_path, base_revision, judged_against, refuse_resuming, saver, tell_where
    from memcap.cli.deciding import deciding_of
    from memcap.cli.execute import Order, execute, new_campaign
    from memcap.cli.explain import Asked
    from memcap.cli.plan import show
    from memcap.cli.result_file import reserved
    from memcap.cli.verdict import conclude, conclude_unjudged, with_new_cells
    from memcap.errors import UsageError
    from memcap.images.this_machine import on_this_machine
    from memcap.model import PROCESS_ENGINE
    from memcap.plan import make_plan
    from memcap.revision import split
    from memcap.store import load_interrupted, result_path
    from memcap.units import parse_seconds

    refuse_contradictions(until_decided, no_check, max_runs, base_ref, base_images, resume)
    if explained and no_check:
        raise UsageError("--explain says why a check failed, and --no-check makes none", remedy="Leave one out.")
    if accept_new and (no_check or base_ref):
        raise UsageError(
            f"--accept cannot be combined with {'--no-check' if no_check else '--base-ref'}",
            remedy="Only what was judged against the project's baselines can become one.",
        )
    began = time.monotonic()
    config = with_new_cells(load_project(root), allowed=allow_new)
    with ExitStack() as files:
        if resume is not None and not dry_run:
            files.enter_context(reserved(resume, force=True))
        earlier = load_interrupted(resume) if resume else None
        if earlier:
            refuse_resuming(earlier)
        if PROCESS_ENGINE in (engine, earlier and earlier.environment.engine):
            config = on_this_machine(config)
        selection = with_seen_images(selection, config)
        plan = plan_of(earlier, config) if earlier else make_plan(config, profile=profile, selection=selection)
        if dry_run:
            show(plan, config, as_json=as_json, output=resume or output)
            return
        campaign, started = (earlier.id, earlier.started) if earlier else new_campaign(plan.profile)
        path = resume or output or result_path(config.results_directory, campaign)
        for each in () if resume else (path, *([base_path(path)] if base_ref else [])):
            files.enter_context(reserved(each, force=force))
        with base_revision(base_ref, config, plan, selection=selection, images=base_images) as base:
            deciding = deciding_of(plan, config, base, max_runs=max_runs, earlier=earlier) if until_decided else None
            order = Order(
                plan=replace(plan, runs=deciding.sizes[0]) if deciding else plan,
                suites=config.suites,
                policy=config.policy,
                time_limit_seconds=config.run_time_limit_seconds,
                id=campaign,
                started=started,
                jobs=jobs,
                earlier=earlier,
                base=base,
                deciding=deciding,
                deadline=deadline_of(within, config.profiles[plan.profile], began=began),
                keep_output=show_output,
                daemon_wait_seconds=parse_seconds(daemon_wait),
            )
            result = execute(order, save=saver(path, base), kept_in=path)
    tell_where(path, result, base)
    reports = Reports(wanted=wanted, suites=config.suites, root=config.root)
    if no_check:
        head = split(result)[0]
        conclude_unjudged(
            head,
            measurements=as_json,
            verbose=verbose,
            show_output=show_output,
            reports=reports,
            time_is_up=not head.complete,
        )
    head, baselines = judged_against(result, base, config)
    asked = Asked(result=path, base_ref=base_ref, base_images=base_images) if explained and head.complete else None
    conclude(
        head,
        config,
        baselines=baselines,
        as_json=as_json,
        verbose=verbose,
        show_output=show_output,
        reports=reports,
        asked=asked,
        time_is_up=not head.complete,
        accept_new=accept_new,
    )


def deadline_of(within: str | None, profile: Profile, *, began: float) -> Deadline | None:
    """Return when a campaign of ``profile`` that ``began`` has to end; None if it may last for ever.

    ``within`` takes the place of what the profile says. Raises SizeError, UsageError for no time at all.
    """
    from memcap.campaign import Deadline
    from memcap.errors import UsageError
    from memcap.units import parse_seconds

    seconds = parse_seconds(within) if within else profile.within_seconds
    if seconds is not None and seconds <= 0:
        raise UsageError(f"--within {within} leaves no time to measure", remedy="Name a duration, such as 20min.")
    return None if seconds is None else Deadline(seconds=seconds, end=began + seconds)


def refuse_contradictions(
    until_decided: bool,
    no_check: bool,
    max_runs: int | None,
    base_ref: str | None,
    base_images: tuple[str, ...],
    resume: Path | None,
) -> None:
    """Raise UsageError for options that mean nothing together."""
    from memcap.errors import UsageError

    if max_runs is not None and not until_decided:
        raise UsageError("--max-runs goes with --until-decided", remedy="Use --runs for as many in any case.")
    if until_decided and no_check:
        raise UsageError("--until-decided judges and --no-check does not", remedy="Leave one of them out.")
    if base_images and base_ref is None:
        raise UsageError("--base-image goes with --base-ref", remedy="Name the revision too.")
    if base_ref is not None and resume is not None:
        raise UsageError(
            "--base-ref does not go with --resume: what is compared is measured side by side", remedy="Begin anew."
        )
