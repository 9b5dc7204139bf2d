"""``memcap compare``: what one image, or one result, needs more than another, and where that comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from memcap.comparing import Comparison, Matched, compare_sides, match_forms, match_images, match_results
from memcap.errors import SelectionError
from memcap.model import CampaignResult, Config, ImageSource, Plan, Rules
from memcap.model.names import tagged_image_name
from memcap.plan import make_plan
from memcap.references import choose_images
from memcap.store import load_result, result_path
from memcap.workflows.caller import Caller
from memcap.workflows.execute import execute
from memcap.workflows.options import CompareOptions, named_by, sort_words
from memcap.workflows.request import CampaignRequest, new_campaign
from memcap.workflows.result_file import reserved
from memcap.workflows.selection import load_project, project_or_defaults

# With 5 runs of each a clear difference is found only if most of the figures compared differ: the least p-value of
# 5 v 5 is 1/252, and all that is compared shares the false alarms. With 7 v 7 it is 1/3432.
FEWEST_RUNS: Final = 7


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A comparison of two sides, and the results that they are from."""

    comparison: Comparison
    results: tuple[CampaignResult, CampaignResult]


def compare(options: CompareOptions, caller: Caller) -> Compared:
    """Compare what ``options`` name; images are measured unless a result has them.

    Raises UsageError, SelectionError for words that name nothing, FileFormatError, and as `execute` does.
    """
    options.validate()
    if options.images is not None and options.result is None:
        config = load_project(options.root)
        result = _measured(config, _plan(config, options, options.images), options, caller)
        base, against = (image.name for image in choose_images(options.images, config.images))
        return _compared(match_images(result, base, against), (result, result), config.rules, (base, against))
    if options.result is None:
        first, second = map(Path, options.words)
        return _two_results(first, second, _rules(options.root))
    result = load_result(options.result)
    among = chosen(result, options.words)
    if options.images is None:
        base, against = options.forms
        matched = match_forms(result, base, against, among=among)
    else:
        base, against = _stored_images(result, options.images)
        matched = match_images(result, base, against, among=among)
    return _compared(matched, (result, result), _rules(options.root), (base, against))


def _compared(
    matched: Matched, results: tuple[CampaignResult, CampaignResult], rules: Rules, labels: tuple[str, str]
) -> Compared:
    return Compared(comparison=compare_sides(matched, results, rules, labels=labels), results=results)


def _two_results(base: Path, against: Path, rules: Rules) -> Compared:
    results = load_result(base), load_result(against)
    matched = match_results(*results)
    first = matched.matches[0]
    images = first.base.cell.image, first.against.cell.image
    # By the images if that is the difference; file names do not fit into a table.
    return _compared(matched, results, rules, images if images[0] != images[1] else ("A", "B"))


def _rules(root: Path | None) -> Rules:
    """Return the rules of the project, or the default rules: results can be compared anywhere."""
    return project_or_defaults(root).rules


def _stored_images(result: CampaignResult, images: tuple[str, str]) -> tuple[str, str]:
    """Return the names that the images have in ``result``. Raises SelectionError."""
    known = {word: image for image in _measured_images(result) for word in (image.reference or "", image.name)}
    # Earlier versions named an image with its tag.
    known |= {word: known[name] for word in images if (name := tagged_image_name(word)) in known and word not in known}
    base, against = (image.name for image in choose_images(images, known))
    return base, against


def _measured_images(result: CampaignResult) -> list[ImageSource]:
    names = dict.fromkeys(cell.cell.image for cell in result.cells)
    references = {name: facts.reference for name, facts in result.images.items()}
    return [ImageSource(name=name, reference=references.get(name)) for name in names]


def chosen(result: CampaignResult, words: Sequence[str]) -> frozenset[str] | None:
    """Return the ids of the cells that ``words`` name: suites, benchmarks or globs of ids; None for no words.

    Raises SelectionError for a word that names nothing.
    """
    if not words:
        return None
    kinds = sort_words(words)
    found: set[str] = set()
    for word in words:
        named = {
            cell.cell.id
            for cell in result.cells
            if (word in kinds["cells"] and fnmatchcase(cell.cell.id, word))
            or (word in kinds["benchmarks"] and word == f"{cell.cell.suite}.{cell.cell.benchmark}")
            or (word in kinds["suites"] and word in (cell.cell.suite, cell.cell.benchmark))
        }
        if not named:
            raise SelectionError(
                f"the result has nothing that {word!r} names", remedy="`memcap report` shows its cells."
            )
        found |= named
    return frozenset(found)


def _plan(config: Config, options: CompareOptions, images: tuple[str, str]) -> Plan:
    selection = replace(named_by(options.words), images=images, runs=options.runs, cold=options.cold)
    plan = make_plan(config, profile=options.profile, selection=selection)
    return replace(plan, runs=options.runs or max(plan.runs, FEWEST_RUNS))


def _measured(config: Config, plan: Plan, options: CompareOptions, caller: Caller) -> CampaignResult:
    """Measure both images in turns, in one campaign, and keep its result."""
    name = new_campaign(plan.profile)
    path = result_path(config.results_directory, name.id)
    request = CampaignRequest(
        plan=plan,
        suites=config.suites,
        images=config.images,
        policy=config.policy,
        time_limit_seconds=config.run_time_limit_seconds,
        name=name,
        jobs=options.jobs,
    )
    with reserved(path, force=False, tell=caller.tell):
        result = execute(request, caller, path=path)
    caller.tell(f"result: {path}")
    return result
