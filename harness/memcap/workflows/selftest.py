"""``memcap selftest``: the same code twice, and what the gate makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from memcap.errors import UsageError
from memcap.model import (
    Benchmark,
    CampaignResult,
    Cap,
    Cell,
    CommandWorkload,
    Config,
    ContainerPolicy,
    Ending,
    Plan,
)
from memcap.selftest import SelfTest, material, selftest, smallest_sample
from memcap.store import load_result
from memcap.units import counted, parse_bytes
from memcap.workflows.caller import Caller
from memcap.workflows.judging import UnexpectedEnding, unjudged
from memcap.workflows.measure import execute_and_save
from memcap.workflows.options import SUITE_SIZE, SelftestOptions
from memcap.workflows.request import CampaignRequest, new_campaign
from memcap.workflows.result_file import refuse_overwriting
from memcap.workflows.selection import project_or_defaults
from memcap.workflows.subject import find_image

# 64 MiB of touched memory, held long enough to be seen: what deterministic code looks like.
_HELD = ("python3", "-c", "import time; block = b'x' * (64 << 20); time.sleep(0.1)")


@dataclass(frozen=True, kw_only=True)
class Selftested:
    """What the gate made of the same code, the false alarms that it promises, and how many cells were left out."""

    tested: SelfTest
    false_alarms: float
    left_out: int


def run_selftest(options: SelftestOptions, caller: Caller) -> Selftested:
    """Return how often the gate errs. Raises UnexpectedEnding, UsageError, and as `execute` does."""
    config = project_or_defaults(options.root)
    sample, least = options.sample, smallest_sample(config.rules)
    if sample < least:
        raise UsageError(f"the gate says nothing of samples of {sample} runs", remedy=f"Use --sample {least} or more.")
    options.validate()
    result = load_result(options.source) if options.source else _measured(config, options, caller)
    found = [material(cell, config.rules) for cell in result.cells]
    enough = [each for each in found if each.runs >= 2 * sample]
    if not enough:
        most = max((each.runs for each in found), default=0)
        raise UsageError(
            f"no cell has two samples of {sample} runs that can be judged; the most are {counted(most, 'run')}",
            remedy=f"Use --sample {most // 2}." if most >= 2 * least else f"Measure with --runs {2 * sample}.",
        )
    size = options.cells or max(SUITE_SIZE, len(enough))
    tested = selftest(enough, config.rules, sample_size=sample, suite_size=size, resamplings=options.resamplings)
    return Selftested(tested=tested, false_alarms=config.rules.false_alarms, left_out=len(found) - len(enough))


def _measured(config: Config, options: SelftestOptions, caller: Caller) -> CampaignResult:
    """Run the workload. Raises UnexpectedEnding if it does not end as it should."""
    if options.output is not None:
        refuse_overwriting(options.output, allowed=options.force)
    if options.image is None and not config.images:
        raise UsageError("the project has no images", remedy="Name one: --image python:3.12-slim")
    last = config.images[max(config.images)] if options.image is None else find_image(options.image, tell=caller.tell)
    workload = CommandWorkload(argv=options.argv or _HELD)
    name = "command" if options.argv else "held_64m"
    benchmark = Benchmark(suite="selftest", name=name, workload=workload)
    cell = Cell(benchmark=benchmark, image=last, cap=Cap(name=options.cap.lower(), bytes=parse_bytes(options.cap)))
    request = CampaignRequest(
        plan=Plan(profile="selftest", cells=(cell,), runs=options.runs, warmups=1),
        suites={},
        policy=ContainerPolicy(),
        time_limit_seconds=config.run_time_limit_seconds,
        name=new_campaign("selftest"),
        jobs=1,
    )
    result = execute_and_save(request, options.output, force=options.force, caller=caller)
    if any(run.ending is not Ending.COMPLETED for run in result.cells[0].runs):
        raise UnexpectedEnding(unjudged(result))
    return result
