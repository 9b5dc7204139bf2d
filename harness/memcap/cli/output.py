"""The only place that prints: text for people is escaped, and documents are printed as they are."""

from __future__ import annotations

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from memcap.errors import MemcapError

_NARROWEST = 60  # columns that the tables need
_WIDEST = 10_000  # more than any table has


def terminal_width() -> int:
    """Return how many columns a text for people may have."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def table_width() -> int:
    """Return how many columns a table may have whose words are copied, such as ids: in a pipe as many as it needs."""
    is_piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return _WIDEST if is_piped else terminal_width()


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print ``text`` for people; whatever it quotes, a terminal obeys nothing in it."""
    from memcap.untrusted import escaped

    click.echo("\n".join(map(escaped, text.split("\n"))), err=err, nl=nl)


def emit(document: str, *, err: bool = False) -> None:
    """Print a document, such as JSON or HTML, in which its renderer has escaped what is foreign."""
    click.echo(document, err=err, nl=False)


def show_bug(error: Exception) -> None:
    """Print the traceback of an error that is memcap's own fault; what it quotes is escaped, too."""
    import traceback

    from memcap.untrusted import printable_lines

    echo(printable_lines("".join(traceback.format_exception(error))), err=True)
    echo("memcap: this is a bug in memcap. Please report it with the traceback above.", err=True)


def show_error(error: MemcapError | click.ClickException) -> None:
    """Print an error on standard error; what it quotes may be of any length."""
    from memcap.untrusted import printable_lines

    if isinstance(error, click.ClickException):
        file = io.StringIO()
        error.show(file)
        text = file.getvalue()
    else:
        text = f"memcap: {error}"
    echo(printable_lines(text), err=True)
