"""Folders in the user's cache that are made once: a name stands for all that decides what is in one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path


def kept_folder(kind: str, key: str, fill: Callable[[Path], None]) -> Path:
    """Return the folder of ``key`` that ``fill`` filled, now or earlier; it is given an empty one.

    One that ``fill`` fails for is not kept.
    """
    kept = user_cache_path("memcap") / kind / key[:32]
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="new-") as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        fill(new)
        try:
            new.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another process was quicker
                raise
    return kept
