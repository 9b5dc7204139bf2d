"""Tell whether setuptools finds a repository's packages by itself, and so takes memcap's folders for packages, too.

Beside one package at the top, folders such as `suites/` and `images/` end `pip install .` with an error.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from memcap.init.code import PythonCode

_NAMED_IN_SETUP: Final = re.compile(r"\b(packages|py_modules)\s*=")
_NO_MODULES: Final = frozenset({
    "benchmark", "benchmarks", "build", "conanfile", "conftest", "dodo", "example", "examples", "exercise", "exercises",
    "fabfile", "manage", "noxfile", "pavement", "setup", "tasks", "test", "tests", "toxfile",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Addition:
    """Lines that are to be added to a file."""

    file: str
    lines: str


def lines_for_setuptools(
    root: Path, tables: Mapping[str, Any], code: PythonCode, *, setup: tuple[str, str]
) -> Addition | None:
    """Return what has to be said, so that setuptools finds what it finds now; None if there is no need.

    ``tables`` are those of pyproject.toml, ``setup`` the texts of setup.py and setup.cfg. There is no need in a folder
    with `src`, or where the packages are named.
    """
    setup_py, setup_cfg = setup
    backend = _table(tables, "build-system").get("build-backend", "setuptools.build_meta")
    of_setuptools = _table(_table(tables, "tool"), "setuptools")
    is_named = (
        bool({"packages", "py-modules", "package-dir"} & of_setuptools.keys())
        or _NAMED_IN_SETUP.search(setup_py) is not None
        or bool({"packages", "py_modules", "package_dir"} & _options(setup_cfg))
    )
    is_built = setup_py or "project" in tables or "build-system" in tables
    if not (is_built and str(backend).startswith("setuptools")) or is_named or (root / "src").is_dir():
        return None
    packages = [module.name for module in code.packages if not module.base]
    modules = sorted(path.stem for path in root.glob("*.py") if path.stem.isidentifier())
    return _addition(
        patterns=[pattern for name in packages for pattern in (name, f"{name}.*")],
        modules=[name for name in modules if name not in _NO_MODULES],
        in_pyproject="project" in tables,  # setuptools reads a table of its own only then
    )


def _addition(*, patterns: list[str], modules: list[str], in_pyproject: bool) -> Addition:
    if in_pyproject and patterns:
        lines = f"[tool.setuptools.packages.find]\ninclude = {json.dumps(patterns)}"
    elif in_pyproject:
        lines = f"[tool.setuptools]\npy-modules = {json.dumps(modules)}"
    elif patterns:
        lines = f"[options]\npackages = find:\n\n[options.packages.find]\ninclude = {', '.join(patterns)}"
    else:
        lines = f"[options]\npy_modules = {', '.join(modules)}"
    return Addition(file="pyproject.toml" if in_pyproject else "setup.cfg", lines=lines)


def _table(tables: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = tables.get(key)
    return found if isinstance(found, dict) else {}


def _options(setup_cfg: str) -> set[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(setup_cfg)
        return set(parser.options("options"))
    except configparser.Error:
        return set()
