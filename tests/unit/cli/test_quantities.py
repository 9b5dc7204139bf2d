"""Options with a size or a duration say which of them cannot be read."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from memcap.cli import cli
from memcap.errors import SizeError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("measure", "i", "--cap", "12q"), "--cap: unknown unit 'q' in size '12q'"),
        (("fit", "i", "--shm-size", "64"), "--shm-size: size '64' has no unit"),
        (("repro", "i", "--time-limit", "1x"), "--time-limit: unknown unit 'x' in duration '1x'"),
        (("run", "--within", "3"), "--within: duration '3' has no unit"),
    ],
)
def test_the_option_is_named(words: tuple[str, ...], message: str) -> None:
    error = CliRunner().invoke(cli, words).exception

    assert isinstance(error, SizeError)
    assert error.message == message
    assert error.remedy


def test_help_names_the_kind_of_value() -> None:
    assert "--time-limit TIME" in CliRunner().invoke(cli, ["measure", "--help"]).output
