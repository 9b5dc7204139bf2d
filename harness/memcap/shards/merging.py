"""The results of all shards of a plan -> one result, as if one machine had measured the plan."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memcap.errors import MemcapError, UsageError
from memcap.model import BASE_MARK, CampaignResult, CellResult, ShardFacts
from memcap.shards.alike import NamedResult, joined_environment, refuse_mixed, refuse_other_campaigns, shared_words
from memcap.units import counted, listed

_NAMED = 5


class ShardsMissing(MemcapError):  # noqa: N818 - reads as what happened
    """Not all shards of a plan are there: cells were planned and not measured."""

    exit_code = 95  # that of cells that are gone: docs/exit-codes.md


@dataclass(frozen=True, kw_only=True)
class Merged:
    """One result of all shards, and what differs between their machines."""

    result: CampaignResult
    mixed: tuple[str, ...]


def merge(parts: Sequence[NamedResult], *, allow_mixed: bool = False) -> Merged:
    """Return the results of shards as one; their order does not matter.

    Raises UsageError for files that are not shards of one campaign, each once, or of unlike environments, and
    ShardsMissing.
    """
    for each in parts:
        _refuse_whole(each)
    parts = sorted(parts, key=lambda each: (_facts(each).shard.number, each.name))
    refuse_other_campaigns(parts)
    _refuse_repeated(parts)
    _refuse_missing(parts)
    plan = _facts(parts[0]).plan_cells
    _refuse_other_division(parts, plan)
    mixed = refuse_mixed(_measured(parts), allow_mixed=allow_mixed)
    return Merged(result=_joined(parts, plan, campaign=_merged_id(parts)), mixed=mixed)


def merge_bases(bases: Sequence[NamedResult], head: CampaignResult, *, allow_mixed: bool = False) -> CampaignResult:
    """Return the results of the bases of shards as one, to stand beside ``head``, which was merged of the shards.

    Raises UsageError for images that differ between them.
    """
    bases = sorted(bases, key=lambda each: _facts(each).shard.number)
    refuse_mixed(_measured(bases), allow_mixed=allow_mixed)
    planned = {cell_id for each in bases for cell_id in each.result.plan_cells}
    plan = tuple(cell_id for cell_id in head.plan_cells if cell_id in planned)
    return _joined(bases, plan, campaign=head.id + BASE_MARK)


def _joined(parts: Sequence[NamedResult], plan: Sequence[str], *, campaign: str) -> CampaignResult:
    results = [each.result for each in parts]
    environments = [each.result.environment for each in _measured(parts)]
    hosts = {each.host for each in environments}
    cells = {cell.cell.id: _with_host(cell, each, hosts) for each in results for cell in each.cells}
    return replace(
        results[0],
        id=campaign,
        started=min(each.started for each in results),
        command=shared_words(results[0].command),
        environment=joined_environment(environments),
        images=dict(item for each in results for item in each.images.items()),
        plan_cells=tuple(plan),
        cells=tuple(cells[cell_id] for cell_id in plan if cell_id in cells),
        shard=None,
        merged_from=tuple(each.id for each in results),
    )


def _measured(parts: Sequence[NamedResult]) -> Sequence[NamedResult]:
    """Return those that measured something: on which machine nothing was measured does not matter."""
    return [each for each in parts if each.result.cells] or parts[:1]


def _with_host(cell: CellResult, result: CampaignResult, hosts: set[str | None]) -> CellResult:
    return replace(cell, host=result.environment.host) if len(hosts) > 1 else cell


def _merged_id(parts: Sequence[NamedResult]) -> str:
    """Return the id of the merged campaign: that of the same shards is always the same, and sorts by their start."""
    ids = [each.result.id for each in parts]
    digest = hashlib.sha256(" ".join(ids).encode()).hexdigest()[:4]
    return f"{min(ids).rpartition('-')[0]}-{digest}"


def _facts(each: NamedResult) -> ShardFacts:
    assert each.result.shard is not None
    return each.result.shard


def _refuse_whole(each: NamedResult) -> None:
    if each.result.shard is not None:
        return
    what = "was merged already" if each.result.merged_from else "was measured without --shard"
    raise UsageError(f"{each.name} is not a shard: it {what}", remedy="Name results of memcap run --shard N/COUNT.")


def _refuse_repeated(parts: Sequence[NamedResult]) -> None:
    counts = Counter(_facts(each).shard.number for each in parts)
    told = []
    for number in sorted(each for each, times in counts.items() if times > 1):
        same = [each for each in parts if _facts(each).shard.number == number]
        told.append(f"  {_facts(same[0]).shard}: {listed([each.name for each in same], _NAMED)}")
    if told:
        raise UsageError(
            "\n".join(("a shard is given more than once; nothing was merged.", *told)),
            remedy="Name one file of each shard, such as that of the last attempt.",
        )


def _refuse_missing(parts: Sequence[NamedResult]) -> None:
    count = _facts(parts[0]).shard.count
    there = {_facts(each).shard.number for each in parts}
    missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in there]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        named = listed(missing, 2 * _NAMED)
        raise ShardsMissing(
            f"{len(missing)} of {counted(count, 'shard')} {verb} missing: {named}; nothing was merged.",
            remedy="Measure again what was lost: memcap run --shard with the same other options, at the same commit.",
        )


def _refuse_other_division(parts: Sequence[NamedResult], plan: Sequence[str]) -> None:
    """Raise UsageError unless each cell of the plan is in one shard: divisions by other durations are others."""
    counts = Counter(cell_id for each in parts for cell_id in each.result.plan_cells)
    told = [
        f"  {title}: {listed(found, _NAMED)}"
        for title, found in (
            ("in several shards", [cell_id for cell_id in plan if counts[cell_id] > 1]),
            ("in no shard", [cell_id for cell_id in plan if not counts[cell_id]]),
            ("not in the plan", [cell_id for cell_id in counts if cell_id not in plan]),
        )
        if found
    ]
    if told:
        raise UsageError(
            "\n".join(("the plan was not divided alike for all shards; nothing was merged.", *told)),
            remedy="Give each job the same --durations file, or none.",
        )
