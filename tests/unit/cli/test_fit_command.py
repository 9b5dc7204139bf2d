"""``memcap fit``: what is refused before a daemon is asked."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from memcap.cli.fit import command
from memcap.errors import SizeError, UsageError


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], UsageError),
        (["some/image:1", "--resolution", "1000b"], UsageError),
        (["some/image:1", "--resolution", "1"], SizeError),
        (["some/image:1", "--cap", "12"], SizeError),
        (["some/image:1", "--env", "X"], UsageError),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], error: type[Exception]) -> None:
    result = CliRunner().invoke(command, words)
    assert isinstance(result.exception, error), result.output


@pytest.mark.parametrize(
    "words",
    [["--headroom", "15"], ["--headroom", "much%"], ["--headroom", "-5%"], ["--slowdown", "1"], ["--max-runs", "0"]],
)
def test_options_have_a_range(words: list[str]) -> None:
    result = CliRunner().invoke(command, ["some/image:1", *words])
    assert result.exit_code == 2
    assert words[0] in result.output
