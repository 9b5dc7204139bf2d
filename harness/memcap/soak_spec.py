"""Say how the run of a soak is launched: for how long, what looks at it from within, and how fast time goes. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memcap.instruments.launching import with_looks
from memcap.model import (
    CallWorkload,
    CampaignSettings,
    Cell,
    Layer,
    RunSpec,
    ServerWorkload,
    SoakRules,
    Workload,
    judged_seconds,
)
from memcap.run_spec import run_spec

RATE: Final = "MEMCAP_RATE"  # tells the workload how many simulated hours an hour has


def looks_into_programs(workload: Workload, rules: SoakRules) -> bool:
    """Tell whether the layer of a soak must be one of ``build_instrumented``.

    The runner looks at a function itself; a program has to be started with something that looks.
    """
    return not isinstance(workload, CallWorkload) and bool(rules.frames or rules.collects or rules.explain_seconds)


def soak_spec(cell: Cell, layer: Layer, settings: CampaignSettings, *, attempt: str, rules: SoakRules) -> RunSpec:
    """Return what an engine needs for a soak of ``cell``; what a server needs besides, serving_spec adds.

    A function or generator ends by itself after the duration; the time limit is that of a single run on top of it.
    Warm-ups are not apart: what a soak is judged by finds its own. Raises PlanError as run_spec does.
    """
    benchmark = cell.benchmark
    if isinstance(benchmark.workload, CallWorkload):
        workload = replace(benchmark.workload, warmups=0, cycles=None, duration_seconds=rules.whole_seconds)
        cell = replace(cell, benchmark=replace(benchmark, workload=workload))
    spec = run_spec(cell, layer, settings, attempt=attempt)
    spec = replace(
        spec,
        projections={},
        env={**spec.env, RATE: f"{rules.rate:g}"},
        time_limit_seconds=rules.whole_seconds + spec.time_limit_seconds,
    )
    if isinstance(benchmark.workload, CallWorkload):
        return replace(spec, argv=(*spec.argv[:-1], *_runner_words(rules), spec.argv[-1]))
    if not looks_into_programs(benchmark.workload, rules):
        return spec
    server = benchmark.workload if isinstance(benchmark.workload, ServerWorkload) else None
    return with_looks(spec, rules, judged_seconds=judged_seconds(rules, server))


def _runner_words(rules: SoakRules) -> tuple[str, ...]:
    frames = ("--soak-frames", str(rules.frames)) if rules.frames else ()
    explain = ("--soak-explain", str(rules.explain_seconds)) if rules.explain_seconds else ()
    return ("--soak", str(rules.step_seconds), *frames, *explain, *(("--soak-collect",) if rules.collects else ()))
