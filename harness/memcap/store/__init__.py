"""Files that outlive a campaign: results (also readable by pyperf) and committed baselines."""

from __future__ import annotations

from memcap.errors import FileExistsAlready, FileFormatError, NewerSchemaError
from memcap.store.accept import Acceptance, BaselineChange, accept, as_baselines, select_cells
from memcap.store.baselines import load_baseline_file, load_baselines, remove_baselines, save_baselines
from memcap.store.codec import load_result, save_result
from memcap.store.files import NotWritten, refuse_special, result_path, why_not_writable
from memcap.store.git import find_commit, ignored_files, user_name
from memcap.store.git_history import baseline_history, baselines_at
from memcap.store.journal import Journal, journal_path, load_interrupted
from memcap.store.latest import latest_run, newest_files
from memcap.store.profiles import load_profile, save_profile
from memcap.store.prune import lost_benchmarks, why_impossible

__all__ = [
    "Acceptance",
    "BaselineChange",
    "FileExistsAlready",
    "FileFormatError",
    "Journal",
    "NewerSchemaError",
    "NotWritten",
    "accept",
    "as_baselines",
    "baseline_history",
    "baselines_at",
    "find_commit",
    "ignored_files",
    "journal_path",
    "latest_run",
    "load_baseline_file",
    "load_baselines",
    "load_interrupted",
    "load_profile",
    "load_result",
    "lost_benchmarks",
    "newest_files",
    "refuse_special",
    "remove_baselines",
    "result_path",
    "save_baselines",
    "save_profile",
    "save_result",
    "select_cells",
    "user_name",
    "why_impossible",
    "why_not_writable",
]
