"""``memcap repro``: make the OOM kill happen, and show who did it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from memcap.errors import PlanError
from memcap.images.this_machine import HOST
from memcap.instruments.profiling import Named
from memcap.instruments.session import Session
from memcap.judge import EXIT_CODES
from memcap.model import CommandWorkload, Ending, VerdictState
from memcap.redaction import Redaction
from memcap.report.profile_tree import render_tree
from memcap.report.repro import memory_chart, repro_document, stack_text
from memcap.report.repro_json import repro_json
from memcap.report.speedscope import speedscope_json
from memcap.report.svg import standalone
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.repro.escalation import find_escalation, loaded_words
from memcap.repro.observed import Observed
from memcap.repro.reproducing import ReproRequest, Workbench, reproduce
from memcap.repro.reproduction import Reproduction
from memcap.store import save_profile
from memcap.store.files import write_atomically
from memcap.store.profiles import PROFILE_FILE
from memcap.workflows.caller import Caller
from memcap.workflows.ready import made_ready
from memcap.workflows.recording import RECORD, recording, refuse_filled
from memcap.workflows.request import CampaignName, new_campaign
from memcap.workflows.subject import Subject, find_subject
from memcap.workflows.subject_options import ReproOptions, SubjectOptions

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


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """What was found out, and the folder with the recorder's files."""

    found: Reproduction
    folder: Path

    @property
    def exit_code(self) -> int:
        """Return 0 for a kill, 97 where it did not come, 96 where the workload did not even end well."""
        return exit_code(self.found)


def repro(options: ReproOptions, caller: Caller) -> Reproduced:
    """Reproduce a kill of what ``options`` name. Raises as `reproduce_subject` does, and UsageError."""
    options.validate()
    subject = find_subject(options, default_cap="128m", tell=caller.tell)
    limit = subject.cell.benchmark.time_limit_seconds or subject.time_limit_seconds
    escalation = None
    if options.escalate is not None:
        escalation = find_escalation(options.escalate, subject.cell, time_limit_seconds=limit)
    name = new_campaign("repro")
    folder = options.output or Path("results") / "repro" / name.id
    wanted = ReproRequest(times=options.attempts, lower=options.lower, escalation=escalation, native=options.native)
    found = reproduce_subject(subject, wanted, name=name, folder=folder, caller=caller)
    hidden = Redaction(subject.policy.secrets)
    line = hidden.text(again(found, options, subject, native=options.native))
    return Reproduced(found=replace(found, again=line), folder=folder)


def exit_code(found: Reproduction) -> int:
    """Return 0 for a kill, 97 where it did not come, 96 where the workload did not even end well."""
    if found.kills:
        return 0
    did_its_work = found.attempts[-1].measurement.ending is Ending.COMPLETED
    return EXIT_CODES[VerdictState.ENDING_CHANGED if did_its_work else VerdictState.WORKLOAD_FAILED]


def again(found: Reproduction, options: SubjectOptions, subject: Subject, *, native: bool) -> str:
    """Return the command line that reproduces a kill without the search for its load or its cap; empty without one."""
    if not found.kills or (found.load is None and found.cap_bytes == found.asked_cap_bytes):
        return ""
    words = ["memcap", "repro", *(["--native"] if native else [])]
    workload = subject.cell.benchmark.workload
    if found.load is None:
        words += replace(options, cap=f"{found.cap_bytes}b").retyped()
    elif isinstance(workload, CommandWorkload) and not subject.suites:
        words += options.retyped(loaded_words(workload.argv, found.load))
    else:
        words += ["--escalate", str(found.load), *options.retyped()]
    return shlex.join(words)


def reproduce_subject(
    subject: Subject, wanted: ReproRequest, *, name: CampaignName, folder: Path, caller: Caller
) -> Reproduction:
    """Return what was found out about ``subject``, with the recorder's files in ``folder``.

    Raises FileExistsAlready for a folder with something in it, PlanError for this machine itself as the image, and what
    engines raise.
    """
    cell = subject.cell
    if cell.image == HOST:
        raise PlanError("a kill at the cap needs a container; this machine has none", remedy="Name an image.")
    refuse_filled(folder)
    request = subject.request("repro", name, runs=wanted.times)
    with made_ready(request, caller.tell) as ready, recording(folder / RECORD):
        memory_bytes = ready.engine.environment().memory_bytes
        observed = Observed(ready.engine)
        found = reproduce(
            Workbench(
                session=Session(
                    observed,
                    cell,
                    ready.layer,
                    request.settings(caller.argv),
                    say=caller.tell,
                    layers=ready.layers,
                ),
                engine=observed,
                build=lambda tool: ready.instrumented(tool, tell=caller.tell),
            ),
            named=Named(id=name.id, started=name.started, subject=subject.name, cap_bytes=cell.cap.bytes),
            wanted=replace(wanted, room_bytes=memory_bytes // 2 if memory_bytes else None),
            artefacts=folder / RECORD,
        )
    return Redaction(subject.policy.secrets).tree(found)


def write_all(found: Reproduction, folder: Path, *, top: int) -> dict[str, str]:
    """Write pages, figures and texts to ``folder``; return all files of it with what they are."""
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
        write("speedscope.json", "the same for speedscope.app", speedscope_json(flight.profile))
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
