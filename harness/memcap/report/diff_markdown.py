"""The diff of two allocation profiles as GitHub's Markdown, for a pull request."""

from __future__ import annotations

from typing import Final

from memcap.profile_diff import Explanation, LineChange, ProfileDiff
from memcap.report.diff import doubts, place, remark, sides, signed_bytes, told
from memcap.report.markdown_text import code, html_code, prose, row
from memcap.report.text import shortened
from memcap.units import format_bytes

_TOP_LINES: Final = 10
_MOST_DOUBTS: Final = 10
_LONGEST: Final = 300


def render_diff_markdown(diff: ProfileDiff, *, top: int = _TOP_LINES) -> str:
    """Return the diff as Markdown: the sentence, then the ``top`` lines that changed most, then what was compared."""
    return f"**memcap diff:** {prose(told(diff))}\n\n{_body(diff, top)}\n"


def explanation_markdown(explanation: Explanation) -> str:
    """Return why a cell became worse, folded."""
    title = f"what changed by line: {html_code(shortened(explanation.cell_id, _LONGEST))}"
    if explanation.diff is None:
        told_why = f"Not explained: {prose(shortened(explanation.why_not, 2 * _LONGEST))}"
    else:
        told_why = f"Compared with {prose(explanation.base)}: {prose(told(explanation.diff))}\n\n"
        told_why += _body(explanation.diff, _TOP_LINES)
    return f"<details><summary>{title}</summary>\n\n{told_why}\n\n</details>"


def _body(diff: ProfileDiff, top: int) -> str:
    largest = diff.largest(top)
    rows = [row("change", "before", "after", "line", "text"), row("---:", "---:", "---:", "---", "---")]
    rows += [_line(line) for line in largest]
    old = diff.total_before - sum(line.old.size_bytes for line in largest)
    new = diff.total_after - sum(line.new.size_bytes for line in largest)
    rows.append(row(*_figures(new - old, old, new), "all others", ""))
    rows.append(row(*_figures(diff.delta_bytes, diff.total_before, diff.total_after), "**total**", ""))
    facts = [f"- {prose(shortened(each, _LONGEST))}" for each in (*sides(diff), *doubts(diff)[:_MOST_DOUBTS])]
    told_facts = "\n".join(["<details><summary>What was compared</summary>", "", *facts, "", "</details>"])
    return "\n".join(rows) + f"\n\n{told_facts}"


def _line(line: LineChange) -> str:
    said = remark(line)
    shown = [code(shortened(place(line.frame), _LONGEST)), *([prose(shortened(said, _LONGEST))] if said else [])]
    text = code(shortened(line.text, _LONGEST)) if line.text else ""
    return row(*_figures(line.delta_bytes, line.old.size_bytes, line.new.size_bytes), " ".join(shown), text)


def _figures(delta: int, old: int, new: int) -> tuple[str, str, str]:
    return signed_bytes(delta), format_bytes(old), format_bytes(new)
