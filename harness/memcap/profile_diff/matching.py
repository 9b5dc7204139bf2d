"""Find the lines of an older program in a newer one: by file, function and the text of the line. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Final

from memcap.model import Frame

# The library and the packages of another Python are in another folder.
_OF_A_PYTHON: Final = re.compile(r"^.*/lib(?:64)?/python3[.\d]*/(?:(?:site|dist)-packages/)?")
_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})  # PEP 709
_ALIKE: Final = 0.6  # difflib's own word for a close match
_MOST_COMPARED: Final = 2500  # pairs of lines of one function

_Pairs = list[tuple[Frame, Frame]]


def match_lines(before: Mapping[Frame, str], after: Mapping[Frame, str]) -> dict[Frame, Frame]:
    """Return which line of ``after`` each line of ``before`` is; lines that are gone are not in it.

    The values are the texts of the lines, empty where they are not known. In one function of one file a line is the one
    of the same text, wherever it moved; else one whose text is alike; without texts, that of the same number, or all
    are moved by the same distance. A file that is gone is one that is new where functions with the same lines say so.
    """
    renamed = renamed_files(before, after)
    older = _by_function(before, renamed)
    newer = _by_function(after, {})
    found: dict[Frame, Frame] = {}
    for function, lines in older.items():
        found.update(_match(lines, newer.get(function, []), before, after))
    return found


def renamed_files(before: Mapping[Frame, str], after: Mapping[Frame, str]) -> dict[str, str]:
    """Return which new file each gone file became, by the most lines that only these two have in the same function."""
    older, newer = _places(before), _places(after)
    files_before, files_after = {_file(frame) for frame in before}, {_file(frame) for frame in after}
    votes: Counter[tuple[str, str]] = Counter()
    for place, where in older.items():
        there = newer.get(place, set())
        if len(where) == len(there) == 1:
            (old,), (new,) = where, there
            if old not in files_after and new not in files_before:
                votes[old, new] += 1
    found: dict[str, str] = {}
    for (old, new), _ in votes.most_common():
        if old not in found and new not in found.values():
            found[old] = new
    return found


def _places(lines: Mapping[Frame, str]) -> dict[tuple[str, str], set[str]]:
    """Return the files by function and text."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for frame, text in lines.items():
        if text:
            found[frame.function, text].add(_file(frame))
    return found


def _by_function(lines: Iterable[Frame], renamed: Mapping[str, str]) -> dict[tuple[str, str, bool], list[Frame]]:
    found: dict[tuple[str, str, bool], list[Frame]] = defaultdict(list)
    for frame in sorted(lines, key=lambda each: (each.file, each.line)):
        file = _file(frame)
        found[renamed.get(file, file), frame.function, frame.native].append(frame)
    return found


def _file(frame: Frame) -> str:
    """Return the file's name without the place of its Python."""
    return _OF_A_PYTHON.sub("<python>/", frame.file)


def _match(older: list[Frame], newer: list[Frame], before: Mapping[Frame, str], after: Mapping[Frame, str]) -> _Pairs:
    """Return the lines of one function that are the same."""
    found = _of_same_text(older, newer, before, after)
    for step in (_of_unknown_text, _of_text_alike):
        known_before, known_after = {old for old, _ in found}, {new for _, new in found}
        older = [frame for frame in older if frame not in known_before]
        newer = [frame for frame in newer if frame not in known_after]
        found += step(older, newer, before, after)
    return found


def _of_same_text(
    older: list[Frame], newer: list[Frame], before: Mapping[Frame, str], after: Mapping[Frame, str]
) -> _Pairs:
    found: _Pairs = []
    for text in dict.fromkeys(before[frame] for frame in older if before[frame]):
        olds = [frame for frame in older if before[frame] == text]
        news = [frame for frame in newer if after[frame] == text]
        if len(olds) != len(news):  # some are gone or new: those that did not move are surely the same
            kept = _of_same_number(olds, news)
            found += kept
            olds = [frame for frame in olds if frame not in {old for old, _ in kept}]
            news = [frame for frame in news if frame not in {new for _, new in kept}]
        found += zip(olds, news, strict=False)
    return found


def _of_unknown_text(
    older: list[Frame], newer: list[Frame], before: Mapping[Frame, str], after: Mapping[Frame, str]
) -> _Pairs:
    if all(before[frame] for frame in older) and all(after[frame] for frame in newer):
        return []
    known = all(frame.line for frame in (*older, *newer))  # compiled code may have no numbers: 0
    distances = {new.line - old.line for old, new in zip(older, newer, strict=False)}
    if known and len(older) == len(newer) and len(distances) == 1:
        return list(zip(older, newer, strict=True))
    return [(old, new) for old, new in _of_same_number(older, newer) if not (before[old] and after[new])]


def _of_text_alike(
    older: list[Frame], newer: list[Frame], before: Mapping[Frame, str], after: Mapping[Frame, str]
) -> _Pairs:
    if len(older) * len(newer) > _MOST_COMPARED:
        return []
    alike = [
        (SequenceMatcher(None, before[old], after[new], autojunk=False).ratio(), -abs(new.line - old.line), old, new)
        for old in older if before[old]
        for new in newer if after[new]
    ]  # fmt: skip
    found: dict[Frame, Frame] = {}
    for ratio, _, old, new in sorted(alike, key=lambda each: each[:2], reverse=True):
        if ratio >= _ALIKE and old not in found and new not in found.values():
            found[old] = new
    return list(found.items())


def _of_same_number(older: list[Frame], newer: list[Frame]) -> _Pairs:
    numbers = {frame.line: frame for frame in newer}
    return [(frame, numbers[frame.line]) for frame in older if frame.line in numbers]


def inlined(stack: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Return ``stack`` (innermost first) with comprehensions as parts of their functions, as they are from 3.12 on."""
    found: list[Frame] = []
    for frame in stack:
        inner = found[-1] if found else None
        if inner is not None and inner.function in _COMPREHENSIONS and inner.file == frame.file and not frame.native:
            found[-1] = replace(inner, function=frame.function)
        else:
            found.append(frame)
    return tuple(found)
