"""``memcap measure``: measure any command in any image, with no file at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from memcap.model import CampaignResult, ContainerPolicy, Plan
from memcap.plan import cold_plan
from memcap.store import save_result
from memcap.tune import Tuning
from memcap.units import parse_seconds
from memcap.workflows.caller import Caller, Tell
from memcap.workflows.execute import execute
from memcap.workflows.judging import Measured, unjudged
from memcap.workflows.options import MeasureOptions
from memcap.workflows.request import CampaignRequest, new_campaign
from memcap.workflows.result_file import refuse_overwriting, reserved
from memcap.workflows.subject import (
    command_cell,
    find_image,
    named_images,
    parse_cap,
    with_public_name,
    without_huge_pages,
    workload_of,
)
from memcap.workflows.tune import tune_request


def measure(image: str, argv: Sequence[str], options: MeasureOptions, caller: Caller) -> Measured:
    """Return the runs of the command ``argv`` in ``image``, compared with nothing. Raises as `execute` does."""
    request = _request(image, argv, options, caller.tell, runs=5)
    return unjudged(execute_and_save(request, options.output, force=options.force, caller=caller))


def try_settings(image: str, argv: Sequence[str], options: MeasureOptions, caller: Caller) -> Tuning:
    """Return which settings make the figures of the command scatter less. Raises as `tune_request` does."""
    options.validate_tuning()
    return tune_request(_request(image, argv, options, caller.tell, runs=10), caller)


def execute_and_save(request: CampaignRequest, output: Path | None, *, force: bool, caller: Caller) -> CampaignResult:
    """Return the result of ``request``; it is saved to ``output`` at its end. Raises as `execute` does."""
    with reserved(output, force=force, tell=caller.tell):
        result = execute(request, caller)
        if output is not None:
            save_result(result, output, overwrite=True)
    return result


def _request(image: str, argv: Sequence[str], options: MeasureOptions, tell: Tell, *, runs: int) -> CampaignRequest:
    options.validate()
    if options.output is not None:
        refuse_overwriting(options.output, allowed=options.force)
    source = find_image(image, tell=tell)
    policy = options.container_options.applied_to(ContainerPolicy())
    workload = workload_of(options.serving, tuple(argv))
    cells = tuple(
        with_public_name(command_cell(source, workload, cap), policy.secrets)
        for cap in map(parse_cap, dict.fromkeys(options.caps))
    )
    if options.no_thp:
        cells = tuple(map(without_huge_pages, cells))
    plan = Plan(profile="measure", cells=cells, runs=options.runs or runs, warmups=options.warmups)
    return CampaignRequest(
        plan=cold_plan(plan) if options.cold else plan,
        suites={},
        policy=policy,
        time_limit_seconds=parse_seconds(options.time_limit),
        name=new_campaign("measure"),
        jobs=options.jobs,
        keep_output=options.keep_output,
        images=named_images(service.image_name for service in plan.services),
    )
