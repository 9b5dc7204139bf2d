"""Baseline files: small, stable, reviewable; and how cells become baselines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import (
    CELL_ID,
    MIB,
    make_baseline,
    make_baselines,
    make_cell,
    make_fingerprint,
    make_measurement,
    make_oom,
    make_result,
    make_runs,
)
from memcap.errors import FileFormatError, NewerSchemaError, SelectionError
from memcap.model import Baselines, Ending, Measurement, Metric
from memcap.store import accept, load_baselines, save_baselines, select_cells

STREAMS_ID = "streams.leaky-py312-128m"
OTHER_ID = "agents.base-py313-128m"


def _three() -> Baselines:
    leaky = make_cell(STREAMS_ID, [make_oom()] * 3, expected_ending=Ending.OOM_KILLED)
    return make_baselines(make_baseline(), make_baseline(leaky), make_baseline(make_cell(OTHER_ID)))


def test_a_file_reads_well(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    save_baselines(_three(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agents.json", "streams.json"]
    golden("store/baseline-agents.json", (tmp_path / "agents.json").read_text())


def test_load_gives_back_what_was_saved(tmp_path: Path) -> None:
    save_baselines(_three(), tmp_path)
    loaded = load_baselines(tmp_path)
    assert loaded == _three()
    assert all(isinstance(value, int) for value in loaded.cells[CELL_ID].values[Metric.PEAK])


_FINGERPRINTS = st.builds(
    make_fingerprint, image=st.sampled_from(["py312", "py313"]), libc=st.sampled_from(["a", None])
)


@given(chosen=st.dictionaries(st.sampled_from(["agents.a", "agents.b", "streams.c", "streams.d"]), _FINGERPRINTS))
@settings(deadline=None, max_examples=40)
def test_any_mix_of_environments_comes_back(tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, Any]) -> None:
    directory = tmp_path_factory.mktemp("baselines")
    baselines = make_baselines(
        *(make_baseline(make_cell(f"{name}-py312-128m"), fingerprint=each) for name, each in chosen.items())
    )
    save_baselines(baselines, directory)
    assert load_baselines(directory) == baselines


def test_the_same_baselines_are_the_same_bytes_in_any_order_and_untouched_files_are_not_written(
    tmp_path: Path,
) -> None:
    assert [path.name for path in save_baselines(_three(), tmp_path)] == ["agents.json", "streams.json"]
    reversed_order = Baselines(cells=dict(sorted(_three().cells.items(), reverse=True)))
    assert save_baselines(reversed_order, tmp_path) == ()
    changed = dict(_three().cells) | {STREAMS_ID: make_baseline(make_cell(STREAMS_ID))}
    assert [path.name for path in save_baselines(Baselines(cells=changed), tmp_path)] == ["streams.json"]


def test_an_image_accepted_in_two_environments_keeps_both(tmp_path: Path) -> None:
    other = make_baseline(make_cell("agents.base-py312-128m"), fingerprint=make_fingerprint(cgroup_version=2))
    save_baselines(make_baselines(make_baseline(), other), tmp_path)
    environments = json.loads((tmp_path / "agents.json").read_text())["environments"]
    assert len(environments) == 2
    assert all(name.startswith("py312@") for name in environments)


def test_no_folder_means_no_baselines(tmp_path: Path) -> None:
    assert load_baselines(tmp_path / "nowhere") == Baselines()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda doc: doc.pop("schema"), r"agents\.json: schema: expected a schema version"),
        (lambda doc: doc.update(suite="streams"), r"agents\.json: suite: expected 'agents'"),
        (lambda doc: doc["cells"][CELL_ID].update(ending="fine"), r"cells\..*\.ending: expected 'completed'"),
        (lambda doc: doc["cells"][CELL_ID].pop("runs"), r"\.runs: is missing"),
        (lambda doc: doc["cells"][CELL_ID].update(environment="py9"), "'py9' is not among the environments"),
        (lambda doc: doc["cells"].update({STREAMS_ID: doc["cells"][CELL_ID]}), "expected a cell of the suite 'agents'"),
        (lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"].update(median=1), r"peak\.median: expected 65536000, "),
        (
            lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"]["values"].reverse(),
            "expected one value or more, sorted",
        ),
        (lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"].update(values=["1"]), r"values\[0\].*valid integer"),
        (lambda doc: doc["cells"][CELL_ID]["metrics"].update(heap={"median": 1, "values": [1]}), r"metrics\.heap"),
    ],
)
def test_a_malformed_file_names_the_key(tmp_path: Path, change: Callable[[Any], object], message: str) -> None:
    save_baselines(make_baselines(make_baseline()), tmp_path)
    path = tmp_path / "agents.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=message) as caught:
        load_baselines(tmp_path)
    assert "agents.json" in str(caught.value)


def test_a_merge_conflict_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "agents.json").write_text('{\n<<<<<<< HEAD\n "schema": 1}')
    with pytest.raises(FileFormatError, match=r"agents\.json:2:1: this is not JSON"):
        load_baselines(tmp_path)


def test_a_newer_schema_says_upgrade(tmp_path: Path) -> None:
    (tmp_path / "agents.json").write_text('{"schema": 2, "cells": "in some new way"}')
    with pytest.raises(NewerSchemaError, match=r"schema 2; this memcap reads schemas up to 1\n  Upgrade"):
        load_baselines(tmp_path)


def test_accepting_one_cell_keeps_the_others() -> None:
    result = make_result(make_cell(runs=make_runs((70, 71, 72))), make_cell(OTHER_ID))
    done = accept(_three(), result, cells=[CELL_ID], minimum_runs=3)
    assert done.refusals == ()
    (change,) = done.changes
    assert change.is_change
    assert change.old == make_baseline()
    assert change.new.values[Metric.PEAK] == (70 * MIB, 71 * MIB, 72 * MIB)
    assert {**done.baselines.cells, CELL_ID: make_baseline()} == _three().cells


def test_accepting_the_same_again_changes_nothing() -> None:
    (change,) = accept(_three(), make_result(), cells=[CELL_ID], minimum_runs=3).changes
    assert not change.is_change


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        ([make_oom(), *make_runs()], "1 of 6 runs ended oom_killed, expected completed. Raise the cap"),
        (make_runs((62, 62)), "2 usable runs, a baseline needs 3. Measure it with more runs"),
        ([Measurement(ending=Ending.LOST)] * 5, "0 usable runs"),
        ([make_measurement(ending=Ending.FAILED)], "1 of 1 runs ended failed"),
    ],
)
def test_a_cell_that_is_no_baseline_is_refused_and_keeps_its_old_one(runs: list[Measurement], reason: str) -> None:
    done = accept(_three(), make_result(make_cell(runs=runs)), cells=[CELL_ID], minimum_runs=3)
    assert done.changes == ()
    assert done.baselines == _three()
    assert f"{CELL_ID}: {reason}" in str(done.refusals[0])


def test_an_expected_oom_is_accepted() -> None:
    cell = make_cell(STREAMS_ID, [make_oom()] * 3, expected_ending=Ending.OOM_KILLED)
    (change,) = accept(Baselines(), make_result(cell), cells=[STREAMS_ID], minimum_runs=3).changes
    assert change.old is None
    assert change.new.ending is Ending.OOM_KILLED


def test_cells_are_chosen_by_globs() -> None:
    known = (CELL_ID, OTHER_ID, STREAMS_ID)
    assert select_cells((), known, what="x") == known
    assert select_cells(("*-py313-*", "streams.*"), known, what="x") == (OTHER_ID, STREAMS_ID)


def test_a_glob_that_matches_nothing_names_the_nearest_cell() -> None:
    with pytest.raises(SelectionError, match=r"no cell of the result matches 'agents\.bse-py313-128m'") as caught:
        select_cells(("agents.bse-py313-128m",), (CELL_ID, OTHER_ID), what="the result")
    assert caught.value.remedy == f"Did you mean {OTHER_ID!r}?"
    with pytest.raises(SelectionError) as caught:
        select_cells(("zzz",), (CELL_ID,), what="the result")
    assert CELL_ID in caught.value.remedy


def test_a_file_from_before_isolation_was_told_is_of_containers(tmp_path: Path) -> None:
    (path,) = save_baselines(make_baselines(make_baseline()), tmp_path)
    document = json.loads(path.read_text())
    for environment in document["environments"].values():
        del environment["isolation"]
    path.write_text(json.dumps(document))
    assert load_baselines(tmp_path) == make_baselines(make_baseline())
