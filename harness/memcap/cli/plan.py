"""``memcap plan``: the cells that a run would measure, and whether the daemon can honour them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from memcap.cli.option_groups import filled
from memcap.cli.output import echo, emit, table_width, terminal_width
from memcap.cli.progress import say
from memcap.cli.selection import selection_options
from memcap.errors import UsageError
from memcap.json_text import json_text
from memcap.model import DEFAULT_TOLERANCES, Cell, Config, Metric, Plan, Rules, Tolerance
from memcap.plan import Selection, make_plan
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import printable
from memcap.workflows.options import SelectionOptions

if TYPE_CHECKING:
    from memcap.workflows.plan import CheckedPlan

JSON_SCHEMA = 1


@click.command("plan")
@selection_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Only check the configuration: no daemon is asked, nothing is printed.")
@filled(options=SelectionOptions)
def command(options: SelectionOptions, as_json: bool, check: bool) -> None:
    """Print the cells that `memcap run` with the same words would measure; nothing is run.

    SELECT names suites (agents), benchmarks (agents.crew_backed) or cells (agents.crew_backed-py312-128m), or is a
    glob of cell ids ('agents.*-py312-*'). What is named may be outside the profile; a glob chooses among its cells.

    If a Docker daemon answers, caps above its memory and benchmarks pinned to more CPUs than it has are named, and the
    exit code is 24. So it is where a suite would take longer than its `total` allows.

    --check is for hooks and editors: all mistakes in limits.toml, the suites and the images are listed, with exit code
    10. What is named with it must exist too.

    \b
    Examples:
      memcap plan
      memcap plan --profile full --json
      memcap plan agents --image py312 --cap 128m
      memcap plan 'streams.*-py313-*'
      memcap plan stress --tag comprehensive --duration 20s
      memcap plan --check
    """
    from memcap.workflows.selection import load_project, with_seen_images

    if check and as_json:
        raise UsageError("--check prints nothing, so there is nothing for --json", remedy="Leave one of them out.")
    config = load_project(options.root)
    if check and not _is_anything_named(options.selection):
        return  # a project need not have the default profile
    selection = with_seen_images(options.selection, config, tell=say)
    plan = make_plan(config, profile=options.profile, selection=selection)
    if not check:
        show(plan, config, as_json=as_json)


def show(plan: Plan, config: Config, *, as_json: bool, output: Path | None = None) -> None:
    """Print ``plan``; its result would be ``output``, or in the project's folder of results.

    Raises PlanError for suites that take too long, a result that cannot be written, and what a daemon that answers
    cannot honour.
    """
    from memcap.feasible import refuse_problems
    from memcap.workflows.plan import check_plan

    checked = check_plan(plan, config, output)
    if as_json:
        emit(json_text(_as_json(plan, config.rules, checked)))
    else:
        echo(_as_text(plan, config.rules))
        if checked.note:
            echo(printable(checked.note))
    refuse_problems("the plan cannot be honoured", checked.problems)


def _is_anything_named(selection: Selection) -> bool:
    source = click.get_current_context().get_parameter_source("profile")
    return selection != Selection() or source is not ParameterSource.DEFAULT


def _as_text(plan: Plan, rules: Rules) -> str:
    from memcap.report.document import Column
    from memcap.report.text import wrapped
    from memcap.report.text_table import table

    rows = [
        [printable(cell.id), format_bytes(cell.cap.bytes), _budget(cell), cell.expected_ending.value, _runs(plan, cell)]
        for cell in plan.cells
    ]
    width = terminal_width()
    titles = ("cell", "cap", "budget", "expected ending", "runs")
    cells = table(rows, [Column(title=title) for title in titles], width=table_width())
    count = len(plan.cells)
    warmups = f" and {counted(plan.total_warmups, 'warm-up')}" if plan.total_warmups else ""
    known = plan.configured_seconds
    length = (
        f" Servers and what has a `duration` take {format_seconds(known)} of it, one after the other." if known else ""
    )
    sizes = f"{counted(count, 'cell')}, {counted(plan.total_runs, 'run')}"
    told = f"Profile {plan.profile}: {sizes}{warmups}.{length}"
    return f"{cells}\n\n{wrapped(told, width)}\n{wrapped(_judged_by(plan, rules), width)}"


def _runs(plan: Plan, cell: Cell) -> str:
    return "1 (soak)" if cell.id in plan.soaks else str(plan.runs)


def _judged_by(plan: Plan, rules: Rules) -> str:
    """Return by which tolerances the cells will be judged."""
    told = ", ".join(f"{metric.value} {_tolerance(metric, each)}" for metric, each in rules.tolerances.items())
    source = " (the defaults)" if rules.tolerances == DEFAULT_TOLERANCES else ""
    own = dict.fromkeys(
        f"{cell.benchmark.suite}.{cell.benchmark.name}" for cell in plan.cells if cell.benchmark.tolerances
    )
    others = f" Tolerances of their own: {', '.join(own)}." if own else ""
    return f"Tolerances: {told}{source}.{others}"


def _tolerance(metric: Metric, tolerance: Tolerance) -> str:
    absolute = format_bytes(tolerance.absolute) if metric.unit == "byte" else format_seconds(tolerance.absolute)
    return f"{tolerance.relative * 100:g} % or {absolute}"


def _budget(cell: Cell) -> str:
    budget = cell.benchmark.budget
    if budget is None:
        return "-"
    margin = f" +{budget.margin * 100:g} %" if budget.margin else ""
    return f"{budget.metric.value} {format_bytes(budget.limit_bytes)}{margin}"


def _as_json(plan: Plan, rules: Rules, checked: CheckedPlan) -> dict[str, object]:
    return {
        "schema": JSON_SCHEMA,
        "profile": plan.profile,
        "runs": plan.runs,
        "warmups": plan.warmups,
        "total_runs": plan.total_runs,
        "total_warmups": plan.total_warmups,
        "configured_seconds": plan.configured_seconds,
        "cells": [_entry(cell, rules) for cell in plan.cells],
        "daemon": {"memory_bytes": checked.memory_bytes, "note": checked.note},
        "problems": [asdict(problem) for problem in checked.problems],
    }


def _entry(cell: Cell, rules: Rules) -> dict[str, object]:
    budget = cell.benchmark.budget
    return {
        "id": cell.id,
        "suite": cell.benchmark.suite,
        "benchmark": cell.benchmark.name,
        "image": cell.image.name,
        "image_reference": cell.image.reference,
        "cap": cell.cap.name,
        "cap_bytes": cell.cap.bytes,
        "budget": None
        if budget is None
        else {
            "metric": budget.metric.value,
            "limit_bytes": budget.limit_bytes,
            "margin": budget.margin,
            "ceiling_bytes": budget.ceiling_bytes,
        },
        "expected_ending": cell.expected_ending.value,
        "tolerances": {
            metric.value: asdict(each) for metric, each in {**rules.tolerances, **cell.benchmark.tolerances}.items()
        },
    }
