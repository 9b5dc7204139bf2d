"""``memcap profile --container``: the profile of a process that runs already."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from memcap.engine.docker_client import connect
from memcap.instruments.attaching import find_target, profile_of, record
from memcap.instruments.session import Session
from memcap.model import AllocationProfile, ProfileTool
from memcap.units import format_seconds
from memcap.workflows.caller import Tell
from memcap.workflows.ready import ready_on
from memcap.workflows.recording import RECORD, recording, refuse_filled
from memcap.workflows.request import CampaignName
from memcap.workflows.subject import find_subject
from memcap.workflows.subject_options import SubjectOptions

DEFAULT_SECONDS: Final = 30.0


def profile_container(
    container: str, *, seconds: float, name: CampaignName, folder: Path, tell: Tell
) -> AllocationProfile:
    """Return what the largest Python process of ``container`` allocates while it is watched for so long.

    memray's record and reports are in ``folder`` then, which must be empty. Raises SelectionError, PlanError with all
    that the container lacks, FileExistsAlready, BuildError, EngineError.
    """
    refuse_filled(folder)
    artefacts = folder / RECORD
    with closing(connect()) as client:
        target = find_target(client, container)
        options = SubjectOptions(words=(target.python,), image=target.image.id)  # an image may have no command
        subject = find_subject(options, tell=tell)
        request = subject.request("profile", name)
        with ready_on(client, request, tell) as ready:
            with_tool = ready.instrumented(ProfileTool.MEMRAY, tell=tell)
            with recording(artefacts):
                tell(f"attaching to process {target.pid} of {container} for {format_seconds(seconds)}")
                record(client, target, seconds=seconds, artefacts=artefacts)
                tell("reading what was noted")
                session = Session(ready.engine, subject.cell, ready.layer, request.settings(()), say=tell)
                session.render(with_tool, artefacts=artefacts)
        return profile_of(target, campaign=name.id, started=name.started, seconds=seconds, artefacts=artefacts)
