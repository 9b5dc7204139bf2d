"""Which cells of two sides belong together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from memcap.errors import SelectionError
from memcap.model import CampaignResult, CellResult

_Key = tuple[str, str, str, str, str]  # suite, benchmark, variant, image (empty: any), cap


@dataclass(frozen=True, kw_only=True)
class Match:
    """The cells of both sides that are of one benchmark; ``name`` is the benchmark's, with what tells it apart."""

    name: str
    base: CellResult
    against: CellResult


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The cells of two sides that belong together, and the ids of those that have no counterpart."""

    matches: tuple[Match, ...]
    alone: tuple[str, ...] = ()


def match_images(result: CampaignResult, base: str, against: str, *, among: Collection[str] | None = None) -> Matched:
    """Match the cells of two images of one result; ``among`` are the ids to look at, None: all.

    Raises SelectionError for an image that the result does not have, and if nothing is left to compare.
    """
    images = {cell.cell.image for cell in result.cells}
    for image in (base, against):
        if image not in images:
            raise SelectionError(f"the result has no image {image!r}", remedy=f"It has: {', '.join(sorted(images))}.")
    chosen = [cell for cell in result.cells if among is None or cell.cell.id in among]
    of_base, of_against = ([cell for cell in chosen if cell.cell.image == image] for image in (base, against))
    return _matched(of_base, of_against, partial(_key, by_image=False))


def match_forms(result: CampaignResult, base: str, against: str, *, among: Collection[str] | None = None) -> Matched:
    """Match benchmarks that exist in two forms, ``NAME_base`` and ``NAME_against``, on the same image and cap.

    ``among`` are the ids to look at, None: all. Raises SelectionError if no benchmark has both.
    """
    chosen = [cell for cell in result.cells if among is None or cell.cell.id in among]
    there, here = ([cell for cell in chosen if _form(cell, base, against) == form] for form in (base, against))

    def key(cell: CellResult) -> _Key:
        suite, benchmark, variant, image, cap = _key(cell, by_image=True)
        return suite, benchmark.removesuffix(f"_{_form(cell, base, against)}"), variant, image, cap

    return _matched(there, here, key)


def _form(cell: CellResult, *forms: str) -> str | None:
    """Return which of ``forms`` the benchmark's name ends in, the longest if several."""
    return max((form for form in forms if cell.cell.benchmark.endswith(f"_{form}")), key=len, default=None)


def match_results(base: CampaignResult, against: CampaignResult) -> Matched:
    """Match the cells of two results: the same benchmark, image and cap; without the image if each has another one.

    Raises SelectionError if nothing can be matched.
    """
    there, here = ({cell.cell.image for cell in result.cells} for result in (base, against))
    across = len(there) == len(here) == 1 and there != here
    return _matched(base.cells, against.cells, partial(_key, by_image=not across))


def _key(cell: CellResult, *, by_image: bool) -> _Key:
    of = cell.cell
    return of.suite, of.benchmark, of.variant, of.image if by_image else "", of.cap.name


def _matched(base: Sequence[CellResult], against: Sequence[CellResult], key: Callable[[CellResult], _Key]) -> Matched:
    there, here = ({key(cell): cell for cell in cells} for cells in (base, against))
    common = [each for each in there if each in here]
    if not common:
        raise SelectionError(
            "the two sides have no benchmark in common",
            remedy="Results are matched by benchmark, image and cap. To compare two images, give --base and --against; "
            "to compare two forms of benchmarks, --pairs.",
        )
    names = _names(common)
    alone = [cells[each].cell.id for cells, others in ((there, here), (here, there)) for each in cells
             if each not in others]  # fmt: skip
    matches = (Match(name=names[each], base=there[each], against=here[each]) for each in common)
    return Matched(matches=tuple(matches), alone=tuple(dict.fromkeys(alone)))


def _names(keys: Sequence[_Key]) -> dict[_Key, str]:
    """Return a name for each key: ``suite.benchmark[.variant]``, with image and cap where several share that."""
    sharing: dict[str, list[_Key]] = {}
    for key in keys:
        suite, benchmark, variant, _, _ = key
        sharing.setdefault(f"{suite}.{benchmark}{f'.{variant}' if variant else ''}", []).append(key)
    return {
        key: name if len(several) == 1 else "-".join(filter(None, (name, *key[3:])))
        for name, several in sharing.items()
        for key in several
    }
