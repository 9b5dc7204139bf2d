"""Repositories whose build memcap's folders would break."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.init import look
from memcap.init.discovery import Addition

PROJECT = '[project]\nname = "shop"\n'
FLAT = {"pyproject.toml": PROJECT, "shop/__init__.py": ""}


def asked(root: Path, files: dict[str, str]) -> Addition | None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return look(root).for_setuptools


@pytest.mark.parametrize(
    "files",
    [
        FLAT,
        {**FLAT, "setup.cfg": "[options]\nzip_safe = no\n"},
        {**FLAT, "pyproject.toml": PROJECT + '[build-system]\nbuild-backend = "setuptools.build_meta"\n'},
    ],
)
def test_packages_that_setuptools_finds_are_named(tmp_path: Path, files: dict[str, str]) -> None:
    lines = '[tool.setuptools.packages.find]\ninclude = ["shop", "shop.*"]'
    assert asked(tmp_path, files) == Addition(file="pyproject.toml", lines=lines)


def test_so_are_modules(tmp_path: Path) -> None:
    files = {"pyproject.toml": PROJECT, "shop.py": "", "conftest.py": "", "a-b.py": ""}

    assert asked(tmp_path, files) == Addition(file="pyproject.toml", lines='[tool.setuptools]\npy-modules = ["shop"]')


def test_without_a_project_table_setup_cfg_says_it(tmp_path: Path) -> None:
    module = asked(tmp_path / "one", {"setup.py": "setup()", "shop.py": ""})
    package = asked(tmp_path / "other", {"setup.py": "setup()", "shop/__init__.py": ""})

    assert module == Addition(file="setup.cfg", lines="[options]\npy_modules = shop")
    lines = "[options]\npackages = find:\n\n[options.packages.find]\ninclude = shop, shop.*"
    assert package == Addition(file="setup.cfg", lines=lines)


@pytest.mark.parametrize(
    "files",
    [
        {"shop/__init__.py": ""},  # nothing is built
        {**FLAT, "pyproject.toml": "[tool.ruff]\n"},
        {**FLAT, "src/shop/__init__.py": ""},
        {**FLAT, "pyproject.toml": PROJECT + '[build-system]\nbuild-backend = "hatchling.build"\n'},
        {**FLAT, "pyproject.toml": PROJECT + '[tool.setuptools]\npackages = ["shop"]\n'},
        {**FLAT, "pyproject.toml": PROJECT + "[tool.setuptools.packages.find]\n"},
        {**FLAT, "setup.cfg": "[options]\npackages = find:\n"},
        {"setup.py": "setup(packages=find_packages())", "shop/__init__.py": ""},
        {**FLAT, "pyproject.toml": "[["},
    ],
)
def test_others_are_left_alone(tmp_path: Path, files: dict[str, str]) -> None:
    assert asked(tmp_path, files) is None
