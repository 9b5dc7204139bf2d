"""What commands at the limit are asked for: a CELL of the project, or IMAGE [-- CMD] with no file at all."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from memcap.units import format_bytes, parse_bytes
from memcap.workflows.container_options import ContainerOptions, option_words
from memcap.workflows.contradictions import refuse_contradictions
from memcap.workflows.serving_options import ServingOptions

_PAGE: Final = 4096
_ATTACHED: Final = (
    "a container that runs already has its command, cap and environment, and one process of it is attached to"
)


@dataclass(frozen=True, kw_only=True)
class SubjectOptions:
    """What the words and options of a command line name, not yet looked up.

    ``words`` are a CELL, or IMAGE and its command; with ``image`` the command alone, or a CELL that is run in it.
    """

    words: tuple[str, ...] = ()
    image: str | None = None
    cap: str | None = None
    no_thp: bool = False
    time_limit: str | None = None
    root: Path | None = None
    container_options: ContainerOptions = field(default_factory=ContainerOptions)
    serving: ServingOptions = field(default_factory=ServingOptions)

    def retyped(self, argv: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return words of a command line that name the same; ``argv`` takes the command's place."""
        given = {"image": self.image, "cap": self.cap, "time-limit": self.time_limit, "project": self.root}
        options = [word for name, value in given.items() for word in option_words(name, value)]
        named, command = ((), self.words) if self.image else (self.words[:1], self.words[1:])
        command = argv or command
        flags = option_words("no-thp", self.no_thp)
        groups = (*self.container_options.retyped(), *self.serving.retyped())
        return (*options, *groups, *flags, *named, *(("--", *command) if command else ()))

    @property
    def _subject(self) -> SubjectOptions:
        return SubjectOptions(**{each.name: getattr(self, each.name) for each in fields(SubjectOptions)})


@dataclass(frozen=True, kw_only=True)
class FitOptions(SubjectOptions):
    """What `memcap fit` is asked for. ``cap`` is what counts as no cap; ``time_lost`` and ``headroom`` are fractions.

    ``max_runs`` None: 12, and 24 where runs with the same cap end differently.
    """

    resolution: str = "1MiB"
    slowdown: float = 1.25
    time_lost: float = 0.02
    precise: bool = False
    max_runs: int | None = None
    headroom: float = 0.15
    max_errors: int = 0
    added_latency: str = "100ms"

    def validate(self) -> None:
        """Raise SizeError, and UsageError for a resolution of no whole number of pages, and for options of servers."""
        self.serving.validate()
        size = parse_bytes(self.resolution)
        refuse_contradictions(
            (
                (
                    size < _PAGE or size % _PAGE,
                    f"--resolution {format_bytes(size)} is not a whole number of pages of 4 KiB",
                    "1MiB is usual; what a run needs scatters by some 100 KiB anyway.",
                ),
            )
        )


@dataclass(frozen=True, kw_only=True)
class ProfileOptions(SubjectOptions):
    """What `memcap profile` is asked for. ``container`` is one that runs already, attached to for ``duration``.

    ``frames`` is how many callers tracemalloc notes; ``output`` is the folder, by default results/profiles/ID.
    """

    container: str | None = None
    duration: str | None = None
    native: bool = False
    follow_fork: bool = False
    tracemalloc: bool = False
    frames: int = 16
    output: Path | None = None

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together."""
        self.serving.validate()
        is_asked_more = self._subject != SubjectOptions(root=self.root) or (
            self.native or self.follow_fork or self.tracemalloc
        )
        refuse_contradictions(
            (
                (
                    self.tracemalloc and self.native,
                    "tracemalloc knows nothing of compiled code",
                    "Leave out --native, or --tracemalloc.",
                ),
                (
                    self.container is not None and is_asked_more,
                    _ATTACHED,
                    "Use --container with --duration, --top, --output and --json alone.",
                ),
                (
                    self.container is None and self.duration is not None,
                    "--duration says how long to stay attached",
                    "Use it with --container NAME.",
                ),
            )
        )


@dataclass(frozen=True, kw_only=True)
class ReproOptions(SubjectOptions):
    """What `memcap repro` is asked for. ``escalate`` is NAME[=FIRST]; ``output`` is the folder, or results/repro/ID."""

    attempts: int = 3
    lower: bool = False
    escalate: str | None = None
    native: bool = False
    output: Path | None = None

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together."""
        self.serving.validate()
        refuse_contradictions(
            (
                (
                    self.lower and self.escalate is not None,
                    "--lower does not go with --escalate",
                    "Leave one of them out.",
                ),
            )
        )
