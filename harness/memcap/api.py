"""The functions of memcap as a library; `memcap` itself has them (docs/python-api.md).

They return typed results and raise MemcapError. They print nothing and never exit: ``tell`` gets the messages that the
command line prints on standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from memcap.errors import MemcapError, UsageError
from memcap.model import CampaignResult, CellResult, Ending, Measurement, Metric, Verdict, VerdictState
from memcap.report.fit import FitReport
from memcap.store import load_result as _load_result
from memcap.workflows.caller import Caller, Tell, ignore
from memcap.workflows.check import load_case
from memcap.workflows.compare import Compared
from memcap.workflows.compare import compare as _compare
from memcap.workflows.container_options import ContainerOptions, option_words
from memcap.workflows.explain import explain
from memcap.workflows.first_baselines import FirstBaselines, accept_first
from memcap.workflows.fit import fit as _fit
from memcap.workflows.judging import Judged, Measured, UnexpectedEnding, judged
from memcap.workflows.measure import measure as _measure
from memcap.workflows.merge import merge_shards
from memcap.workflows.merge_options import MergeOptions
from memcap.workflows.options import CheckOptions, CompareOptions, MeasureOptions, RunOptions
from memcap.workflows.profile import Profiled
from memcap.workflows.profile import profile as _profile
from memcap.workflows.run import run as _run
from memcap.workflows.serving_options import ServingOptions
from memcap.workflows.subject_options import FitOptions, ProfileOptions

__all__ = [
    "CampaignResult",
    "CellResult",
    "CheckOptions",
    "CompareOptions",
    "Compared",
    "ContainerOptions",
    "Ending",
    "FitOptions",
    "FitReport",
    "Judged",
    "MeasureOptions",
    "Measured",
    "Measurement",
    "MemcapError",
    "MergeOptions",
    "Metric",
    "ProfileOptions",
    "Profiled",
    "RunOptions",
    "RunOutcome",
    "ServingOptions",
    "UnexpectedEnding",
    "UsageError",
    "Verdict",
    "VerdictState",
    "check",
    "compare",
    "fit",
    "load_result",
    "measure",
    "merge",
    "profile",
    "run",
]

_NAMES: Final = {  # of fields whose option is called otherwise
    "images": "image",
    "caps": "cap",
    "tags": "tag",
    "base_images": "base-image",
    "root": "project",
    "keep_output": "show-output",
}


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What `run` measured, and the file it is stored in.

    ``judged`` has the verdicts, None with ``no_check``; ``accepted`` are the first baselines, if they were asked for.
    """

    result: CampaignResult
    path: Path
    judged: Judged | None = None
    accepted: FirstBaselines | None = None


def measure(
    image: str, command: Sequence[str] = (), *, options: MeasureOptions | None = None, tell: Tell = ignore
) -> Measured:
    """Measure a command in any image, or the image's own command; ``host`` is this machine without containers.

    Raises MemcapError: DaemonUnavailable, ImageMissing, PlanError and others.
    """
    options = options or MeasureOptions()
    words = ("measure", *command_words(options), image, *(("--", *command) if command else ()))
    return _measure(image, command, options, Caller(argv=words, tell=tell))


def run(*, options: RunOptions | None = None, tell: Tell = ignore) -> RunOutcome:
    """Measure the cells of a project, save the result, and judge it against the baselines.

    A regression is a verdict, no error. Raises MemcapError: ConfigError, SelectionError, EngineError and others.
    """
    options = options or RunOptions()
    caller = Caller(argv=("run", *command_words(options)), tell=tell)
    ran = _run(options, caller)
    if ran.case is None:
        return RunOutcome(result=ran.result, path=ran.path)
    found = explain(judged(ran.case), caller)
    first = accept_first(ran.case, found.view, tell=tell) if options.accept else None
    return RunOutcome(result=ran.result, path=ran.path, judged=found, accepted=first)


def load_result(path: str | Path) -> CampaignResult:
    """Return the result that a file holds. Raises FileFormatError, NewerSchemaError."""
    return _load_result(Path(path))


def check(result: str | Path | None = None, *, options: CheckOptions | None = None, tell: Tell = ignore) -> Judged:
    """Judge a stored result, by default the newest of the project, against the baselines.

    A regression is a verdict, no error. Raises MemcapError: ConfigError, FileFormatError, UsageError and others.
    """
    options = options or CheckOptions()
    if result is not None:
        options = replace(options, result=Path(result))
    return explain(judged(load_case(options, tell)), Caller(argv=("check", *command_words(options)), tell=tell))


def merge(*results: str | Path, options: MergeOptions | None = None, tell: Tell = ignore) -> Judged:
    """Merge the results of all shards of a campaign into one, save it, and judge it.

    ``results`` are files, or folders of them. Raises MemcapError: UsageError for files that do not belong together,
    ShardsMissing and others.
    """
    options = options or MergeOptions()
    if results:
        options = replace(options, results=tuple(map(Path, results)))
    return judged(merge_shards(options, tell))


def compare(*words: str | Path, options: CompareOptions | None = None, tell: Tell = ignore) -> Compared:
    """Compare two result files, or what ``options`` name: two images, or two forms of benchmarks.

    ``words`` are the two files, or select cells as on the command line. Raises MemcapError.
    """
    options = options or CompareOptions()
    if words:
        options = replace(options, words=tuple(map(str, words)))
    return _compare(options, Caller(argv=("compare", *command_words(options)), tell=tell))


def fit(
    subject: str, command: Sequence[str] = (), *, options: FitOptions | None = None, tell: Tell = ignore
) -> FitReport:
    """Find the smallest cap that a command in an image can live with, or a cell of the project.

    Raises UnexpectedEnding if it fails as it is, and other MemcapErrors.
    """
    options = replace(options or FitOptions(), words=(subject, *command))
    return _fit(options, Caller(argv=("fit", subject), tell=tell))


def profile(
    subject: str, command: Sequence[str] = (), *, options: ProfileOptions | None = None, tell: Tell = ignore
) -> Profiled:
    """Profile a command in an image, or a cell of the project: which lines allocate what lived at the peak?

    A workload that fails has a profile, too. Raises MemcapError.
    """
    options = replace(options or ProfileOptions(), words=(subject, *command))
    return _profile(options, Caller(argv=("profile", subject), tell=tell))


def command_words(options: Any) -> tuple[str, ...]:
    """Return words of a command line that ask for the same as ``options``."""
    words: list[str] = []
    named: tuple[str, ...] = ()
    for each in fields(options):
        value = getattr(options, each.name)
        if isinstance(value, ContainerOptions | ServingOptions):
            words += value.retyped()
        elif value == (each.default_factory() if each.default_factory is not MISSING else each.default):
            continue
        elif each.name in ("select", "words", "result"):
            named = tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)
        else:
            words += option_words(_NAMES.get(each.name, each.name.replace("_", "-")), value)
    return (*words, *named)
