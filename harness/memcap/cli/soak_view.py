"""Show a soak while it runs: a few lines that are drawn anew on a terminal, a line a sample elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Final

from memcap.cli.output import echo, terminal_width
from memcap.cli.progress import HEARTBEAT
from memcap.units import format_seconds

if TYPE_CHECKING:
    from rich.live import Live

    from memcap.soaking import SoakOutcome


_SLACK: Final = 0.25  # of a step: a sample so much earlier than its time is taken for it


class SoakView:
    """Use as a context manager; ``show`` gets what is known until then."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._shown = -1  # the number of the last sample that was printed
        self._is_explaining = False

    def __enter__(self) -> SoakView:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True, highlight=False, markup=False), transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, outcome: SoakOutcome) -> None:
        """Show how far the soak is."""
        from memcap.report.soak_live import is_explaining, live_lines, plain_line
        from memcap.report.to_terminal import Terminal

        if self._live is not None:
            from rich.text import Text

            lines = live_lines(outcome, Terminal.of(sys.stderr, width=terminal_width(), table_width=terminal_width()))
            self._live.update(Text.from_ansi("\n".join(lines)), refresh=True)
            return
        before = None
        for sample in outcome.samples:
            rules = outcome.rules
            number = int((sample.memory.seconds + _SLACK * rules.step_seconds) / rules.interval_seconds)
            if number > self._shown:  # the last one is of now, and perhaps not due
                line = plain_line(sample, outcome.kind, before)
                echo(line, err=True)
                HEARTBEAT.said(line)
                self._shown = number
            before = sample
        if is_explaining(outcome) and not self._is_explaining:
            self._is_explaining = True
            echo(
                f"looking for what grows, {format_seconds(outcome.rules.explain_seconds)} more; they are not judged",
                err=True,
            )
