"""The diff of two allocation profiles as text and as JSON; every figure is one of a run with the instrument in it."""

from __future__ import annotations

from typing import Any, Final

from memcap.json_text import json_text
from memcap.model import AllocationProfile, Frame, limit_of
from memcap.profile_diff import Explanation, LineChange, ProfileDiff, StackChange
from memcap.report.text import folded, shortened, wrapped
from memcap.units import counted, format_bytes
from memcap.untrusted import printable

# History of the schema; it goes up when a key goes away or changes its meaning.
# 1 - first version
DIFF_SCHEMA: Final = 1
NO_LINE: Final = "(no line of Python)"
_LONGEST_STACK: Final = 12
_EXPLAINED_LINES: Final = 5
_ALIKE_SHOWN: Final = 12  # characters before the first that differs
_LONGEST_SUBJECT: Final = 100
_INDENT: Final = " " * 34


def render_diff(diff: ProfileDiff, *, top: int, stacks: bool = False, width: int = 80) -> str:
    """Return the diff as text: a sentence, the ``top`` lines (or whole stacks) that changed most, and what is doubtful.

    The last rows say what all others come to, so that the table adds up.
    """
    parts = [wrapped(told(diff), width), "\n".join(wrapped(each, width, rest="        ") for each in sides(diff))]
    parts.append(_stack_table(diff, top, width) if stacks else _line_table(diff, top, width))
    parts += [wrapped(doubt, width, rest="    ") for doubt in doubts(diff)]
    return folded("\n\n".join(parts), width) + "\n"


def render_explanation(explanation: Explanation, *, width: int = 80) -> str:
    """Return why a cell became worse as text."""
    title = f"{explanation.cell_id}, what changed by line"
    if explanation.diff is None:
        return wrapped(f"{title}: not explained: {explanation.why_not}", width, rest="    ") + "\n"
    compared = wrapped(f"{title}, since {explanation.base}", width)
    kept = f"Profiles, and the diff in other forms: {explanation.folder}"
    return f"{compared}\n\n{render_diff(explanation.diff, top=_EXPLAINED_LINES, width=width)}\n{kept}\n"


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
    return printable(f"{total}. The largest {noun} is {signed_bytes(top.delta_bytes)} at {_described(top)}.")


def sides(diff: ProfileDiff) -> tuple[str, str, str]:
    """Return which profiles are compared, and that they are profiles."""
    tool = f"{diff.after.tool.value} {diff.after.tool_version}"
    warning = f"PROFILED with {tool}: no figure here is one to compare with other runs or to accept."
    return f"before: {_side(diff.before)}", f"after:  {_side(diff.after)}", warning


def doubts(diff: ProfileDiff) -> list[str]:
    """Return why the two profiles may not be alike, in sentences."""
    return [f"{printable(doubt[:1].upper() + doubt[1:])}." for doubt in diff.doubts]


def place(frame: Frame | None) -> str:
    """Return a line for a reader."""
    return printable(f"{frame.file}:{frame.line} {frame.function}") if frame else NO_LINE


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


def signed_bytes(value: int) -> str:
    """Return a change in bytes with its sign."""
    return f"+{format_bytes(value)}" if value > 0 else format_bytes(value)


def render_diff_json(diff: ProfileDiff, *, top: int) -> str:
    """Return the whole diff for programs: all lines that changed, and the ``top`` stacks."""
    return json_text(diff_json(diff, top=top))


def diff_json(diff: ProfileDiff, *, top: int) -> dict[str, Any]:
    """Return the diff as plain values, in bytes; lines and stacks that are the same are left out."""
    return {
        "schema": DIFF_SCHEMA,
        "profiled": True,
        "sentence": told(diff),
        "tool": diff.after.tool.value,
        "before": _side_json(diff.before),
        "after": _side_json(diff.after),
        "total_before_bytes": diff.total_before,
        "total_after_bytes": diff.total_after,
        "delta_bytes": diff.delta_bytes,
        "unlisted_before_bytes": diff.rest_before,
        "unlisted_after_bytes": diff.rest_after,
        "lines": [_line_json(line) for line in diff.lines if line.word != "same"],
        "stacks": [_stack_json(stack) for stack in _largest_stacks(diff, top)],
        "doubts": list(diff.doubts),
    }


def _described(line: LineChange) -> str:
    frame = line.frame
    if frame is None:
        return "no line of Python"
    text = f": `{line.text}`" if line.text else ""
    said = remark(line)
    return f"{frame.file}:{frame.line} in {frame.function}{text}" + (f" ({said})" if said else "")


def _side(profile: AllocationProfile) -> str:
    subject = shortened(profile.subject, _LONGEST_SUBJECT)
    return printable(f"{subject} in {profile.image} ({profile.python}), {profile.id}")


def _line_table(diff: ProfileDiff, top: int, width: int) -> str:
    rows = [f"{'change':>10} {'before':>10} {'after':>10}  line"]
    largest = diff.largest(top)
    for line in largest:
        rows.append(_row(line.delta_bytes, line.old.size_bytes, line.new.size_bytes, _shown(place(line.frame), width)))
        now, was = _parts_that_differ(line, width)
        said = remark(line, was=was)
        rows += [_INDENT + _beginning(now, width)] if now else []
        rows += [_INDENT + _beginning(said, width)] if said else []
        rows += [_INDENT + _shown(f"in {place(line.inside)}", width)] if line.inside else []
        if line.old.count != line.new.count and line.word not in ("new", "gone"):
            rows.append(f"{_INDENT}{line.old.count} -> {counted(line.new.count, 'allocation')}")
    shown_old, shown_new = sum(each.old.size_bytes for each in largest), sum(each.new.size_bytes for each in largest)
    return "\n".join([*rows, *_last_rows(diff, shown_old, shown_new, "lines")])


def _stack_table(diff: ProfileDiff, top: int, width: int) -> str:
    rows = [f"{'change':>10} {'before':>10} {'after':>10}  stack, innermost first"]
    largest = _largest_stacks(diff, top)
    for change in largest:
        frames = [place(frame) for frame in change.stack[:_LONGEST_STACK]] or [NO_LINE]
        more = len(change.stack) - _LONGEST_STACK
        frames += [f"… {more} more"] if more > 0 else []
        sizes = change.delta_bytes, change.old.size_bytes, change.new.size_bytes
        rows.append(_row(*sizes, _shown(frames[0], width)))
        rows += [_INDENT + _shown(each, width) for each in frames[1:]]
    shown_old, shown_new = sum(each.old.size_bytes for each in largest), sum(each.new.size_bytes for each in largest)
    return "\n".join([*rows, *_last_rows(diff, shown_old, shown_new, "stacks")])


def _last_rows(diff: ProfileDiff, shown_old: int, shown_new: int, noun: str) -> list[str]:
    old = diff.total_before - diff.rest_before - shown_old
    new = diff.total_after - diff.rest_after - shown_new
    rows = [_row(new - old, old, new, f"all other {noun}")]
    if diff.rest_before or diff.rest_after:
        unlisted = "sites too small to be listed"
        rows.append(_row(diff.rest_after - diff.rest_before, diff.rest_before, diff.rest_after, unlisted))
    return [*rows, _row(diff.delta_bytes, diff.total_before, diff.total_after, "total")]


def _row(delta: int, old: int, new: int, text: str) -> str:
    return f"{signed_bytes(delta):>10} {format_bytes(old):>10} {format_bytes(new):>10}  {text}"


def _largest_stacks(diff: ProfileDiff, number: int) -> list[StackChange]:
    changed = sorted((each for each in diff.stacks if each.word != "same"), key=lambda each: -abs(each.delta_bytes))
    return sorted(changed[:number], key=lambda each: -each.delta_bytes)


def _parts_that_differ(line: LineChange, width: int) -> tuple[str, str]:
    """Return the text of a line and what it was; of long ones that were edited from shortly before they differ."""
    now, was = printable(line.text), printable(line.text_before)
    room = width - len(_INDENT) - len("was line 1000; was: ")
    if not line.edited or max(len(now), len(was)) <= room:
        return now, was
    pairs = enumerate(zip(now, was, strict=False))
    start = next((place for place, (new, old) in pairs if new != old), min(len(now), len(was))) - _ALIKE_SHOWN
    if start <= 0:
        return now, was
    return f"…{now[start:]}", f"…{was[start:]}"


def _beginning(text: str, width: int) -> str:
    room = width - len(_INDENT)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _shown(text: str, width: int) -> str:
    """Return a place as it fits beside the figures: of one too long the end, which has line and function."""
    room = width - len(_INDENT)
    return text if len(text) <= room else f"{text[: room // 3]}…{text[len(text) - (room - room // 3 - 1) :]}"


def _side_json(profile: AllocationProfile) -> dict[str, Any]:
    names = ("id", "subject", "image", "python", "tool_version")
    return {
        **{name: getattr(profile, name) for name in names},
        "cap_bytes": limit_of(profile.cap_bytes),
        "ending": profile.ending.value,
    }


def _line_json(line: LineChange) -> dict[str, Any]:
    return {
        "change": line.word,
        "delta_bytes": line.delta_bytes,
        "before": _place_json(line.before, line.text_before),
        "after": _place_json(line.after, line.text_after),
        "size_before_bytes": line.old.size_bytes,
        "size_after_bytes": line.new.size_bytes,
        "count_before": line.old.count,
        "count_after": line.new.count,
        "moved": line.moved,
        "edited": line.edited,
        "inside": f"{line.inside.file}:{line.inside.line}" if line.inside else None,
    }


def _place_json(frame: Frame | None, text: str) -> dict[str, Any] | None:
    return {"file": frame.file, "line": frame.line, "function": frame.function, "text": text} if frame else None


def _stack_json(change: StackChange) -> dict[str, Any]:
    return {
        "change": change.word,
        "delta_bytes": change.delta_bytes,
        "size_before_bytes": change.old.size_bytes,
        "size_after_bytes": change.new.size_bytes,
        "count_before": change.old.count,
        "count_after": change.new.count,
        "stack": [{"file": each.file, "line": each.line, "function": each.function} for each in change.stack],
    }
