"""The difference of two allocation profiles: by line of the program, and by whole stack. Pure.

All bytes are accounted for: the changes of all lines, and those of the sites that were too small to be listed, add up
to the change of the total; so do those of all stacks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from memcap.errors import UsageError
from memcap.model import UNCAPPED, AllocationProfile, Frame, Grown, Site, limit_of
from memcap.profile_diff.matching import inlined, match_lines
from memcap.units import format_bytes

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """How much of one place lived at the peak: bytes, and how many allocations."""

    size_bytes: int = 0
    count: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(size_bytes=self.size_bytes + other.size_bytes, count=self.count + other.count)


NOTHING = Amount()


@dataclass(frozen=True, kw_only=True)
class _Change:
    old: Amount
    new: Amount

    @property
    def delta_bytes(self) -> int:
        """Return by how many bytes it grew."""
        return self.new.size_bytes - self.old.size_bytes

    @property
    def word(self) -> str:
        """Return what happened: new, gone, grew, shrank, or same."""
        if self.old == self.new:
            return "same"
        if self.old == NOTHING:
            return "new"
        if self.new == NOTHING:
            return "gone"
        return "grew" if self.delta_bytes > 0 else "shrank" if self.delta_bytes < 0 else "same"


@dataclass(frozen=True, kw_only=True)
class LineChange(_Change):
    """What became of the allocations of one line: the innermost of the program itself, else of Python.

    ``before`` and ``after`` are where it is, None on a side that does not allocate there; both None: of no line of
    Python. ``inside`` is the line of a library that most of the change came from, None where that is the line itself.
    """

    before: Frame | None
    after: Frame | None
    text_before: str = ""
    text_after: str = ""
    inside: Frame | None = None

    @property
    def frame(self) -> Frame | None:
        """Return where it is now, or was."""
        return self.after or self.before

    @property
    def text(self) -> str:
        """Return the source text of ``frame``."""
        return self.text_after if self.after else self.text_before

    @property
    def moved(self) -> bool:
        """Tell whether it is at another place now."""
        return bool(self.before and self.after) and self.before != self.after

    @property
    def edited(self) -> bool:
        """Tell whether its text is another one now."""
        return bool(self.text_before and self.text_after) and self.text_before != self.text_after


@dataclass(frozen=True, kw_only=True)
class StackChange(_Change):
    """What became of one stack, innermost first; lines that both programs have are where they are now."""

    stack: tuple[Frame, ...]


@dataclass(frozen=True, kw_only=True)
class ProfileDiff:
    """What changed from ``before`` to ``after``; lines and stacks that grew most come first.

    ``rest_before`` and ``rest_after`` are what the sites add up to that were too small to be listed, in bytes;
    ``doubts`` say in words why the two may not be alike.
    """

    before: AllocationProfile
    after: AllocationProfile
    lines: tuple[LineChange, ...]
    stacks: tuple[StackChange, ...]
    rest_before: int
    rest_after: int
    doubts: tuple[str, ...] = ()

    @property
    def total_before(self) -> int:
        """Return what all sites of ``before`` add up to, in bytes."""
        return sum(line.old.size_bytes for line in self.lines) + self.rest_before

    @property
    def total_after(self) -> int:
        """Return what all sites of ``after`` add up to, in bytes."""
        return sum(line.new.size_bytes for line in self.lines) + self.rest_after

    @property
    def delta_bytes(self) -> int:
        """Return by how much the total grew."""
        return self.total_after - self.total_before

    def largest(self, number: int) -> tuple[LineChange, ...]:
        """Return the lines that changed most in either direction, those that grew first."""
        changed = sorted((line for line in self.lines if line.word != "same"), key=lambda each: -abs(each.delta_bytes))
        return tuple(sorted(changed[:number], key=lambda each: -each.delta_bytes))


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a cell became worse: the diff of base and head, or in words why there is none. ``base`` names the base.

    Of one that leaks, ``grown`` is what grew in another run, in which ``cycles`` were made meanwhile.
    """

    cell_id: str
    base: str = ""
    diff: ProfileDiff | None = None
    why_not: str = ""
    folder: str = ""
    grown: Grown | None = None
    cycles: float | None = None


def diff_profiles(before: AllocationProfile, after: AllocationProfile) -> ProfileDiff:
    """Return what changed. Raises UsageError for profiles of two tools, which do not count the same things."""
    if before.tool is not after.tool:
        raise UsageError(
            f"{before.tool.value} and {after.tool.value} do not count the same allocations",
            remedy="Make both profiles with the same tool.",
        )
    before, after = _inlined(before), _inlined(after)
    same = match_lines(_texts(before), _texts(after))
    return ProfileDiff(
        before=before,
        after=after,
        lines=_lines(before, after, same),
        stacks=_stacks(before, after, same),
        rest_before=sum(process.rest_bytes for process in before.processes),
        rest_after=sum(process.rest_bytes for process in after.processes),
        doubts=_doubts(before, after),
    )


def line_of(site: Site) -> Frame | None:
    """Return the line to blame: the innermost of the program itself, else of a library, None for none of Python."""
    return site.own_frame or site.frame


def _inlined(profile: AllocationProfile) -> AllocationProfile:
    return replace(profile, sites=tuple(replace(site, stack=inlined(site.stack)) for site in profile.sites))


def _texts(profile: AllocationProfile) -> dict[Frame, str]:
    return {frame: profile.source(frame) for site in profile.sites for frame in site.stack}


def _lines(before: AllocationProfile, after: AllocationProfile, same: Mapping[Frame, Frame]) -> tuple[LineChange, ...]:
    # A line that is gone keeps its frame, which a new line may have by now; so keys say whose frame it is.
    def place(site: Site) -> tuple[Frame | None, bool]:
        frame = line_of(site)
        now = same.get(frame) if frame else None
        return (now, True) if now else (frame, frame is None)

    olds = _grouped(before.sites, place)
    news = _grouped(after.sites, lambda site: (line_of(site), True))
    was = {now: then for then, now in same.items()}
    found = []
    for key in dict.fromkeys((*news, *olds)):
        frame, is_there = key
        of_old, of_new = olds.get(key, []), news.get(key, [])
        then = (was.get(frame) if is_there else frame) if frame and of_old else None
        now = frame if is_there and of_new else None
        found.append(
            LineChange(
                before=then,
                after=now,
                old=_sum(of_old),
                new=_sum(of_new),
                text_before=before.source(then),
                text_after=after.source(now),
                inside=_inside(of_old, of_new, same, frame),
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.delta_bytes, -each.new.size_bytes)))


def _stacks(
    before: AllocationProfile, after: AllocationProfile, same: Mapping[Frame, Frame]
) -> tuple[StackChange, ...]:
    # Frames that are gone stay as they are, so a stack with one could be taken for a new one: keys say which are gone.
    def place(site: Site) -> tuple[tuple[Frame, bool], ...]:
        return tuple((same[frame], True) if frame in same else (frame, False) for frame in site.stack)

    olds = _grouped(before.sites, place)
    news = _grouped(after.sites, lambda site: tuple((frame, True) for frame in site.stack))
    found = [
        StackChange(
            stack=tuple(frame for frame, _ in key), old=_sum(olds.get(key, [])), new=_sum(news.get(key, []))
        )
        for key in dict.fromkeys((*news, *olds))
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-each.delta_bytes, -each.new.size_bytes)))


def _grouped(sites: Iterable[Site], key: Callable[[Site], _Key]) -> dict[_Key, list[Site]]:
    found: dict[_Key, list[Site]] = defaultdict(list)
    for site in sites:
        found[key(site)].append(site)
    return dict(found)


def _sum(sites: Iterable[Site]) -> Amount:
    return sum((Amount(size_bytes=site.size_bytes, count=site.count) for site in sites), NOTHING)


def _inside(olds: list[Site], news: list[Site], same: Mapping[Frame, Frame], line: Frame | None) -> Frame | None:
    """Return the line of a library that most of the change came from."""
    sizes: Counter[Frame | None] = Counter()
    for site in news:
        sizes[site.frame] += site.size_bytes
    for site in olds:
        sizes[site.frame and same.get(site.frame, site.frame)] -= site.size_bytes
    most = max(sizes, key=lambda frame: abs(sizes[frame]), default=None)
    return None if most == line else most


def _doubts(before: AllocationProfile, after: AllocationProfile) -> tuple[str, ...]:
    tool = before.tool.value
    unlike = [
        (f"they were made by {tool}", before.tool_version, after.tool_version),
        ("compiled code was", *(_yes(each.native, "followed", "not followed") for each in (before, after))),
        ("child processes were", *(_yes(each.follows_fork, "recorded", "not recorded") for each in (before, after))),
        ("the cap was", *(_cap(each) for each in (before, after))),
        ("processes recorded:", *(str(len(each.processes)) for each in (before, after))),
        ("it ended as", before.ending.value, after.ending.value),
    ]
    found = [f"not alike: {what} {old} before and {new} after" for what, old, new in unlike if old != new]
    said: dict[str, list[str]] = defaultdict(list)
    for side, profile in (("before", before), ("after", after)):
        for caveat in profile.caveats:
            said[f"{caveat.kind.value}: {caveat.detail}"].append(side)
    return (*found, *(f"{' and '.join(sides)}: {text}" for text, sides in said.items()))


def _cap(profile: AllocationProfile) -> str:
    limit = limit_of(profile.cap_bytes)
    return format_bytes(limit) if limit else UNCAPPED


def _yes(condition: bool, words: str, others: str) -> str:
    return words if condition else others
