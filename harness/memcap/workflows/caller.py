"""Who calls a workflow: the words of its command line, and how it hears what is going on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from memcap.campaign import RunEnded
    from memcap.engine.patient import Activity

Tell = Callable[[str], None]


def ignore(_: object) -> None:
    """Ignore a message."""


class CampaignWatcher(Protocol):
    """Hears of each run of a campaign that is over, and of what is decided in between."""

    def __call__(self, event: RunEnded, /) -> None:
        """Take note of a run."""
        ...

    def say(self, text: str, /) -> None:
        """Take a message."""
        ...


Watch = Callable[[Callable[[], "Activity"]], AbstractContextManager[CampaignWatcher]]


class _Unwatched:
    def __call__(self, event: RunEnded, /) -> None:
        """Ignore a run."""

    def say(self, text: str, /) -> None:
        """Ignore a message."""


@contextmanager
def unwatched(_: Callable[[], Activity]) -> Iterator[CampaignWatcher]:
    """Let nobody follow a campaign."""
    yield _Unwatched()


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A command line, or a Python program, which by default hears nothing.

    ``argv`` are the words after `memcap` that a result keeps. ``tell`` gets messages; ``watch`` is called with what a
    campaign is doing at any moment, and returns what follows its runs.
    """

    argv: tuple[str, ...] = ()
    tell: Tell = ignore
    watch: Watch = unwatched


SILENT = Caller()
