"""Files that outlive a campaign: results (also readable by pyperf) and committed baselines."""

from __future__ import annotations

from memcap.errors import FileExistsAlready, FileFormatError, NewerSchemaError
from memcap.store.accept import Acceptance, BaselineChange, Refusal, accept, select_cells
from memcap.store.baselines import load_baselines, save_baselines
from memcap.store.codec import load_result, save_result
from memcap.store.files import latest_result, result_path

__all__ = [
    "Acceptance",
    "BaselineChange",
    "FileExistsAlready",
    "FileFormatError",
    "NewerSchemaError",
    "Refusal",
    "accept",
    "latest_result",
    "load_baselines",
    "load_result",
    "result_path",
    "save_baselines",
    "save_result",
    "select_cells",
]
