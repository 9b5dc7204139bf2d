"""The diff of two allocation profiles as a page that needs nothing else: a differential flamegraph, and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from memcap.profile_diff import Box, LineChange, ProfileDiff, boxes_of
from memcap.report.charts import missing
from memcap.report.diff import doubts, place, remark, sides, signed_bytes, told
from memcap.units import format_bytes
from memcap.untrusted import printable

_FOLDER: Final = Path(__file__).parent / "templates"
_WIDTH, _ROW, _CHARACTER, _TEXT_SIZE = 1200.0, 20, 6.7, 11
_NARROWEST_TEXT: Final = 30.0
_GREW, _SHRANK, _SAME = (6, 85), (215, 75), (80, 5)  # hue and saturation


def render_diff_html(diff: ProfileDiff, *, top: int) -> str:
    """Return the page. Raises UsageError where the packages for it (the extra `report`) are not installed."""
    try:
        import jinja2  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing("HTML reports") from error
    environment = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(_FOLDER), trim_blocks=True)
    boxes = boxes_of(diff)
    largest = diff.largest(top)
    old = diff.total_before - sum(line.old.size_bytes for line in largest)
    new = diff.total_after - sum(line.new.size_bytes for line in largest)
    return environment.get_template("diff.html.jinja").render(
        sentence=told(diff),
        sides=sides(diff),
        doubts=doubts(diff),
        rows=[_row(line) for line in largest],
        others=_figures(new - old, old, new),
        total=_figures(diff.delta_bytes, diff.total_before, diff.total_after),
        boxes=_drawn(boxes, diff),
        width=_WIDTH,
        height=(max(box.depth for box in boxes) + 1) * _ROW,
        row=_ROW,
        text_size=_TEXT_SIZE,
    )


def _row(line: LineChange) -> dict[str, Any]:
    return {
        **_figures(line.delta_bytes, line.old.size_bytes, line.new.size_bytes),
        "word": line.word,
        "place": place(line.frame),
        "text": printable(line.text),
        "remark": remark(line),
        "inside": place(line.inside) if line.inside else "",
        "counts": f"{line.old.count} → {line.new.count}",
    }


def _figures(delta: int, old: int, new: int) -> dict[str, str]:
    return {"delta": signed_bytes(delta), "old": format_bytes(old), "new": format_bytes(new)}


def _drawn(boxes: tuple[Box, ...], diff: ProfileDiff) -> list[dict[str, Any]]:
    most = max((abs(box.new_bytes - box.old_bytes) for box in boxes), default=0) or 1
    return [_box(box, diff, most) for box in boxes]


def _box(box: Box, diff: ProfileDiff, most: int) -> dict[str, Any]:
    delta, width = box.new_bytes - box.old_bytes, box.width * _WIDTH
    hue, saturation = _GREW if delta > 0 else _SHRANK if delta < 0 else _SAME
    name = place(box.frame) if box.frame else "all"
    source = diff.after.source(box.frame) or diff.before.source(box.frame)
    sizes = f"{format_bytes(box.old_bytes)} before, {format_bytes(box.new_bytes)} after"
    share = f", {delta / box.old_bytes:+.0%}" if box.old_bytes and box.new_bytes else ""
    word = "new" if not box.old_bytes else "gone" if not box.new_bytes else "grew" if delta > 0 else "shrank"
    function = printable(box.frame.function) if box.frame else "all"
    return {
        "x": round(box.left * _WIDTH, 2),
        "y": box.depth * _ROW,
        "width": round(max(width - 0.5, 0.3), 2),
        "fill": f"hsl({hue}, {saturation}%, {93 - 38 * abs(delta) / most:.0f}%)",
        "title": f"{name}\n{printable(source)}\n{signed_bytes(delta)} ({sizes}{share}): {word if delta else 'same'}",
        "label": _label(f"{signed_bytes(delta)} {function}" if delta else function, width),
    }


def _label(text: str, width: float) -> str:
    """Return what of ``text`` fits into a box."""
    if width < _NARROWEST_TEXT:
        return ""
    room = int((width - 6) / _CHARACTER)
    return text if len(text) <= room else f"{text[: room - 1]}…"
