"""Doubts about figures, gathered by kind: what runs say in the same words is told once, with a range."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from memcap.model import CampaignResult, Caveat, CaveatKind, Measurement, Verdict
from memcap.report.document import Block, Fold, Level, Note
from memcap.report.text import span
from memcap.units import counted, few
from memcap.untrusted import LONGEST_LINE, bounded

# A number that stands alone, with its unit if that is of bytes: no part of a name, a date, a version or a list.
_NUMBER = re.compile(r"(?<![\w.,:/@#-])\d+(?:\.\d+)?(?: (?:B|[KMG]iB)\b)?(?!\w|[.,:/@-]\w)", re.ASCII)
_SHOWN_DETAILS = 6


@dataclass(frozen=True, kw_only=True)
class CaveatView:
    """One kind of doubt: what was seen, each detail once, and the cells (or benchmarks) whose figures it touches.

    ``runs`` is the number of runs that raised it, of ``of_runs``; 0 where it is about a comparison. ``decides`` says
    whether it can change what is decided by the figures.
    """

    kind: CaveatKind
    details: tuple[str, ...]
    cell_ids: tuple[str, ...]
    remedy: str
    runs: int = 0
    of_runs: int = 0
    decides: bool = True

    @property
    def name(self) -> str:
        """Return the kind as words."""
        return self.kind.value.replace("_", " ")

    @property
    def seen(self) -> tuple[str, ...]:
        """Return the details; those that differ in their numbers alone are one, with ranges."""
        return self.details if self.kind is CaveatKind.UNLIKE_ENVIRONMENT else merged(self.details)

    @property
    def where(self) -> str:
        """Return in how many runs it was raised; empty where it is about a comparison."""
        return f"in {self.runs} of {counted(self.of_runs, 'run')}" if self.runs else ""


def gather_caveats(result: CampaignResult, verdicts: Sequence[Verdict], *, judged: bool) -> tuple[CaveatView, ...]:
    """Gather the doubts of runs and verdicts by kind."""
    doubted = [(each.cell.id, run) for each in result.cells for run in each.runs if run.caveats]
    others = [(verdict.cell_id, caveat) for verdict in verdicts for caveat in verdict.caveats]
    return gather(doubted, others, of_runs=sum(len(each.runs) for each in result.cells), judged=judged)


def gather(
    runs: Sequence[tuple[str, Measurement]],
    others: Iterable[tuple[str, Caveat]] = (),
    *,
    judged: bool,
    of_runs: int | None = None,
) -> tuple[CaveatView, ...]:
    """Gather the doubts of ``runs``, and ``others``, by kind, in the order of the kinds; each with its cell's name.

    ``of_runs`` is the number of all runs where ``runs`` are not all of them. A doubt about runs in which the workload
    never ran decides nothing: there are no figures of it.
    """
    found: list[tuple[str, Caveat]] = [(cell_id, caveat) for cell_id, run in runs for caveat in run.caveats]
    found += others
    views = []
    for kind in CaveatKind:
        of_kind = [(cell_id, caveat) for cell_id, caveat in found if caveat.kind is kind]
        if not of_kind:
            continue
        raised = [run for _, run in runs if any(caveat.kind is kind for caveat in run.caveats)]
        is_about_figures = not raised or any(not run.ending.never_ran for run in raised)
        views.append(
            CaveatView(
                kind=kind,
                details=_once(caveat.detail for _, caveat in of_kind),
                cell_ids=_once(cell_id for cell_id, _ in of_kind),
                remedy=kind.remedy,
                runs=len(raised),
                of_runs=len(runs) if of_runs is None else of_runs,
                decides=is_about_figures and kind.decides(judged=judged),
            )
        )
    return tuple(views)


def summarized(caveats: Sequence[CaveatView], hint: str = "") -> str:
    """Return the caveats that decide nothing in one line, such as ``2 caveats: noisy neighbour, mutable tag``.

    ``hint`` says where more is written about them. Empty if there are none.
    """
    others = [each for each in caveats if not each.decides]
    if not others:
        return ""
    noun = "caveat" if len(others) == len(caveats) else "more caveat"
    return f"{counted(len(others), noun)}: {', '.join(each.name for each in others)}{hint}"


def caveat_blocks(
    caveats: Sequence[CaveatView], *, where: Callable[[CaveatView], str] | None = None, hint: str = ""
) -> tuple[Block, ...]:
    """Return a note for each caveat that can change a decision, and the others folded.

    ``where`` names the cells of one, ``hint`` says where a terminal shows the others.
    """
    deciding, others = (
        [_note(each, where) for each in caveats if each.decides is decides] for decides in (True, False)
    )
    folded = Fold(title=summarized(caveats), blocks=tuple(others), hint=hint)
    return (*deciding, folded) if others else tuple(deciding)


def _note(caveat: CaveatView, where: Callable[[CaveatView], str] | None) -> Note:
    places = ", ".join(filter(None, [where(caveat) if where else "", caveat.where]))
    return Note(
        level=Level.WARN if caveat.decides else Level.PLAIN,
        title=f"caveat {caveat.name}{f' ({places})' if places else ''}",
        facts=few(caveat.seen, _SHOWN_DETAILS),
        remedy=caveat.remedy,
        noun="kinds of caveats",
    )


def merged(details: Iterable[str]) -> tuple[str, ...]:
    """Return ``details``; those that differ in their numbers alone become one, with ranges."""
    alike: dict[tuple[str | bool, ...], list[str]] = {}
    for detail in (bounded(each, LONGEST_LINE) for each in details):
        units = (number.endswith("B") for number in _NUMBER.findall(detail))
        alike.setdefault((*_NUMBER.split(detail), *units), []).append(detail)
    return tuple(_merge(each) for each in alike.values())


def by_kind(caveats: Iterable[Caveat]) -> Iterator[tuple[CaveatKind, tuple[str, ...]]]:
    """Yield each kind of doubt about one cell with what was seen."""
    told: dict[CaveatKind, list[str]] = {}
    for caveat in caveats:
        told.setdefault(caveat.kind, []).append(caveat.detail)
    for kind, details in told.items():
        distinct = _once(filter(None, details))
        yield kind, distinct if kind is CaveatKind.UNLIKE_ENVIRONMENT else merged(distinct)


def _merge(details: Sequence[str]) -> str:
    """Return one of ``details``, which differ in their numbers alone, with the least and the largest of each."""
    columns = iter(zip(*(_NUMBER.findall(detail) for detail in details), strict=True))
    return _NUMBER.sub(lambda _: _range(next(columns)), details[0])


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=_value), max(numbers, key=_value)
    return low if _value(low) == _value(high) else span(low, high)


def _value(number: str) -> float:
    text, _, unit = number.partition(" ")
    return float(text) * _UNITS[unit] if unit else float(text)


_UNITS: Mapping[str, int] = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
