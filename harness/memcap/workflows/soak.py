"""``memcap soak``: run a workload for minutes up to days, and say whether it leaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from memcap.calibration import calibrate
from memcap.engine.docker_client import address, translated
from memcap.engine.docker_soak import start_soak
from memcap.errors import PlanError
from memcap.images.this_machine import HOST
from memcap.measuring.standing import standing_caveats
from memcap.model import (
    CLIENT_LAYER,
    CallWorkload,
    Cell,
    ProfileTool,
    RunSpec,
    ServerWorkload,
    SoakKind,
    SoakNote,
    SoakRules,
    noted,
    signal_number,
)
from memcap.serving_spec import BodyFiles, needed_seconds, serving_spec, soaked
from memcap.soak_spec import looks_into_programs, soak_spec
from memcap.store import soak_note_text
from memcap.workflows.ready import Ready, made_ready
from memcap.workflows.request import CampaignRequest, new_campaign, with_variables
from memcap.workflows.subject import Subject, find_subject

if TYPE_CHECKING:
    from memcap.workflows.caller import Caller
    from memcap.workflows.soak_options import SoakOptions

GRACE_SECONDS: Final = 10.0  # as `docker stop` has it
LATE_SECONDS: Final = 60.0  # how much longer the last cycle may take
_SPARE_SECONDS: Final = 60.0


def begin_soak(options: SoakOptions, caller: Caller) -> str:
    """Start the soak that ``options`` ask for, which goes on by itself, and return its id.

    Raises UsageError, SelectionError, ConfigError, SizeError, PlanError for this machine itself as the image, and what
    engines raise.
    """
    options.validate()
    rules = options.rules()
    subject = lasting(find_subject(options, tell=caller.tell), rules)
    if subject.cell.image == HOST:
        raise PlanError(
            "a soak goes on in a container when its client has ended; this machine itself has none",
            remedy="Name an image.",
        )
    name = new_campaign("soak")
    request = with_variables(subject.request("soak", name))
    with made_ready(request, caller.tell) as ready:
        assert ready.client is not None
        spec = soak_run(request, ready, rules, caller)
        bare, secrets = noted(spec)
        machine = ready.engine.environment()
        note = SoakNote(
            id=name.id,
            name=subject.name,
            image=subject.cell.image.name,
            started=name.started,
            kind=_kind(subject.cell),
            rules=rules,
            spec=bare,
            secret_variables=secrets,
            standing=standing_caveats(ready.layer, machine),
            environment=machine,
        )
        with translated(f"start the soak {name.id}"):
            start_soak(ready.client, spec, soak_note_text(note), copies_mounts=address().is_remote)
    return name.id


def _kind(cell: Cell) -> SoakKind:
    workload = cell.benchmark.workload
    if isinstance(workload, ServerWorkload):
        return SoakKind.SERVER
    return SoakKind.CALL if isinstance(workload, CallWorkload) else SoakKind.COMMAND


def lasting(subject: Subject, rules: SoakRules) -> Subject:
    """Return ``subject`` with a server's load as long as the soak."""
    workload = subject.cell.benchmark.workload
    if not isinstance(workload, ServerWorkload):
        return subject
    workload = soaked(workload, seconds=rules.whole_seconds, rate=rules.rate)
    return replace(subject, cell=replace(subject.cell, benchmark=replace(subject.cell.benchmark, workload=workload)))


def soak_run(request: CampaignRequest, ready: Ready, rules: SoakRules, caller: Caller) -> RunSpec:
    """Return how the workload runs: for as long as it is asked to, with looks at it."""
    (cell,) = request.plan.cells
    workload, layer, settings = cell.benchmark.workload, ready.layer, request.settings(caller.argv)
    if looks_into_programs(workload, rules):
        if layer.image.python is None:
            raise PlanError(
                f"image {layer.image.name} has no Python that --tracemalloc, --gc or --explain could look at",
                remedy="Leave them out.",
            )
        layer = ready.instrumented(ProfileTool.TRACEMALLOC, tell=caller.tell)
    spec = soak_spec(cell, layer, settings, attempt="1", rules=rules)
    seconds = rules.whole_seconds
    if isinstance(workload, ServerWorkload):
        assert CLIENT_LAYER in ready.layers
        spec = serving_spec(spec, workload, layer, ready.layers, files=BodyFiles())
        seconds = needed_seconds(workload)
    elif isinstance(workload, CallWorkload):
        seconds += LATE_SECONDS  # it ends by itself, after a whole cycle
    stop_signal = spec.stop_signal or signal_number(layer.image.stop_signal)
    grace = spec.grace_seconds or GRACE_SECONDS
    spec = replace(
        spec,
        stop_signal=stop_signal,
        grace_seconds=grace,
        stop_after_seconds=seconds,
        time_limit_seconds=seconds + grace + _SPARE_SECONDS,
        look_seconds=rules.step_seconds,
        max_rss_bytes=rules.max_rss_bytes,
    )
    return calibrate(ready.engine, layer, settings).applied_to(spec)
