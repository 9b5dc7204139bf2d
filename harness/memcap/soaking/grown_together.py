"""Put what grew in several processes together, such as the workers of a server. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memcap.model import AllocationSite, Grown, GrownType, Holder


def together(grown: Sequence[Grown]) -> Grown | None:
    """Return what grew in all processes; of one that could not be looked at only if there is no other."""
    seen = sorted((each for each in grown if not each.why_not), key=lambda each: -each.traced_bytes)
    if not seen:
        return next(iter(grown), None)
    first = seen[0]
    if len(seen) == 1:
        return first
    sites: dict[tuple[str, int], AllocationSite] = {}
    holders: dict[tuple[str, ...], Holder] = {}
    types: dict[str, GrownType] = {}
    for each in seen:
        for site in each.sites:
            known = sites.get((site.file, site.line), replace(site, bytes=0, count=0))
            merged = replace(known, bytes=known.bytes + site.bytes, count=known.count + site.count)
            sites[site.file, site.line] = merged
        for holder in each.holders:
            same = holders.get(holder.steps, replace(holder, more=0, bytes=None))
            size = None if holder.bytes is None else holder.bytes + (same.bytes or 0)
            holders[holder.steps] = replace(same, more=same.more + holder.more, bytes=size)
        for kind in each.types:
            before = types.get(kind.name, GrownType(name=kind.name, before=0, now=0))
            types[kind.name] = replace(before, before=before.before + kind.before, now=before.now + kind.now)
    return replace(
        first,
        since_seconds=min(each.since_seconds for each in seen),
        seconds=max(each.seconds for each in seen),
        sites=tuple(sorted(sites.values(), key=lambda site: -site.bytes)),
        holders=tuple(sorted(holders.values(), key=lambda holder: -(holder.bytes or 0))),
        types=tuple(sorted(types.values(), key=lambda kind: kind.before - kind.now)),
        garbage=sum(each.garbage for each in seen),
        frozen=max(each.frozen for each in seen),
        traced_bytes=sum(each.traced_bytes for each in seen),
        tracing_bytes=sum(each.tracing_bytes for each in seen),
        took_seconds=max(each.took_seconds for each in seen),
        processes=len(seen),
    )
