"""Baseline files: small, stable, reviewable; and how cells become baselines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
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
from memcap.model import Accepted, Baseline, Baselines, Caveat, CaveatKind, Ending, Ends, Measurement, Metric
from memcap.stats import median
from memcap.store import (
    accept,
    as_baselines,
    load_baseline_file,
    load_baselines,
    remove_baselines,
    save_baselines,
    select_cells,
)
from memcap.store.baseline_codec import suite_text

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


_TEXTS = st.none() | st.text(min_size=1)
_ACCEPTED = st.builds(Accepted, reason=_TEXTS, by=_TEXTS, source=_TEXTS)
_FINGERPRINTS = st.builds(
    make_fingerprint,
    libc=st.text() | st.none(),
    page_size_bytes=st.sampled_from([None, 4096, 65536]),
    metrics_version=st.integers(1, 3),
)
_VALUES = st.lists(st.integers(0, 2**45), min_size=1, max_size=9).map(lambda found: tuple(sorted(found)))
_BASELINES = st.builds(
    make_baseline,
    fingerprint=_FINGERPRINTS,
    accepted=_ACCEPTED,
    ending=st.sampled_from([Ending.COMPLETED, Ending.OOM_KILLED]),
    runs=st.integers(1, 100),
    cap_bytes=st.integers(1, 2**45),
    values=st.dictionaries(st.sampled_from([metric for metric in Metric if metric.unit == "byte"]), _VALUES),
)


@given(chosen=st.dictionaries(st.sampled_from(["agents.a", "agents.b.cold", "streams.c", "streams.d"]), _BASELINES))
@settings(max_examples=60)
def test_any_baselines_come_back(tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, Baseline]) -> None:
    directory = tmp_path_factory.mktemp("baselines")
    baselines = make_baselines(
        *(replace(each, cell_id=f"{name}-py312-128m", suite=name.partition(".")[0]) for name, each in chosen.items())
    )
    save_baselines(baselines, directory)
    assert load_baselines(directory) == baselines
    assert save_baselines(baselines, directory) == ()


def test_the_same_baselines_are_the_same_bytes_in_any_order_and_untouched_files_are_not_written(
    tmp_path: Path,
) -> None:
    assert [path.name for path in save_baselines(_three(), tmp_path)] == ["agents.json", "streams.json"]
    reversed_order = Baselines(cells=dict(sorted(_three().cells.items(), reverse=True)))
    assert save_baselines(reversed_order, tmp_path) == ()
    changed = dict(_three().cells) | {STREAMS_ID: make_baseline(make_cell(STREAMS_ID))}
    assert [path.name for path in save_baselines(Baselines(cells=changed), tmp_path)] == ["streams.json"]


def test_line_ends_of_windows_are_no_change(tmp_path: Path) -> None:
    save_baselines(_three(), tmp_path)
    path = tmp_path / "agents.json"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_baselines(tmp_path) == _three()
    assert save_baselines(_three(), tmp_path) == ()


def test_each_cell_says_all_that_belongs_to_it(tmp_path: Path) -> None:
    accepted = Accepted(reason="the crew keeps its tools", by="Ada", source="20261120T043000-quick-1a2b")
    other = make_baseline(make_cell("agents.base-py312-128m"), fingerprint=make_fingerprint(cgroup_version=2))
    save_baselines(make_baselines(make_baseline(accepted=accepted), other), tmp_path)
    cells = json.loads((tmp_path / "agents.json").read_text())["cells"]
    assert cells[CELL_ID]["reason"] == "the crew keeps its tools"
    assert cells[CELL_ID]["environment"]["cgroup_version"] == 1
    assert cells["agents.base-py312-128m"]["environment"]["cgroup_version"] == 2
    assert not {"reason", "by", "source"} & set(cells["agents.base-py312-128m"])


def test_a_cell_changes_no_line_of_another(tmp_path: Path) -> None:
    save_baselines(make_baselines(make_baseline(), make_baseline(make_cell(OTHER_ID))), tmp_path)
    before = (tmp_path / "agents.json").read_text().splitlines()
    higher = make_baseline(make_cell(runs=make_runs((70, 71, 72, 73, 74))), fingerprint=make_fingerprint(libc="musl"))
    save_baselines(make_baselines(higher, make_baseline(make_cell(OTHER_ID))), tmp_path)
    after = (tmp_path / "agents.json").read_text().splitlines()
    start = before.index(f'    "{CELL_ID}": {{')
    changed = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert len(changed) == 4  # three metrics, the C library
    assert min(changed) > start


def test_no_folder_means_no_baselines(tmp_path: Path) -> None:
    assert load_baselines(tmp_path / "nowhere") == Baselines()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda doc: doc.pop("schema"), r"agents\.json: schema: expected a schema version"),
        (lambda doc: doc.update(suite="streams", cells={}), r"agents\.json: suite: expected 'agents'"),
        (lambda doc: doc["cells"][CELL_ID].update(ending="fine"), r"cells\..*\.ending: expected 'completed'"),
        (lambda doc: doc["cells"][CELL_ID].pop("runs"), r"\.runs: is missing"),
        (lambda doc: doc["cells"][CELL_ID].update(reason=3), r"\.reason: expected a valid string, found 3"),
        (lambda doc: doc["cells"][CELL_ID]["environment"].pop("libc"), r"\.environment\.libc: is missing"),
        (
            lambda doc: doc["cells"].update({STREAMS_ID: doc["cells"][CELL_ID]}),
            "expected the id of a cell of the suite 'agents'",
        ),
        (lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"].update(median=1), r"peak\.median: expected 65536000, "),
        (
            lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"]["values"].reverse(),
            "expected one value or more, sorted",
        ),
        (lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"].update(values=["1"]), r"values\[0\].*valid integer"),
        (
            lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"].update(median=-1, values=[-1]),
            r"metrics\.peak\.median: expected 0 or more, found -1",
        ),
        (
            lambda doc: doc["cells"][CELL_ID]["metrics"]["peak"].update(values=[1, math.inf]),
            r"peak\.values\[1\]: expected a finite number .*, found Infinity",
        ),
        (lambda doc: doc["cells"][CELL_ID].update(cap_bytes=10**400), r"cap_bytes: expected a whole number of at most"),
        (
            lambda doc: doc["cells"][CELL_ID]["environment"].update(image="py313"),
            r"environment\.image: expected 'py312' as in the id, found \"py313\"",
        ),
        (
            lambda doc: doc["cells"].update({"agents.crew_backed": doc["cells"][CELL_ID]}),
            "expected the id of a cell of the suite 'agents': agents.benchmark-image-cap",
        ),
        (
            lambda doc: doc["cells"].update({"agents.../x-py312-128m": doc["cells"][CELL_ID]}),
            "expected the id of a cell of the suite 'agents'",
        ),
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


@pytest.mark.parametrize("suite", ["../../../x", "/etc/x", "a\0", "nul", "", "a/b", "a\\b"])
def test_a_file_of_a_suite_that_leads_elsewhere_is_refused(tmp_path: Path, suite: str) -> None:
    document = json.loads(suite_text("agents", [make_baseline()]))
    document.update(suite=suite, cells={f"{suite}.crew-py312-128m": document["cells"][CELL_ID]})
    (tmp_path / "one.json").write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=r"one\.json: suite: expected a name of a-z, 0-9 and _"):
        load_baseline_file(tmp_path / "one.json")


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    text = suite_text("agents", [make_baseline()])
    (tmp_path / "agents.json").write_text(text.replace('"runs": 5', '"runs": 5, "runs": 6'))
    with pytest.raises(FileFormatError, match=r'agents\.json: the key "runs" is there twice'):
        load_baselines(tmp_path)


def test_a_byte_order_mark_is_no_change(tmp_path: Path) -> None:
    save_baselines(_three(), tmp_path)
    path = tmp_path / "agents.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_baselines(tmp_path) == _three()


def test_a_merge_conflict_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "agents.json").write_text('{\n<<<<<<< HEAD\n "schema": 1}')
    with pytest.raises(FileFormatError, match=r"agents\.json:2: git left a merge conflict"):
        load_baselines(tmp_path)


def test_a_newer_schema_says_upgrade(tmp_path: Path) -> None:
    (tmp_path / "agents.json").write_text('{"schema": 3, "cells": "in some new way"}')
    with pytest.raises(NewerSchemaError, match=r"schema 3; this memcap reads schemas up to 2\n  Upgrade"):
        load_baselines(tmp_path)


_ADA = Accepted(reason="why not", by="Ada", source="20261120T043000-quick-1a2b")


def test_accepting_one_cell_keeps_the_others() -> None:
    result = make_result(make_cell(runs=make_runs((70, 71, 72))), make_cell(OTHER_ID))
    done = accept(_three(), result, cells=[CELL_ID], accepted=_ADA)
    (change,) = done.changes
    assert change.old == make_baseline()
    assert change.new.accepted == _ADA
    assert change.new.values[Metric.PEAK] == (70 * MIB, 71 * MIB, 72 * MIB)
    assert done.baselines.cells[CELL_ID] == change.new
    assert {**done.baselines.cells, CELL_ID: make_baseline()} == _three().cells


def test_accepting_the_same_again_changes_nothing_nor_who_accepted_it() -> None:
    first = accept(Baselines(), make_result(), cells=[CELL_ID], accepted=_ADA).baselines
    again = accept(first, make_result(), cells=[CELL_ID], accepted=Accepted(reason="another"))
    assert (again.baselines, again.changes, again.same) == (first, (), 1)


def test_an_expected_oom_has_no_sizes() -> None:
    cell = make_cell(STREAMS_ID, [make_oom()] * 3, expected_ending=Ending.OOM_KILLED)
    (change,) = accept(Baselines(), make_result(cell), cells=[STREAMS_ID], accepted=_ADA).changes
    assert change.old is None
    assert (change.new.ending, change.new.values) == (Ending.OOM_KILLED, {})


def test_a_result_stands_in_for_baselines_without_what_ended_otherwise() -> None:
    result = make_result(
        make_cell(runs=[make_oom(), *make_runs((62, 63))]),
        make_cell(OTHER_ID, [make_oom()] * 2),
        make_cell(STREAMS_ID, [Measurement(ending=Ending.LOST)]),
    )
    found, left_out = as_baselines(result)
    assert list(found.cells) == [CELL_ID]
    assert found.cells[CELL_ID].values[Metric.PEAK] == (62 * MIB, 63 * MIB)
    assert found.cells[CELL_ID].accepted == Accepted(source=result.id)
    assert left_out == (
        f"1 of 3 runs of {CELL_ID} (oom_killed)",
        f"{OTHER_ID}: no run ended completed (oom_killed)",
        f"{STREAMS_ID}: no run ended completed (lost)",
    )


def test_a_whole_result_leaves_nothing_out() -> None:
    assert as_baselines(make_result())[1] == ()


def test_removing_cells_keeps_the_others_and_takes_a_file_with_its_last(tmp_path: Path) -> None:
    save_baselines(_three(), tmp_path)
    assert remove_baselines([OTHER_ID, STREAMS_ID], tmp_path) == (tmp_path / "agents.json", tmp_path / "streams.json")
    assert load_baselines(tmp_path) == make_baselines(make_baseline())
    assert not (tmp_path / "streams.json").exists()


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


def _schema_1(baselines: Baselines, directory: Path) -> Path:
    """Write the baselines of agents as the first version did: environments apart, isolation not told."""
    cells, environments = {}, {}
    for each in baselines.cells.values():
        fingerprint = asdict(each.fingerprint)
        for later in ("isolation", "page_size_bytes", "metrics_version"):
            del fingerprint[later]
        environments[each.fingerprint.image] = fingerprint
        cells[each.cell_id] = {
            "environment": each.fingerprint.image,
            "ending": each.ending.value,
            "runs": each.runs,
            "cap_bytes": each.cap_bytes,
            "metrics": {
                metric.value: {"median": median(values), "values": values} for metric, values in each.values.items()
            },
        }
    path = directory / "agents.json"
    path.write_text(json.dumps({"schema": 1, "suite": "agents", "environments": environments, "cells": cells}))
    return path


def test_files_of_the_first_schema_are_read_and_rewritten_in_the_new_one(tmp_path: Path) -> None:
    older = replace(make_baseline().fingerprint, metrics_version=1)
    baselines = make_baselines(
        make_baseline(fingerprint=older), make_baseline(make_cell(OTHER_ID), fingerprint=replace(older, image="py313"))
    )
    path = _schema_1(baselines, tmp_path)
    assert load_baselines(tmp_path) == baselines
    assert save_baselines(baselines, tmp_path) == (path,)
    assert json.loads(path.read_text())["schema"] == 2
    assert load_baselines(tmp_path) == baselines


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda doc: doc["cells"][CELL_ID].update(environment="py9"), "'py9' is not among the environments"),
        (lambda doc: doc["cells"][CELL_ID].update(environment=[1]), r"\[1\] is not among the environments"),
        (lambda doc: doc.pop("environments"), "environments: expected an object, found nothing"),
        (lambda doc: doc.update(cells=[]), "cells: "),
        (lambda doc: doc["cells"].update({OTHER_ID: 3}), r"cells\."),
    ],
)
def test_a_malformed_file_of_the_first_schema_names_the_key(
    tmp_path: Path, change: Callable[[Any], object], message: str
) -> None:
    path = _schema_1(make_baselines(make_baseline()), tmp_path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=message):
        load_baselines(tmp_path)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([(60, 60), (61, 61)], {}),
        ([(60, 60), (61, 70)], {Metric.UNRECLAIMABLE_PEAK: Ends(low=60, high=70)}),
        ([(60, 80), (61, None)], {Metric.UNRECLAIMABLE_PEAK: Ends(low=60, high=None)}),
        ([(None, None)], {}),
    ],
)
def test_a_baseline_keeps_the_interval_of_what_is_in_doubt(
    tmp_path: Path, ends: list[tuple[int | None, int | None]], expected: dict[Metric, Ends]
) -> None:
    runs = [
        make_measurement(
            unreclaimable_peak_bytes=low, unreclaimable_peak_low_bytes=low, unreclaimable_peak_high_bytes=high
        )
        for low, high in ends
    ]
    cells, _ = as_baselines(make_result(make_cell(runs=runs)))
    (accepted,) = cells.cells.values()
    assert accepted.intervals == expected
    save_baselines(cells, tmp_path)
    assert load_baselines(tmp_path) == cells


def test_a_random_peak_is_nothing_to_compare_with() -> None:
    doubt = Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail="")
    found, left_out = as_baselines(make_result(make_cell(runs=[make_measurement(9, caveats=(doubt,))] * 5)))
    assert list(found.cells[CELL_ID].values) == [Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK]
    assert left_out == (f"peak of {CELL_ID}: it was the container runtime's own start, whose size is random",)
