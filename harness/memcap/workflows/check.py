"""``memcap check``: what a stored result is judged against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from memcap.model import Config, Suite
from memcap.report import View
from memcap.store import latest_run
from memcap.workflows.against import load_against
from memcap.workflows.caller import Tell
from memcap.workflows.judging import Case, ExplainRequest, judged, unjudged
from memcap.workflows.options import CheckOptions, ReportOptions
from memcap.workflows.selection import find_project, load_project, project_or_defaults, with_new_cells


def load_case(options: CheckOptions, tell: Tell) -> Case:
    """Load all that ``options`` name. Raises ConfigError, FileFormatError, UsageError, SelectionError."""
    needs_project = options.result is None or options.against is None or options.explain
    project = load_project(options.root) if needs_project else project_or_defaults(options.root)
    config = with_new_cells(project, allowed=options.allow_new)
    path, result = latest_run(config.results_directory, named=options.result)
    if result.shard is not None:
        tell(f"{path} is shard {result.shard.shard}: judged by itself, without the other cells of its plan")
    baselines = load_against(config, options.against, measured=result, tell=tell)
    asked = ExplainRequest(result=path, against=options.against) if options.explain else None
    return Case(config=config, result=result, baselines=baselines, explained=asked)


def judged_as_asked(options: ReportOptions, tell: Tell) -> tuple[View, Mapping[str, Suite]]:
    """Return the view of the result that is to be rendered, and the suites of the project whose files it may name.

    Outside of a project it is judged only if something is named to compare it with. Raises as `load_case` does.
    """
    options.validate()
    config = _judging_project(options)
    _, result = latest_run(config.results_directory if config else Path(), named=options.result)
    suites = config.suites if config else {}
    if config is None or options.no_check:
        return unjudged(result, root=find_project(options.root)).view, suites
    baselines = load_against(config, options.against, measured=result, tell=tell)
    return judged(Case(config=config, result=result, baselines=baselines)).view, suites


def _judging_project(options: ReportOptions) -> Config | None:
    """Return the project by whose rules the result is judged, or the default rules; None if it is not judged."""
    if options.result is None:
        return load_project(options.root)
    if options.no_check or (options.against is None and find_project(options.root) is None):
        return None
    return project_or_defaults(options.root)
