"""Small projects on disk: what `memcap` needs to find beside results and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factories import make_result
from memcap.config.source import read_source
from memcap.config.suite_defaults import with_defaults
from memcap.model import CellResult
from memcap.store import result_path, save_result

LIMITS = """\
[caps]
128m = "128MiB"
256m = "256MiB"
[profiles.quick]
caps = ["128m"]
[tolerances.peak]
relative = "2%"
absolute = "1MiB"
[judge]
minimum_runs = 5
"""


def make_project(root: Path) -> Path:
    """Write a project with the suite agents (crew_backed, and llm under 128m alone) and the image py312 to ``root``."""
    for folder in ("suites/agents", "images/py312"):
        (root / folder).mkdir(parents=True)
    (root / "limits.toml").write_text(LIMITS)
    (root / "suites/agents/suite.toml").write_text(
        '[benchmarks.crew_backed]\ncommand = ["true"]\n[benchmarks.llm]\ncommand = ["true"]\ncaps = ["128m"]\n'
    )
    (root / "images/py312/Dockerfile").write_text("FROM scratch\n")
    return root


def save_campaign(root: Path, *cells: CellResult, campaign: str = "20261120T043000-quick-1a2b") -> Path:
    """Save a campaign that measured ``cells`` in the project at ``root``; return its file."""
    path = result_path(root / "results", campaign)
    save_result(make_result(*cells, id=campaign), path, overwrite=True)
    return path


def benchmark_tables(suite: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the benchmarks of a suite of this repository as its file has them, with what they share."""
    source, problems = read_source(Path(__file__).parents[1], Path("suites", suite, "suite.toml"))
    assert source is not None, problems
    return with_defaults(source).table("benchmarks")
