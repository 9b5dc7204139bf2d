"""``memcap profile --container``: the profile of a process that runs already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from memcap.model import AllocationProfile

DEFAULT_SECONDS = 30.0


def profile_container(
    name: str, *, seconds: float, campaign: str, started: str, folder: Path, artefacts: Path
) -> AllocationProfile:
    """Return what the largest Python process of the container ``name`` allocates while it is watched for so long.

    memray's record and reports are in ``artefacts`` then, in ``folder``, which must be empty. Raises SelectionError,
    PlanError with all that the container lacks, FileExistsAlready, BuildError, EngineError.
    """
    from contextlib import closing

    from memcap.cli.execute import recording, refuse_filled
    from memcap.cli.progress import say
    from memcap.cli.subject import find_subject
    from memcap.engine.docker import DockerEngine
    from memcap.engine.docker_client import connect
    from memcap.images.instrumented import build_instrumented
    from memcap.images.prepare import prepare_layers
    from memcap.instruments.attaching import find_target, profile_of, record
    from memcap.instruments.session import Session
    from memcap.model import Plan, ProfileTool
    from memcap.units import format_seconds

    refuse_filled(folder)
    with closing(connect()) as client:
        target = find_target(client, name)
        subject = find_subject((target.python,), image=target.image.id)  # an image may have no command
        settings = subject.settings(campaign=campaign, started=started)
        plan = Plan(profile="profile", cells=(subject.cell,), runs=1, warmups=0)
        (layer,) = prepare_layers(client, plan, {}, say=say).values()
        with_tool = build_instrumented(client, layer, ProfileTool.MEMRAY, say=say)
        with recording(artefacts):
            say(f"attaching to process {target.pid} of {name} for {format_seconds(seconds)}")
            record(client, target, seconds=seconds, artefacts=artefacts)
            say("reading what was noted")
            with DockerEngine(client, campaign=campaign) as engine:
                session = Session(engine, subject.cell, layer, settings, say=say)
                session.render(with_tool, artefacts=artefacts)
        return profile_of(target, campaign=campaign, started=started, seconds=seconds, artefacts=artefacts)
