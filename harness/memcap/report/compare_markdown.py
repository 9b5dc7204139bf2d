"""A comparison as GitHub's Markdown: the answer first, then one table with the most telling benchmark first."""

from __future__ import annotations

from typing import Final

from memcap.comparing import ANSWER, Difference, Pair, Part
from memcap.model import Metric, VerdictState
from memcap.report.caveats import CaveatView, full_text, summarized
from memcap.report.compare_view import WORDS, ComparisonView, in_mib, mark, word
from memcap.report.markdown_text import code, prose, row
from memcap.report.text import NOTHING, figure, percent
from memcap.units import counted

_IN_BYTES: Final = (*(part.value for part in Part), Metric.PEAK.value, Metric.RSS_PEAK.value)
_IN_SECONDS: Final = (Metric.WALL.value, Metric.CPU.value)


def render_comparison_markdown(view: ComparisonView) -> str:
    """Return ``view`` as Markdown."""
    texts = [f"**{prose(view.answer)}.**" + (f" {prose(view.where)}." if view.where else "")]
    texts.append("\n".join(f"- {code(side.label)}: {prose(side.text)}" for side in view.sides))
    if view.pairs:
        texts += [_table(view), _legend(view)]
    texts += [f"**{word(pair)}:** {code(pair.name)}: {prose(pair.summary)}" for pair in view.untold]
    deciding = [_caveat(each) for each in view.caveats if each.decides]
    if view.notes or deciding:
        texts.append("\n".join([*(f"- {prose(note)}" for note in view.notes), *deciding]))
    others = [_caveat(each) for each in view.caveats if not each.decides]
    if others:
        texts += [f"<details><summary>{summarized(view.caveats)}</summary>", "\n".join(others), "</details>"]
    if view.next_step:
        texts.append(f"Next: {prose(view.next_step)}.")
    return "\n\n".join(texts) + "\n"


def _caveat(caveat: CaveatView) -> str:
    """Return an item of a list."""
    where = ", ".join(filter(None, [counted(len(caveat.cell_ids), "benchmark"), caveat.where]))
    # The remedy is memcap's own text: what it has as code is code here, too.
    return f"- {prose(full_text(caveat, where).removesuffix(caveat.remedy))}{caveat.remedy}"


def _table(view: ComparisonView) -> str:
    base, against = (code(side.label) for side in view.sides)
    headers = ["benchmark", "verdict", base, against, "change in MiB"]
    headers += [code(name) for name in (*_IN_BYTES, *_IN_SECONDS)]
    lines = [row(*headers), row("---", "---", *["---:"] * (len(headers) - 2))]
    return "\n".join([*lines, *(_row(pair) for pair in view.pairs)])


def _row(pair: Pair) -> str:
    answer = pair.answer
    medians = [figure(ANSWER, answer.base), figure(ANSWER, answer.against)] if answer else [NOTHING] * 2
    figures = {each.name: each for each in (*pair.metrics, *pair.parts)}
    return row(
        code(pair.name),
        word(pair) if pair.state in (VerdictState.UNCHANGED, VerdictState.INCOMPARABLE) else f"**{word(pair)}**",
        *medians,
        _interval(answer),
        *(_mib(figures.get(name)) for name in _IN_BYTES),
        *(percent(figures[name].change) if name in figures else NOTHING for name in _IN_SECONDS),
    )


def _legend(view: ComparisonView) -> str:
    return (
        f"{code(ANSWER.value)} is what must fit under the cap: medians, and the change with its "
        f"{view.confidence * 100:.4g} % interval. The other columns are changes in MiB; those of times are in percent "
        f"and not judged. `=` is within the tolerance, `?` {WORDS[VerdictState.UNDECIDED]}."
    )


def _interval(difference: Difference | None) -> str:
    if difference is None or difference.shift is None:
        return in_mib(difference.moved) if difference else NOTHING
    return f"{in_mib(difference.moved)} ({in_mib(difference.shift.low)} to {in_mib(difference.shift.high)})"


def _mib(difference: Difference | None) -> str:
    return NOTHING if difference is None else f"{in_mib(difference.moved)} {mark(difference)}".rstrip()
