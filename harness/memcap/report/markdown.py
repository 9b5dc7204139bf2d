"""The view as GitHub's Markdown: the verdict first, then a table with the worst first, and all else folded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memcap.model import Metric, VerdictState
from memcap.report.answer import FINE, is_fine
from memcap.report.caveats import CaveatView, summarized
from memcap.report.diff import explanation_block
from memcap.report.document import document
from memcap.report.figures import (
    AT_LEAST_NOTE,
    TEST_PEAK,
    TEST_RISE,
    are_tests,
    is_at_least,
    median_of,
    median_of_test,
)
from memcap.report.markdown_text import code, fence_end, html_code, prose, row
from memcap.report.text import NOTHING, figure, percent, shortened, signed
from memcap.report.to_markdown import to_markdown
from memcap.report.view import AlertView, CellView, ProblemView, View
from memcap.units import counted, format_bytes

SUMMARY_LIMIT: Final = 1024 * 1024  # bytes of $GITHUB_STEP_SUMMARY that one step may write
COMMENT_LIMIT: Final = 65_536  # characters of a comment on GitHub

_UNFOLDED_CELLS = 20
_TOLD_CELLS = 8
_TOLD_DETAILS = 20
_OUTPUT_LINES = 20
_LONGEST_STEP = 1000
_LONGEST_TEXT = 2000
_ICONS: Final = {
    VerdictState.REGRESSED: "❌",
    VerdictState.BUDGET_BROKEN: "❌",
    VerdictState.ENDING_CHANGED: "❌",
    VerdictState.WORKLOAD_FAILED: "❌",
    VerdictState.INFRASTRUCTURE: "⚠️",
    VerdictState.GONE: "⚠️",
    VerdictState.INCOMPARABLE: "❔",
    VerdictState.UNDECIDED: "❔",
    VerdictState.NOT_ENOUGH_DATA: "❔",
    VerdictState.NEW: "✅",
    VerdictState.IMPROVED: "✅",
    VerdictState.UNCHANGED: "✅",
}


@dataclass(frozen=True, kw_only=True)
class _Section:
    """Something of many parts, of which the last may be left out: ``noun`` names them, ``most`` is their share."""

    noun: str
    parts: Sequence[str]
    before: str = ""
    after: str = ""
    separator: str = "\n\n"
    most: float = 1.0


def render_markdown(view: View, *, limit: int = SUMMARY_LIMIT) -> str:
    """Return ``view`` as Markdown of at most ``limit`` bytes in UTF-8; what matters least is left out, and named."""
    beginning, end = _headline(view), _circumstances(view)
    texts, left_out = [beginning], []
    room = limit - _size(beginning) - _size(end) - 600  # for the line on what was left out
    for section in _sections(view):
        frame = _size(section.before) + _size(section.after) + 8
        kept = _fitting(section, int(min(room - frame, limit * section.most)))
        if kept:
            text = "\n".join(
                filter(None, [section.before, section.separator.join(section.parts[:kept]), section.after])
            )
            texts.append(text)
            room -= _size(text) + 2
        if kept < len(section.parts):
            left_out.append(f"{len(section.parts) - kept} {section.noun}")
    if left_out:
        told = f"**Left out to stay within {format_bytes(limit)}: {', '.join(left_out)}.** `memcap report` shows all."
        texts.append(told)
    return "\n\n".join([*texts, end]) + "\n"


def render_comment(view: View) -> str:
    """Return ``view`` as Markdown that fits a comment."""
    return render_markdown(view, limit=COMMENT_LIMIT)


def _fitting(section: _Section, room: int) -> int:
    """Return how many parts of ``section`` fit into ``room`` bytes."""
    for number, part in enumerate(section.parts):
        room -= _size(part) + len(section.separator)
        if room < 0:
            return number
    return len(section.parts)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _headline(view: View) -> str:
    state = view.counts[0][0] if view.counts else None
    icon = ("❌" if view.exit_code else "✅" if state in FINE or not view.is_judged else "❔") if view.cells else "❔"
    text = f"**{icon} memcap: {prose(view.reason)}.**"
    if not view.next_step or len(view.next_step) > _LONGEST_STEP:
        return text
    return f"{text} Next: {_advice(view.next_step)}"


def _advice(text: str) -> str:
    """Return a remedy; a command at its end becomes code, so that it can be copied."""
    words, start, command = text.partition("memcap ")
    if start and (not words or words.endswith(": ")):
        return prose(words) + code(f"{start}{command}")
    return prose(text)


def _sections(view: View) -> list[_Section]:
    """Return the sections, the most interesting first."""
    notable = [cell for cell in view.cells if cell.verdict and not is_fine(cell.verdict)]
    fine = [cell for cell in view.cells if not cell.verdict or is_fine(cell.verdict)]
    if len(view.cells) <= _UNFOLDED_CELLS:
        notable, fine = list(view.cells), []
    cells = {cell.id: cell for cell in view.cells}
    sections = [
        _table(view, notable, noun="cells that need a look", most=0.5),
        _Section(noun="explanations", parts=[_problem(problem, cells) for problem in view.problems], most=0.6),
        _Section(
            noun="explanations by line",
            parts=[to_markdown(document("", explanation_block(each))).rstrip() for each in view.explained],
            most=0.5,
        ),
        _Section(noun="kinds of alerts", parts=[_alert(alert) for alert in view.alerts]),
        *_caveats(view),
        _table(
            view,
            fine,
            noun="cells that are fine",
            summary=f"{counted(len(fine), 'cell')} that {'is' if len(fine) == 1 else 'are'} fine",
        ),
    ]
    return [section for section in sections if section.parts]


def _table(view: View, cells: Sequence[CellView], *, noun: str, summary: str = "", most: float = 1.0) -> _Section:
    columns = _columns(view)
    note = f"\n{AT_LEAST_NOTE}" if any(map(is_at_least, cells)) else ""
    title = row("cell", *(name for name, _, _ in columns))
    marks = row("---", *("---:" if right else "---" for _, right, _ in columns))
    before = f"<details><summary>{summary}</summary>\n\n{title}\n{marks}" if summary else f"{title}\n{marks}"
    return _Section(
        noun=noun,
        parts=[row(code(cell.id), *(text(cell) for _, _, text in columns)) for cell in cells],
        before=before,
        after="\n".join([*([note] if note else []), *(["\n</details>"] if summary else [])]),
        separator="\n",
        most=most,
    )


def _columns(view: View) -> list[tuple[str, bool, Callable[[CellView], str]]]:
    """Return title, whether right-aligned, and text of each column but the first."""
    compared = any(each.change is not None for cell in view.cells for each in cell.metrics)

    def figures(title: str, metric: Metric) -> list[tuple[str, bool, Callable[[CellView], str]]]:
        change = [("change", True, lambda cell: percent(cell.metric(metric).change))] if compared else []
        return [(title, True, lambda cell: median_of(cell.metric(metric))), *change]

    verdict = [("verdict", False, _state)] if view.is_judged else []
    needed = figures("unreclaimable peak", Metric.UNRECLAIMABLE_PEAK)
    if are_tests(view.cells):
        known = any(median_of(cell.metric(Metric.UNRECLAIMABLE_PEAK)) != NOTHING for cell in view.cells)
        return [
            *verdict,
            *figures("rss peak", Metric.RSS_PEAK),
            *(needed if known else []),
            ("memory peak", True, lambda cell: median_of_test(cell, TEST_PEAK)),
            ("memory rise", True, lambda cell: median_of_test(cell, TEST_RISE)),
            ("ending", False, _endings),
        ]
    return [*verdict, *figures("peak", Metric.PEAK), *needed, ("ending", False, _endings)]


def _state(cell: CellView) -> str:
    return f"{_ICONS[cell.verdict.state]} {cell.verdict.state.value}" if cell.verdict else NOTHING


def _endings(cell: CellView) -> str:
    if len(cell.endings) == 1:
        return code(cell.endings[0][0].value)
    return ", ".join(f"{count} {code(ending.value)}" for ending, count in cell.endings) or NOTHING


def _problem(problem: ProblemView, cells: Mapping[str, CellView]) -> str:
    ids = ", ".join(html_code(shortened(each, 200)) for each in problem.cell_ids[:_TOLD_CELLS])
    more = f" and {len(problem.cell_ids) - _TOLD_CELLS} more" if len(problem.cell_ids) > _TOLD_CELLS else ""
    told = f"{_ICONS[problem.state]} {problem.state.value}: {ids}{more}"
    table = _metrics(cells[problem.cell_ids[0]]) if len(problem.cell_ids) == 1 else ""
    summary = "" if table else f"Seen: {prose(shortened(problem.summary, _LONGEST_TEXT))}"
    output = (
        f"The end of its output:\n\n{fence_end(problem.output, most_lines=_OUTPUT_LINES)}" if problem.output else ""
    )
    remedy = f"Remedy: {_advice(shortened(problem.remedy, _LONGEST_TEXT))}" if problem.remedy else ""
    return _folded(told, table, summary, remedy, output)


def _metrics(cell: CellView) -> str:
    """Return a table of what was compared of a cell; empty if nothing was, or its verdict is about something else."""
    if cell.verdict is None or cell.verdict.state not in (VerdictState.REGRESSED, VerdictState.UNDECIDED):
        return ""
    rows = []
    for verdict in cell.verdict.metrics:
        metric, moved = verdict.metric, verdict.shift
        between = f"{signed(metric, moved.low)} to {signed(metric, moved.high)}" if moved else NOTHING
        figures = [figure(metric, value) for value in (verdict.base, verdict.new)]
        tolerance = figure(metric, verdict.margin)
        rows.append(
            row(code(metric.value), f"{_ICONS[verdict.state]} {verdict.state.value}", *figures, between, tolerance)
        )
    head = row("metric", "verdict", "baseline", "now", "moved by", "tolerance")
    return "\n".join([head, row("---", "---", "---:", "---:", "---:", "---:"), *rows])


def _alert(alert: AlertView) -> str:
    lines = [f"- {code(cell_id)}: {prose(detail)}" for cell_id, detail in alert.told[:_TOLD_DETAILS]]
    if len(alert.told) > _TOLD_DETAILS:
        lines.append(f"- and {len(alert.told) - _TOLD_DETAILS} more")
    return _folded(f"⚠️ alert {alert.kind.value}", "\n".join(lines), f"Remedy: {prose(alert.remedy)}")


def _caveats(view: View) -> list[_Section]:
    """Return the caveats that can change a decision as they are, and the others folded under one line."""
    others = [_caveat(caveat, view) for caveat in view.caveats if not caveat.decides]
    return [
        _Section(
            noun="kinds of caveats",
            separator="\n",
            parts=[_caveat(each, view) for each in view.caveats if each.decides],
        ),
        _Section(
            noun="kinds of caveats that decide nothing",
            parts=others,
            before=f"<details><summary>{summarized(view.caveats)}</summary>\n",
            after="\n</details>",
            separator="\n",
        ),
    ]


def _caveat(caveat: CaveatView, view: View) -> str:
    """Return an item of a list."""
    number = len(caveat.cell_ids)
    ids = ", ".join(code(shortened(each, 200)) for each in caveat.cell_ids[:_TOLD_CELLS])
    cells = "all cells" if number == len(view.cells) > 1 else ids + (", …" if number > _TOLD_CELLS else "")
    seen = [prose(shortened(detail, _LONGEST_TEXT)) for detail in caveat.seen[:_TOLD_DETAILS]]
    more = [f"and {len(caveat.seen) - _TOLD_DETAILS} more"] if len(caveat.seen) > _TOLD_DETAILS else []
    where = ", ".join(filter(None, [cells, caveat.where]))
    return f"- caveat {caveat.name} ({where}): {'; '.join([*seen, *more])}. {caveat.remedy}"


def _circumstances(view: View) -> str:
    """Return how and where it was measured, always of a few lines."""
    where = view.environment
    cgroup = f"cgroup v{where.cgroup_version}" if where.cgroup_version else "cgroup version unknown"
    engine = f"{where.engine} {where.engine_version}, {cgroup}, {where.architecture}, kernel {where.kernel}"
    images = []
    for name, facts in list(view.images.items())[:_TOLD_CELLS]:
        python = f", {facts.python.implementation} {facts.python.version}" if facts.python else ""
        images.append(f"- image {code(shortened(name, 100))}: {code(shortened(facts.reference, 200))}{prose(python)}")
    facts_told = [
        *([f"- compared with {code(shortened(view.against, 200))}"] if view.against else []),
        f"- campaign {code(shortened(view.campaign, 100))}, started {code(shortened(view.started, 100))}",
        f"- profile {code(shortened(view.profile, 100))}",
        f"- {prose(shortened(engine, 300))}",
        *images,
        f"- command {code(shortened(' '.join(view.command), 300))}",
    ]
    found = [f"{percent(each.rise)} of {code(each.metric.value)}" for each in view.sensitivity]
    if found:
        facts_told.append(f"- median detectable increase: {', '.join(found)}")
    return _folded("How it was measured", "\n".join(facts_told))


def _folded(title: str, *parts: str) -> str:
    return "\n\n".join([f"<details><summary>{title}</summary>", *filter(None, parts), "</details>"])
