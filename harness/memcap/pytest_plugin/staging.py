"""The folder that goes into a container with tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from memcap.errors import PlanError
from memcap.model import Suite
from memcap.pytest_plugin.cell_names import SUITE

_HERE = Path(__file__).resolve().parent
_INSIDE = _HERE / "memcap_inside.py"
_OWN = ("__init__.py", "errors.py", "testing", "pytest_plugin")  # of memcap, for images that have none


def stage_tests(folder: Path, items: Iterable[pytest.Item], config: pytest.Config) -> Suite:
    """Copy into ``folder`` what tests need: their folders, ini file and conftest.py above them, pytest's requirement.

    Of the root folder itself only its files are copied: what else is there may be anything. Raises PlanError for tests
    outside of the root folder.
    """
    root, suite = config.rootpath, folder / "suite"
    suite.mkdir()
    for place in dict.fromkeys(item.path.parent for item in items):
        if not place.is_relative_to(root):
            raise PlanError(f"{place} is not below {root}", remedy="Give pytest a --rootdir that holds all tests.")
        target = suite / place.relative_to(root)
        if place == root:
            _copy_files(place.glob("*.py"), target)
        else:
            shutil.copytree(place, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for above in place.relative_to(root).parents:
            _copy_files((root / above / name for name in ("conftest.py", "__init__.py")), suite / above)
    _copy_files([config.inipath] if config.inipath else [], suite)
    shutil.copy(_INSIDE, suite)
    own = suite / "memcap_here" / "memcap"
    own.mkdir(parents=True)
    for name in _OWN:
        source = _HERE.parent / name
        if source.is_dir():
            shutil.copytree(source, own / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, own)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"pytest=={pytest.__version__}\n", encoding="utf-8")
    return Suite(name=SUITE, directory=suite, description="", benchmarks=(), requirements=requirements)


def _copy_files(paths: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        if path.is_file():
            shutil.copy(path, folder)
