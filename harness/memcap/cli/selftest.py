"""``memcap selftest``: the same code twice, and what the gate makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo, emit
from memcap.cli.quantities import SIZE
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents

if TYPE_CHECKING:
    from memcap.model import CampaignResult, Config

_RESULT = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

# 64 MiB of touched memory, held long enough to be seen: what deterministic code looks like.
_HELD = ("python3", "-c", "import time; block = b'x' * (64 << 20); time.sleep(0.1)")
_SUITE_SIZE = 20


@click.command("selftest", short_help="Say how often the gate errs on this machine.")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD ARGS...]")
@click.option("-i", "--image", metavar="IMAGE", help="The image to run in; by default the project's last by name.")
@click.option("-c", "--cap", default="512m", show_default=True, type=SIZE, help="The cap of the containers.")
@click.option("-n", "--runs", type=click.IntRange(min=2), default=40, show_default=True, help="Runs to draw from.")
@click.option("--from", "source", type=_RESULT, metavar="RESULT", help="Draw from this result; measure nothing.")
@click.option(
    "--sample", type=click.IntRange(min=2), default=10, show_default=True, help="Runs on each side of a comparison."
)
@click.option(
    "--cells", type=click.IntRange(min=1), help=f"Cells of a suite.  [default: {_SUITE_SIZE}, or all of RESULT if more]"
)
@click.option("--resamplings", type=click.IntRange(min=1), default=1000, show_default=True, help="Suites to judge.")
@click.option("-C", "--project", "root", type=_FOLDER, metavar="DIR", help="The project, whose tolerances are used.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Save what was measured there.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    argv: tuple[str, ...],
    image: str | None,
    cap: str,
    runs: int,
    source: Path | None,
    sample: int,
    cells: int | None,
    resamplings: int,
    root: Path | None,
    output: Path | None,
    force: bool,
    reports: tuple[Wanted, ...],
    as_json: bool,
) -> None:
    """Measure the same code again and again, and say how often the gate would err.

    The runs are split by lot into "before" and "after", judged as a whole suite, a thousand times: whatever is found is
    a false alarm. Then one cell's figures are raised by 0.5, 1 and 3 percent, and it is counted how often that is
    found. docs/statistics.md explains the rule and has figures.

    \b
    Examples:
      memcap selftest
      memcap selftest --image py312 --runs 80 --output aa.json
      memcap selftest --image my/prod:1.4 -- python app.py
      memcap selftest --from aa.json --json
      memcap selftest --from results/nightly.json --sample 5
    """
    from memcap.cli.selection import project_or_defaults
    from memcap.errors import UsageError
    from memcap.report.selftest import render_selftest_json, selftest_document
    from memcap.selftest import material, selftest, smallest_sample
    from memcap.store import load_result
    from memcap.units import counted

    config = project_or_defaults(root)
    least = smallest_sample(config.rules)
    if sample < least:
        raise UsageError(f"the gate says nothing of samples of {sample} runs", remedy=f"Use --sample {least} or more.")
    if source is None:
        if runs < 2 * sample:
            raise UsageError(
                f"two samples of {sample} runs cannot be drawn from {runs}", remedy=f"Use --runs {2 * sample} or more."
            )
        result = _measure(config, argv, image=image, cap=cap, runs=runs, output=output, force=force)
    elif argv or image or output:
        raise UsageError("--from measures nothing", remedy="Leave out --image, --output and the command.")
    else:
        result = load_result(source)
    found = [material(cell, config.rules) for cell in result.cells]
    enough = [each for each in found if each.runs >= 2 * sample]
    if not enough:
        most = max((each.runs for each in found), default=0)
        raise UsageError(
            f"no cell has two samples of {sample} runs that can be judged; the most are {counted(most, 'run')}",
            remedy=f"Use --sample {most // 2}." if most >= 2 * least else f"Measure with --runs {2 * sample}.",
        )
    usual = max(_SUITE_SIZE, len(enough))
    tested = selftest(enough, config.rules, sample_size=sample, suite_size=cells or usual, resamplings=resamplings)
    promised = config.rules.false_alarms
    found_document = selftest_document(tested, false_alarms=promised)
    write_documents(found_document, reports)
    if as_json:
        emit(render_selftest_json(tested, false_alarms=promised))
        return
    print_document(found_document)
    if len(enough) < len(found):
        left_out = counted(len(found) - len(enough), "cell")
        echo(f"Left out: {left_out}, with fewer than {2 * sample} runs that can be judged.")


def _measure(  # noqa: PLR0913 - what the command line says
    config: Config, argv: tuple[str, ...], *, image: str | None, cap: str, runs: int, output: Path | None, force: bool
) -> CampaignResult:
    """Run the workload ``runs`` times; exit with its code if it does not end as it should."""
    from memcap.cli.execute import Order, execute, new_campaign
    from memcap.cli.result_file import refuse_overwriting, reserved
    from memcap.cli.subject import find_image
    from memcap.cli.verdict import conclude_unjudged
    from memcap.errors import UsageError
    from memcap.model import Benchmark, Cap, Cell, CommandWorkload, ContainerPolicy, Ending, Plan
    from memcap.store import save_result
    from memcap.units import parse_bytes

    if output is not None:
        refuse_overwriting(output, allowed=force)
    if image is None and not config.images:
        raise UsageError("the project has no images", remedy="Name one: --image python:3.12-slim")
    source = find_image(image) if image is not None else config.images[max(config.images)]
    workload = CommandWorkload(argv=argv or _HELD)
    benchmark = Benchmark(suite="selftest", name="command" if argv else "held_64m", workload=workload)
    cell = Cell(benchmark=benchmark, image=source, cap=Cap(name=cap.lower(), bytes=parse_bytes(cap)))
    campaign, started = new_campaign("selftest")
    order = Order(
        plan=Plan(profile="selftest", cells=(cell,), runs=runs, warmups=1),
        suites={},
        policy=ContainerPolicy(),
        time_limit_seconds=config.run_time_limit_seconds,
        id=campaign,
        started=started,
        jobs=1,
    )
    with reserved(output, force=force):
        result = execute(order, save=lambda _: None, kept_in=None)
        if output is not None:
            save_result(result, output, overwrite=True)
    if any(run.ending is not Ending.COMPLETED for run in result.cells[0].runs):
        conclude_unjudged(result)
    return result
