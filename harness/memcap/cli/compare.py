"""``memcap compare``: what one image, or one result, needs more than another, and where that comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from memcap.cli.output import emit
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents
from memcap.cli.selection import load_project, named_by, project_option, project_or_defaults, sort_words

if TYPE_CHECKING:
    from memcap.compare import Comparison
    from memcap.model import CampaignResult, Config, ImageSource, Plan, Rules

# With 5 runs of each a clear difference is found only if most of the figures compared differ: the least p-value of
# 5 v 5 is 1/252, and all that is compared shares the false alarms. With 7 v 7 it is 1/3432.
FEWEST_RUNS = 7
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compare", short_help="Compare two images, or two results.")
@click.argument("words", nargs=-1, metavar="[A B | SELECT...]")
@click.option("--base", metavar="IMAGE", help="The image to compare with.")
@click.option("--against", metavar="IMAGE", help="The image in question: what does it need more than --base?")
@click.option("--pairs", metavar="BEFORE:AFTER", help="Compare benchmarks NAME_BEFORE and NAME_AFTER of --result.")
@click.option("--result", type=_FILE, metavar="RESULT", help="Compare what is in this result instead of measuring.")
@click.option("-p", "--profile", default="quick", show_default=True, help="The profile of limits.toml to measure.")
@click.option(
    "--runs", type=click.IntRange(min=1), help="Measured runs of each cell.  [default: the profile's, at least 7]"
)
@click.option("--cold", is_flag=True, help="Drop the image's files from the page cache before each run.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Containers at once; by default one a CPU.")
@project_option
@click.option("--fail-on-regression", is_flag=True, help="Exit with 99 if any benchmark needs more.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["terminal", "markdown", "json"]), default="terminal", show_default=True
)
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-v", "--verbose", is_flag=True, help="Print every figure of every benchmark with its interval.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    words: tuple[str, ...],
    base: str | None,
    against: str | None,
    pairs: str | None,
    result: Path | None,
    profile: str,
    runs: int | None,
    cold: bool,
    jobs: int | None,
    root: Path | None,
    fail_on_regression: bool,
    form: str,
    reports: tuple[Wanted, ...],
    as_json: bool,
    verbose: bool,
) -> None:
    """Say how much more memory the second side needs than the first: interpreter, imports, workload, and each metric.

    With --base and --against, two images are measured in turns, or taken from --result; SELECT names suites,
    benchmarks or cells. With two files A and B, their cells are matched by benchmark, image and cap, or without the
    image if each file has another one. With --pairs, benchmarks that exist in two forms are compared with each other.

    Exits with 0 whatever needs more, since that is an answer; with 97, 96 or 95 if runs did not end as expected.

    \b
    Examples:
      memcap compare --base py310 --against py312          which Python needs less?
      memcap compare agents.llm --base py310 --against py312 --runs 20
      memcap compare --base py310 --against py312 --result results/20260101T020304-quick-1a2b.json
      memcap compare optimization --pairs before:after --result results/20260101T020304-full-1a2b.json
      memcap compare monday.json tuesday.json --format markdown
    """
    form = "json" if as_json else form
    if pairs is not None:
        if result is None or base is not None or against is not None:
            raise _usage("--pairs compares what one result has", "Name the file with --result, and no images.")
        compared, results = _two_forms(result, words, pairs, root)
    elif base is None or against is None:
        _refuse_half(base, against, result, words, runs)
        compared, results = _two_results(Path(words[0]), Path(words[1]), root)
    elif base == against:
        raise _usage("--base and --against are the same image", "Name another one.")
    elif result is not None:
        compared, results = _stored(result, words, (base, against), root)
    else:
        config = load_project(root)
        plan = _plan(config, words, (base, against), profile=profile, runs=runs, cold=cold)
        compared, results = _measured(config, plan, (base, against), jobs)
    code = 99 if fail_on_regression and compared.is_more else compared.exit_code
    _print_and_exit(compared, results, code, form=form, verbose=verbose, reports=reports)


def _usage(message: str, remedy: str) -> Exception:
    from memcap.errors import UsageError

    return UsageError(message, remedy=remedy)


def _refuse_half(
    base: str | None, against: str | None, result: Path | None, words: tuple[str, ...], runs: int | None
) -> None:
    if base is not None or against is not None:
        raise _usage("--base and --against go together", "Name both images.")
    if result is not None or runs is not None:
        raise _usage("--result and --runs are for comparing images", "Name them with --base and --against.")
    if len(words) != 2:
        raise _usage(
            "what is to be compared?",
            "Name two result files (memcap compare A.json B.json), or two images with --base and --against.",
        )


def _two_results(
    base: Path, against: Path, root: Path | None
) -> tuple[Comparison, tuple[CampaignResult, CampaignResult]]:
    from memcap.compare import compare_sides, match_results
    from memcap.store import load_result

    results = load_result(base), load_result(against)
    matched = match_results(*results)
    first = matched.matches[0]
    images = first.base.cell.image, first.against.cell.image
    # By the images if that is the difference; file names do not fit into a table.
    labels = images if images[0] != images[1] else ("A", "B")
    return compare_sides(matched, results, _rules(root), labels=labels), results


def _rules(root: Path | None) -> Rules:
    """Return the rules of the project, or the default rules: results can be compared anywhere."""
    return project_or_defaults(root).rules


def _stored(
    path: Path, words: tuple[str, ...], images: tuple[str, str], root: Path | None
) -> tuple[Comparison, tuple[CampaignResult, CampaignResult]]:
    from memcap.compare import compare_sides, match_images
    from memcap.model.names import tagged_image_name
    from memcap.references import choose_images
    from memcap.store import load_result

    result = load_result(path)
    known = {word: image for image in _measured_images(result) for word in (image.reference or "", image.name)}
    # Earlier versions named an image with its tag.
    known |= {word: known[name] for word in images if (name := tagged_image_name(word)) in known and word not in known}
    base, against = (image.name for image in choose_images(images, known))
    matched = match_images(result, base, against, among=chosen(result, words))
    return compare_sides(matched, (result, result), _rules(root), labels=(base, against)), (result, result)


def _measured_images(result: CampaignResult) -> list[ImageSource]:
    from memcap.model import ImageSource

    names = dict.fromkeys(cell.cell.image for cell in result.cells)
    references = {name: facts.reference for name, facts in result.images.items()}
    return [ImageSource(name=name, reference=references.get(name)) for name in names]


def _two_forms(
    path: Path, words: tuple[str, ...], pairs: str, root: Path | None
) -> tuple[Comparison, tuple[CampaignResult, CampaignResult]]:
    from memcap.compare import compare_sides, match_forms
    from memcap.store import load_result

    base, _, against = pairs.partition(":")
    if not base or not against or base == against:
        raise _usage(
            f"{pairs!r} does not name two forms", "Give the two endings of names, as --pairs before:after does."
        )
    result = load_result(path)
    matched = match_forms(result, base, against, among=chosen(result, words))
    return compare_sides(matched, (result, result), _rules(root), labels=(base, against)), (result, result)


def chosen(result: CampaignResult, words: tuple[str, ...]) -> frozenset[str] | None:
    """Return the ids of the cells that ``words`` name: suites, benchmarks or globs of ids; None for no words.

    Raises SelectionError for a word that names nothing.
    """
    from fnmatch import fnmatchcase

    from memcap.errors import SelectionError

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


def _plan(
    config: Config, words: tuple[str, ...], images: tuple[str, str], *, profile: str, runs: int | None, cold: bool
) -> Plan:
    from dataclasses import replace

    from memcap.plan import make_plan

    selection = replace(named_by(words), images=images, runs=runs, cold=cold)
    plan = make_plan(config, profile=profile, selection=selection)
    return replace(plan, runs=runs or max(plan.runs, FEWEST_RUNS))


def _measured(
    config: Config, plan: Plan, images: tuple[str, str], jobs: int | None
) -> tuple[Comparison, tuple[CampaignResult, CampaignResult]]:
    """Measure both images in turns, in one campaign, and keep its result."""
    from memcap.cli.execute import Order, execute, new_campaign
    from memcap.cli.progress import say
    from memcap.cli.result_file import reserved
    from memcap.compare import compare_sides, match_images
    from memcap.references import choose_images
    from memcap.store import result_path, save_result

    campaign, started = new_campaign(plan.profile)
    path = result_path(config.results_directory, campaign)
    order = Order(
        plan=plan,
        suites=config.suites,
        policy=config.policy,
        time_limit_seconds=config.run_time_limit_seconds,
        id=campaign,
        started=started,
        jobs=jobs,
    )
    with reserved(path, force=False):
        result = execute(order, save=lambda partial: save_result(partial, path, overwrite=True), kept_in=path)
    say(f"result: {path}")
    base, against = (image.name for image in choose_images(images, config.images))
    matched = match_images(result, base, against)
    return compare_sides(matched, (result, result), config.rules, labels=(base, against)), (result, result)


def _print_and_exit(
    compared: Comparison,
    results: tuple[CampaignResult, CampaignResult],
    code: int,
    *,
    form: str,
    verbose: bool,
    reports: tuple[Wanted, ...],
) -> NoReturn:
    from memcap.report.compare import compare_document
    from memcap.report.compare_json import render_comparison_json
    from memcap.report.compare_view import build_comparison_view
    from memcap.report.to_markdown import to_markdown

    view = build_comparison_view(compared, results, exit_code=code)
    document = compare_document(view, verbose=verbose)
    write_documents(document, reports)
    if form == "json":
        emit(render_comparison_json(view))
    elif form == "markdown":
        emit(to_markdown(document))
    else:
        print_document(document, verbose=verbose)
    raise SystemExit(code)
