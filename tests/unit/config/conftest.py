"""A small valid project, of which a test replaces or adds files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.errors import ConfigError, Problem

LIMITS = """\
[caps]
1g = "1GiB"
128m = "128MiB"

[profiles.quick]
caps = ["128m"]
"""
SUITE = """\
[benchmarks.leak]
call = "work:leak"
"""
CODE = """\
def leak():
    pass
"""
VALID = {
    "limits.toml": LIMITS,
    "suites/demo/suite.toml": SUITE,
    "suites/demo/work.py": CODE,
    "images/py312/Dockerfile": "FROM python:3.12-slim\n",
}

MakeProject = Callable[[dict[str, str]], Path]
FindProblems = Callable[[dict[str, str]], list[Problem]]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Return ``make(files)``, which writes the valid project with ``files`` in place of its own."""

    def make(files: dict[str, str]) -> Path:
        for name, text in {**VALID, **files}.items():
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "project"

    return make


@pytest.fixture
def find_problems(make_project: MakeProject) -> FindProblems:
    """Return ``find(files)``: the problems of the valid project with ``files`` in place of its own."""

    def find(files: dict[str, str]) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load_config(make_project(files))
        assert caught.value.problems, "an error without problems helps nobody"
        return list(caught.value.problems)

    return find
