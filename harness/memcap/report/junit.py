"""JUnit XML, which every CI service shows: a test suite a suite, a test case a cell.

There is no standard. This keeps to the schema of Jenkins' xUnit plugin (junit-10.xsd), the strictest that is published.
A test case has no properties there, so the figures of a cell are properties of its test suite, named `CELL/METRIC`.
The names of suites and classes have the project's folder in them, as a repository may hold several projects.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from memcap.model import Verdict, VerdictState
from memcap.report.answer import FINE, OPEN
from memcap.report.caveats import by_kind
from memcap.report.figures import median_of
from memcap.report.text import figure
from memcap.report.view import CellView, View
from memcap.units import counted
from memcap.untrusted import printable, printable_lines

_TOO_MUCH: Final = frozenset({VerdictState.REGRESSED, VerdictState.BUDGET_BROKEN})


def render_junit(view: View) -> str:
    """Return a failure for what is worse than it may be, an error for what went wrong, skipped for what is not known.

    A cell of a benchmark without a baseline has passed: it ended as expected and kept its budget. One that could not be
    compared with the baselines of its benchmark is an error.
    """
    by_suite: dict[str, list[CellView]] = {}
    for cell in view.cells:
        by_suite.setdefault(_suite_name(cell.id), []).append(cell)
    judged = {cell.id for cell in view.cells}
    missing = [cell_id for cell_id in view.not_measured if cell_id not in judged]
    for cell_id in missing:
        by_suite.setdefault(_suite_name(cell_id), [])
    suites = [
        _suite(name, cells, [cell_id for cell_id in missing if _suite_name(cell_id) == name], view)
        for name, cells in by_suite.items()
    ]
    totals = {key: str(sum(int(suite.attrib[key]) for suite in suites)) for key in ("tests", "failures", "errors")}
    root = ET.Element("testsuites", {"name": "memcap", **totals})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(name: str, cells: Sequence[CellView], missing: Sequence[str], view: View) -> ET.Element:
    title = _title(name, view)
    cases = [*(_case(cell, title) for cell in cells), *(_missing_case(cell_id, title) for cell_id in missing)]
    kinds = [child.tag for case in cases for child in case]
    suite = ET.Element(
        "testsuite",
        {
            "name": title,
            "tests": str(len(cases)),
            "failures": str(kinds.count("failure")),
            "errors": str(kinds.count("error")),
            "skipped": str(kinds.count("skipped")),
            **_time(cells),
            "timestamp": printable(view.result.started),
        },
    )
    where = view.result.environment
    facts: list[tuple[str, object]] = [
        ("campaign", view.result.id),
        ("profile", view.result.profile),
        ("engine", f"{where.engine} {where.engine_version}"),
        ("cgroup_version", where.cgroup_version),
        ("kernel", where.kernel),
        ("architecture", where.architecture),
        ("memcap", where.memcap_version),
    ]
    properties = ET.SubElement(suite, "properties")
    for key, value in chain(facts, *map(_figures, cells)):
        ET.SubElement(properties, "property", {"name": printable(key), "value": printable(str(value))})
    suite.extend(cases)
    return suite


def _figures(cell: CellView) -> Iterable[tuple[str, object]]:
    """Yield the medians of ``cell`` in bytes and seconds, the ends of intervals, and its OOM kills if counted."""
    for each in cell.metrics:
        if each.summary:
            yield f"{cell.id}/{each.metric.value}", each.summary.median
        for end, value in zip(("low", "high"), each.interval or (), strict=False):
            yield f"{cell.id}/{each.metric.value}_{end}", value
    kills = [run.oom.kills for run in cell.runs if run.oom.kills is not None]
    if kills:
        yield f"{cell.id}/oom_kills", sum(kills)


def _case(cell: CellView, title: str) -> ET.Element:
    case = ET.Element("testcase", {**_names(cell.id, title), **_time([cell])})
    verdict = cell.verdict
    tag = _element(verdict) if verdict else None
    if verdict and tag:
        told = ET.SubElement(case, tag, {"type": verdict.state.value, "message": printable(verdict.summary)})
        told.text = _lines(verdict.remedy, verdict.output.expandtabs())
    if text := _told(cell):
        ET.SubElement(case, "system-out").text = text
    return case


def _element(verdict: Verdict) -> str | None:
    """Return the element that tells of a verdict; None if the cell has passed."""
    if verdict.is_unjudged or verdict.state not in FINE | OPEN | _TOO_MUCH:
        return "error"
    if verdict.state in _TOO_MUCH:
        return "failure"
    return "skipped" if verdict.state in OPEN else None


def _missing_case(cell_id: str, title: str) -> ET.Element:
    case = ET.Element("testcase", _names(cell_id, title))
    ET.SubElement(case, "skipped", {"type": "not measured", "message": "planned, not measured"})
    return case


def _told(cell: CellView) -> str:
    """Return the figures of ``cell`` in words, and the doubts about them."""
    lines = [
        f"{each.metric.value}: median {figure(each.metric, each.summary.median)}, range "
        f"{figure(each.metric, each.summary.min)} to {figure(each.metric, each.summary.max)}, "
        f"{counted(each.summary.n, 'value')}{f'; the median lies in {median_of(each)}' if each.interval else ''}"
        for each in cell.metrics
        if each.summary
    ]
    lines += [f"{each.metric.value}: {median_of(each)} until the runs ended" for each in cell.metrics if each.until_end]
    if cell.endings:
        lines.append("endings: " + ", ".join(f"{count} {ending.value}" for ending, count in cell.endings))
    if cell.verdict:
        lines += [f"alert {alert.kind.value}: {alert.detail}" for alert in cell.verdict.alerts]
        told = ((kind, detail) for kind, details in by_kind(cell.verdict.caveats) for detail in details)
        lines += [f"caveat {kind.value}: {detail}" for kind, detail in told]
    return _lines(*lines)


def _lines(*texts: str) -> str:
    return "\n".join(printable_lines(text) for text in texts if text)


def _names(cell_id: str, title: str) -> dict[str, str]:
    return {"classname": title, "name": printable(cell_id)}


def _title(suite: str, view: View) -> str:
    """Return ``memcap.agents``, or ``memcap.services/api.agents`` for a project in a folder of its repository."""
    return ".".join(printable(part) for part in ("memcap", view.project, suite) if part)


def _suite_name(cell_id: str) -> str:
    return cell_id.partition(".")[0]


def _time(cells: Sequence[CellView]) -> dict[str, str]:
    """Return how long all runs took, nothing where that was not measured."""
    known = [run.wall_seconds for cell in cells for run in cell.runs if run.wall_seconds is not None]
    return {"time": f"{sum(known):.3f}"} if known else {}
