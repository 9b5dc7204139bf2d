"""Make the plan: which cells to measure, in which order. Pure: nothing is read, nothing is asked of a daemon."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from memcap.errors import PlanError, SelectionError
from memcap.model import (
    BASE_MARK,
    COLD,
    OF_NO_SUITE,
    Benchmark,
    CallWorkload,
    Cap,
    Cell,
    Config,
    ImageSource,
    Plan,
    Profile,
    ServerWorkload,
)
from memcap.model.names import parse_cell_id
from memcap.references import choose_images, is_reference
from memcap.units import counted, length_variant, listed, seconds_of_variant

_GLOB_CHARACTERS = frozenset("*?[")
_NAMED_SERVERS = 4


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was asked for by name; an empty tuple and None leave the profile's choice.

    ``suites``, ``benchmarks`` (by name or as ``suite.benchmark``) and ``cells`` (ids or globs of ids) add up;
    ``images``, ``caps`` and ``tags`` then narrow. A name takes the place of the profile's own choice: an image
    that the profile leaves out can be asked for, and so can a benchmark without the profile's tags.
    A glob chooses among the profile's cells. ``images`` may hold references, such as ``my/prod:1.4``, and
    ``NAME=REFERENCE``; ``seen`` are further images that ids in ``cells`` may have, by their names.
    ``cold`` takes the cold variant of each cell, and no warm-ups; ``cells`` may name it or not. ``duration_seconds``
    takes a variant of each cell, in which its generator workload lasts so long. Where only ids are named, they say so.
    """

    suites: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    runs: int | None = None
    warmups: int | None = None
    cold: bool = False
    duration_seconds: float | None = None
    seen: Mapping[str, ImageSource] = field(default_factory=dict)

    @property
    def variant(self) -> str:
        """Return the variant of the cells; empty for none."""
        return COLD if self.cold else "" if self.duration_seconds is None else length_variant(self.duration_seconds)


def make_plan(config: Config, *, profile: str, selection: Selection) -> Plan:
    """Return the cells of ``profile`` that ``selection`` asks for, ordered by suite, benchmark, cap, then image.

    Neighbours differ in the image only, so that runs can interleave over images. A benchmark runs under those of
    its caps that the profile has; without caps of its own, under the profile's; where neither names any, under the
    smallest cap that holds its budget. Raises SelectionError for a name that selects nothing, with the nearest
    valid ones, for an empty plan, and for a duration of workloads that have none; PlanError for a cold server.
    """
    if selection.cold and selection.duration_seconds is not None:
        raise SelectionError("--cold does not go with --duration", remedy="Leave one of them out.")
    selection = _with_variant_of_ids(selection)
    chosen = config.profiles[_require(profile, config.profiles, what="profile")]
    images = _images(config, chosen, selection)
    caps = tuple(_require(name, config.caps, what="cap") for name in selection.caps) or chosen.caps
    for tag in selection.tags:
        _require(tag, {tag for benchmark in _benchmarks(config) for tag in benchmark.tags}, what="tag")

    tags = selection.tags or chosen.tags
    mark = f".{selection.variant}-" if selection.variant else "-"
    words = tuple(word.replace(mark, "-") for word in selection.cells)
    globs = tuple(word for word in words if is_glob(word))
    exact = tuple(word for word in words if not is_glob(word))

    benchmarks = _named_benchmarks(config, chosen, selection)
    cells = _grid(config, benchmarks, images, caps)
    if globs:
        everything = _of_suites(config, chosen.suites, tags)
        cells |= _glob_cells(_grid(config, everything, images, caps), globs)
    if exact:
        cells |= _exact_cells(config, exact, selection, images)
    if not cells:
        raise SelectionError(
            "this selection has no cells", remedy=_why_empty(config, selection, benchmarks, tags=tags, caps=caps)
        )
    plan = Plan(
        profile=chosen.name,
        cells=_in_order(config, cells.values(), images),
        runs=chosen.runs if selection.runs is None else selection.runs,
        warmups=chosen.warmups if selection.warmups is None else selection.warmups,
    )
    if selection.duration_seconds is not None:
        return lasting_plan(plan, selection.duration_seconds, time_limit_seconds=config.run_time_limit_seconds)
    return cold_plan(plan) if selection.cold else plan


def refuse_servers(cells: Iterable[Cell], what: str, *, remedy: str) -> None:
    """Raise PlanError if one of ``cells`` is a server, which ``what`` cannot measure."""
    servers = (cell.benchmark for cell in cells if isinstance(cell.benchmark.workload, ServerWorkload))
    if named := list(dict.fromkeys(f"{each.suite}.{each.name}" for each in servers)):
        raise PlanError(f"{what} cannot measure servers yet: {listed(named, _NAMED_SERVERS)}", remedy=remedy)


def lasting_plan(plan: Plan, seconds: float, *, time_limit_seconds: float) -> Plan:
    """Return ``plan`` with its generator workloads lasting ``seconds``, in place of their own duration or cycles.

    A time limit moves along, ``time_limit_seconds`` where a benchmark has none of its own: what it leaves beside the
    length stays the same. The cells are variants, so that nobody compares them with the configured length. Raises
    SelectionError for workloads without a length.
    """
    return replace(plan, cells=tuple(_lasting(cell, seconds, time_limit_seconds) for cell in plan.cells))


def _lasting(cell: Cell, seconds: float, time_limit_seconds: float) -> Cell:
    benchmark, workload = cell.benchmark, cell.benchmark.workload
    if not isinstance(workload, CallWorkload) or (workload.duration_seconds is None and workload.cycles is None):
        raise SelectionError(
            f"{cell.id} has no duration that --duration could override",
            remedy="Only generator workloads with `duration` or `cycles` in suite.toml have one: select those.",
        )
    limit, own = benchmark.time_limit_seconds or time_limit_seconds, workload.duration_seconds or 0.0
    benchmark = replace(
        benchmark,
        workload=replace(workload, duration_seconds=seconds, cycles=None),
        time_limit_seconds=seconds + (limit - own if limit > own else limit),
    )
    return replace(cell, benchmark=benchmark, variant=length_variant(seconds))


def cold_plan(plan: Plan) -> Plan:
    """Return ``plan`` with the cold variant of each cell, without warm-ups: they would fill the page cache.

    Raises PlanError for a server: the load client reads files of images, too.
    """
    refuse_servers(plan.cells, "--cold", remedy="Leave out --cold, or select other benchmarks.")
    return replace(plan, cells=tuple(replace(cell, variant=COLD) for cell in plan.cells), warmups=0)


def is_glob(word: str) -> bool:
    """Tell whether ``word`` is a pattern of cell ids."""
    return not _GLOB_CHARACTERS.isdisjoint(word)


def _images(config: Config, profile: Profile, selection: Selection) -> tuple[ImageSource, ...]:
    if not selection.images:
        return tuple(image for image in config.images.values() if not profile.images or image.name in profile.images)
    for word in selection.images:
        if not is_reference(word):
            hint = "An image that is not of this project is named with its tag, such as python:3.12-slim."
            _require(word, config.images, what="image", hint=hint)
    return choose_images(selection.images, config.images)


def _benchmarks(config: Config) -> list[Benchmark]:
    return [benchmark for suite in config.suites.values() for benchmark in suite.benchmarks]


def _of_suites(config: Config, suites: Sequence[str], tags: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks of ``suites`` (none: of all) that carry one of ``tags``."""
    return _tagged((item for item in _benchmarks(config) if not suites or item.suite in suites), tags)


def _named_benchmarks(config: Config, profile: Profile, selection: Selection) -> list[Benchmark]:
    """Return the selected benchmarks: those of the suites with the profile's tags, those named without."""
    if selection.cells and not selection.suites and not selection.benchmarks:
        return []
    everything = _benchmarks(config)
    ids = [f"{benchmark.suite}.{benchmark.name}" for benchmark in everything]
    for name in selection.suites:
        _require(name, config.suites, what="suite", near=ids)
    found = []
    if selection.suites or not selection.benchmarks:
        found += _of_suites(config, selection.suites or profile.suites, selection.tags or profile.tags)
    for name in selection.benchmarks:
        _require(name, [*ids, *(benchmark.name for benchmark in everything)], what="benchmark")
        named = [item for item in everything if name in (item.name, f"{item.suite}.{item.name}")]
        found += _tagged(named, selection.tags)
    return found


def _tagged(benchmarks: Iterable[Benchmark], tags: Sequence[str]) -> list[Benchmark]:
    return [benchmark for benchmark in benchmarks if not tags or not set(tags).isdisjoint(benchmark.tags)]


def _grid(
    config: Config, benchmarks: Iterable[Benchmark], images: Iterable[ImageSource], caps: Sequence[str]
) -> dict[str, Cell]:
    cells = [
        Cell(benchmark=benchmark, image=image, cap=cap)
        for benchmark in benchmarks
        for cap in _caps(config, benchmark, caps)
        for image in images
    ]
    return {cell.id: cell for cell in cells}


def _caps(config: Config, benchmark: Benchmark, names: Sequence[str]) -> list[Cap]:
    """Return the caps that ``benchmark`` runs under; ``names`` are those of the profile or the selection."""
    ladder = sorted(config.caps.values(), key=lambda cap: cap.bytes)
    if not benchmark.cap_names and not names:
        need = benchmark.budget.ceiling_bytes if benchmark.budget else 0
        return next(([cap] for cap in ladder if cap.bytes > need), ladder[-1:])
    return [
        cap
        for cap in ladder
        if (not benchmark.cap_names or cap.name in benchmark.cap_names) and (not names or cap.name in names)
    ]


def _glob_cells(cells: dict[str, Cell], globs: Iterable[str]) -> dict[str, Cell]:
    found: dict[str, Cell] = {}
    for glob in globs:
        matching = {name: cell for name, cell in cells.items() if fnmatchcase(name, glob)}
        if not matching:
            examples = ", ".join(list(cells)[:3]) or "none: name the cell without a pattern"
            raise SelectionError(
                f"no cell of the profile matches {glob!r}",
                remedy=f"Its {counted(len(cells), 'cell')} begin: {examples}.",
            )
        found |= matching
    return found


def _with_variant_of_ids(selection: Selection) -> Selection:
    """Return ``selection`` with the variant that the ids of its cells have, where nothing else is named."""
    ids = selection.cells
    if not ids or selection.variant or selection.suites or selection.benchmarks or any(map(is_glob, ids)):
        return selection
    variants = {name.variant for name in map(parse_cell_id, ids) if name is not None} or {""}
    if len(variants) > 1:
        raise SelectionError(
            "these cells differ in their variants: " + ", ".join(sorted(each or "none" for each in variants)),
            remedy="Measure cold cells, and cells of another length, in commands of their own.",
        )
    (variant,) = variants
    return replace(selection, cold=variant == COLD, duration_seconds=seconds_of_variant(variant))


def _exact_cells(
    config: Config, ids: Iterable[str], selection: Selection, chosen: Sequence[ImageSource]
) -> dict[str, Cell]:
    """Return the cells with these ids, be they in the profile or not."""
    images = {**selection.seen, **config.images, **{image.name: image for image in chosen}}
    everything: dict[str, Cell] = {}
    for benchmark in _benchmarks(config):
        everything |= _grid(config, [benchmark], images.values(), benchmark.cap_names or tuple(config.caps))
    found = {name: everything[_require(name, everything, what="cell", hint=_of_cell(name))] for name in ids}
    return {
        name: cell
        for name, cell in found.items()
        if (not selection.images or cell.image in chosen)
        and (not selection.caps or cell.cap.name in selection.caps)
        and _tagged([cell.benchmark], selection.tags)
    }


def _of_cell(name: str) -> str:
    """Return what to know of an id that no cell has."""
    if name.startswith(f"{OF_NO_SUITE}."):
        return "Cells of `memcap measure` belong to no suite: name IMAGE -- CMD instead."
    if BASE_MARK in name:
        return "`.base` marks the older revision of --base-ref: name the cell without it."
    return "The image of a cell is named with --image NAME=REFERENCE, or in [images] of limits.toml."


def _require(name: str, valid: Iterable[str], *, what: str, near: Iterable[str] = (), hint: str = "") -> str:
    """Return ``name`` if it is one of ``valid``; raise SelectionError with the nearest ones if not."""
    names = list(dict.fromkeys(valid))
    if name in names:
        return name
    close = get_close_matches(name, [*names, *near], n=3)
    # A benchmark that was named without its suite is near to nobody by spelling.
    close += [other for other in near if other.endswith(f".{name}") and other not in close]
    if close:
        remedy = f"Did you mean {' or '.join(close)}?"
    elif names:
        shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        remedy = f"There is: {shown}."
    else:
        remedy = "The project has none."
    raise SelectionError(f"there is no {what} {name!r}", remedy=f"{remedy} {hint}".rstrip())


def _in_order(config: Config, cells: Collection[Cell], images: Iterable[ImageSource]) -> tuple[Cell, ...]:
    benchmarks = [(benchmark.suite, benchmark.name) for benchmark in _benchmarks(config)]
    named = (image.name for image in (*images, *(cell.image for cell in cells)))
    image_names = list(dict.fromkeys([*config.images, *named]))

    def place(cell: Cell) -> tuple[int, int, int]:
        benchmark = (cell.benchmark.suite, cell.benchmark.name)
        return benchmarks.index(benchmark), cell.cap.bytes, image_names.index(cell.image.name)

    return tuple(sorted(cells, key=place))


def _why_empty(
    config: Config, selection: Selection, benchmarks: Sequence[Benchmark], *, tags: Sequence[str], caps: Sequence[str]
) -> str:
    """Say what left the plan without cells, and what to do."""
    if not config.suites:
        return "The project has no suites: add a folder under suites/ with a suite.toml."
    if not config.images and not selection.images:
        return "The project has no images: add images/<name>/Dockerfile, or name one with --image."
    if selection.cells:
        return "The named cells are not of the named images, caps or tags: drop --image, --cap or --tag."
    if not benchmarks:
        return (
            f"No benchmark among them carries the tag {' or '.join(tags)}: choose another --profile or --tag, "
            "name benchmarks, or add tags in suite.toml."
        )
    declared = [cap for cap in config.caps if any(cap in benchmark.cap_names for benchmark in benchmarks)]
    return f"The benchmarks declare the caps {', '.join(declared)} in suite.toml; asked for: {', '.join(caps)}."
