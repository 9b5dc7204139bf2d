"""``memcap measure``: what is refused before a daemon is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from memcap.cli.measure import command
from memcap.errors import UsageError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cold"], "neither --cold nor --output"),
        (["--output", "new.json"], "neither --cold nor --output"),
        (["--cap", "128m", "--cap", "256m"], "takes one cap"),
        (["--runs", "7"], "needs 8 runs"),
    ],
)
def test_tuning_goes_alone(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["some/image:1", "--tune", *words, "--", "true"])
    assert isinstance(result.exception, UsageError), result.output
    assert message in result.exception.message
    assert result.exception.remedy
    assert list(tmp_path.iterdir()) == []
