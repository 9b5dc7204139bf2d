"""Documents name commands and options that exist, files that exist, and tables that say what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from documents import DOCUMENTS, ROOT, memcap_commands

from memcap.cli import cli
from memcap.cli.soak import SoakGroup
from memcap.model import Ending

LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_memcap_command_can_be_typed(document: str) -> None:
    for text in memcap_commands(document):
        words = shlex.split(text)[1:]
        command: click.Command = cli
        context = click.Context(cli, info_name="memcap")
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            found = command.get_command(context, name)
            assert found is not None, f"{text}: there is no command {name!r}"
            command = found
            words = command.completed(words) if isinstance(command, SoakGroup) else words
        if isinstance(command, click.Group):
            continue
        try:
            command.make_context(text, words)
        except (click.BadParameter, click.BadOptionUsage):  # a placeholder, or an option named without its value
            continue
        except click.UsageError as error:
            pytest.fail(f"{text}: {error.message}")
        except click.exceptions.Exit:  # --help
            continue


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    missing = [
        link for link in LINK.findall((ROOT / document).read_text(encoding="utf-8")) if not Path(folder, link).exists()
    ]
    assert missing == []


def test_every_ending_is_documented_in_the_words_that_users_see() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \|", (ROOT / "docs" / "endings.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(rows) == {ending.value: ending.explanation for ending in Ending}
