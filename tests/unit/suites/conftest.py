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
    """Yield ``import_(suite, module)``; the suite's modules are forgotten after the test."""
    before = set(sys.modules)

    def import_(suite: str, module: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(SUITES / suite))
        return importlib.import_module(module)

    yield import_
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None)
        if origin and SUITES in Path(origin).parents:
            del sys.modules[name]
