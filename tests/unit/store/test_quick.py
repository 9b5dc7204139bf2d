"""Reading results cell by cell, and making objects without pydantic: both give what the slow way gives, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from factories import make_cell, make_measurement, make_oom, make_result
from memcap.errors import FileFormatError
from memcap.model import CampaignResult, CellResult, Moment, OomFacts
from memcap.store import load_result, result_stream, save_result
from memcap.store.codec import SIGNED
from memcap.store.quick import QuickReader, UnusualJson
from memcap.store.result_stream import stream_result

A, B = "agents.llm-py312-128m", "streams.lines-py312-128m"
MOMENT: dict[str, Any] = {"seconds": 1, "usage": 5, "anon": 4, "file": 1, "shmem": 0, "kernel": 0, "low": 3}


def a_result() -> CampaignResult:
    series = tuple(Moment(seconds=n / 4, usage=n, anon=n, file=0, shmem=0, kernel=0, low=n) for n in range(5))
    runs = [make_measurement(20, series=series, extra={"delta": -1.5}), make_oom(output_tail='said "a": 1\n')]
    return make_result(make_cell(A, runs), make_cell(B))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a stored result of two cells."""
    save_result(a_result(), tmp_path / "r.json", overwrite=False)
    return tmp_path / "r.json"


def edit(path: Path, before: str, after: str) -> None:
    """Replace the first ``before`` in the file."""
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def slowly(path: Path, monkeypatch: pytest.MonkeyPatch) -> CampaignResult:
    """Return the result, read as a whole."""
    with monkeypatch.context() as patch:
        patch.setattr("memcap.store.codec.stream_result", lambda *_, **__: None)
        return load_result(path)


def test_both_ways_read_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_result(path) == slowly(path, monkeypatch) == a_result()


@pytest.mark.parametrize("block", [7, 100, 1000])
def test_a_piece_may_end_anywhere(path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    save_result(make_result(make_cell(A), make_cell(B)), path, overwrite=True)
    monkeypatch.setattr(result_stream, "_BLOCK_BYTES", block)
    streamed = stream_result(path, signed=SIGNED)
    assert streamed is not None
    assert [cell.cell.id for cell in streamed.cells] == [A, B]


def test_the_fast_parser_reads_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = slowly(path, monkeypatch)
    monkeypatch.setattr(result_stream, "_SMALL_BYTES", 0)
    assert load_result(path) == expected


def test_what_is_formatted_is_read_too(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=1), encoding="utf-8")
    assert stream_result(path, signed=SIGNED) is None
    assert load_result(path) == a_result()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"peak_bytes":', '"peak_bytes":1,"peak_bytes":', "is there twice"),
        ('"peak_bytes":', '"peak_bytes" :1,"peak_bytes":', "is there twice"),
        ('"unit":"byte"', '"unit":"byte","unit":"byte"', "is there twice"),
        ('"kills":0', '"kills":-1', "memcap.cells[0].runs[0].oom.kills: expected 0 or more, found -1"),
        ('"kills":0', '"kills":"0"', "memcap.cells[0].runs[0].oom.kills"),
        ('"ending":"completed"', '"ending":"fine"', "memcap.cells[0].runs[0].ending"),
        ('"suite":"streams"', '"suites":"streams"', "memcap.cells[1].cell.suite: is missing"),
        ('{"cell":{"id":"streams', '{"cell":["id","streams', "this is not JSON"),
    ],
)
def test_what_is_wrong_is_said_as_ever(path: Path, before: str, after: str, said: str) -> None:
    edit(path, before, after)
    with pytest.raises(FileFormatError) as error:
        load_result(path)
    assert said in str(error.value)


def test_an_unknown_key_is_ignored(path: Path) -> None:
    edit(path, '"peak_bytes":', '"of_later":{"x":[1]},"peak_bytes":')
    assert load_result(path) == a_result()


def test_a_cell_elsewhere_is_no_cell_of_the_result(path: Path) -> None:
    edit(path, '"memcap":{', '"memcap":{"other":[{"cell":{},"runs":[]}],')
    assert load_result(path) == a_result()


def test_keys_are_counted_and_whole_numbers_become_floats() -> None:
    reader = QuickReader()
    moment = reader.read(Moment, MOMENT)
    assert (moment, type(moment.seconds), reader.keys) == (Moment(**MOMENT), float, 7)


def test_what_is_alike_is_shared() -> None:
    reader = QuickReader()
    assert reader.read(OomFacts, {"kills": 1}) is reader.read(OomFacts, {"kills": 1})
    assert reader.read(OomFacts, {"kills": 1}) != reader.read(OomFacts, {"kills": 2})


@pytest.mark.parametrize(
    "changed", [{"usage": True}, {"usage": 1.0}, {"usage": 2**63}, {"seconds": -1}, {"seconds": float("nan")}, {"x": 1}]
)
def test_the_unusual_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UnusualJson):
        QuickReader().read(Moment, {**MOMENT, **changed})


@pytest.mark.parametrize("found", [None, [], {}, {"x": 1}, "text"])
def test_no_object_is_no_cell(found: Any) -> None:
    for skips_unknown in (True, False):
        with pytest.raises(UnusualJson):
            QuickReader(skips_unknown=skips_unknown).read(CellResult, found)


def test_unknown_keys_alone_make_an_object_of_defaults() -> None:
    assert QuickReader(skips_unknown=True).read(OomFacts, {"of_later": 1}) == OomFacts()
