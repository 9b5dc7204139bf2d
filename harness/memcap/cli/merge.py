"""``memcap merge``: the results of all shards as one result, judged once."""

from __future__ import annotations

import click

from memcap.cli.option_groups import filled
from memcap.cli.progress import say
from memcap.cli.quantities import ANY_PATH, FILE
from memcap.cli.reports import allow_new_option, report_option, show_output_option
from memcap.cli.selection import project_option
from memcap.cli.verdict import Printing, conclude
from memcap.workflows.merge_options import MergeOptions


@click.command("merge")
@click.argument("results", nargs=-1, required=True, type=ANY_PATH, metavar="RESULT...")
@click.option("-o", "--output", type=FILE, help="The result file to write; by default one in results/.")
@click.option("--force", is_flag=True, help="Replace the result file if it exists.")
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Merge shards of machines that differ in kernel, CPU, system or version of the engine.",
)
@allow_new_option
@report_option
@show_output_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print every metric of every cell, and every caveat.")
@filled(options=MergeOptions, printing=Printing)
def command(options: MergeOptions, printing: Printing) -> None:
    """Merge the RESULTs of all shards (memcap run --shard N/COUNT) into one, and judge it as `memcap check` does.

    RESULTs are files, or folders of them. They must be all shards of one campaign: one plan, one command, one commit.
    With --base-ref, the result of each base is found next to that of its shard.

    Shards that were measured in unlike environments are refused, with the reason. --allow-mixed lets kernel, CPU,
    operating system and version of the engine differ. Architecture, cgroup version, images and the version of memcap
    must be the same.

    Exits as `memcap check` does: 0, or the code of the worst verdict. A missing shard is 95, other wrong files are 2.

    \b
    Examples:
      memcap merge shards/*.json -o results/all.json
      memcap merge shards --report html=memory.html --report junit=memory.xml
      memcap merge shards --allow-mixed            runners of a service are rarely all alike
    """
    from memcap.workflows.merge import merge_shards

    conclude(merge_shards(options, say), printing)
