"""What all tests share: golden files, refreshed with ``pytest --update-golden``, and hypothesis without a clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("memcap", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("memcap")

_GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what tests produce into tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return ``check(name, text)``: compare ``text`` with tests/golden/name, or write it with --update-golden."""

    def check(name: str, text: str) -> None:
        path = _GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        assert path.exists(), f"{path} is missing: run pytest --update-golden, and read what it wrote"
        expected = path.read_text(encoding="utf-8")
        assert text == expected  # if the difference is meant: pytest --update-golden

    return check
