"""``memcap run --base-ref``: an older revision of the project beside the head, from its checkout to its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from memcap.config import load_config
from memcap.errors import ConfigError, UsageError
from memcap.images.this_machine import HOST, on_this_machine
from memcap.model import Baselines, CampaignResult, Config, ImageSource, Plan
from memcap.plan import Selection
from memcap.references import image_by_word
from memcap.revision import Base, base_of, split
from memcap.store import as_baselines, load_baselines, save_result
from memcap.workflows.caller import Tell
from memcap.worktree import Revision, checked_out


@contextmanager
def base_revision(
    ref: str | None, config: Config, plan: Plan, *, selection: Selection, images: Sequence[str], tell: Tell
) -> Iterator[Base | None]:
    """Yield what ``ref`` has of ``plan``, and say what it lacks; its files are there inside the block only.

    ``images`` are pairs IMAGE=REFERENCE. No ``ref``, no base. Raises UsageError, and ConfigError for mistakes in the
    configuration of ``ref``.
    """
    if ref is None:
        yield None
        return
    stand_ins = stand_ins_of(images, plan)
    with checked_out(config.root, ref) as there:
        tell(f"base: {ref} is {there.commit[:12]} ({there.subject})")
        base = base_of(plan, config, config_of(there, config), selection=selection, images=stand_ins)
        _tell_differences(base, ref, stand_ins, tell)
        yield replace(base, name=f"{ref} ({there.commit[:12]})")


def base_path(path: Path) -> Path:
    """Return where the base's result belongs, beside the head's in ``path``."""
    return path.with_name(f"{path.stem}.base.json")


def saver(path: Path, base: Base | None) -> Callable[[CampaignResult], None]:
    """Return what saves a result to ``path``, and that of its base beside it."""

    def save(result: CampaignResult) -> None:
        if base is None:
            save_result(result, path, overwrite=True)
            return
        head, older = split(result)
        save_result(head, path, overwrite=True)
        save_result(older, base_path(path), overwrite=True)

    return save


def judged_against(result: CampaignResult, base: Base | None, config: Config) -> tuple[CampaignResult, Baselines]:
    """Return the head's part of ``result`` and what it is judged against: its base, else the project's baselines."""
    if base is None:
        return result, load_baselines(config.baseline_directory)
    head, older = split(result)
    return head, replace(as_baselines(older)[0], origin=base.name)


def tell_where(path: Path, result: CampaignResult, base: Base | None, *, tell: Tell) -> None:
    """Say where the result is, and that of its base, and what of the base did not run as it should."""
    tell(f"result: {path}")
    if base is not None:
        tell(f"result of the base: {base_path(path)}")
        for text in as_baselines(split(result)[1])[1]:
            tell(f"base: {text}")


def config_of(there: Revision, head: Config) -> Config | None:
    """Return the configuration of the base, or None where the project was not yet there."""
    if not (there.project / "limits.toml").is_file():
        return None
    try:
        config = load_config(there.project, is_older=True)
    except ConfigError as error:
        # In git's own notation, since the file itself is gone when this is read.
        problems = (replace(each, file=Path(f"{there.ref}:{each.file.as_posix()}")) for each in error.problems)
        raise ConfigError(tuple(problems)) from error
    return on_this_machine(config) if HOST in head.images.values() else config


def stand_ins_of(pairs: Sequence[str], plan: Plan) -> Mapping[str, ImageSource]:
    """Return what the base takes in place of images by reference: by the name that the head's image has."""
    found = {}
    by_reference = [cell.image for cell in plan.cells if cell.image.reference]
    known = {word: image for image in by_reference for word in (image.reference, image.name)}
    for pair in pairs:
        ours, separator, theirs = pair.rpartition("=")
        if not separator or not theirs or ours not in known:
            raise UsageError(
                f"--base-image {pair!r} is not IMAGE=REFERENCE with an IMAGE that this run takes by its reference",
                remedy="Write it like --image prod=shop/prod:1.1 --base-image prod=shop/prod:1.0",
            )
        found[known[ours].name] = replace(image_by_word(theirs), name=known[ours].name)
    return found


def _tell_differences(base: Base, ref: str, stand_ins: Mapping[str, ImageSource], tell: Tell) -> None:
    if base.new:
        tell(f"new, as {ref} does not have it: {', '.join(base.new)}")
    if base.gone:
        tell(f"gone, only {ref} has it; not measured: {', '.join(base.gone)}")
    references = {cell.image.name: cell.image.reference for cell in base.plan.cells if not cell.image.directory}
    for name, reference in references.items():
        if name not in stand_ins and reference != HOST.reference:
            tell(f"image {reference} is the same on both sides (--base-image names another for {ref})")
