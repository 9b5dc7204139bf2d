"""The worked example of docs/retention.md does what the document shows."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCUMENT = (Path(__file__).parents[3] / "docs" / "retention.md").read_text(encoding="utf-8")


def module_of(name: str) -> ModuleType:
    """Return the block of the document that begins with its file's name as a module."""
    code = re.search(rf"^```python\n(# {name}\.py\n.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert code is not None
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(code[1], f"{name}.py", "exec"), vars(module))
    return module


def test_the_example_fails_in_the_words_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sessions", "test_sessions"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))  # so that it is taken out again
    module_of("sessions")
    tests = [each for name, each in vars(module_of("test_sessions")).items() if name.startswith("test_")]
    shown = []
    for test in tests:
        with pytest.raises(AssertionError) as failure:
            test()
        shown += [
            f"E   {'AssertionError: ' * (not number)}{line}"
            for number, line in enumerate(str(failure.value).splitlines())
        ]

    assert len(tests) == 3
    assert [line for line in DOCUMENT.splitlines() if line.startswith("E   ")] == shown
