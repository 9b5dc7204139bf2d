"""What an experiment found: a table with its notes, as text or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of words; ``notes`` say what is compared with what, and how often it was measured.

    ``wrong`` are the findings that no machine and no weather excuses: an ending, or bytes far off.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    wrong: Sequence[str] = ()

    def as_text(self) -> str:
        """Return the table for a terminal."""
        table = tabulate(self.rows, headers=self.columns, tablefmt="simple", disable_numparse=True)
        return "\n".join((self.title, "", table, *(f"  {note}" for note in self.notes), ""))

    def as_markdown(self) -> str:
        """Return the table as a section of a Markdown document."""
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self.rows]
        table = tabulate(rows, headers=self.columns, tablefmt="github", disable_numparse=True)
        return "\n\n".join((f"## {self.title}", *self.notes, table)) + "\n"


def kib(number: float) -> str:
    """Return bytes in KiB, with a sign: differences are what is shown."""
    return f"{number / 1024:+,.0f} KiB"


def mib(number: float) -> str:
    """Return bytes in MiB."""
    return f"{number / 1024 / 1024:,.2f} MiB"


def percent(number: float, of: float) -> str:
    """Return a share with its sign."""
    return f"{100 * number / of:+.2f} %"
