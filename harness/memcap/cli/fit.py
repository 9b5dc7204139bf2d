"""``memcap fit``: how small can the cap be?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.output import echo, emit
from memcap.cli.quantities import SIZE
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents
from memcap.cli.subject import Asked, subject_options

if TYPE_CHECKING:
    from memcap.cli.subject import Subject
    from memcap.fit import Goal, Reference, Trial
    from memcap.report.fit import FitReport

_MIB = 1024 * 1024
_PAGE = 4096
_USUAL_RUNS = 16  # of a program that lives on anonymous memory: six to find the cap, seven to time it, three from cold
_WITHOUT_MEMORY_BYTES = 1024 * _MIB  # as good as no cap, where the daemon does not say how much it has


def _share(_: click.Context, __: click.Parameter, value: str) -> float:
    """Return a share such as ``15%`` as a fraction."""
    try:
        share = float(value.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not value.endswith("%") or not 0 <= share <= 10:
        raise click.BadParameter(f"{value!r} is not a share; write it like 15%")
    return share


@click.command("fit", cls=NamesBeforeDashes, short_help="Find the smallest cap that a workload can live with.")
@subject_options(
    cap="What counts as no cap.  [default: half of the daemon's memory]",
    time_limit="After which a run without a cap is ended.",
)
@click.option("--resolution", default="1MiB", show_default=True, type=SIZE, help="How exactly.")
@click.option(
    "--slowdown", type=click.FloatRange(min=1, min_open=True), default=1.25, show_default=True,
    help="How many times slower than without a cap it may be.",
)  # fmt: skip
@click.option(
    "--time-lost", callback=_share, metavar="SHARE", default="2%", show_default=True,
    help="What it may lose of its time with the comfortable cap.",
)  # fmt: skip
@click.option("--precise", is_flag=True, help="Time the comfortable cap until that is 95 % sure.")
@click.option(
    "--max-runs", type=click.IntRange(min=1),
    help="Runs of the search, without those that are timed and those that start from cold.  [default: 12; 24 if runs "
    "with the same cap end differently]",
)  # fmt: skip
@click.option(
    "--headroom",
    callback=_share,
    metavar="SHARE",
    default="15%",
    show_default=True,
    help="To recommend above the minimum.",
)
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Also write fit.json, fit.md, index.html and charts there.")  # fmt: skip
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    asked: Asked,
    resolution: str,
    slowdown: float,
    time_lost: float,
    precise: bool,
    max_runs: int | None,
    headroom: float,
    output: Path | None,
    reports: tuple[Wanted, ...],
    as_json: bool,
) -> None:
    """Find the smallest memory cap that a cell or a command can live with, and the one it does not notice.

    It is run with as good as no cap, three times; then under caps near what could not be taken back
    (unreclaimable_peak), closer and closer. A cap is good enough if the workload ends as it should, and is not slower
    than --slowdown allows. What was found is confirmed by repeating it. The comfortable cap costs no time. What is
    recommended is tried from a cold start, as on a machine where the image has never run.

    \b
    Examples:
      memcap fit my/prod:1.4 -- python app.py
      memcap fit agents.crew_backed-py312-256m
      memcap fit my/prod:1.4 --resolution 8MiB --slowdown 1.1 --output fitted -- python app.py
      memcap fit --image my/prod:1.4 --headroom 30% --json
    """
    from dataclasses import replace

    from memcap.report.fit import fit_document
    from memcap.report.fit_json import render_fit_json

    goal = replace(_goal(resolution, slowdown, max_runs), time_lost=time_lost, precise=precise)
    subject = asked.find()
    ceiling = subject.cell.cap.bytes if asked.cap else None
    report = fit_subject(subject, goal, headroom=headroom, ceiling_bytes=ceiling)
    if output is not None:
        from memcap.report.fit_files import write_fit

        for path in write_fit(report, output):
            echo(f"wrote {path}", err=True)
    document = fit_document(report)
    write_documents(document, reports)
    if as_json:
        emit(render_fit_json(report))
    else:
        print_document(document)


def fit_subject(subject: Subject, goal: Goal, *, headroom: float, ceiling_bytes: int | None) -> FitReport:
    """Return the fit of ``subject``; if it does not end well even without a cap, print how it ended, and exit.

    Raises as `execute` does.
    """
    from dataclasses import replace

    from memcap.calibration import measure_page_cost
    from memcap.campaign import Campaign
    from memcap.cli.execute import Order, made_ready, new_campaign
    from memcap.cli.progress import say
    from memcap.cli.verdict import conclude_unjudged
    from memcap.fit import recommend
    from memcap.fit.driving import (
        confirm_cold,
        jobs_beside,
        measure_uncapped,
        reference_of,
        search_caps,
        uncapped,
    )
    from memcap.model import Plan
    from memcap.report.fit import FitReport
    from memcap.report.fit_words import name_of

    campaign_id, started = new_campaign("fit")
    cell = uncapped(subject.cell, ceiling_bytes or goal.floor_bytes)
    order = Order(
        plan=Plan(profile="fit", cells=(cell,), runs=1, warmups=1),
        suites=subject.suites,
        policy=subject.policy,
        time_limit_seconds=subject.time_limit_seconds,
        id=campaign_id,
        started=started,
    )
    with made_ready(order) as (engine, layers):
        machine = engine.environment()
        if ceiling_bytes is None:
            cell = uncapped(subject.cell, (machine.memory_bytes or 2 * _WITHOUT_MEMORY_BYTES) // 2 // _MIB * _MIB)
        settings = subject.settings(campaign=campaign_id, started=started, jobs=machine.cpus or 1)
        say(f"{name_of(subject.name)}: first measurement, with a cap of {_size(cell.cap.bytes)}")
        campaign = Campaign(replace(order.plan, cells=(cell,)), engine=engine, layers=layers, settings=settings)
        first = measure_uncapped(campaign, cell)
        if not first.is_as_expected:
            conclude_unjudged(first.result)  # it fails as it is: that comes first
        reference = reference_of(first, machine)
        need, peak = _size(reference.need_bytes), _size(reference.peak_bytes)
        say(f"it holds {need} that cannot be taken back, and {peak} in all")
        goal = replace(goal, jobs=jobs_beside(first, reference, machine))
        if any(trial.stall_seconds is None for trial in reference.trials):  # no PSI
            (layer,) = layers.values()
            goal = replace(goal, page_cost=measure_page_cost(engine, layer, settings))
        telling = _Telling(reference)
        fit = search_caps(campaign, first, reference, goal, tell=telling)
        advice = recommend(fit, headroom=headroom)
        say(f"from a cold start, with {_size(advice.limit_bytes)}")
        cold, advice = confirm_cold(campaign, first, fit, advice, tell=telling)
    (facts,) = first.result.images.values()
    return FitReport(
        id=campaign_id,
        started=started,
        subject=subject.name,
        image=facts,
        environment=machine,
        fit=fit,
        recommendation=advice,
        cold=cold,
        caveats=tuple(
            caveat for run in first.measured.runs for caveat in run.caveats if caveat.kind.decides(judged=False)
        ),
    )


class _Telling:
    """Say each run in a line, and about how long the rest takes: a search does not know how many runs it will be."""

    def __init__(self, reference: Reference) -> None:
        import time

        self._reference = reference
        self._count = 0
        self._clock = time.monotonic
        self._started = time.monotonic()

    def __call__(self, trial: Trial) -> None:
        from memcap.cli.progress import say
        from memcap.units import format_seconds

        self._count += 1
        passed = self._clock() - self._started
        left = max(_USUAL_RUNS - self._count, 1) * passed / self._count
        size = "no cap" if trial.cap_bytes >= self._reference.cap_bytes else _size(trial.cap_bytes)
        took, usual = "", self._reference.seconds
        if trial.survived and trial.seconds is not None and usual:
            took = f", {trial.seconds / usual:.2f} times as long" + ("" if trial.alone else " beside another")
        say(f"[{self._count}, about {format_seconds(left)} left] {size}: {trial.ending.value}{took}")


def _goal(resolution: str, slowdown: float, max_runs: int | None) -> Goal:
    """Return what was asked for. Raises SizeError, and UsageError for a resolution of no whole number of pages."""
    from memcap.errors import UsageError
    from memcap.fit import Goal
    from memcap.units import parse_bytes

    size = parse_bytes(resolution)
    if size < _PAGE or size % _PAGE:
        raise UsageError(
            f"--resolution {_size(size)} is not a whole number of pages of 4 KiB",
            remedy="1MiB is usual; what a run needs scatters by some 100 KiB anyway.",
        )
    if max_runs is None:
        return Goal(resolution_bytes=size, slowdown=slowdown)
    return Goal(resolution_bytes=size, slowdown=slowdown, max_runs=max_runs, max_runs_if_steady=max_runs)


def _size(size: int) -> str:
    from memcap.units import format_bytes

    return format_bytes(size)
