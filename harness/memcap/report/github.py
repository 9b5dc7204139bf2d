"""Annotations of GitHub Actions: workflow commands that put what is wrong at the lines of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from memcap.model import Verdict, VerdictState
from memcap.report.answer import FINE, OPEN
from memcap.report.view import CellView, View
from memcap.untrusted import LONGEST_LINE, printable, printable_lines

# GitHub keeps as many of each kind and step; more are dropped without a word.
_MOST_OF_A_KIND: Final = 10


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file; ``file`` is relative to the repository, with slashes."""

    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A message at a line; ``kind`` is error, warning or notice."""

    kind: str
    title: str
    message: str
    place: Place | None


_NO_PLACES: Final[Mapping[str, Place]] = MappingProxyType({})


def render_github(view: View, places: Mapping[str, Place] = _NO_PLACES, lines: Sequence[Annotation] = ()) -> str:
    """Return a line for each cell that needs a look, the worst first, then for each alert; at most ten of a kind.

    ``places`` says by a cell's id where its benchmark is written; ``lines`` are further annotations.
    """
    return annotations_text([*_annotations(view, places), *lines])


def annotations_text(found: Sequence[Annotation]) -> str:
    """Return a line for each annotation, errors first; of more than ten of a kind the last says how many more."""
    lines: list[str] = []
    for kind in ("error", "warning", "notice"):
        of_kind = [each for each in found if each.kind == kind]
        if len(of_kind) > _MOST_OF_A_KIND:
            more = len(of_kind) - _MOST_OF_A_KIND + 1
            told = f"GitHub shows {_MOST_OF_A_KIND} annotations of a kind; the report tells of all."
            rest = Annotation(kind=kind, title=f"memcap: {more} more", message=told, place=None)
            of_kind = [*of_kind[: _MOST_OF_A_KIND - 1], rest]
        lines += map(_command, of_kind)
    return "".join(f"{line}\n" for line in lines)


def verdict_word(view: View) -> str:
    """Return the verdict of the whole check, for `$GITHUB_OUTPUT`: the state of the worst cell."""
    return view.counts[0][0].value if view.counts else "nothing judged"


def _annotations(view: View, places: Mapping[str, Place]) -> Iterator[Annotation]:
    yield from (each for cell in view.cells for each in _verdict(cell, places.get(cell.id)))
    for alert in view.alerts:
        for cell_id, detail in alert.told:
            title = f"memcap: {alert.kind.value}: {cell_id}"
            message = f"{detail}\n{alert.remedy}"
            yield Annotation(kind="warning", title=title, message=message, place=places.get(cell_id))


def _verdict(cell: CellView, place: Place | None) -> Iterator[Annotation]:
    verdict = cell.verdict
    if verdict and (kind := _kind(verdict)):
        message = f"{verdict.summary}\n{verdict.remedy}".strip()
        title = f"memcap: {verdict.state.value}: {cell.id}"
        yield Annotation(kind=kind, title=title, message=message, place=place)


def _kind(verdict: Verdict) -> str:
    """Return the kind of a cell's annotation; empty where it needs none."""
    if verdict.is_unjudged or verdict.state not in FINE | OPEN:
        return "error"
    if verdict.state in OPEN:
        return "warning"
    return "notice" if verdict.state is VerdictState.IMPROVED else ""


def _command(annotation: Annotation) -> str:
    place = annotation.place
    properties = {"file": place.file, "line": str(place.line)} if place else {}
    named = {**properties, "title": annotation.title}
    told = ",".join(f"{name}={_property(value)}" for name, value in named.items())
    message = printable_lines(annotation.message, LONGEST_LINE)
    return f"::{annotation.kind} {told}::{_data(message)}"


def _data(text: str) -> str:
    """Escape the message of a command, as the runner undoes it (ActionCommand.cs)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
