"""Read a result as memcap writes it cell by cell: neither its text nor its JSON is ever in memory as a whole.

The file is one line: pyperf's part, then memcap's head, its cells, and the rest. It is cut before each ``{"cell":{``.
In valid JSON this text is always an object within a list: inside a string its quotes would be escaped. Each piece must
then be valid JSON by itself. A file that is not written like this, such as one that `jq` has formatted, is read as a
whole by `codec`. So is a file in which something is wrong: the code that says what is there.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from memcap.model import CellResult
from memcap.store.quick import QuickReader, UnusualJson
from memcap.strict import MOST_RESULT_BYTES

CELLS_HERE: Final = "the cells were here"  # what the skeleton has in the list instead of them
_BLOCK_BYTES: Final = 4 * 1024 * 1024
_SMALL_BYTES: Final = 1024 * 1024  # importing the fast parser takes longer than it saves
_PIECE_BYTES: Final = 64 * 1024
_BENCHMARKS: Final = b'"benchmarks":['
_BENCHMARK: Final = b'{"metadata":{'
_END_OF_BENCHMARK: Final = b"}]}"  # of a run in the list of runs
_CELL: Final = b'{"cell":{'


@dataclass(frozen=True, kw_only=True)
class StreamedResult:
    """The text of a result without pyperf's benchmarks, and with CELLS_HERE for its cells."""

    skeleton: str
    cells: tuple[CellResult, ...]


def stream_result(path: Path, *, signed: Collection[str]) -> StreamedResult | None:
    """Return the result in ``path``; None if anything about the file is unusual, or wrong.

    Below the keys ``signed`` numbers may be negative.
    """
    try:
        if not path.is_file() or path.stat().st_size > MOST_RESULT_BYTES:
            return None
        with path.open("rb") as file, _without_collections():
            return _Parser(path.stat().st_size, signed).read(file)
    except (UnusualJson, OSError, ValueError, RecursionError):  # ValueError: neither UTF-8 nor JSON
        return None


class _Parser:
    def __init__(self, size: int, signed: Collection[str]) -> None:
        self._reader = QuickReader(signed)
        self._parse = _parser(size)

    def read(self, file: BinaryIO) -> StreamedResult:
        pieces = _split(file, b"," + _CELL)
        first = next(pieces)
        begin = first.find(b"[" + _CELL) + 1
        if not begin:
            raise UnusualJson
        head, text = self._without_benchmarks(first[:begin]), first[begin:]
        del first
        cells = []
        for following in pieces:
            cells.append(self._cell(text))
            text = following
        last, tail = self._last(text)
        skeleton = f"{head.decode()}{json.dumps(CELLS_HERE)}{tail}"
        if skeleton.count(CELLS_HERE) != 1:
            raise UnusualJson
        return StreamedResult(skeleton=skeleton, cells=(*cells, last))

    def _cell(self, text: bytes | bytearray) -> CellResult:
        self._reader.keys = 0
        cell = self._reader.read(CellResult, self._parse(text))
        _refuse_keys_twice(text, self._reader.keys)
        return cell

    def _last(self, text: bytearray) -> tuple[CellResult, str]:
        """Return the last cell and what follows it."""
        decoded = text.decode()
        _, end = json.JSONDecoder().raw_decode(decoded)
        return self._cell(decoded[:end].encode()), decoded[end:]

    def _without_benchmarks(self, head: bytearray) -> bytearray:
        """Return ``head`` with an empty list of benchmarks, after a look at each."""
        begin = head.find(_BENCHMARKS + _BENCHMARK)
        if begin < 0:
            return head
        begin += len(_BENCHMARKS)
        end = head.rfind(_END_OF_BENCHMARK + b"]") + len(_END_OF_BENCHMARK)
        start = begin
        while start < end:
            # Two runs of a benchmark are never divided by this: each ends with `]}`.
            cut = head.find(_END_OF_BENCHMARK + b"," + _BENCHMARK, start + _PIECE_BYTES, end)
            stop = cut + len(_END_OF_BENCHMARK) if cut >= 0 else end
            self._look_at_benchmarks(b"[%b]" % bytes(head[start:stop]))
            start = stop + 1
        return head[:begin] + head[end:]

    def _look_at_benchmarks(self, text: bytes) -> None:
        keys, are_alike = 0, text.count(b'"metadata":') == text.count(b'"runs":')
        try:
            for each in self._parse(text):
                runs = each["runs"]
                keys += len(each) + len(each["metadata"]) + sum(map(len, runs))
                if not are_alike:
                    keys += sum([len(run["metadata"]) for run in runs if "metadata" in run])
        except (KeyError, TypeError) as error:
            raise UnusualJson from error
        _refuse_keys_twice(text, keys)


def _refuse_keys_twice(text: bytes | bytearray, keys: int) -> None:
    """Raise UnusualJson unless ``text`` names as many keys as its objects have.

    A quote before a colon within a string is one too many, and no blank may hide a key: those within strings are
    escaped, but for the space.
    """
    if text.count(b'":') != keys or b"\n" in text or b"\t" in text or b"\r" in text or (b" " in text and b" :" in text):
        raise UnusualJson


def _parser(size: int) -> Any:
    if size < _SMALL_BYTES:
        return json.loads
    from pydantic_core import from_json  # noqa: PLC0415 - heavy

    return from_json


def _split(file: BinaryIO, mark: bytes) -> Iterator[bytearray]:
    """Yield the file in pieces that are divided by the first byte of each ``mark``."""
    rest = bytearray()
    while block := file.read(_BLOCK_BYTES):
        searched = max(0, len(rest) - len(mark))
        rest += block
        begin = 0
        while (cut := rest.find(mark, max(begin, searched))) >= 0:
            yield rest[begin:cut]
            begin = cut + 1
        del rest[:begin]
    yield rest


@contextmanager
def _without_collections() -> Iterator[None]:
    """Let no garbage be looked for: objects are only added, and none of them refers to itself."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():  # what is new becomes old at once, as it lives long
                gc.freeze()
                gc.unfreeze()
            gc.enable()
