"""``memcap measure``: measure any command in any image, with no file at all."""

from __future__ import annotations

from pathlib import Path

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.container_options import ContainerOptions, container_options
from memcap.cli.quantities import SIZE, TIME
from memcap.cli.reports import Reports, Wanted, report_option, show_output_option
from memcap.cli.subject import no_thp_option


@click.command("measure", cls=NamesBeforeDashes, short_help="Measure any command in any image.")
@click.argument("image")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD ARGS...]")
@click.option(
    "-c", "--cap", "caps", multiple=True, default=("1g",), show_default=True, type=SIZE, help="May be repeated."
)
@click.option(
    "-n", "--runs", type=click.IntRange(min=1), help="Runs, one container each.  [default: 5; 10 with --tune]"
)
@click.option("--warmups", type=click.IntRange(min=0), default=1, show_default=True, help="Discarded runs before them.")
@click.option("--time-limit", default="10min", show_default=True, type=TIME, help="After which a run is ended.")
@container_options
@no_thp_option
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Containers at once.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Also save the result there.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@click.option("--cold", is_flag=True, help="Drop the image's files from the page cache before each run; no warm-ups.")
@click.option("--tune", is_flag=True, help="Try settings that may make the figures scatter less, and say which do.")
@report_option
@show_output_option
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON.")
@click.option("--verbose", is_flag=True, help="Print every metric of every cell, and every caveat.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    image: str,
    argv: tuple[str, ...],
    caps: tuple[str, ...],
    runs: int | None,
    warmups: int,
    time_limit: str,
    container_options: ContainerOptions,
    no_thp: bool,
    jobs: int,
    output: Path | None,
    force: bool,
    cold: bool,
    tune: bool,
    wanted: tuple[Wanted, ...],
    show_output: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Measure the command CMD in IMAGE: peak memory and OOM kills over repeated runs in fresh containers.

    IMAGE is any reference (my/prod:1.4), or an image of this project (py312). Without CMD the image's own command
    is run; its ENTRYPOINT is kept, as `docker run` does. The IMAGE `host` is this Linux machine without Docker: CMD is
    run as a plain process in the current folder, and every result says so.

    \b
    Examples:
      memcap measure python:3.12-slim --cap 128m -- python -c 'list(range(10**6))'
      memcap measure host --cap 128m -- python -c 'list(range(10**6))'
      memcap measure my/prod:1.4 -c 256m -c 512m --runs 10 --json -- python app.py
      memcap measure my/prod:1.4 --show-output --runs 1 -- python app.py
      memcap measure my/prod:1.4 --cold -- python app.py       as the first start after a deployment
      memcap measure my/prod:1.4 --tune --runs 20 -- python app.py
    """
    from memcap.cli.execute import Order, execute, new_campaign
    from memcap.cli.result_file import refuse_overwriting, reserved
    from memcap.cli.subject import command_cell, find_image, parse_cap, without_huge_pages
    from memcap.cli.verdict import conclude_unjudged
    from memcap.model import ContainerPolicy, Plan
    from memcap.plan import cold_plan
    from memcap.store import save_result
    from memcap.units import parse_seconds

    if output is not None:
        refuse_overwriting(output, allowed=force)
    source = find_image(image)
    cells = tuple(command_cell(source, argv, cap) for cap in map(parse_cap, dict.fromkeys(caps)))
    policy = container_options.applied_to(ContainerPolicy())
    campaign, started = new_campaign("measure")
    if no_thp:
        cells = tuple(map(without_huge_pages, cells))
    plan = Plan(profile="measure", cells=cells, runs=runs or (10 if tune else 5), warmups=warmups)
    order = Order(
        plan=cold_plan(plan) if cold else plan,
        suites={},
        policy=policy,
        time_limit_seconds=parse_seconds(time_limit),
        id=campaign,
        started=started,
        jobs=jobs,
        keep_output=show_output,
    )
    if tune:
        from memcap.cli.tuning import conclude_tuning

        is_alone = not (cold or no_thp) and output is None
        conclude_tuning(order, is_alone=is_alone, wanted=wanted, as_json=as_json)
    with reserved(output, force=force):
        result = execute(order, save=lambda _: None, kept_in=None)
        if output is not None:
            save_result(result, output, overwrite=True)
    reports = Reports(wanted=wanted)
    conclude_unjudged(result, measurements=as_json, verbose=verbose, show_output=show_output, reports=reports)
