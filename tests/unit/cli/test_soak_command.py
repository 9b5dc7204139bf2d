"""``memcap soak``: what is refused before anything is started."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from memcap.cli import soak
from memcap.errors import UsageError


@pytest.mark.parametrize("option", [("--memray",), ("--metrics-port", "0")])
def test_what_needs_the_client_cannot_be_detached(option: tuple[str, ...]) -> None:
    error = CliRunner().invoke(soak.command, ["py312", "--detach", *option, "--", "true"]).exception

    assert isinstance(error, UsageError)
    assert f"{option[0]} needs this client until the end" in error.message
    assert "--detach" in error.remedy


@pytest.mark.parametrize("words", [("start",), ("attach",)])
def test_a_port_is_a_number_of_a_port(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(soak.command, [*words, "--metrics-port", "65536"])

    assert result.exit_code == 2
    assert "--metrics-port" in result.output
