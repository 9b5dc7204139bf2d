"""What a workflow is asked for: frozen options with the defaults of the command line, in its words and units.

Sizes and durations are text with a unit (``128m``, ``20min``). `validate` reports all contradictions together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from memcap.errors import UsageError
from memcap.plan import Selection, is_glob
from memcap.tune import MINIMUM_RUNS
from memcap.units import parse_seconds
from memcap.workflows.container_options import ContainerOptions
from memcap.workflows.contradictions import Contradiction, refuse_contradictions
from memcap.workflows.serving_options import ServingOptions

TIME_LIMIT_SECONDS: Final = 600.0  # of a run, where neither a project nor an option says it
SUITE_SIZE: Final = 20  # cells of a suite that the self-test judges, by default


@dataclass(frozen=True, kw_only=True)
class SelectionOptions:
    """The cells to measure, as a command line names them.

    ``select`` are suites, benchmarks, cells or globs of cells; ``images`` are names, references, or NAME=REFERENCE;
    ``root`` is the project, by default the one around the current folder. None is what the profile says.
    """

    select: tuple[str, ...] = ()
    profile: str = "quick"
    images: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    runs: int | None = None
    cold: bool = False
    duration: str | None = None
    warmups: int | None = None
    root: Path | None = None

    @property
    def selection(self) -> Selection:
        """Return what chooses among the cells of the profile. Raises SizeError."""
        return replace(
            named_by(self.select),
            images=self.images,
            caps=self.caps,
            tags=self.tags,
            runs=self.runs,
            warmups=self.warmups,
            cold=self.cold,
            duration_seconds=parse_seconds(self.duration) if self.duration else None,
        )


@dataclass(frozen=True, kw_only=True)
class RunOptions(SelectionOptions):
    """What `memcap run` is asked for.

    ``resume`` is the result file of an interrupted campaign. ``within`` is how long it may take in all. ``no_check``
    compares with no baselines; ``accept`` makes the first baselines of benchmarks that have none. ``keep_output`` keeps
    the end of what runs printed that ended as expected, too. ``shard`` (3/8) measures a part of the cells, divided by
    how long they took in the result ``durations``, or else when the baselines were accepted.
    """

    output: Path | None = None
    force: bool = False
    resume: Path | None = None
    engine: str = "docker"
    jobs: int | None = None
    until_decided: bool = False
    max_runs: int | None = None
    max_total_runs: int | None = None
    base_ref: str | None = None
    base_images: tuple[str, ...] = ()
    within: str | None = None
    daemon_wait: str = "60s"
    no_check: bool = False
    accept: bool = False
    allow_new: bool = False
    explain: bool = False
    keep_output: bool = False
    shard: str | None = None
    durations: Path | None = None

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together."""
        unaccepted = "--no-check" if self.no_check else "--base-ref"
        refuse_contradictions(
            (
                (
                    self.max_runs is not None and not self.until_decided,
                    "--max-runs goes with --until-decided",
                    "Use --runs for as many in any case.",
                ),
                (
                    self.max_total_runs is not None and not self.until_decided,
                    "--max-total-runs goes with --until-decided",
                    "Use --runs for a fixed number of runs of each cell.",
                ),
                (
                    self.until_decided and self.no_check,
                    "--until-decided judges and --no-check does not",
                    "Leave one of them out.",
                ),
                (
                    self.base_images and self.base_ref is None,
                    "--base-image goes with --base-ref",
                    "Name the revision too.",
                ),
                (
                    self.base_ref is not None and self.resume is not None,
                    "--base-ref does not go with --resume: what is compared is measured side by side",
                    "Begin anew.",
                ),
                (
                    self.explain and self.no_check,
                    "--explain says why a check failed, and --no-check makes none",
                    "Leave one out.",
                ),
                (
                    self.accept and (self.no_check or self.base_ref),
                    f"--accept cannot be combined with {unaccepted}",
                    "Only what was judged against the project's baselines can become one.",
                ),
                *self._contradictions_of_shards(),
            )
        )

    def _contradictions_of_shards(self) -> tuple[Contradiction, ...]:
        judging = [name for name, given in (("--accept", self.accept), ("--explain", self.explain)) if given]
        return (
            (
                self.shard is not None and self.resume is not None,
                "--shard cannot be combined with --resume: the result says which shard it is",
                "Leave --shard out.",
            ),
            (
                self.shard is not None and judging,
                f"{' and '.join(judging)} cannot be combined with --shard: a shard is not judged by itself",
                "Merge the shards (memcap merge), then use `memcap baseline accept` or `memcap check --explain`.",
            ),
            (
                self.durations is not None and self.shard is None,
                "--durations goes with --shard",
                "Say which shard this is: --shard 1/4.",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What `memcap check` is asked for.

    ``result`` is a result file, by default the newest run of the project. ``against`` is a result, a file or folder of
    baselines, or a git revision; None is the project's baselines.
    """

    result: Path | None = None
    against: str | None = None
    allow_new: bool = False
    explain: bool = False
    root: Path | None = None


@dataclass(frozen=True, kw_only=True)
class AcceptOptions:
    """Which measured cells become baselines, of which result (``source``; None is the newest run), and why."""

    cells: tuple[str, ...] = ()
    reason: str | None = None
    source: Path | None = None
    allow_undecided: bool = False
    allow_unlike: bool = False
    dry_run: bool = False
    root: Path | None = None

    @property
    def why(self) -> str:
        """Return the reason in one line."""
        return " ".join((self.reason or "").split())

    def validate(self) -> None:
        """Raise UsageError for a reason that says nothing."""
        if self.reason is not None and not self.why:
            raise UsageError("the reason is empty", remedy='Say what changed: --reason "…"')


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The result that `memcap report` renders, and what it is judged by: with ``no_check`` by nothing."""

    result: Path | None = None
    against: str | None = None
    no_check: bool = False
    root: Path | None = None

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together."""
        refuse_contradictions(
            (
                (
                    self.no_check and self.against,
                    "--no-check judges by nothing, --against by something",
                    "Choose one of them.",
                ),
            )
        )


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """How `memcap measure` runs a command. ``runs`` None: 5, or 10 of each setting with --tune.

    ``keep_output`` keeps the end of what runs printed that ended as expected, too.
    """

    caps: tuple[str, ...] = ("1g",)
    runs: int | None = None
    warmups: int = 1
    time_limit: str = "10min"
    container_options: ContainerOptions = field(default_factory=ContainerOptions)
    no_thp: bool = False
    jobs: int = 1
    output: Path | None = None
    force: bool = False
    cold: bool = False
    keep_output: bool = False
    serving: ServingOptions = field(default_factory=ServingOptions)

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together, and for values of servers that cannot be read."""
        refuse_contradictions(
            (
                (
                    self.serving.serve and self.cold,
                    "--serve cannot be combined with --cold: the load client reads files of images, too",
                    "Leave out --cold.",
                ),
                *self.serving.problems(),
            )
        )

    def validate_tuning(self) -> None:
        """Raise UsageError for options with which settings cannot be tried."""
        refuse_contradictions(
            (
                (
                    self.serving.serve,
                    "--tune cannot be combined with --serve",
                    "Measure the server as it is, with more runs: --runs 20",
                ),
                (
                    self.cold or self.no_thp or self.output is not None,
                    "--tune goes with none of --cold, --no-thp and --output",
                    "Its JSON holds all figures: --json",
                ),
                (len(dict.fromkeys(self.caps)) > 1, "--tune takes one cap", "Give --cap once."),
                (
                    self.runs is not None and self.runs < MINIMUM_RUNS,
                    f"--tune needs {MINIMUM_RUNS} runs of each setting or more, to tell them from chance",
                    "Leave --runs out, or use --runs 20 for small differences.",
                ),
            )
        )


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """What `memcap compare` is asked for: two result files, two images, or two forms of benchmarks.

    ``words`` are the two files, or select cells where images or forms are compared.
    """

    words: tuple[str, ...] = ()
    base: str | None = None
    against: str | None = None
    pairs: str | None = None
    result: Path | None = None
    profile: str = "quick"
    runs: int | None = None
    cold: bool = False
    jobs: int | None = None
    root: Path | None = None

    @property
    def images(self) -> tuple[str, str] | None:
        """Return the images to compare, if that is asked for."""
        return None if self.base is None or self.against is None else (self.base, self.against)

    @property
    def forms(self) -> tuple[str, str]:
        """Return the two endings of names that ``pairs`` has, before and after."""
        base, _, against = (self.pairs or "").partition(":")
        return base, against

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together."""
        is_half = (self.base is None) != (self.against is None)
        are_files = self.pairs is None and self.base is None and self.against is None
        refuse_contradictions(
            (
                (
                    self.pairs is not None
                    and (self.result is None or self.base is not None or self.against is not None),
                    "--pairs compares what one result has",
                    "Name the file with --result, and no images.",
                ),
                (
                    self.pairs is not None and (not all(self.forms) or self.forms[0] == self.forms[1]),
                    f"{self.pairs!r} does not name two forms",
                    "Give the two endings of names, as --pairs before:after does.",
                ),
                (
                    self.pairs is None and self.base is not None and self.base == self.against,
                    "--base and --against are the same image",
                    "Name another one.",
                ),
                (self.pairs is None and is_half, "--base and --against go together", "Name both images."),
                (
                    are_files and (self.result is not None or self.runs is not None),
                    "--result and --runs are for comparing images",
                    "Name them with --base and --against.",
                ),
                (
                    are_files and self.result is None and self.runs is None and len(self.words) != 2,
                    "what is to be compared?",
                    "Name two result files (memcap compare A.json B.json), or two images with --base and --against.",
                ),
            )
        )


@dataclass(frozen=True, kw_only=True)
class SelftestOptions:
    """What `memcap selftest` is asked for; ``source`` is a result to draw from instead of measuring."""

    argv: tuple[str, ...] = ()
    image: str | None = None
    cap: str = "512m"
    runs: int = 40
    source: Path | None = None
    sample: int = 10
    cells: int | None = None
    resamplings: int = 1000
    root: Path | None = None
    output: Path | None = None
    force: bool = False

    def validate(self) -> None:
        """Raise UsageError for options that mean nothing together."""
        refuse_contradictions(
            (
                (
                    self.source is None and self.runs < 2 * self.sample,
                    f"two samples of {self.sample} runs cannot be drawn from {self.runs}",
                    f"Use --runs {2 * self.sample} or more.",
                ),
                (
                    self.source is not None and (self.argv or self.image or self.output),
                    "--from measures nothing",
                    "Leave out --image, --output and the command.",
                ),
            )
        )


def named_by(words: Sequence[str]) -> Selection:
    """Return the selection of all that ``words`` name: suites, benchmarks and cells."""
    kinds = sort_words(words)
    return Selection(suites=kinds["suites"], benchmarks=kinds["benchmarks"], cells=kinds["cells"])


def sort_words(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Sort the words of a command by what they name: names have no dots and dashes, so their form tells."""
    kinds: dict[str, list[str]] = {"suites": [], "benchmarks": [], "cells": []}
    for word in words:
        kind = "cells" if is_glob(word) or "-" in word else "benchmarks" if "." in word else "suites"
        kinds[kind].append(word)
    return {kind: tuple(found) for kind, found in kinds.items()}
