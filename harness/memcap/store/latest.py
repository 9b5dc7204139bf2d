"""The newest results of a folder: ids of campaigns sort by time, so the clock of files is not asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from memcap.errors import UsageError
from memcap.model import CampaignResult
from memcap.store.codec import load_result

_CAMPAIGN_FILE = re.compile(r"\d{8}T\d{6}-[^.]+\.json", re.ASCII)  # not ….base.json


def newest_files(directory: Path) -> Iterator[Path]:
    """Yield the result files of ``directory``, the newest first.

    Files that are not named after a campaign (`run --output nightly.json`) are left out, and so are bases (`run
    --base-ref`).
    """
    yield from sorted((path for path in directory.glob("*.json") if _CAMPAIGN_FILE.fullmatch(path.name)), reverse=True)


def latest_run(directory: Path, *, named: Path | None = None) -> tuple[Path, CampaignResult]:
    """Return the file and the result of the newest `memcap run` in ``directory``, or those of the ``named`` file.

    Comparisons, shards and other results are passed over. Raises UsageError if there is none, and as `load_result`.
    """
    if named:
        return named, load_result(named)
    for path in newest_files(directory):
        result = load_result(path)
        if result.is_run and result.shard is None:
            return path, result
    raise UsageError(
        f"there is no result of a run in {directory}", remedy="Measure first (memcap run), or name a result."
    )
