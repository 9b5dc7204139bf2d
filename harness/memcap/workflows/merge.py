"""``memcap merge``: the results of all shards of a campaign -> one result, saved, and what it is judged against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from memcap.errors import UsageError
from memcap.model import BASE_MARK, Baselines, CampaignResult, Config
from memcap.shards import NamedResult, merge, merge_bases
from memcap.store import as_baselines, load_baselines, load_result, result_path, save_result
from memcap.units import listed
from memcap.workflows.base_ref import base_path
from memcap.workflows.caller import Tell
from memcap.workflows.judging import Case
from memcap.workflows.merge_options import MergeOptions
from memcap.workflows.result_file import reserved
from memcap.workflows.selection import load_project, with_new_cells
from memcap.workflows.sharding import commit_of

_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class _Files:
    """The results of the shards, and those of their bases by the ids of their campaigns."""

    heads: tuple[NamedResult, ...]
    bases: Mapping[str, NamedResult]


def merge_shards(options: MergeOptions, tell: Tell) -> Case:
    """Merge the results that ``options`` name, save the whole, and load what it is judged against.

    With `--base-ref`, the bases are merged too, and saved beside it. Raises ConfigError, FileFormatError, UsageError,
    ShardsMissing, FileExistsAlready, NotWritten.
    """
    config = with_new_cells(load_project(options.root), allowed=options.allow_new)
    files = _load(options.results)
    merged = merge(files.heads, allow_mixed=options.allow_mixed)
    result = merged.result
    base = _merged_base(files, result, allow_mixed=options.allow_mixed)
    _tell_of_other_commit(files.heads[0].result, config, tell)
    for difference in merged.mixed:
        tell(f"the machines differ in {difference}")
    _save(result, base, options.output or result_path(config.results_directory, result.id), options, tell)
    missing = sorted(set(result.plan_cells) - {cell.cell.id for cell in result.cells})
    if missing:
        tell(f"not measured: {listed(missing, _NAMED)}")
    baselines = _baselines(files, base, config, tell)
    # A cell that has a baseline is `gone`, as `memcap check` says. Others must not pass unseen.
    is_unseen = bool(missing) and baselines.cells.keys().isdisjoint(missing)
    return Case(config=config, result=result, baselines=baselines, time_is_up=is_unseen)


def _tell_of_other_commit(shard: CampaignResult, config: Config, tell: Tell) -> None:
    here, there = commit_of(config), shard.shard and shard.shard.commit
    if here and there and here != there:
        tell(f"measured at the commit {there[:12]}, judged by the baselines and rules of {here[:12]}")


def _save(result: CampaignResult, base: CampaignResult | None, path: Path, options: MergeOptions, tell: Tell) -> None:
    with reserved(path, force=options.force, tell=tell):
        save_result(result, path, overwrite=True)
        tell(f"result: {path}")
        if base is not None:
            save_result(base, base_path(path), overwrite=True)
            tell(f"result of the base: {base_path(path)}")


def _baselines(files: _Files, base: CampaignResult | None, config: Config, tell: Tell) -> Baselines:
    if base is None:
        return load_baselines(config.baseline_directory)
    found, left_out = as_baselines(base)
    for text in left_out:
        tell(f"base: {text}")
    facts = files.heads[0].result.shard
    return replace(found, origin=(facts and facts.base) or "the base")


def _load(paths: Sequence[Path]) -> _Files:
    """Return all results that ``paths`` name. A pattern such as *.json names the bases as well."""
    found = [NamedResult(name=str(path), result=load_result(path)) for path in _expanded(paths)]
    heads = tuple(each for each in found if not each.result.id.endswith(BASE_MARK))
    bases = {each.result.id.removesuffix(BASE_MARK): each for each in found if each.result.id.endswith(BASE_MARK)}
    if strays := [each.name for name, each in bases.items() if name not in {head.result.id for head in heads}]:
        raise UsageError(
            f"the base of a shard is named without the shard itself: {listed(strays, _NAMED)}",
            remedy="Name the results of the shards; the base of each is found beside it.",
        )
    beside = {
        head.result.id: base_path(Path(head.name))
        for head in heads
        if head.result.shard is not None and head.result.shard.base is not None and head.result.id not in bases
    }
    if lost := [str(path) for path in beside.values() if not path.is_file()]:
        raise UsageError(
            f"the result of a base is missing: {listed(lost, _NAMED)}",
            remedy="Keep both files that memcap run --base-ref writes in one folder.",
        )
    bases |= {name: NamedResult(name=str(path), result=load_result(path)) for name, path in beside.items()}
    return _Files(heads=heads, bases=bases)


def _expanded(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise UsageError(f"there is no file {path}", remedy="Name the results of all shards, or their folder.")
            yield path
            continue
        files = sorted(path.glob("*.json"))
        if not files:
            raise UsageError(
                f"there are no results in {path}", remedy="Name the results of all shards, or their folder."
            )
        yield from files


def _merged_base(files: _Files, head: CampaignResult, *, allow_mixed: bool) -> CampaignResult | None:
    if not files.bases:
        return None
    return merge_bases([files.bases[each.result.id] for each in files.heads], head, allow_mixed=allow_mixed)
