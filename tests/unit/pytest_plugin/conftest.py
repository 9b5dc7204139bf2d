"""Sessions of pytest with memcap's plugin, and with no other that is installed by chance."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Session = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def _bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.plugins = ["memcap.pytest_plugin"]
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)


@pytest.fixture
def session(pytester: pytest.Pytester) -> Session:
    """Return ``session(source, *arguments)``: run pytest on a file of tests, in a process of its own."""

    def run(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess("--strict-markers", *arguments)

    return run
