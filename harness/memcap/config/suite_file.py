"""``suite.toml`` as the types of the model. Imported late, as it needs pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from memcap.config.calls import check_call, is_call
from memcap.config.docker_options import anchored
from memcap.config.limits_file import Limits, empty_tolerances, to_policy, to_quiet, to_tolerances
from memcap.config.requirements import check_requirements
from memcap.config.servers import (
    body_problems,
    expected_phase,
    is_server,
    phase_budgets,
    server_problems,
    service_problems,
    to_server,
    to_service,
)
from memcap.config.source import Source, nearest
from memcap.config.suite_defaults import (
    ONLY_WITH_BUDGET,
    ONLY_WITH_CALL,
    extra_metrics,
    metric_names,
    table_at,
    unknown_metrics,
    useless_defaults,
    with_defaults,
)
from memcap.config.suite_schema import BenchmarkTable, SuiteFile
from memcap.config.validation import validate
from memcap.config.values import Names
from memcap.errors import Problem
from memcap.model import (
    Benchmark,
    Budget,
    CallWorkload,
    CommandWorkload,
    Ending,
    Metric,
    Suite,
    Thresholds,
    Workload,
)

_GRADES = ("excellent", "good", "acceptable", "poor")


def read_suite(root: Path, source: Source, names: Names) -> tuple[SuiteFile | None, list[Problem]]:
    """Return the suite's file, or None and all problems of it, of the code it calls and of its requirements."""
    folder = source.file.parent
    source = with_defaults(source)
    if names.services is not None:
        names = replace(names, services=names.services | frozenset(source.table("services")))
    file, problems = validate(SuiteFile, source, names)
    for name in source.table("benchmarks"):
        table = source.table("benchmarks", name)
        problems += _contradictions(source, name, table)
        problems += empty_tolerances(source, ("benchmarks", name, "tolerances"))
        problems += server_problems(source, ("benchmarks", name), table)
        problems += _call_problems(root, source, name, table.get("call"))
    problems += empty_tolerances(source, ("suite", "defaults", "tolerances"))
    problems += useless_defaults(source)
    problems += service_problems(root, source, names)
    for name, keys in file.benchmarks.items() if file else ():
        problems += body_problems(root, source, ("benchmarks", name), keys)
    tables = [source.table("benchmarks", name) for name in source.table("benchmarks")]
    problems += unknown_metrics(source, ("suite", "advice"), metric_names(tables))
    if (root / folder / "requirements.txt").exists():
        problems += check_requirements(root, folder / "requirements.txt")
    # Several benchmarks may call the same broken module, or share the same mistake.
    unique = list(dict.fromkeys(problems))
    return (None if unique else file), unique


def to_suite(directory: Path, file: SuiteFile, limits: Limits) -> Suite:
    """Return the suite in ``directory``; ``limits`` complete tolerances and settings that a benchmark gives in part."""
    name, requirements = directory.name, directory / "requirements.txt"
    services = {own: to_service(own, table, directory.parents[1]) for own, table in file.services.items()}
    limits = replace(limits, quiet=to_quiet(file.suite.quiet, limits.quiet), services={**limits.services, **services})
    return Suite(
        name=name,
        directory=directory,
        description=file.suite.description,
        benchmarks=tuple(
            replace(_benchmark(directory, own, table, limits), advice=file.suite.advice)
            for own, table in file.benchmarks.items()
        ),
        requirements=requirements if requirements.exists() else None,
        total_seconds=file.suite.total,
    )


def _benchmark(directory: Path, name: str, table: BenchmarkTable, limits: Limits) -> Benchmark:
    budget = None
    if table.budget is not None:
        metric = Metric(table.budget_metric)
        budget = Budget(metric=metric, limit_bytes=table.budget, margin=table.budget_margin)
    own = table.container
    expected = next((phase.expect for phase in table.phases.values() if phase.expect), table.expect)
    return Benchmark(
        suite=directory.name,
        name=name,
        workload=_workload(directory.parents[1], table, limits),
        description=table.description,
        cap_names=tuple(table.caps or ()),
        budget=budget,
        tolerances=to_tolerances(table.tolerances, limits.rules.tolerances),
        tags=tuple(table.tags),
        expect={cap: Ending(ending) for cap, ending in expected.items()},
        extra_metrics=extra_metrics(table.metrics, table.projections),
        thresholds={name: Thresholds(**own.model_dump()) for name, own in table.thresholds.items()},
        alerts=table.alerts,
        projections={name: tuple(cycles) for name, cycles in table.projections.items()},
        env=table.env,
        policy=anchored(to_policy(own, limits.policy), directory.parents[1]) if own.model_fields_set else None,
        quiet=to_quiet(table.quiet, limits.quiet),
        time_limit_seconds=table.time_limit,
        phase_budgets=phase_budgets(table.phases),
        expected_phase=expected_phase(table.phases),
        is_soak=table.soak,
    )


def _workload(root: Path, table: BenchmarkTable, limits: Limits) -> Workload:
    argv = tuple(table.command or ())
    if table.kind is not None:
        return to_server(argv, table, limits.services, root)
    if table.call is None:
        return CommandWorkload(argv=argv)
    return CallWorkload(
        call=table.call,
        parameters=table.parameters,
        warmups=table.warmups,
        cycles=table.cycles,
        duration_seconds=table.duration,
    )


def _contradictions(source: Source, name: str, table: Mapping[str, Any]) -> list[Problem]:
    """Return what does not go together in a benchmark, read from the file itself as it may not be valid."""
    path = ("benchmarks", name)
    problems = []
    if "call" in table and "command" in table and not is_server(table):
        problems.append(source.problem((*path, "command"), "a benchmark has either call or command, not both"))
    if "call" not in table and "command" not in table and not is_server(table):
        message = 'needs call = "module:function" or command = ["program", "argument"]'
        problems.append(source.problem(path, message))
    for key in ONLY_WITH_CALL:
        if key in table and "command" in table and "call" not in table:
            problems.append(source.problem((*path, key), "goes with call only; a command takes its arguments itself"))
    for key in ONLY_WITH_BUDGET:
        if key in table and "budget" not in table:
            problems.append(source.problem((*path, key), "has no meaning without budget"))
    problems += _limit_problems(source, path, table)
    problems += _expected_nowhere(source, table, (*path, "expect"))
    for phase in table_at(table, "phases"):
        problems += _expected_nowhere(source, table, (*path, "phases", phase, "expect"))
    return problems


def _expected_nowhere(source: Source, table: Mapping[str, Any], at: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each cap in the table ``at`` that the benchmark does not run under."""
    caps = table.get("caps")
    own = tuple(str(cap) for cap in caps) if isinstance(caps, list) else None
    return [
        source.problem(
            (*at, cap), f"the benchmark has no cap {cap!r}; it has {', '.join(own)}", suggestion=nearest(cap, own)
        )
        for cap in source.table(*at)
        if own is not None and cap != "*" and cap not in own
    ]


def _limit_problems(source: Source, path: tuple[str, ...], table: Mapping[str, Any]) -> list[Problem]:
    """Return limits of metrics that do not exist, and thresholds that neither rise nor fall."""
    metrics = table_at(table, "metrics")
    limited = metric_names([table])
    problems = []
    for key, known in (("thresholds", limited), ("alerts", limited), ("projections", tuple(metrics))):
        for name in table_at(table, key):
            if name not in known:
                message = f"the benchmark has no metric {name!r}; it has {', '.join(known) or 'none'}"
                problems.append(source.problem((*path, key, name), message, suggestion=nearest(name, known)))
    for name, own in table_at(table, "thresholds").items():
        steps = [own.get(key) for key in _GRADES] if isinstance(own, dict) else []
        numbers = [step for step in steps if isinstance(step, int | float)]
        if len(numbers) == len(_GRADES) and sorted(numbers) not in (numbers, numbers[::-1]):
            message = "must rise from excellent to poor (less is better) or fall (more is better)"
            problems.append(source.problem((*path, "thresholds", name), message))
    return problems


def _call_problems(root: Path, source: Source, name: str, call: object) -> list[Problem]:
    if not isinstance(call, str) or not is_call(call):
        return []  # the schema says so
    complaint = check_call(root / source.file.parent, call)
    if complaint is None:
        return []
    problem = source.problem(("benchmarks", name, "call"), complaint.message, suggestion=complaint.suggestion)
    if complaint.file is None:
        return [problem]
    return [replace(problem, file=complaint.file.relative_to(root), line=complaint.line, key="")]
