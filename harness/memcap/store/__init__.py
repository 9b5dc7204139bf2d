"""Files that outlive a campaign: results (also readable by pyperf) and committed baselines."""

from __future__ import annotations

from memcap.store.accept import Acceptance, accept, as_baselines, select_cells
from memcap.store.baselines import load_baseline_file, load_baselines, remove_baselines, save_baselines
from memcap.store.codec import load_result, save_result
from memcap.store.files import NotWritten, refuse_special, result_path, why_not_writable
from memcap.store.git import find_commit, ignored_files, user_name
from memcap.store.git_history import baseline_history, baselines_at
from memcap.store.journal import Journal, journal_path, load_interrupted
from memcap.store.latest import latest_run, newest_files
from memcap.store.profiles import load_profile, save_profile
from memcap.store.prune import lost_benchmarks, why_impossible
from memcap.store.soak_notes import parse_soak_note, soak_note_text
