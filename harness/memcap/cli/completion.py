"""``memcap completion``: the script that makes a shell complete memcap's commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from memcap.cli.output import echo


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    Examples:
      eval "$(memcap completion bash)"                          # in ~/.bashrc
      memcap completion fish > ~/.config/fish/completions/memcap.fish
    """
    from memcap.cli import cli

    completer = get_completion_class(shell)
    assert completer is not None, "click knows the shells of the choice above"
    echo(completer(cli, {}, "memcap", "_MEMCAP_COMPLETE").source())
