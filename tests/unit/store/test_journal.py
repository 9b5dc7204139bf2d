"""The journal of a campaign: what is in it survives whatever cuts it off, and nothing is counted twice."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import make_served_cell

from factories import make_cell, make_measurement, make_result
from memcap.errors import FileFormatError, NewerSchemaError, UsageError
from memcap.model import CampaignResult, CellResult, ContainerPolicy, Secret
from memcap.store import Journal, NotWritten, journal_path, load_interrupted, save_result

RUNS = tuple(make_measurement(peak) for peak in (1, 2, 3, 4))
CELL = make_cell("agents.crew-py312-128m", RUNS[:2])
OTHER = make_cell("agents.llm-py312-128m", RUNS[:1])
BEGUN = make_result(cells=(), plan_cells=(CELL.cell.id, OTHER.cell.id))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


def written(path: Path, *cells: CellResult, result: CampaignResult = BEGUN) -> Journal:
    """Return the journal beside ``path`` in which the runs of ``cells`` were written down one by one."""
    journal = Journal(path)
    journal.begin(result, ())
    for cell in cells:
        for is_warmup, runs in ((True, cell.warmups), (False, cell.runs)):
            for number, run in enumerate(runs):
                journal.add(cell.cell, run, number=number, is_warmup=is_warmup)
    return journal


def test_the_journal_alone_is_enough(path: Path) -> None:
    cell = replace(CELL, warmups=RUNS[3:])
    written(path, cell, OTHER)
    assert load_interrupted(path) == replace(BEGUN, cells=(cell, OTHER))


def test_what_a_server_yielded_is_in_it(path: Path) -> None:
    cell = make_served_cell(2)
    begun = replace(BEGUN, plan_cells=(cell.cell.id,))
    written(path, cell, result=begun)
    assert load_interrupted(path) == replace(begun, cells=(cell,))


def test_the_values_of_secrets_are_not_in_it(path: Path) -> None:
    policy = ContainerPolicy(env={"TOKEN": Secret(value="hunter2xyz", digest="hmac:1")})
    cell = replace(CELL, cell=replace(CELL.cell, policy=policy))
    written(path, cell, result=replace(BEGUN, policy=policy))
    assert "hunter2xyz" not in journal_path(path).read_text(encoding="utf-8")
    found = load_interrupted(path)
    assert found.cells[0].cell.policy is not None
    assert (found.policy.env, found.cells[0].cell.policy.env) == ({"TOKEN": "hmac:1"},) * 2


def test_whether_there_was_a_network_becomes_its_name(path: Path) -> None:
    written(path, CELL)
    journal = journal_path(path)
    text = journal.read_text(encoding="utf-8")
    assert '"network":"none"' in text
    journal.write_text(text.replace('"network":"none"', '"network":true'), encoding="utf-8")
    assert load_interrupted(path).policy.network == "bridge"


def test_runs_are_in_their_order_whichever_ended_first(path: Path) -> None:
    journal = written(path)
    for number in (2, 0):
        journal.add(CELL.cell, RUNS[number], number=number, is_warmup=False)
    [cell] = load_interrupted(path).cells
    assert cell.runs == (RUNS[0], RUNS[2])


def test_a_kill_between_the_result_and_its_journal_counts_no_run_twice(path: Path) -> None:
    written(path, CELL, OTHER)
    saved = replace(BEGUN, cells=(CELL,))
    save_result(saved, path, overwrite=True)
    assert load_interrupted(path) == replace(saved, cells=(CELL, OTHER))


def test_further_runs_of_a_finished_cell_are_added(path: Path) -> None:
    save_result(replace(BEGUN, cells=(CELL,)), path, overwrite=True)
    written(path).add(CELL.cell, RUNS[2], number=2, is_warmup=False)
    [cell] = load_interrupted(path).cells
    assert cell.runs == RUNS[:3]


def test_beginning_again_keeps_unfinished_cells(path: Path) -> None:
    journal = written(path, CELL)
    journal.begin(BEGUN, [OTHER])
    journal.add(OTHER.cell, RUNS[1], number=1, is_warmup=False)
    assert load_interrupted(path).cells == (replace(OTHER, runs=RUNS[:2]),)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_that_is_cut_off_anywhere_loses_the_last_line_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "result.json"
    written(path, CELL, OTHER)
    whole = journal_path(path).read_bytes()
    first = whole.index(b"\n") + 1  # the first line is written as a whole, with the file
    cut = data.draw(st.integers(first, len(whole)))
    journal_path(path).write_bytes(whole[:cut])
    kept = sum(len(cell.runs) for cell in load_interrupted(path).cells)
    assert kept == whole[first:cut].count(b"\n")


def test_a_full_disk_is_an_error_that_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = written(path, CELL)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 100:
            return write(descriptor, data[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(NotWritten, match="journal could not be written: No space left"):
                journal.add(OTHER.cell, RUNS[0], number=0, is_warmup=False)
    assert load_interrupted(path).cells == (CELL,)

    journal.add(OTHER.cell, RUNS[0], number=0, is_warmup=False)
    assert load_interrupted(path).cells == (CELL, OTHER)


def test_a_journal_that_cannot_be_begun_leaves_the_old_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, CELL)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    again = Journal(path)
    with pytest.raises(NotWritten):
        again.begin(BEGUN, [CELL])
    again.close()
    assert load_interrupted(path).cells == (CELL,)


def test_closing_removes_what_says_nothing(path: Path) -> None:
    written(path).close()
    assert not journal_path(path).exists()
    written(path, CELL).close()
    assert journal_path(path).exists()


def test_neither_file_is_a_mistake(path: Path) -> None:
    with pytest.raises(UsageError, match=r"neither .*result\.json nor .*result\.json\.journal"):
        load_interrupted(path)


def test_the_journal_of_another_campaign_is_refused(path: Path) -> None:
    written(path, CELL)
    save_result(replace(BEGUN, id="another"), path, overwrite=True)
    with pytest.raises(UsageError, match="is of another campaign"):
        load_interrupted(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not JSON"),
        (b"{}\n", "no journal of memcap"),
        (b'{"memcap_journal": 1}\n', "no journal of memcap"),
        (b'{"memcap_journal": {"schema": "1"}}\n', "expected a schema version"),
        (b'{"memcap_journal": {"schema": 1, "result_schema": 1}}\n', "is missing"),
        (b"\xff\n", "UTF-8"),
    ],
)
def test_what_is_no_journal_is_said(path: Path, content: bytes, complaint: str) -> None:
    journal_path(path).write_bytes(content)
    with pytest.raises(FileFormatError, match=complaint):
        load_interrupted(path)


def test_a_broken_line_within_is_named(path: Path) -> None:
    written(path, CELL)
    first, second, third, _ = journal_path(path).read_bytes().split(b"\n")
    journal_path(path).write_bytes(b"\n".join([first, second[:-9], third, b""]))
    with pytest.raises(FileFormatError, match=r"result\.json\.journal:2"):
        load_interrupted(path)


def test_a_newer_journal_is_refused(path: Path) -> None:
    journal_path(path).write_text(json.dumps({"memcap_journal": {"schema": 99}}) + "\n")
    with pytest.raises(NewerSchemaError):
        load_interrupted(path)
