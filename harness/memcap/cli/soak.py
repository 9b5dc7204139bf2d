"""``memcap soak``: run a workload for minutes up to days, and say whether it leaks."""

from __future__ import annotations

from pathlib import Path

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.container_options import container_options
from memcap.cli.option_groups import filled
from memcap.cli.output import emit
from memcap.cli.progress import caller, say
from memcap.cli.quantities import FOLDER, SIZE, Quantity
from memcap.cli.reports import Wanted, document_report_option, metrics_port_option, print_document
from memcap.cli.selection import project_option
from memcap.cli.serving_options import serving_options
from memcap.cli.soak_printer import SoakPrinter, endpoint_at
from memcap.cli.subject import no_thp_option
from memcap.workflows.contradictions import refuse_contradictions
from memcap.workflows.soak_options import SoakOptions, parse_duration

_START = "start"  # the command that has no name of its own
_TIME = Quantity("time", parse_duration)

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_name = click.argument("name", required=False, metavar="[ID]")
_output = click.option(
    "-o", "--output", type=FOLDER, metavar="DIR", help="Write there.  [default: results/soaks/ID]"
)  # fmt: skip

_metrics_port = metrics_port_option("while this client follows the soak")


class SoakGroup(click.Group):
    """The group of ``memcap soak``: what names no command of it starts a soak."""

    def completed(self, args: list[str]) -> list[str]:
        """Return ``args`` with the name of the command that starts a soak, where it is left out."""
        return args if args and args[0] in self.commands else [_START, *args]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as any group does."""
        return super().parse_args(ctx, self.completed(args))


@click.group("soak", cls=SoakGroup)
def command() -> None:
    """Run a workload for minutes up to days, and say whether it leaks."""


class _StartContext(click.Context):
    @property
    def command_path(self) -> str:
        """Return the words that lead here, without the name of the command, which nobody types."""
        return self.parent.command_path if self.parent else super().command_path


class _Start(NamesBeforeDashes):
    context_class = _StartContext


@command.command(_START, cls=_Start, hidden=True)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="CELL | IMAGE [-- CMD ARGS...]")
@click.option(
    "-i", "--image", metavar="IMAGE",
    help="The image; all words are the command then. With a CELL: its image, as REFERENCE or NAME=REFERENCE.",
)  # fmt: skip
@click.option("--duration", type=_TIME, help="How long to soak.  [default: 1h; 5min with --quick]")
@click.option(
    "--interval", type=_TIME, help="How often a sample is shown.  [default: 60s, or 20 times if that is more]",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Soak for 5 minutes, with a sample every 15 seconds.")
@click.option("-c", "--cap", type=SIZE, help="Instead of the cell's cap.  [default of a command: 1g]")
@click.option(
    "--max-rss", type=SIZE,
    help="End the soak when the resident memory of all processes is above it.  [default: 512MB; none with --cap]",
)  # fmt: skip
@click.option(
    "--leak-threshold", type=SIZE, default="50MB", show_default=True,
    help="Of the usual rule, growth from the first to the last tenth, which is printed beside the verdict.",
)  # fmt: skip
@click.option("--rate", type=float, default=1.0, show_default=True, help="Simulated hours in an hour.")
@click.option("--tracemalloc", is_flag=True, help="Say which lines of Python allocated what still lives at the end.")
@click.option(
    "--frames", type=click.IntRange(min=1, max=100), default=25, show_default=True,
    help="How many callers tracemalloc notes.",
)  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=20, show_default=True, help="Lines to print of them.")
@click.option("--gc", is_flag=True, help="Collect Python's garbage before each sample.")
@click.option(
    "--explain", is_flag=True,
    help="Go on for a fifth of the time, and say what grows in Python and who holds it. That time is not judged.",
)  # fmt: skip
@click.option(
    "--memray", is_flag=True,
    help="Also run a twin under memray, 10 minutes at most, which sees what compiled code allocates.",
)  # fmt: skip
@click.option("--detach", is_flag=True, help="Start the soak, print its ID, and leave it running.")
@_output
@container_options
@no_thp_option
@serving_options
@project_option
@_metrics_port
@document_report_option
@_json
@filled(options=SoakOptions)
def start(
    options: SoakOptions, detach: bool, metrics_port: int | None, reports: tuple[Wanted, ...], as_json: bool
) -> None:
    """Run a workload for minutes up to days, and say whether it leaks.

    A generator is stepped, a function called again and again, a command run, and with --serve a server loaded with
    requests, in one container under its cap. The verdict is of the memory that cannot be reclaimed: warm-up is left
    out, a cache that is full is no leak, and it says how small a leak this soak would have shown.

    The soak goes on when this terminal is closed or this client killed; `memcap soak attach` finds it then. Ctrl-C ends
    it, and what there is until then is judged.

    Exit codes: 0 no leak, 100 a leak, 94 not enough data, 97 killed at its cap or over --max-rss, 96 the workload
    failed, 95 infrastructure.

    \b
    Commands:
      memcap soak list            the soaks on this daemon
      memcap soak status [ID]     what one has shown until now
      memcap soak attach [ID]     follow it, and report when it ends
      memcap soak stop [ID]       end it now, and report

    \b
    Examples:
      memcap soak my/prod:1.4 --quick -- python worker.py
      memcap soak streams.sustained-py312-128m --duration 10min
      memcap soak my/prod:1.4 --duration 1h --explain -- python worker.py     who holds what it leaks?
      memcap soak my/prod:1.4 --duration 8h --metrics-port 9464 -- python worker.py     for Prometheus
      memcap soak my/api:2.0 --duration 24h --cap 1g --detach --serve --ready http://localhost:8000/health \\
          --load 'GET /items/{1..500} rate=20' -- uvicorn app:app
    """
    from memcap.workflows.soak import begin_soak
    from memcap.workflows.soak_follow import see_it_begin
    from memcap.workflows.soak_saving import FOLDER, refuse_unfit_folder
    from memcap.workflows.soak_twin import Twin

    _refuse_to_detach(options, detach=detach, metrics_port=metrics_port)
    options = options.with_load_time()
    refuse_unfit_folder(options.output or FOLDER)
    endpoint = endpoint_at(metrics_port)  # before anything is started
    who = caller()
    name = begin_soak(options, who)
    twin = Twin(options, (options.output or FOLDER / name) / "memray", who) if options.memray else None
    if detach:
        see_it_begin(name, who)
        say(f"the soak goes on; to follow it: memcap soak attach {name}")
        emit(f"{name}\n")
        return
    say(f"soak {name}: it goes on if this client ends; then: memcap soak attach {name}")
    if twin is not None:
        twin.start()
    printer = SoakPrinter(reports=reports, as_json=as_json, output=options.output, twin=twin, endpoint=endpoint)
    printer.follow(name, stops=True)


def _refuse_to_detach(options: SoakOptions, *, detach: bool, metrics_port: int | None) -> None:
    """Raise UsageError where the client is to leave, and is needed."""
    refuse_contradictions(
        (
            (detach and options.memray, "--memray needs this client until the end", "Leave out --detach, or --memray."),
            (
                detach and metrics_port is not None,
                "--metrics-port needs this client until the end",
                "Leave out --detach; or later: memcap soak attach ID --metrics-port PORT",
            ),
        )
    )


@command.command("list")
@_json
def list_command(as_json: bool) -> None:
    """List the soaks that the daemon has, running or ended."""
    from memcap.report.soak_list import list_document, list_json
    from memcap.workflows.soak_follow import list_soaks

    soaks, verdicts = list_soaks()
    if as_json:
        emit(list_json(soaks, verdicts))
    else:
        print_document(list_document(soaks, verdicts))


@command.command("status")
@_name
@document_report_option
@_json
def status(name: str | None, reports: tuple[Wanted, ...], as_json: bool) -> None:
    """Say what a soak has shown until now; ID may be left out where there is only one."""
    from memcap.workflows.soak_follow import soak_so_far

    outcome = soak_so_far(name)
    if not outcome.is_running:
        say(f"it has ended; to save its report: memcap soak attach {outcome.id}")
    SoakPrinter(reports=reports, as_json=as_json).show(outcome)


@command.command("attach")
@_name
@_output
@_metrics_port
@document_report_option
@_json
def attach(
    name: str | None, output: Path | None, metrics_port: int | None, reports: tuple[Wanted, ...], as_json: bool
) -> None:
    """Follow a soak, and report when it ends; Ctrl-C leaves it running. One that has ended is reported at once."""
    endpoint = endpoint_at(metrics_port)
    SoakPrinter(reports=reports, as_json=as_json, output=output, endpoint=endpoint).follow(name, stops=False)


@command.command("stop")
@_name
@_output
@document_report_option
@_json
def stop(name: str | None, output: Path | None, reports: tuple[Wanted, ...], as_json: bool) -> None:
    """End a soak now, and report what it has shown."""
    SoakPrinter(reports=reports, as_json=as_json, output=output).stop(name)
