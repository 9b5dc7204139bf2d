"""What is read of a soak: the looks of the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from measured import LOOK_KEYS, soak_line

from memcap.probe.soak_journal import last_look, parse_looks

_START: Final = '{"soak": 1, "started_ns": 7000000000, "wall_ns": 1764500000500000000, "step_ns": 500000000}\n'
_FIGURES: Final = dict.fromkeys(LOOK_KEYS, 4096)
_LINES: Final = [soak_line(step * 500_000_000, **_FIGURES, processes=[[7, 1, 40, "python3"]]) for step in range(4)]


def _read_looks(content: bytes, folder: Path) -> None:
    text = content.decode("utf-8", "replace")
    looks = parse_looks(text).looks
    assert list(looks) == sorted(looks, key=lambda look: look.seconds)
    assert (last_look(text) is None) == (not looks)


OF_SOAKS: Final[dict[str, tuple[tuple[bytes, ...], Callable[[bytes, Path], object]]]] = {
    "looks at soaks": (("".join([_START, *_LINES]).encode(),), _read_looks),
}
