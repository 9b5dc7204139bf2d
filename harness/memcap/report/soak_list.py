"""The soaks that a daemon has containers of, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Final

from memcap.json_text import json_text
from memcap.leaks import LeakVerdict
from memcap.report.document import Badge, Cell, Column, Document, Level, Lines, Overflow, Paragraph, Table, document
from memcap.report.soak_json import verdict_json
from memcap.report.soak_words import bytes_text
from memcap.report.text import NOTHING
from memcap.soaking import SoakStanding
from memcap.units import counted, format_seconds
from memcap.untrusted import cut, printable

_COLUMNS: Final = (
    Column(title="soak"),
    Column(title="image", fit=Overflow.MIDDLE, rank=3),
    Column(title="state", rank=1),
    Column(title="elapsed"),
    Column(title="verdict\nso far"),
    Column(title="started", rank=4),
)
_INDENT: Final = 2  # of the second line of a cell
_NO_VERDICTS: Final[Mapping[str, LeakVerdict]] = MappingProxyType({})


def list_document(soaks: Sequence[SoakStanding], verdicts: Mapping[str, LeakVerdict] = _NO_VERDICTS) -> Document:
    """Return a row for each soak; ``verdicts`` are those so far, by id."""
    if not soaks:
        return document("memcap soak", Paragraph(text="There is no soak on this daemon."))
    table = Table(columns=_COLUMNS, rows=tuple(_row(soak, verdicts.get(soak.id)) for soak in soaks), noun="soaks")
    return document("memcap soak", Paragraph(text=f"{counted(len(soaks), 'soak')} on this daemon."), table)


def list_json(soaks: Sequence[SoakStanding], verdicts: Mapping[str, LeakVerdict] = _NO_VERDICTS) -> str:
    """Return the soaks for programs; ``verdict`` is null where it is not known."""
    rows = []
    for soak in soaks:
        verdict = verdicts.get(soak.id)
        rows.append({**asdict(soak), "state": soak.state.value, "verdict": verdict_json(verdict) if verdict else None})
    return json_text({"soaks": rows})


def _row(soak: SoakStanding, verdict: LeakVerdict | None) -> tuple[Cell, ...]:
    lasted = Lines((format_seconds(soak.elapsed_seconds), f"of {format_seconds(soak.duration_seconds)}"))
    names = Lines((soak.id, cut(printable(soak.name), len(soak.id) - _INDENT)))
    return names, soak.image, soak.state.value, lasted, _verdict(verdict), soak.started


def _verdict(verdict: LeakVerdict | None) -> Cell:
    if verdict is None:
        return NOTHING
    level = Level.UNSURE if verdict.leak is None else Level.BAD if verdict.leak else Level.GOOD
    words = Badge(verdict.kind.value.replace("_", " "), level)
    if verdict.leak and verdict.per_hour:
        return Lines((words, f"{bytes_text(verdict.per_hour.estimate)} an hour"))
    return words
