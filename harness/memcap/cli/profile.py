"""``memcap profile``: which lines allocate, in the user's own image and under its cap."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.output import emit
from memcap.cli.quantities import TIME
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents
from memcap.cli.subject import Asked, subject_options

if TYPE_CHECKING:
    from memcap.cli.subject import Subject
    from memcap.instruments.launching import Instrument
    from memcap.model import AllocationProfile, Ending

ARTEFACTS = "record"  # in the output folder: the tool's own record and reports


@click.command("profile", cls=NamesBeforeDashes, short_help="Say which lines allocate, inside the container.")
@subject_options(cap="Instead of the cell's cap.  [default of a command: 1g]", time_limit="After which a run is ended.")
@click.option("--container", metavar="NAME", help="Attach to a container that runs already, where it allows that.")
@click.option("--duration", type=TIME, help="How long to stay attached.  [default: 30s]")
@click.option("--native", is_flag=True, help="Follow compiled code, too (memray).")
@click.option("--follow-fork", is_flag=True, help="Record child processes, too.")
@click.option("--tracemalloc", is_flag=True, help="Use Python's own tracemalloc, which every CPython has.")
@click.option(
    "--frames", type=click.IntRange(min=1, max=100), default=16, show_default=True,
    help="How many callers tracemalloc notes.",
)  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Lines to print.")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write there.  [default: results/profiles/ID]")  # fmt: skip
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    asked: Asked,
    container: str | None,
    duration: str | None,
    native: bool,
    follow_fork: bool,
    tracemalloc: bool,
    frames: int,
    top: int,
    output: Path | None,
    reports: tuple[Wanted, ...],
    as_json: bool,
) -> None:
    """Run a cell or a command once with memray in its image, and say which lines allocated what lived at the peak.

    Nothing of the image is changed, and the container needs no network: memray goes in as a layer on top. The cap is
    raised by what it needs; it is run without it first, to say what it took. All figures are PROFILED ones: they are
    never judged, and never baselines. If the profiled run did not end as expected, the end of its output is shown, and
    the exit code is that of `memcap measure`: 96 for a failure, 97 for an OOM kill.

    \b
    Examples:
      memcap profile streams.sustained_leaky-py312-128m
      memcap profile my/prod:1.4 --cap 512m -- python app.py
      memcap profile --image my/prod:1.4 --follow-fork -- gunicorn app:app
      memcap profile --image my/prod:1.4 --native -- pytest tests/test_load.py::test_rows
      memcap profile my/alpine:3 --tracemalloc -- python app.py      where memray has no wheel
      memcap profile --container web --duration 1min                 with gdb and SYS_PTRACE in it
    """
    from memcap.cli.attach import DEFAULT_SECONDS, profile_container
    from memcap.cli.execute import new_campaign
    from memcap.errors import UsageError
    from memcap.instruments.launching import Instrument
    from memcap.model import ProfileTool
    from memcap.report.profile import profile_document
    from memcap.report.profile_json import profile_json
    from memcap.units import parse_seconds

    if tracemalloc and native:
        raise UsageError("tracemalloc knows nothing of compiled code", remedy="Leave out --native, or --tracemalloc.")
    campaign, started = new_campaign("profile")
    folder = output or Path("results") / "profiles" / campaign

    def show(profile: AllocationProfile) -> None:
        written = write_reports(profile, folder, top=top)
        document = profile_document(profile, top=top, where=f"{folder} ({', '.join(written)})")
        write_documents(document, reports)
        if as_json:
            emit(profile_json(profile, top=top, where=str(folder)))
        else:
            print_document(document)

    if container is not None:
        if asked != Asked(root=asked.root) or native or follow_fork or tracemalloc:
            raise UsageError(
                "a container that runs already has its command, cap and environment, and one process of it is "
                "attached to",
                remedy="Use --container with --duration, --top, --output and --json alone.",
            )
        profile = profile_container(
            container,
            seconds=parse_seconds(duration) if duration else DEFAULT_SECONDS,
            campaign=campaign,
            started=started,
            folder=folder,
            artefacts=folder / ARTEFACTS,
        )
        show(profile)
        return
    if duration is not None:
        raise UsageError("--duration says how long to stay attached", remedy="Use it with --container NAME.")
    tool = ProfileTool.TRACEMALLOC if tracemalloc else ProfileTool.MEMRAY
    instrument = Instrument(tool=tool, native=native, follows_fork=follow_fork, frames=frames)
    subject = asked.find()
    profile = profile_subject(subject, instrument, campaign=campaign, started=started, folder=folder)
    show(profile)
    raise SystemExit(exit_code(profile, subject.cell.expected_ending))


def exit_code(profile: AllocationProfile, expected: Ending) -> int:
    """Return 0 if the profiled run ended as expected, else what `memcap measure` would say of such a run."""
    from memcap.judge import EXIT_CODES
    from memcap.judge.endings import state_of

    return 0 if profile.ending is expected else EXIT_CODES[state_of(profile.ending, expected)]


def profile_subject(
    subject: Subject,
    instrument: Instrument,
    *,
    campaign: str,
    started: str,
    folder: Path,
    with_reports: bool = True,
) -> AllocationProfile:
    """Return the profile of ``subject``, with the tool's own record and, if wanted, its reports in ``folder``.

    Raises FileExistsAlready for a folder with something in it, PlanError for this machine itself as the image,
    BuildError where the instrument cannot be had for the image, and what engines raise.
    """
    from contextlib import closing

    from memcap.cli.execute import docker_engine, recording, refuse_filled, refuse_infeasible, refuse_missing_parts
    from memcap.cli.progress import say
    from memcap.engine.docker_client import connect, environment
    from memcap.errors import PlanError
    from memcap.images.instrumented import build_instrumented
    from memcap.images.prepare import prepare_layers
    from memcap.images.this_machine import HOST
    from memcap.instruments.profiling import Named, take_profile
    from memcap.instruments.session import Session
    from memcap.model import Plan
    from memcap.redaction import Redaction

    if subject.cell.image == HOST:
        raise PlanError(
            "a profile is made in a container; this machine itself has none",
            remedy="Name an image, or run `memray run` here by yourself.",
        )
    refuse_filled(folder)
    plan = Plan(profile="profile", cells=(subject.cell,), runs=1, warmups=0)
    settings = subject.settings(campaign=campaign, started=started)
    with closing(connect()) as client:
        refuse_infeasible(plan, subject.policy, environment(client))
        refuse_missing_parts(client, (subject.policy,))
        (layer,) = prepare_layers(client, plan, subject.suites, say=say).values()
        with_tool = build_instrumented(client, layer, instrument.tool, say=say)
        artefacts = folder / ARTEFACTS
        with recording(artefacts), docker_engine(client, campaign, (subject.policy,)) as engine:
            profile = take_profile(
                Session(engine, subject.cell, layer, settings, say=say),
                instrument,
                with_tool,
                named=Named(id=campaign, started=started, subject=subject.name, cap_bytes=subject.cell.cap.bytes),
                artefacts=artefacts,
                say=say,
                with_reports=with_reports,
            )
    return Redaction(subject.policy.secrets).tree(profile)


def write_reports(profile: AllocationProfile, folder: Path, *, top: int) -> tuple[str, ...]:
    """Write profile, tree, page, chart, and the end of what a run printed that did not complete, to ``folder``.

    Return what is in the folder then.
    """
    from memcap.report.profile import memory_chart, profile_document, report_links
    from memcap.report.profile_tree import render_tree
    from memcap.report.svg import standalone
    from memcap.report.to_html import to_html
    from memcap.store import save_profile
    from memcap.store.files import write_atomically
    from memcap.store.profiles import PROFILE_FILE

    save_profile(profile, folder / PROFILE_FILE)
    write_atomically(folder / "tree.txt", render_tree(profile), overwrite=True)
    if profile.output_tail:
        write_atomically(folder / "output.txt", profile.output_tail + "\n", overwrite=True)
    page = to_html(profile_document(profile, top=top, links=report_links(profile, folder, ARTEFACTS)))
    write_atomically(folder / "index.html", page, overwrite=True)
    if chart := memory_chart(profile):
        write_atomically(folder / "memory.svg", standalone(chart.drawing), overwrite=True)
    return tuple(sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()))
