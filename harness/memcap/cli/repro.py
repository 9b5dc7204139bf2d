"""``memcap repro``: make the OOM kill happen, and show who did it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.output import emit
from memcap.cli.reports import Wanted as Report
from memcap.cli.reports import document_report_option, print_document, write_documents
from memcap.cli.subject import Asked, subject_options

if TYPE_CHECKING:
    from memcap.cli.subject import Subject
    from memcap.repro.parts import Reproduction
    from memcap.repro.reproducing import Wanted

RECORD = "record"  # in the output folder: the recorder's own files
_KINDS = (
    ("flamegraph.html", "memray's flamegraph of the highest water mark"),
    ("temporal.html", "memray's flamegraph over time"),
    ("table.html", "memray's table of allocations"),
    ("stats.json", "memray's statistics"),
    ("capture-", "memray's capture, for `memray` itself"),
    ("stacks-", "stacks of all threads as faulthandler wrote them, at one of the last new heights"),
    ("last-", "the last allocation before the kill, as a literal of Python"),
    ("state-", "collector, objects and open files near the cap, as a literal of Python"),
)


@click.command("repro", cls=NamesBeforeDashes, short_help="Make the OOM kill happen, and show who did it.")
@subject_options(
    cap="Instead of the cell's cap.  [default of a command: 128m]", time_limit="After which a run is ended."
)
@click.option("-n", "--attempts", type=click.IntRange(min=1), default=3, show_default=True, help="Runs at the cap.")
@click.option("--lower", is_flag=True, help="If nothing is killed, lower the cap in steps until something is.")
@click.option("--escalate", metavar="NAME[=FIRST]",
              help="Double a load until something is killed: {NAME} in the command; of a cell cycles, duration or a "
              "parameter.")  # fmt: skip
@click.option("--native", is_flag=True, help="Follow compiled code, too.")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Lines to print.")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write there.  [default: results/repro/ID]")  # fmt: skip
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    asked: Asked,
    attempts: int,
    lower: bool,
    escalate: str | None,
    native: bool,
    top: int,
    output: Path | None,
    reports: tuple[Report, ...],
    as_json: bool,
) -> None:
    """Run a cell or a command at its cap, say how often the kernel kills it, and then once more with a flight recorder.

    The recorder (memray, or tracemalloc where memray has no wheel) notes allocations, and where all threads are at each
    new height of memory, in files that outlive the kill; the cap is raised by what it needs. Nothing of the image is
    changed. Of a command that is no Python the processes tell. Exit code 97 says that nothing was killed, 96 that it
    did not end well either.

    \b
    Examples:
      memcap repro streams.sustained_leaky-py312-128m
      memcap repro my/prod:1.4 --cap 256m -- python app.py
      memcap repro my/prod:1.4 --cap 256m --lower -- python app.py
      memcap repro my/prod:1.4 --escalate n=10 -- python app.py --requests '{n}'
      memcap repro streams.sustained_leaky-py312-128m --escalate streams=25
      memcap repro --image my/prod:1.4 --cap 1g --native -- gunicorn app:app
    """
    from memcap.cli.execute import new_campaign
    from memcap.errors import UsageError
    from memcap.redaction import Redaction
    from memcap.report.repro import repro_document
    from memcap.report.repro_json import repro_json
    from memcap.repro.load import find_escalation
    from memcap.repro.reproducing import Wanted

    if lower and escalate is not None:
        raise UsageError("--lower does not go with --escalate", remedy="Leave one of them out.")
    subject = asked.find(default_cap="128m")
    limit = subject.cell.benchmark.time_limit_seconds or subject.time_limit_seconds
    escalation = None
    if escalate is not None:
        escalation = find_escalation(escalate, subject.cell, time_limit_seconds=limit)
    campaign, started = new_campaign("repro")
    folder = output or Path("results") / "repro" / campaign
    wanted = Wanted(times=attempts, lower=lower, escalation=escalation, native=native)
    found = reproduce_subject(subject, wanted, campaign=campaign, started=started, folder=folder)
    hidden = Redaction(subject.policy.secrets)
    found = replace(found, again=hidden.text(again(found, asked, subject, native=native)))
    artefacts = write_all(found, folder, top=top)
    document = repro_document(found, top=top, where=str(folder))
    write_documents(document, reports)
    if as_json:
        emit(repro_json(found, top=top, where=str(folder), artefacts=artefacts))
    else:
        print_document(document)
    raise SystemExit(exit_code(found))


def again(found: Reproduction, asked: Asked, subject: Subject, *, native: bool) -> str:
    """Return the command line that reproduces a kill without the search for its load or its cap; empty without one."""
    import shlex

    from memcap.model import CommandWorkload
    from memcap.repro.load import loaded_words

    if not found.kills or (found.load is None and found.cap_bytes == found.asked_cap_bytes):
        return ""
    words = ["memcap", "repro", *(["--native"] if native else [])]
    workload = subject.cell.benchmark.workload
    if found.load is None:
        words += replace(asked, cap=f"{found.cap_bytes}b").retyped()
    elif isinstance(workload, CommandWorkload) and not subject.suites:
        words += asked.retyped(loaded_words(workload.argv, found.load))
    else:
        words += ["--escalate", str(found.load), *asked.retyped()]
    return shlex.join(words)


def exit_code(found: Reproduction) -> int:
    """Return 0 for a kill, 97 where it did not come, 96 where the workload did not even end well."""
    from memcap.judge import EXIT_CODES
    from memcap.model import Ending, VerdictState

    if found.kills:
        return 0
    did_its_work = found.attempts[-1].measurement.ending is Ending.COMPLETED
    return EXIT_CODES[VerdictState.ENDING_CHANGED if did_its_work else VerdictState.WORKLOAD_FAILED]


def reproduce_subject(subject: Subject, wanted: Wanted, *, campaign: str, started: str, folder: Path) -> Reproduction:
    """Return what was found out about ``subject``, with the recorder's files in ``folder``.

    Raises FileExistsAlready for a folder with something in it, PlanError for this machine itself as the image, and what
    engines raise.
    """
    from contextlib import closing

    from memcap.cli.execute import docker_engine, recording, refuse_filled, refuse_infeasible, refuse_missing_parts
    from memcap.cli.progress import say
    from memcap.engine.docker_client import connect, environment
    from memcap.errors import PlanError
    from memcap.images.instrumented import build_instrumented
    from memcap.images.prepare import prepare_layers
    from memcap.images.this_machine import HOST
    from memcap.instruments.profiling import Named
    from memcap.instruments.session import Session
    from memcap.model import Plan
    from memcap.redaction import Redaction
    from memcap.repro.observed import Observed
    from memcap.repro.reproducing import reproduce

    cell = subject.cell
    if cell.image == HOST:
        raise PlanError("a kill at the cap needs a container; this machine has none", remedy="Name an image.")
    refuse_filled(folder)
    plan = Plan(profile="repro", cells=(cell,), runs=wanted.times, warmups=0)
    settings = subject.settings(campaign=campaign, started=started)
    with closing(connect()) as client:
        machine = environment(client)
        refuse_infeasible(plan, subject.policy, machine)
        refuse_missing_parts(client, (subject.policy,))
        (layer,) = prepare_layers(client, plan, subject.suites, say=say).values()
        artefacts = folder / RECORD
        with recording(artefacts), docker_engine(client, campaign, (subject.policy,)) as engine:
            observed = Observed(engine)
            found = reproduce(
                Session(observed, cell, layer, settings, say=say),
                observed,
                lambda tool: build_instrumented(client, layer, tool, say=say),
                named=Named(id=campaign, started=started, subject=subject.name, cap_bytes=cell.cap.bytes),
                image=cell.image.name,
                wanted=replace(wanted, room_bytes=machine.memory_bytes // 2 if machine.memory_bytes else None),
                artefacts=artefacts,
                say=say,
            )
    return Redaction(subject.policy.secrets).tree(found)


def write_all(found: Reproduction, folder: Path, *, top: int) -> dict[str, str]:
    """Write pages, figures and texts to ``folder``; return all files of it with what they are."""
    from memcap.report.profile_tree import render_tree
    from memcap.report.repro import memory_chart, repro_document, stack_text
    from memcap.report.repro_json import repro_json
    from memcap.report.svg import standalone
    from memcap.report.to_html import to_html
    from memcap.report.to_markdown import to_markdown
    from memcap.store import save_profile
    from memcap.store.files import write_atomically
    from memcap.store.profiles import PROFILE_FILE

    flight = found.flight
    files = {
        "index.html": "all of it on a page",
        "README.md": "the same as Markdown",
        "repro.json": "all figures, as --json prints them",
    }

    def write(name: str, what: str, text: str | None) -> None:
        if text:
            write_atomically(folder / name, text, overwrite=True)
            files[name] = what

    if flight is not None:
        save_profile(flight.profile, folder / PROFILE_FILE)
        files[PROFILE_FILE] = "the recorder's run as a profile, for memcap diff"
        write("tree.txt", "allocations as a tree of callers", render_tree(flight.profile))
        write(
            "stacks.txt",
            "where all threads were, at each of the last new heights, the newest first",
            "\n".join(map(stack_text, flight.stacks)),
        )
        if chart := memory_chart(flight.measurement):
            write("memory-recorded.svg", "memory over time, with the recorder", standalone(chart.drawing))
    files |= {f"{RECORD}/{path.name}": _kind(path.name) for path in sorted((folder / RECORD).glob("*"))}
    if chart := memory_chart(found.killed_run or found.attempts[-1].measurement):
        write("memory.svg", "memory over time, without the recorder", standalone(chart.drawing))
    document = repro_document(found, top=top, files=files)
    write("index.html", files["index.html"], to_html(document))
    write("README.md", files["README.md"], to_markdown(document))
    write("repro.json", files["repro.json"], repro_json(found, top=top, where=str(folder), artefacts=files))
    return files


def _kind(name: str) -> str:
    """Return what a file of the recorder is."""
    return next((what for ending, what in _KINDS if ending in name), "the recorder's own")
