"""The diff of two allocation profiles as a document; every figure is one of a run with the instrument in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from memcap.model import AllocationProfile
from memcap.profile_diff import Box, Explanation, LineChange, ProfileDiff, StackChange, boxes_of
from memcap.report.document import (
    Advice,
    Block,
    Cell,
    Chart,
    Column,
    Document,
    Facts,
    Fold,
    Level,
    Lines,
    Mono,
    Overflow,
    Paragraph,
    Table,
    Text,
    document,
    flat,
)
from memcap.report.drawing import Flame, Flames
from memcap.report.grown import cause_in_words, grown_blocks
from memcap.report.profile import NO_LINE, place
from memcap.report.profile_tree import place_text
from memcap.report.text import sentence, shortened
from memcap.units import counted, few, format_bytes, signed
from memcap.untrusted import printable

_LONGEST_STACK: Final = 12
_EXPLAINED_LINES: Final = 5
_MOST_DOUBTS: Final = 10
_ALIKE_SHOWN: Final = 12  # characters before the first that differs
_LONGEST_ALIKE: Final = 40  # of longer lines only what differs is shown
_LONGEST_SUBJECT: Final = 100
_CYCLE: Final = "cycle"


def diff_document(diff: ProfileDiff, *, top: int, stacks: bool = False) -> Document:
    """Return a sentence, the ``top`` lines (or whole stacks) that changed most, what is doubtful, and a flamegraph.

    The last rows say what all others come to, so that the table adds up.
    """
    return document(
        "memcap diff", Paragraph(text=Advice(told(diff))), _body(diff, top=top, stacks=stacks), _flames(diff)
    )


def explanation_blocks(explanation: Explanation) -> Iterator[Fold]:
    """Yield why a cell became worse, and who holds what it leaks."""
    if explanation.diff or explanation.why_not:
        yield _change(explanation)
    if explanation.grown:
        cycles = explanation.cycles
        cause = cause_in_words(explanation.grown, unit=_CYCLE, work=cycles)
        told = Paragraph(text=f"{explanation.cell_id}, what grows: {cause or 'nothing in Python'}")
        blocks = grown_blocks(explanation.grown, unit=_CYCLE, work=cycles, bytes_=None)
        yield Fold(title=("what grows: ", Mono(explanation.cell_id)), blocks=(told, *blocks), opens=True)


def _change(explanation: Explanation) -> Fold:
    title = ("what changed by line: ", Mono(explanation.cell_id))
    if explanation.diff is None:
        why = Paragraph(text=f"{explanation.cell_id}, what changed by line: not explained: {explanation.why_not}")
        return Fold(title=title, blocks=(why,), opens=True)
    compared = Paragraph(text=f"{explanation.cell_id}, what changed by line, since {explanation.base}")
    kept = Paragraph(text=f"Profiles, and the diff in other forms: {explanation.folder}")
    answer = Paragraph(text=Advice(told(explanation.diff)))
    body = _body(explanation.diff, top=_EXPLAINED_LINES, stacks=False)
    return Fold(title=title, blocks=(compared, answer, *body, *([kept] if explanation.folder else [])), opens=True)


def _body(diff: ProfileDiff, *, top: int, stacks: bool) -> tuple[Block, ...]:
    tool = f"{diff.after.tool.value} {diff.after.tool_version}"
    warning = f"PROFILED with {tool}: no figure here is one to compare with other runs or to accept."
    doubts = few([sentence(doubt) for doubt in diff.doubts], _MOST_DOUBTS)
    return flat(
        Facts(items=(("before", _side(diff.before)), ("after", _side(diff.after)))),
        Paragraph(text=warning, level=Level.WARN),
        _stack_table(diff, top) if stacks else _line_table(diff, top),
        (Paragraph(text=f"{doubt}.", hangs=True) for doubt in doubts),
    )


def told(diff: ProfileDiff) -> str:
    """Return the diff in a sentence."""
    tool = diff.after.tool.value
    old, new = format_bytes(diff.total_before), format_bytes(diff.total_after)
    changed = diff.largest(len(diff.lines))
    if not changed:
        return f"Nothing changed: {tool} counted {new} on both sides, of the same lines."
    way = "more" if diff.delta_bytes > 0 else "less"
    total = f"{tool} counted {format_bytes(abs(diff.delta_bytes))} {way} after ({new}) than before ({old})"
    if diff.delta_bytes == 0:
        total = f"{tool} counted {new} on both sides, not of the same lines"
    rises = [line for line in changed if line.delta_bytes > 0]
    falls = [line for line in changed if line.delta_bytes < 0]
    wanted = falls if diff.delta_bytes < 0 else rises
    if not wanted:
        return f"{total}, of no single line."
    top = wanted[-1] if wanted is falls else wanted[0]
    noun = "fall" if wanted is falls else "rise"
    return printable(f"{total}. The largest {noun} is {signed(top.delta_bytes, format_bytes)} at {_described(top)}.")


def remark(line: LineChange, *, was: str = "") -> str:
    """Return what became of the line itself: new, gone, moved from somewhere, edited; empty if it is as it was.

    ``was`` is what to show of an edited line's old text, by default all of it.
    """
    if line.word in ("new", "gone"):
        return line.word
    words = []
    if line.before and line.after and line.moved:
        name = line.before.file if line.before.file != line.after.file else "line"
        words.append(printable(f"was {name}{':' if name != 'line' else ' '}{line.before.line}"))
    if line.edited:
        words.append(f"was: {was or printable(line.text_before)}")
    return "; ".join(words)


def largest_stacks(diff: ProfileDiff, number: int) -> list[StackChange]:
    """Return the ``number`` stacks that changed most, the largest rise first."""
    changed = sorted((each for each in diff.stacks if each.word != "same"), key=lambda each: -abs(each.delta_bytes))
    return sorted(changed[:number], key=lambda each: -each.delta_bytes)


def _described(line: LineChange) -> str:
    frame = line.frame
    if frame is None:
        return "no line of Python"
    text = f": `{line.text}`" if line.text else ""
    said = remark(line)
    return f"{frame.file}:{frame.line} in {frame.function}{text}" + (f" ({said})" if said else "")


def _side(profile: AllocationProfile) -> str:
    subject = shortened(profile.subject, _LONGEST_SUBJECT)
    return f"{subject} in {profile.image} ({profile.python}), {profile.id}"


def _line_table(diff: ProfileDiff, top: int) -> Table:
    largest = diff.largest(top)
    rows = [_row(line.delta_bytes, line.old.size_bytes, line.new.size_bytes, _told_line(line)) for line in largest]
    shown = sum(line.old.size_bytes for line in largest), sum(line.new.size_bytes for line in largest)
    return _table("line", [*rows, *_last_rows(diff, *shown, "lines")])


def _told_line(line: LineChange) -> Lines:
    now, was = _parts_that_differ(line)
    texts: list[Text] = [place(line.frame), *([Mono(now)] if now else [])]
    texts += [said] if (said := remark(line, was=was)) else []
    texts += [("in ", place(line.inside))] if line.inside else []
    if line.old.count != line.new.count and line.word not in ("new", "gone"):
        texts.append(f"{line.old.count} -> {counted(line.new.count, 'allocation')}")
    return Lines(tuple(texts))


def _stack_table(diff: ProfileDiff, top: int) -> Table:
    largest = largest_stacks(diff, top)
    rows = [_row(each.delta_bytes, each.old.size_bytes, each.new.size_bytes, _told_stack(each)) for each in largest]
    shown = sum(each.old.size_bytes for each in largest), sum(each.new.size_bytes for each in largest)
    return _table("stack, innermost first", [*rows, *_last_rows(diff, *shown, "stacks")])


def _told_stack(change: StackChange) -> Lines:
    return Lines(few([place(frame) for frame in change.stack] or [NO_LINE], _LONGEST_STACK))


def _table(what: str, rows: list[tuple[Cell, ...]]) -> Table:
    figures = (Column(title=title, right=True) for title in ("change", "before", "after"))
    return Table(columns=(*figures, Column(title=what, fit=Overflow.MIDDLE)), rows=tuple(rows), noun="lines")


def _last_rows(diff: ProfileDiff, shown_old: int, shown_new: int, noun: str) -> Iterator[tuple[Cell, ...]]:
    old = diff.total_before - diff.rest_before - shown_old
    new = diff.total_after - diff.rest_after - shown_new
    yield _row(new - old, old, new, f"all other {noun}")
    if diff.rest_before or diff.rest_after:
        unlisted = "sites too small to be listed"
        yield _row(diff.rest_after - diff.rest_before, diff.rest_before, diff.rest_after, unlisted)
    yield _row(diff.delta_bytes, diff.total_before, diff.total_after, "total")


def _row(delta: int, old: int, new: int, what: Cell) -> tuple[Cell, ...]:
    return signed(delta, format_bytes), format_bytes(old), format_bytes(new), what


def _parts_that_differ(line: LineChange) -> tuple[str, str]:
    """Return the text of a line and what it was; of long ones that were edited from shortly before they differ."""
    now, was = printable(line.text), printable(line.text_before)
    if not line.edited or max(len(now), len(was)) <= _LONGEST_ALIKE:
        return now, was
    pairs = enumerate(zip(now, was, strict=False))
    start = next((place for place, (new, old) in pairs if new != old), min(len(now), len(was))) - _ALIKE_SHOWN
    if start <= 0:
        return now, was
    return f"…{now[start:]}", f"…{was[start:]}"


def _flames(diff: ProfileDiff) -> Chart:
    boxes = boxes_of(diff)
    most = max((abs(box.new_bytes - box.old_bytes) for box in boxes), default=0) or 1
    drawing = Flames(heading="callers above what they call", boxes=tuple(_flame(box, diff, most) for box in boxes))
    words = (
        "A box is as wide as its stacks allocated before or after, whichever is more of each; red allocates more (+), "
        "blue less (-), the stronger the more. Point at a box for its line and figures."
    )
    return Chart(drawing=drawing, words=words, title="Flamegraph of the difference")


def _flame(box: Box, diff: ProfileDiff, most: int) -> Flame:
    delta = box.new_bytes - box.old_bytes
    name = place_text(box.frame) if box.frame else "all"
    source = diff.after.source(box.frame) or diff.before.source(box.frame)
    moved = signed(delta, format_bytes)
    sizes = f"{format_bytes(box.old_bytes)} before, {format_bytes(box.new_bytes)} after"
    share = f", {delta / box.old_bytes:+.0%}" if box.old_bytes and box.new_bytes else ""
    word = "new" if not box.old_bytes else "gone" if not box.new_bytes else "grew" if delta > 0 else "shrank"
    function = box.frame.function if box.frame else "all"
    return Flame(
        left=box.left,
        width=box.width,
        depth=box.depth,
        change=delta / most,
        title="\n".join(
            [
                printable(name),
                printable(source),
                f"{moved} ({sizes}{share}): {word if delta else 'same'}",
            ]
        ),
        label=printable(f"{moved} {function}" if delta else function),
    )
