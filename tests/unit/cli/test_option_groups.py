"""Options of a command line become dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from memcap.cli.option_groups import filled


@dataclass(frozen=True, kw_only=True)
class Wish:
    size: str = "1m"
    verbose: bool = False
    unasked: int = 7


@dataclass(frozen=True, kw_only=True)
class Look:
    verbose: bool = False


def test_each_kind_gets_its_fields_and_the_command_the_rest() -> None:
    seen: dict[str, object] = {}

    @click.command
    @click.option("--size", default="2m")
    @click.option("--verbose", is_flag=True)
    @click.option("--force", is_flag=True)
    @filled(wish=Wish, look=Look)
    def command(wish: Wish, look: Look, force: bool) -> None:
        seen.update(wish=wish, look=look, force=force)

    assert CliRunner().invoke(command, ["--verbose"]).exit_code == 0
    assert seen == {"wish": Wish(size="2m", verbose=True), "look": Look(verbose=True), "force": False}


def test_an_option_that_nobody_takes_is_a_mistake() -> None:
    @click.command
    @click.option("--sise")
    @filled(wish=Wish)
    def command(wish: Wish) -> None:
        pytest.fail("the option is lost")

    assert isinstance(CliRunner().invoke(command, []).exception, TypeError)
