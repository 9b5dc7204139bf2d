"""A curve in one line of text."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=+*#@"


def sparkline(values: Sequence[float], width: int, *, low: float, high: float, levels: str = BLOCKS) -> str:
    """Return ``values`` as at most ``width`` characters between ``low`` and ``high``; each shows the most of its span.

    A short peak stays visible, however long the curve. Empty for no values.
    """
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    spans = [values[place * len(values) // count : (place + 1) * len(values) // count] for place in range(count)]
    reach = high - low or 1
    steps = ((max(span) - low) / reach * (len(levels) - 1) for span in spans)
    return "".join(levels[min(len(levels) - 1, max(0, round(step)))] for step in steps)


def levels_for(encoding: str | None) -> str:
    """Return the characters to draw with where text is written in ``encoding``: blocks if it has them."""
    try:
        codecs.lookup(encoding or "ascii").encode(BLOCKS)
    except (LookupError, UnicodeError):
        return PLAIN
    return BLOCKS
