"""``memcap run``: measure the cells of a plan, store the result, judge it against the baselines."""

from __future__ import annotations

from dataclasses import replace

import click

from memcap.cli.option_groups import filled
from memcap.cli.plan import show
from memcap.cli.progress import caller
from memcap.cli.quantities import FILE, SHARD, TIME
from memcap.cli.reports import allow_new_option, explain_option, report_option, show_output_option
from memcap.cli.selection import selection_options
from memcap.cli.verdict import Printing, conclude, conclude_unjudged
from memcap.workflows.options import RunOptions


@click.command("run")
@selection_options
@click.option("-o", "--output", type=FILE, help="The result file to write.")
@click.option("--force", is_flag=True, help="Replace the result file if it exists.")
@click.option(
    "--resume",
    type=FILE,
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
    help="Begin with few runs, give more to the cells whose verdict is open, and judge them again.",
)
@click.option(
    "--max-runs", type=click.IntRange(min=1), help="Up to so many of each cell; by default 4 times the profile's."
)
@click.option(
    "--max-total-runs",
    type=click.IntRange(min=1),
    help="Maximum runs of all cells together with --until-decided; by default as many as without it.",
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
    "--shard",
    type=SHARD,
    metavar="N/COUNT",
    help="Measure a part of the cells, such as 3/8 for the third of eight; `memcap merge` judges all parts.",
)
@click.option(
    "--durations",
    type=FILE,
    metavar="RESULT",
    help="Divide the cells by how long they took in this result, instead of when the baselines were accepted.",
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
@click.option("--accept", is_flag=True, help="Make baselines of the benchmarks that have none yet.")
@allow_new_option
@explain_option
@report_option
@show_output_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print every metric of every cell, and every caveat.")
@filled(options=RunOptions, printing=Printing)
def command(options: RunOptions, printing: Printing, dry_run: bool) -> None:
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
      memcap run --shard 3/8 -o shards/3.json      a part of it; then memcap merge shards/*.json
      memcap run --base-ref origin/main            what did this branch change?
      memcap run --base-ref main --explain         and in which lines?
      memcap run --image prod=shop/prod:1.1        the image `prod` in another version, by the same baselines
      memcap run --image prod=shop/prod:1.1 --base-ref main --base-image prod=shop/prod:1.0
    """
    from memcap.workflows.judging import unjudged
    from memcap.workflows.run import run
    from memcap.workflows.selection import plan_run

    calling = caller()
    if dry_run:
        planned = plan_run(options, calling.tell)
        show(planned.plan, planned.config, as_json=printing.as_json, output=options.resume or options.output)
        return
    ran = run(replace(options, keep_output=printing.show_output), calling)
    if ran.case is None:
        found = unjudged(ran.result, root=ran.config.root, time_is_up=ran.time_is_up)
        conclude_unjudged(found, printing, ran.config)
    conclude(ran.case, printing, accept=options.accept)
