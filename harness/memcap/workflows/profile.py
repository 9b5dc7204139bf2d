"""``memcap profile``: which lines allocate, in the user's own image and under its cap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memcap.errors import PlanError
from memcap.images.this_machine import HOST
from memcap.instruments.launching import Instrument, Recorder
from memcap.instruments.profiling import Named, take_profile
from memcap.instruments.session import Session
from memcap.judge import EXIT_CODES
from memcap.judge.endings import state_of
from memcap.model import AllocationProfile, Ending, ProfileTool
from memcap.redaction import Redaction
from memcap.report.profile import memory_chart, profile_document, report_links
from memcap.report.profile_tree import render_tree
from memcap.report.speedscope import speedscope_json
from memcap.report.svg import standalone
from memcap.report.to_html import to_html
from memcap.store import save_profile
from memcap.store.files import write_atomically
from memcap.store.profiles import PROFILE_FILE
from memcap.units import parse_seconds
from memcap.workflows.attach import DEFAULT_SECONDS, profile_container
from memcap.workflows.caller import Caller
from memcap.workflows.ready import made_ready
from memcap.workflows.recording import RECORD, recording, refuse_filled
from memcap.workflows.request import CampaignName, new_campaign
from memcap.workflows.subject import Subject, find_subject
from memcap.workflows.subject_options import ProfileOptions


@dataclass(frozen=True, kw_only=True)
class Profiled:
    """A profile, and the folder with the tool's own record.

    ``expected`` is how the run should have ended; None for a process that was attached to, which did not end.
    """

    profile: AllocationProfile
    folder: Path
    expected: Ending | None = None

    @property
    def exit_code(self) -> int:
        """Return 0 if the profiled run ended as expected, else what `memcap measure` would say of such a run."""
        if self.expected is None or self.profile.ending is self.expected:
            return 0
        return EXIT_CODES[state_of(self.profile.ending, self.expected)]


def profile(options: ProfileOptions, caller: Caller) -> Profiled:
    """Profile what ``options`` name. Raises as `profile_subject` and `profile_container` do, and UsageError."""
    options.validate()
    name = new_campaign("profile")
    folder = options.output or Path("results") / "profiles" / name.id
    if options.container is not None:
        seconds = parse_seconds(options.duration) if options.duration else DEFAULT_SECONDS
        attached = profile_container(options.container, seconds=seconds, name=name, folder=folder, tell=caller.tell)
        return Profiled(profile=attached, folder=folder)
    instrument = Instrument(
        tool=ProfileTool.TRACEMALLOC if options.tracemalloc else ProfileTool.MEMRAY,
        native=options.native,
        follows_fork=options.follow_fork,
        frames=options.frames,
    )
    subject = find_subject(options, tell=caller.tell)
    found = profile_subject(subject, instrument, name=name, folder=folder, caller=caller)
    return Profiled(profile=found, folder=folder, expected=subject.cell.expected_ending)


def profile_subject(
    subject: Subject,
    instrument: Instrument,
    *,
    name: CampaignName,
    folder: Path,
    caller: Caller,
    with_reports: bool = True,
) -> AllocationProfile:
    """Return the profile of ``subject``, with the tool's own record and, if wanted, its reports in ``folder``.

    Raises FileExistsAlready for a folder with something in it, PlanError for this machine itself as the image,
    BuildError where the instrument cannot be had for the image, and what engines raise.
    """
    if subject.cell.image == HOST:
        raise PlanError(
            "a profile is made in a container; this machine itself has none",
            remedy="Name an image, or run `memray run` here by yourself.",
        )
    refuse_filled(folder)
    request = subject.request("profile", name)
    with made_ready(request, caller.tell) as ready:
        with_tool = ready.instrumented(instrument.tool, tell=caller.tell)
        with recording(folder / RECORD):
            profile = take_profile(
                Session(
                    ready.engine,
                    subject.cell,
                    ready.layer,
                    request.settings(caller.argv),
                    say=caller.tell,
                    layers=ready.layers,
                ),
                Recorder(instrument=instrument, layer=with_tool, with_reports=with_reports),
                named=Named(id=name.id, started=name.started, subject=subject.name, cap_bytes=subject.cell.cap.bytes),
                artefacts=folder / RECORD,
            )
    return Redaction(subject.policy.secrets).tree(profile)


def write_reports(profile: AllocationProfile, folder: Path, *, top: int) -> tuple[str, ...]:
    """Write profile, tree, speedscope's form, page, chart, and the end of the output of a failed run, to ``folder``.

    Return what is in the folder then.
    """
    save_profile(profile, folder / PROFILE_FILE)
    write_atomically(folder / "tree.txt", render_tree(profile), overwrite=True)
    write_atomically(folder / "speedscope.json", speedscope_json(profile), overwrite=True)
    if profile.output_tail:
        write_atomically(folder / "output.txt", profile.output_tail + "\n", overwrite=True)
    page = to_html(profile_document(profile, top=top, links=report_links(profile, folder, RECORD)))
    write_atomically(folder / "index.html", page, overwrite=True)
    if chart := memory_chart(profile):
        write_atomically(folder / "memory.svg", standalone(chart.drawing), overwrite=True)
    return tuple(sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()))
