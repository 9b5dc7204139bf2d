"""Two revisions of a project measured side by side: the plan of both, and the result of each. Pure.

While they run, what belongs to the base has images of its own, whose names end in ``.base``: so its cells have ids of
their own (``agents.llm-py312.base-128m``), layers and facts of their own, and stand beside the head's in one group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from memcap.errors import SelectionError
from memcap.model import BASE_MARK, Benchmark, CampaignResult, Cell, CellResult, Config, ImageSource, Layer, Plan, Suite
from memcap.plan import Selection, make_plan

_Layers = Mapping[tuple[str, str], Layer]


@dataclass(frozen=True, kw_only=True)
class Base:
    """What an older revision of the project has of a plan: its cells (with the head's ids), its suites and images.

    ``new`` are the ids of cells that only the head has, ``gone`` those that only the base has; ``name`` says in reports
    which revision it is.
    """

    plan: Plan
    suites: Mapping[str, Suite]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    name: str = "the base"
    images: Mapping[str, ImageSource] = field(default_factory=dict)


def base_of(
    plan: Plan, head: Config, there: Config | None, *, selection: Selection, images: Mapping[str, ImageSource]
) -> Base:
    """Return what the revision with the configuration ``there`` (None: it has none) has of the head's ``plan``.

    Suites and the project's images are those of the base; caps, options of containers, and how quiet it is kept, those
    of the head. An image that was named by reference on the command line is the same on both sides, unless ``images``
    (by the head's names) say what the base takes. ``selection`` is what the plan was made by.
    """
    if there is None:
        return Base(plan=replace(plan, cells=()), suites={}, new=tuple(cell.id for cell in plan.cells), gone=())
    theirs = {**_images_of(plan, head, there), **images}
    found = {cell.id: _cell_of(cell, there, theirs) for cell in plan.cells}
    return Base(
        plan=replace(plan, cells=tuple(cell for cell in found.values() if cell is not None)),
        suites=there.suites,
        new=tuple(cell_id for cell_id, cell in found.items() if cell is None),
        gone=_gone(plan, head, there, selection),
        images=there.images,
    )


def of_cells(base: Base, plan: Plan) -> Base:
    """Return what of ``base`` belongs to ``plan``, a part of the plan that it was made for."""
    ids = {cell.id for cell in plan.cells}
    return replace(
        base,
        plan=replace(base.plan, cells=tuple(cell for cell in base.plan.cells if cell.id in ids)),
        new=tuple(cell_id for cell_id in base.new if cell_id in ids),
    )


def side_by_side(plan: Plan, base: Base | None) -> Plan:
    """Return the plan of both: each cell of the head followed by its base, if it has one."""
    if base is None:
        return plan
    older = {cell.id: replace(cell, image=_marked(cell.image)) for cell in base.plan.cells}
    cells = [each for cell in plan.cells for each in (cell, older.get(cell.id)) if each is not None]
    return replace(plan, cells=tuple(cells))


def with_base_layers(layers: _Layers, base: _Layers) -> dict[tuple[str, str], Layer]:
    """Return the layers of both: those of the base's cells under the names that its images have beside the head's.

    Services and the load client keep their names. Where both sides have one of a name, it is the head's: what is
    next to a server should not differ.
    """
    marked = {
        (image + BASE_MARK, suite): replace(layer, image=replace(layer.image, name=image + BASE_MARK))
        for (image, suite), layer in base.items()
        if image and suite  # else of a service, or of the client
    }
    shared = {name: layer for name, layer in base.items() if name not in layers and not all(name)}
    return {**layers, **marked, **shared}


def split(result: CampaignResult) -> tuple[CampaignResult, CampaignResult]:
    """Return the head's and the base's part of a result, both with the head's ids."""
    images = {name: facts for name, facts in result.images.items() if not name.endswith(BASE_MARK)}
    base_images = {_unmarked(name): replace(facts, name=_unmarked(name)) for name, facts in result.images.items()}
    head = replace(
        result,
        images=images,
        plan_cells=tuple(cell_id for cell_id in result.plan_cells if _unmarked(cell_id) == cell_id),
        cells=tuple(cell for cell in result.cells if not cell.cell.image.endswith(BASE_MARK)),
    )
    base = replace(
        result,
        id=result.id + BASE_MARK,
        images={name: facts for name, facts in base_images.items() if name + BASE_MARK in result.images},
        plan_cells=tuple(_unmarked(cell_id) for cell_id in result.plan_cells if _unmarked(cell_id) != cell_id),
        cells=tuple(_unmarked_cell(cell) for cell in result.cells if cell.cell.image.endswith(BASE_MARK)),
    )
    return head, base


def in_base(cell: Cell) -> str:
    """Return the id that the base of ``cell``, one of the head, has while both are run."""
    return replace(cell, image=_marked(cell.image)).id


def _images_of(plan: Plan, head: Config, there: Config) -> dict[str, ImageSource]:
    """Return what the base has in place of the images of ``plan``, by their names."""
    images = {cell.image.name: cell.image for cell in plan.cells}
    return {
        name: there.images[name] if image == head.images.get(name) else image
        for name, image in images.items()
        if image != head.images.get(name) or name in there.images
    }


def _cell_of(cell: Cell, there: Config, images: Mapping[str, ImageSource]) -> Cell | None:
    """Return ``cell`` with what ``there`` has in its place, or None if it has no such benchmark or image."""
    suite = there.suites.get(cell.benchmark.suite)
    named: dict[str, Benchmark] = {each.name: each for each in suite.benchmarks} if suite else {}
    benchmark = named.get(cell.benchmark.name)
    name = cell.image.name
    image = images.get(name)
    if benchmark is None or image is None:
        return None
    # Its figures are to be compared, so it is measured under the same conditions.
    benchmark = replace(benchmark, quiet=cell.benchmark.quiet, policy=cell.benchmark.policy)
    return replace(cell, benchmark=benchmark, image=replace(image, name=name))


def _gone(plan: Plan, head: Config, there: Config, selection: Selection) -> tuple[str, ...]:
    """Return the cells that the base would have measured and the head does not have."""
    limits = replace(head, suites=there.suites, images=there.images)
    try:
        older = make_plan(limits, profile=plan.profile, selection=selection)
    except SelectionError:  # what was named is new
        return ()
    known = {cell.id for cell in plan.cells}
    return tuple(cell.id for cell in older.cells if cell.id not in known)


def _marked(image: ImageSource) -> ImageSource:
    return replace(image, name=image.name + BASE_MARK)


def _unmarked(name: str) -> str:
    """Return the name of an image, or the id of a cell, without the mark. A benchmark may be called ``base``."""
    image, dash, cap = name.rpartition("-")
    return image.removesuffix(BASE_MARK) + dash + cap if dash else name.removesuffix(BASE_MARK)


def _unmarked_cell(cell: CellResult) -> CellResult:
    summary = replace(cell.cell, id=_unmarked(cell.cell.id), image=_unmarked(cell.cell.image))
    return replace(cell, cell=summary)
