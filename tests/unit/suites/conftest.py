"""Let a test import the modules of a suite as the runner in the container does: by their bare names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

SUITES = Path(__file__).parents[3] / "suites"


@pytest.fixture
def suite_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Yield ``import_(suite, module)``; the suite's modules are forgotten after the test.

    Until then they hide what else has such a name, such as the folder tests/leaks.
    """
    before = set(sys.modules)

    def import_(suite: str, module: str) -> ModuleType:
        for path in (SUITES / suite).glob("*.py"):
            if not _is_of_suites(path.stem):
                monkeypatch.delitem(sys.modules, path.stem, raising=False)
        monkeypatch.syspath_prepend(str(SUITES / suite))
        return importlib.import_module(module)

    yield import_
    for name in set(sys.modules) - before:
        if _is_of_suites(name):
            del sys.modules[name]


def _is_of_suites(name: str) -> bool:
    origin = getattr(sys.modules.get(name), "__file__", None)
    return bool(origin) and SUITES in Path(str(origin)).parents
